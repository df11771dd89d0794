/* The help texts around the option tables. */
#include "cli/cli.h"

static const char *const group_titles[GROUPS] = {
    [GROUP_RUN] = "Run programs",	  [GROUP_SESSIONS] = "Sessions",
    [GROUP_PANES] = "Panes, for scripts", [GROUP_REQUESTS] = "Requests for access",
    [GROUP_RECORD] = "What happened",	  [GROUP_OTHER] = "Other",
};

void help_all(struct buf *out)
{
	buf_adds(out, "nono runs coding agents side by side, each confined by the kernel.\n\n"
		      "Usage: nono [-s] COMMAND [options] [arguments]\n"
		      "       nono                 on a terminal: all running sessions\n");
	for (int g = 0; g < GROUPS; g++) {
		buf_addf(out, "\n%s:\n", group_titles[g]);
		for (size_t i = 0; cli_commands[i]; i++)
			if ((int)cli_commands[i]->group == g)
				buf_addf(out, "  %-12s %s\n", cli_commands[i]->name,
					 cli_commands[i]->summary);
	}
	buf_adds(out, "\nOptions for every command:\n");
	options_help(global_rows, 0, out);
	buf_adds(out, "\nnono help COMMAND tells more about one of them.\n");
}

/* A heading without an option below it is left out. */
static void help_options(const char *title, const struct option_row *rows, unsigned mask,
			 struct buf *out)
{
	_cleanup_(buf_free) struct buf options = {0};

	options_help(rows, mask, &options);
	if (options.len)
		buf_addf(out, "\n%s:\n%s", title, options.data);
}

void help_command(const struct command *c, struct buf *out)
{
	buf_addf(out, "%s\n\nUsage: nono %s%s%s\n", c->summary, c->name, *c->usage ? " " : "",
		 c->usage);
	if (c->alias)
		buf_addf(out, "       (also: nono %s)\n", c->alias);
	if (c->subs)
		buf_adds(out, "\nCommands:\n");
	for (size_t i = 0; c->subs && c->subs[i]; i++)
		if (c->subs[i]->group != GROUP_HIDDEN)
			buf_addf(out, "  %-12s %s\n", command_word(c->subs[i]),
				 c->subs[i]->summary);
	help_options("Options", c->rows, c->mask, out);
	for (const struct option_group *g = c->more; g && g->title; g++)
		help_options(g->title, g->rows, c->mask, out);
	if (c->details)
		buf_addf(out, "\n%s", c->details);
}

static int run(struct cli *cli, struct err *err)
{
	_cleanup_(buf_free) struct buf b = {0};
	const struct command *c, *sub;

	if (!cli->n_args) {
		help_all(&b);
	} else {
		bool cleanup = cli->n_args == 2 && str_eq(cli->args[0], "session") &&
			       str_eq(cli->args[1], "cleanup");
		c = cleanup ? &command_prune : cli_find(cli->args[0]);
		sub = c && cli->n_args == 2 ? command_sub(c, cli->args[1]) : NULL;
		c = sub ? sub : c;
		if (!c || (cli->n_args > 1 && !cleanup && !sub))
			return err_usage(err, "there is no command '%s'",
					 show(cli->args[c ? 1 : 0]).s);
		help_command(c, &b);
	}
	fwrite(b.data, 1, b.len, stdout);
	return 0;
}

const struct command command_help = {
    .name = "help",
    .group = GROUP_OTHER,
    .usage = "[COMMAND]",
    .summary = "Show help",
    .max_args = 2,
    .run = run,
};
