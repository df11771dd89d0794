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

static int collect_garbage(struct cli *cli, struct rollback_stores *stores, struct err *err)
{
	struct snap_gc gc;
	int r = 0;

	for (size_t i = 0; i < stores->n; i++) {
		const struct rollback_opened *o = stores->v[i];

		if (!o->garbage)
			continue;
		if (snap_gc(o->store, &gc, r < 0 ? NULL : err) < 0) {
			r = -1;
			continue;
		}
		cli_say(cli, "The store%s%s went from %.1f MB to %.1f MB.", o->path ? " in " : "",
			o->path ? o->path : "", (double)gc.bytes_before / 1e6,
			(double)gc.bytes_after / 1e6);
	}
	return r;
}

/* Its snapshots can't be reached. Nothing but --all means that it goes nevertheless. */
static int forget(struct cli *cli, const char *id, const struct err *why, struct err *err)
{
	const struct cleanup_options *o = cli->options;

	cli_say(cli, "%.8s: %s%s", id, why->msg,
		o->all ? "; what comes back there is not removed" : ": it stays");
	if (!o->all)
		return 0;
	if (!o->dry_run && rollback_record_remove(id, err) < 0)
		return -1;
	printf("%s %s\n", o->dry_run ? "would forget" : "forgot", id);
	return 0;
}

static int cleanup_one(struct cli *cli, struct rollback_stores *stores,
		       const struct rollback_dated *d, long *kept, struct err *err)
{
	const struct cleanup_options *o = cli->options;
	struct rollback_opened *in;
	struct rollback_record r;
	struct err why = {0};
	bool alive = rollback_record_load(d->id, &r, NULL) == 0 && rollback_alive(&r);

	rollback_record_free(&r);
	if (alive)
		return 0;
	in = rollback_stores_get(stores, d->id, &why);
	if (!in)
		return forget(cli, d->id, &why, err);
	if (!o->all && ((o->keep >= 0 && *kept < o->keep) ||
			(o->older_than >= 0 && younger(d, o->older_than)))) {
		(*kept)++;
		return 0;
	}
	if (!o->dry_run && rollback_session_remove(in->store, d->id, err) < 0)
		return err_prefix(err, "%.8s", d->id);
	in->garbage = true;
	printf("%s %s\n", o->dry_run ? "would remove" : "removed", d->id);
	return 0;
}

static void on_removed(void *arg, const char *id)
{
	const struct cleanup_options *o = arg;

	printf("%s %s\n", o->dry_run ? "would remove" : "removed", id);
}

/* As the settings say. */
static int keep_limits(const struct cleanup_options *o, struct err *err)
{
	struct rollback_limits l;
	int r = rollback_limits_load(&l, err);

	if (r == 0)
		r = rollback_keep(&l, o->dry_run, on_removed, (void *)(uintptr_t)o, err);
	rollback_limits_free(&l);
	return r;
}

static int remove_asked(struct cli *cli, struct err *err)
{
	_cleanup_(rollback_stores_free) struct rollback_stores stores = {0};
	const struct cleanup_options *o = cli->options;
	struct rollback_dated *v;
	long kept = 0;
	size_t n;
	int r = 0;

	if (!(v = rollback_by_date(&n, err)))
		return -1;
	/* One that can't be removed, as its place can't be written now, keeps no other one. */
	for (size_t i = 0; i < n; i++)
		if (cleanup_one(cli, &stores, &v[i], &kept, r < 0 ? NULL : err) < 0)
			r = -1;
	rollback_dated_free(v, n);
	if (!o->dry_run && collect_garbage(cli, &stores, r < 0 ? NULL : err) < 0)
		r = -1;
	return r;
}

static int run_cleanup(struct cli *cli, struct err *err)
{
	const struct cleanup_options *o = cli->options;
	int r = o->keep < 0 && o->older_than < 0 && !o->all ? keep_limits(o, err)
							    : remove_asked(cli, err);

	if (r == 0 && !o->dry_run)
		rollback_places_forget();
	return r;
}

const struct command command_rollback_cleanup = {
    .name = "rollback cleanup",
    .usage = "[options]",
    .summary = "Remove snapshots of ended sessions, and what only they hold",
    .details =
	"Without options what is beyond max_sessions (10) and max_storage_gb (5) of the table\n"
	"[rollback] in config.toml, and sessions whose supervisor vanished longer than\n"
	"stale_grace_hours (24) ago; that is done at the end of each session with --rollback,\n"
	"too. Running sessions and named snapshots are never touched. What --rollback-dest has "
	"put\n"
	"where it can't be reached now stays; --all forgets it.\n",
    .rows = cleanup_rows,
    .size = sizeof(struct cleanup_options),
    .flags = CLI_OUTSIDE,
    .run = run_cleanup,
};
