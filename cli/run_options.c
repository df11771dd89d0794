/* Options of run, shell and wrap: all of them, and what they mean for a session. */
#include "cli/run_options.h"

#include "cli/run_rows.h"
#include "snapshots/snapshots.h"

const struct option_group run_groups[] = {
    {"Rules", run_rows_profile},   {"Files", run_rows_files},
    {"Network", run_rows_network}, {"Sandbox", run_rows_sandbox},
    {"Limits", run_rows_limits},   {"Record", run_rows_record},
    {"Session", run_rows_session}, {0},
};

static int switched(int s)
{
	return s == SWITCH_PROFILE ? -1 : s == SWITCH_ON;
}

static bool describes_rules(const struct run_options *o)
{
	const struct strings *lists[] = {
	    &o->allow,	     &o->read,		&o->write,	    &o->allow_file,
	    &o->read_file,   &o->write_file,	&o->bypass,	    &o->suppress,
	    &o->extends,     &o->allow_command, &o->block_command,  &o->allow_domain,
	    &o->deny_domain, &o->credential,	&o->allow_endpoint, &o->open_port,
	    &o->listen_port, &o->connect_port,	&o->upstream_bypass};

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		if (lists[i]->n)
			return true;
	for (size_t i = 0; i < POLICY_SOCKET_KINDS; i++)
		if (o->sockets[i].n)
			return true;
	return o->allow_cwd || o->profile || o->net || o->elevation || o->protect || o->gpu ||
	       o->sandbox || o->network_profile || o->upstream_proxy || o->proxy_port || o->http2;
}

/* Pairs of which the second has nothing to work on where the first is. */
static int check_record(const struct run_options *o, struct err *err)
{
	bool rollback = o->rollback == SWITCH_ON;
	const struct {
		bool first, second;
		const char *names[2];
	} pairs[] = {
	    {o->no_audit, rollback, {"--no-audit", "--rollback"}},
	    {o->no_audit, o->audit_integrity, {"--no-audit", "--audit-integrity"}},
	    {o->no_audit, o->no_audit_integrity, {"--no-audit", "--no-audit-integrity"}},
	    {o->no_audit, o->audit_sign_key, {"--no-audit", "--audit-sign-key"}},
	    {o->no_audit, o->audit_sink, {"--no-audit", "--audit-sink"}},
	    {o->no_audit, o->record, {"--no-audit", "--record"}},
	    {o->no_audit_integrity, rollback, {"--no-audit-integrity", "--rollback"}},
	    {o->no_audit_integrity,
	     o->audit_integrity,
	     {"--no-audit-integrity", "--audit-integrity"}},
	    {o->no_audit_integrity,
	     o->audit_sign_key,
	     {"--no-audit-integrity", "--audit-sign-key"}},
	};

	for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
		if (pairs[i].first && pairs[i].second)
			return err_usage(err, "%s and %s can't be used together", pairs[i].names[0],
					 pairs[i].names[1]);
	return 0;
}

int run_check_options(const struct run_options *o, struct err *err)
{
	if (o->config && describes_rules(o))
		return err_usage(err, "--config has all the rules: it can't be used together with "
				      "other options or variables for them");
	if (check_record(o, err) < 0)
		return -1;
	if (o->name && !session_name_ok(o->name))
		return err_usage(err,
				 "--name %.100s: the name of a session is letters, digits and "
				 "._-+@:, at most %d",
				 o->name, SESSION_NAME_MAX - 1);
	if (o->rollback_all && o->rollback_include.n)
		return err_usage(err,
				 "--rollback-all and --rollback-include can't be used together");
	if (o->rollback_dest && o->rollback != SWITCH_ON)
		return err_usage(err, "--rollback-dest needs --rollback");
	if (o->snapshot_interval && o->rollback != SWITCH_ON)
		return err_usage(err, "--snapshot-interval needs --rollback");
	if (o->snapshot && !snap_name_ok(o->snapshot))
		return err_usage(err, "--snapshot: a name is letters, digits, '-', '_' and '.', "
				      "at most 128");
	if (o->extends.n && !o->profile)
		return err_usage(err, "--extends needs --profile");
	if (o->launch_services)
		return err_usage(err, "--allow-launch-services is for macOS: there are none here");
	if (o->sandbox == SANDBOX_EXTERNAL && o->net == NET_BLOCKED)
		return err_usage(err, "--sandbox-policy external leaves the network to something "
				      "else: --block-net can't be used together with it");
	if (o->sandbox == SANDBOX_LANDLOCK && nono_landlock_abi() < 4)
		return err_set(err,
			       "--sandbox-policy landlock: this kernel's Landlock (ABI %d) can't "
			       "hold the network, that takes ABI 4 (Linux 6.7)",
			       nono_landlock_abi());
	/* The variable may be set for all. */
	if (o->detach_timeout && !o->detached && !getenv("NONO_DETACH_STARTUP_TIMEOUT"))
		return err_usage(err, "--detach-timeout needs --detached");
	return 0;
}

