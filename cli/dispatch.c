/* From the command line to the command, and from its result to the exit code. */
#include "cli/cli.h"
#include "common/remark.h"
#include "tui/tui.h"

struct global {
	bool silent, help, version;
	const char *theme, *log_file;
};

/* Accepted before the command and, as part of every command's options, after it. */
const struct option_row global_rows[] = {
    {.name = "silent",
     .letter = 's',
     .offset = offsetof(struct global, silent),
     .help = "No summary, no remarks, no warnings"},
    {.name = "help", .letter = 'h', .offset = offsetof(struct global, help), .help = "Show help"},
    {.name = "version",
     .letter = 'V',
     .offset = offsetof(struct global, version),
     .help = "Show the version"},
    {.name = "theme",
     .kind = OPTION_STRING,
     .offset = offsetof(struct global, theme),
     .arg = "NAME",
     .help = "Colours of the front end: terminal (its own), mocha, latte, frappe, macchiato, "
	     "tokyo-night or minimal (none)",
     .env = {"NONO_THEME"}},
    {.name = "log-file",
     .kind = OPTION_STRING,
     .offset = offsetof(struct global, log_file),
     .arg = "FILE",
     .help = "Warnings and the details of --verbose go to the end of this file, not to standard "
	     "error",
     .env = {"NONO_LOG_FILE"}},
    {0},
};

/* clang-format off */
const struct command *const cli_commands[] = {
	&command_run,
	&command_shell,
	&command_wrap,
	&command_learn,
	&command_profile,
	&command_policy,
	&command_credential,
	&command_proxy,
	&command_why,
	&command_tui,
	&command_attach,
	&command_ps,
	&command_inspect,
	&command_stop,
	&command_detach,
	&command_prune,
	&command_capture,
	&command_send,
	&command_wait,
	&command_requests,
	&command_approve,
	&command_deny,
	&command_request,
	&command_connect,
	&command_open_url,
	&command_logs,
	&command_events,
	&command_audit,
	&command_replay,
	&command_rollback,
	&command_snapshot,
	&command_setup,
	&command_completion,
	&command_complete,
	&command_help,
	NULL,
};
/* clang-format on */

const struct command *cli_find(const char *name)
{
	for (size_t i = 0; cli_commands[i]; i++)
		if (str_eq(cli_commands[i]->name, name) || str_eq(cli_commands[i]->alias, name))
			return cli_commands[i];
	return NULL;
}

const char *command_word(const struct command *c)
{
	const char *blank = strrchr(c->name, ' ');

	return blank ? blank + 1 : c->name;
}

const struct command *command_sub(const struct command *c, const char *word)
{
	for (size_t i = 0; c->subs && c->subs[i]; i++)
		if (str_eq(command_word(c->subs[i]), word) || str_eq(c->subs[i]->alias, word))
			return c->subs[i];
	return NULL;
}

size_t command_tables(const struct command *c, void *into,
		      struct option_table tables[COMMAND_TABLES_MAX])
{
	size_t n = 0;

	if (c->rows)
		tables[n++] = (struct option_table){c->rows, c->mask, into};
	for (const struct option_group *g = c->more; g && g->title && n < COMMAND_TABLES_MAX; g++)
		tables[n++] = (struct option_table){g->rows, c->mask, into};
	return n;
}

/* "session cleanup" is the reference's word for prune. */
static const struct command *find_words(struct strings *words, size_t *used)
{
	*used = 1;
	if (words->n > 1 && str_eq(words->v[0], "session") && str_eq(words->v[1], "cleanup")) {
		*used = 2;
		return &command_prune;
	}
	return cli_find(words->v[0]);
}

/* parent: "" or "profile " */
static int unknown_command(const struct command *const *commands, const char *parent,
			   const char *word, struct err *err)
{
	const char *names[64], *near;
	size_t n = 0;

	for (size_t i = 0; commands[i] && n + 1 < ARRAY_LEN(names); i++)
		if (commands[i]->group != GROUP_HIDDEN)
			names[n++] = command_word(commands[i]);
	names[n] = NULL;
	near = word_nearest(word, names);
	if (near)
		return err_usage(err, "there is no command '%s%.100s'; did you mean '%s%s'?",
				 parent, word, parent, near);
	return err_usage(err, "there is no command '%s%.100s'", parent, word);
}

static int print_help(const struct command *c)
{
	_cleanup_(buf_free) struct buf b = {0};

	if (c)
		help_command(c, &b);
	else
		help_all(&b);
	fwrite(b.data, 1, b.len, stdout);
	return 0;
}

static bool asks_for_help(int argc, char **argv)
{
	for (int i = 0; i < argc && !str_eq(argv[i], "--"); i++)
		if (str_eq(argv[i], "--help") || str_eq(argv[i], "-h"))
			return true;
	return false;
}

static int check_args(const struct command *c, const struct strings *args, struct err *err)
{
	if (args->n < c->min_args)
		return err_usage(err, "%s needs %s", c->name, c->arg);
	if (args->v && args->n > c->max_args)
		return err_usage(err, "%s: unexpected argument '%.100s'", c->name,
				 args->v[c->max_args]);
	return 0;
}

/* Their variables are how the other processes of the run learn of them. */
static int take_global(const struct global *g, bool first, struct err *err)
{
	bool file = g->log_file && (first || !str_eq(g->log_file, getenv(REMARK_FILE_ENV))),
	     theme = g->theme && (first || !str_eq(g->theme, getenv("NONO_THEME")));

	if (file && remark_begin(g->log_file, err) < 0)
		return -1;
	if (theme && setenv("NONO_THEME", g->theme, 1) < 0)
		return err_errno(err, errno, "--theme");
	if (theme && !g->silent && !tui_theme_known(g->theme))
		remark("nono: warning: --theme: there is none called '%.40s', the terminal's own "
		       "colours are used",
		       g->theme);
	return 0;
}

