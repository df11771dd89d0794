/*
 * tool_tty - the shim's side of a tool's terminal. The tool is in another session than its caller,
 * so it can't have the caller's terminal as its own: it gets a new one, whose master comes to the
 * shim, which passes bytes on in both directions, as ssh does: keys while it is in the foreground,
 * with the caller's terminal raw; sizes; stop and continue; in the end the modes that the tool
 * left.
 */
#ifndef NONO_SESSIONS_TOOL_TTY_H
#define NONO_SESSIONS_TOOL_TTY_H

#include <poll.h>
#include <termios.h>

#include "sessions/tool_wire.h"

struct tool_tty {
	int tty;    /* the caller's, -1: it has none */
	int master; /* of the tool's, -1: not there (yet) */
	bool over;  /* nothing comes from there any more */
	/* A caller that draws by itself, or gives its child no descriptor of the terminal, reads
	 * its keys itself: they are the tool's only when that asks for a password or for single
	 * keys. */
	bool mine;
	bool eager; /* its output goes to the terminal: it is the one that keys are for */
	bool has_keys, raw;
	bool held; /* it draws on a terminal that others have now: not before it has that again */
	struct termios before; /* of the caller's, as it was and shall be */
	struct termios sent;   /* what the tool's began with */
	uint64_t since_ns;
	char keys[4096]; /* read, and not taken yet */
	size_t n_keys;
};

/* Fills what the broker is told. */
void tool_tty_open(struct tool_tty *t, struct tool_terminal *say);
/* fd is taken over. */
void tool_tty_begin(struct tool_tty *t, int fd);
/* Two entries for poll(); the time to wait, -1 = no limit. */
int tool_tty_poll(struct tool_tty *t, struct pollfd p[2]);
/* After poll(). True: the tool is to be stopped, since it wants a terminal that others have. */
bool tool_tty_step(struct tool_tty *t, const struct pollfd p[2]);
void tool_tty_resize(struct tool_tty *t);
/* The tool has stopped, by sig: so does the job, by SIGSTOP its part alone, until continued. */
void tool_tty_stop(struct tool_tty *t, int sig);
/* The rest of the output; the terminal is the caller's again. */
void tool_tty_end(struct tool_tty *t);

#endif
