/*
 * policy - what an agent may do: profiles, groups, merging, resolving to one flat rule set, and
 * the question "may it?". Nothing here touches the kernel's sandbox interfaces. The built-in
 * profiles and groups are part of the program; what is read is the user's profile files, and the
 * directories around denied paths when the spec is made.
 */
#ifndef NONO_POLICY_H
#define NONO_POLICY_H

#include "common/common.h"
#include "policy/approvals.h"
#include "policy/limits.h"
#include "policy/network/network.h"
#include "sandbox/nono.h"

#define POLICY_PATH_MAX 4096

enum policy_reason {
	POLICY_GRANTED_PATH = 0, /* "granted_path" */
	POLICY_SENSITIVE_PATH,	 /* "filesystem_deny": a deny rule */
	POLICY_PROTECTED_PATH, /* "protected_path": would run code later (git hooks, settings, ...)
				*/
	POLICY_INSUFFICIENT,   /* "insufficient_access" */
	POLICY_NOT_GRANTED,    /* "path_not_granted" */
	POLICY_OWN_STATE,      /* "nono_state": nono's own files, never grantable */
	POLICY_COMMAND,	       /* "command_policy": run for the agent, not by it */
};
const char *policy_reason_name(enum policy_reason r);
/* "read", "write", "read+write" */
const char *policy_access_name(unsigned access);

/* Who carries out an allowed access. */
enum policy_way {
	POLICY_KERNEL, /* a Landlock rule covers it: the call may simply continue */
	POLICY_BROKER, /* only the broker may do it, on its own copy of the path */
};

/* Files that something outside the sandbox would run later. Only inside workspaces (the working
 * directory, --allow, what profiles grant for writing), at any depth, ASCII case ignored.
 * policy_check() denies every write to one with POLICY_PROTECTED_PATH, which also says that a grant
 * covers it and nothing but this protection is in the way; who carries the call out may lift that
 * for what is harmless: */
enum policy_special {
	POLICY_SPECIAL_NONE = 0,
	/* A ".git" entry, or a directory inside one that is a repository by itself
	 * (.git/modules/NAME, .git/worktrees/NAME, NAME.git): a directory may be made here by mkdir
	 * when nothing is there, and removed when empty. Not replaced, renamed, or made a link; a
	 * file ("gitdir: ...") only if where it points to was checked. */
	POLICY_SPECIAL_GIT_DIR,
	/* config, config.worktree of a repository: new content (also by rename from config.lock)
	 * only after it was checked; may be removed. */
	POLICY_SPECIAL_GIT_CONFIG,
	/* The hooks directory of a repository: mkdir when missing, rmdir. What is in it is not
	 * written, except *.sample (which is POLICY_SPECIAL_NONE). */
	POLICY_SPECIAL_GIT_HOOKS_DIR,
	POLICY_SPECIAL_GIT_HOOKS,
	/* commondir, gitdir inside a repository: say where config and hooks are read from; only
	 * with checked content. */
	POLICY_SPECIAL_GIT_POINTER,
	/* A directory that holds such files among others (.claude, .github): mkdir when missing,
	 * rmdir; not replaced, renamed or made a link. */
	POLICY_SPECIAL_AUTORUN_DIR,
	/* Settings of agents, editors, workflows, start files of shells: never. */
	POLICY_SPECIAL_AUTORUN,
};
const char *policy_special_name(enum policy_special s);

struct policy_verdict {
	bool allowed;
	enum policy_reason reason;
	enum policy_way route;
	bool grantable;	    /* a request may lift this denial (never for POLICY_OWN_STATE) */
	const char *source; /* rule that decided: "user", "profile", "group:deny_credentials", ...;
			       static in the policy */
	const char *rule;   /* its path or pattern, NULL if no rule matched */
	unsigned rule_access;	     /* enum nono_access of the closest grant */
	enum policy_special special; /* with POLICY_PROTECTED_PATH */
};

