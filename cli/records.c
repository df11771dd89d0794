/* nono request: a command of another room. */
#include "cli/cli.h"
#include "elevation/elevation.h"

/* argv[-1] is the word "request" itself, as getopt wants it. */
static int request(struct cli *cli, struct err *err)
{
	(void)err;
	return elevation_request_command(cli->argc + 1, cli->argv - 1);
}

const struct command command_request = {
    .name = "request",
    .group = GROUP_REQUESTS,
    .usage = "[--read PATH]... [--write PATH]... [--reason TEXT] [--timeout S] [--json]",
    .summary = "From inside a session: ask for access and wait for the answer",
    .details = "Exit code: 0 everything granted, 1 denied, 2 wrong usage.\n",
    .flags = CLI_RAW,
    .run = request,
};
