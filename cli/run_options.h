/* Options of run, shell and wrap, and what they mean for a session. */
#ifndef NONO_CLI_RUN_OPTIONS_H
#define NONO_CLI_RUN_OPTIONS_H

#include "cli/cli.h"

/* WHY has the rows that say what is allowed, PROXY those about the network by name, the others all.
 */
enum { RUN = 1 << 0, SHELL = 1 << 1, WRAP = 1 << 2, WHY = 1 << 3, PROXY = 1 << 4 };

enum run_net { NET_PROFILE = 0, NET_BLOCKED, NET_OPEN };
enum run_switch { SWITCH_PROFILE = 0, SWITCH_ON, SWITCH_OFF };

/* Who holds the network: what there is, Landlock or nothing, somebody else. */
enum run_sandbox { SANDBOX_AUTO = 0, SANDBOX_LANDLOCK, SANDBOX_EXTERNAL };

struct run_options {
	struct strings allow, read, write, allow_file, read_file, write_file;
	struct strings sockets[POLICY_SOCKET_KINDS];
	struct strings bypass, suppress, extends;
	struct strings env_credential, env_credential_map;
	struct strings allow_command, block_command;
	struct strings allow_domain, deny_domain, credential, allow_endpoint;
	struct strings open_port, listen_port, connect_port, upstream_bypass;
	const char *network_profile, *upstream_proxy;
	long proxy_port, ca_days;
	bool http2;
	bool gpu, launch_services;
	int sandbox;			      /* enum run_sandbox */
	long startup_timeout, detach_timeout; /* seconds, 0: not said */
	bool allow_cwd;
	const char *config, *workdir, *profile, *trust_profile, *name, *shell, *prefix;
	char *chosen_profile;	/* owned: what "profile" is when none was named */
	int net;		/* enum run_net */
	int elevation, protect; /* enum run_switch */
	int audit_level;	/* enum policy_audit_level + 1; 0 = not said */
	int namespaces;		/* enum nono_want */
	const char *memory, *max_processes, *cpu, *wall_time;
	bool dry_run, no_audit, detached;
	const char *audit_sink;
	bool audit_integrity, no_audit_integrity, record;
	int rollback; /* enum run_switch */
	bool rollback_all, no_rollback_prompt;
	const char *rollback_dest;
	struct strings rollback_exclude, rollback_include, skip_dir;
	const char *snapshot;
	long snapshot_interval; /* minutes, 0: not said */
	const char *audit_sign_key;
	bool no_diagnostics, diagnostics_json;
	int verbose;
	int size[2]; /* columns, rows; 0 when not given */
};

extern const struct option_group run_groups[];

/* Sets o->profile where none was named and one is chosen for the directory, and says so. */
int run_choose_profile(struct run_options *o, bool silent, struct err *err);

/* What the table can't say: options that contradict each other, or need one another. */
int run_check_options(const struct run_options *o, struct err *err);

/* What --env-credential and --env-credential-map ask for, as "VARIABLE=reference"; strv_free(). */
int run_credentials(const struct run_options *o, char ***out, struct err *err);

/* Everything is borrowed from o and argv. */
void run_session_options(const struct run_options *o, bool silent, char *const *argv,
			 struct session_options *out);

/* Asks for consent to a profile that a repository brings, where there is a terminal (consent.c). */
int run_consent(const struct policy_input *in, struct err *err);

#endif
