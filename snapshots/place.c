/* Where a path lies, and how a file takes its place. */
#include "snapshots/place.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#endif

#define TRIES 100

int place_openat(int dir, const char *path, int flags)
{
	struct open_how how = {
	    .flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
	    .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
		       (dir == AT_FDCWD ? 0 : RESOLVE_BENEATH),
	};
	long fd;

	/* EAGAIN: something was renamed meanwhile. */
	for (int i = 0; i < TRIES; i++) {
		fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	return (int)fd;
}

const char *place_root(const struct snap_record *r, const char *path)
{
	for (size_t i = 0; i < r->root_count; i++)
		if (path_under(r->roots[i].path, path))
			return r->roots[i].path;
	return NULL;
}

static int open_parent(const char *root, const char *path, size_t parent_len)
{
	_cleanup_free_ char *parent = xstrndup(path, parent_len ? parent_len : 1);
	size_t n = strlen(root);
	int base, fd;

	/* The root itself lies in a directory that the caller named, not one of the tree. */
	if (parent_len < n || str_eq(root, "/"))
		return place_openat(AT_FDCWD, parent, O_RDONLY | O_DIRECTORY);
	base = place_openat(AT_FDCWD, root, O_PATH | O_DIRECTORY);
	if (base < 0 || !parent[n])
		return base < 0
			   ? -1
			   : (close(base), place_openat(AT_FDCWD, root, O_RDONLY | O_DIRECTORY));
	fd = place_openat(base, parent + n + 1, O_RDONLY | O_DIRECTORY);
	n = (size_t)errno;
	close(base);
	errno = (int)n;
	return fd;
}

int place_begin(const struct snap_record *r, const char *path, struct place *p, struct err *err)
{
	const char *root = place_root(r, path), *slash = strrchr(path, '/');

	p->dir = -1;
	if (!root || !slash || !slash[1] || !str_copy(p->name, sizeof(p->name), slash + 1))
		return err_set(err, "%s lies in no directory of the snapshot", path);
	p->dir = open_parent(root, path, (size_t)(slash - path));
	if (p->dir >= 0)
		return 0;
	if (errno == ELOOP || errno == EXDEV)
		return err_errno(err, errno, "a link is in the way to %s: left alone", path);
	return err_errno(err, errno, "can't open the directory of %s", path);
}

void place_end(struct place *p)
{
	if (p->dir >= 0)
		close(p->dir);
	p->dir = -1;
}

int place_temp(const struct place *p, char name[64], struct err *err)
{
	char hex[17];
	int fd = -1;

	for (int i = 0; i < TRIES && fd < 0; i++) {
		random_hex(hex, 8);
		snprintf(name, 64, ".nono-restore-%s", hex);
		fd = openat(p->dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0 && errno != EEXIST)
			break;
	}
	return fd >= 0 ? fd : err_errno(err, errno, "can't make a file beside %s", p->name);
}

int place_put(const struct place *p, int fd, const char *temp, bool replace, struct err *err)
{
	if (fd >= 0 && fsync(fd) < 0)
		return err_errno(err, errno, "can't write %s", p->name);
	if (replace ? renameat(p->dir, temp, p->dir, p->name) == 0
		    : renameat2(p->dir, temp, p->dir, p->name, RENAME_NOREPLACE) == 0)
		return 0;
	return err_errno(err, errno, "can't put %s in its place", p->name);
}

static enum snap_kind kind_of(const struct stat *st)
{
	return S_ISREG(st->st_mode)   ? SNAP_FILE
	       : S_ISDIR(st->st_mode) ? SNAP_DIR
	       : S_ISLNK(st->st_mode) ? SNAP_LINK
				      : SNAP_OTHER;
}

int place_check(const struct place *p, const struct snap_entry *e, struct stat *st, struct err *err)
{
	if (fstatat(p->dir, p->name, st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT)
			return err_errno(err, errno, "can't look at %s", p->name);
		return e->kind == SNAP_NONE ? 0
					    : err_set(err, "it was removed meanwhile: left alone");
	}
	if (e->kind == SNAP_NONE)
		return err_set(err, "something was made there meanwhile: left alone");
	if (kind_of(st) != e->kind ||
	    (e->kind == SNAP_FILE &&
	     ((uint64_t)st->st_size != e->size ||
	      (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec != e->mtime_ns)))
		return err_set(err, "it was changed meanwhile: left alone");
	return 0;
}
