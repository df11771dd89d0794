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
	buf_adds(out, "\nOptions for every command:\n"
		      "  -s, --silent   No summary, no remarks, no warnings\n"
		      "  -h, --help     Show help, of a command too\n"
		      "  -V, --version  Show the version\n"
		      "\nnono help COMMAND tells more about one of them.\n");
}

void help_command(const struct command *c, struct buf *out)
{
	size_t before;

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
	before = out->len;
	options_help(c->rows, c->mask, out);
	options_help(c->more, c->mask, out);
	if (out->len > before) {
		_cleanup_(buf_free) struct buf options = {0};

		buf_add(&options, out->data + before, out->len - before);
		out->len = before;
		buf_addf(out, "\nOptions:\n%s", options.data);
	}
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
