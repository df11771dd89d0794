/*
 * profile - what a profile says: one member of the schema, one field here (profile_schema.h has the
 * table). Decoded from a document, merged along "extends".
 *
 * Strings and documents belong to the files that were read; they live as long as the profile. What
 * was not said is zero.
 */
#ifndef NONO_POLICY_PROFILE_H
#define NONO_POLICY_PROFILE_H

#include "common/document.h"
#include "policy/list.h"
#include "policy/policy.h"

/* Where something was said. */
struct place {
	const struct doc *at;
	const char *label; /* of the file */
};

enum said { NOT_SAID = 0, SAID_NO, SAID_YES };

/* One entry of a list, or one member of a map: name and value. */
struct entry {
	const char *text;   /* the string; the member's name; a port as a number */
	struct place place; /* of a map's member: its value */
};
struct entries { /* each text once, in the order it came */
	struct entry *v;
	size_t n, cap;
	struct lookup by_text;
	bool said; /* also when it is empty */
};
bool entries_add(struct entries *l, const char *text, const struct doc *at, const char *label);
/* A map: the later one takes the earlier one's place. */
void entries_put(struct entries *l, const char *text, const struct doc *at, const char *label);
const struct entry *entries_find(const struct entries *l, const char *text);
void entries_free(struct entries *l);

/* What an allowed domain is narrowed to. */
struct endpoint {
	const char *domain, *method, *path; /* method "*" = any */
	struct place place;
};
struct endpoints {
	struct endpoint *v;
	size_t n, cap;
};

/* Lists of "filesystem". STATE and PROTECT are ours: folders that are the agent's own (written by
 * the kernel's leave, no workspace), and what may be read but not changed. */
enum profile_fs {
	FS_ALLOW = 0,
	FS_READ,
	FS_WRITE,
	FS_EXECUTE,
	FS_ALLOW_FILE,
	FS_READ_FILE,
	FS_WRITE_FILE,
	FS_STATE,
	FS_DENY,
	FS_PROTECT,
	FS_BYPASS,
	FS_SUPPRESS_SAVE,
	FS_UNIX_SOCKET,
	FS_UNIX_SOCKET_BIND,
	FS_UNIX_SOCKET_DIR,
	FS_UNIX_SOCKET_DIR_BIND,
	FS_UNIX_SOCKET_SUBTREE,
	FS_UNIX_SOCKET_SUBTREE_BIND,
	FS_LISTS
};
extern const char *const profile_fs_names[FS_LISTS];

/* Words, 0 = not said, else as the schema lists them. */
enum profile_workdir { WORKDIR_NONE = 1, WORKDIR_READ, WORKDIR_WRITE, WORKDIR_READWRITE };
enum profile_sandbox { SANDBOX_AUTO = 1, SANDBOX_LANDLOCK, SANDBOX_EXTERNAL };
enum profile_af_unix { AF_UNIX_OFF = 1, AF_UNIX_PATHNAME };
enum profile_audit { AUDIT_ALL = 1, AUDIT_CHANGES, AUDIT_DECISIONS };

enum profile_origin { PROFILE_BUILTIN = 0, PROFILE_USER, PROFILE_PATH };
const char *profile_origin_name(enum profile_origin o); /* "built-in", "user", "path" */

struct profile_file {
	enum profile_origin origin;
	char *name;   /* built-in and user: what it is found by */
	char *found;  /* how it was found: the path as written; NULL for a built-in one */
	char *path;   /* where it really is */
	char *label;  /* what messages call it */
	bool brought; /* by a repository: not the user's own */
	unsigned char sha256[32];  /* of its text, if it has a document */
	struct document *document; /* NULL for a built-in one */
};

enum profile_note_kind { NOTE_DEPRECATED = 0, NOTE_NO_EFFECT };
struct profile_note {
	enum profile_note_kind kind;
	struct place place;
	char *text; /* "filesystem.override_deny: use filesystem.bypass_protection" */
};

struct profile {
	const struct profile_file *file; /* its own */
	struct profile_file **files;	 /* that, and what it extends */
	size_t n_files;
	struct profile_note *notes;
	size_t n_notes;
	char **made; /* strings that are in no document */
	size_t n_made;

