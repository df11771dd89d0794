/*
 * Names of one file. Where some are put back, the first gets the content and the others are linked
 * to it; where one of them is in its place still, all are linked to that.
 */
#include <fcntl.h>

#include "snapshots/restore_steps.h"
#include "snapshots/store.h"
#include "snapshots/tree.h"

#define DEPTH_MAX 4096 /* of directories; a path has no more */

/* ---- which there are ------------------------------------------------------------------------- */

/* What is still in its place comes first. */
static int by_link_id(const void *a, const void *b)
{
	const struct step *x = *(struct step *const *)a, *y = *(struct step *const *)b;

	if (x->after.link_id != y->after.link_id)
		return x->after.link_id < y->after.link_id ? -1 : 1;
	if (x->kept != y->kept)
		return x->kept ? -1 : 1;
	return strcmp(x->path, y->path);
}

static void sort_links(struct restore *x)
{
	qsort(x->links, x->n_links, sizeof(struct step *), by_link_id);
}

/* The place of the first one of a file, n_links if there is none. */
static size_t first_of(const struct restore *x, uint64_t link_id)
{
	size_t lo = 0, hi = x->n_links;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (x->links[mid]->after.link_id < link_id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < x->n_links && x->links[lo]->after.link_id == link_id ? lo : x->n_links;
}

static bool is_step(const struct restore *x, uint64_t link_id, const char *path)
{
	for (size_t i = first_of(x, link_id);
	     i < x->n_links && x->links[i]->after.link_id == link_id; i++)
		if (str_eq(x->links[i]->path, path))
			return true;
	return false;
}

static bool same_file(const struct snap_entry *a, const struct snap_entry *b)
{
	return a->kind == SNAP_FILE && b->kind == SNAP_FILE && a->size == b->size &&
	       a->mode == b->mode && a->uid == b->uid && a->gid == b->gid &&
	       snap_hash_equal(&a->hash, &b->hash) && a->has_xattrs == b->has_xattrs &&
	       (!a->has_xattrs || snap_hash_equal(&a->xattrs, &b->xattrs));
}

/* e, at path, is a name of a file that is put back, and is there as it was. */
static int take_kept(struct restore *x, const struct snap_entry *e, const char *path,
		     struct err *err)
{
	struct snap_entry now;
	struct step *t;

	if (e->kind != SNAP_FILE || !e->link_id || first_of(x, e->link_id) == x->n_links ||
	    is_step(x, e->link_id, path))
		return 0;
	if (snap_lookup(x->s, x->r->now, path, &now, err) < 0)
		return -1;
	if (!same_file(e, &now))
		return 0;
	x->kept = xrealloc_array(x->kept, x->n_kept + 1, sizeof(struct step *));
	t = x->kept[x->n_kept++] = xcalloc(1, sizeof(*t));
	*t = (struct step){
	    .path = xstrdup(path), .before = now, .after = *e, .placed = true, .kept = true};
	t->before.name = t->after.name = NULL;
	return 0;
}

static int look_in(struct restore *x, const struct snap_hash *dir, struct buf *path, unsigned depth,
		   struct err *err)
{
	struct snap_tree tree;
	size_t len = path->len;
	int r = 0;

	if (depth > DEPTH_MAX)
		return err_set(err, "the snapshot's directories are too deep");
	if (tree_read(x->s, dir, depth == 0, &tree, err) < 0)
		return -1;
	for (size_t i = 0; i < tree.count && r == 0; i++) {
		const struct snap_entry *e = &tree.entries[i];

		path->len = len;
		if (depth)
			buf_addc(path, '/');
		buf_add(path, e->name, e->name_len + 1);
		path->len--;
		r = e->kind == SNAP_DIR ? look_in(x, &e->hash, path, depth + 1, err)
					: take_kept(x, e, path->data, err);
	}
	path->len = len;
	snap_tree_free(&tree);
	return r;
}

int restore_find_links(struct restore *x, struct err *err)
{
	_cleanup_(buf_free) struct buf path = {0};

	x->links = xcalloc(x->n + 1, sizeof(*x->links));
	for (size_t i = 0; i < x->n; i++)
		if (x->v[i].after.kind == SNAP_FILE && x->v[i].after.link_id)
			x->links[x->n_links++] = &x->v[i];
	sort_links(x);
	if (!x->n_links)
		return 0;
	if (look_in(x, &x->r->to->tree, &path, 0, err) < 0)
		return -1;
	x->links = xrealloc_array(x->links, x->n_links + x->n_kept + 1, sizeof(*x->links));
	for (size_t i = 0; i < x->n_kept; i++)
		x->links[x->n_links++] = x->kept[i];
	sort_links(x);
	return 0;
}

void restore_free_links(struct restore *x)
{
	for (size_t i = 0; i < x->n_kept; i++) {
		free(x->kept[i]->path);
		free(x->kept[i]);
	}
	free(x->kept);
	free(x->links);
}

/* ---- putting them back ----------------------------------------------------------------------- */

/* NULL: t is the first, or those before it failed. */
static const struct step *first_name(const struct restore *x, const struct step *t)
{
	for (size_t i = first_of(x, t->after.link_id);
	     i < x->n_links && x->links[i] != t && x->links[i]->after.link_id == t->after.link_id;
	     i++)
		if (!x->links[i]->failed)
			return x->links[i];
	return NULL;
}

bool restore_is_further_name(const struct restore *x, const struct step *t)
{
	return t->after.kind == SNAP_FILE && t->after.link_id && first_name(x, t);
}

/* A name beside p of what other is; of one that was not put there by us just now only if it is what
 * was seen. */
static int link_beside(const struct place *p, const struct place *other, const struct step *o,
		       const char *temp, struct err *err)
{
	struct stat seen, st;

	if (o->kept && place_check(other, &o->before, &seen, err) < 0)
		return -1;
	if (linkat(other->dir, other->name, p->dir, temp, 0) < 0)
		return err_errno(err, errno, "can't link it");
	if (!o->kept || (fstatat(p->dir, temp, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			 st.st_ino == seen.st_ino && st.st_dev == seen.st_dev))
		return 0;
	unlinkat(p->dir, temp, 0);
	return err_set(err, "its other name was changed meanwhile");
}

static int put_name(struct restore *x, const struct place *p, const struct step *t, bool replace,
		    struct err *err)
{
	struct place other;
	char temp[64], hex[17];
	const struct step *o = first_name(x, t);
	int r;

	if (!o || !o->placed || place_begin(x->r->to, o->path, &other, err) < 0)
		return -1;
	random_hex(hex, 8);
	snprintf(temp, sizeof(temp), ".nono-restore-%s", hex);
	r = link_beside(p, &other, o, temp, err);
	if (r == 0 && (r = place_put(p, -1, temp, replace, err)) < 0)
		unlinkat(p->dir, temp, 0);
	place_end(&other);
	return r;
}

int restore_put_name(struct restore *x, struct step *t, struct err *err)
{
	const struct snap_entry *before = restore_before(t);
	struct place p;
	struct stat st;
	int r = -1;

	if (place_begin(x->r->to, t->path, &p, err) < 0)
		return -1;
	if (place_check(&p, before, &st, err) == 0)
		r = put_name(x, &p, t, before->kind != SNAP_NONE, err);
	place_end(&p);
	t->placed = r == 0;
	return r;
}
