/*
 * Opening files for the program. What exists is opened through the O_PATH descriptor that was
 * checked, what does not is made in the directory that was checked, so nothing that happens to
 * names meanwhile leads elsewhere.
 *
 * Sources: open(2), openat(2), proc(5) (/proc/PID/fd), fifo(7).
 */
#include "elevation/perform.h"

#include <fcntl.h>
#include <sys/sysmacros.h>

#define TMPFILE_BIT (O_TMPFILE & ~O_DIRECTORY)
/* Done already, or nothing that the broker's own table should have. */
#define NOT_PASSED (O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_ASYNC)

static int checked_flags(int flags)
{
	int acc = flags & O_ACCMODE;

	if ((flags & TMPFILE_BIT) &&
	    (!(flags & O_DIRECTORY) || (flags & O_CREAT) || (acc != O_WRONLY && acc != O_RDWR)))
		return EINVAL;
	if ((flags & (O_DIRECTORY | O_CREAT)) == (O_DIRECTORY | O_CREAT))
		return EINVAL;
	return 0;
}

/* /dev/tty is the terminal of whoever opens it: that would be the broker's. Every other device must
 * be granted by the policy itself, not by an answer to a request. */
static int device_errno(const struct call *c, const struct stat *st)
{
	if (!S_ISCHR(st->st_mode) && !S_ISBLK(st->st_mode))
		return 0;
	if (S_ISCHR(st->st_mode) && st->st_rdev == makedev(5, 0))
		return ENXIO;
	return c->verdict.allowed ? 0 : EACCES;
}

static int open_patiently(const struct elevation *e, const struct call *c, const char *path,
			  int flags)
{
	struct interrupt i;
	int fd, code;

	interrupt_begin(&i);
	do {
		fd = open(path, flags);
		code = errno;
	} while (fd < 0 && code == EINTR && call_valid(e, c));
	interrupt_end(&i);
	errno = code;
	return fd;
}

static void open_existing(const struct elevation *e, const struct call *c, int object,
			  const struct stat *st, bool dir_only, struct answer *out)
{
	const bool is_dir = S_ISDIR(st->st_mode);
	int flags = (c->flags & ~NOT_PASSED) | O_CLOEXEC | O_NOCTTY;
	char path[FD_PATH_MAX];

	if ((c->flags & O_CREAT) && (c->flags & O_EXCL))
		out->err = EEXIST;
	else if ((c->flags & O_CREAT) && (is_dir || dir_only))
		out->err = EISDIR;
	else if (((c->flags & O_DIRECTORY) || dir_only) && !is_dir)
		out->err = ENOTDIR;
	else if (S_ISLNK(st->st_mode))
		out->err = ELOOP;
	else
		out->err = device_errno(c, st);
	if (out->err)
		return;
	fd_path(path, object);
	out->fd = perform_blocks(c) ? open_patiently(e, c, path, flags) : open(path, flags);
	if (out->fd < 0)
		out->err = errno;
}

static void open_path_only(const struct call *c, struct answer *out)
{
	if (c->a.fd < 0)
		out->err = ENOENT;
	else if (((c->flags & O_DIRECTORY) || c->a.dir_only) && !S_ISDIR(c->a.st.st_mode))
		out->err = ENOTDIR;
	else if ((out->fd = fcntl(c->a.fd, F_DUPFD_CLOEXEC, 3)) < 0)
		out->err = errno;
}

/* Something appeared after the look. It has the name that was asked about, so the same question
 * again, now for something that exists; a link would need a new walk, so that is refused. */
static void open_appeared(const struct elevation *e, struct call *c, struct answer *out)
{
	struct policy_verdict v;
	struct stat st;
	_cleanup_close_ int fd = openat(c->a.parent, c->a.name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0) {
		out->err = errno;
		return;
	}
	policy_check(e->cfg.policy, c->a.path, c->access, false, &v);
	if ((!v.allowed && !c->granted) || !S_ISREG(st.st_mode)) {
		out->err = S_ISDIR(st.st_mode) ? EISDIR : EACCES;
		return;
	}
	open_existing(e, c, fd, &st, false, out);
}

static void create(const struct elevation *e, struct call *c, struct answer *out)
{
	const mode_t mode = create_mode(c, c->a.parent, c->mode & 01777);
	const int flags =
	    (c->flags & ~NOT_PASSED) | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY;

	out->err = place_named(&c->a);
	if (out->err)
		return;
	if (c->a.dir_only) {
		out->err = EISDIR;
		return;
	}
	/* Twice: what appeared may be gone again. */
	for (int tries = 0; tries < 2; tries++) {
		out->err = 0;
		out->fd = openat(c->a.parent, c->a.name, flags, mode);
		if (out->fd >= 0) {
			if (mode == (c->mode & 01777 & ~c->umask))
				mode_restore_fd(out->fd, mode);
			return;
		}
		out->err = errno;
		if (out->err != EEXIST || (c->flags & O_EXCL))
			return;
		out->err = 0;
		open_appeared(e, c, out);
		if (out->err != ENOENT)
			return;
	}
}

/* O_EXCL means something else here: never to be given a name. */
static void open_nameless(struct call *c, struct answer *out)
{
	int flags = (c->flags & ~(NOT_PASSED & ~O_EXCL)) | O_CLOEXEC;
	mode_t mode;

	if (c->a.fd < 0) {
		out->err = ENOENT;
		return;
	}
	if (!S_ISDIR(c->a.st.st_mode)) {
		out->err = ENOTDIR;
		return;
	}
	mode = create_mode(c, c->a.fd, c->mode & 01777);
	out->fd = openat(c->a.fd, ".", flags, mode);
	if (out->fd < 0)
		out->err = errno;
	else if (mode == (c->mode & 01777 & ~c->umask))
		mode_restore_fd(out->fd, mode);
}

void perform_open(const struct elevation *e, struct call *c, struct answer *out)
{
	out->cloexec = c->flags & O_CLOEXEC;
	if (c->a.err) {
		out->err = c->a.err;
	} else if (c->flags & O_PATH) {
		open_path_only(c, out);
	} else if ((out->err = checked_flags(c->flags))) {
		return;
	} else if (c->flags & TMPFILE_BIT) {
		open_nameless(c, out);
	} else if (c->a.fd >= 0) {
		open_existing(e, c, c->a.fd, &c->a.st, c->a.dir_only, out);
	} else if (c->flags & O_CREAT) {
		create(e, c, out);
	} else {
		out->err = ENOENT;
	}
}
