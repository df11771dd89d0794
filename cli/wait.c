/* nono wait: until a session is idle, needs somebody, has ended, or has printed something. */
#include <poll.h>
#include <regex.h>

#include "cli/screen.h"

/* A state counts when it has lasted: right after something was typed the program still sleeps in
 * its read. Longer than the broker's samples are apart. */
#define SETTLE_MS 700

enum until { UNTIL_EXITED = 0, UNTIL_IDLE, UNTIL_BLOCKED, UNTIL_OUTPUT };

struct options {
	const char *until;
	long timeout;
};

static const struct option_row rows[] = {
    {.name = "until",
     .kind = OPTION_STRING,
     .offset = offsetof(struct options, until),
     .arg = "WHAT",
     .help = "exited (default), idle, blocked or output=REGEX"},
    {.name = "timeout",
     .kind = OPTION_NUMBER,
     .offset = offsetof(struct options, timeout),
     .arg = "SECONDS",
     .help = "Give up after that long, with exit code 1; for ever otherwise",
     .min = 1,
     .max = 31536000},
    {0},
};

struct wait {
	const char *what; /* as typed */
	enum until until;
	regex_t regex;
	uint64_t deadline; /* CLOCK_MONOTONIC, 0 = none */
	/* From the broker: */
	bool over, have_state;
	struct session_state state;
	uint64_t state_ns; /* since when it fits */
};

/* ---- time ------------------------------------------------------------------------------- */

/* At most max_ms; 0 when the time is over. */
static int left_ms(const struct wait *w, int max_ms)
{
	uint64_t now = clock_mono_ns(), ms;

	if (!w->deadline)
		return max_ms;
	if (now >= w->deadline)
		return 0;
	ms = (w->deadline - now) / 1000000u + 1;
	return ms < (uint64_t)max_ms ? (int)ms : max_ms;
}

static int timed_out(const struct wait *w, struct err *err)
{
	return err_set(err, "timed out: the session is not yet %s",
		       w->until == UNTIL_OUTPUT ? "showing that" : w->what);
}

/* ---- states ---------------------------------------------------------------------------------- */

static bool fits(const struct wait *w, const struct session_state *s)
{
	switch (w->until) {
	case UNTIL_IDLE:
		return s->activity == ACTIVITY_IDLE || s->activity == ACTIVITY_WAITING;
	case UNTIL_BLOCKED:
		return s->activity == ACTIVITY_WAITING || s->activity == ACTIVITY_ASKS;
	default:
		return s->activity == ACTIVITY_EXITED;
	}
}

static void on_status(void *data, const struct session_state *s)
{
	struct wait *w = data;
	bool before = w->have_state && fits(w, &w->state);

	w->state = *s;
	w->have_state = true;
	if (!before)
		w->state_ns = clock_mono_ns();
	w->over |= s->exited;
}

static void on_closed(void *data)
{
	struct wait *w = data;

	w->over = true;
}

/* 1 holds, 0 not yet; *ms: when to look again. */
static int holds(const struct wait *w, int *ms)
{
	uint64_t lasted;

	if (!w->have_state || !fits(w, &w->state))
		return 0;
	lasted = (clock_mono_ns() - w->state_ns) / 1000000u;
	if (w->state.activity == ACTIVITY_ASKS || lasted >= SETTLE_MS)
		return 1;
	if (*ms > (int)(SETTLE_MS - lasted))
		*ms = (int)(SETTLE_MS - lasted) + 1;
	return 0;
}

static int serve(struct session_client *c, int ms)
{
	struct pollfd p = {.fd = session_client_fd(c), .events = POLLIN};

	if (session_client_want_write(c))
		p.events |= POLLOUT;
	if (poll(&p, 1, ms) <= 0)
		return 0;
	if ((p.revents & POLLOUT) && session_client_on_writable(c) < 0)
		return -1;
	return (p.revents & ~POLLOUT) ? session_client_on_readable(c) : 0;
}

/* The record is what counts; a broker that vanished is found by looking. */
static bool has_exited(const char *id)
{
	struct session_record r;
	bool exited;

	if (session_find(id, &r, NULL) < 0)
		return true; /* pruned meanwhile */
	exited = r.status == SESSION_EXITED;
	session_record_free(&r);
	return exited;
}

static int await_exit(const struct wait *w, const char *id, struct err *err)
{
	while (!has_exited(id)) {
		int ms = left_ms(w, 50);

		if (!ms)
			return timed_out(w, err);
		poll(NULL, 0, ms);
	}
	return 0;
}

static int await_state(struct wait *w, const struct session_record *r, struct err *err)
{
	const struct session_client_events ev = {
	    .status = on_status, .closed = on_closed, .data = w};
	struct session_client *c = session_connect(r->id, &ev, err);
	int rc = 0;

	if (!c)
		return w->until == UNTIL_EXITED ? await_exit(w, r->id, err) : -1;
	session_client_send(c, "subscribe", NULL);
	for (;;) {
		int ms = 60000;

		if (w->over || holds(w, &ms))
			break;
		ms = left_ms(w, ms);
		if (!ms) {
			rc = timed_out(w, err);
			break;
		}
		if (serve(c, ms) < 0)
			w->over = true;
	}
	session_client_free(c);
	if (rc == 0 && w->over && w->until == UNTIL_EXITED)
		return await_exit(w, r->id, err);
	if (rc == 0 && w->over)
		return err_set(err, "the session ended before it was %s", w->what);
	return rc;
}

