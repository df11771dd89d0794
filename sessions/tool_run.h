/*
 * tool_run - one call of a tool, from the shim's connection to the exit code. Shared by the files
 * of the broker's side.
 */
#ifndef NONO_SESSIONS_TOOL_RUN_H
#define NONO_SESSIONS_TOOL_RUN_H

#include "network/credentials/credentials.h"
#include "sessions/launcher.h"
#include "sessions/tool_wire.h"
#include "sessions/tools.h"

#define RUNS_MAX      64
#define KEPT_MAX      256	  /* answers for the session */
#define KEPT_BYTES    (64u << 10) /* of one of them */
#define READ_TIME_MS  5000	  /* for a call to arrive */
#define STOP_GRACE_MS 2000	  /* after SIGTERM, when the caller is gone */

enum run_state {
	RUN_HEADER = 0,
	RUN_STRINGS,
	RUN_ASKED,    /* a person decides */
	RUN_STARTED,  /* the launcher was told */
	RUN_REPLYING, /* the shim takes its time */
	RUN_OVER,     /* what is left of the tool goes */
};

struct run {
	struct tools *t;
	struct run *next;
	uint64_t id;
	enum run_state state;
	/* the shim */
	int fd; /* -1: gone */
	uv_poll_t poll;
	uv_timer_t timer;
	struct tool_header header;
	size_t got; /* of header, then of bytes */
	char *bytes;
	int fds[3];
	size_t n_fds;
	pid_t pid;
	int pidfd; /* the same process, whoever may get its number */
	char note[sizeof(struct tool_note)];
	size_t note_got;
	struct buf reply;
	size_t replied;
	/* the call */
	struct tool_call call;
	char caller[COMMAND_NAME_MAX + 1];
	struct command_verdict verdict;
	struct buf key; /* what a session's answer is kept under */
	/* the program */
	char **argv, **env;
	int init_fd, gate_fd;
	int sockets_fd; /* orders for its init, until its gate has it */
	uv_poll_t init_poll, gate_poll, gate_elevation;
	pid_t init_pid;
	uint64_t init_start; /* struct proc_stat */
	struct elevation *elevation;
	bool executed, told;
	int ended_by; /* signal, 0 = none */
	char failure[768];
	/* a network of its own by name (tool_proxy.c) */
	struct proxy *proxy;
	uv_poll_t proxy_poll; /* until it serves */
	bool proxy_ready, confined, private_tmp, own_network;
	int ways_fd;	       /* for its proxy: back into its network; -1: none */
	char *ca_file;	       /* where the proxy writes it */
	char *ca_copy, *ca_as; /* the tool's, and as the tool finds it */
	char *browser_as;      /* what opens pages, as the tool finds it; NULL: nothing does */
	struct net_asked {
		uint32_t id; /* the proxy's */
		struct buf key;
	} * asked; /* its requests that wait for a person (tool_net.c) */
	size_t n_asked;
	int slot; /* names its control groups, -1: it has none */
	struct nono_groups groups;
	/* an intercept rule that captures */
	int capture_fd; /* -1: none */
	uv_poll_t capture_poll;
	struct secret captured;
	char capture_failure[128];
	bool revealed;	  /* its arguments hold a secret */
	unsigned handles; /* not closed yet */
	bool closing;
};

struct kept {
	struct buf key;
	bool allow;
};

struct tools {
	struct tools_config cfg;
	char *shim_dir, *socket, *tmp, *proxy_program;
	int listen_fd, launcher_fd;
	pid_t launcher_pid, init_pid;
	uv_loop_t *loop;
	struct elevation *elevation;
	struct audit_log *log;
	uv_poll_t listen_poll;
	uv_timer_t pause;
	bool serving, ended;
	struct run *runs;
	size_t n_runs;
	uint64_t last_id;
	struct kept *kept;
	size_t n_kept;
	struct captures *captures; /* NULL: none yet */
	struct edge_secrets {
		const struct command_edge *edge;
		char **v; /* "VARIABLE=secret" */
	} * secrets;
	size_t n_secrets;
	uint64_t slots;	       /* in use */
	uint64_t slots_listed; /* whose groups the session's list names */
};

