/* nono why: what would be allowed, and why. Exit code 0 whatever the answer is. */
#include "cli/why.h"

#include "common/remark.h"
#include "network/network.h"
#include "policy/commands/commands.h"

enum { OP_READ = 0, OP_WRITE, OP_READWRITE };
static const char *const ops[] = {"read", "write", "readwrite", NULL};

enum { SCOPE_NONE = 0, SCOPE_SIGNAL, SCOPE_ABSTRACT };
static const char *const scopes[] = {"signal", "abstract-unix-socket", NULL};

#define AT(member) .offset = offsetof(struct why_options, member)
static const struct option_row rows[] = {
    {.name = "path", .kind = OPTION_STRING, AT(path), .arg = "PATH", .help = "May it be used?"},
    {.name = "op",
     .kind = OPTION_CHOICE,
     AT(op),
     .choices = ops,
     .arg = "read|write|readwrite",
     .help = "How --path would be used, read by default"},
    {.name = "host",
     .kind = OPTION_STRING,
     AT(host),
     .arg = "HOST|URL",
     .help = "May it be connected to?"},
    {.name = "port",
     .kind = OPTION_NUMBER,
     AT(port),
     .min = 1,
     .max = 65535,
     .arg = "N",
     .help = "Port of --host, 443 by default"},
    {.name = "scope",
     .kind = OPTION_CHOICE,
     AT(scope),
     .choices = scopes,
     .value = 1,
     .arg = "signal|abstract-unix-socket",
     .help = "Are processes and sockets outside of the session out of reach?"},
    {.name = "command",
     .kind = OPTION_STRING,
     AT(command),
     .arg = "NAME",
     .help = "May this command be run? Its arguments come after --"},
    {.name = "caller",
     .kind = OPTION_STRING,
     AT(caller),
     .arg = "COMMAND",
     .help = "Who would run --command, the session by default"},
    {.name = "self", AT(self), .help = "Ask about the sandbox that this runs in"},
    {.name = "json", AT(json), .help = "As JSON"},
    {0},
};

/* ---- paths ------------------------------------------------------------------------------- */

static cJSON *grant_json(const struct policy_verdict *v)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "path", v->rule);
	cJSON_AddStringToObject(o, "access", policy_access_name(v->rule_access));
	cJSON_AddStringToObject(o, "source", v->source);
	return o;
}

static int why_path(const struct why_options *o, const struct policy *p, struct err *err)
{
	static const unsigned access[] = {NONO_READ, NONO_WRITE, NONO_READ | NONO_WRITE};
	struct policy_explanation x;
	const struct policy_verdict *v = &x.verdict;
	cJSON *a;

	if (policy_explain(p, o->path, access[o->op], &x, err) < 0)
		return -1;
	a = answer_new(v->allowed ? "allowed" : "denied", policy_reason_name(v->reason));
	if (v->allowed) {
		answer_text(a, "granted_path", v->rule);
		cJSON_AddStringToObject(a, "access",
					policy_access_name(v->rule_access | access[o->op]));
		answer_text(a, "source", v->source);
		return answer_print(o, a);
	}
	answer_text(a, "details", x.details);
	if (v->reason == POLICY_INSUFFICIENT)
		cJSON_AddItemToObject(a, "matching_capability", grant_json(v));
	else if (v->reason != POLICY_NOT_GRANTED)
		answer_text(a, "policy_source", v->source);
	answer_text(a, "suggested_flag", x.flag);
	return answer_print(o, a);
}

/* ---- scopes ------------------------------------------------------------------------------ */

/* Landlock's scopes came with ABI 6. A supervisor judges every connect besides, and a pid namespace
 * shows no process to signal; a program that confined itself has Landlock alone. */
