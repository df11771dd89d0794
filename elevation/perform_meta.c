/*
 * Length, mode, owner, times and attributes of what exists, and who is told of changes: on the
 * object that was checked.
 *
 * Sources: truncate(2), fchmodat2(2), chown(2), utimensat(2), setxattr(2), symlink(7), inotify(7).
 */
#include "elevation/perform.h"

#include <fcntl.h>
#include <linux/limits.h>
#include <sys/inotify.h>
#include <sys/xattr.h>

static int do_chmod(const struct call *c, const char *object)
{
	if (c->mode & (S_ISUID | S_ISGID))
		return EPERM;
	if (S_ISLNK(c->a.st.st_mode))
		return EOPNOTSUPP;
	return fchmodat(AT_FDCWD, object, c->mode & 07777, 0) < 0 ? errno : 0;
}

static int do_utimes(const struct call *c, const char *object)
{
	const struct timespec *times = c->has_times ? c->times : NULL;

	if (utimensat(c->a.fd, "", times, AT_EMPTY_PATH) == 0)
		return 0;
	if (errno != EINVAL || S_ISLNK(c->a.st.st_mode)) /* a kernel before 5.8 */
		return errno;
	return utimensat(AT_FDCWD, object, times, 0) < 0 ? errno : 0;
}

static int do_setxattr(const struct call *c, const char *object)
{
	if (c->size < 0 || c->size > XATTR_BYTES_MAX)
		return E2BIG;
	if (c->size && !c->value)
		return EFAULT;
	return setxattr(object, c->text, c->value, (size_t)c->size, c->flags) < 0 ? errno : 0;
}

int perform_meta(struct call *c)
{
	char object[FD_PATH_MAX];

	if (c->a.err)
		return c->a.err;
	if (c->a.fd < 0)
		return ENOENT;
	if (c->a.dir_only && !S_ISDIR(c->a.st.st_mode))
		return ENOTDIR;
	fd_path(object, c->a.fd);
	switch (c->op) {
	case OP_TRUNCATE:
		return truncate(object, c->size) < 0 ? errno : 0;
	case OP_CHMOD:
		return do_chmod(c, object);
	case OP_CHOWN:
		return fchownat(c->a.fd, "", c->uid, c->gid, AT_EMPTY_PATH) < 0 ? errno : 0;
	case OP_UTIMES:
		return do_utimes(c, object);
	case OP_SETXATTR:
		return do_setxattr(c, object);
	case OP_REMOVEXATTR:
		return removexattr(object, c->text) < 0 ? errno : 0;
	default:
		return EACCES;
	}
}

void perform_watch(const struct elevation *e, struct call *c, struct answer *out)
{
	/* The name leads to the object by a link, which is to be followed. */
	const uint32_t mask = (uint32_t)c->flags & ~(uint32_t)IN_DONT_FOLLOW;
	char object[FD_PATH_MAX];
	int wd;

	if (c->a.dir_only && !S_ISDIR(c->a.st.st_mode)) {
		out->err = ENOTDIR;
		return;
	}
	_cleanup_close_ int fd = socket_take(e, c, &out->err);
	if (fd < 0)
		return;
	fd_path(object, c->a.fd);
	wd = inotify_add_watch(fd, object, mask);
	if (wd < 0)
		out->err = errno;
	else
		out->val = wd;
}
