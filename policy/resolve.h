/*
 * resolve - from profile, groups and flags to the rules of struct policy. Internal to the room.
 */
#ifndef NONO_POLICY_RESOLVE_H
#define NONO_POLICY_RESOLVE_H

#include "policy/commands/commands.h"
#include "policy/index.h"
#include "policy/policy.h"
#include "policy/profile.h"

#define CLOSED ((unsigned)(NONO_READ | NONO_WRITE | NONO_EXEC))

struct canon_dir { /* a directory as it was written, and where it is */
	char *from, *to;
	size_t len; /* of from */
	bool exists;
	unsigned asked;		 /* how often for what is in it */
	struct dir_names *names; /* what is in it, once that was asked often; NULL: unknown */
};

struct yielding { /* a rule of a group that waits for what is granted */
	char *path, *source, *label;
	unsigned access;
	bool quiet;
};

struct resolver {
	struct policy *p;
	struct err *err;
	char *own[3];	    /* state, config, runtime: canonical */
	struct list stores; /* places of snapshots: as nono wrote them down, and canonical */
	char *account_home; /* of the password entry, where $HOME is another: NULL if it isn't */
	struct canon_dir *dirs;
	size_t n_dirs, cap_dirs;
	struct lookup by_dir;		 /* dirs by from */
	struct lookup by_grant, by_deny; /* the policy's, by path */
	bool indexed;			 /* but for those that p->index knows already */
	size_t cap_grants, cap_denies;
	struct list skipped; /* user's grants of paths that don't exist */
	struct list sockets, bypass, suppress;
	struct yielding *yielding;
	size_t n_yielding;
};
void resolver_free(struct resolver *r); /* not the policy */

/* ---- paths (canon.c) --------------------------------------------------- */

/* "~/x", "$VAR/x", "/x" -> absolute. NULL without an error message: the variable is not set and the
 * entry means nothing here; NULL with one: wrong. */
char *expand_path(const struct resolver *r, const char *entry, const char *who, bool *unset);
/* All that an entry of a profile stands for: one path, none (a variable that is not set), or what a
 * @git: token says. */
int expand_entry(const struct resolver *r, const char *entry, const char *who, struct list *out);
#define GIT_TOKEN "@git:"
int git_token(const struct resolver *r, const char *entry, const char *who, struct list *out);
/* The same below the account's own home, where $HOME is another; NULL if the entry isn't below "~".
 */
char *expand_account(const struct resolver *r, const char *entry);
/* Canonical as far as the path exists; the rest stays as written. exists and is_dir may be NULL. */
char *canon(struct resolver *r, const char *path, bool *exists, bool *is_dir);
void canon_free(struct resolver *r);

/* ---- rules (rules.c) ---------------------------------------------------- */

/* Makes a resolver for a policy that has rules, and an index of them, already. Rules are added
 * only; the index is to be built anew then. */
void rules_take(struct resolver *r, struct policy *p);
/* The grant of exactly this path, n bytes long; NULL if there is none. */
struct policy_grant *rules_grant(const struct resolver *r, const char *path, size_t n);
/* Is path, or a folder that it lies in, granted, with all of access? */
bool rules_cover(const struct resolver *r, const char *path, unsigned access);
/* An error for a grant that overlaps nono's own files. */
int check_own(struct resolver *r, const char *path, bool is_file);

enum grant_flag {
	GRANT_FILE = 1 << 0,
	GRANT_WORKSPACE = 1 << 1,
	GRANT_MISSING = 1 << 2,
	GRANT_GLOB = 1 << 3,
	GRANT_DEVICE = 1 << 4,
	GRANT_STATE = 1 << 5,
	GRANT_OBSERVED = 1 << 6,
	GRANT_LISTING = 1 << 7,
};
int add_grant(struct resolver *r, const char *canonical, unsigned access, unsigned flags,
	      const char *source);
/* The rule is valid until the next one is added. */
struct policy_deny *add_deny(struct resolver *r, const char *canonical, unsigned access,
			     const char *source, const char *label, bool own, bool quiet);
void lift_deny(struct resolver *r, const char *canonical); /* never nono's own */
void add_warning(struct policy *p, char *text);		   /* taken over */

#define TMP_DIRS 2
extern const char *const tmp_dirs[TMP_DIRS]; /* what a private view lies over */

/* "read", "write", "readwrite": as JSON has it (describe.c). */
const char *access_word(unsigned access);

/* ---- parts -------------------------------------------------------------- */

int settings_approvals(struct policy *p, const struct profile *prof, struct err *err);
void settings_take(struct policy *p, const struct policy_input *in, const struct profile *prof);
int profile_apply(struct resolver *r, const struct profile *prof);
int profile_bypass(struct resolver *r, const struct profile *prof); /* after all grants */
int flags_apply(struct resolver *r, const struct policy_input *in);
int manifest_apply(struct resolver *r, const char *file);		    /* manifest/read.c */
int flags_apply_special(struct resolver *r, const struct policy_input *in); /* flags_special.c */
#define SOCKET_NAME_MAX 107
/* Grants "@NAME", an abstract socket. */
int socket_abstract(struct resolver *r, const char *who, const char *name);
int flags_bypass(struct resolver *r, const struct policy_input *in); /* after all grants */
void flags_warn(struct resolver *r);
int workdir_apply(struct resolver *r, const struct policy_input *in);
int groups_apply(struct resolver *r, const struct profile *prof);
/* Rules of groups that give way to the grants; once all of those are known. */
void groups_yield(struct resolver *r);
void groups_yield_free(struct resolver *r);
int program_grant(struct resolver *r, const char *program); /* program.c */
int observe_grants(struct resolver *r);			    /* learning/observe.c */
int worktree_grant(struct resolver *r, unsigned access);    /* worktree.c */
/* The directories that the file top/.git leads to, if the repository knows of top and is ours. */
bool worktree_find(const char *top, char **gitdir, char **common);
/* commands/resolve.c; agent: whose tool it is */
int box_apply(struct resolver *r, const struct policy_input *in);
int box_grant_file(struct resolver *r, const struct policy *agent, const char *path);
/* commands/credentials.c, for those that the checked edge uses. */
int tool_credentials_apply(struct resolver *r, const struct policy_input *in);
int tool_credentials_network(struct policy_network *n, const struct policy_input *in,
			     struct err *err);
/* One socket that may be connected to, whatever closes it for others (flags_special.c). */
int socket_grant(struct resolver *r, const char *path);
/* commands/network.c: p->network of a tool. */
int commands_network(struct policy *p, const struct policy_input *in, struct err *err);
/* Does the way of path lead over a link that the agent could have made? commands/links.c */
bool links_of_agent(const struct policy *agent, const char *path);

/* outside.c: what prints secrets or answers requests outside is not the confined program's to
 * change. */
int outside_check(const struct policy *p, struct err *err);

#endif
