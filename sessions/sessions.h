/*
 * sessions - the life of a session: start, broker, registry on disk, control protocol, clients.
 *
 * One session = one supervised program = broker (this room), init (root of the process tree),
 * screen host (when there is a terminal), the program. No daemon, nothing shared.
 */
#ifndef NONO_SESSIONS_H
#define NONO_SESSIONS_H

#include <cjson/cJSON.h>

#include "common/common.h"
#include "policy/policy.h"
#include "pty/pty.h"

#define SESSION_ID_LEN	 16
#define SESSION_NAME_MAX 64

/* ---- start ------------------------------------------------------------- */

/* Snapshots of what the session may write. */
struct session_snapshots {
	bool on;		      /* "rollback": at the start, at the end, every interval */
	const char *name;	      /* a named one before the start, NULL = none */
	unsigned interval_s;	      /* 0 = none in between */
	const char *const *exclude;   /* NULL-terminated, may be NULL, also below */
	const char *const *skip_dirs; /* names of directories */
	const char *const *include;   /* of the automatic exclusions: not these */
	bool all;		      /* none of them */
	uint64_t quota;		      /* bytes of the store, 0 = no bound */
	const char *dest; /* where the store of this session is, NULL = with nono's files */
};

struct session_options {
	char *const *argv; /* program and arguments; empty: the program that the profile names */
	const char *name;  /* NULL: adjective-noun is made up */
	struct policy_input policy;
	char *const *credentials; /* "VARIABLE=reference" (credentials.h), NULL-terminated, may be
				     NULL */
	bool no_audit;
	struct session_snapshots snapshots;
	int audit_integrity; /* the state of writable trees before and after is recorded: 1 yes, -1
				no, 0 as the profile says */
	bool record;	     /* what the terminal is given, for nono replay */
	const char *audit_sink;	    /* URL (audit/export/export.h); NULL = none */
	const char *audit_sign_key; /* signer.h; NULL = no signature */
	unsigned
	    startup_timeout_s;	  /* with a terminal: ends what shows nothing by then; 0 = never */
	unsigned ready_timeout_s; /* session_start(): until it can be attached to; 0 = 30, and
				   * 600 with snapshots */
	/* session_start(): the caller's terminal, for the progress of the first snapshot, and
	 * SIGINT, SIGTERM and SIGHUP give the start up (ERR_INTERRUPTED); "" = no. */
	char progress_tty[64];
	bool terminal;	/* a PTY and a screen host; else descriptors 0-2 are passed through */
	int cols, rows; /* of the PTY at the start */
	int verbose;
	bool silent;
	/* Called once with the resolved policy, before anything is made, in the caller's process; a
	 * negative result (with *err) ends the start. May be NULL. */
	int (*resolved)(void *data, const struct policy *p, struct err *err);
	/* Called in the same process when the session has its id. May be NULL. */
	void (*named)(void *data, const char id[SESSION_ID_LEN + 1]);
	void *data; /* of both */
};

/* Starts a session in the background and returns when it can be attached to. Nothing is left
 * behind on failure. id receives SESSION_ID_LEN digits. */
int session_start(const struct session_options *o, char id[SESSION_ID_LEN + 1], struct err *err);

/* Runs the program with the caller's own descriptors 0-2, the caller being the broker; returns
 * its exit code (128+n for a signal), -1 if it could not be started. */
int session_run(const struct session_options *o, struct err *err);

/* What will be executed: argv, with the program of the profile if it is empty, and the profile's
 * arguments in front of the others. The strings are borrowed. NULL: no program. Caller frees. */
char **session_argv(const struct policy *p, char *const *argv);

/* Confines the caller and executes; returns only on failure. */
int session_wrap(const struct session_options *o, struct err *err);

/* ---- registry ---------------------------------------------------------- */

enum session_status { SESSION_RUNNING = 0, SESSION_PAUSED, SESSION_EXITED };

/* Name of nono in a session's temporary directory, as BROWSER has it. */
#define SESSION_BROWSER "nono-open-url"

struct session_record { /* as of ps --json, reconciled with the process table */
	char id[SESSION_ID_LEN + 1];
	char name[SESSION_NAME_MAX];
	pid_t supervisor_pid, child_pid;
	char started[TIME_STR_MAX];
	uint64_t started_epoch; /* field 22 of the supervisor's /proc/PID/stat */
	uint64_t started_ns;	/* CLOCK_REALTIME */
	enum session_status status;
	bool attached;
	bool has_exit_code;
	int exit_code; /* -1: the supervisor vanished */
	char *profile; /* NULL = none */
	char *workdir;
	char *network;
	char **command; /* redacted; NULL-terminated */
	bool terminal;
	cJSON *json; /* the whole object */
};
struct session_list {
	struct session_record *v;
	size_t n;
};
int session_list(bool all, struct session_list *out, struct err *err); /* newest first */
void session_list_free(struct session_list *l);
/* Unique id prefix, else exact name. Live sessions win over ended ones of the same name. */
int session_find(const char *what, struct session_record *out, struct err *err);
bool session_name_ok(const char *name); /* may a session be called so? */
void session_record_free(struct session_record *r);
const char *session_status_name(enum session_status s);
/* Removes temporary directories that sessions killed together with their supervisor left in /tmp.
 */
