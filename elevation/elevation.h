/*
 * elevation - the gate: serves the seccomp notify descriptor, decides every trapped call by the
 * policy and the standing decisions, carries out what only the broker may do, and turns denials
 * into requests that a person can answer.
 *
 * Threads: one notify thread (RECV, decide, answer; allocates nothing per event) and a few workers
 * for calls that may block. Everything declared here is called from the broker's loop thread
 * unless it says otherwise; the notify thread wakes the loop through elevation_fd().
 *
 * Rules that never bend:
 *  - SECCOMP_USER_NOTIF_FLAG_CONTINUE only where the kernel's own rules (Landlock) judge the call
 *    again; whatever else is allowed the broker performs on its own copy of the arguments.
 *  - Nothing is granted that the log could not record.
 *  - A request ends by its deadline: denied.
 */
#ifndef NONO_ELEVATION_H
#define NONO_ELEVATION_H

#include "audit/audit.h"
#include "common/common.h"
#include "policy/policy.h"

enum request_kind {
	REQUEST_READ = 0,
	REQUEST_WRITE, /* open for writing, truncate, chmod family */
	REQUEST_CREATE,
	REQUEST_DELETE,
	REQUEST_RENAME,
	REQUEST_EXEC,	  /* never grantable while the program runs; "always" is */
	REQUEST_SOCKET,	  /* connect to a unix socket */
	REQUEST_TOOL,	  /* start a tool (policy/commands/commands.h) */
	REQUEST_HOST,	  /* reach host:port through the network proxy */
	REQUEST_ENDPOINT, /* one kind of request there: method and path */
	REQUEST_URL,	  /* open a page in the user's browser */
};
const char *request_kind_name(enum request_kind k); /* "read", "write", ... */

enum request_scope { SCOPE_ONCE = 0, SCOPE_SESSION, SCOPE_ALWAYS };
const char *request_scope_name(enum request_scope s); /* "once", "session", "always" */
int request_scope_parse(const char *s, enum request_scope *out);

enum request_state { REQUEST_OPEN = 0, REQUEST_GRANTED, REQUEST_DENIED, REQUEST_EXPIRED };

#define REQUEST_ID_LEN	12
#define REQUEST_PARENTS 6

struct request {
	char id[REQUEST_ID_LEN + 1];
	enum request_kind kind;
	enum request_state state;
	enum request_scope scope;      /* of the answer */
	char target[POLICY_PATH_MAX];  /* what is refused; resolved: links followed */
	char target2[POLICY_PATH_MAX]; /* the other path of a rename or link, else "" */
	char asked[POLICY_PATH_MAX];   /* as the program wrote it */
	unsigned access;	       /* enum nono_access */
	unsigned access2;	       /* of target2, 0 if that is not refused */
	bool exists;
	pid_t pid;
	char program[1024];
	char parents[REQUEST_PARENTS][256]; /* nearest first, "" ends */
	char reason[512]; /* what the agent said (nono request), untrusted, may be "" */
	char origin[16];  /* "call" | "request" */
	char group[64];	  /* sensitive group, "" if none */
	char rule[256];	  /* the rule that denies it */
	char backend[64]; /* who answers besides people, "": the default */
	uint64_t opened_ns, deadline_ns; /* CLOCK_MONOTONIC */
	unsigned waiting; /* calls that wait for this answer (same target and access) */
	/* Of a host, an endpoint or a page, else "": */
	char host[256], method[24], route[64];
	uint16_t port;
};

struct violation { /* denials of one target */
	char target[1024];
	char op[16];
	char program[256];
	char tool[65]; /* that it was refused to, "": to the agent */
	char rule[256], source[64];
	unsigned access; /* enum nono_access that was asked for */
	uint64_t count;
	uint64_t first_ns, last_ns; /* CLOCK_REALTIME */
	bool hidden;
	bool grantable;
};

/* What a dialog shows of a tool's arguments: longer ones nobody is asked for. */
#define REQUEST_TOOL_MAX    800
#define REQUEST_ORIGIN_TOOL "tool" /* a tool is started, or one of its requests waits */

/* A tool that only a person may let start. Borrowed strings. */
struct tool_ask {
	const char *line; /* name and arguments, printable, whole */
	const char *cwd, *program, *rule, *reason;
	const char *backend; /* NULL: the default */
	pid_t pid;	     /* who asks */
	unsigned timeout_s;  /* 0: as the configuration says */
};

/* A connection or a request that waits at the network proxy. Borrowed strings. */
struct net_ask {
	const char *host;
	uint16_t port;
	const char *method, *path, *route; /* "" of a connection */
	const char *url;		   /* of a page: without its query; else NULL */
	const char *program, *rule, *reason;
	const char *backend; /* NULL: the default */
	/* The request is a tool's: asked for whatever stands for the session, answered for nobody
	 * else, and kept by who asks. */
	bool of_tool;
	pid_t pid;	    /* 0 = unknown */
	unsigned timeout_s; /* 0: as the configuration says */
};

struct elevation_events {
	/* A risky grant is in the log: a call that changes something, or a standing right to write.
	 * True: it takes effect by elevation_release(), not from within this call. target2 may be
	 * "". NULL: never held. */
	bool (*before)(void *data, const char *id, const char *target, const char *target2);
	void (*opened)(void *data, const struct request *r);
	void (*closed)(void *data, const struct request *r, const char *by);
	void (*changed)(void *data); /* counters moved; at most ~20 times a second */
	/* The answer to elevation_ask_tool(); why: of a denial. */
	void (*tool)(void *data, uint64_t cookie, bool granted, enum request_scope scope,
		     const char *why);
	/* The answer to elevation_ask_net(). */
	void (*net)(void *data, uint64_t id, bool granted, enum request_scope scope,
		    const char *why);
	void *data;
};

