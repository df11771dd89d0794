/*
 * What a process alone in a new mount namespace sees: covered and read-only paths, a /proc and
 * terminals of its own; private temporary directories (mounts_tmp.c).
 *
 * Everything goes through descriptors of what was looked at (open_tree, move_mount, mount_setattr:
 * Linux 5.12, older than Landlock): no path is resolved twice, no flag of an existing mount is
 * lost, and no link can lead a mount elsewhere.
 *
 * Sources: mount_setattr(2), mount_namespaces(7), Documentation/filesystems/mount_api.rst,
 * Documentation/filesystems/devpts.rst.
 */
#include "sandbox/internal.h"
#include "sandbox/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* <sys/mount.h> and <linux/mount.h> do not go together in glibc 2.36. */
int mount(const char *source, const char *target, const char *type, unsigned long flags,
	  const void *data);
int umount2(const char *target, int flags);

#define COVER_ATTRS (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

struct attrs { /* struct mount_attr */
	uint64_t set, clear, propagation, user_ns;
};

/* What hidden paths are covered with: a detached mount until its first use. Moving it again would
 * uncover what it covers, so later uses take copies. */
struct cover {
	int tree;
	bool attached;
};
struct covers {
	struct cover dir, file;
};

int nono_open_canonical_at(int folder, const char *relative)
{
	struct open_how how = {
	    /* with O_NOFOLLOW a link at the end would be opened itself */
	    .flags = O_PATH | O_CLOEXEC,
	    .resolve = RESOLVE_NO_SYMLINKS,
	};

	return (int)syscall(SYS_openat2, folder, relative, &how, sizeof(how));
}

int nono_open_canonical(const char *path)
{
	int fd = nono_open_canonical_at(AT_FDCWD, path);

	/* A container's filter may refuse it: then at least the last component is checked. */
	if (fd >= 0 || (errno != ENOSYS && errno != EPERM))
		return fd;
	fd = open(path, O_PATH | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISLNK(st.st_mode)) {
		close(fd);
		errno = ELOOP;
		return -1;
	}
	return fd;
}

