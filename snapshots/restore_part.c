/* A part of a file put back: its content is replaced as a whole. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "snapshots/restore_steps.h"

static int copy_meta(int from, int to, const struct stat *st, struct err *err)
{
	char names[4096], value[65536];
	ssize_t n = flistxattr(from, names, sizeof(names));

	for (ssize_t i = 0; i < n; i += (ssize_t)strlen(names + i) + 1) {
		ssize_t len = fgetxattr(from, names + i, value, sizeof(value));
		if (len >= 0 && restore_xattr(&to, names + i, value, (size_t)len, err) < 0)
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
