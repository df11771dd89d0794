/*
 * commands - the tool sandbox's policies ("command_policies" of a profile): programs that are not
 * started by the agent but for it, each with a confinement of its own.
 *
 * A command has edges: one for each caller that may use it ("session" is the agent and what it
 * starts, any other caller is a command). The edge says what the program may do and, by its
 * invocation policy, with which arguments it is started at all. Nothing is inherited: neither from
 * the agent nor from the caller.
 *
 * Layers (what "extends" brings, base first) are decoded on top of each other: lists at the top
 * grow, a command is completed member by member, an edge is replaced as a whole.
 */
#ifndef NONO_POLICY_COMMANDS_H
#define NONO_POLICY_COMMANDS_H

#include "common/document.h"
#include "policy/approvals.h"
#include "policy/policy.h"

#define COMMAND_NAME_MAX     64
#define COMMANDS_MAX	     256
#define COMMAND_SESSION	     "session" /* the caller that is no command */
#define COMMAND_STREAM_MAX   (1ull << 40)
#define COMMAND_WITHHELD_MAX (16ull << 20) /* "deny" holds the output back until the end */

struct words { /* owned; v ends in NULL once there is one */
	char **v;
	size_t n;
};

enum command_decision { COMMAND_DENY = 0, COMMAND_APPROVE, COMMAND_ALLOW };

enum command_fit { FIT_EXACT = 0, FIT_PREFIX, FIT_CONTAINS, FITS };

struct command_condition { /* on a variable of the caller's environment */
	char *name;
	struct words one_of;
};

/* All that is said must fit. */
struct command_rule {
	bool has[FITS];
	struct words argv[FITS]; /* arguments, without the command's name */
	struct command_condition *env;
	size_t n_env;
	char *reason, *backend;
	unsigned timeout_s; /* 0: not said */
};

struct command_rules {
	struct command_rule *v;
	size_t n;
};

struct command_invocation {
	bool said;
	enum command_decision otherwise;
	char *backend;
	unsigned timeout_s;
	struct command_rules rules[3]; /* by enum command_decision; deny first, allow last */
};

enum command_on_limit { LIMIT_TRUNCATE = 0, LIMIT_TERMINATE, LIMIT_DENY };
struct command_stream {
	uint64_t max_bytes; /* 0: no limit */
	enum command_on_limit on_limit;
};
const char *command_on_limit_name(enum command_on_limit l);

enum command_backend { RESOURCES_AUTO = 0, RESOURCES_CGROUP, RESOURCES_PORTABLE };
struct command_resources { /* 0: no limit */
	enum command_backend backend;
	bool fail_if_weaker; /* auto: no less than a control group */
	uint64_t memory_bytes, cpu_seconds, wall_time_seconds, max_processes, max_file_size_bytes,
	    max_output_bytes;
};

enum command_fs { BOX_READ = 0, BOX_READ_FILE, BOX_WRITE, BOX_WRITE_FILE, BOX_LISTS };

/* proxy: the tool's proxy puts it into requests, the tool has a stand-in. ambient: a variable. */
enum command_credential_type {
	CREDENTIAL_SOCKET = 0,
	CREDENTIAL_FILE,
	CREDENTIAL_PROXY,
	CREDENTIAL_AMBIENT
};
struct command_credential {
	char *name;
	enum command_credential_type type;
	char *path, *env_var;
	char *key; /* reference, as of credential routes */
	struct words command;
	char *upstream, *base_url_var, *header, *format, *tls_ca, *tls_cert, *tls_key;
};
struct command_use { /* of a credential by an edge */
	char *name;
	bool narrowed;
	struct policy_endpoints endpoints;
};

struct command_network {      /* nothing said: none */
	bool all, names;      /* names: of hosts, through a proxy of the tool's own */
	struct words domains; /* as --allow-domain takes them */
	struct policy_ports connect, bind;
};

