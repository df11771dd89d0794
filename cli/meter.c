/* Files, bytes and rate in one line that is written over. */
#include "cli/meter.h"

struct meter meter_of(const struct cli *cli, const char *what)
{
	return (struct meter){.what = cli->silent || !isatty(STDERR_FILENO) ? NULL : what};
}

bool meter_show(void *arg, const struct snap_progress *p)
{
	struct meter *m = arg;
	double mb = (double)p->bytes_read / 1e6, s = (double)p->elapsed_ns / 1e9;

	if (!m->what || p->elapsed_ns < 500000000)
		return true;
	m->shown = true;
	fprintf(stderr, "\r%s: ", m->what);
	if (p->files_seen)
		fprintf(stderr, "%llu file%s, %.1f MB, read %.1f MB",
			(unsigned long long)p->files_seen, p->files_seen == 1 ? "" : "s",
			(double)p->bytes_seen / 1e6, mb);
	else
		fprintf(stderr, "%.1f of %.1f MB", mb, (double)p->bytes_seen / 1e6);
	fprintf(stderr, " (%.0f MB/s)   ", mb / s);
	fflush(stderr);
	return true;
}

void meter_clear(struct meter *m)
{
	if (!m->shown)
		return;
	fputs("\r\033[K", stderr);
	fflush(stderr);
	m->shown = false;
}
