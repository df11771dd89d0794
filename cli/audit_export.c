/* nono audit export: nono-export does it. */
#include "cli/audit.h"
#include "network/credentials/credentials.h"

struct options {
	struct strings kinds;
	const char *format, *to, *path;
	bool denied, pending;
};

static const struct option_row rows[] = {
    {.name = "format",
     .kind = OPTION_STRING,
     ROW(options, format),
     .arg = "ndjson|otlp|syslog|cef|journald",
     .help = "Instead of what is usual at the sink; on standard output ndjson"},
    {.name = "to",
     .kind = OPTION_STRING,
     ROW(options, to),
     .arg = "URL",
     .help = "A sink (below) instead of standard output"},
    {.name = "path",
     .kind = OPTION_STRING,
     ROW(options, path),
     .arg = "PATH",
     .help = "Events about PATH and what is below it"},
    {.name = "kind",
     .kind = OPTION_LIST,
     ROW(options, kinds),
     .arg = "KIND",
     .help = "Events of these kinds, as of nono audit show"},
    {.name = "denied", ROW(options, denied), .help = "What was refused"},
    {.name = "pending",
     ROW(options, pending),
     .help = "What sinks of ended sessions (run --audit-sink) were not given yet"},
    {0},
};

static void add(const char **argv, size_t *n, const char *option, const char *value)
{
	if (!value)
		return;
	argv[(*n)++] = option;
	argv[(*n)++] = value;
}

static int export(struct cli *cli, struct err *err)
{
	const struct options *o = cli->options;
	_cleanup_free_ char *program = credential_helper("nono-export", err);
	const char *argv[160] = {program, "dump"};
	size_t n = 3;
	char id[65];

	if (o->pending == (cli->n_args == 1))
		return err_usage(err, "audit export wants a session, or --pending");
	if (!program || (!o->pending && audit_session(cli->args[0], id, err) < 0))
		return -1;
	argv[2] = id;
	add(argv, &n, "--format", o->format);
	add(argv, &n, "--to", o->to);
	add(argv, &n, "--path", o->path);
	for (size_t i = 0; i < o->kinds.n && n + 4 < ARRAY_LEN(argv); i++)
		add(argv, &n, "--kind", o->kinds.v[i]);
	if (o->denied)
		argv[n++] = "--denied";
	if (o->pending) {
		argv[1] = "pending";
		argv[2] = NULL;
	}
	execv(program, (char **)(uintptr_t)argv);
	return err_errno(err, errno, "can't start %s", program);
}

const struct command command_audit_export = {
    .name = "audit export",
    .usage = "SESSION [options]",
    .summary = "The events for other tools: NDJSON, OTLP, syslog, journald, CEF",
    .details =
	"Sinks, also of nono run --audit-sink:\n"
	"  file:///PATH                    appended\n"
	"  http://HOST... https://HOST...  POST: OTLP where the path ends in /v1/logs, else "
	"NDJSON\n"
	"  syslog://HOST:PORT              RFC 5424 over TCP; syslog+tls:// (RFC 5425), "
	"syslog+udp://,\n"
	"                                  syslog+unix:///PATH\n"
	"  journald:                       the local journal\n"
	"Headers for HTTP: OTEL_EXPORTER_OTLP_HEADERS (NAME=VALUE,...). Authorities for TLS\n"
	"in place of the system's: SSL_CERT_FILE, SSL_CERT_DIR.\n",
    .rows = rows,
    .size = sizeof(struct options),
    .flags = CLI_ENDED_TOO,
    .max_args = 1,
    .run = export,
};
