/* nono rollback cleanup. */
#include "cli/rollback.h"

#include <time.h>

struct cleanup_options {
	long keep, older_than;
	bool all, dry_run;
};
static const struct option_row cleanup_rows[] = {
    {.name = "keep",
     .kind = OPTION_NUMBER,
     ROW(cleanup_options, keep),
     .arg = "N",
     .help = "The newest N sessions stay",
     .value = -1,
     .max = 1000000000},
    {.name = "older-than",
     .kind = OPTION_NUMBER,
     ROW(cleanup_options, older_than),
     .arg = "DAYS",
     .help = "What is younger stays",
     .value = -1,
     .max = 100000},
    {.name = "all", ROW(cleanup_options, all), .help = "All sessions that have ended"},
    {.name = "dry-run", ROW(cleanup_options, dry_run), .help = "Say what would be removed"},
    {0},
};

/* YYYY-MM-DD comparison is enough for days. */
static bool younger(const struct rollback_dated *d, long days)
{
	struct tm tm;
	time_t then = time(NULL) - days * 86400;
	char day[32];

	localtime_r(&then, &tm);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	return strncmp(d->started, day, 19) > 0;
}

static int collect_garbage(struct cli *cli, struct snap_store *store, struct err *err)
{
	struct snap_gc gc;

	if (snap_gc(store, &gc, err) < 0)
		return -1;
	cli_say(cli, "The store went from %.1f MB to %.1f MB.", (double)gc.bytes_before / 1e6,
		(double)gc.bytes_after / 1e6);
	return 0;
}

/* 1 removed, or would be. */
static int cleanup_one(const struct cleanup_options *o, struct snap_store *store,
		       const struct rollback_dated *d, long *kept, struct err *err)
{
	struct rollback_record r;
	bool alive = rollback_record_load(d->id, &r, NULL) == 0 && rollback_alive(&r);

	rollback_record_free(&r);
	if (alive)
		return 0;
	if (!o->all && ((o->keep >= 0 && *kept < o->keep) ||
			(o->older_than >= 0 && younger(d, o->older_than)))) {
		(*kept)++;
		return 0;
	}
	if (!o->dry_run && rollback_session_remove(store, d->id, err) < 0)
		return -1;
	printf("%s %s\n", o->dry_run ? "would remove" : "removed", d->id);
	return 1;
}

static void on_removed(void *arg, const char *id)
{
	const struct cleanup_options *o = arg;

	printf("%s %s\n", o->dry_run ? "would remove" : "removed", id);
}

/* As the settings say. */
static int keep_limits(const struct cleanup_options *o, struct snap_store *store, struct err *err)
{
	struct rollback_limits l;

	return rollback_limits_load(&l, err) < 0
		   ? -1
		   : rollback_keep(store, &l, o->dry_run, on_removed, (void *)(uintptr_t)o, err);
}

static int run_cleanup(struct cli *cli, struct err *err)
{
	_cleanup_(rollback_close) struct snap_store *store = NULL;
	const struct cleanup_options *o = cli->options;
	struct rollback_dated *v;
	long kept = 0, removed = 0;
	size_t n;
	int r = 0;

	if (rollback_open(&store, err) < 0)
		return -1;
	if (o->keep < 0 && o->older_than < 0 && !o->all)
		return keep_limits(o, store, err);
	if (!(v = rollback_by_date(store, &n, err)))
		return -1;
	for (size_t i = 0; i < n && r >= 0; i++) {
		r = cleanup_one(o, store, &v[i], &kept, err);
		removed += r > 0;
	}
	rollback_dated_free(v, n);
	if (r >= 0 && removed && !o->dry_run)
		r = collect_garbage(cli, store, err);
	return r < 0 ? -1 : 0;
}

const struct command command_rollback_cleanup = {
    .name = "rollback cleanup",
    .usage = "[options]",
    .summary = "Remove snapshots of ended sessions, and what only they hold",
    .details =
	"Without options what is beyond max_sessions (10) and max_storage_gb (5) of the table\n"
	"[rollback] in config.toml, and sessions whose supervisor vanished longer than\n"
	"stale_grace_hours (24) ago; that is done at the end of each session with --rollback,\n"
	"too. Running sessions and named snapshots are never touched.\n",
    .rows = cleanup_rows,
    .size = sizeof(struct cleanup_options),
    .flags = CLI_OUTSIDE,
    .run = run_cleanup,
};
