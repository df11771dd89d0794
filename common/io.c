/* Bounded files, whole reads and writes, descriptors over sockets. */
#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include "common/common.h"

#define LOCK_TRIES    40
#define LOCK_PAUSE_NS 50000000l

ssize_t read_full(int fd, void *p, size_t n)
{
	size_t got = 0;

	while (got < n) {
		ssize_t r = read(fd, (char *)p + got, n - got);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -1;
		if (r == 0)
			break;
		got += (size_t)r;
	}
	return (ssize_t)got;
}

int write_full(int fd, const void *p, size_t n)
{
	const char *c = p;

	while (n) {
		ssize_t w = write(fd, c, n);
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -1;
		c += w;
		n -= (size_t)w;
	}
	return 0;
}

char *file_read(const char *path, size_t max, size_t *len, struct err *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	_cleanup_free_ char *data = NULL;
	size_t cap, n = 0;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		err_errno(err, errno, "cannot read %s", path);
		return NULL;
	}
	if (S_ISDIR(st.st_mode)) {
		err_errno(err, EISDIR, "cannot read %s", path);
		return NULL;
	}
	/* The size is a hint only: files of /proc say 0, and a file may grow. */
	cap = st.st_size > 0 && (size_t)st.st_size <= max ? (size_t)st.st_size + 1 : 4096;
	data = xcalloc(1, cap + 1);
	for (;;) {
		ssize_t r = read_full(fd, data + n, cap - n);
		if (r < 0) {
			err_errno(err, errno, "cannot read %s", path);
			return NULL;
		}
		n += (size_t)r;
		if (n > max) {
			err_set(err, "%s is larger than %zu bytes", path, max);
			return NULL;
		}
		if (n < cap)
			break;
		cap *= 2;
		data = xrealloc_array(data, cap + 1, 1);
	}
	data[n] = '\0';
	if (len)
		*len = n;
	return STEAL_PTR(data);
}

int file_write_atomic(const char *path, mode_t mode, const void *data, size_t n, struct err *err)
{
	_cleanup_free_ char *tmp = NULL;
	_cleanup_close_ int fd = -1;
	char suffix[13];

	random_hex(suffix, 6);
	tmp = xasprintf("%s.%s.tmp", path, suffix);
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return err_errno(err, errno, "cannot create %s", tmp);
	if (fchmod(fd, mode) < 0 || write_full(fd, data, n) < 0 || fsync(fd) < 0 ||
	    rename(tmp, path) < 0) {
		err_errno(err, errno, "cannot write %s", path);
		unlink(tmp);
		return -1;
	}
	return 0;
}

int fd_set_nonblock(int fd, bool on)
{
	int fl = fcntl(fd, F_GETFL);

	if (fl < 0)
		return -1;
	return fcntl(fd, F_SETFL, on ? fl | O_NONBLOCK : fl & ~O_NONBLOCK);
}

int fd_set_cloexec(int fd, bool on)
{
	return fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0);
}

void random_hex(char *out, size_t bytes)
{
	static const char hex[] = "0123456789abcdef";
	unsigned char raw[64];

	while (bytes) {
		size_t n = bytes < sizeof(raw) ? bytes : sizeof(raw);

		if (getrandom(raw, n, 0) != (ssize_t)n)
			abort();
		for (size_t i = 0; i < n; i++) {
			*out++ = hex[raw[i] >> 4];
			*out++ = hex[raw[i] & 15];
		}
		bytes -= n;
	}
	*out = '\0';
}

int fd_lock(int fd, const char *what, struct err *err)
{
	const struct timespec pause = {.tv_nsec = LOCK_PAUSE_NS};

	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_errno(err, errno, "can't lock %s", what);
		nanosleep(&pause, NULL);
	}
	return err_set(err, "%s is locked by another program (flock): end that, and try again",
		       what);
}
