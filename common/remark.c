/* What nono says beside its results. */
#include "common/remark.h"

#include <fcntl.h>

#define LINE_MAX_BYTES 4096

static int open_file(const char *path)
{
	return open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, 0600);
}

bool remark_to_file(void)
{
	const char *path = getenv(REMARK_FILE_ENV);

	return path && path[0] == '/';
}

/* One write: lines of several processes do not mix. */
static int to_file(const char *line)
{
	_cleanup_close_ int fd = -1;
	_cleanup_(buf_free) struct buf b = {0};
	char when[TIME_STR_MAX];

	if (!remark_to_file() || (fd = open_file(getenv(REMARK_FILE_ENV))) < 0)
		return -1;
	time_rfc3339(when, clock_real_ns());
	buf_addf(&b, "%s [%d] %s\n", when, (int)getpid(), line);
	return write_full(fd, b.data, b.len) < 0 ? -1 : 0;
}

void remark(const char *fmt, ...)
{
	char raw[LINE_MAX_BYTES], text[2 * sizeof(raw)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	text_printable(text, sizeof(text), raw, strlen(raw));
	if (to_file(text) < 0)
		fprintf(stderr, "%s\n", text);
}

static int begin(const char *path, struct err *err)
{
	_cleanup_free_ char *full = NULL, *dir = NULL;
	_cleanup_close_ int fd = -1;

	if (path[0] != '/') {
		dir = getcwd(NULL, 0);
		if (!dir)
			return err_errno(err, errno, "--log-file: can't say where %s is", path);
		full = xasprintf("%s/%s", dir, path);
	}
	fd = open_file(full ? full : path);
	if (fd < 0 && errno == ELOOP)
		return err_set(err, "--log-file: %s is a link: name the file that it leads to",
			       path);
	if (fd < 0)
		return err_errno(err, errno, "--log-file: can't write to %s", path);
	return setenv(REMARK_FILE_ENV, full ? full : path, 1) < 0
		   ? err_errno(err, errno, "--log-file")
		   : 0;
}

int remark_begin(const char *path, struct err *err)
{
	int r = begin(path, err);

	if (r < 0)
		unsetenv(REMARK_FILE_ENV); /* what is said of it comes to standard error, once */
	return r;
}
