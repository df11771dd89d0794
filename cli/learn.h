/* learn - what the parts of nono learn share. */
#ifndef NONO_CLI_LEARN_H
#define NONO_CLI_LEARN_H

#include "cli/cli.h"

/* ---- learn_events.c: what a recorded session did ---------------------------------------- */

struct observed {
	struct policy_access *v;
	size_t n, cap;
	uint32_t *table; /* number in v + 1, by path */
	uint32_t mask;
	bool open; /* the session was one that learns: what it was refused is refused for good */
	const char *tmp; /* its own temporary directory, another one each time; borrowed */
	bool network;	 /* a connection, or a port */
	char **hosts;	 /* asked for by name; NULL-terminated, NULL if none */
	size_t n_hosts;
	char *self;		   /* nono, as it is before that */
	char *program;		   /* what the session executed first, NULL = nothing */
	char **sockets;		   /* refused ones; printable, NULL-terminated, NULL if none */
	size_t n_sockets, n_moved; /* moved: paths that lead elsewhere by now */
};
int observed_read(const struct session_record *s, struct observed *out, struct err *err);
void observed_free(struct observed *o);

/* ---- learn_run.c: a session in a process of its own -------------------------------------- */

struct learn_run {
	struct session_options so; /* its callbacks are set here */
	bool to_stderr; /* the program's output; the standard output is for the profile */
	long timeout_s; /* 0 = none */
	/* result */
	char id[SESSION_ID_LEN + 1];
	bool running, timed_out; /* running: the front end was left */
};
/* -1: it did not start. */
int learn_run(struct learn_run *r, struct err *err);

#endif
