/*
 * audit - the record of a session: events, hash chain, Merkle root, ledger, and reading it again.
 *
 * Writer: any thread of the broker emits; one writer thread formats, hashes and appends. Emitting
 * copies into a preallocated ring and allocates nothing; a full ring makes the emitter empty it
 * itself. Nothing is dropped while the file takes anything. When it does not (disk full), what is
 * hashed already is kept and written later, emitting never blocks, audit_failed() says so, and
 * what found no room is counted and stands in the log as events_lost as soon as it can be written.
 * An event is in the file after 20 ms at most, or at once by audit_flush(). Nothing is fsynced:
 * the log survives the death of every process, not that of the machine. On disk:
 * <state>/audit/<id>/{session.json,audit-events.ndjson} and <state>/audit/ledger.ndjson, formats
 * and hashes "alpha" as of the reference.
 */
#ifndef NONO_AUDIT_H
#define NONO_AUDIT_H

#include "common/common.h"

enum audit_kind {
	AUDIT_OPEN = 0, /* a file was opened (or refused) */
	AUDIT_EXEC,
	AUDIT_CHANGE,	/* mkdir, unlink, rename, link, symlink, chmod, truncate, ... */
	AUDIT_CONNECT,	/* connect or bind, any family */
	AUDIT_LIMIT,	/* a limit of the session was reached: op = which, source = what holds it */
	AUDIT_SNAPSHOT, /* a snapshot of the session was taken or put back: op = "start", "end",
			 * "timer", "manual", "before-restore", "restore"; target = its number, rule
			 * = its Merkle root, source = how many files */
	AUDIT_TERMINAL, /* something with an effect outside the pane: clipboard, notification, title
			 */
};

enum audit_decision {
	AUDIT_ALLOWED = 0, /* by policy */
	AUDIT_DENIED,	   /* by policy, or nobody answered */
	AUDIT_GRANTED,	   /* by an answer */
	AUDIT_MISSING,	   /* the target did not exist; nothing was refused */
};

/* One event of the hot path. Strings are borrowed for the call only; NULL = absent. */
struct audit_event {
	enum audit_kind kind;
	enum audit_decision decision;
	uint64_t time_ns; /* CLOCK_REALTIME */
	pid_t pid, ppid;  /* as seen from the host */
	int err;	  /* errno the agent got, 0 if none or unknown */
	const char *op; /* "read" "write" "readwrite" "create" "exec" "mkdir" "rename" "connect" ...
			   static */
	const char *target; /* path, address */
	size_t target_len;
	const char *target2; /* second path of a rename or link; argv of an exec */
	size_t target2_len;
	const char *program; /* path of the executable */
	const char *rule;    /* rule that decided */
	const char *source;  /* where the rule comes from */
};

/* A decision on a request, §6.3 capability_decision. */
struct audit_decision_event {
	const char *request_id, *kind, *path, *access, *reason, *backend, *scope, *by;
	const char *program;
	pid_t pid;
	bool granted, timed_out;
	const char *deny_reason;
	uint64_t duration_ms;
	const char *host; /* of a host or an endpoint, else NULL */
	uint16_t port;
	const char *method, *route; /* then not NULL */
};

/* A connection or request through the network proxy, §6.2 network: when it was decided, and once
 * more when it has ended. Words are the reference's. Strings "" or NULL: absent. */
struct audit_network_event {
	const char *mode, *decision, *target;
	uint16_t port, status;
	const char *method, *path, *reason, *rule, *route, *auth_mechanism, *auth_outcome,
	    *injection, *category, *upstream, *address, *program;
	pid_t pid;
	uint64_t time_ns;				       /* CLOCK_REALTIME */
	uint64_t connection, bytes_in, bytes_out, duration_us; /* the last three: ended */
	bool ended, denied, intercepted, websocket, http2;
};

/* A page that the program wanted in the user's browser, without its query. */
struct audit_url_event {
	const char *url, *error, *program; /* error NULL: it is opened */
	pid_t pid;
	uint64_t time_ns;
};

/* A call of a tool, §6.2 command_policy: when it was decided, and once more when it has ended. */
struct audit_stream {
	uint64_t total, forwarded, max;
	bool exceeded;
	const char *on_limit; /* NULL: not counted */
};
struct audit_command_event {
	const char *command, *caller, *reason, *stdio_mode, *cwd;
	bool caller_is_command, allowed;
	pid_t caller_pid, shim_pid, root_pid;
	char *const *argv; /* with the command's name */
	char *const *env;  /* what the program gets, or of a refused call, what its caller has */
	bool ended;
	int exit_code;
	struct audit_stream stream[2];
};