int nono_copy_tree(int fd)
{
	return (int)syscall(SYS_open_tree, fd, "",
			    AT_EMPTY_PATH | AT_RECURSIVE | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
}

int nono_attach(int tree, int target)
{
	return (int)syscall(SYS_move_mount, tree, "", target, "",
			    MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

static int set_attrs(int tree, uint64_t set)
{
	struct attrs a = {.set = set};

	return (int)syscall(NR_mount_setattr, tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &a,
			    sizeof(a));
}

/* A read-only tmpfs with one empty directory and one file that nobody may open. */
static int make_cover_fs(void)
{
	_cleanup_close_ int context = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC);

	if (context < 0 ||
	    syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, "size", "64k", 0) < 0 ||
	    syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, "mode", "0755", 0) < 0 ||
	    syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -1;
	int fs = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC,
			      MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	if (fs < 0)
		return -1;
	_cleanup_close_ int file = openat(fs, "file", O_CREAT | O_EXCL | O_RDONLY | O_CLOEXEC, 0);
	if (file < 0 || mkdirat(fs, "dir", 0555) < 0 || set_attrs(fs, COVER_ATTRS) < 0) {
		close(fs);
		return -1;
	}
	return fs;
}

static int copy_of(int dir, const char *name)
{
	_cleanup_close_ int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -1 : nono_copy_tree(fd);
}

static int make_covers(struct covers *c, struct nono_error *err)
{
	_cleanup_close_ int fs = make_cover_fs();
	if (fs < 0)
		return nono_fail_errno(err, errno, "Making an empty file system");

	/* Parts of a mount can be copied only while it is attached somewhere. /proc is a place that
	 * always exists and that nothing here looks at meanwhile. */
	_cleanup_close_ int place = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (place < 0 || nono_attach(fs, place) < 0)
		return nono_fail_errno(err, errno, "Attaching an empty file system");
	c->dir.tree = copy_of(fs, "dir");
	c->file.tree = copy_of(fs, "file");
	int code = errno;
	if (umount2("/proc", 2 /* MNT_DETACH */) < 0)
		return nono_fail_errno(err, errno, "Detaching an empty file system");
	if (c->dir.tree < 0 || c->file.tree < 0)
		return nono_fail_errno(err, code, "Copying an empty file system");
	return 0;
}

static int cover(struct cover *c, int target)
{
	if (!c->attached) {
		c->attached = nono_attach(c->tree, target) == 0;
		return c->attached ? 0 : -1;
	}
	_cleanup_close_ int copy = nono_copy_tree(c->tree);
	return copy < 0 ? -1 : nono_attach(copy, target);
}

static int hide(struct covers *c, const char *path, int target, struct nono_error *err)
{
	struct stat st;

	if (c->dir.tree < 0 && make_covers(c, err) < 0)
		return -1;
	if (fstat(target, &st) < 0)
		return nono_fail_errno(err, errno, "Hiding %s", path);
	if (cover(S_ISDIR(st.st_mode) ? &c->dir : &c->file, target) < 0)
		return nono_fail_errno(err, errno, "Hiding %s", path);
	return 0;
}

static int bind_read_only(const char *path, int target, struct nono_error *err)
{
	_cleanup_close_ int tree = nono_copy_tree(target);

	if (tree < 0 || set_attrs(tree, MOUNT_ATTR_RDONLY) < 0 || nono_attach(tree, target) < 0)
		return nono_fail_errno(err, errno, "Making %s read-only", path);
	return 0;
}

/* sources[i]: a detached tree for each NONO_MOUNT_BIND, taken before anything was covered. */
static int apply_mounts(const struct nono_spec *spec, const int *sources, struct nono_error *err)
{
	struct covers covers = {.dir.tree = -1, .file.tree = -1};
	int r = 0;

	for (size_t i = 0; i < spec->n_mounts && r == 0; i++) {
		const struct nono_mount *m = &spec->mounts[i];
		_cleanup_close_ int target = nono_open_canonical(m->path);

		if (target < 0 && errno == ENOENT && m->kind != NONO_MOUNT_BIND)
			continue; /* nothing there to hide or to protect */
		if (target < 0) {
			r = nono_fail_errno(err, errno, "Mounting on %s", m->path);
			break;
		}
		switch (m->kind) {
		case NONO_MOUNT_HIDE:
			r = hide(&covers, m->path, target, err);
			break;
		case NONO_MOUNT_READ_ONLY:
			r = bind_read_only(m->path, target, err);
			break;
		case NONO_MOUNT_BIND:
			if (nono_attach(sources[i], target) < 0)
				r = nono_fail_errno(err, errno, "Binding %s over %s", m->source,
						    m->path);
			break;
		default:
			r = nono_fail(err, EINVAL, "Unknown kind of mount for %s", m->path);
		}
	}
	nono_cleanup_close(&covers.dir.tree);
	nono_cleanup_close(&covers.file.tree);
	return r;
}

/* ---- /proc, terminals ---- */

static int mount_proc(struct nono_layers *layers, struct nono_error *err)
{
	const unsigned long flags = 2 | 4 | 8; /* MS_NOSUID | MS_NODEV | MS_NOEXEC */

	if (mount("proc", "/proc", "proc", flags, NULL) == 0)
		return 0;
	/* The kernel compares with the /proc that is there: parts covered by a container runtime
	 * would show again. */
	layers->proc_refused = true;
	return nono_fail_errno(err, errno,
			       "Mounting a new /proc (parts of the present one are covered, as "
			       "container runtimes do: a pid namespace is not possible here)");
}

/* Started by root, sysctls are writable whatever the capabilities: the kernel looks at the uid. */
static int protect_sysctls(struct nono_error *err)
{
	_cleanup_close_ int target = nono_open_canonical("/proc/sys");

	if (target < 0)
		return errno == ENOENT ? 0 : nono_fail_errno(err, errno, "Opening /proc/sys");
	return bind_read_only("/proc/sys", target, err);
}

static int make_terminals(struct nono_layers *layers, struct nono_error *err)
{
	struct stat st;

	if (stat("/dev/pts", &st) < 0 || !S_ISDIR(st.st_mode))
		return 0;
	/* No gid=: the group tty may have no name in this user namespace. 0600: a terminal of the
	 * session is nobody else's. */
	if (mount("devpts", "/dev/pts", "devpts", 2 | 8 /* MS_NOSUID | MS_NOEXEC */,
		  "newinstance,ptmxmode=0666,mode=0600") < 0)
		return nono_fail_errno(err, errno, "Mounting a new /dev/pts");

	_cleanup_close_ int target = open("/dev/ptmx", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (target < 0 || fstat(target, &st) < 0)
		return nono_fail_errno(err, errno, "Opening /dev/ptmx");
	if (!S_ISLNK(st.st_mode)) { /* a link to pts/ptmx leads to the new one already */
		_cleanup_close_ int ptmx = open("/dev/pts/ptmx", O_PATH | O_CLOEXEC);
		_cleanup_close_ int tree = ptmx < 0 ? -1 : nono_copy_tree(ptmx);
		if (tree < 0 || nono_attach(tree, target) < 0)
			return nono_fail_errno(err, errno,
					       "Binding the new terminals to /dev/ptmx");
	}
	layers->devpts = true;
	return 0;
}

/* ---- all together ---- */

static int open_sources(const struct nono_spec *spec, int *sources, struct nono_error *err)
{
	for (size_t i = 0; i < spec->n_mounts; i++) {
		const struct nono_mount *m = &spec->mounts[i];

		if (!m->path || m->path[0] != '/')
			return nono_fail(err, EINVAL, "A mount point is not an absolute path");
		if (m->kind != NONO_MOUNT_BIND)
			continue;
		_cleanup_close_ int fd = m->source ? nono_open_canonical(m->source) : -1;
		if (fd < 0 || (sources[i] = nono_copy_tree(fd)) < 0)
			return nono_fail_errno(err, m->source ? errno : EINVAL,
					       "Opening %s to bind it over %s",
					       m->source ? m->source : "nothing", m->path);
	}
	return 0;
}

static int make_all(const struct nono_spec *spec, struct nono_layers *layers, const int *sources,
		    bool new_terminals, bool new_proc, struct nono_error *err)
{
	if (spec->private_tmp || spec->fresh_tmp) {
		if (nono_make_private_tmp(spec, err) < 0)
			return -1;
		layers->private_tmp = true;
	}
	if (spec->fresh_shm && nono_make_shm(err) < 0)
		return -1;
	if (new_proc && mount_proc(layers, err) < 0)
		return -1;
	if (new_terminals && make_terminals(layers, err) < 0)
		return -1;
	if (protect_sysctls(err) < 0)
		return -1;
	return apply_mounts(spec, sources, err);
}

int nono_make_mounts(const struct nono_spec *spec, struct nono_layers *layers, bool new_terminals,
		     bool new_proc, struct nono_error *err)
{
	/* MS_REC | MS_PRIVATE: nothing that is mounted here shows outside. */
	if (mount(NULL, "/", NULL, 16384 | (1 << 18), NULL) < 0)
		return nono_fail_errno(err, errno, "Making the mounts private");

	int *sources = calloc(spec->n_mounts + 1, sizeof(*sources));
	if (!sources)
		return nono_fail_errno(err, ENOMEM, "Preparing the mounts");
	for (size_t i = 0; i < spec->n_mounts; i++)
		sources[i] = -1;

	int r = open_sources(spec, sources, err);
	if (r == 0)
		r = make_all(spec, layers, sources, new_terminals, new_proc, err);
	for (size_t i = 0; i < spec->n_mounts; i++)
		nono_cleanup_close(&sources[i]);
	free(sources);
	return r;
}
