/*
 * The floor: a Landlock domain that grants the spec's paths and nothing else.
 *
 * Numbers are declared here because the headers of a distribution may be older than the kernel it
 * runs on. Sources: landlock(7), Documentation/userspace-api/landlock.rst.
 */
#include "sandbox/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define LL_CREATE_RULESET    444 /* the same number on every architecture */
#define LL_ADD_RULE	     445
#define LL_RESTRICT_SELF     446
#define LL_VERSION	     (1U << 0)
#define LL_RULE_PATH_BENEATH 1
#define LL_RULE_NET_PORT     2

enum {
	FS_EXECUTE = 1 << 0,
	FS_WRITE_FILE = 1 << 1,
	FS_READ_FILE = 1 << 2,
	FS_READ_DIR = 1 << 3,
	FS_REMOVE_DIR = 1 << 4,
	FS_REMOVE_FILE = 1 << 5,
	FS_MAKE_CHAR = 1 << 6,
	FS_MAKE_DIR = 1 << 7,
	FS_MAKE_REG = 1 << 8,
	FS_MAKE_SOCK = 1 << 9,
	FS_MAKE_FIFO = 1 << 10,
	FS_MAKE_BLOCK = 1 << 11,
	FS_MAKE_SYM = 1 << 12,
	FS_REFER = 1 << 13,	/* ABI 2 */
	FS_TRUNCATE = 1 << 14,	/* ABI 3 */
	FS_IOCTL_DEV = 1 << 15, /* ABI 5 */
};
#define FS_ABI1 ((1 << 13) - 1)
/* Device nodes are never granted. */
#define FS_CHANGE                                                                     \
	(FS_WRITE_FILE | FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG | \
	 FS_MAKE_SOCK | FS_MAKE_FIFO | FS_MAKE_SYM | FS_REFER | FS_TRUNCATE)
/* A rule on a file may only name rights that mean something for a file (else EINVAL). */
#define FS_FILE (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV)

enum { NET_BIND_TCP = 1 << 0, NET_CONNECT_TCP = 1 << 1 }; /* ABI 4 */
#define NET_TCP_BOTH (NET_BIND_TCP | NET_CONNECT_TCP)
#define SCOPE_BOTH   ((1 << 0) | (1 << 1)) /* abstract unix sockets, signals: ABI 6 */

struct ruleset_attr {
	uint64_t fs, net, scoped;
};
struct path_beneath {
	uint64_t access;
	int32_t parent;
} __attribute__((packed));
struct net_port {
	uint64_t access, port;
};

/* ioctl on these is how programs talk to a terminal. The rule alone opens nothing. */
static const char *const ioctl_devices[] = {
    "/dev/tty",	 "/dev/pts",  "/dev/ptmx",   "/dev/null",
    "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom",
};

int nono_landlock_abi(void)
{
	long abi = syscall(LL_CREATE_RULESET, NULL, (size_t)0, LL_VERSION);

	return abi < 0 ? 0 : (int)abi;
}

static uint64_t handled_fs(int abi)
{
	return FS_ABI1 | (abi >= 2 ? FS_REFER : 0) | (abi >= 3 ? FS_TRUNCATE : 0) |
	       (abi >= 5 ? FS_IOCTL_DEV : 0);
}

static size_t attr_size(int abi)
{
	if (abi >= 6)
		return sizeof(struct ruleset_attr);
	return abi >= 4 ? offsetof(struct ruleset_attr, scoped)
			: offsetof(struct ruleset_attr, net);
}

static uint64_t rights_of(unsigned access)
{
	uint64_t rights = 0;

	if (access & NONO_READ)
		rights |= FS_READ_FILE | FS_READ_DIR;
	if (access & NONO_WRITE)
		rights |= FS_CHANGE;
	if (access & NONO_EXEC)
		rights |= FS_EXECUTE;
	if (access & NONO_IOCTL)
		rights |= FS_IOCTL_DEV;
	return rights;
}

/* Nothing there, or nothing there for this user: a grant less, never a grant more. */
static bool is_absent(int code)
{
	return code == ENOENT || code == ENOTDIR || code == EACCES;
}

/* Paths that follow each other mostly lie in one folder: it is opened once, they from there. */
struct base {
	int fd;
	const char *path; /* the folder is its first len bytes, without the slash after them */
	size_t len;
};

#define BASE_MIN 2 /* folders on the way that make it worth the while */

static bool below_base(const struct base *b, const char *path)
{
	return b->fd >= 0 && strncmp(path, b->path, b->len) == 0 && path[b->len] == '/' &&
	       path[b->len + 1];
}

static void choose_base(struct base *b, const char *path, const char *next)
{
	char folder[PATH_MAX];
	size_t len = 0;
	unsigned depth = 0;

	if (below_base(b, path) || !next)
		return;
	for (size_t i = 1; path[0] == '/' && path[i] && path[i] == next[i]; i++)
		if (path[i] == '/') {
			len = i;
			depth++;
		}
	if (depth < BASE_MIN || len >= sizeof(folder))
		return;
	if (b->fd >= 0)
		close(b->fd);
	memcpy(folder, path, len);
	folder[len] = '\0';
	*b = (struct base){nono_open_canonical(folder), path, len};
}

static int open_below(const struct base *b, const char *path)
{
	int fd = below_base(b, path) ? nono_open_canonical_at(b->fd, path + b->len + 1) : -1;

	return fd >= 0 ? fd : nono_open_canonical(path);
}

