/*
 * tui - the front end: tabs, panes, status line, audit and violations panes, dialogs.
 * Runs in the user's terminal, holds no power over the agents but what the control protocol gives.
 */
#ifndef NONO_TUI_H
#define NONO_TUI_H

#include "common/common.h"
#include "sessions/sessions.h"

struct tui_options {
	const char *attach; /* session id to show, NULL: the remembered layout, or all live ones */
	bool review;	    /* attach: only what it changed is shown, it may have ended */
	bool own;	    /* nono run: end when this session ends, with its exit code */
	bool read_only;
	const char *prefix; /* "C-b" when NULL */
	/* Screen of its own instead of a terminal (demo, tests): drawn into memory, the last frame
	 * is printed as text at the end. 0 = a terminal is needed. */
	int headless_cols, headless_rows;
	int headless_seconds;
};
/* Exit code: 0 detached or quit, the program's own with own, 1 on failure (message printed). */
int tui_main(const struct tui_options *o);
/* Is there a terminal that it can run on? -1 with err. To be asked before a session is started for
 * it. */
int tui_ready(struct err *err);

/* Is that the name of a theme (--theme, NONO_THEME)? */
bool tui_theme_known(const char *name);

/* What the terminal at fd can do, in words; -1 with the reason if the front end can't use it. */
int tui_terminal(int fd, char *out, size_t size, struct err *err);

#endif
