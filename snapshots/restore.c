/* Putting a recorded state back. */
#include "snapshots/restore.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "snapshots/place.h"

#define TARGET_MAX (64u << 10) /* of a link */

struct step {
	char *path;
	struct snap_change c; /* its entries are the two below */
	struct snap_entry before, after;
	bool gone;   /* it was removed to make room */
	bool failed; /* what follows from it is left out */
};

struct restore {
	struct snap_store *s;
	const struct snap_restore *r;
	struct snap_restored *out;
	struct step *v;
	size_t n, cap;
};

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

static void report(struct restore *x, struct step *t, const struct err *failed)
{
	t->failed = failed != NULL;
	x->out->failed += t->failed;
	if (x->r->fn)
		x->r->fn(x->r->arg, &t->c, failed);
}

/* ---- single entries ------------------------------------------------------------------------- */

static int put_xattr(void *arg, const char *name, const void *value, size_t n, struct err *err)
{
	int fd = *(const int *)arg;

	/* Some kinds need rights that we may not have; the content counts more. */
	if (fsetxattr(fd, name, value, n, 0) < 0 && errno != EPERM && errno != ENOTSUP)
		return err_errno(err, errno, "can't set the attribute %s", name);
	return 0;
}

static int drop_xattrs(int fd)
{
	char names[4096];
	ssize_t n = flistxattr(fd, names, sizeof(names));

	for (ssize_t i = 0; i < n; i += (ssize_t)strlen(names + i) + 1)
		if (str_starts(names + i, "user.") && fremovexattr(fd, names + i) < 0)
			return -1;
	return 0;
}

static int put_meta(struct snap_store *s, int fd, const struct snap_entry *e, struct err *err)
{
	struct timespec ts[2] = {{.tv_nsec = UTIME_OMIT}};
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_errno(err, errno, "can't look at it");
	if ((st.st_uid != e->uid || st.st_gid != e->gid) && fchown(fd, e->uid, e->gid) < 0 &&
	    errno != EPERM)
		return err_errno(err, errno, "can't set its owner");
	drop_xattrs(fd);
	if (e->has_xattrs && snap_xattrs_read(s, &e->xattrs, put_xattr, &fd, err) < 0)
		return -1;
	if (fchmod(fd, e->mode & 07777) < 0)
		return err_errno(err, errno, "can't set its mode");
	ts[1].tv_sec = e->mtime_ns / 1000000000;
	ts[1].tv_nsec = e->mtime_ns % 1000000000;
	if (ts[1].tv_nsec < 0) {
		ts[1].tv_sec--;
		ts[1].tv_nsec += 1000000000;
	}
	if (futimens(fd, ts) < 0)
		return err_errno(err, errno, "can't set its time");
	return 0;
}

static int put_file(struct restore *x, const struct place *p, const struct step *t, bool replace,
		    struct err *err)
{
	char temp[64];
	_cleanup_close_ int fd = place_temp(p, temp, err);

	if (fd < 0)
		return -1;
	if (snap_blob_write(x->s, &t->after.hash, fd, t->after.sparse, err) == 0 &&
	    put_meta(x->s, fd, &t->after, err) == 0 && place_put(p, fd, temp, replace, err) == 0) {
		x->out->bytes += t->after.size;
		return 0;
	}
	unlinkat(p->dir, temp, 0);
	return -1;
}

/* Another name of a file that was put back before: the first one with the same link_id. */
static int put_hard_link(struct restore *x, const struct place *p, const struct step *t,
			 bool replace, struct err *err)
{
	struct place other;
	char temp[64], hex[17];
	const struct step *o = NULL;
	int r = -1;

	for (const struct step *i = x->v; i < t && t->after.link_id && !o; i++)
		if (i->after.kind == SNAP_FILE && i->after.link_id == t->after.link_id &&
		    !i->failed)
			o = i;
	if (!o || place_begin(x->r->to, o->path, &other, NULL) < 0)
		return -1;
	random_hex(hex, 8);
	snprintf(temp, sizeof(temp), ".nono-restore-%s", hex);
	if (linkat(other.dir, other.name, p->dir, temp, 0) == 0) {
		r = place_put(p, -1, temp, replace, err);
		if (r < 0)
			unlinkat(p->dir, temp, 0);
	}
	place_end(&other);
	return r;
}

static int put_link(struct restore *x, const struct place *p, const struct step *t, bool replace,
		    struct err *err)
{
	_cleanup_(buf_free) struct buf to = {0};
	char temp[64], hex[17];
	struct timespec ts[2] = {{.tv_nsec = UTIME_OMIT}};

