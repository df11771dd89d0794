/*
 * The watched calls: what their arguments mean, and copying them out of the program.
 *
 * Sources: the man page of each call; syscall(2) for the width of arguments (what is an int there
 * is cut to an int here, as the kernel does).
 */
#include "elevation/engine.h"
#include "sandbox/syscalls.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/xattr.h>
#include <utime.h>

#define XATTR_NAME_ROOM 256
#define AT_CWD		(-1) /* position: paths start from the current directory */
#define NO		(-1)

static const struct call_shape shapes[] = {
    /* nr, name, op, dirfd, path, dirfd2, path2, flags, mode, fixed flags */
    {SYS_openat, "open", OP_OPEN, 0, 1, NO, NO, 2, 3, 0},
    {OLD(open), "open", OP_OPEN, AT_CWD, 0, NO, NO, 1, 2, 0},
    {OLD(creat), "open", OP_OPEN, AT_CWD, 0, NO, NO, NO, 1, O_CREAT | O_WRONLY | O_TRUNC},
    {SYS_execve, "exec", OP_EXEC, AT_CWD, 0, NO, NO, NO, NO, 0},
    {SYS_execveat, "exec", OP_EXEC, 0, 1, NO, NO, 4, NO, 0},
    {SYS_connect, "connect", OP_CONNECT, AT_CWD, NO, NO, NO, NO, NO, 0},
    {SYS_bind, "bind", OP_BIND, AT_CWD, NO, NO, NO, NO, NO, 0},
    {SYS_sendto, "sendto", OP_CONNECT, AT_CWD, NO, NO, NO, NO, NO, 0},
    {SYS_sendmsg, "sendmsg", OP_CONNECT, AT_CWD, NO, NO, NO, NO, NO, 0},
    {SYS_sendmmsg, "sendmmsg", OP_CONNECT, AT_CWD, NO, NO, NO, NO, NO, 0},
    {SYS_socketpair, "socketpair", OP_SOCKET, AT_CWD, NO, NO, NO, NO, NO, 0},
    {SYS_socket, "socket", OP_SOCKET, AT_CWD, NO, NO, NO, NO, NO, 0},
    {SYS_listen, "listen", OP_LISTEN, AT_CWD, NO, NO, NO, NO, NO, 0},
    {OLD(mkdir), "mkdir", OP_MKDIR, AT_CWD, 0, NO, NO, NO, 1, 0},
    {SYS_mkdirat, "mkdir", OP_MKDIR, 0, 1, NO, NO, NO, 2, 0},
    {OLD(mknod), "mknod", OP_MKNOD, AT_CWD, 0, NO, NO, NO, 1, 0},
    {SYS_mknodat, "mknod", OP_MKNOD, 0, 1, NO, NO, NO, 2, 0},
    {OLD(rename), "rename", OP_RENAME, AT_CWD, 0, AT_CWD, 1, NO, NO, 0},
    {SYS_renameat, "rename", OP_RENAME, 0, 1, 2, 3, NO, NO, 0},
    {SYS_renameat2, "rename", OP_RENAME, 0, 1, 2, 3, 4, NO, 0},
    {OLD(link), "link", OP_LINK, AT_CWD, 0, AT_CWD, 1, NO, NO, 0},
    {SYS_linkat, "link", OP_LINK, 0, 1, 2, 3, 4, NO, 0},
    {OLD(symlink), "symlink", OP_SYMLINK, AT_CWD, 1, NO, NO, NO, NO, 0},
    {SYS_symlinkat, "symlink", OP_SYMLINK, 1, 2, NO, NO, NO, NO, 0},
    {OLD(unlink), "unlink", OP_UNLINK, AT_CWD, 0, NO, NO, NO, NO, 0},
    {SYS_unlinkat, "unlink", OP_UNLINK, 0, 1, NO, NO, 2, NO, 0},
    {OLD(rmdir), "rmdir", OP_RMDIR, AT_CWD, 0, NO, NO, NO, NO, AT_REMOVEDIR},
    {SYS_truncate, "truncate", OP_TRUNCATE, AT_CWD, 0, NO, NO, NO, NO, 0},
    {SYS_inotify_add_watch, "watch", OP_WATCH, AT_CWD, 1, NO, NO, 2, NO, 0},
    {OLD(chmod), "chmod", OP_CHMOD, AT_CWD, 0, NO, NO, NO, 1, 0},
    {SYS_fchmodat, "chmod", OP_CHMOD, 0, 1, NO, NO, NO, 2, 0},
    {NR_fchmodat2, "chmod", OP_CHMOD, 0, 1, NO, NO, 3, 2, 0},
    {OLD(chown), "chown", OP_CHOWN, AT_CWD, 0, NO, NO, NO, NO, 0},
    {OLD(lchown), "chown", OP_CHOWN, AT_CWD, 0, NO, NO, NO, NO, AT_SYMLINK_NOFOLLOW},
    {SYS_fchownat, "chown", OP_CHOWN, 0, 1, NO, NO, 4, NO, 0},
    {OLD(utime), "utimes", OP_UTIMES, AT_CWD, 0, NO, NO, NO, NO, 0},
    {OLD(utimes), "utimes", OP_UTIMES, AT_CWD, 0, NO, NO, NO, NO, 0},
    {OLD(futimesat), "utimes", OP_UTIMES, 0, 1, NO, NO, NO, NO, 0},
    {SYS_utimensat, "utimes", OP_UTIMES, 0, 1, NO, NO, 3, NO, 0},
    {SYS_setxattr, "setxattr", OP_SETXATTR, AT_CWD, 0, NO, NO, 4, NO, 0},
    {SYS_lsetxattr, "setxattr", OP_SETXATTR, AT_CWD, 0, NO, NO, 4, NO, 0},
    {SYS_removexattr, "removexattr", OP_REMOVEXATTR, AT_CWD, 0, NO, NO, NO, NO, 0},
    {SYS_lremovexattr, "removexattr", OP_REMOVEXATTR, AT_CWD, 0, NO, NO, NO, NO, 0},
    {SYS_fchmod, "chmod", OP_CHMOD, 0, NO, NO, NO, NO, 1, 0},
    {SYS_fchown, "chown", OP_CHOWN, 0, NO, NO, NO, NO, NO, 0},
    {SYS_fsetxattr, "setxattr", OP_SETXATTR, 0, NO, NO, NO, 4, NO, 0},
    {SYS_fremovexattr, "removexattr", OP_REMOVEXATTR, 0, NO, NO, NO, NO, NO, 0},
};