struct policy_grant {
	char *path; /* canonical; with glob its last component holds one '*' */
	unsigned access;
	bool is_file;	/* the path alone, nothing below it */
	bool device;	/* a device file: the kernel's rule holds it, also for writing */
	bool glob;	/* files of one directory by name pattern: only the broker can do it */
	bool guarded;	/* changes below it go through the broker */
	bool workspace; /* auto-run files below it are protected */
	bool observed;	/* stands for what was not granted (policy_input.observe) */
	bool missing;	/* did not exist when resolved: only the broker can create it */
	bool listing;	/* the names in a folder, nothing of what is in it: only the broker opens it
			   (is_file and missing too) */
	bool state;	/* a folder of the agent's own: made before it starts */
	bool own;	/* a file of nono's own that may be read nevertheless */
	bool carved; /* holds something closed for reading: its tree is spelled out in the kernel's
			rules */
	const char *source; /* "user", "profile", "group:NAME", "system"; of policy.words */
	char *original;	    /* as it was written, NULL if no different */
};
struct policy_deny {
	char *path;	 /* canonical as far as it exists */
	unsigned access; /* what is refused; NONO_READ|NONO_WRITE|NONO_EXEC = closed */
	bool own;	 /* nono's own files */
	bool quiet;	 /* refused without asking anyone */
	bool absent;	 /* nothing was there when the rules were made */
	bool mounted;	 /* a mount holds it as well: its tree need not be guarded for it */
	const char *source, *label; /* of policy.words; label: "ssh keys", NULL if none */
};

/* The machine that conditions in profiles ("when") are about: what os-release says. */
struct policy_host {
	char id[64], id_like[128], version[32];
};
void policy_host_read(struct policy_host *out);

enum policy_audit_level { POLICY_AUDIT_ALL = 0, POLICY_AUDIT_CHANGES, POLICY_AUDIT_DECISIONS };

/* Which unix sockets: one, those directly in a folder, all below one; to connect to, or to make as
 * well. */
enum policy_socket {
	POLICY_SOCKET = 0,
	POLICY_SOCKET_BIND,
	POLICY_SOCKET_DIR,
	POLICY_SOCKET_DIR_BIND,
	POLICY_SOCKET_SUBTREE,
	POLICY_SOCKET_SUBTREE_BIND,
	POLICY_SOCKET_KINDS
};

/* Everything about a run that the command line decides. Strings are borrowed. */
struct policy_input {
	const char *profile;	    /* name or path, NULL = default only */
	const char *const *extends; /* more bases of the profile; NULL-terminated, may be NULL */
	const char *manifest;	    /* a file with all the rules: instead of profile and flags */
	const char *trust_profile;  /* POLICY_HASH of what the user consents to, NULL = only to
				       what he did before */
	const struct policy_host *host; /* NULL = as policy_host_read() finds it */
	const char *workdir;		/* NULL = the current directory */
	bool allow_cwd;
	const char *program; /* resolved path of what will be executed, NULL = unknown: its
				installation is granted read and exec */
	const char *const *allow, *const *read, *const *write; /* NULL-terminated, may be NULL */
	const char *const *allow_file, *const *read_file, *const *write_file;
	const char *const *sockets[POLICY_SOCKET_KINDS]; /* by enum policy_socket */
	const char *const *bypass;   /* deny rules are lifted there; must be granted as well */
	const char *const *suppress; /* denials below are not offered for saving */
	const char *const *allow_commands, *const *block_commands; /* for the start alone */
	bool gpu;
	int block_net; /* -1 profile decides, 0 --allow-net, 1 --block-net */
	/* Names of hosts, or "METHOD URL-GLOB"; SERVICE:METHOD:PATH; ports and ranges of them. */
	const char *const *allow_domain, *const *deny_domain, *const *credential;
	const char *const *allow_endpoint, *const *open_port, *const *listen_port;
	const char *const *connect_port, *const *upstream_bypass;
	const char *network_profile, *upstream_proxy;
	uint16_t proxy_port; /* 0 = any */
	unsigned ca_days;    /* 0 = not said */
	bool http2;
	int elevation;	       /* -1 profile decides, else bool */
	int protect_workspace; /* -1 profile decides, else bool: auto-run files */
	enum policy_audit_level audit_level;
	bool audit_level_said; /* it holds whatever the profile says */
	enum nono_want namespaces;
	/* To learn what a program needs: everything that no rule closes or protects is granted, by
	 * way of the broker where it changes anything. No requests. */
	bool observe;
	struct policy_limits limits;	/* each before the profile's */
	const char *nono;		/* its own program, granted where commands have policies */
	const struct command_box *tool; /* the policy is one of a tool: "default" and this */
	const struct policy_command *tool_command;
	const struct policy *tool_for; /* of the agent that it works for */
};

