#include "audit/audit.h"
#include "audit/lines.h"
#include "audit/store.h"

#include <fcntl.h>

#define BLOCK 65536u

struct audit_reader {
	int fd;
	struct lines lines;
};

int audit_open_file(const char *session_id, const char *name, struct err *err)
{
	_cleanup_close_ int dir = store_open_dir(session_id, err);
	int fd = dir < 0 ? -1 : openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (dir >= 0 && fd < 0)
		err_errno(err, errno, "can't open %s of session %s", name, session_id);
	return fd;
}

int audit_reader_open(const char *session_id, struct audit_reader **out, struct err *err)
{
	_cleanup_close_ int dir = store_open_dir(session_id, err);
	int fd;

	*out = NULL;
	if (dir < 0)
		return -1;
	fd = openat(dir, EVENTS_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, errno, "can't open the events of session %s", session_id);
	*out = xcalloc(1, sizeof(**out));
	(*out)->fd = fd;
	lines_init(&(*out)->lines, fd, 0);
	return 0;
}

int audit_reader_next(struct audit_reader *r, struct audit_line *line, struct err *err)
{
	struct log_line parsed;
	char *text;
	size_t n;
	int got = lines_next(&r->lines, &text, &n);

	if (got < 0)
		return err_errno(err, errno, "audit log, line at byte %llu",
				 (unsigned long long)r->lines.offset);
	if (got == 0)
		return 0;
	if (log_line_parse(&parsed, text, n) < 0)
		return err_set(err, "audit log: the line that ends at byte %llu is damaged",
			       (unsigned long long)r->lines.offset);
	line->sequence = parsed.sequence;
	line->json = parsed.event.p;
	line->json_len = parsed.event.n;
	/* At least the line's own bracket follows; it has been read. */
	text[(size_t)(parsed.event.p - text) + parsed.event.n] = '\0';
	return 1;
}

uint64_t audit_reader_offset(const struct audit_reader *r)
{
	return r->lines.offset;
}

int audit_reader_seek(struct audit_reader *r, uint64_t offset, size_t n, struct err *err)
{
	off_t at = (off_t)offset;
	_cleanup_free_ char *block = xcalloc(1, BLOCK);
	uint64_t from = 0;

	while (at > 0 && from == 0) {
		size_t len = at < (off_t)BLOCK ? (size_t)at : BLOCK;
		at -= (off_t)len;
		if (pread(r->fd, block, len, at) != (ssize_t)len)
			return err_errno(err, errno, "can't read the audit log");
		for (size_t i = len; i-- > 0;) {
			if (block[i] != '\n')
				continue;
			/* The n+1st newline from there stands before the n last lines. */
			if (n-- == 0) {
				from = (uint64_t)at + i + 1;
				break;
			}
		}
	}
	lines_free(&r->lines);
	lines_init(&r->lines, r->fd, from);
	return 0;
}

int audit_reader_seek_tail(struct audit_reader *r, size_t n, struct err *err)
{
	off_t end = lseek(r->fd, 0, SEEK_END);

	if (end < 0)
		return err_errno(err, errno, "can't read the audit log");
	return audit_reader_seek(r, (uint64_t)end, n, err);
}

int audit_reader_fd(const struct audit_reader *r)
{
	return r->fd;
}

void audit_reader_free(struct audit_reader *r)
{
	if (!r)
		return;
	lines_free(&r->lines);
	close(r->fd);
	free(r);
}
