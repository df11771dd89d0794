/* nono audit: its subcommands. */
#include "audit/audit.h"
#include "cli/cli.h"

/* A session by its id, what begins it, or its name. */
static int find(const char *what, char id[65], struct err *err)
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

#define ROW(type, member) .offset = offsetof(struct type, member)

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
	     "limit, terminal, session"},
    {.name = "denied", ROW(show_options, o.denied), .help = "What was refused"},
    {.name = "tree", ROW(show_options, o.tree), .help = "The programs as a tree, each call"},
    {.name = "timeline", ROW(show_options, o.timeline), .help = "Event by event"},
    {.name = "json", ROW(show_options, o.json), .help = "As JSON; event by event: one a line"},
    {0},
};

static int run_show(struct cli *cli, struct err *err)
{
	struct show_options *s = cli->options;
	char id[65];

	if (find(cli->args[0], id, err) < 0)
		return -1;
	s->o.id = id;
	s->o.kinds = s->kinds.v;
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

static const struct option_row verify_rows[] = {
    {.name = "json", ROW(audit_verify_options, json), .help = "As JSON"},
    {0},
};

static int run_verify(struct cli *cli, struct err *err)
{
	struct audit_verify_options *o = cli->options;
	char id[65];

	if (find(cli->args[0], id, err) < 0)
		return -1;
	o->id = id;
	return audit_verify(o, err);
}

static const struct command command_audit_verify = {
    .name = "audit verify",
    .usage = "SESSION [options]",
    .summary = "Recompute every hash of a record",
    .details = "Exit code 0 when all of them hold, 1 when not.\n",
    .rows = verify_rows,
    .size = sizeof(struct audit_verify_options),
    .flags = CLI_ENDED_TOO,
    .min_args = 1,
    .max_args = 1,
    .arg = "a session",
    .run = run_verify,
};

static const struct command *const subs[] = {
    &command_audit_list,
    &command_audit_show,
    &command_audit_verify,
    NULL,
};

const struct command command_audit = {
    .name = "audit",
    .group = GROUP_RECORD,
    .usage = "list|show|verify ...",
    .summary = "The audit records: list, show and verify them",
    .subs = subs,
};