/* A script that runs outside, around the session. */
struct policy_hook {
	char *script;	    /* absolute, NULL = none */
	unsigned timeout_s; /* 0 = not said */
};

/* An entry of an agent's own settings, which has it run a script inside. */
struct policy_agent_hook {
	char *app, *event, *matcher; /* matcher NULL = none */
	char *script, *settings;     /* absolute; NULL: the agent is not known */
};

/* security.signal_mode, process_info_mode, ipc_mode; by these numbers in the schema's lists. */
enum policy_reach {
	POLICY_REACH_UNSAID = 0,
	POLICY_REACH_ISOLATED,
	POLICY_REACH_SANDBOX,
	POLICY_REACH_ALL
};
enum policy_ipc { POLICY_IPC_UNSAID = 0, POLICY_IPC_SHARED_MEMORY, POLICY_IPC_FULL };
struct policy_modes {
	enum policy_reach signals, processes;
	enum policy_ipc ipc;
};
extern const char *const policy_reach_names[], *const policy_ipc_names[]; /* from 1 on, NULL */
/* 0 if it is none. */
int policy_reach_by_name(const char *s);
int policy_ipc_by_name(const char *s);

/* The resolved policy of one run. Read-only after policy_resolve(); shared by threads. */
struct policy {
	char *profile_name;	       /* NULL when none was named */
	char *profile_file;	       /* the file it came from, NULL for a built-in one */
	struct policy_source *sources; /* policy/profiles.h */
	size_t n_sources;
	unsigned workdir_access; /* what the profile wants in the working directory, 0 = nothing */
	char *workdir;		 /* canonical */
	char *home;
	struct policy_grant *grants;
	size_t n_grants;
	struct policy_deny *denies;
	size_t n_denies;
	char **words; /* what rules have in common, each once */
	size_t n_words;
	char **bypasses;     /* below these no deny rule from above holds; NULL-terminated */
	char **unix_sockets; /* that may be connected to: a path; "DIR/." = in it, "DIR/.." = below
				it; "@NAME" an abstract one */
	size_t n_unix_sockets;
	char **suppress_save;	  /* refusals below these are not offered for saving;
				     NULL-terminated */
	char **suppress_services; /* refusals of these are not reported: what was tried ("connect"),
				     a socket, a host; never of files. May be NULL */
	/* Asked for, but beyond what this version can enforce: names of members, NULL if none. A
	 * question may be answered under such a policy, a program is not run under it
	 * (policy_enforceable). */
	char **unenforced;
	bool from_manifest;
	char *binary;		/* the program, if the command line names none; may be NULL */
	char **command_args;	/* put in front of the program's arguments; may be NULL */
	char **env_credentials; /* "VARIABLE=reference"; may be NULL */
	struct policy_hook before, after; /* of the session */
	struct policy_agent_hook *agent_hooks;
	size_t n_agent_hooks;
	struct approvals approvals; /* who answers requests besides people */
	struct policy_limits limits;
	char **skipdirs, **rollback_patterns, **rollback_globs; /* may be NULL */
	bool rollback_before, rollback_not_before; /* what the profile says; neither: nothing */
	char **allow_commands, **block_commands;   /* for the start alone; may be NULL */
	bool allow_gpu;
	bool landlock_network; /* the network must be Landlock's to hold, nothing else will do */
	bool external_network; /* something else holds it */
	char **env_deny, **env_allow; /* names or PREFIX*; NULL-terminated; env_allow NULL = all */
	char **env_set;		      /* "NAME=value", NULL-terminated */
	bool net_blocked;	      /* network.mode is that */
	struct policy_network network;
	struct policy_modes modes;
	bool elevation;
	bool protect_workspace;
	bool private_tmp;
	enum policy_audit_level audit_level;
	bool audit_evidence; /* the state of writable trees is recorded */
	enum nono_want namespaces;
	char *cap_file;	 /* what policy_set_cap_file() was told, canonical; NULL = none */
	char *ca_file;	 /* policy_set_ca_file() */
	bool cap_in_tmp; /* the program finds them as POLICY_CAP_IN_TMP, POLICY_CA_IN_TMP */
	char **warnings; /* e.g. grants skipped because the path does not exist; NULL-terminated */
	struct policy_index *index;	   /* for policy_check() */
	struct command_policies *commands; /* policy/commands/commands.h; NULL if there are none */
	char **no_exec;			   /* programs that are only run for the agent */
	size_t n_no_exec;
};