/* ---- tool_conn.c: the shim ------------------------------------------------------------------ */

void conn_new(struct tools *t, int fd);
/* Sends the reply; what is left of the connection then ends. */
void conn_reply(struct run *r, int code, const char *out, const char *err);
/* Something before the end, with a descriptor if fd >= 0. */
void conn_tell(struct run *r, enum tool_reply_type type, int code, int fd);
/* Refused: the event, and the words for the person. */
void conn_refuse(struct run *r, const char *reason, const char *why);
/* Closes and frees all of it, whatever its state; the tool dies. */
void run_close(struct run *r);
/* A descriptor that can't be watched ends the call: no memory for it. */
void run_watch(struct run *r, uv_poll_t *h, int fd, int events, uv_poll_cb cb);
/* Before its descriptor is closed: to stop is not enough, when the handle is closed later the
 * number may be that of another one, which would then not be watched any more. */
void run_unwatch(struct run *r, uv_poll_t *h);

/* ---- tool_decide.c -------------------------------------------------------------------------- */

/* The call has arrived as a whole. */
void run_decide(struct run *r);
void run_log(struct run *r, bool allowed, bool ended, int code, const struct init_msg *m);

/* ---- tool_capture.c ------------------------------------------------------------------------- */

/* The program's output goes to capture_fd. -1 with errno. */
int capture_open(struct run *r);
void capture_watch(struct run *r);
/* The program has ended: out gets the stand-in, or "". NULL, or what went wrong. */
const char *capture_end(struct run *r, char *out, size_t size);
/* s with its NUL; stand-ins that this call's command may have become what they stand for: true. */
bool capture_reveal(const struct run *r, const char *s, struct buf *to);
void captures_free(struct captures *c);

/* ---- tool_proxy.c --------------------------------------------------------------------------- */

bool run_needs_proxy(const struct run *r);
/* Init listens for it. fd is taken over; shared: on the host's network. -1 with err. */
int run_proxy_start(struct run *r, int fd, uint16_t port, bool shared, struct err *err);
/* GO, with what the tool needs to find its proxy; nothing where that does not serve yet. */
int run_go(struct run *r, struct err *err);
void run_proxy_end(struct run *r);

/* ---- tool_net.c ----------------------------------------------------------------------------- */

/* Requests that the edge's endpoint_policy has a person agree to (struct proxy_config). */
int run_net_ask(void *run, const struct net_ask *a, uint32_t id, struct err *err);
void run_net_drop(void *run, uint32_t id);
void run_net_end(struct run *r);
/* Answers for the session, by key: taken over if it is kept. */
const struct kept *tools_kept(const struct tools *t, const struct buf *key);
void tools_keep(struct tools *t, struct buf *key, bool allow);

/* ---- tool_limits.c -------------------------------------------------------------------------- */

/* Before anything is started, with all rights: where groups of runs will be made. */
void tools_limits_prepare(struct tools *t);
/* Control groups for what the edge limits. -1 with err: nothing holds it as strictly as it must. */
int run_limits_make(struct run *r, struct err *err);
unsigned run_limits_held(const struct run *r); /* bits by enum nono_limit */
/* True if the kernel killed something for the memory's limit. */
bool run_limits_killed(const struct run *r);
void run_limits_end(struct run *r);

/* ---- tool_launch.c ------------------------------------------------------------------------- */

void run_start(struct run *r);

/* ---- tool_end.c ----------------------------------------------------------------------------- */

/* Its program has ended, or could not be started. */
void run_ended(struct run *r, const struct init_msg *m);

/* ---- tool_follow.c --------------------------------------------------------------------------- */

/* It was launched: to its end by itself. */
void run_follow(struct run *r);
/* Ends the program: SIGHUP and SIGTERM, after a while SIGKILL. */
void run_stop(struct run *r);
/* It can't be started after all. */
void run_fail(struct run *r, const char *why);
void run_signal(struct run *r, int sig);

#endif
