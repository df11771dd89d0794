/*
 * term_guard - a small process that does nothing but wait for the end of ours, and restores the
 * terminal if we did not, kill -9 included.
 */
#ifndef NONO_TUI_TERM_GUARD_H
#define NONO_TUI_TERM_GUARD_H

#include <termios.h>

#include "common/common.h"

struct term_guard {
	int tty;	      /* the terminal, borrowed */
	int shared;	      /* flags of a description that is not ours alone, else -1 */
	struct termios saved; /* as it was before */
	int fd; /* closing it without a word makes the guard restore the terminal; -1: none */
	pid_t pid;
};
/* tty, shared and saved are set. Before the terminal is changed. */
int term_guard_start(struct term_guard *g, struct err *err);
/* The terminal is as it was. */
void term_guard_end(struct term_guard *g);

/* Takes back all that we switch on in a terminal, and what a cut sequence left. */
extern const char term_leave_sequence[];

#endif
