/* What differs between two snapshots: a merge of two sorted lists, where hashes differ. */
#include "snapshots/store.h"
#include "snapshots/tree.h"

#define DEPTH_MAX 4096

struct compare {
	struct snap_store *s;
	const struct snap_record *a, *b;
	snap_change_fn *fn;
	void *arg;
	struct buf path;
	struct err *err;
};

static const struct snap_entry nothing = {.name = "", .kind = SNAP_NONE};

static int tell(struct compare *c, enum snap_change_type type, const struct snap_entry *a,
		const struct snap_entry *b)
{
	struct snap_change change = {type, c->path.data, c->path.len, a, b};

	return c->fn(c->arg, &change, c->err);
}

static bool same_rights(const struct snap_entry *a, const struct snap_entry *b)
{
	return a->mode == b->mode && a->uid == b->uid && a->gid == b->gid &&
	       a->has_xattrs == b->has_xattrs &&
	       (!a->has_xattrs || snap_hash_equal(&a->xattrs, &b->xattrs));
}

static bool same_content(const struct snap_entry *a, const struct snap_entry *b)
{
	return a->kind == b->kind &&
	       (!tree_has_hash(a->kind) || snap_hash_equal(&a->hash, &b->hash));
}

static int compare_trees(struct compare *c, const struct snap_hash *a, const struct snap_hash *b,
			 bool roots, unsigned depth);

static int compare_entry(struct compare *c, const struct snap_entry *a, const struct snap_entry *b,
			 unsigned depth)
{
	bool dirs = a->kind == SNAP_DIR && b->kind == SNAP_DIR;
	int rc = 0;

	if (a->kind == SNAP_LEFT_OUT || b->kind == SNAP_LEFT_OUT)
		return 0;
	if (a->kind == SNAP_NONE)
		rc = tell(c, SNAP_CREATED, a, b);
	else if (b->kind == SNAP_NONE)
		rc = tell(c, SNAP_DELETED, a, b);
	else if (!dirs && !same_content(a, b))
		rc = tell(c, SNAP_MODIFIED, a, b);
	else if (a->kind != SNAP_LINK && !same_rights(a, b))
		rc = tell(c, SNAP_PERMISSIONS, a, b);
	if (rc || (a->kind != SNAP_DIR && b->kind != SNAP_DIR) ||
	    (dirs && snap_hash_equal(&a->hash, &b->hash)))
		return rc;
	return compare_trees(c, a->kind == SNAP_DIR ? &a->hash : NULL,
			     b->kind == SNAP_DIR ? &b->hash : NULL, false, depth + 1);
}

static bool has_root(const struct snap_record *r, const char *path)
{
	for (size_t i = 0; i < r->root_count; i++)
		if (str_eq(r->roots[i].path, path))
			return true;
	return false;
}

static int compare_lists(struct compare *c, const struct snap_tree *a, const struct snap_tree *b,
			 bool roots, unsigned depth)
{
	size_t i = 0, j = 0, base = c->path.len;
	int rc = 0;

	while (rc == 0 && (i < a->count || j < b->count)) {
		const struct snap_entry *x = i < a->count ? &a->entries[i] : NULL;
		const struct snap_entry *y = j < b->count ? &b->entries[j] : NULL;
		int order = !x ? 1 : !y ? -1 : strcmp(x->name, y->name);

		i += order <= 0;
		j += order >= 0;
		if (roots && order && !has_root(order < 0 ? c->b : c->a, (order < 0 ? x : y)->name))
			continue;
		if (!roots && !(base == 1 && c->path.data[0] == '/'))
			buf_addc(&c->path, '/');
		buf_adds(&c->path, order <= 0 ? x->name : y->name);
		rc = compare_entry(c, order <= 0 ? x : &nothing, order >= 0 ? y : &nothing, depth);
		c->path.len = base;
		c->path.data[base] = '\0';
	}
	return rc;
}

static int compare_trees(struct compare *c, const struct snap_hash *a, const struct snap_hash *b,
			 bool roots, unsigned depth)
{
	_cleanup_(snap_tree_free) struct snap_tree x = {0}, y = {0};

	if (depth > DEPTH_MAX)
		return err_set(c->err, "directories of a snapshot are nested too deep");
	if ((a && tree_read(c->s, a, roots, &x, c->err) < 0) ||
	    (b && tree_read(c->s, b, roots, &y, c->err) < 0))
		return -1;
	return compare_lists(c, &x, &y, roots, depth);
}

int snap_changes(struct snap_store *s, const struct snap_record *a, const struct snap_record *b,
		 snap_change_fn *fn, void *arg, struct err *err)
{
	struct compare c = {.s = s, .a = a, .b = b, .fn = fn, .arg = arg, .err = err};
	int rc;

	if (snap_hash_equal(&a->tree, &b->tree))
		return 0;
	buf_adds(&c.path, "");
	rc = compare_trees(&c, &a->tree, &b->tree, true, 0);
	buf_free(&c.path);
	return rc;
}

const char *snap_change_name(enum snap_change_type t)
{
	static const char *const names[] = {"Created", "Modified", "Deleted", "PermissionsChanged"};

	return names[t];
}