const struct call_shape *call_shape(int nr)
{
	for (size_t i = 0; nr >= 0 && i < ARRAY_LEN(shapes); i++)
		if (shapes[i].nr == nr)
			return &shapes[i];
	return NULL;
}

static int read_errno(void)
{
	/* A program that closed itself to others can't be looked into: it gets nothing. */
	return errno == EFAULT || errno == ENAMETOOLONG ? errno : EACCES;
}

static int load_string(const struct call *c, uint64_t addr, char *out, size_t size)
{
	return memory_read_string(c, addr, out, size) < 0 ? read_errno() : 0;
}

static int load_bytes(const struct call *c, uint64_t addr, void *out, size_t size)
{
	return memory_read(c, addr, out, size) < 0 ? read_errno() : 0;
}

/* ---- times ----------------------------------------------------------------------------------- */

static int load_timeval(struct call *c, uint64_t addr)
{
	struct timeval tv[2];
	int err = load_bytes(c, addr, tv, sizeof(tv));

	for (int i = 0; !err && i < 2; i++) {
		if (tv[i].tv_usec < 0 || tv[i].tv_usec >= 1000000)
			return EINVAL;
		c->times[i] =
		    (struct timespec){.tv_sec = tv[i].tv_sec, .tv_nsec = tv[i].tv_usec * 1000};
	}
	return err;
}

static int load_utimbuf(struct call *c, uint64_t addr)
{
	struct utimbuf u;
	int err = load_bytes(c, addr, &u, sizeof(u));

	if (err)
		return err;
	c->times[0] = (struct timespec){.tv_sec = u.actime};
	c->times[1] = (struct timespec){.tv_sec = u.modtime};
	return 0;
}

static int load_times(struct call *c)
{
	bool relative = c->nr == SYS_utimensat || c->nr == OLD(futimesat);
	uint64_t addr = c->args[relative ? 2 : 1];

	c->has_times = addr != 0;
	if (!addr)
		return 0;
	if (c->nr == SYS_utimensat)
		return load_bytes(c, addr, c->times, sizeof(c->times));
	return c->nr == OLD(utime) ? load_utimbuf(c, addr) : load_timeval(c, addr);
}

/* ---- the rest ---------------------------------------------------------------------------------
 */

