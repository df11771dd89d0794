/* nono rollback: looking at a session's snapshots, putting them back, verifying them. */
#include "cli/rollback.h"

/* ---- show ------------------------------------------------------------------------------------ */

struct show_options {
	int mode; /* enum show_mode */
	bool json;
};
static const struct option_row show_rows[] = {
    SHOW_ROWS(show_options),
    {.name = "json", ROW(show_options, json), .help = "As JSON"},
    {0},
};

static int show_json(const struct rollback_session *s, struct snap_store *store)
{
	cJSON *o = rollback_session_json(s, false);

	cJSON_AddItemToObject(o, "snapshots", snapshots_json(s, store, true));
	print_json(o);
	cJSON_Delete(o);
	return 0;
}

static void say_left_out(const struct snap_record *r)
{
	for (int w = SNAP_WHY_NONE + 1; w < SNAP_WHY_COUNT; w++)
		if (r->left_out_total[w])
			printf("      left out: %llu %s\n",
			       (unsigned long long)r->left_out_total[w],
			       snap_why_text((enum snap_why)w));
}

static void show_snapshots(const struct rollback_session *s)
{
	char when[TIME_STR_MAX];

	for (size_t i = 0; i < s->n; i++) {
		const struct snap_record *r = &s->v[i];
		time_rfc3339(when, r->time_ns);
		printf("[%03u] %.19s  %-14s %llu files, %.1f MB\n", r->number, when,
		       r->reason ? r->reason : "", (unsigned long long)r->files,
		       (double)r->bytes / 1e6);
		if (!i)
			say_left_out(r);
	}
}

static int run_show(struct cli *cli, struct err *err)
{
	const struct show_options *o = cli->options;
	_cleanup_(rollback_close) struct snap_store *store = NULL;
	_cleanup_(rollback_session_free) struct rollback_session s = {0};
	_cleanup_(changes_free) struct changes c = {0};
	const struct snap_record *last;
	char count[64];

	if (rollback_open(&store, err) < 0 ||
	    rollback_session_open(&s, store, cli->args[0], err) < 0)
		return -1;
	if (o->json)
		return show_json(&s, store);
	last = rollback_pick(s.v, s.n, -1);
	if (last && changes_load(store, &s.v[0], last, &c, err) < 0)
		return -1;
	if (o->mode == SHOW_LIST) {
		changes_count_text(&c, count);
		printf("Session %s, started %.19s\n", s.rec.id, s.rec.started);
		show_snapshots(&s);
		printf("Changes: %s\n", count);
	}
	return changes_show(store, &c, (enum show_mode)o->mode, false, err);
}

static const struct command command_rollback_show = {
    .name = "rollback show",
    .usage = "SESSION [options]",
    .summary = "What a session changed: from its first snapshot to its last",
    .rows = show_rows,
    .size = sizeof(struct show_options),
    .flags = CLI_ENDED_TOO | CLI_OUTSIDE,
    .min_args = 1,
    .max_args = 1,
    .arg = "a session",
    .run = run_show,
};

/* ---- restore --------------------------------------------------------------------------------- */

struct restore_options {
	long snapshot;
	struct strings paths, hunks;
	bool dry_run, json;
};
static const struct option_row restore_rows[] = {
    {.name = "snapshot",
     .kind = OPTION_NUMBER,
     ROW(restore_options, snapshot),
     .arg = "N",
     .help = "To this snapshot; without it to number 0, the state before the run, and what was "
	     "kept before a grant as it was before that",
     .max = 1000000000},
    {.name = "path",
     .kind = OPTION_LIST,
     ROW(restore_options, paths),
     .arg = "PATH",
     .help = "Only this file, or this directory and all below it"},
    {.name = "hunk",
     .kind = OPTION_LIST,
     ROW(restore_options, hunks),
     .arg = "FILE:N[,N]",
     .help = "Of this file only these parts, counted as the diff shows them"},
    {.name = "dry-run", ROW(restore_options, dry_run), .help = "List what would be done"},
    {.name = "json", ROW(restore_options, json), .help = "What was done as a JSON array"},
    {0},
};

