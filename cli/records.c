/* nono audit, request: commands of other rooms. */
#include "audit/audit.h"
#include "cli/cli.h"
#include "elevation/elevation.h"

static int audit(struct cli *cli, struct err *err)
{
	(void)err;
	return audit_command(cli->argc, cli->argv);
}

const struct command command_audit = {
    .name = "audit",
    .group = GROUP_RECORD,
    .usage = "list|show|verify [options]",
    .summary = "The audit records: list, show and verify them",
    .details =
	"  nono audit list [--today] [--since DAY] [--until DAY] [--command TEXT] [--path PATH]\n"
	"                  [--recent N] [--json]\n"
	"  nono audit show ID [--denied] [--json]\n"
	"  nono audit verify ID [--json]\n\n"
	"verify recomputes every hash: exit code 0 when all of them hold, 1 when not.\n",
    .flags = CLI_RAW,
    .run = audit,
};

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