static int why_scope(const struct why_options *o)
{
	int abi = nono_landlock_abi();
	bool scoped = abi >= 6;
	cJSON *a = answer_new("scope", NULL);
	char text[32];

	cJSON_AddStringToObject(a, "scope", scopes[o->scope - 1]);
	cJSON_AddStringToObject(a, "state", scoped ? "enforced" : "unsupported");
	cJSON_AddBoolToObject(a, "requested", true);
	cJSON_AddBoolToObject(a, "enforced", scoped);
	cJSON_AddBoolToObject(a, "supported", scoped);
	if (abi > 0) {
		snprintf(text, sizeof(text), "V%d", abi);
		cJSON_AddStringToObject(a, "kernel_abi", text);
	}
	if (scoped && o->scope == SCOPE_SIGNAL)
		answer_text(
		    a, "details",
		    "Signals reach no process outside of the session: Landlock scopes them.");
	else if (scoped)
		answer_text(
		    a, "details",
		    "Abstract sockets of others are out of reach: Landlock scopes them, and "
		    "the supervisor judges every connect.");
	else if (o->scope == SCOPE_SIGNAL)
		answer_text(
		    a, "details",
		    "This kernel's Landlock does not scope signals (that takes ABI 6, Linux "
		    "6.12): only the pid namespace of a supervised session keeps other "
		    "processes out of sight.");
	else
		answer_text(
		    a, "details",
		    "This kernel's Landlock does not scope abstract sockets (that takes ABI "
		    "6, Linux 6.12): a supervised session still has every connect judged by "
		    "its supervisor, \"nono wrap\" does not.");
	return answer_print(o, a);
}

/* ---- commands ---------------------------------------------------------------------------- */

static int why_command(const struct why_options *o, const struct policy *p, const char *const *args)
{
	static const char *const statuses[] = {
	    [COMMAND_DENY] = "denied",
	    [COMMAND_APPROVE] = "approval_required",
	    [COMMAND_ALLOW] = "allowed",
	};
	extern char **environ;
	const struct command_call call = {
	    .name = o->command,
	    .caller = o->caller ? o->caller : COMMAND_SESSION,
	    .args = (char *const *)(uintptr_t)args,
	    .env = environ,
	};
	_cleanup_free_ struct command_verdict *v = xcalloc(1, sizeof(*v));
	_cleanup_free_ char *source = NULL;
	cJSON *a;

	policy_command_query(p->commands, &call, v);
	a = answer_new(statuses[v->decision], v->reason);
	if (!p->commands)
		answer_text(a, "details",
			    "The policy says nothing about commands: what may be read is "
			    "executed as part of the session, with the session's rights.");
	else if (v->details[0])
		answer_text(a, "details", v->details);
	if (v->command && v->decision != COMMAND_ALLOW) {
		source = xasprintf("command_policies.%s%s%s", v->command->name,
				   v->rule[0] ? ": " : "", v->rule);
		answer_text(a, "policy_source", source);
	}
	return answer_print(o, a);
}

/* ---- the command ------------------------------------------------------------------------- */

static int check_question(const struct cli *cli, const struct why_options *o, struct err *err)
{
	int asked = !!o->path + !!o->host + !!o->scope + !!o->command;

	if (!asked)
		return err_usage(err, "--command, --path, --host, or --scope is required");
	if (asked > 1)
		return err_usage(err, "--command, --path, --host and --scope can't be used "
				      "together: ask one thing at a time");
	if (o->port && !o->host)
		return err_usage(err, "--port needs --host");
	if (o->op && !o->path)
		return err_usage(err, "--op needs --path");
	if (o->caller && !o->command)
		return err_usage(err, "--caller needs --command");
	if (cli->n_args && !o->command)
		return err_usage(err, "why: unexpected argument '%s'", show(cli->args[0]).s);
	return 0;
}

static int answer(const struct cli *cli, const struct policy *p, struct err *err)
{
	const struct why_options *o = cli->options;

	if (o->path)
		return why_path(o, p, err);
	return o->host	  ? why_host(o, p, err)
	       : o->scope ? why_scope(o)
			  : why_command(o, p, cli->args);
}

