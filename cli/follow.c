/* The event log of one session, as it grows. */
#include <sys/inotify.h>

#include "cli/follow.h"

int follow_open(struct follow *f, const char *id, long tail, struct err *err)
{
	*f = (struct follow){0};
	if (audit_reader_open(id, &f->reader, err) < 0)
		return -1;
	str_copy(f->id, sizeof(f->id), id);
	if (tail >= 0 && audit_reader_seek_tail(f->reader, (size_t)tail, err) < 0) {
		follow_close(f);
		return -1;
	}
	return 0;
}

void follow_close(struct follow *f)
{
	audit_reader_free(f->reader);
	f->reader = NULL;
}

/* Events are written by us, compact and with the type first. */
static bool is_end(const struct audit_line *line)
{
	return str_starts(line->json, "{\"type\":\"session_ended\"");
}

int follow_read(struct follow *f,
		void (*fn)(void *data, const struct follow *f, const struct audit_line *line),
		void *data, struct err *err)
{
	struct audit_line line;
	int r;

	while ((r = audit_reader_next(f->reader, &line, err)) > 0) {
		f->ended = is_end(&line);
		fn(data, f, &line);
	}
	return r;
}

int follow_watch(const struct follow *f, int inotify, struct err *err)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", audit_reader_fd(f->reader));
	if (inotify_add_watch(inotify, path, IN_MODIFY) < 0)
		return err_errno(err, errno, "can't watch the events of session %s", f->id);
	return 0;
}