static int load_xattr(struct call *c, void *buffer)
{
	int err = load_string(c, c->args[1], c->text, XATTR_NAME_ROOM);

	if (err)
		return err == ENAMETOOLONG ? ERANGE : err;
	if (!c->text[0])
		return ERANGE;
	if (c->op == OP_REMOVEXATTR)
		return 0;
	if (c->args[3] > XATTR_BYTES_MAX)
		return E2BIG;
	c->size = (int64_t)c->args[3];
	c->value = buffer;
	if (!buffer)
		return EACCES;
	return c->size ? load_bytes(c, c->args[2], buffer, (size_t)c->size) : 0;
}

bool call_sends(const struct call *c)
{
	return c->nr == SYS_sendto || c->nr == SYS_sendmsg || c->nr == SYS_sendmmsg;
}

/* Of several messages the first one's: what carries out one of them says so. */
static int load_name(const struct call *c, uint64_t *addr, int *len)
{
	const int at = c->nr == SYS_sendto ? 4 : 1;
	struct msghdr m;
	int err;

	*addr = c->args[at];
	*len = (int)c->args[at + 1];
	if (c->nr != SYS_sendmsg && c->nr != SYS_sendmmsg)
		return 0;
	*addr = 0;
	*len = 0;
	if (c->nr == SYS_sendmmsg && !(unsigned)c->args[2])
		return 0;
	err = load_bytes(c, c->args[1], &m, sizeof(m));
	if (err || !m.msg_name)
		return err;
	*addr = (uint64_t)(uintptr_t)m.msg_name;
	*len = (int)m.msg_namelen;
	if (*len > (int)sizeof(c->addr)) /* as the kernel */
		*len = sizeof(c->addr);
	return 0;
}

static int load_address(struct call *c)
{
	uint64_t addr;
	int len, err = load_name(c, &addr, &len);

	if (err)
		return err;
	if (len < 0 || (size_t)len > sizeof(c->addr))
		return EINVAL;
	memset(&c->addr, 0, sizeof(c->addr));
	c->addr_len = (socklen_t)len;
	err = len ? load_bytes(c, addr, &c->addr, (size_t)len) : 0;
	if (!err && call_has_path(c)) {
		const struct sockaddr_un *un = (const struct sockaddr_un *)&c->addr;
		size_t n = c->addr_len - offsetof(struct sockaddr_un, sun_path);

		if (n > sizeof(un->sun_path))
			return EINVAL;
		n = strnlen(un->sun_path, n);
		memcpy(c->a.asked, un->sun_path, n);
		c->a.asked[n] = '\0';
	}
	return err;
}

bool call_is_socket(const struct call *c)
{
	return c->op == OP_CONNECT || c->op == OP_BIND || c->op == OP_LISTEN || c->op == OP_SOCKET;
}

bool call_has_path(const struct call *c)
{
	const struct sockaddr_un *un = (const struct sockaddr_un *)&c->addr;

	if (!call_is_socket(c))
		return true;
	return un->sun_family == AF_UNIX && c->addr_len > offsetof(struct sockaddr_un, sun_path) &&
	       un->sun_path[0];
}

static int load_others(struct call *c, void *buffer)
{
	bool follows_dirfd;

	switch (c->op) {
	case OP_CONNECT:
	case OP_BIND:
		return load_address(c);
	case OP_SOCKET:
	case OP_LISTEN:
		c->addr = (struct sockaddr_storage){0};
		return 0;
	case OP_SYMLINK:
		return load_string(c, c->args[0], c->text, sizeof(c->text));
	case OP_TRUNCATE:
		c->size = (int64_t)c->args[1];
		return c->size < 0 ? EINVAL : 0;
	case OP_CHOWN:
		follows_dirfd = c->nr == SYS_fchownat;
		c->uid = (uid_t)c->args[follows_dirfd ? 2 : 1];
		c->gid = (gid_t)c->args[follows_dirfd ? 3 : 2];
		return 0;
	case OP_UTIMES:
		return load_times(c);
	case OP_SETXATTR:
	case OP_REMOVEXATTR:
		return load_xattr(c, buffer);
	default:
		return 0;
	}
}

static bool is_by_descriptor(const struct call *c, const struct call_shape *s)
{
	if (c->op == OP_UTIMES)
		return s->dirfd >= 0 && !c->args[1] && (int)c->args[0] != AT_FDCWD;
	return s->dirfd >= 0 && s->path < 0;
}

/* Flags that the kernel refuses. */
static int check_flags(const struct call *c)
{
	if (c->by_descriptor && c->op == OP_UTIMES)
		return c->flags ? EINVAL : 0;
	switch (c->op) {
	case OP_UNLINK:
	case OP_RMDIR:
		return c->flags & ~AT_REMOVEDIR ? EINVAL : 0;
	case OP_LINK:
		return c->flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH) ? EINVAL : 0;
	case OP_CHMOD:
	case OP_CHOWN:
	case OP_UTIMES:
	case OP_EXEC:
		return c->flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) ? EINVAL : 0;
	default:
		return 0;
	}
}

