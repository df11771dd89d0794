/* One session's pane for a command. */
#include <poll.h>

#include "cli/screen.h"

/* ---- events ------------------------------------------------------------------------------ */

static void on_update(void *data, const struct pty_screen *p)
{
	struct screen *s = data;

	(void)p;
	s->changed = true;
}

static void on_history(void *data, uint64_t first, size_t count, int cols,
		       const struct pty_cell *cells)
{
	struct screen *s = data;

	s->have_history = true;
	s->history_first = first;
	s->history_count = count;
	buf_clear(&s->history);
	pty_dump_rows(pty_client_screen(s->client), cells, count, cols, s->ansi, &s->history);
}

/* ---- life ---------------------------------------------------------------------------------- */

static int ask_for_screen(struct screen *s, bool read_only, struct err *err)
{
	cJSON *args = cJSON_CreateObject(), *answer;
	int fd = -1;

	cJSON_AddBoolToObject(args, "read_only", read_only);
	answer = session_client_call(s->control, "screen", args, &fd, CALL_TIMEOUT_MS, err);
	if (!answer)
		return -1;
	cJSON_Delete(answer);
	return fd >= 0 ? fd : err_set(err, "the session sent no screen");
}

int screen_open(const char *what, bool read_only, struct session_record *r, struct screen *s,
		struct err *err)
{
	const struct pty_client_events ev = {.update = on_update, .history = on_history, .data = s};
	int fd;

	*s = (struct screen){0};
	if (session_find(what, r, err) < 0)
		return -1;
	s->control = session_connect(r->id, NULL, err);
	if (!s->control && r->status == SESSION_EXITED)
		err_set(err, "session %s has ended with exit code %d", r->name[0] ? r->name : r->id,
			r->exit_code);
	fd = s->control ? ask_for_screen(s, read_only, err) : -1;
	if (fd >= 0) {
		/* No size: the terminal keeps the one it has. */
		s->client = pty_client_new(fd, 0, 0, read_only, &ev);
		if (!s->client) {
			close(fd);
			err_set(err, "no memory for the screen");
		}
	}
	if (s->client)
		return 0;
	screen_close(s);
	session_record_free(r);
	return -1;
}

void screen_close(struct screen *s)
{
	pty_client_free(s->client);
	session_client_free(s->control);
	buf_free(&s->history);
	*s = (struct screen){0};
}

const struct pty_screen *screen_picture(const struct screen *s)
{
	return pty_client_screen(s->client);
}

/* ---- serving ----------------------------------------------------------------------------------
 */

int screen_serve(struct screen *s, int timeout_ms)
{
	struct pollfd p = {.fd = pty_client_fd(s->client), .events = POLLIN};
	int n;

	if (s->over)
		return -1;
	if (pty_client_want_write(s->client))
		p.events |= POLLOUT;
	n = poll(&p, 1, timeout_ms);
	if (n > 0 && (p.revents & POLLOUT) && pty_client_on_writable(s->client) < 0)
		s->over = true;
	if (n > 0 && (p.revents & ~POLLOUT) && pty_client_on_readable(s->client) < 0)
		s->over = true;
	return s->over ? -1 : 0;
}

static int left_ms(uint64_t deadline)
{
	uint64_t now = clock_mono_ns();

	return now < deadline ? (int)((deadline - now) / 1000000u) + 1 : 0;
}

/* Serves until done() says so. */
static int await(struct screen *s, bool (*done)(const struct screen *s), int timeout_ms,
		 struct err *err)
{
	uint64_t deadline = clock_mono_ns() + (uint64_t)timeout_ms * 1000000u;

	while (!done(s)) {
		int ms = left_ms(deadline);

		if (!ms)
			return err_set(err, "the session's screen does not answer");
		if (screen_serve(s, ms) < 0 && !done(s))
			return err_set(err, "the session closed the connection");
	}
	return 0;
}

static bool has_picture(const struct screen *s)
{
	return screen_picture(s)->generation != 0;
}

static bool has_history(const struct screen *s)
{
	return s->have_history;
}

int screen_await_picture(struct screen *s, int timeout_ms, struct err *err)
{
	return await(s, has_picture, timeout_ms, err);
}

int screen_history(struct screen *s, uint64_t first, size_t count, bool ansi, struct buf *out,
		   uint64_t *next, struct err *err)
{
	s->ansi = ansi;
	*next = first;
	/* An answer is bounded; it says itself where it begins. */
	while (count) {
		s->have_history = false;
		pty_client_history(s->client, first, count);
		if (await(s, has_history, CALL_TIMEOUT_MS, err) < 0)
			return -1;
		if (!s->history_count || s->history_first < first)
			return 0;
		buf_add(out, s->history.data, s->history.len);
		count -= s->history_first - first < count ? s->history_first - first : count;
		count -= s->history_count < count ? s->history_count : count;
		first = s->history_first + s->history_count;
		*next = first;
	}
	return 0;
}

/* Frames are taken in order: the answer to an empty question comes after what was sent before. */
int screen_settle(struct screen *s, int timeout_ms, struct err *err)
{
	s->have_history = false;
	pty_client_history(s->client, 0, 0);
	return await(s, has_history, timeout_ms, err);
}