	if (snap_blob_read(x->s, &t->after.hash, TARGET_MAX, &to, err) < 0)
		return -1;
	buf_addc(&to, '\0');
	random_hex(hex, 8);
	snprintf(temp, sizeof(temp), ".nono-restore-%s", hex);
	if (symlinkat(to.data, p->dir, temp) < 0)
		return err_errno(err, errno, "can't make the link");
	ts[1].tv_sec = t->after.mtime_ns / 1000000000;
	ts[1].tv_nsec = t->after.mtime_ns % 1000000000;
	utimensat(p->dir, temp, ts, AT_SYMLINK_NOFOLLOW);
	if (fchownat(p->dir, temp, t->after.uid, t->after.gid, AT_SYMLINK_NOFOLLOW) < 0 &&
	    errno != EPERM)
		err_errno(err, errno, "can't set its owner");
	else if (place_put(p, -1, temp, replace, err) == 0)
		return 0;
	unlinkat(p->dir, temp, 0);
	return -1;
}

/* Mode and times come last, when all that it holds is there. */
static int put_dir(const struct place *p, bool exists, struct err *err)
{
	if (!exists && mkdirat(p->dir, p->name, 0700) < 0)
		return err_errno(err, errno, "can't make the directory");
	return 0;
}

static int put(struct restore *x, struct step *t, struct err *err)
{
	static const struct snap_entry none;
	const struct snap_entry *before = t->gone ? &none : &t->before;
	struct place p;
	struct stat st;
	bool replace = before->kind != SNAP_NONE;
	int r = -1;

	if (place_begin(x->r->to, t->path, &p, err) < 0)
		return -1;
	if (place_check(&p, before, &st, err) == 0) {
		switch (t->after.kind) {
		case SNAP_DIR:
			r = put_dir(&p, replace, err);
			break;
		case SNAP_FILE:
			/* Also for a mode alone: the inode may have names elsewhere. */
			r = put_hard_link(x, &p, t, replace, NULL) == 0
				? 0
				: put_file(x, &p, t, replace, err);
			break;
		case SNAP_LINK:
			r = put_link(x, &p, t, replace, err);
			break;
		default:
			r = err_set(err, "a device, socket or FIFO is not made again");
			break;
		}
	}
	place_end(&p);
	return r;
}

static int take_away(struct restore *x, const struct step *t, struct err *err)
{
	struct place p;
	struct stat st;
	int r = -1;

	if (place_begin(x->r->to, t->path, &p, err) < 0)
		return -1;
	if (place_check(&p, &t->before, &st, err) == 0) {
		r = unlinkat(p.dir, p.name, t->before.kind == SNAP_DIR ? AT_REMOVEDIR : 0);
		if (r < 0)
			err_errno(err, errno, "can't remove it%s",
				  errno == ENOTEMPTY ? ": it holds what the snapshot left out"
						     : "");
	}
	place_end(&p);
	return r;
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
		if (take_away(x, t, &e) < 0)
			report(x, t, &e);
		else
			t->gone = true;
		if (t->gone && t->c.type == SNAP_DELETED)
			report(x, t, NULL);
	}
}

/* What a directory says of itself, after all below it: deepest first. Of a directory that only
 * held what changed: its time, as it was. */
static void finish_dir(struct restore *x, const char *path, const struct snap_entry *e)
{
	struct place p;
	int fd;

	if (place_begin(x->r->to, path, &p, NULL) < 0)
		return;
	fd = place_openat(p.dir, p.name, O_RDONLY | O_DIRECTORY);
	if (fd >= 0) {
		put_meta(x->s, fd, e, NULL);
		fsync(fd);
		close(fd);
	}
	place_end(&p);
}

static int deeper_first(const void *a, const void *b)
{
	return strcmp(*(char *const *)b, *(char *const *)a);
}

