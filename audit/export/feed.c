/* The lines of a record, as events for a sink. */
#include "audit/export/feed.h"

#include <fcntl.h>

void feed_close(struct feed *f)
{
	lines_free(&f->lines);
	free(f->rec);
	if (f->dir >= 0)
		close(f->dir);
	if (f->fd >= 0)
		close(f->fd);
}

int feed_open(struct feed *f, const char *id, uint64_t offset, struct err *err)
{
	f->id = id;
	f->fd = -1;
	f->dir = store_open_dir(id, err);
	if (f->dir < 0)
		return -1;
	f->fd = openat(f->dir, EVENTS_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (f->fd < 0)
		return err_errno(err, errno, "can't open the events of session %s", id);
	f->rec = xcalloc(1, sizeof(*f->rec));
	lines_init(&f->lines, f->fd, offset);
	return 0;
}

int feed_batch(struct feed *f, struct sink *s, struct err *err)
{
	struct log_line l;
	char *line;
	size_t n;
	int r = 0, any = 0;

	while (!sink_full(s) && (r = lines_next(&f->lines, &line, &n)) == 1) {
		struct export_item it = {.session = f->id, .rec = f->rec};
		if (log_line_parse(&l, line, n) < 0)
			return err_set(err, "the log of session %s is damaged behind event %llu",
				       f->id, (unsigned long long)f->next);
		any = 1;
		f->next = l.sequence + 1;
		it.sequence = l.sequence;
		it.json = l.event.p;
		it.n = l.event.n;
		if (audit_parse(it.json, it.n, f->rec) != 0)
			memset(f->rec, 0, sizeof(*f->rec));
		f->ended = str_eq(f->rec->type, "session_ended");
		if (select_match(&f->sel, f->rec))
			sink_add(s, &it);
	}
	return r < 0 ? err_errno(err, errno, "can't read the log of session %s", f->id) : any;
}