void session_sweep(void);
/* Removes records of ended sessions; returns how many (or would have been). */
int session_prune(long older_than_days, long keep, bool dry_run, struct err *err);
/* True inside a sandbox (NONO_CAP_FILE). */
bool session_inside(void);

/* ---- what was refused ------------------------------------------------------ */

#define SESSION_DENIALS_MAX 200

/* Refusals of one target, or of several in one directory; the newest last. */
struct session_denial {
	char path[1024];  /* or address; printable */
	char access[16];  /* "read", "write", "readwrite", "exec", "connect" */
	char reason[32];  /* as of policy_reason_name(), "not_permitted" for what no rule is about
			   */
	char rule[256];	  /* printable, may be "" */
	char source[64];  /* of the rule */
	char flag[1152];  /* that would grant it, "" if none does */
	uint64_t count;	  /* of calls */
	unsigned targets; /* in the directory path, 1 for path itself */
	bool socket;	  /* path is that of a socket */
	bool offer;	  /* may be granted or suppressed by the save prompt */
};
/* Of a session that has ended (its record says it). *total: how many targets there were, also those
 * that are not kept. Caller frees *out. */
int session_denials(const struct session_record *r, struct session_denial **out, size_t *n,
		    uint64_t *total);

/* ---- control protocol --------------------------------------------------
 *
 * <runtime>/<id>/control.sock, stream; frames of u32 length (little endian, <= 1 MiB) and a JSON
 * object. The peer's uid must be ours, and the first frame must show the token of
 * <runtime>/<id>/token. Requests carry "op" and "seq"; the answer the same "seq" and "ok" or
 * "error". Pushed frames carry "event".
 *
 *   hello {token, role}             -> {id, name, status: {...}}
 *   subscribe {}                    -> from now on status/request/answered events
 *   screen {read_only, cols, rows}  -> ok, with a descriptor: the socket to the screen host
 *   requests {}                     -> {requests: [...]}
 *   answer {id, grant, scope}       -> ok
 *   preview {id, deny}              -> {diff}: what "always" would write
 *   allow {path, access, scope}     -> ok (violations pane); preview_allow -> {diff}
 *   suppress {path, apply}          -> {diff}: not offered for saving any more
 *   why {path, access}              -> {allowed, reason, rule, source, suggested_flag}
 *   violations {}                   -> {violations: [...]}
 *   hide {target, hidden}           -> ok
 *   stop {force, timeout_ms}        -> ok at once; the session ends
 *   detach {}                       -> ok, clients dropped
 *   events: status {...}, request {...}, answered {id, state, by}, ended {exit_code},
 *           warning {text}: what a person should know of a grant that took effect
 */

/* What a status line shows; the strings are printable. */
enum session_activity {
	ACTIVITY_STARTING = 0,
	ACTIVITY_WORKING,
	ACTIVITY_WAITING, /* for input: blocked in a read of the terminal, or the program says so */
	ACTIVITY_ASKS,	  /* an open request */
	ACTIVITY_IDLE,
	ACTIVITY_EXITED,
};
const char *session_activity_name(enum session_activity a);

struct session_state {
	enum session_activity activity;
	char evidence[96]; /* why we think so: "program status: blocked (permission)" */
	uint64_t since_ns; /* CLOCK_REALTIME of the last change of activity */
	uint64_t events, denied, granted, requests_open;
	bool log_failed; /* it can't be written: the disk is full */
	bool exited;
	int exit_code;
	unsigned clients;
	char title[PTY_TITLE_MAX];
};

struct session_request_info { /* a request as a client sees it */
	char id[16], kind[16], target[4096], target2[4096], asked[4096], access[16], program[1024];
	char parents[1024], reason[512], group[64], rule[256], origin[16], scope_hint[512];
	pid_t pid;
	bool exists, grantable_now;
	uint64_t opened_ns, deadline_ns; /* CLOCK_MONOTONIC: same machine */
	unsigned waiting;
};
int session_request_parse(const cJSON *o, struct session_request_info *out);
int session_state_parse(const cJSON *o, struct session_state *out);

struct session_client;
struct session_client_events {
	void (*status)(void *data, const struct session_state *s);
	void (*request)(void *data, const struct session_request_info *r);
	void (*answered)(void *data, const char *id, const char *state, const char *by);
	void (*warning)(void *data, const char *text);
	void (*reply)(void *data, int seq, const cJSON *answer,
		      int fd); /* async calls; fd or -1, owned by the callee */
	void (*closed)(void *data);
	void *data;
};
/* Connects and says hello (bounded by 2 s). ev may be NULL for synchronous use. */
struct session_client *session_connect(const char *id, const struct session_client_events *ev,
				       struct err *err);
void session_client_free(struct session_client *c);
int session_client_fd(const struct session_client *c);
bool session_client_want_write(const struct session_client *c);
int session_client_on_readable(struct session_client *c); /* -1: over */
int session_client_on_writable(struct session_client *c);
/* Sends a request; args is taken over (may be NULL). Returns its seq. */
int session_client_send(struct session_client *c, const char *op, cJSON *args);
/* Sends and waits for the answer; caller deletes it. fd may be NULL. NULL on "error". */
cJSON *session_client_call(struct session_client *c, const char *op, cJSON *args, int *fd,
			   int timeout_ms, struct err *err);

/* The directory of the session's sockets; caller frees. */
char *session_runtime_dir(const char *id);

#endif
