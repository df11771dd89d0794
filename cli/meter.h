/* meter - the progress of what takes longer than half a second, on a terminal's standard error. */
#ifndef NONO_CLI_METER_H
#define NONO_CLI_METER_H

#include "cli/cli.h"
#include "snapshots/snapshots.h"

struct meter {
	const char *what; /* NULL: nothing is shown */
	bool shown;
};
/* Of nothing with --silent, or where standard error is no terminal. */
struct meter meter_of(const struct cli *cli, const char *what);
/* A snap_progress_fn; arg is the meter. Never ends anything: a signal does. */
bool meter_show(void *arg, const struct snap_progress *p);
/* Takes the line away, before something else is said. */
void meter_clear(struct meter *m);

#endif
