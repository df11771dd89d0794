#include "audit/store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

bool store_id_valid(const char *id)
{
	size_t n = strlen(id);

	return n >= 1 && n <= 64 &&
	       strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") == n;
}

char *store_root(void)
{
	_cleanup_free_ char *state = dir_state();

	return xasprintf("%s/audit", state);
}

char *store_dir(const char *id)
{
	_cleanup_free_ char *root = store_root();

	return xasprintf("%s/%s", root, id);
}

int store_open_dir(const char *id, struct err *err)
{
	_cleanup_free_ char *dir = NULL;
	int fd;

	if (!store_id_valid(id))
		return err_set(err, "\"%.80s\" is not a session id", id);
	dir = store_dir(id);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		err_errno(err, ENOENT, "there is no audit record of session %s", id);
	else if (fd < 0)
		err_errno(err, errno, "can't open the audit record %s", dir);
	return fd;
}

int store_replace(int dirfd, const char *name, const void *data, size_t n, struct err *err)
{
	char tmp[80];
	int fd, r, saved;

	snprintf(tmp, sizeof(tmp), ".%s.%d", name, (int)getpid());
	fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno(err, errno, "can't create the audit file %s", name);
	r = write_full(fd, data, n);
	saved = errno;
	close(fd);
	if (r == 0 && (r = renameat(dirfd, tmp, dirfd, name)) < 0)
		saved = errno;
	if (r == 0)
		return 0;
	unlinkat(dirfd, tmp, 0);
	return err_errno(err, saved, "can't write the audit file %s", name);
}

int store_read(int dirfd, const char *name, size_t max, struct buf *out, struct err *err)
{
	_cleanup_close_ int fd =
	    openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(err, errno, "can't open the audit file %s", name);
	if (!S_ISREG(st.st_mode) || st.st_size < 0 || (uint64_t)st.st_size > max)
		return err_set(err, "the audit file %s is too long or no regular file", name);
	buf_reserve(out, (size_t)st.st_size + 1);
	n = read_full(fd, out->data + out->len, (size_t)st.st_size);
	if (n < 0)
		return err_errno(err, errno, "can't read the audit file %s", name);
	out->len += (size_t)n;
	out->data[out->len] = '\0';
	return 0;
}

bool store_alive(int dirfd)
{
	_cleanup_close_ int fd = openat(dirfd, EVENTS_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}