struct elevation_config {
	const struct policy *policy;
	const struct policy_spec *spec; /* the kernel's rules, NULL if they are not known here */
	struct audit_log *log;		/* may be NULL (--no-audit) */
	int notify_fd;			/* taken over */
	pid_t init_pid; /* root of the session's process tree, as the host sees it */
	const char *session_id;
	const char *request_socket; /* path of the socket that `nono request` uses, NULL = none */
	const char *tool_socket;    /* path of the socket for tools, NULL = none */
	bool hide_arguments;	    /* of what is executed: they hold a secret */
	uint16_t proxy_port;	    /* where the network proxy listens on 127.0.0.1; 0 = nowhere */
	unsigned timeout_s;	    /* for a request, default 60 */
	/* Leads to who calls elevation_make_sockets() in the session's network; taken over. 0: the
	 * session has the broker's network. */
	int socket_maker;
	/* The gate of a tool: its denials are counted and listed with the session's, which ends
	 * after it. */
	struct elevation *session;
	const char *tool; /* its name */
	struct elevation_events events;
};

/* In a process that is in the session's network: serves one order that came by fd, a seqpacket
 * socket. False: there will be no more. Single-threaded, waits for nothing. */
bool elevation_make_sockets(int fd);

struct elevation;
int elevation_start(const struct elevation_config *cfg, struct elevation **out, struct err *err);
void elevation_stop(struct elevation *e); /* answers everything open with EACCES, joins, frees */

int elevation_fd(const struct elevation *e); /* readable: call elevation_dispatch() */
/* Handles deadlines and finished work; returns ms until it must be called again, -1 for never. */
int elevation_dispatch(struct elevation *e);

/* Open requests in the order of their arrival; the array is valid until the next call here. */
const struct request *const *elevation_requests(struct elevation *e, size_t *n);
const struct request *elevation_find(struct elevation *e, const char *id_prefix, struct err *err);
/* Answers a request. by: who and by which route ("tui pid 12 pts/3", "cli pid 4711"). */
int elevation_answer(struct elevation *e, const char *id, bool grant, enum request_scope scope,
		     const char *by, struct err *err);
/* The answer of somebody who is no person: once. What can't be granted so is denied. by: "webhook
 * NAME"; why: of a denial. */
int elevation_settle(struct elevation *e, const char *id, bool grant, const char *by,
		     const char *why, struct err *err);
/* A held grant takes effect. note: something that people should know of it, NULL = nothing. Does
 * nothing if that ended meanwhile. */
void elevation_release(struct elevation *e, const char *id, const char *note);
/* Opens a request of kind REQUEST_TOOL; the answer comes by the event of that name, which may be
 * before the next dispatch ends. cookie is not 0. */
int elevation_ask_tool(struct elevation *e, const struct tool_ask *a, uint64_t cookie,
		       struct err *err);
/* Nobody waits for it any more; the event comes all the same. */
void elevation_drop_tool(struct elevation *e, uint64_t cookie);
/* Opens a request of kind REQUEST_HOST, REQUEST_ENDPOINT or REQUEST_URL, or joins the one for the
 * same thing; the answer comes by the event of that name. 1: a decision stands that allows it. -1:
 * nobody is asked, err says why. */
const char *request_path(const struct request *r); /* of an endpoint */
/* The origin of a request's page: "https://host[:port]". */
void request_origin(const struct request *r, char *out, size_t size);
int elevation_ask_net(struct elevation *e, const struct net_ask *a, uint64_t id, struct err *err);
void elevation_drop_net(struct elevation *e, uint64_t id);
/* The proxy refused this: counts as a denial. target: "host:port", or "METHOD https://host/path".
 */
void elevation_denied_net(struct elevation *e, const char *target, const char *program,
			  const char *rule, bool grantable);
/* The proxy is no more: nothing leads to it. Any thread. */
void elevation_proxy_gone(struct elevation *e);
/* A host is allowed, or denied, for the session, without a request. */
int elevation_decide_host(struct elevation *e, const char *host, uint16_t port, bool allow,
			  const char *by, struct err *err);
/* A standing decision without a request (violations pane: allow for this session). */
int elevation_allow_session(struct elevation *e, const char *path, unsigned access, const char *by,
			    struct err *err);

/* Who connected to the proxy from this local port: 0 = nobody of the session, as far as is known by
 * now (the connection may be there a moment before). */
pid_t elevation_peer(struct elevation *e, uint16_t port, char *program, size_t size);
/* The same for who decides by it: a connection is found once, for its port may be another's
 * afterwards. */
pid_t elevation_peer_claim(struct elevation *e, uint16_t port);

struct violation_list {
	struct violation *v;
	size_t n;
};
void elevation_violations(struct elevation *e, struct violation_list *out); /* copies; free(v) */
void elevation_hide(struct elevation *e, const char *target, bool hidden);

struct elevation_counts {
	uint64_t calls, denied, granted, requests_open, requests_total;
};
void elevation_counts(const struct elevation *e, struct elevation_counts *out);

/* nono request, run inside a session: asks through the request socket and waits. Exit code. */
int elevation_request_command(int argc, char **argv);

#endif
