/*
 * init - root of a session's process tree: pid 1 of its pid namespace, else a child subreaper.
 *
 * Two sockets (SOCK_SEQPACKET, one struct init_msg a message) lead to the broker. The first stays
 * with init for its whole life; when its other end closes, init kills everything below and exits.
 * The second, the gate, belongs to the program's process until its exec closes it.
 *
 *   init  -> ENTERED {layers}, LISTEN {port} + socket, WAYS + socket with
 * sockets (NET_FD_WAYS), SOCKETS + socket for elevation_make_sockets(), PTY + master descriptor,
 * AGENT, EXIT {status}; FAILED {text} agent -> READY {layers} + listener, after "go" nothing if
 * exec succeeds; FAILED {text} broker-> GO on the gate (a tool: perhaps with a struct tool_more);
 * STOP {ms}, SIGNAL {number} to init
 *
 * A tool (launcher.h) has an init of its own, which is the same but for its descriptors: they are
 * its caller's, with pipes between where the output is limited.
 */
#ifndef NONO_SESSIONS_INIT_H
#define NONO_SESSIONS_INIT_H

#include <signal.h>

#include "common/common.h"
#include "policy/policy.h"
#include "sandbox/nono.h"
#include "sessions/relay.h"

struct tool_terminal;

enum init_msg_type {
	INIT_ENTERED = 1,
	INIT_FAILED,
	INIT_PTY,
	INIT_EXIT,
	INIT_READY,
	INIT_GO,
	INIT_STOP,
	INIT_SIGNAL,
	INIT_LISTEN,
	INIT_WAYS,
	INIT_STOPPED,
	INIT_SOCKETS,
};

/* Both ends are the same program image, one forked from the other: pointers to static strings
 * (layers.namespaces_why) stay good. */
struct init_msg {
	uint32_t type;
	int32_t value; /* EXIT: wait status; FAILED: errno; STOP: ms until SIGKILL; SIGNAL;
			  LISTEN: port */
	int32_t
	    enter; /* FAILED: 1 = nono_enter() failed, so that it may be tried without namespaces */
	struct nono_layers layers;
	struct relay_count stream[2]; /* EXIT of a tool: its output */
	uint32_t over;		      /* EXIT of a tool: why it was ended, enum tool_over */
	char text[768];
};

enum tool_over { TOOL_ENDED = 0, TOOL_OVER_OUTPUT, TOOL_OVER_TIME };

/* What a tool gets at the last moment, in a memory file that comes with GO: variables, each ending
 * in NUL, and the text of a file, which the tool's process makes itself. */
struct tool_more {
	uint32_t n_vars, var_bytes, file_bytes;
	char file[256]; /* path, "" if there is none */
};

/* What is different for a tool. */
struct tool_start {
	int fds[3]; /* its caller's, above 2 */
	const char *cwd;
	char **env; /* all of it; TMPDIR is set here */
	const struct command_box *box;
	const struct tool_terminal *terminal; /* of its caller */
	unsigned held; /* limits that control groups hold: bits by enum nono_limit */
};

struct init_config {
	const struct nono_spec *spec;
	const struct policy *policy;
	char *const *argv;
	char *const *secrets; /* "VARIABLE=secret" */
	const char *program;  /* resolved */
	const char *id, *tmp;
	const char *request_socket;	    /* NULL: the session takes no requests */
	const char *tool_socket, *shim_dir; /* NULL: no command has a policy of its own */
	const struct tool_start *tool;	    /* NULL: the agent */
	const struct proxy *proxy;	    /* NULL: the network needs none */
	bool listens;			    /* for a proxy; a tool gets its variables with GO */
	uint16_t proxy_port;		    /* where it listens; wanted at first, 0 = any */
	bool terminal;
	int cols, rows;
	int sock, gate;		/* init's and the program's ends */
	sigset_t mask;		/* of the program */
	uint64_t max_processes; /* by RLIMIT_NPROC, where that counts the session alone; 0 = none */
	bool sigpipe_ignored;	/* as the caller had it */
};

/* The child of nono_fork(). Never returns. */
_Noreturn void init_main(const struct init_config *cfg, struct nono_layers *layers);

/* The program's process, forked by init: confines itself and executes. slave is -1 without a
 * terminal; ends are a tool's stdout and stderr, -1 where they are its caller's. Never returns. */
_Noreturn void agent_main(const struct init_config *cfg, struct nono_layers *layers, int slave,
			  const int ends[2]);

/* Puts the shims in front of PATH and says where they ask; extra gets up to 3 strings more. */
size_t tool_variables(const char *shim_dir, const char *tool_socket, char **extra);

/* Sends one message, with a descriptor if fd >= 0. */
int init_send(int sock, const struct init_msg *m, int fd);
/* 1 = a message (*fd, *pid may be NULL), 0 = the other end is gone, -1 = broken, with errno. */
int init_recv(int sock, struct init_msg *m, int *fd, pid_t *pid);

#endif