/* Fails for a program that nobody means to start in a sandbox (rm, sudo, ...). What it is started
 * by later is not looked at: this is help against slips, no boundary. argv0 as it was typed. */
int policy_check_start(const struct policy_input *in, const struct policy *p, const char *argv0,
		       const char *program, struct err *err);

int policy_resolve(const struct policy_input *in, struct policy **out, struct err *err);
void policy_free(struct policy *p);
static inline void policy_freep(struct policy **p)
{
	policy_free(*p);
}

/* Fails if the policy asks for what can't be enforced. Before anything is run under it. */
int policy_enforceable(const struct policy *p, struct err *err);

/* Does the kernel hold what the policy says of other processes? Once the layers are known, before
 * the program starts. */
int policy_modes_held(const struct policy_modes *m, const struct nono_layers *l, struct err *err);

/* Makes the agent's own folders that are missing, so that the kernel can have rules for them (what
 * is made later only the broker opens, and nothing executes). What can't be made is left to the
 * program. Before any spec. */
int policy_make_state(struct policy *p, struct err *err);

/* The kernel gave no namespaces: makes the policy one that holds without (no /dev/pts, which would
 * be the terminals of everyone; no private view of /tmp). Before any spec and any thread uses it.
 */
int policy_without_namespaces(struct policy *p, struct err *err);

/* The file that tells the program what it may (NONO_CAP_FILE): it lies with nono's own files, and
 * is the one among them that may be read. Where the program has a view of /tmp of its own, the file
 * is bound into that. Before every policy_spec_new(); the file exists, and in the private temporary
 * directory an empty one of the name to bind it over. */
#define POLICY_CAP_NAME	  ".nono-cap.json"
#define POLICY_CAP_IN_TMP "/tmp/" POLICY_CAP_NAME
int policy_set_cap_file(struct policy *p, const char *path, struct err *err);
/* The same for the authorities that the program trusts where the network has a proxy: the file is
 * written after the mounts are made, by the proxy. */
#define POLICY_CA_NAME	 ".nono-ca.pem"
#define POLICY_CA_IN_TMP "/tmp/" POLICY_CA_NAME
int policy_set_ca_file(struct policy *p, const char *path, struct err *err);

/* Tells the policy where the session's private temporary directory is; before any thread uses it.
 * bound: it lies over /tmp and /var/tmp in the program's view. */
int policy_set_tmp(struct policy *p, const char *tmp, bool bound, struct err *err);

/* May path (absolute, clean, links already followed) be used with access? Allocates nothing,
 * does no I/O: fit for the notify thread. create: the last component does not exist yet. */
void policy_check(const struct policy *p, const char *path, unsigned access, bool create,
		  struct policy_verdict *v);

/* True if path (clean, links followed) is a program with a policy of its own
 * (policy/commands/commands.h). */