	struct entries extends;
	/* meta */
	const char *name, *version, *description, *author;
	/* security */
	int signal_mode, process_info_mode, ipc_mode, elevation, wsl2_proxy_policy;
	struct entries approval_backends;
	struct place approval_defaults;
	/* linux */
	int af_unix_mediation, sandbox_policy;
	/* groups */
	struct entries include, exclude;
	/* commands: start-only lists of the reference */
	struct entries allow_commands, deny_commands;
	/* filesystem */
	struct entries fs[FS_LISTS];
	/* network */
	int block_net, allow_http2, deny_cloud_metadata;
	const char *network_profile; /* PROFILE_CLEARED: null was said */
	struct entries allow_domain, deny_domain, net_credentials, custom_credentials;
	struct entries approved_endpoints, refused_endpoints;
	struct endpoints endpoints;
	struct entries open_port, listen_port, connect_port, open_port_range, listen_port_range;
	struct entries upstream_bypass, no_proxy;
	const char *upstream_proxy;
	struct place tls_intercept;
	/* credentials */
	struct entries env_credentials; /* reference -> variable */
	struct entries credential_capture, credential_providers, credential_routes;
	int proxy_mode;
	struct entries keystore;
	/* environment */
	struct entries env_allow, env_deny, env_set;
	/* audit */
	int audit_level, audit_integrity_hash, audit_evidence_fs;
	/* Base first: policy/commands/commands.c decodes and merges them. */
	struct place *command_policies;
	size_t n_command_policies;
	/* the rest */
	int workdir;
	struct entries hooks;
	struct place session_before, session_after, open_urls;
	struct entries rollback_patterns, rollback_globs;
	int rollback_before;
	int allow_gpu, allow_launch_services, allow_parent_of_protected, interactive;
	struct entries suppress_system_services, packs, command_args, skipdirs, seatbelt_rules;
	const char *binary;
	/* ours */
	int private_tmp, protect_autorun;
	struct place memory, max_processes, cpu, wall_time;
};
#define PROFILE_CLEARED profile_cleared
extern const char profile_cleared[];

void profile_free(struct profile *p);
static inline void profile_freep(struct profile **p)
{
	if (*p)
		profile_free(*p);
	free(*p);
	*p = NULL;
}
/* A string that lives as long as the profile; taken over. */
const char *profile_keep(struct profile *p, char *s);

/* ---- decoding (profiles/decode.c) ----------------------------------------- */

/* file is taken over, also on failure. host decides "when". faults: NULL, or what is wrong is all
 * put in there, not only the first in err. */
struct profile *profile_decode(const struct doc *root, struct profile_file *file,
			       const struct policy_host *host, struct list *faults,
			       struct err *err);
/* A text that is no file. */
struct profile *profile_read(const char *text, size_t n, enum doc_format format, const char *label,
			     const struct policy_host *host, struct err *err);
/* The same for this machine, in the syntax that the label ends in (JSON if in none). */
struct profile *profile_parse(const char *text, size_t n, const char *label, struct err *err);

/* Does it hold here? -1 with err (no place in it) if it is none that is known. */
int when_holds(const char *predicate, const struct policy_host *host, struct err *err);

/* ---- merging (profiles/merge.c) -------------------------------------------- */

/* What child says on top of base (§8.4 of the reference's rules): base is changed, child is used
 * up. */
void profile_merge(struct profile *base, struct profile *child);

/* ---- finding (profiles/load.c) --------------------------------------------- */

struct profile_request {
	const char *what;	     /* name or path */
	const char *workdir;	     /* canonical; what lies there was brought by a repository */
	const char *const *writable; /* canonical folders that are workspaces too; may be NULL */
	const struct policy_host *host;
	const char *const *extends; /* more bases for this run, left to right; may be NULL */
	struct list *faults;	    /* as profile_decode(); may be NULL */
	bool alone;		    /* as its file says it, without what it extends */
	bool builtin;		    /* the built-in one, whatever the user has by that name */
};
/* With all it extends, merged; not yet on top of "default". */
struct profile *profile_load(const struct profile_request *rq, struct err *err);
bool profile_name_ok(const char *name);
/* The user's own file of that name, NULL if there is none; caller frees. */
char *profile_user_file(const char *name);

void doc_to_json(struct buf *b, const struct doc *d); /* one line */

/* What no part of this version can enforce, by member. */
void modes_unenforced(const struct policy_modes *m, struct list *out); /* modes.c */
void profile_unenforced(const struct profile *p, struct list *out);

#endif