static int check_place(const struct command *c, struct err *err)
{
	if ((c->flags & CLI_OUTSIDE) && session_inside())
		return err_set(err, "%s can't be used inside a sandbox", c->name);
	return 0;
}

static int run_parsed(const struct command *c, const struct global *before, int argc, char **argv,
		      struct err *err)
{
	struct global global = {0};
	_cleanup_free_ void *options = xcalloc(1, c->size ? c->size : 1);
	struct option_table tables[COMMAND_TABLES_MAX + 1];
	size_t n_own = command_tables(c, options, tables);
	enum option_order order = c->flags & CLI_PROGRAM ? OPTION_FIRST : OPTION_ANYWHERE;
	struct strings args = {0};
	int r;

	tables[n_own] = (struct option_table){global_rows, 0, &global};
	r = options_parse(tables, n_own + 1, order, argc, argv, &args, err);
	if (r == 0 && global.help) {
		r = print_help(c);
	} else if (r == 0 && global.version) {
		puts("nono " NONO_VERSION);
	} else if (r == 0) {
		static const char *none[] = {NULL};
		struct cli cli = {.silent = before->silent || global.silent,
				  .command = c,
				  .options = options,
				  .args = args.v ? args.v : none,
				  .n_args = args.n};
		global.silent = cli.silent;
		r = check_args(c, &args, err) < 0 || check_place(c, err) < 0 ||
			    take_global(&global, false, err) < 0
			? -1
			: c->run(&cli, err);
	}
	for (size_t i = 0; i < n_own; i++)
		options_free(&tables[i]);
	free(args.v);
	return r;
}

static int run_command(const struct command *c, const struct global *global, int argc, char **argv,
		       struct err *err);

/* Global options may stand before the subcommand too. */
static int run_sub(const struct command *c, const struct global *before, int argc, char **argv,
		   struct err *err)
{
	struct global global = *before;
	struct option_table table = {global_rows, 0, &global};
	_cleanup_free_ char *parent = xasprintf("%s ", c->name);
	struct strings words = {0};
	const struct command *sub = NULL;
	int r = options_parse(&table, 1, OPTION_FIRST, argc, argv, &words, err);

	if (r == 0)
		r = take_global(&global, false, err);
	if (c->instead && !global.silent)
		remark("nono: warning: '%s' is an old name: use 'nono %s'", c->name, c->instead);
	if (r == 0 && words.n)
		sub = command_sub(c, words.v[0]);
	if (r == 0 && !words.n && !global.help)
		r = err_usage(err, "%s needs a command: %s", c->name, c->usage);
	else if (r == 0 && words.n && !sub)
		r = unknown_command(c->subs, parent, words.v[0], err);
	else if (r == 0 && global.help)
		r = print_help(sub ? sub : c);
	else if (r == 0)
		r = run_command(sub, &global, (int)(words.n - 1), argv + argc - (words.n - 1), err);
	free(words.v);
	return r;
}

static int run_command(const struct command *c, const struct global *global, int argc, char **argv,
		       struct err *err)
{
	struct cli cli = {.silent = global->silent, .command = c, .argc = argc, .argv = argv};

	if (c->subs)
		return run_sub(c, global, argc, argv, err);
	if (!(c->flags & CLI_RAW))
		return run_parsed(c, global, argc, argv, err);
	if (asks_for_help(argc, argv))
		return print_help(c);
	return c->run(&cli, err);
}

static int no_command(const struct global *global, struct err *err)
{
	if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && !session_inside())
		return run_command(&command_tui, global, 0, NULL, err);
	return print_help(NULL);
}

static int dispatch(int argc, char **argv, const struct command **c, struct err *err)
{
	struct global global = {0};
	struct option_table table = {global_rows, 0, &global};
	struct strings words = {0};
	size_t used;
	int r = options_parse(&table, 1, OPTION_FIRST, argc - 1, argv + 1, &words, err);

	if (r == 0)
		r = take_global(&global, true, err);
	if (r == 0 && global.version) {
		puts("nono " NONO_VERSION);
	} else if (r == 0 && !words.n) {
		r = global.help ? print_help(NULL) : no_command(&global, err);
	} else if (r == 0) {
		*c = find_words(&words, &used);
		if (!*c)
			r = unknown_command(cli_commands, "", words.v[0], err);
		else if (global.help)
			r = print_help(*c);
		else
			r = run_command(*c, &global, (int)(words.n - used),
					argv + argc - (words.n - used), err);
	}
	free(words.v);
	return r;
}

int cli_main(int argc, char **argv)
{
	const struct command *c = NULL;
	struct err err = {.cls = ERR_FAILURE};
	char text[2 * sizeof(err.msg)];
	int r = dispatch(argc, argv, &c, &err);

	/* Even when a command failed: what it said before still counts. */
	if (flush_output(r < 0 ? NULL : &err) < 0 && r >= 0)
		r = -1;
	if (r >= 0)
		return r;
	if (err.msg[0])
		fprintf(stderr, "nono: %s\n",
			text_printable(text, sizeof(text), err.msg, strlen(err.msg)));
	if (err.msg[0] && remark_to_file())
		remark("nono: %s", err.msg);
	if (err.cls == ERR_USAGE && err.msg[0])
		fprintf(stderr, "Try 'nono %s%s--help'.\n", c ? c->name : "", c ? " " : "");
	return err.cls ? (int)err.cls : ERR_FAILURE;
}
