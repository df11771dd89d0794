/* nono why: what would be allowed, and why. Exit code 0 whatever the answer is. */
#include <ctype.h>
#include <strings.h>

#include "cli/run_options.h"
#include "common/remark.h"
#include "network/network.h"
#include "policy/commands.h"

struct why_options {
	struct run_options run; /* the context; first, its table is shared */
	const char *path, *host, *command, *caller;
	long port;
	int op;	   /* enum */
	int scope; /* 0: not asked */
	bool self, json;
};

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

/* ---- output ------------------------------------------------------------------------------ */

/* How the text form calls a member. */
static const struct {
	const char *member, *title;
} titles[] = {
    {"scope", "Scope"},
    {"state", "State"},
    {"requested", "Requested"},
    {"enforced", "Enforced"},
    {"supported", "Supported"},
    {"kernel_abi", "Kernel ABI"},
    {"message", "Message"},
    {"reason", "Reason"},
    {"granted_path", "Granted by"},
    {"access", "Access"},
    {"source", "Source"},
    {"details", "Details"},
    {"policy_source", "Policy"},
    {"matching_capability", "Closest match"},
    {"suggested_flag", "Suggested fix"},
};

static const char *text_of(const cJSON *o, const char *member)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, member));
}

static void print_member(const char *title, const cJSON *v)
{
	printf("  %s: ", title);
	if (cJSON_IsBool(v)) {
		fputs(cJSON_IsTrue(v) ? "yes" : "no", stdout);
	} else if (cJSON_IsObject(v)) { /* a grant */
		print_text(text_of(v, "path"), 0);
		printf(" (%s, %s)", text_of(v, "access"), text_of(v, "source"));
	} else {
		print_text(cJSON_GetStringValue(v), 0);
	}
	putchar('\n');
}

static int print_answer(const struct why_options *o, cJSON *answer)
{
	const char *status = text_of(answer, "status");

	if (o->json) {
		print_json(answer);
	} else {
		for (const char *c = status; *c; c++)
			putchar(*c == '_' ? ' ' : toupper((unsigned char)*c));
		putchar('\n');
		for (size_t i = 0; i < ARRAY_LEN(titles); i++) {
			const cJSON *v = cJSON_GetObjectItemCaseSensitive(answer, titles[i].member);
			if (v)
				print_member(titles[i].title, v);
		}
	}
	cJSON_Delete(answer);
	return 0;
}

static cJSON *answer_new(const char *status, const char *reason)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "status", status);
	if (reason)
		cJSON_AddStringToObject(o, "reason", reason);
	return o;
}

static void add_text(cJSON *o, const char *member, const char *s)
{
	if (s && *s)
		cJSON_AddStringToObject(o, member, s);
}

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
		add_text(a, "granted_path", v->rule);
		cJSON_AddStringToObject(a, "access",
					policy_access_name(v->rule_access | access[o->op]));
		add_text(a, "source", v->source);
		return print_answer(o, a);
	}
	add_text(a, "details", x.details);
	if (v->reason == POLICY_INSUFFICIENT)
		cJSON_AddItemToObject(a, "matching_capability", grant_json(v));
	else if (v->reason != POLICY_NOT_GRANTED)
		add_text(a, "policy_source", v->source);
	add_text(a, "suggested_flag", x.flag);
	return print_answer(o, a);
}

/* ---- hosts ------------------------------------------------------------------------------- */

struct endpoint {
	char host[256];
	long port;
};

static const char *skip_scheme(const char *s, long *port)
{
	static const struct {
		const char *prefix;
		long port;
	} schemes[] = {{"https://", 443}, {"http://", 80}, {"wss://", 443},
		       {"ws://", 80},	  {"ssh://", 22},  {"git://", 9418}};

	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		if (strncasecmp(s, schemes[i].prefix, strlen(schemes[i].prefix)) == 0) {
			*port = schemes[i].port;
			return s + strlen(schemes[i].prefix);
		}
	return s;
}

static bool host_ok(const char *s)
{
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr(".-_:%", *s))
			return false;
	return true;
}

/* HOST, HOST:PORT, [V6]:PORT, V6, or a URL. */
static int parse_host(const char *text, struct endpoint *out, struct err *err)
{
	char authority[512];
	char *s = authority, *colon, *at;
	const char *rest = skip_scheme(text, &out->port);

	str_copy(authority, sizeof(authority), rest);
	authority[strcspn(authority, "/?#")] = '\0';
	at = strrchr(s, '@');
	if (at)
		s = at + 1;
	colon = strrchr(s, ':');
	if (*s == '[') {
		char *end = strchr(s++, ']');
		if (!end)
			return err_usage(err, "--host: '%.100s' has a '[' without a ']'", text);
		*end = '\0';
		colon = end[1] == ':' ? end + 1 : NULL;
	} else if (colon && strchr(s, ':') != colon) {
		colon = NULL; /* an IPv6 address */
	}
	if (colon) {
		if (str_to_long(colon + 1, 1, 65535, &out->port) < 0)
			return err_usage(err, "--host: '%.100s' is not a port", colon + 1);
		*colon = '\0';
	}
	if (!*s || !host_ok(s) || !str_copy(out->host, sizeof(out->host), s))
		return err_usage(err, "--host: '%.100s' is not the name of a host", text);
	return 0;
}

/* What rules about requests there are for the host, as the reference has them. */
static void add_rules(cJSON *a, const struct policy_endpoints *l)
{
	cJSON *v = NULL;

	for (size_t i = 0; i < l->n; i++) {
		cJSON *o = cJSON_CreateObject();

		if (!v)
			v = cJSON_AddArrayToObject(a, "endpoint_rules");
		cJSON_AddStringToObject(o, "method", l->v[i].method);
		cJSON_AddStringToObject(o, "path", l->v[i].path);
		if (l->v[i].action != POLICY_NET_ALLOW)
			cJSON_AddStringToObject(
			    o, "decision", l->v[i].action == POLICY_NET_DENY ? "deny" : "approve");
		cJSON_AddItemToArray(v, o);
	}
}