struct audit_session_info {
	const char *session_id;
	char *const *command;	/* already redacted, see audit_redact_command() */
	const char *executable; /* resolved path of the program, may be NULL */
	const char *profile, *workdir;
	bool tool_sandbox;			 /* commands have policies of their own */
	const char *layers_json;		 /* object, may be NULL */
	const char *policy_json;		 /* object, may be NULL */
	const char *sink;			 /* URL that events go to as well; NULL = none */
	const struct audit_redaction *redaction; /* as long as the log */
	char *const *trees;	    /* whose state before and after is recorded; NULL = none */
	char *const *tracked_paths; /* writable grants; NULL-terminated */
};

struct audit_log;
/* Creates the directory and starts the writer thread. Hashes the executable in that thread. */
/* The event file is locked (flock) while the log is open: the lock tells others that the session is
 * alive. A child that lives on without exec must close the descriptor (it is close-on-exec). One
 * line each of session_started and sandbox_runtime is written before this returns. */
int audit_log_open(const struct audit_session_info *info, struct audit_log **out, struct err *err);
/* The same in two steps: the first makes the files (and takes no notice of layers and policy), so
 * that the second has little left to do. A log that never began is closed without a trace. */
int audit_log_prepare(const struct audit_session_info *info, struct audit_log **out,
		      struct err *err);
int audit_log_begin(struct audit_log *log, const char *layers_json, const char *policy_json,
		    struct err *err);
/* The record of this session gets a signature when it ends: sign() makes a bundle of an in-toto
 * statement. Everything is borrowed until audit_log_close(). A session that can't be signed ends
 * without one, which audit_log_close() says on standard error. */
struct audit_signer {
	int (*sign)(void *data, const char *statement, size_t n, struct buf *bundle,
		    struct err *err);
	void *data;
	const char *key_id, *public_key;
};
void audit_log_sign(struct audit_log *log, const struct audit_signer *s);
/* A new file beside the log, for writing; -1 with err. And a record's file, for reading. */
int audit_log_file(struct audit_log *log, const char *name, struct err *err);
int audit_open_file(const char *session_id, const char *name, struct err *err);
#define AUDIT_SCREEN_FILE "screen.rec"
/* Snapshots were taken of the session: how many, Merkle roots of the first and the last one (64 hex
 * digits, "" = none). Before audit_log_close(), which writes an event of it. */
void audit_log_snapshots(struct audit_log *log, unsigned count, const char *first,
			 const char *last);
void audit_emit(struct audit_log *log,
		const struct audit_event *ev); /* log may be NULL: no audit */
void audit_emit_decision(struct audit_log *log, const struct audit_decision_event *ev);
void audit_emit_command(struct audit_log *log, const struct audit_command_event *ev);
void audit_emit_network(struct audit_log *log, const struct audit_network_event *ev);
void audit_emit_url(struct audit_log *log, const struct audit_url_event *ev);
/* Puts everything emitted before into the file, in the caller's thread (2 us when little waits). -1
 * if the log failed: a grant must then be refused. */
int audit_flush(struct audit_log *log);
bool audit_failed(const struct audit_log *log);
/* Events written so far, denials among them. */
void audit_counts(const struct audit_log *log, uint64_t *events, uint64_t *denials);
/* Nobody may emit any more. Ends the log: session_ended, session.json, ledger entry; frees.
 * exit_code as recorded. */
int audit_log_close(struct audit_log *log, int exit_code, struct err *err);

/* What the broker could not do (it was killed): closes an orphaned record of a dead session:
 * a torn last line is cut off, session_ended with exit code -1, session.json and the ledger entry
 * are added where they are missing. May be called again and by several at once. err.code is EBUSY
 * (after 0.2 s) while the session has its supervisor. */
int audit_adopt(const char *session_id, struct err *err);

/* What the user's configuration adds to what is taken for a secret; NULL = nothing. */
struct audit_redaction;
/* *out NULL: there is nothing. Fails if the file is damaged. */
int audit_redaction_load(struct audit_redaction **out, struct err *err);
void audit_redaction_free(struct audit_redaction *r); /* NULL is fine */
const struct audit_redaction *
audit_log_redaction(const struct audit_log *log); /* log may be NULL */
/* Replaces secret-looking values by "[REDACTED]". Caller frees with strv_free-like loop. */
char **audit_redact_command(const struct audit_redaction *r, char *const *argv);
/* The same as one line, with blanks between, at the end of out; allocates only what out lacks. */
void audit_redact_line(const struct audit_redaction *r, char *const *argv, struct buf *out);

/* ---- reading ----------------------------------------------------------- */