static int run_restore(struct cli *cli, struct err *err)
{
	const struct restore_options *o = cli->options;
	_cleanup_(rollback_close) struct snap_store *store = NULL;
	_cleanup_(rollback_session_free) struct rollback_session s = {0};
	const struct snap_record *to;

	if (rollback_open(&store, err) < 0 ||
	    rollback_session_open(&s, store, cli->args[0], err) < 0)
		return -1;
	to = rollback_pick(s.v, s.n, o->snapshot);
	if (!to)
		return err_set(err, "session %s has no snapshot %ld", s.id, o->snapshot);
	if (rollback_alive(&s.rec))
		cli_say(cli, "The session is still running: it may change things again.");
	return restore_run(&(struct restore_run){.cli = cli,
						 .store = store,
						 .to = to,
						 .later = s.v,
						 .n_later = o->snapshot == 0 ? s.n : 0,
						 .options = rollback_options(&s.rec),
						 .session = s.id,
						 .paths = o->paths,
						 .hunks = o->hunks,
						 .dry_run = o->dry_run,
						 .json = o->json},
			   err);
}

static const struct command command_rollback_restore = {
    .name = "rollback restore",
    .usage = "SESSION [options]",
    .summary = "Put files back as they were before a session, or at another of its snapshots",
    .details =
	"The present state is kept as a snapshot first, so that a restore can be undone. Files\n"
	"that change while it runs, and what the snapshot left out, are left alone.\n\n"
	"Examples:\n"
	"  nono rollback restore 3f2a --dry-run\n"
	"  nono rollback restore 3f2a --path src\n"
	"  nono rollback restore 3f2a --hunk src/main.c:2\n",
    .rows = restore_rows,
    .size = sizeof(struct restore_options),
    .flags = CLI_ENDED_TOO | CLI_OUTSIDE,
    .min_args = 1,
    .max_args = 1,
    .arg = "a session",
    .run = run_restore,
};

/* ---- verify ---------------------------------------------------------------------------------- */

#define BAD_MAX 4096

struct damages {
	unsigned v[BAD_MAX]; /* numbers of snapshots */
	size_t n;
};

static void on_damage(void *arg, const struct snap_damage *d)
{
	struct damages *bad = arg;

	if (d->where && bad->n < BAD_MAX && (!bad->n || bad->v[bad->n - 1] != d->number))
		bad->v[bad->n++] = d->number;
	printf("[%03u] DAMAGED ", d->number);
	print_text(d->path ? d->path : "the record", 0);
	printf(": ");
	print_text(d->what, 0);
	putchar('\n');
}

static bool is_bad(const struct damages *bad, unsigned number)
{
	for (size_t i = 0; i < bad->n; i++)
		if (bad->v[i] == number)
			return true;
	return bad->n == BAD_MAX; /* one of those that found no room, perhaps */
}

static int run_verify(struct cli *cli, struct err *err)
{
	_cleanup_(rollback_close) struct snap_store *store = NULL;
	_cleanup_(rollback_session_free) struct rollback_session s = {0};
	struct damages bad = {.n = 0};
	struct snap_verified out = {0};
	char hex[SNAP_HASH_HEX];

	if (rollback_open(&store, err) < 0 || !(s.id = rollback_find(store, cli->args[0], err)) ||
	    snap_verify_session(store, s.id, on_damage, &bad, &out, err) < 0)
		return -1;
	if (rollback_session_load(&s, store, s.id, err) < 0 && !out.damaged)
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		if (is_bad(&bad, s.v[i].number))
			continue;
		snap_hash_hex(hex, &s.v[i].tree);
		printf("[%03u] OK %s %llu files\n", s.v[i].number, hex,
		       (unsigned long long)s.v[i].files);
	}
	puts(out.damaged ? "FAIL" : "PASS");
	return out.damaged ? 1 : 0;
}

static const struct command command_rollback_verify = {
    .name = "rollback verify",
    .usage = "SESSION",
    .summary = "Hash everything that a session's snapshots hold again",
    .details = "Exit code 0 when all of it is whole, 1 when not.\n",
    .flags = CLI_ENDED_TOO | CLI_OUTSIDE,
    .min_args = 1,
    .max_args = 1,
    .arg = "a session",
    .run = run_verify,
};

/* ---- all of them ------------------------------------------------------------------------------
 */

static const struct command *const subs[] = {
    &command_rollback_list,
    &command_rollback_show,
    &command_rollback_review,
    &command_rollback_restore,
    &command_rollback_verify,
    &command_rollback_cleanup,
    NULL,
};

const struct command command_rollback = {
    .name = "rollback",
    .alias = "undo",
    .group = GROUP_RECORD,
    .usage = "list|show|review|restore|verify|cleanup ...",
    .summary = "What sessions changed: look at it, put it back",
    .subs = subs,
};
