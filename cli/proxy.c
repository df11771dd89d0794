/* nono proxy: the network proxy alone, for programs that something else confines. */
#include "sessions/proxy.h"
#include "cli/run_options.h"
#include "common/remark.h"

struct options {
	struct run_options run; /* the rows that it shares with nono run */
	const char *listen, *password, *ca_cert, *ca_key, *log;
	long port, max_connections;
	bool no_auth, json, verbose;
};

#define AT(member)	.offset = offsetof(struct options, member)
#define CONNECTIONS	256
#define CONNECTIONS_MAX 100000
#define PASSWORD_MAX	128
#define DEFAULT_LISTEN	"127.0.0.1"

static const struct option_row rows[] = {
    {.name = "listen",
     .kind = OPTION_STRING,
     AT(listen),
     .arg = "ADDRESS",
     .help = "Listen on this address of the machine, " DEFAULT_LISTEN " by default"},
    {.name = "port",
     .kind = OPTION_NUMBER,
     AT(port),
     .min = 1,
     .max = 65535,
     .arg = "PORT",
     .help = "Listen on this port instead of any"},
    {.name = "no-auth",
     AT(no_auth),
     .help = "Serve whoever connects, without a password; on a loopback address only"},
    {.name = "pass",
     .kind = OPTION_STRING,
     AT(password),
     .arg = "PASSWORD",
     .help = "Password of the proxy, instead of one that is made",
     .env = {"NONO_PROXY_PASS"}},
    {.name = "max-connections",
     .kind = OPTION_NUMBER,
     AT(max_connections),
     .min = 1,
     .max = CONNECTIONS_MAX,
     .arg = "N",
     .help = "Connections at the same time, 256 by default; more of them wait"},
    {.name = "proxy-ca-cert",
     .kind = OPTION_STRING,
     AT(ca_cert),
     .arg = "FILE",
     .help = "Certificate (PEM) of an authority to use instead of one that is made"},
    {.name = "proxy-ca-key",
     .kind = OPTION_STRING,
     AT(ca_key),
     .arg = "FILE",
     .help = "Its key (PEM)"},
    {.name = "log",
     .kind = OPTION_STRING,
     AT(log),
     .arg = "FILE",
     .help = "Write each request to this file, as lines of JSON (- is the standard error)"},
    {.name = "json", AT(json), .help = "Print the variables as one JSON object"},
    {.name = "verbose", .letter = 'v', AT(verbose), .help = "Say what can be reached"},
    {0},
};

/* ---- what programs need --------------------------------------------------------------------- */

/* 'it'\''s': for eval. */
static void print_export(const char *var)
{
	const char *eq = strchr(var, '=');

	printf("export %.*s='", (int)(eq - var), var);
	for (const char *c = eq + 1; *c; c++)
		if (*c == '\'')
			fputs("'\\''", stdout);
		else
			putchar(*c);
	fputs("'\n", stdout);
}

static void print_variables_json(char *const *variables, uint16_t port)
{
	cJSON *o = cJSON_CreateObject(), *env;

	cJSON_AddNumberToObject(o, "port", port);
	env = cJSON_AddObjectToObject(o, "environment");
	for (char *const *v = variables; *v; v++) {
		const char *eq = strchr(*v, '=');
		_cleanup_free_ char *name = xstrndup(*v, (size_t)(eq - *v));

		cJSON_AddStringToObject(env, name, eq + 1);
	}
	print_json(o);
	cJSON_Delete(o);
}

static int on_ready(void *data, char *const *variables, uint16_t port, struct err *err)
{
	struct cli *cli = data;
	const struct options *o = cli->options;

	if (o->json)
		print_variables_json(variables, port);
	else
		for (char *const *v = variables; *v; v++)
			print_export(*v);
	if (flush_output(err) < 0)
		return -1;
	cli_say(cli, "nono: proxy on port %u of %s", port, o->listen ? o->listen : DEFAULT_LISTEN);
	return 0;
}

/* ---- what it is to do ----------------------------------------------------------------------- */

