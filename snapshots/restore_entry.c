/* Single entries: made, replaced, taken away. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "snapshots/restore_steps.h"
#include "snapshots/store.h"

#define TARGET_MAX (64u << 10) /* of a link */

int restore_xattr(void *arg, const char *name, const void *value, size_t n, struct err *err)
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

int restore_meta(struct reader *r, int fd, const struct snap_entry *e, bool fresh, struct err *err)
{
	struct timespec ts[2] = {{.tv_nsec = UTIME_OMIT}};
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_errno(err, errno, "can't look at it");
	if ((st.st_uid != e->uid || st.st_gid != e->gid) && fchown(fd, e->uid, e->gid) < 0 &&
	    errno != EPERM)
		return err_errno(err, errno, "can't set its owner");
	if (!fresh)
		drop_xattrs(fd);
	if (e->has_xattrs && blob_xattrs(r, &e->xattrs, restore_xattr, &fd, err) < 0)
		return -1;
	/* Also an unchanged one: a change of the owner drops set-id bits. */
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

const struct snap_entry *restore_before(const struct step *t)
{
	static const struct snap_entry none;

	return t->gone ? &none : &t->before;
}

int restore_put(struct restore *x, struct step *t, struct err *err)
{
	const struct snap_entry *before = restore_before(t);
	struct place p;
	struct stat st;
	bool replace = before->kind != SNAP_NONE;
	int r = -1;

	if (place_begin(x->r->to, t->path, &p, err) < 0)
		return -1;
	if (place_check(&p, before, &st, err) == 0)
		r = t->after.kind == SNAP_DIR ? put_dir(&p, replace, err)
		    : t->after.kind == SNAP_LINK
			? put_link(x, &p, t, replace, err)
			: err_set(err, "a device, socket or FIFO is not made again");
	place_end(&p);
	t->placed = r == 0;
	return r;
}

int restore_take_away(struct restore *x, const struct step *t, struct err *err)
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