static int add_path(int ruleset, const struct base *base, const char *path, uint64_t rights,
		    struct nono_error *err)
{
	_cleanup_close_ int fd = open_below(base, path);
	if (fd < 0) {
		if (is_absent(errno))
			return 0;
		if (errno == ELOOP)
			return nono_fail(err, ELOOP,
					 "Landlock: %s contains a symbolic link now; it changed "
					 "since the policy was resolved: start again",
					 path);
		return nono_fail_errno(err, errno, "Landlock: opening %s", path);
	}

	/* Most are folders, and the kernel says itself what is none: rights to what is in a
	 * folder are refused there. */
	struct path_beneath rule = {.access = rights, .parent = fd};
	if ((rights & ~(uint64_t)FS_FILE) &&
	    syscall(LL_ADD_RULE, ruleset, LL_RULE_PATH_BENEATH, &rule, 0) == 0)
		return 0;

	struct stat st;
	if (fstat(fd, &st) < 0)
		return nono_fail_errno(err, errno, "Landlock: looking at %s", path);
	if (S_ISLNK(st.st_mode) || S_ISBLK(st.st_mode))
		return nono_fail(err, EINVAL, "Landlock: %s is neither a file nor a directory",
				 path);
	if (!S_ISDIR(st.st_mode))
		rights &= FS_FILE;
	if (rights == 0)
		return 0;

	rule.access = rights;
	if (syscall(LL_ADD_RULE, ruleset, LL_RULE_PATH_BENEATH, &rule, 0) < 0) {
		/* Sockets, pipes and anonymous files of kernel file systems take no rule. */
		if (errno == EBADFD)
			return 0;
		return nono_fail_errno(err, errno, "Landlock: granting %s", path);
	}
	return 0;
}

static int add_paths(int ruleset, const struct nono_spec *spec, uint64_t handled,
		     struct nono_error *err)
{
	struct base base = {.fd = -1};
	int r = 0;

	for (size_t i = 0; r == 0 && i < spec->n_paths; i++) {
		const struct nono_path *p = &spec->paths[i];

		if (!p->path || p->path[0] != '/') {
			r = nono_fail(err, EINVAL, "Landlock: '%s' is not an absolute path",
				      p->path ? p->path : "");
			break;
		}
		choose_base(&base, p->path, i + 1 < spec->n_paths ? p[1].path : NULL);
		r = add_path(ruleset, &base, p->path, rights_of(p->access) & handled, err);
	}
	if (base.fd >= 0)
		close(base.fd);
	return r;
}

static void add_ioctl_devices(int ruleset, uint64_t handled)
{
	const struct base none = {.fd = -1};

	for (size_t i = 0; i < ARRAY_LEN(ioctl_devices); i++) {
		struct nono_error ignored;

		/* A link here (/dev/ptmx often is one) leads to a device of the same list. */
		(void)add_path(ruleset, &none, ioctl_devices[i], FS_IOCTL_DEV & handled, &ignored);
	}
}

static int add_spec(int ruleset, const struct nono_spec *spec, uint64_t handled,
		    struct nono_error *err)
{
	if (add_paths(ruleset, spec, handled, err) < 0)
		return -1;
	add_ioctl_devices(ruleset, handled);
	return 0;
}

/* With a supervisor there are none: it connects and binds itself, and looks at addresses too. */
static int add_ports(int ruleset, const struct nono_spec *spec, struct nono_error *err)
{
	if (spec->net != NONO_NET_PORTS || spec->watch != NONO_WATCH_NONE)
		return 0;
	for (size_t i = 0; i < spec->n_ports; i++) {
		const struct nono_port *p = &spec->ports[i];

		for (uint32_t port = p->first; port <= p->last; port++) {
			struct net_port rule = {.access = p->bind ? NET_BIND_TCP : NET_CONNECT_TCP,
						.port = port};
			if (syscall(LL_ADD_RULE, ruleset, LL_RULE_NET_PORT, &rule, 0) < 0)
				return nono_fail_errno(err, errno, "Landlock: granting port %u",
						       port);
		}
	}
	return 0;
}

int nono_landlock_ruleset(const struct nono_spec *spec, int abi, bool tcp, struct nono_error *err)
{
	if (abi < 1)
		return nono_fail(err, ENOSYS,
				 "Landlock is not there, and nothing runs without it: it takes "
				 "Linux 5.13 or later built with CONFIG_SECURITY_LANDLOCK, and "
				 "\"landlock\" in the boot parameter lsm= "
				 "(see /sys/kernel/security/lsm)");

	struct ruleset_attr attr = {
	    .fs = handled_fs(abi),
	    .net = abi >= 4 && tcp ? NET_TCP_BOTH : 0,
	    .scoped = abi >= 6 ? SCOPE_BOTH : 0,
	};
	int ruleset = (int)syscall(LL_CREATE_RULESET, &attr, attr_size(abi), 0);
	if (ruleset < 0)
		return nono_fail_errno(err, errno, "Landlock: creating a ruleset");

	if (spec && (add_spec(ruleset, spec, attr.fs, err) < 0 ||
		     (attr.net && add_ports(ruleset, spec, err) < 0))) {
		close(ruleset);
		return -1;
	}
	return ruleset;
}

int nono_landlock_apply(int ruleset, struct nono_error *err)
{
	if (syscall(LL_RESTRICT_SELF, ruleset, 0) == 0)
		return 0;
	if (errno == E2BIG)
		return nono_fail(err, E2BIG,
				 "Landlock: too many domains inside each other (16 are possible)");
	return nono_fail_errno(err, errno, "Landlock: entering the domain");
}