static int check(const struct options *o, struct err *err)
{
	if (o->no_auth && o->password && !getenv("NONO_PROXY_PASS"))
		return err_usage(err, "--no-auth and --pass can't be used together");
	if (!o->ca_cert != !o->ca_key)
		return err_usage(err, "--proxy-ca-cert and --proxy-ca-key need each other");
	if (o->password && !o->no_auth &&
	    (!*o->password || strlen(o->password) > PASSWORD_MAX ||
	     strspn(o->password, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._"
				 "~") != strlen(o->password)))
		return err_usage(err,
				 "--pass: letters, digits and -._~, up to %d of them: it is a part "
				 "of the proxy's URL",
				 PASSWORD_MAX);
	return 0;
}

static int resolve(const struct options *o, struct policy **p, struct err *err)
{
	struct session_options so;

	run_session_options(&o->run, true, NULL, &so);
	so.policy.elevation = 0; /* nobody is there to ask */
	if (run_check_options(&o->run, err) < 0 || run_consent(&so.policy, err) < 0)
		return -1;
	if (policy_resolve(&so.policy, p, err) < 0)
		return -1;
	if ((*p)->network.mode != POLICY_NET_NAMES)
		return err_usage(err, "say what can be reached: --allow-domain, --network-profile, "
				      "--credential, or a --profile that lists hosts");
	return 0;
}

static void say_hosts(const struct cli *cli, const struct policy *p)
{
	char text[POLICY_DOMAIN_TEXT_MAX];

	for (size_t i = 0; i < p->network.allow.n; i++) {
		policy_domain_text(&p->network.allow.v[i], text);
		cli_say(cli, "nono: can be reached: %s", text);
	}
	for (size_t i = 0; i < p->network.routes.n; i++)
		cli_say(cli, "nono: route %s to %s", p->network.routes.v[i].name,
			p->network.routes.v[i].upstream);
}

static int proxy_run(struct cli *cli, struct err *err)
{
	const struct options *o = cli->options;
	_cleanup_(policy_freep) struct policy *p = NULL;
	_cleanup_free_ char *cert = NULL, *key = NULL;
	struct proxy_alone alone = {.listen = o->listen ? o->listen : DEFAULT_LISTEN,
				    .port = (uint16_t)o->port,
				    .password = o->no_auth ? NULL : o->password,
				    .no_auth = o->no_auth,
				    .max_connections = CONNECTIONS,
				    .log = o->log,
				    .silent = cli->silent,
				    .ready = on_ready,
				    .data = cli};

	if (check(o, err) < 0 || resolve(o, &p, err) < 0)
		return -1;
	for (size_t i = 0; p->warnings && p->warnings[i]; i++)
		if (o->verbose)
			if (!cli->silent)
				remark("nono: warning: %s", p->warnings[i]);
	if (o->ca_cert &&
	    (!(cert = path_real(o->ca_cert, err)) || !(key = path_real(o->ca_key, err))))
		return -1;
	alone.policy = p;
	alone.ca_cert = cert;
	alone.ca_key = key;
	if (o->max_connections)
		alone.max_connections = (unsigned)o->max_connections;
	if (o->verbose)
		say_hosts(cli, p);
	return proxy_alone(&alone, err);
}

const struct command command_proxy = {
    .name = "proxy",
    .group = GROUP_RUN,
    .usage = "[OPTIONS]",
    .summary = "Run the network proxy alone",
    .details =
	"For programs that something else confines (a container, another user, another machine):\n"
	"reaches the hosts that are listed and nothing else, and puts credentials into requests.\n"
	"Prints what to set in the programs' environment, then a line for each request on the\n"
	"standard error, until it is stopped:\n\n"
	"  nono proxy --allow-domain example.com --credential openai > env.sh\n\n"
	"Nothing makes programs use it: without a sandbox around them they can go another way.\n",
    .rows = rows,
    .more = run_groups,
    .mask = PROXY,
    .size = sizeof(struct options),
    .flags = CLI_OUTSIDE,
    .max_args = 0,
    .run = proxy_run,
};
