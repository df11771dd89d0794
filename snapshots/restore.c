/* Putting a recorded state back. */
#include <fcntl.h>

#include "snapshots/restore_steps.h"
#include "snapshots/store.h"

/* ---- what is to be done --------------------------------------------------------------------- */

static bool wanted(const struct snap_restore *r, const char *path)
{
	if (!r->only)
		return true;
	for (const char *const *p = r->only; *p; p++)
		if (path_under(*p, path))
			return true;
	return false;
}

/* A directory on the way to what was asked for may have to be made. */
static bool leads_to_wanted(const struct snap_restore *r, const char *path)
{
	for (const char *const *p = r->only; p && *p; p++)
		if (path_under(path, *p))
			return true;
	return false;
}

static int collect(void *arg, const struct snap_change *c, struct err *err)
{
	struct restore *x = arg;
	struct step *t;

	(void)err;
	if (!wanted(x->r, c->path) && !(c->type == SNAP_CREATED && c->after->kind == SNAP_DIR &&
					leads_to_wanted(x->r, c->path)))
		return 0;
	if (x->n == x->cap) {
		x->cap = x->cap ? 2 * x->cap : 256;
		x->v = xrealloc_array(x->v, x->cap, sizeof(*x->v));
	}
	t = &x->v[x->n++];
	*t = (struct step){.path = xstrdup(c->path),
			   .c = {.type = c->type, .path_len = c->path_len},
			   .before = *c->before,
			   .after = *c->after};
	t->before.name = t->after.name = NULL;
	return 0;
}

void restore_report(struct restore *x, struct step *t, const struct err *failed)
{
	t->failed = failed != NULL;
	x->out->failed += t->failed;
	if (x->r->fn)
		x->r->fn(x->r->arg, &t->c, failed);
}

/* ---- order ------------------------------------------------------------------------------------
 */

static bool makes_room(const struct step *t)
{
	return t->c.type == SNAP_MODIFIED && t->before.kind != t->after.kind &&
	       (t->before.kind == SNAP_DIR || t->after.kind == SNAP_DIR);
}