struct audit_line {
	uint64_t sequence;
	const char
	    *json; /* the "event" object as text, NUL-terminated, valid until the next call */
	size_t json_len;
};
/* One event in fields, for lists and panes; strings point into the record's own buffer. */
struct audit_record {
	uint64_t sequence;
	char type[32];	   /* "open", "exec", "change", "connect", "capability_decision", ... */
	char decision[12]; /* "allowed" "denied" "granted" "missing" or "" */
	char op[16];
	char time[TIME_STR_MAX];
	pid_t pid, ppid;
	int err;
	char target[4096], target2[4096], program[1024], rule[1024], source[128];
};
struct audit_reader;
int audit_reader_open(const char *session_id, struct audit_reader **out, struct err *err);
/* 1 = a line, 0 = nothing more at present (a live log may grow), -1 = damaged. */
int audit_reader_next(struct audit_reader *r, struct audit_line *line, struct err *err);
/* Starts again n lines before the end (for a pane that opens on a long log). */
int audit_reader_seek_tail(struct audit_reader *r, size_t n, struct err *err);
/* Where the next line begins, in bytes; and going there, or to n lines before it. */
uint64_t audit_reader_offset(const struct audit_reader *r);
int audit_reader_seek(struct audit_reader *r, uint64_t offset, size_t n, struct err *err);
int audit_reader_fd(const struct audit_reader *r); /* for inotify by path, see /proc/self/fd */
void audit_reader_free(struct audit_reader *r);
int audit_parse(const char *json, size_t len, struct audit_record *out);
/* Nanoseconds since 1970 of an RFC 3339 time, 0 if it is none. */
uint64_t audit_time_ns(const char *s);

/* ---- the commands ------------------------------------------------------------ */

/* Each prints to standard output and returns the exit code, -1 with err: 1 where something that
 * was recorded does not hold. id: a session's, or what begins no other's. Strings are borrowed,
 * NULL = not given. */
struct audit_list_options {
	const char *since, *until, *command, *path;
	long recent; /* 0 = all */
	bool today, json;
};
int audit_list(const struct audit_list_options *o, struct err *err);
struct cJSON;
struct audit_show_options {
	const char *id, *path;
	const char *const *kinds; /* NULL-terminated, each words with commas between */
	bool denied, tree, timeline, json;
	/* The session's snapshots as an array of objects (number, timestamp, reason, file_count,
	 * merkle_root, changes); with_changes false: without those. NULL, or an answer of NULL:
	 * there are none. */
	struct cJSON *(*snapshots)(const char *id, bool with_changes);
};
int audit_show(const struct audit_show_options *o, struct err *err);
struct audit_verify_options {
	const char *id; /* NULL: all there are, a line each */
	bool json;
	/* Looks at the bundle of a signed record; in and out are nono-sign's (audit/sign/sign.h).
	 */
	int (*check_bundle)(const char *in, size_t n, struct buf *out, struct err *err);
	const char *public_key; /* in PEM: it must be this one; NULL = any */
};
int audit_verify(const struct audit_verify_options *o, struct err *err);
/* Removes records of ended sessions. What any of the limits keeps stays; -1 = no such limit, no
 * limit = all go. Damaged ones go with all only. */
struct audit_cleanup_options {
	long keep;	 /* the newest */
	long older_than; /* days */
	long max_bytes;	 /* of all that stay: the oldest go */
	bool all, dry_run, json;
};
int audit_cleanup(const struct audit_cleanup_options *o, struct err *err);
/* The same by itself: table [audit] of config.toml, max_sessions (ended ones, the newest stay),
 * max_age_days, max_storage_gb (of all; the oldest go). What one of them does not keep goes; not
 * what runs, is damaged or not delivered to its sink. All zero = nothing goes. */
enum audit_limit { AUDIT_MAX_SESSIONS = 0, AUDIT_MAX_AGE, AUDIT_MAX_BYTES, AUDIT_LIMITS };
struct audit_limits {
	bool has[AUDIT_LIMITS];
	uint64_t sessions, age_s, bytes;
};
/* No file or no table: all zero. err names file, line and column. */
int audit_limits_load(struct audit_limits *out, struct err *err);
bool audit_limited(const struct audit_limits *l);
/* How many records it removed. May be killed at any step, and run by several at once. */
int audit_keep(const struct audit_limits *l, struct err *err);
/* A proof that an event is in the log and the ledger; of the ledger of a checkpoint (a file), or as
 * it is now. */
struct audit_prove_options {
	const char *id, *event, *checkpoint;
};
int audit_prove(const struct audit_prove_options *o, struct err *err);
/* The ledger's size and root, into out as JSON; with since (a file): a proof that it begins with
 * what it was then. */
int audit_checkpoint(const char *since, struct buf *out, struct err *err);
int audit_check(const char *file, const char *checkpoint, struct err *err);
/* The one session that arg names or begins, into id. */
int audit_find(const char *arg, char id[65], struct err *err);

#endif
