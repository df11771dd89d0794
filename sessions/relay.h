/*
 * relay - a tool's output on its way to the caller, counted and limited. Lives in the tool's init.
 */
#ifndef NONO_SESSIONS_RELAY_H
#define NONO_SESSIONS_RELAY_H

#include <poll.h>

#include "policy/commands/commands.h"

#define RELAY_CHUNK 4096 /* PIPE_BUF: what poll() calls writable takes that much */

struct relay_count {
	uint64_t total, forwarded;
	bool exceeded;
};

struct relay {
	int from, to; /* -1: over */
	struct command_stream limit;
	struct relay_count count;
	char chunk[RELAY_CHUNK];
	size_t at, have; /* of chunk, or of withheld at the end */
	char *withheld;	 /* LIMIT_DENY: all of it so far */
	size_t n_withheld;
	bool drop; /* nobody reads any more */
};

/* Once, after the process has set its signal mask. -1 with errno. */
int relay_prepare(void);
/* What to wait for; p->fd = -1 if there is nothing. */
void relay_poll(const struct relay *r, struct pollfd *p);
/* One step, after poll(). True if a limit that ends the program was just exceeded. */
bool relay_step(struct relay *r, const struct pollfd *p);
/* What is left is for nobody. */
void relay_drop(struct relay *r);
bool relay_over(const struct relay *r);

#endif