static int by_path(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Does it lie in one of the n paths? */
static bool lies_below(char *const *v, size_t n, const char *path)
{
	_cleanup_free_ char *up = xstrdup(path);

	for (char *slash; (slash = strrchr(up, '/')) && slash > up;) {
		*slash = '\0';
		if (bsearch(&up, v, n, sizeof(*v), by_path))
			return true;
	}
	return false;
}

/* A directory is in the way: what it holds goes first, backwards. */
static void clear_ways(struct restore *x)
{
	_cleanup_free_ char **rooms = xcalloc(x->n + 1, sizeof(*rooms));
	size_t n = 0;

	for (size_t i = 0; i < x->n; i++)
		if (makes_room(&x->v[i]))
			rooms[n++] = x->v[i].path;
	qsort(rooms, n, sizeof(*rooms), by_path);
	for (size_t i = x->n; n && i-- > 0;) {
		struct step *t = &x->v[i];
		struct err e = {0};

		if (!makes_room(t) && (t->c.type != SNAP_DELETED || !lies_below(rooms, n, t->path)))
			continue;
		if (restore_take_away(x, t, &e) < 0)
			restore_report(x, t, &e);
		else
			t->gone = true;
		if (t->gone && t->c.type == SNAP_DELETED)
			restore_report(x, t, NULL);
	}
}

/* What a directory says of itself, after all below it: deepest first. Of a directory that only
 * held what changed: its time, as it was. */
static int finish_dir(struct restore *x, const char *path, const struct snap_entry *e, bool sync,
		      struct err *err)
{
	struct place p;
	int fd, r;

	if (place_begin(x->r->to, path, &p, err) < 0)
		return -1;
	fd = place_openat(p.dir, p.name, O_RDONLY | O_DIRECTORY);
	if (fd < 0) {
		r = err_errno(err, errno, "can't open it");
	} else {
		r = restore_meta(x->s->reader, fd, e, false, err);
		if (sync && fsync(fd) < 0 && r == 0)
			r = err_errno(err, errno, "can't write it");
		close(fd);
	}
	place_end(&p);
	return r;
}

/* For many directories the file system is asked once. Nobody is told that a step failed for it: the
 * files themselves are on the disk. */
static void sync_roots(const struct restore *x)
{
	for (size_t i = 0; i < x->r->to->root_count; i++) {
		int fd = place_openat(AT_FDCWD, x->r->to->roots[i].path, O_RDONLY | O_NONBLOCK);

		if (fd < 0)
			continue;
		syncfs(fd);
		close(fd);
	}
}

#define TOGETHER 16

struct ending {
	char *path;
	struct step *step; /* the directory's own, NULL: of something in it */
};

/* Of one path the directory's own step first. */
static int deeper_first(const void *a, const void *b)
{
	const struct ending *x = a, *y = b;
	int r = strcmp(y->path, x->path);

	return r ? r : !x->step - !y->step;
}

static void finish_dirs(struct restore *x)
{
	struct ending *dirs = xcalloc(2 * x->n + 1, sizeof(*dirs));
	size_t n = 0;

	for (size_t i = 0; i < x->n; i++) {
		const char *slash = strrchr(x->v[i].path, '/');
		if (x->v[i].failed)
			continue;
		if (x->v[i].after.kind == SNAP_DIR)
			dirs[n++] = (struct ending){xstrdup(x->v[i].path), &x->v[i]};
		if (slash && slash > x->v[i].path)
			dirs[n++] = (struct ending){
			    xstrndup(x->v[i].path, (size_t)(slash - x->v[i].path)), NULL};
	}
	qsort(dirs, n, sizeof(*dirs), deeper_first);
	for (size_t i = 0; i < n; i++) {
		struct snap_entry e;
		struct err failed = {0};

		if ((i && str_eq(dirs[i].path, dirs[i - 1].path)) ||
		    !place_root(x->r->to, dirs[i].path) ||
		    snap_lookup(x->s, x->r->to, dirs[i].path, &e, NULL) < 0 || e.kind != SNAP_DIR)
			continue;
		if (finish_dir(x, dirs[i].path, &e, n < TOGETHER, &failed) < 0 && dirs[i].step)
			restore_report(x, dirs[i].step, &failed);
	}
	if (n >= TOGETHER)
		sync_roots(x);
	for (size_t i = 0; i < n; i++)
		free(dirs[i].path);
	free(dirs);
}

static bool is_put(const struct step *t)
{
	return t->c.type != SNAP_DELETED && !t->failed;
}

/* Directories first: files are put into several at a time. */
static void put_all(struct restore *x)
{
	for (size_t i = 0; i < x->n; i++) {
		struct step *t = &x->v[i];
		struct err e = {0};
		if (is_put(t) && t->after.kind != SNAP_FILE)
			restore_report(x, t, restore_put(x, t, &e) < 0 ? &e : NULL);
	}
	for (size_t i = 0; i < x->n; i++) {
		struct step *t = &x->v[i];
		if (is_put(t) && t->after.kind == SNAP_FILE && !restore_is_further_name(x, t))
			restore_file(x, t);
	}
	restore_flush(x);
	for (size_t i = 0; i < x->n; i++) {
		struct step *t = &x->v[i];
		if (!is_put(t) || t->placed || !restore_is_further_name(x, t))
			continue;
		if (restore_put_name(x, t, NULL) == 0) {
			restore_report(x, t, NULL);
			continue;
		}
		restore_file(x, t);
		restore_flush(x);
	}
}

static void perform(struct restore *x)
{
	struct err e;

	clear_ways(x);
	put_all(x);
	for (size_t i = x->n; i-- > 0;) {
		struct step *t = &x->v[i];
		if (t->c.type != SNAP_DELETED || t->gone || t->failed)
			continue;
		e = (struct err){0};
		restore_report(x, t, restore_take_away(x, t, &e) < 0 ? &e : NULL);
	}
	finish_dirs(x);
}

int snap_restore(struct snap_store *s, const struct snap_restore *r, struct snap_restored *out,
		 struct err *err)
{
	struct restore x = {.s = s, .r = r, .out = out};
	int rc;

	*out = (struct snap_restored){0};
	/* Several threads read then: whatever another process did since must be known. */
	if (store_refresh(s, NULL, err) < 0)
		return -1;
	rc = snap_changes(s, r->now, r->to, collect, &x, err);
	for (size_t i = 0; i < x.n; i++) {
		x.v[i].c.path = x.v[i].path;
		x.v[i].c.before = &x.v[i].before;
		x.v[i].c.after = &x.v[i].after;
	}
	out->steps = x.n;
	if (rc == 0)
		rc = restore_find_links(&x, err);
	if (rc == 0 && !r->dry_run)
		perform(&x);
	for (size_t i = 0; rc == 0 && r->dry_run && i < x.n; i++)
		restore_report(&x, &x.v[i], NULL);
	for (size_t i = 0; i < x.n; i++)
		free(x.v[i].path);
	free(x.v);
	restore_free_links(&x);
	return rc;
}