bool policy_no_exec(const struct policy *p, const char *path);

/* What kind of auto-run file path is: POLICY_SPECIAL_NONE outside of workspaces, for what was
 * granted by its own name, and with the protection off. As cheap as policy_check(). */
enum policy_special policy_special(const struct policy *p, const char *path);

/* True if auto-run files at path are protected. A directory is not renamed from outside of
 * workspaces into one (EXDEV: the caller copies then, file by file). */
bool policy_workspace(const struct policy *p, const char *path);

/* True if the unix socket at path (clean, links followed) may be connected to. */
bool policy_unix_socket(const struct policy *p, const char *path);

/* True if path is an ancestor of something denied or protected, so that it must not be moved or
 * replaced. */
bool policy_pinned(const struct policy *p, const char *path);

/* Name of the deny group whose kind of thing path is ("ssh keys", ...), NULL if none: for the
 * dialog, also when a grant lifted the rule. */
const char *policy_sensitive_group(const struct policy *p, const char *path);

/* The flag that would allow it ("--read-file /x"); "" if none should: never a folder that holds
 * something closed, the root, a home, or where programs keep everything (~/.config, /etc, ...). */
void policy_suggest(const struct policy *p, const char *path, unsigned access, char *out,
		    size_t size);

/* A question of a person, answered in words. */
struct policy_explanation {
	struct policy_verdict verdict;
	char path[POLICY_PATH_MAX]; /* what was asked about: absolute, links followed */
	bool exists;
	char details[1024];		 /* a sentence or two */
	char flag[POLICY_PATH_MAX + 64]; /* as policy_suggest() */
};
/* path as it was typed: may be relative, may begin with "~/". -1 if there is no such path. */
int policy_explain(const struct policy *p, const char *path, unsigned access,
		   struct policy_explanation *out, struct err *err);

/* The spec for libnono. supervised: a broker will perform what POLICY_BROKER says, so guarded
 * trees get no write rights in the kernel and denied paths inside allowed trees are carved out of
 * the Landlock rules; without it (nono wrap) covers and the narrowest kernel rules have to do, and
 * what can't be held is an error. tmp is the session's private temporary directory. */
struct policy_spec; /* owns the memory that the nono_spec points to */
int policy_spec_new(const struct policy *p, bool supervised, const char *tmp,
		    struct policy_spec **out, struct err *err);
const struct nono_spec *policy_spec_get(const struct policy_spec *s);
/* What the rules of spec->paths are about, one each; ino 0: it was not looked at. */
struct policy_identity {
	dev_t dev;
	ino_t ino;
};
const struct policy_identity *policy_spec_identities(const struct policy_spec *s);
/* What this spec can't hold, one sentence each, NULL-terminated; some only when there is no mount
 * namespace (nono_layers), which the sentence says. */
char *const *policy_spec_warnings(const struct policy_spec *s);
void policy_spec_free(struct policy_spec *s);

/* The agent's environment: inherited minus what is dangerous, minus what the profile refuses, plus
 * what it sets, plus extra ("NAME=value"). NULL-terminated, caller frees with strv_free(). */
char **policy_environment(const struct policy *p, char *const *inherited, char *const *extra);

/* The program does not inherit the variable of this name. Before policy_environment(). */
void policy_env_hide(struct policy *p, const char *name);

/* True unless the variable has a meaning of its own for programs or for nono (PATH, LD_*, NONO_*).
 */
bool policy_env_settable(const char *name);
/* May the script be run outside? It is the user's, on all of its way, and the policy lets nobody
 * inside change it. sha256 of its text, may be NULL. No script: fine. */
int policy_hook_check(const struct policy *p, const struct policy_hook *h, unsigned char sha256[32],
		      struct err *err);
/* Writes agent_hooks into the agents' settings, where they are not yet. Before the session,
 * outside.
 */
int policy_agent_hooks_install(const struct policy *p, struct err *err);

#include "policy/profiles.h"

#endif