static void finish_dirs(struct restore *x)
{
	char **dirs = xcalloc(2 * x->n + 1, sizeof(*dirs));
	size_t n = 0;

	for (size_t i = 0; i < x->n; i++) {
		const char *slash = strrchr(x->v[i].path, '/');
		if (x->v[i].failed)
			continue;
		if (x->v[i].after.kind == SNAP_DIR)
			dirs[n++] = xstrdup(x->v[i].path);
		if (slash && slash > x->v[i].path)
			dirs[n++] = xstrndup(x->v[i].path, (size_t)(slash - x->v[i].path));
	}
	qsort(dirs, n, sizeof(*dirs), deeper_first);
	for (size_t i = 0; i < n; i++) {
		struct snap_entry e;
		if ((i == 0 || !str_eq(dirs[i], dirs[i - 1])) && place_root(x->r->to, dirs[i]) &&
		    snap_lookup(x->s, x->r->to, dirs[i], &e, NULL) == 0 && e.kind == SNAP_DIR)
			finish_dir(x, dirs[i], &e);
	}
	for (size_t i = 0; i < n; i++)
		free(dirs[i]);
	free(dirs);
}

static void perform(struct restore *x)
{
	struct err e;

	clear_ways(x);
	for (size_t i = 0; i < x->n; i++) {
		struct step *t = &x->v[i];
		if (t->c.type == SNAP_DELETED || t->failed)
			continue;
		e = (struct err){0};
		report(x, t, put(x, t, &e) < 0 ? &e : NULL);
	}
	for (size_t i = x->n; i-- > 0;) {
		struct step *t = &x->v[i];
		if (t->c.type != SNAP_DELETED || t->gone || t->failed)
			continue;
		e = (struct err){0};
		report(x, t, take_away(x, t, &e) < 0 ? &e : NULL);
	}
	finish_dirs(x);
}

int snap_restore(struct snap_store *s, const struct snap_restore *r, struct snap_restored *out,
		 struct err *err)
{
	struct restore x = {.s = s, .r = r, .out = out};
	int rc;

	*out = (struct snap_restored){0};
	rc = snap_changes(s, r->now, r->to, collect, &x, err);
	for (size_t i = 0; i < x.n; i++) {
		x.v[i].c.path = x.v[i].path;
		x.v[i].c.before = &x.v[i].before;
		x.v[i].c.after = &x.v[i].after;
	}
	out->steps = x.n;
	if (rc == 0 && !r->dry_run)
		perform(&x);
	for (size_t i = 0; rc == 0 && r->dry_run && i < x.n; i++)
		report(&x, &x.v[i], NULL);
	for (size_t i = 0; i < x.n; i++)
		free(x.v[i].path);
	free(x.v);
	return rc;
}

/* ---- a part of a file ----------------------------------------------------------------------- */

static int copy_meta(int from, int to, const struct stat *st, struct err *err)
{
	char names[4096], value[65536];
	ssize_t n = flistxattr(from, names, sizeof(names));

	for (ssize_t i = 0; i < n; i += (ssize_t)strlen(names + i) + 1) {
		ssize_t len = fgetxattr(from, names + i, value, sizeof(value));
		if (len >= 0 && put_xattr(&to, names + i, value, (size_t)len, err) < 0)
			return -1;
	}
	if (fchown(to, st->st_uid, st->st_gid) < 0 && errno != EPERM)
		return err_errno(err, errno, "can't set its owner");
	return fchmod(to, st->st_mode & 07777) == 0 ? 0
						    : err_errno(err, errno, "can't set its mode");
}

static int replace_at(const struct place *p, const struct snap_hash *was, const void *data,
		      size_t n, struct err *err)
{
	_cleanup_close_ int old = place_openat(p->dir, p->name, O_RDONLY | O_NONBLOCK), fd = -1;
	struct snap_hash is;
	struct stat st;
	uint64_t size;
	char temp[64];

	if (old < 0 || fstat(old, &st) < 0)
		return err_errno(err, errno, "can't open %s", p->name);
	if (!S_ISREG(st.st_mode))
		return err_set(err, "%s is no file any more", p->name);
	if (snap_hash_fd(old, &is, &size, err) < 0)
		return -1;
	if (!snap_hash_equal(&is, was))
		return err_set(err, "%s was changed meanwhile: left alone", p->name);
	fd = place_temp(p, temp, err);
	if (fd < 0)
		return -1;
	if (write_full(fd, data, n) < 0)
		err_errno(err, errno, "can't write %s", p->name);
	else if (copy_meta(old, fd, &st, err) == 0 && place_put(p, fd, temp, true, err) == 0)
		return 0;
	unlinkat(p->dir, temp, 0);
	return -1;
}

int snap_replace(const struct snap_record *r, const char *path, const struct snap_hash *was,
		 const void *data, size_t n, struct err *err)
{
	struct place p;
	int rc;

	if (place_begin(r, path, &p, err) < 0)
		return -1;
	rc = replace_at(&p, was, data, n, err);
	place_end(&p);
	return rc;
}
