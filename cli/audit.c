/* nono audit: its subcommands. */
#include "audit/audit.h"
#include "cli/audit.h"
#include "cli/rollback.h"
#include "network/credentials/credentials.h"

/* A session by its id, what begins it, or its name. */
int audit_session(const char *what, char id[65], struct err *err)
{
	struct session_record r;

	if (audit_find(what, id, err) == 0)
		return 0;
	if (session_find(what, &r, NULL) < 0)
		return -1;
	str_copy(id, 65, r.id);
	session_record_free(&r);
	return audit_find(id, id, err);
}

/* ---- list ------------------------------------------------------------------------------------ */

static const struct option_row list_rows[] = {
    {.name = "today", ROW(audit_list_options, today), .help = "Begun today (UTC)"},
    {.name = "since",
     .kind = OPTION_STRING,
     ROW(audit_list_options, since),
     .arg = "DAY",
     .help = "Begun that day or later (2026-07-01)"},
    {.name = "until",
     .kind = OPTION_STRING,
     ROW(audit_list_options, until),
     .arg = "DAY",
     .help = "Begun that day or before"},
    {.name = "command",
     .kind = OPTION_STRING,
     ROW(audit_list_options, command),
     .arg = "TEXT",
     .help = "The program's name holds TEXT"},
    {.name = "path",
     .kind = OPTION_STRING,
     ROW(audit_list_options, path),
     .arg = "PATH",
     .help = "May write below PATH, or to what holds it"},
    {.name = "recent",
     .kind = OPTION_NUMBER,
     ROW(audit_list_options, recent),
     .arg = "N",
     .help = "The newest N",
     .min = 1,
     .max = 1000000},
    {.name = "json", ROW(audit_list_options, json), .help = "As a JSON array"},
    {0},
};

static int run_list(struct cli *cli, struct err *err)
{
	return audit_list(cli->options, err);
}

static const struct command command_audit_list = {
    .name = "audit list",
    .usage = "[options]",
    .summary = "List the records, newest first",
    .rows = list_rows,
    .size = sizeof(struct audit_list_options),
    .run = run_list,
};

/* ---- show ------------------------------------------------------------------------------------ */

struct show_options {
	struct strings kinds;
	struct audit_show_options o;
};
static const struct option_row show_rows[] = {
    {.name = "path",
     .kind = OPTION_STRING,
     ROW(show_options, o.path),
     .arg = "PATH",
     .help = "Events about PATH and what is below it"},
    {.name = "kind",
     .kind = OPTION_LIST,
     ROW(show_options, kinds),
     .arg = "KIND",
     .help = "Events of these kinds: read, write, open, change, exec, network, request, tool, "
	     "limit, terminal, snapshot, session"},
    {.name = "denied", ROW(show_options, o.denied), .help = "What was refused"},
    {.name = "tree",
     ROW(show_options, o.tree),
     .help = "The programs as a tree, each call; those alone that did what is selected"},
    {.name = "timeline", ROW(show_options, o.timeline), .help = "Event by event"},
    {.name = "json", ROW(show_options, o.json), .help = "As JSON; event by event: one a line"},
    {0},
};

static int run_show(struct cli *cli, struct err *err)
{
	struct show_options *s = cli->options;
	char id[65];

	if (audit_session(cli->args[0], id, err) < 0)
		return -1;
	s->o.id = id;
	s->o.kinds = s->kinds.v;
	s->o.snapshots = rollback_snapshots_json;
	return audit_show(&s->o, err);
}

static const struct command command_audit_show = {
    .name = "audit show",
    .usage = "SESSION [options]",
    .summary = "What a session did",
    .details = "Without options: files read and written, folded by directory, programs, hosts,\n"
	       "requests with their answers, and what was refused. --path and --kind show the\n"
	       "events themselves.\n",
    .rows = show_rows,
    .size = sizeof(struct show_options),
    .flags = CLI_ENDED_TOO,
    .min_args = 1,
    .max_args = 1,
    .arg = "a session",
    .run = run_show,
};

/* ---- verify ---------------------------------------------------------------------------------- */

struct verify_options {
	bool all;
	const char *key_file;
	struct audit_verify_options o;
};
static const struct option_row verify_rows[] = {
    {.name = "all", ROW(verify_options, all), .help = "All records, a line each"},
    {.name = "public-key-file",
     .kind = OPTION_STRING,
     ROW(verify_options, key_file),
     .arg = "FILE",
     .help = "The record must be signed with this key (PEM)"},
    {.name = "json", ROW(verify_options, o.json), .help = "As JSON"},
    {0},
};

