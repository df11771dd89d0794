/* What a restore was asked for, and the snapshots that it goes back to. */
#include "cli/rollback_parts.h"

#include <sys/stat.h>

#include "common/remark.h"

int restore_path(const char *given, size_t n, char **out, struct err *err)
{
	_cleanup_free_ char *p = xstrndup(given, n), *cwd = NULL;
	char joined[8192], clean[4096];

	if (p[0] != '/')
		cwd = getcwd(NULL, 0);
	if ((p[0] != '/' && !cwd) || path_join(joined, sizeof(joined), cwd ? cwd : "/", p) < 0 ||
	    path_clean(clean, sizeof(clean), joined) < 0)
		return err_usage(err, "%s is no path", show(given).s);
	*out = xstrdup(clean);
	return 0;
}

const char *record_root(const struct snap_record *r, const char *path)
{
	for (size_t i = 0; i < r->root_count; i++)
		if (path_under(r->roots[i].path, path))
			return r->roots[i].path;
	return NULL;
}

void parts_free(struct parts *p)
{
	free(p->v);
}

static void add_part(struct parts *p, const struct snap_record *to, const char *root)
{
	for (size_t i = 1; i < p->n; i++) {
		if (path_under(p->v[i].root, root))
			return; /* an earlier state */
		if (path_under(root, p->v[i].root)) {
			remark("nono: warning: %s is left alone, of a part of it there is an "
			       "earlier state: --snapshot %u puts it back",
			       show(root).s, to->number);
			return;
		}
	}
	p->v = xrealloc_array(p->v, p->n + 1, sizeof(*p->v));
	p->v[p->n++] = (struct part){to, root};
}

void parts_find(const struct restore_run *r, struct parts *p)
{
	p->v = xcalloc(1, sizeof(*p->v));
	p->v[p->n++] = (struct part){r->to, NULL};
	for (size_t i = 0; i < r->n_later; i++) {
		const struct snap_record *k = &r->later[i];

		for (size_t j = 0; k->reason && str_eq(k->reason, "request") && j < k->root_count;
		     j++)
			if (!record_root(r->to, k->roots[j].path))
				add_part(p, k, k->roots[j].path);
	}
}

static bool lies_in(const struct part *p, const char *path)
{
	return p->root ? path_under(p->root, path) : !!record_root(p->to, path);
}

const struct part *parts_of(const struct parts *p, const char *path)
{
	for (size_t i = 0; i < p->n; i++)
		if (lies_in(&p->v[i], path))
			return &p->v[i];
	return NULL;
}

const char **parts_asked(const struct part *part, char *const *asked)
{
	size_t n = 0, max = 1;
	const char **only;

	for (char *const *i = asked; i && *i; i++)
		max++;
	only = xcalloc(max + 1, sizeof(*only));
	for (char *const *i = asked; i && *i; i++)
		if (lies_in(part, *i))
			only[n++] = *i;
	if (!asked)
		only[n++] = part->root;
	if (n)
		return only;
	free(only);
	return NULL;
}

char **parts_paths(const struct restore_run *r, const struct parts *parts, struct err *err)
{
	char **v = xcalloc(r->asked.paths.n + 1, sizeof(*v));

	for (size_t i = 0; i < r->asked.paths.n; i++) {
		const char *p = r->asked.paths.v[i];
		if (restore_path(p, strlen(p), &v[i], err) == 0 &&
		    (parts_of(parts, v[i]) ||
		     err_set(err, "%s lies in no tree of the snapshot", show(v[i]).s) == 0))
			continue;
		strv_free(v);
		return NULL;
	}
	return v;
}

int parts_check(const struct restore_run *r, const struct parts *parts, struct err *err)
{
	char **v = parts_paths(r, parts, err);
	int rc = v ? 0 : -1;

	for (size_t i = 0; rc == 0 && v[i]; i++) {
		struct snap_entry e;
		struct stat st;

		rc = snap_lookup(r->store, parts_of(parts, v[i])->to, v[i], &e, err);
		if (rc == 0 && e.kind == SNAP_NONE && lstat(v[i], &st) < 0)
			rc = err_set(err, "%s is neither in the snapshot nor there now",
				     show(v[i]).s);
	}
	strv_free(v);
	return rc;
}
