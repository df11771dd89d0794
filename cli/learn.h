/* learn - what the parts of nono learn share. */
#ifndef NONO_CLI_LEARN_H
#define NONO_CLI_LEARN_H

#include "cli/cli.h"
#include "cli/diagnostics.h"

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
	char *
	    *connected; /* paths of sockets that were connected to; NULL-terminated, NULL if none */
	size_t n_connected;
};
/* What another session did is added to what is there. */
int observed_add(const struct session_record *s, struct observed *out, struct err *err);
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

/* ---- one run of the command --------------------------------------------------------------- */

struct learn_options {
	const char *profile, *from, *out, *name;
	struct strings extends, sockets;
	long timeout;
	bool json, yes, no_verify, hosts;
	int verbose;
};

struct learn {
	struct cli *cli;
	const struct learn_options *o;
	struct policy_input in; /* of the profile that is built upon */
	struct policy *base;
	struct observed seen;
	struct policy_learned rules;
	struct diagnostics first;	  /* of the observed run */
	bool has_first, block_net, shown; /* shown: a person has seen the text as it is */
	char name[129];
	char *text; /* the profile by itself */
};

/* learn.c: runs the program once; profile: a file to use instead of what is built upon. */
int learn_program(struct learn *l, const char *profile, bool observe, struct learn_run *r,
		  struct err *err);

/* learn_fold.c: what was seen becomes rules and their text, once more after more was seen. */
int learn_fold(struct learn *l, struct err *err);
void learn_report(const struct learn *l);

/* learn_write.c */
bool learn_on_terminal(void);
/* true without asking with --yes, false where nobody can be asked. */
bool learn_agreed(const struct learn *l, const char *question);
/* The profile as it would be, on standard error. */
void learn_show(struct learn *l);
/* Shows the change and writes it; where to is asked for if nobody said. */
int learn_write(struct learn *l, struct err *err);

/* learn_verify.c: runs the program under the profile. What it was refused is learned as well, a few
 * times. 0 it held or nobody wants to know, 1 it did not. */
int learn_verify(struct learn *l, struct err *err);

#endif
