/*
 * term - the user's terminal: opened a second time so that non-blocking mode is ours alone, put
 * into raw mode and the alternate screen, asked what it can do, and given back whatever happens.
 *
 * Nothing waits for answers: the picture is drawn with what the environment says and improves
 * when answers arrive (term_reply()). A small guard process restores the terminal when ours dies
 * without doing so, kill -9 included.
 */
#ifndef NONO_TUI_TERM_H
#define NONO_TUI_TERM_H

#include "tui/keys.h"
#include "tui/output.h"
#include "tui/term_guard.h"

struct term_caps {
	struct output_caps out;
	bool titles;	 /* OSC 2 is safe to send */
	bool kitty;	 /* keyboard protocol pushed */
	bool answered;	 /* everything asked at the start has been answered */
	uint32_t fg, bg; /* 0xRRGGBB, valid with have_colors */
	bool have_colors, dark;
};

struct terminal {
	int fd;
	struct term_caps caps;
	struct buf replies; /* sequences to send with the next write */
	struct term_guard guard;
	int mouse; /* what is switched on: 0, 1002, 1003 */
};
/* Opens, checks (a terminal that can move its cursor), enters raw mode and the alternate screen. */
int term_open(struct terminal *t, struct err *err);
/* Would it open? Leaves it as it is. */
int term_usable(struct err *err);
void term_size(const struct terminal *t, int *cols, int *rows);
/* Takes an answer of the terminal; true if what is drawn, or told to agents, changes. */
bool term_reply(struct terminal *t, const struct input_event *ev);
void term_mouse(struct terminal *t, int mode);
/* After a stop and continue: raw mode and screen again. */
void term_again(struct terminal *t);
/* Writes what the terminal takes now; -1: the terminal is gone. */
int term_write(struct terminal *t, struct buf *b);
/* Waits briefly for answers that are under way, drops them, restores everything. */
void term_close(struct terminal *t);

/* term_caps.c: what terminfo and the environment say. */
int term_detect(struct term_caps *caps, int fd, struct err *err);

#endif
