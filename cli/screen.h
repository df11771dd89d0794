/*
 * screen - one session's pane for a command: connect, wait for the picture, look at it, type.
 * Everything is bounded in time.
 */
#ifndef NONO_CLI_SCREEN_H
#define NONO_CLI_SCREEN_H

#include "cli/cli.h"

struct screen {
	struct session_client *control;
	struct pty_client *client;
	bool over;    /* the session closed the connection */
	bool changed; /* since the caller cleared it */
	/* Answer to the last history request. */
	bool have_history;
	uint64_t history_first;
	struct buf history; /* as text */
	size_t history_count;
	bool ansi; /* history with colours */
};

/* A session by what was typed, one too that shows its last screen. The control connection stays
 * open for the caller's use. */
int screen_open(const char *what, bool read_only, struct session_record *r, struct screen *s,
		struct err *err);
void screen_close(struct screen *s);
const struct pty_screen *screen_picture(const struct screen *s);

/* Serves the connection until something came or the time is over; 0, or -1 when it is over. */
int screen_serve(struct screen *s, int timeout_ms);
/* Until the first whole picture is there. */
int screen_await_picture(struct screen *s, int timeout_ms, struct err *err);
/* Lines [first, first + count) of the scrollback, appended to out as text; *next is the line after
 * the last one there was. */
int screen_history(struct screen *s, uint64_t first, size_t count, bool ansi, struct buf *out,
		   uint64_t *next, struct err *err);
/* Until the host has taken everything that was sent. */
int screen_settle(struct screen *s, int timeout_ms, struct err *err);

#endif
