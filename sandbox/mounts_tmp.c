/* Temporary directories of a mount namespace's own, and what of the old ones stays visible in them.
 */
#include "sandbox/internal.h"
#include "sandbox/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TMP_COMPONENTS 64

/* The part of path below /tmp or /var/tmp, NULL if it is elsewhere. */
static const char *below_tmp(const char *path)
{
	static const char *const dirs[] = {"/tmp/", "/var/tmp/"};

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		size_t n = strlen(dirs[i]);
		if (strncmp(path, dirs[i], n) == 0 && path[n] != '\0')
			return path + n;
	}
	return NULL;
}

/* Makes what is missing of path (relative, below dir) and opens its end. Intermediate
 * directories can only be passed through. */
static int make_mount_point(int dir, const char *path, bool is_dir)
{
	int at = dup(dir);

	for (int depth = 0; at >= 0 && depth < TMP_COMPONENTS; depth++) {
		char name[NAME_MAX + 1];
		size_t n = strcspn(path, "/");
		bool last = path[n + strspn(path + n, "/")] == '\0';

		if (n == 0 || n > NAME_MAX || path[0] == '.') {
			/* "." and ".." are not canonical; other dot names are */
			if (n == 0 || n > NAME_MAX || n == 1 || (n == 2 && path[1] == '.'))
				break;
		}
		memcpy(name, path, n);
		name[n] = '\0';

		if (last && !is_dir) {
			int made = openat(at, name, O_CREAT | O_EXCL | O_RDONLY | O_CLOEXEC, 0600);
			nono_cleanup_close(&made);
		} else if (mkdirat(at, name, 0700) < 0 && errno != EEXIST) {
			break;
		}
		int flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
		int next = openat(at, name, last && !is_dir ? flags : flags | O_DIRECTORY);
		int code = errno;
		close(at);
		errno = code;
		if (last || next < 0)
			return next;
		at = next;
		path += n + strspn(path + n, "/");
	}
	if (at >= 0) {
		close(at);
		errno = errno ? errno : EINVAL;
	}
	return -1;
}

/* A path that stays visible, held open before /tmp is covered. */
struct kept {
	const char *path;
	int tree;
	bool is_dir;
};

static int hold_kept(struct kept *k, const char *path, struct nono_error *err)
{
	struct stat st;

	k->path = path;
	_cleanup_close_ int fd = nono_open_canonical(path);
	if (fd < 0)
		return errno == ENOENT ? 0
				       : nono_fail_errno(err, errno, "Keeping %s visible", path);
	if (fstat(fd, &st) < 0 || (k->tree = nono_copy_tree(fd)) < 0)
		return nono_fail_errno(err, errno, "Keeping %s visible", path);
	k->is_dir = S_ISDIR(st.st_mode);
	return 0;
}

static int show_kept(const struct kept *k, struct nono_error *err)
{
	const char *rest;
	char root[16];

	if (k->tree < 0) /* not there, or not below /tmp at all */
		return 0;
	rest = below_tmp(k->path);
	(void)snprintf(root, sizeof(root), "%.*s", (int)(rest - k->path), k->path);
	/* By path, not by an old descriptor: what was kept before may be on the way. */
	_cleanup_close_ int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int target = -1;
	errno = 0;
	if (dir >= 0)
		target = make_mount_point(dir, rest, k->is_dir);
	if (target < 0 || nono_attach(k->tree, target) < 0)
		return nono_fail_errno(err, errno ? errno : EINVAL,
				       "Keeping %s visible in a private temporary directory",
				       k->path);
	return 0;
}

static int cover_tmp(const char *path, int dir, struct nono_error *err)
{
	_cleanup_close_ int target = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	/* A link (/var/tmp to /tmp) shows the other one. */
	if (target < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
		return 0;
	_cleanup_close_ int tree = target < 0 ? -1 : nono_copy_tree(dir);
	if (tree < 0 || nono_attach(tree, target) < 0)
		return nono_fail_errno(err, errno, "Mounting a private directory on %s", path);
	return 0;
}

/* Its size is the kernel's choice: half of the memory. */
static int make_fresh(const char *path)
{
	_cleanup_close_ int target = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (target < 0)
		return -1;

	_cleanup_close_ int context = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC);
	if (context < 0 ||
	    syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, "mode", "1777", 0) < 0 ||
	    syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -1;
	_cleanup_close_ int fs = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC,
					      MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	return fs < 0 ? -1 : nono_attach(fs, target);
}

static int make_fresh_tmp(void)
{
	if (make_fresh("/tmp") < 0)
		return -1;
	return open("/tmp", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int nono_make_shm(struct nono_error *err)
{
	/* A link leads to a folder that has to be granted by its own name. */
	if (make_fresh("/dev/shm") < 0 && errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
		return nono_fail_errno(err, errno, "Making an empty /dev/shm");
	return 0;
}

int nono_make_private_tmp(const struct nono_spec *spec, struct nono_error *err)
{
	size_t n = 0;
	while (spec->keep_in_tmp && spec->keep_in_tmp[n])
		n++;

	_cleanup_close_ int dir = -1;
	if (spec->private_tmp && (dir = nono_open_canonical(spec->private_tmp)) < 0)
		return nono_fail_errno(err, errno, "Opening the private temporary directory %s",
				       spec->private_tmp);
	struct kept *kept = calloc(n + 1, sizeof(*kept));
	if (!kept)
		return nono_fail_errno(err, ENOMEM, "Keeping paths in /tmp");

	int r = 0;
	for (size_t i = 0; i < n; i++)
		kept[i].tree = -1;
	for (size_t i = 0; i < n && r == 0; i++)
		if (below_tmp(spec->keep_in_tmp[i]))
			r = hold_kept(&kept[i], spec->keep_in_tmp[i], err);
	if (r == 0 && !spec->private_tmp) {
		dir = make_fresh_tmp();
		r = dir < 0 ? nono_fail_errno(err, errno, "Making an empty /tmp") : 0;
	} else if (r == 0) {
		r = cover_tmp("/tmp", dir, err);
	}
	if (r == 0)
		r = cover_tmp("/var/tmp", dir, err);
	for (size_t i = 0; i < n && r == 0; i++)
		r = show_kept(&kept[i], err);
	for (size_t i = 0; i < n; i++)
		nono_cleanup_close(&kept[i].tree);
	free(kept);
	return r;
}
