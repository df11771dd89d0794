/* nono attach, tui: the front end. */
#include "cli/cli.h"
#include "cli/keys.h"
#include "tui/tui.h"

struct attach_options {
	bool read_only;
	const char *prefix;
	int headless[2];
	long seconds;
};

enum { ATTACH = 1 << 0, TUI = 1 << 1 };

static const struct option_row rows[] = {
    {.name = "read-only",
     .offset = offsetof(struct attach_options, read_only),
     .help = "Watch; nothing that is typed reaches a program"},
    {.name = "prefix",
     .kind = OPTION_STRING,
     .offset = offsetof(struct attach_options, prefix),
     .arg = "KEY",
     .help = "Key before the commands of the front end, C-b by default",
     .env = {"NONO_PREFIX"}},
    {.name = "headless",
     .kind = OPTION_SIZE,
     .offset = offsetof(struct attach_options, headless),
     .arg = "COLSxROWS",
     .help = "Without a terminal: draw into memory and print the last screen as text"},
    {.name = "seconds",
     .kind = OPTION_NUMBER,
     .offset = offsetof(struct attach_options, seconds),
     .arg = "N",
     .help = "With --headless: how long (10)",
     .min = 1,
     .max = 86400},
    {0},
};

static int front_end(struct cli *cli, const char *id, struct err *err)
{
	const struct attach_options *o = cli->options;
	struct tui_options t = {.attach = id,
				.read_only = o->read_only,
				.prefix = o->prefix,
				.headless_cols = o->headless[0],
				.headless_rows = o->headless[1],
				.headless_seconds = o->seconds ? (int)o->seconds : 10};
	unsigned mods;
	uint32_t key;

	if (o->prefix && key_named(o->prefix, &key, &mods) < 0)
		return err_usage(err, "'%.40s' is not the name of a key, like C-b", o->prefix);
	if (o->seconds && !o->headless[0])
		return err_usage(err, "--seconds goes with --headless");
	if (!o->headless[0] && (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)))
		return err_set(err,
			       "the front end needs a terminal; nono capture and nono send work "
			       "without one");
	return tui_main(&t);
}

static int tui(struct cli *cli, struct err *err)
{
	return front_end(cli, NULL, err);
}

/* What can't be attached to is told, and is no failure. */
static int attach(struct cli *cli, struct err *err)
{
	struct session_record r;
	const char *name;
	int code = 0;

	if (!cli->n_args)
		return front_end(cli, NULL, err);
	if (session_find(cli->args[0], &r, err) < 0)
		return -1;
	name = r.name[0] ? r.name : r.id;
	if (r.status == SESSION_EXITED)
		cli_say(cli, "Session %s has ended with exit code %d.", name, r.exit_code);
	else if (!r.terminal)
		cli_say(
		    cli,
		    "Session %s has no terminal of its own: nono logs -f %s shows what it does.",
		    name, name);
	else
		code = front_end(cli, r.id, err);
	session_record_free(&r);
	return code;
}

const struct command command_attach = {
    .name = "attach",
    .alias = "resume",
    .group = GROUP_SESSIONS,
    .usage = "[SESSION] [--read-only]",
    .summary = "Open the front end on a session, or on all",
    .details = "Several clients may be attached to one session. Ctrl+B d detaches, Ctrl+B ? shows\n"
	       "the keys.\n",
    .rows = rows,
    .mask = ATTACH,
    .size = sizeof(struct attach_options),
    .flags = CLI_OUTSIDE,
    .max_args = 1,
    .run = attach,
};

const struct command command_tui = {
    .name = "tui",
    .group = GROUP_SESSIONS,
    .usage = "[options]",
    .summary = "Open the front end: all running sessions, new ones from inside",
    .rows = rows,
    .mask = TUI,
    .size = sizeof(struct attach_options),
    .flags = CLI_OUTSIDE,
    .run = tui,
};
