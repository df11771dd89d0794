/*
 * policy - what an agent may do: profiles, groups, merging, resolving to one flat rule set, and
 * the question "may it?". Resolving does not touch the kernel's sandbox interfaces; the only
 * thing it reads is profile files and (in policy_spec) the directories around denied paths.
 */
#ifndef NONO_POLICY_H
#define NONO_POLICY_H

#include "common/common.h"
#include "sandbox/nono.h"

#define POLICY_PATH_MAX 4096

enum policy_reason {
	POLICY_GRANTED_PATH = 0, /* "granted_path" */
	POLICY_SENSITIVE_PATH,   /* "sensitive_path": a deny rule */
	POLICY_PROTECTED_PATH,   /* "protected_path": would run code later (git hooks, settings, ...) */
	POLICY_INSUFFICIENT,     /* "insufficient_access" */
	POLICY_NOT_GRANTED,      /* "path_not_granted" */
	POLICY_OWN_STATE,        /* "nono_state": nono's own files, never grantable */
};
const char *policy_reason_name(enum policy_reason r);

/* Who carries out an allowed access. */
enum policy_route {
	POLICY_KERNEL, /* a Landlock rule covers it: the call may simply continue */
	POLICY_BROKER, /* only the broker may do it, on its own copy of the path */
};

struct policy_verdict {
	bool allowed;
	enum policy_reason reason;
	enum policy_route route;
	bool grantable;       /* a request may lift this denial (never for POLICY_OWN_STATE) */
	const char *source;   /* rule that decided: "user", "profile", "group:deny_credentials", ...; static in the policy */
	const char *rule;     /* its path or pattern, NULL if no rule matched */
	unsigned rule_access; /* enum nono_access of the closest grant */
};

struct policy_grant {
	char *path; /* canonical */
	unsigned access;
	bool is_file;
	bool guarded; /* changes below it go through the broker */
	char *source; /* "user", "profile", "group:NAME", "system" */
};
struct policy_deny {
	char *path; /* canonical as far as it exists */
	unsigned access; /* what is refused; NONO_READ|NONO_WRITE|NONO_EXEC = closed */
	char *source;
};

enum policy_audit_level { POLICY_AUDIT_ALL = 0, POLICY_AUDIT_CHANGES, POLICY_AUDIT_DECISIONS };

/* Everything about a run that the command line decides. Strings are borrowed. */
struct policy_input {
	const char *profile;    /* name or path, NULL = default only */
	const char *workdir;    /* NULL = the current directory */
	bool allow_cwd;
	const char *const *allow, *const *read, *const *write; /* NULL-terminated, may be NULL */
	const char *const *allow_file, *const *read_file, *const *write_file;
	int block_net;          /* -1 profile decides, 0 --allow-net, 1 --block-net */
	int elevation;          /* -1 profile decides, else bool */
	int protect_workspace;  /* -1 profile decides, else bool: auto-run files */
	enum policy_audit_level audit_level;
	enum nono_want namespaces;
};

/* The resolved policy of one run. Read-only after policy_resolve(); shared by threads. */
struct policy {
	char *profile_name; /* NULL when none was named */
	char *workdir;      /* canonical */
	char *home;
	struct policy_grant *grants;
	size_t n_grants;
	struct policy_deny *denies;
	size_t n_denies;
	char **unix_sockets; /* path sockets that may be connected to */
	size_t n_unix_sockets;
	char **env_deny, **env_allow; /* names or PREFIX*; NULL-terminated; env_allow NULL = all */
	char **env_set;               /* "NAME=value", NULL-terminated */
	bool net_blocked;
	bool elevation;
	bool protect_workspace;
	bool private_tmp;
	enum policy_audit_level audit_level;
	enum nono_want namespaces;
	char **warnings; /* e.g. grants skipped because the path does not exist; NULL-terminated */
	struct policy_index *index; /* for policy_check() */
};

int policy_resolve(const struct policy_input *in, struct policy **out, struct err *err);
void policy_free(struct policy *p);
static inline void policy_freep(struct policy **p)
{
	policy_free(*p);
}

/* May path (absolute, clean, links already followed) be used with access? Allocates nothing,
 * does no I/O: fit for the notify thread. create: the last component does not exist yet. */
void policy_check(const struct policy *p, const char *path, unsigned access, bool create,
		  struct policy_verdict *v);

/* True if path is an ancestor of something denied or protected, so that it must not be moved or
 * replaced. */
bool policy_pinned(const struct policy *p, const char *path);

/* Name of the deny group whose kind of thing path is ("ssh keys", ...), NULL if none: for the
 * dialog, also when a grant lifted the rule. */
const char *policy_sensitive_group(const struct policy *p, const char *path);

/* The flag that would allow it ("--read-file /x"), never a parent of anything sensitive. */
void policy_suggest(const struct policy *p, const char *path, unsigned access, char *out,
		    size_t size);

/* The spec for libnono. supervised: a broker will perform what POLICY_BROKER says, so guarded
 * trees get no write rights in the kernel and denied paths inside allowed trees are carved out of
 * the Landlock rules; without it (nono wrap) covers and the narrowest kernel rules have to do, and
 * what can't be held is an error. tmp is the session's private temporary directory. */
struct policy_spec; /* owns the memory that the nono_spec points to */
int policy_spec_new(const struct policy *p, bool supervised, const char *tmp,
		    struct policy_spec **out, struct err *err);
const struct nono_spec *policy_spec_get(const struct policy_spec *s);
void policy_spec_free(struct policy_spec *s);

/* The agent's environment: inherited minus what is dangerous, minus what the profile refuses, plus
 * what it sets, plus extra ("NAME=value"). NULL-terminated, caller frees with strv_free(). */
char **policy_environment(const struct policy *p, char *const *inherited, char *const *extra);
void strv_free(char **v);

/* Adds a standing rule to the user's profile (a file of his own that extends the one in use).
 * Without apply the text of the change (unified diff) alone is returned in *diff; caller frees. */
int policy_always(const struct policy *p, const char *path, unsigned access, bool deny, bool apply,
		  char **diff, struct err *err);

/* The capability summary of a dry run and of the start ("Capabilities:" ...), §2.2 of the
 * reference. verbose adds sources and non-user grants. */
void policy_describe(const struct policy *p, int verbose, struct buf *out);

/* JSON of the policy for the session record and NONO_CAP_FILE. */
void policy_to_json(const struct policy *p, struct buf *out);

/* Names of the built-in and user profiles, sorted; NULL-terminated; strv_free(). */
char **policy_profiles(void);

#endif
