/* Ends the record of a session whose supervisor was killed. Every step may find its work done. */
#include "audit/audit.h"
#include "audit/format.h"
#include "audit/lines.h"
#include "audit/verify.h"
#include "audit/writer.h"

#include <fcntl.h>
#include <sys/file.h>
#include <time.h>

/* The lock of a killed broker may live some milliseconds in a child that is dying with it. */
static int lock_dead(int fd, const char *id, struct err *err)
{
	for (int tries = 0;; tries++) {
		struct timespec pause = {.tv_nsec = 5000000};
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_errno(err, errno, "can't lock the audit log of session %s", id);
		if (tries == 40)
			break;
		nanosleep(&pause, NULL);
	}
	return err_errno(err, EBUSY, "session %s still has its supervisor", id);
}

/* Appends session_ended in place of what was torn. */
static int append_end(int fd, struct log_check *c, struct err *err)
{
	struct writer w = {.fd = fd, .offset = c->end, .state = c->state};
	int r;

	time_rfc3339(c->ended_at, clock_real_ns());
	c->exit_code = -1;
	format_session_ended(&w.event, c->ended_at, c->exit_code);
	writer_line(&w);
	r = ftruncate(fd, (off_t)c->end);
	if (r == 0)
		r = writer_write(&w);
	else
		w.err = errno;
	c->state = w.state;
	writer_free(&w);
	return r < 0 ? err_errno(err, w.err, "can't complete the audit log") : 0;
}

/* The supervisor died before session.json was there, or something tore it: what the log's first
 * event says is enough for a record. */
static int meta_from_log(struct session_meta *m, int fd, const char *id, struct err *err)
{
	struct lines l;
	struct log_line line;
	struct json_span v;
	char *text;
	size_t n;
	int r = -1;

	meta_free(m);
	memset(m, 0, sizeof(*m));
	str_copy(m->id, sizeof(m->id), id);
	lines_init(&l, fd, 0);
	if (lines_next(&l, &text, &n) == 1 && log_line_parse(&line, text, n) == 0 &&
	    json_get(line.event, "started", &v) &&
	    json_string(v, m->started, sizeof(m->started)) > 0) {
		r = 0;
		if (json_get(line.event, "command", &v) && v.p[0] == '[')
			json_compact(&m->command, v);
	}
	lines_free(&l);
	return r < 0 ? err_set(err, "the audit log of session %s never began", id) : 0;
}

int audit_adopt(const char *session_id, struct err *err)
{
	_cleanup_close_ int dir = store_open_dir(session_id, err), fd = -1;
	_cleanup_(meta_free) struct session_meta m = {0};
	struct log_check c;

	if (dir < 0)
		return -1;
	fd = openat(dir, EVENTS_FILE, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, errno, "can't open the events of session %s", session_id);
	if (lock_dead(fd, session_id, err) < 0 ||
	    (meta_read(&m, dir, err) < 0 && meta_from_log(&m, fd, session_id, err) < 0))
		return -1;
	if (m.ended[0]) /* all that can be missing is the ledger's line */
		return ledger_append(&m, true, err);
	if (log_verify(fd, &c, err) < 0)
		return -1;
	if (c.bad_line)
		return err_set(err, "the audit log of session %s is damaged at line %llu: %s",
			       session_id, (unsigned long long)c.bad_line, c.bad);
	if (!c.ended && append_end(fd, &c, err) < 0)
		return -1;
	str_copy(m.ended, sizeof(m.ended), c.ended_at);
	m.has_exit = true;
	m.exit_code = c.exit_code;
	meta_set_integrity(&m, &c.state);
	if (meta_write(&m, dir, err) < 0)
		return -1;
	return ledger_append(&m, true, err);
}