int call_load(struct call *c, const struct call_shape *s, void *buffer)
{
	int err;

	c->op = s->op;
	c->name = s->name;
	c->flags = s->fixed_flags | (s->flags >= 0 ? (int)c->args[s->flags] : 0);
	c->mode = s->mode >= 0 ? (mode_t)(c->args[s->mode] & 0177777) : 0;
	c->a.asked[0] = c->b.asked[0] = c->text[0] = '\0';
	c->value = NULL;
	c->addr_len = 0;
	c->by_descriptor = is_by_descriptor(c, s);
	c->sockfd = (int)c->args[0];
	if (c->op == OP_UNLINK && (c->flags & AT_REMOVEDIR)) {
		c->op = OP_RMDIR;
		c->name = "rmdir";
	}
	err = check_flags(c);
	if (!err && s->path >= 0 && !c->by_descriptor)
		err = load_string(c, c->args[s->path], c->a.asked, sizeof(c->a.asked));
	if (!err && s->path2 >= 0)
		err = load_string(c, c->args[s->path2], c->b.asked, sizeof(c->b.asked));
	return err ? err : load_others(c, buffer);
}

int call_dirfd(const struct call *c, const struct call_shape *s)
{
	return s->dirfd >= 0 ? (int)c->args[s->dirfd] : AT_FDCWD;
}

/* ---- paths ------------------------------------------------------------------------------------
 */

bool call_follows(const struct call *c)
{
	switch (c->op) {
	case OP_OPEN:
		return !(c->flags & O_NOFOLLOW) &&
		       (c->flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL);
	case OP_EXEC:
	case OP_CHMOD:
	case OP_CHOWN:
	case OP_UTIMES:
		return !(c->flags & AT_SYMLINK_NOFOLLOW);
	case OP_CONNECT:
	case OP_TRUNCATE:
		return true;
	case OP_WATCH:
		return !(c->flags & IN_DONT_FOLLOW);
	case OP_LINK:
		return c->flags & AT_SYMLINK_FOLLOW;
	case OP_SETXATTR:
		return c->nr == SYS_setxattr;
	case OP_REMOVEXATTR:
		return c->nr == SYS_removexattr;
	default:
		return false;
	}
}

static bool empty_ok(const struct call *c)
{
	if (c->by_descriptor)
		return true;
	return (c->op == OP_EXEC || c->op == OP_LINK || c->op == OP_CHMOD || c->op == OP_CHOWN ||
		c->op == OP_UTIMES) &&
	       (c->flags & AT_EMPTY_PATH);
}

static void set_open_access(struct call *c)
{
	const int acc = c->flags & O_ACCMODE;
	const bool tmpfile = (c->flags & O_TMPFILE) == O_TMPFILE;

	if (c->flags & O_PATH) {
		c->access = 0;
		c->name = "path";
		return;
	}
	c->access = acc == O_WRONLY ? 0 : NONO_READ;
	if (acc != O_RDONLY || (c->flags & O_TRUNC) || tmpfile)
		c->access |= NONO_WRITE;
	if ((c->flags & O_CREAT) && c->a.fd < 0 && !c->a.err)
		c->access |= NONO_WRITE;
	if (tmpfile || ((c->flags & O_CREAT) && c->a.fd < 0))
		c->name = c->access & NONO_READ ? "createread" : "create";
	else if (c->access == (NONO_READ | NONO_WRITE))
		c->name = "readwrite";
	else
		c->name = c->access & NONO_WRITE ? "write" : "read";
}

void call_find(struct elevation *e, struct call *c, const struct call_shape *s)
{
	c->access = NONO_WRITE;
	c->access2 = 0;
	if (c->by_descriptor && call_dirfd(c, s) < 0)
		c->a.err = EBADF;
	else if (call_has_path(c))
		view_find(e, c, call_dirfd(c, s), call_follows(c), empty_ok(c), &c->a);
	if (c->op == OP_OPEN)
		set_open_access(c);
	else if (c->op == OP_EXEC)
		c->access = NONO_EXEC;
	else if (c->op == OP_WATCH)
		c->access = NONO_READ;
	if (s->path2 < 0)
		return;
	view_find(e, c, s->dirfd2 >= 0 ? (int)c->args[s->dirfd2] : AT_FDCWD, false, false, &c->b);
	c->access2 = NONO_WRITE;
}
