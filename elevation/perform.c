/* Carrying out calls: what kind, where, and the small things that all kinds need. */
#include "elevation/perform.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

void fd_path(char out[FD_PATH_MAX], int fd)
{
	snprintf(out, FD_PATH_MAX, "/proc/self/fd/%d", fd);
}

/* ---- places -------------------------------------------------------------------------------- */

enum odd_name place_odd(const struct place *p)
{
	size_t n = strlen(p->asked), start;

	if (p->name[0])
		return NAME_PLAIN;
	while (n && p->asked[n - 1] == '/')
		n--;
	if (!n)
		return p->asked[0] ? NAME_ROOT : NAME_NOTHING;
	for (start = n; start && p->asked[start - 1] != '/';)
		start--;
	n -= start;
	if (n == 1 && p->asked[start] == '.')
		return NAME_DOT;
	if (n == 2 && strncmp(p->asked + start, "..", 2) == 0)
		return NAME_DOT_DOT;
	return NAME_NOTHING;
}

int place_named(const struct place *p)
{
	if (p->err)
		return p->err;
	if (p->parent < 0 || !p->name[0])
		return ENOENT;
	/* Never: it would lead out of the directory that was checked. */
	if (strchr(p->name, '/') || strcmp(p->name, ".") == 0 || strcmp(p->name, "..") == 0)
		return EINVAL;
	return 0;
}

int place_unchanged(const struct place *p)
{
	struct stat st;
	int err = place_named(p);

	if (err)
		return err;
	if (p->fd < 0)
		return ENOENT;
	if (fstatat(p->parent, p->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno;
	return st.st_dev == p->st.st_dev && st.st_ino == p->st.st_ino ? 0 : ENOENT;
}

bool directory_may_become(const struct policy *p, const char *from, const char *to)
{
	/* Names of submodules hold slashes, so a folder deep inside .git/modules may be a
	 * repository though its own name is not protected. */
	static const char *const inside[] = {"hooks", "config", "commondir"};
	char a[POLICY_PATH_MAX + 16], b[POLICY_PATH_MAX + 16];

	if (!policy_workspace(p, to))
		return true;
	if (!policy_workspace(p, from))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(inside); i++) {
		if (path_join(a, sizeof(a), from, inside[i]) < 0 ||
		    path_join(b, sizeof(b), to, inside[i]) < 0)
			return false;
		enum policy_special there = policy_special(p, b);
		if (there != POLICY_SPECIAL_NONE && policy_special(p, a) != there)
			return false;
	}
	return true;
}

/* ---- modes --------------------------------------------------------------------------------- */

static bool has_default_acl(int dir)
{
	char path[FD_PATH_MAX];

	fd_path(path, dir);
	return getxattr(path, "system.posix_acl_default", NULL, 0) > 0;
}

mode_t create_mode(const struct call *c, int parent, mode_t mode)
{
	/* As the kernel does: with a default ACL the umask has no say. */
	if (!(mode & c->umask) || has_default_acl(parent))
		return mode;
	return mode & ~c->umask;
}

void mode_restore_fd(int fd, mode_t wanted)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && (wanted & 0777 & ~st.st_mode) &&
	    fchmod(fd, (st.st_mode & 07777) | (wanted & 0777)) < 0)
		return; /* narrower than asked for, then */
}

void mode_restore(int parent, const char *name, mode_t wanted)
{
	char path[FD_PATH_MAX];
	struct stat st;

	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || S_ISLNK(st.st_mode) ||
	    !(wanted & 0777 & ~st.st_mode) || has_default_acl(parent))
		return;
	_cleanup_close_ int fd = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat now;
	if (fd < 0 || fstat(fd, &now) < 0 || now.st_ino != st.st_ino || now.st_dev != st.st_dev)
		return;
	fd_path(path, fd);
	if (fchmodat(AT_FDCWD, path, (st.st_mode & 07777) | (wanted & 0777), 0) < 0)
		return; /* narrower than asked for, then */
}

/* ---- dispatch ------------------------------------------------------------------------------ */

bool perform_blocks(const struct call *c)
{
	if (c->op == OP_CONNECT)
		return connect_blocks(c);
	if (c->op == OP_LISTEN)
		return false;
	if (c->op != OP_OPEN || c->a.fd < 0 || (c->flags & (O_PATH | O_NONBLOCK)))
		return false;
	/* A FIFO waits for its other end; a device, for whatever it wants. */
	return S_ISFIFO(c->a.st.st_mode) || S_ISCHR(c->a.st.st_mode) || S_ISBLK(c->a.st.st_mode);
}

void perform(const struct elevation *e, struct call *c, struct answer *out)
{
	*out = (struct answer){.fd = -1};
	switch (c->op) {
	case OP_OPEN:
		perform_open(e, c, out);
		return;
	case OP_CONNECT:
		connect_perform(e, c, out);
		return;
	case OP_BIND:
		bind_perform(e, c, out);
		return;
	case OP_LISTEN:
		listen_perform(e, c, out);
		return;
	case OP_SOCKET:
		if (c->nr == SYS_socketpair)
			datagram_pair(e, c, out);
		else
			datagram_socket(e, c, out);
		return;
	case OP_EXEC: /* nobody can do that for the program */
		out->err = EACCES;
		return;
	case OP_MKDIR:
	case OP_MKNOD:
	case OP_RENAME:
	case OP_LINK:
	case OP_SYMLINK:
	case OP_UNLINK:
	case OP_RMDIR:
		own_names_shared(e->own);
		out->err = perform_change(e, c);
		own_names_done(e->own);
		return;
	case OP_WATCH:
		perform_watch(e, c, out);
		return;
	case OP_TRUNCATE:
	case OP_CHMOD:
	case OP_CHOWN:
	case OP_UTIMES:
	case OP_SETXATTR:
	case OP_REMOVEXATTR:
		out->err = perform_meta(c);
		return;
	}
	out->err = EACCES;
}