void run_session_options(const struct run_options *o, bool silent, char *const *argv,
			 struct session_options *out)
{
	*out = (struct session_options){
	    .argv = argv,
	    .name = o->name,
	    .policy =
		{
		    .manifest = o->config,
		    .profile = o->profile,
		    .extends = o->extends.v,
		    .trust_profile = o->trust_profile,
		    .workdir = o->workdir,
		    .allow_cwd = o->allow_cwd,
		    .allow = o->allow.v,
		    .read = o->read.v,
		    .write = o->write.v,
		    .allow_file = o->allow_file.v,
		    .read_file = o->read_file.v,
		    .write_file = o->write_file.v,
		    .bypass = o->bypass.v,
		    .suppress = o->suppress.v,
		    .allow_commands = o->allow_command.v,
		    .block_commands = o->block_command.v,
		    .gpu = o->gpu,
		    .allow_domain = o->allow_domain.v,
		    .deny_domain = o->deny_domain.v,
		    .credential = o->credential.v,
		    .allow_endpoint = o->allow_endpoint.v,
		    .open_port = o->open_port.v,
		    .listen_port = o->listen_port.v,
		    .connect_port = o->connect_port.v,
		    .upstream_bypass = o->upstream_bypass.v,
		    .network_profile = o->network_profile,
		    .upstream_proxy = o->upstream_proxy,
		    .proxy_port = (uint16_t)o->proxy_port,
		    .ca_days = (unsigned)o->ca_days,
		    .http2 = o->http2,
		    .block_net = o->sandbox == SANDBOX_EXTERNAL ? 0
				 : o->net == NET_PROFILE	? -1
								: o->net == NET_BLOCKED,
		    .elevation = switched(o->elevation),
		    .protect_workspace = switched(o->protect),
		    .audit_level_said = o->audit_level > 0,
		    .audit_level = o->audit_level > 0
				       ? (enum policy_audit_level)(o->audit_level - 1)
				       : POLICY_AUDIT_ALL,
		    .namespaces = (enum nono_want)o->namespaces,
		    .limits = {(char *)o->memory, (char *)o->max_processes, (char *)o->cpu,
			       (char *)o->wall_time},
		},
	    .no_audit = o->no_audit,
	    .snapshots =
		{
		    .on = o->rollback == SWITCH_ON,
		    .name = o->snapshot,
		    .interval_s = 60 * (unsigned)o->snapshot_interval,
		    .dest = o->rollback_dest,
		    .exclude = o->rollback_exclude.v,
		    .skip_dirs = o->skip_dir.v,
		    .include = o->rollback_include.v,
		    .all = o->rollback_all,
		},
	    .audit_integrity = o->no_audit_integrity ? -1 : o->audit_integrity,
	    .audit_sink = o->audit_sink,
	    .record = o->record,
	    .audit_sign_key = o->audit_sign_key,
	    .startup_timeout_s = (unsigned)o->startup_timeout,
	    .ready_timeout_s = (unsigned)o->detach_timeout,
	    .verbose = o->verbose,
	    .silent = silent,
	};
	for (size_t k = 0; k < POLICY_SOCKET_KINDS; k++)
		out->policy.sockets[k] = o->sockets[k].v;
}
