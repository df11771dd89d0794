/* nono rollback review: the front end's review pane. */
#include "cli/rollback.h"
#include "tui/tui.h"

struct review_options {
	bool read_only;
};
static const struct option_row rows[] = {
    {.name = "read-only",
     ROW(review_options, read_only),
     .help = "Look only; nothing is accepted or put back"},
    {0},
};

static int run_review(struct cli *cli, struct err *err)
{
	const struct review_options *o = cli->options;
	_cleanup_(rollback_close) struct snap_store *store = NULL;
	_cleanup_free_ char *id = NULL;
	struct tui_options t = {.review = true, .read_only = o->read_only};

	id = rollback_find(cli->args[0], err);
	if (!id || rollback_store_open(id, &store, err) < 0)
		return -1;
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return err_set(err,
			       "the review needs a terminal; nono rollback show %.8s --diff "
			       "works without one",
			       id);
	t.attach = id;
	return tui_main(&t);
}

const struct command command_rollback_review = {
    .name = "rollback review",
    .usage = "SESSION [--read-only]",
    .summary = "Go through what a session changed, in the front end: accept it or put it back",
    .details =
	"File by file or hunk by hunk, while the session runs or after it. ? shows the keys;\n"
	"Ctrl+B R opens the same beside a running session.\n",
    .rows = rows,
    .size = sizeof(struct review_options),
    .flags = CLI_ENDED_TOO | CLI_OUTSIDE,
    .min_args = 1,
    .max_args = 1,
    .arg = "a session",
    .run = run_review,
};