/* A question with a path is about a request, one without about the connection. */
static const char *request_path(const char *text)
{
	const char *rest = strstr(text, "://");
	const char *slash = strchr(rest ? rest + 3 : text, '/');

	return slash && slash[1] ? slash : NULL;
}

static int why_listed(const struct why_options *o, const struct policy *p, const struct endpoint *e,
		      struct err *err)
{
	struct net_rules *r = net_rules_new(&p->network);
	const char *path = request_path(o->host);
	struct net_verdict v;
	struct net_host h;
	char text[700];
	cJSON *a;

	if (net_host_parse(e->host, strlen(e->host), &h, err) < 0) {
		net_rules_free(r);
		err->cls = ERR_USAGE;
		return -1;
	}
	net_check_host(r, &h, (uint16_t)e->port, &v);
	if (path && v.action == POLICY_NET_ALLOW)
		net_check_request(r, &h, (uint16_t)e->port, "GET", path, strlen(path), &v);
	if (v.action == POLICY_NET_ALLOW) {
		a = answer_new("allowed", "proxy_allowed");
		snprintf(text, sizeof(text), "%s:%ld by the proxy (%s)%s", h.name, e->port, v.rule,
			 v.intercept ? "; it looks at each request" : "");
		cJSON_AddStringToObject(a, "access", text);
		if (v.domain)
			cJSON_AddStringToObject(a, "source", v.domain->source);
	} else if (v.action == POLICY_NET_APPROVE) {
		a = answer_new("approval_required",
			       v.category && v.endpoint ? "endpoint_restricted" : "proxy_filtered");
		snprintf(text, sizeof(text), "%s:%ld: %s: a person is asked.", h.name, e->port,
			 v.rule);
		cJSON_AddStringToObject(a, "details", text);
	} else {
		bool request = v.category && strcmp(v.category, "endpoint_policy") == 0;

		a = answer_new("denied", request ? "endpoint_restricted" : "proxy_filtered");
		snprintf(text, sizeof(text), "%s:%ld: %s.", h.name, e->port, v.rule);
		cJSON_AddStringToObject(a, "details", text);
		cJSON_AddStringToObject(a, "policy_source",
					request ? "endpoint rules" : "proxy domain filter");
		if (!request && strcmp(v.rule, "not listed") == 0) {
			snprintf(text, sizeof(text), "--allow-domain %s", h.name);
			cJSON_AddStringToObject(a, "suggested_flag", text);
		}
	}
	if (v.route)
		cJSON_AddStringToObject(a, "credential_route", v.route->name);
	if (v.domain)
		add_rules(a, &v.domain->endpoints);
	if (v.route && !(v.domain && v.domain->endpoints.n))
		add_rules(a, &v.route->endpoints);
	net_rules_free(r);
	return print_answer(o, a);
}

static int why_host(const struct why_options *o, const struct policy *p, struct err *err)
{
	struct endpoint e = {.port = 443};
	char text[512];
	cJSON *a;

	if (parse_host(o->host, &e, err) < 0)
		return -1;
	if (o->port)
		e.port = o->port;
	if (p->network.mode == POLICY_NET_NAMES)
		return why_listed(o, p, &e, err);
	if (!p->net_blocked) {
		a = answer_new("allowed", "network_allowed");
		cJSON_AddStringToObject(a, "access", "any host, any port");
		return print_answer(o, a);
	}
	a = answer_new("denied", "network_blocked");
	snprintf(text, sizeof(text),
		 "The network is blocked as a whole: %s port %ld can't be reached.", e.host,
		 e.port);
	cJSON_AddStringToObject(a, "details", text);
	/* Against a flag of the same command line another one is no help. */
	if (o->run.net != NET_BLOCKED && !o->self)
		cJSON_AddStringToObject(a, "suggested_flag", "--allow-net");
	return print_answer(o, a);
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
		add_text(a, "details",
			 "Signals reach no process outside of the session: Landlock scopes them.");
	else if (scoped)
		add_text(a, "details",
			 "Abstract sockets of others are out of reach: Landlock scopes them, and "
			 "the supervisor judges every connect.");
	else if (o->scope == SCOPE_SIGNAL)
		add_text(a, "details",
			 "This kernel's Landlock does not scope signals (that takes ABI 6, Linux "
			 "6.12): only the pid namespace of a supervised session keeps other "
			 "processes out of sight.");
	else
		add_text(a, "details",
			 "This kernel's Landlock does not scope abstract sockets (that takes ABI "
			 "6, Linux 6.12): a supervised session still has every connect judged by "
			 "its supervisor, \"nono wrap\" does not.");
	return print_answer(o, a);
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
		add_text(a, "details",
			 "The policy says nothing about commands: what may be read is "
			 "executed as part of the session, with the session's rights.");
	else if (v->details[0])
		add_text(a, "details", v->details);
	if (v->command && v->decision != COMMAND_ALLOW) {
		source = xasprintf("command_policies.%s%s%s", v->command->name,
				   v->rule[0] ? ": " : "", v->rule);
		add_text(a, "policy_source", source);
	}
	return print_answer(o, a);
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
	return print_answer(o, a);
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
	if (sockets || r->extends.n || r->bypass.n || r->gpu || r->allow.n || r->read.n ||
	    r->write.n || r->allow_file.n || r->read_file.n || r->write_file.n || r->profile ||
	    r->workdir || r->allow_cwd || r->net || r->protect)
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