struct command_box { /* "sandbox" */
	struct words fs[BOX_LISTS];
	struct words argv_prepend;
	struct command_network net;
	bool has_env_allow;
	struct words env_allow, env_set; /* env_set: NAME=value */
	struct command_resources resources;
	struct command_stream stream[2]; /* stdout, stderr */
	struct command_use *uses;
	size_t n_uses;
	bool raw_files_chained;
	/* Pages that it may have opened: as the session may, of these origins, of this machine. */
	bool open_session, open_localhost;
	struct words open_origins;
	char *missing; /* what it asks for and this version does not have */
};

struct command_edge {
	char *caller;
	bool denied;
	struct command_box box;
	struct command_invocation invocation;
	/* commands_resolve() */
	struct policy *policy;
	char *why_none; /* it can't be used, and why */
};

/* capture: the caller gets a stand-in for what the program prints, which becomes the real thing
 * again in later calls of the commands that may have it. exec: something else runs in its place. */
enum command_action { ACTION_PASSTHROUGH = 0, ACTION_RESPOND, ACTION_CAPTURE, ACTION_EXEC };
struct command_intercept {
	struct words args;
	enum command_fit fit;
	enum command_action action;
	char *out; /* respond */
	unsigned exit_code;
	/* capture and exec: what is run, both unset: the command itself. The words are all of its
	 * arguments; a script gets the caller's as "$@". */
	struct words run;
	char *script;
	struct words reveal_to; /* capture: commands besides this one */
	/* commands_resolve() */
	char *path;	/* of run[0] or the shell */
	char *why_none; /* it can't be used, and why */
};

struct policy_command {
	char *name;
	char *executable; /* as written, NULL: found by name */
	bool allow_writable;
	struct words can_use, allow_direct;
	struct command_edge *edges;
	size_t n_edges;
	struct command_intercept *intercepts;
	size_t n_intercepts;
	unsigned line, column;
	char *label; /* of the file it is in */
	/* commands_resolve() */
	char *path;	/* what is executed, links followed */
	char *why_none; /* it can't be used, and why */
};

struct command_policies {
	struct words executable_dirs, deny_direct;
	bool allow_writable;
	struct command_credential *credentials;
	size_t n_credentials;
	struct approvals approvals; /* with those of the whole session, once resolved */
	struct policy_command *v;
	size_t n;
};

/* Decodes one more layer. label is the file's. On failure what is there is only good to be freed.
 */
int commands_decode(struct command_policies **to, const struct doc *at, const char *label,
		    struct err *err);
void commands_free(struct command_policies *c);

struct policy_command *commands_find(const struct command_policies *c, const char *name);
struct command_edge *command_edge_from(const struct policy_command *c, const char *caller);

/* ---- questions ---------------------------------------------------------------------- */

struct command_call {
	const char *name, *caller;
	char *const *args; /* without the name; NULL-terminated */
	char *const *env;  /* of the caller; NULL: unknown, no condition on it fits */
};

struct command_verdict {
	enum command_decision decision;
	const char *reason;  /* "command_edge_allowed", ..., or the rule's own text */
	char details[512];   /* a sentence, "" if there is nothing to add */
	char rule[256];	     /* which rule: "deny[0] prefix: push --force" */
	const char *backend; /* approve: NULL = the default one */
	unsigned timeout_s;  /* approve: 0 = the default */
	const struct policy_command *command;
	const struct command_edge *edge;
	const struct command_intercept *intercept; /* that applies, NULL if none */
};

/* Pure: no I/O. c may be NULL. */
void policy_command_query(const struct command_policies *c, const struct command_call *call,
			  struct command_verdict *v);

/* ---- resolving (commands/resolve.c) ------------------------------------------------------ */

/* Finds the executables and makes each edge's policy; p->no_exec receives what the agent must not
 * execute itself. in: of the session. A command whose executable is not there, or could be
 * changed by the agent, is not usable (why_none, and a warning in p). */
int commands_resolve(struct policy *p, const struct policy_input *in, struct err *err);

/* The environment of a tool: the caller's as far as the edge lets it pass, ours where it decides
 * what is executed and whose files are read. NULL-terminated, strv_free(). */
char **command_environment(const struct command_edge *e, char *const *caller, char *const *ours,
			   char *const *extra);

#endif
