/* From the command line to the command, and from its result to the exit code. */
#include "cli/cli.h"

struct global {
	bool silent, help, version;
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
	struct option_table tables[] = {
	    {c->rows, c->mask, options}, {c->more, c->mask, options}, {global_rows, 0, &global}};
	enum option_order order = c->flags & CLI_PROGRAM ? OPTION_FIRST : OPTION_ANYWHERE;
	struct strings args = {0};
	int r;

	r = options_parse(tables, ARRAY_LEN(tables), order, argc, argv, &args, err);
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
		r = check_args(c, &args, err) < 0 || check_place(c, err) < 0 ? -1
									     : c->run(&cli, err);
	}
	options_free(&tables[0]);
	options_free(&tables[1]);
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

	if (c->instead && !global.silent)
		fprintf(stderr, "nono: warning: '%s' is an old name: use 'nono %s'\n", c->name,
			c->instead);
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
	if (err.cls == ERR_USAGE && err.msg[0])
		fprintf(stderr, "Try 'nono %s%s--help'.\n", c ? c->name : "", c ? " " : "");
	return err.cls ? (int)err.cls : ERR_FAILURE;
}