/* ---- output ------------------------------------------------------------------------------------
 */

static bool matches(const struct wait *w, struct buf *text)
{
	char *save = NULL;

	if (!text->len)
		return false;
	for (char *line = strtok_r(text->data, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		if (regexec(&w->regex, line, 0, NULL, 0) == 0)
			return true;
	return false;
}

/* The screen, and what has moved above it since the last look. */
static int look(struct wait *w, struct screen *s, uint64_t *next, struct err *err)
{
	const struct pty_screen *p = screen_picture(s);
	_cleanup_(buf_free) struct buf text = {0};
	uint64_t end = p->history_first + p->history;

	s->changed = false;
	pty_dump_screen(p, false, &text);
	if (matches(w, &text))
		return 1;
	buf_clear(&text);
	if (*next < p->history_first)
		*next = p->history_first;
	if (*next < end &&
	    screen_history(s, *next, (size_t)(end - *next), false, &text, next, err) < 0)
		return -1;
	return matches(w, &text);
}

static int await_output(struct wait *w, const char *what, struct err *err)
{
	struct session_record r;
	struct screen s;
	uint64_t next = 0;
	int rc;

	if (screen_open(what, true, &r, &s, err) < 0)
		return -1;
	rc = screen_await_picture(&s, CALL_TIMEOUT_MS, err);
	while (rc == 0) {
		int ms;

		rc = look(w, &s, &next, err);
		if (rc != 0)
			break;
		if (screen_picture(&s)->ended && !s.changed) {
			rc = err_set(err, "the session ended before it showed that");
			break;
		}
		while (!s.changed && (ms = left_ms(w, 60000)) > 0)
			if (screen_serve(&s, ms) < 0)
				break;
		if (!s.changed)
			rc = s.over ? err_set(err, "the session ended before it showed that")
				    : timed_out(w, err);
	}
	screen_close(&s);
	session_record_free(&r);
	return rc < 0 ? -1 : 0;
}

/* ---- command
 * -------------------------------------------------------------------------------------- */

static int parse_until(struct wait *w, const char *s, struct err *err)
{
	static const char *const words[] = {"exited", "idle", "blocked"};
	char why[256];
	int r;

	w->what = s;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_eq(s, words[i])) {
			w->until = (enum until)i;
			return 0;
		}
	if (!str_starts(s, "output="))
		return err_usage(err,
				 "--until: '%.100s' is not one of exited, idle, blocked or "
				 "output=REGEX",
				 s);
	w->until = UNTIL_OUTPUT;
	r = regcomp(&w->regex, s + strlen("output="), REG_EXTENDED | REG_NOSUB);
	if (r == 0)
		return 0;
	w->until = UNTIL_EXITED; /* nothing to free */
	regerror(r, &w->regex, why, sizeof(why));
	return err_usage(err, "--until: '%.100s': %s", s, why);
}

static int wait_for(struct cli *cli, struct err *err)
{
	const struct options *o = cli->options;
	struct session_record r;
	struct wait w = {0};
	int rc;

	if (parse_until(&w, o->until ? o->until : "exited", err) < 0)
		return -1;
	if (o->timeout)
		w.deadline = clock_mono_ns() + (uint64_t)o->timeout * 1000000000u;
	if (w.until == UNTIL_OUTPUT) {
		rc = await_output(&w, cli->args[0], err);
		regfree(&w.regex);
		return rc;
	}
	if (session_find(cli->args[0], &r, err) < 0)
		return -1;
	if (r.status != SESSION_EXITED)
		rc = await_state(&w, &r, err);
	else
		rc = w.until == UNTIL_EXITED
			 ? 0
			 : err_set(err, "session %s has ended", r.name[0] ? r.name : r.id);
	session_record_free(&r);
	return rc;
}

const struct command command_wait = {
    .name = "wait",
    .group = GROUP_PANES,
    .usage = "SESSION [--until WHAT] [--timeout SECONDS]",
    .summary = "Wait until a session is idle, blocked, ended, or shows something",
    .details =
	"  exited        the program and everything it started are gone\n"
	"  idle          nothing is being worked on: no output, no processor time, or it waits "
	"for\n"
	"                input\n"
	"  blocked       it waits for somebody: reads the terminal, says that it is blocked, or a\n"
	"                request for access is open\n"
	"  output=REGEX  a line of the screen or of the scrollback matches (POSIX extended)\n\n"
	"Exit code: 0 when it is so, 1 when the time is over or the session ends before.\n",
    .rows = rows,
    .size = sizeof(struct options),
    .min_args = 1,
    .max_args = 1,
    .arg = "a session",
    .run = wait_for,
};