/* nono-sign verify */
static int check_bundle(const char *in, size_t n, struct buf *out, struct err *err)
{
	_cleanup_free_ char *program = credential_helper("nono-sign", err);
	char *argv[] = {program, (char *)"verify", NULL};
	__attribute__((cleanup(secret_free))) struct secret said = {0};
	int status = 0;

	if (!program ||
	    credential_run(
		&(struct credential_run){
		    .argv = argv, .input = in, .input_n = n, .timeout_s = 30, .what = "nono-sign"},
		&said, &status, err) < 0)
		return -1;
	if (status)
		return err_set(err, "nono-sign ends with exit code %d", status);
	buf_add(out, said.data, said.len);
	return 0;
}

static int run_verify(struct cli *cli, struct err *err)
{
	struct verify_options *o = cli->options;
	_cleanup_free_ char *pem = NULL;
	char id[65];

	if (o->all == (cli->args[0] != NULL))
		return err_usage(err, o->all ? "either --all or a session"
					     : "which session? (nono audit list), or --all");
	if ((!o->all && audit_session(cli->args[0], id, err) < 0) ||
	    (o->key_file && !(pem = file_read(o->key_file, 65536, NULL, err))))
		return -1;
	o->o.id = o->all ? NULL : id;
	o->o.public_key = pem;
	o->o.check_bundle = check_bundle;
	return audit_verify(&o->o, err);
}

static const struct command command_audit_verify = {
    .name = "audit verify",
    .usage = "SESSION|--all [options]",
    .summary = "Recompute every hash of a record, or of all",
    .details = "Exit code 0 when all of them hold, 1 when not.\n",
    .rows = verify_rows,
    .size = sizeof(struct verify_options),
    .flags = CLI_ENDED_TOO,
    .max_args = 1,
    .arg = "a session",
    .run = run_verify,
};

/* ---- cleanup --------------------------------------------------------------------------------- */

struct cleanup_options {
	const char *max_size;
	struct audit_cleanup_options o;
};
static const struct option_row cleanup_rows[] = {
    {.name = "keep",
     .kind = OPTION_NUMBER,
     ROW(cleanup_options, o.keep),
     .arg = "N",
     .help = "The newest N stay",
     .value = -1,
     .max = 1000000000},
    {.name = "older-than",
     .kind = OPTION_NUMBER,
     ROW(cleanup_options, o.older_than),
     .arg = "DAYS",
     .help = "What is younger stays",
     .value = -1,
     .max = 100000},
    {.name = "max-size",
     .kind = OPTION_STRING,
     ROW(cleanup_options, max_size),
     .arg = "SIZE",
     .help = "The oldest go until all take no more than SIZE (500M, 2G)"},
    {.name = "all", ROW(cleanup_options, o.all), .help = "Damaged and undelivered records too"},
    {.name = "dry-run", ROW(cleanup_options, o.dry_run), .help = "Say what would be removed"},
    {.name = "json", ROW(cleanup_options, o.json), .help = "As JSON"},
    {0},
};

static int parse_size(const char *s, long *out, struct err *err)
{
	static const char units[] = "KMGT";
	_cleanup_free_ char *number = xstrdup(s);
	size_t n = strlen(s);
	const char *unit = n ? strchr(units, s[n - 1]) : NULL;
	unsigned shift = unit ? 10u * (unsigned)(unit - units + 1) : 0;

	if (unit)
		number[n - 1] = '\0';
	if (str_to_long(number, 0, (INT64_MAX >> shift), out) < 0)
		return err_usage(err, "\"%.40s\" is no size; it looks like 500M or 2G", s);
	*out <<= shift;
	return 0;
}

static int run_cleanup(struct cli *cli, struct err *err)
{
	struct cleanup_options *o = cli->options;

	o->o.max_bytes = -1;
	if (o->max_size && parse_size(o->max_size, &o->o.max_bytes, err) < 0)
		return -1;
	return audit_cleanup(&o->o, err);
}

static const struct command command_audit_cleanup = {
    .name = "audit cleanup",
    .usage = "[options]",
    .summary = "Remove records of ended sessions",
    .details =
	"Without --keep, --older-than and --max-size all of them go; what one of these keeps\n"
	"stays. Running sessions are never touched. The ledger goes on saying that there was\n"
	"a session and what its record was. max_sessions, max_age_days and max_storage_gb of the\n"
	"table [audit] in config.toml remove old ones by themselves when a session ends.\n",
    .rows = cleanup_rows,
    .size = sizeof(struct cleanup_options),
    .flags = CLI_OUTSIDE,
    .run = run_cleanup,
};

static const struct command *const subs[] = {
    &command_audit_list,   &command_audit_show,	   &command_audit_verify,
    &command_audit_prove,  &command_audit_check,   &command_audit_checkpoint,
    &command_audit_export, &command_audit_cleanup, NULL,
};

const struct command command_audit = {
    .name = "audit",
    .group = GROUP_RECORD,
    .usage = "list|show|verify|prove|check|checkpoint|export|cleanup ...",
    .summary = "The audit records: list, show, verify, prove, export and remove them",
    .subs = subs,
};