/* By the profile that nono run would use here. */
static int ask_policy(struct cli *cli, struct err *err)
{
	struct why_options *o = cli->options;
	_cleanup_(policy_freep) struct policy *p = NULL;
	_cleanup_free_ char *chosen = NULL;
	struct session_options so;
	int r;

	if (run_check_options(&o->run, err) < 0)
		return -1;
	r = o->run.config ? 0 : run_choose_profile(&o->run, cli->silent, err);
	chosen = o->run.chosen_profile;
	if (r < 0)
		return -1;
	run_session_options(&o->run, cli->silent, NULL, &so);
	if (policy_resolve(&so.policy, &p, err) < 0)
		return -1;
	for (size_t i = 0; p->warnings && p->warnings[i]; i++)
		if (!cli->silent)
			remark("nono: warning: %s", p->warnings[i]);
	return answer(cli, p, err);
}

/* ---- the sandbox around ------------------------------------------------------------------- */

#define CAP_FILE_MAX (8u << 20)

static int not_sandboxed(const struct why_options *o)
{
	cJSON *a = answer_new("not_sandboxed", NULL);

	cJSON_AddStringToObject(a, "message",
				"Not inside of a sandbox: NONO_CAP_FILE is not set. Without --self "
				"the answer is for a run with the given options.");
	return answer_print(o, a);
}

static int network_from_json(const char *text, size_t n, struct policy *p, struct err *err)
{
	cJSON *o = cJSON_ParseWithLength(text, n);
	char *network = cJSON_PrintUnformatted(cJSON_GetObjectItemCaseSensitive(o, "network"));
	int rc = 0;

	if (network)
		rc = net_policy_parse(network, strlen(network), &p->network, err);
	cJSON_free(network);
	cJSON_Delete(o);
	return rc;
}

static int ask_self(const struct cli *cli, struct err *err)
{
	const struct why_options *o = cli->options;
	const char *path = getenv("NONO_CAP_FILE");
	_cleanup_(policy_freep) struct policy *p = NULL;
	_cleanup_free_ char *text = NULL;
	size_t n;

	if (!path || !*path)
		return not_sandboxed(o);
	text = file_read(path, CAP_FILE_MAX, &n, err);
	if (!text || policy_from_json(text, n, path, &p, err) < 0 ||
	    network_from_json(text, n, p, err) < 0)
		return err_prefix(err, "NONO_CAP_FILE");
	return answer(cli, p, err);
}

/* Not beside what would describe another one. */
static int check_self(const struct why_options *o, struct err *err)
{
	const struct run_options *r = &o->run;
	size_t sockets = 0;

	for (size_t i = 0; i < POLICY_SOCKET_KINDS; i++)
		sockets += r->sockets[i].n;
	if (sockets || r->network_profile || r->allow_domain.n || r->deny_domain.n ||
	    r->credential.n || r->allow_endpoint.n || r->open_port.n || r->listen_port.n ||
	    r->connect_port.n || r->upstream_proxy || r->extends.n || r->bypass.n || r->gpu ||
	    r->allow.n || r->read.n || r->write.n || r->allow_file.n || r->read_file.n ||
	    r->write_file.n || r->profile || r->workdir || r->allow_cwd || r->net || r->protect)
		return err_usage(err, "--self asks about the sandbox around: it can't be used "
				      "together with options that describe another one");
	return 0;
}

static int run(struct cli *cli, struct err *err)
{
	const struct why_options *o = cli->options;

	if (check_question(cli, o, err) < 0)
		return -1;
	if (!o->self)
		return ask_policy(cli, err);
	return check_self(o, err) < 0 ? -1 : ask_self(cli, err);
}

const struct command command_why = {
    .name = "why",
    .group = GROUP_RUN,
    .usage = "--path PATH | --host HOST | --scope SCOPE | --command NAME [options]",
    .summary = "Tell what would be allowed, and why",
    .details = "The other options are those of nono run, and say for which run the answer is.\n"
	       "The exit code is 0 whatever the answer is.\n\n"
	       "Examples:\n"
	       "  nono why --path ~/.ssh/id_rsa\n"
	       "  nono why --path src/main.c --op write --profile claude-code\n"
	       "  nono why --host api.github.com --block-net --json\n",
    .rows = rows,
    .more = run_groups,
    .mask = WHY,
    .size = sizeof(struct why_options),
    .max_args = SIZE_MAX,
    .run = run,
};
