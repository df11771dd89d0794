#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "snapshots/disk.h"

/* True when this step must fail with errno; a kill does not return. */
static bool fault(struct disk_faults *f)
{
	if (!f || --f->left > 0)
		return false;
	if (f->kill)
		_exit(99);
	errno = ENOSPC;
	return true;
}

static int pwrite_full(int fd, const char *p, size_t n, uint64_t at)
{
	while (n) {
		ssize_t w = pwrite(fd, p, n, (off_t)at);
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -1;
		p += w;
		at += (size_t)w;
		n -= (size_t)w;
	}
	return 0;
}

int disk_pwrite(struct disk_faults *f, int fd, const void *p, size_t n, uint64_t at)
{
	if (f && n > 1 && f->left == 1)
		(void)!pwrite_full(fd, p, n / 2, at);
	if (fault(f))
		return -1;
	return pwrite_full(fd, p, n, at);
}

int disk_share(struct disk_faults *f, int from, uint64_t from_at, int to, uint64_t to_at, size_t n)
{
	struct file_clone_range r = {
	    .src_fd = from, .src_offset = from_at, .src_length = n, .dest_offset = to_at};

	if (fault(f))
		return -1;
	return ioctl(to, FICLONERANGE, &r);
}

int disk_sync(struct disk_faults *f, int fd)
{
	if (fault(f))
		return -1;
	return fdatasync(fd);
}

int disk_rename(struct disk_faults *f, int dir, const char *from, const char *to)
{
	if (fault(f) || renameat(dir, from, dir, to) < 0)
		return -1;
	if (fault(f))
		return -1;
	return fsync(dir);
}

int disk_unlink(struct disk_faults *f, int dir, const char *name)
{
	if (f && f->kill)
		(void)fault(f);
	return unlinkat(dir, name, 0);
}

int disk_write_file(struct disk_faults *f, int dir, const char *name, const void *p, size_t n)
{
	_cleanup_free_ char *tmp = NULL;
	_cleanup_close_ int fd = -1;
	char suffix[13];
	int saved;

	random_hex(suffix, 6);
	tmp = xasprintf("tmp-%s", suffix);
	fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	if (disk_pwrite(f, fd, p, n, 0) == 0 && disk_sync(f, fd) == 0 &&
	    disk_rename(f, dir, tmp, name) == 0)
		return 0;
	saved = errno;
	unlinkat(dir, tmp, 0);
	errno = saved;
	return -1;
}
