/* nono rollback: its subcommands. */
#include "cli/rollback.h"

#include <dirent.h>
#include <sys/stat.h>
#include <time.h>

/* ---- a session ------------------------------------------------------------------------------- */

struct session {
	struct snap_store *store;
	char *id;
	struct rollback_record rec;
	struct snap_record *v;
	size_t n;
};

static void session_close(struct session *s)
{
	snap_record_list_free(s->v, s->n);
	rollback_record_free(&s->rec);
	free(s->id);
	snap_close(s->store);
}

static int session_load(struct session *s, const char *id, struct err *err)
{
	_cleanup_(buf_free) struct buf bad = {0};
	struct err e = {0};

	/* Without it there are no excludes, but the snapshots are what counts. */
	if (rollback_record_load(id, &s->rec, &e) < 0)
		str_copy(s->rec.id, sizeof(s->rec.id), id);
	if (snap_record_list(s->store, id, &s->v, &s->n, &bad, err) < 0)
		return -1;
	if (bad.len)
		print_lines(stderr, bad.data);
	return s->n ? 0 : err_set(err, "session %s has no snapshot that can be read", id);
}

static int session_open(struct session *s, const char *what, struct err *err)
{
	if (rollback_open(&s->store, err) < 0)
		return -1;
	s->id = rollback_find(s->store, what, err);
	return s->id ? session_load(s, s->id, err) : -1;
}

static double disk_size(const char *id)
{
	_cleanup_free_ char *state = dir_state();
	_cleanup_free_ char *path = xasprintf("%s/rollbacks/%s/snapshots", state, id);
	DIR *d = opendir(path);
	struct dirent *e;
	struct stat st;
	double sum = 0;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.' && fstatat(dirfd(d), e->d_name, &st, 0) == 0)
			sum += (double)st.st_size;
	if (d)
		closedir(d);
	return sum;
}

static cJSON *strings_json(char *const *v)
{
	cJSON *a = cJSON_CreateArray();

	for (; v && *v; v++)
		cJSON_AddItemToArray(a, cJSON_CreateString(*v));
	return a;
}

static cJSON *session_json(const struct session *s, bool with_count)
{
	cJSON *o = cJSON_CreateObject();
	bool alive = rollback_alive(&s->rec);

	cJSON_AddStringToObject(o, "session_id", s->rec.id);
	cJSON_AddStringToObject(o, "started", s->rec.started);
	cJSON_AddItemToObject(
	    o, "ended", s->rec.ended[0] ? cJSON_CreateString(s->rec.ended) : cJSON_CreateNull());
	cJSON_AddItemToObject(o, "command", strings_json(s->rec.command));
	if (!with_count)
		cJSON_AddNullToObject(o, "executable_identity");
	cJSON_AddItemToObject(o, "tracked_paths", strings_json(s->rec.roots));
	if (with_count)
		cJSON_AddNumberToObject(o, "snapshot_count", (double)s->n);
	cJSON_AddItemToObject(o, "exit_code",
			      s->rec.ended[0] ? cJSON_CreateNumber(s->rec.exit_code)
					      : cJSON_CreateNull());
	cJSON_AddNumberToObject(o, "disk_size", disk_size(s->rec.id));
	cJSON_AddBoolToObject(o, "is_alive", alive);
	cJSON_AddBoolToObject(o, "is_stale", !alive && !s->rec.ended[0]);
	return o;
}

/* ---- list ------------------------------------------------------------------------------------ */

struct list_options {
	long recent;
	const char *path;
	bool all, json;
};
static const struct option_row list_rows[] = {
    {.name = "recent",
     .kind = OPTION_NUMBER,
     ROW(list_options, recent),
     .arg = "N",
     .help = "The newest N",
     .min = 1,
     .max = 1000000},
    {.name = "path",
     .kind = OPTION_STRING,
     ROW(list_options, path),
     .arg = "PATH",
     .help = "Snapshots of PATH, of what is below it or holds it"},
    {.name = "all", ROW(list_options, all), .help = "Also sessions that changed nothing"},
    {.name = "json", ROW(list_options, json), .help = "As a JSON array"},
    {0},
};

static bool about_path(const struct session *s, const char *path)
{
	char cwd[4096], joined[8192], clean[4096];

	if (!path)
		return true;
	if (path_join(joined, sizeof(joined), getcwd(cwd, sizeof(cwd)) ? cwd : "/", path) < 0 ||
	    path_clean(clean, sizeof(clean), joined) < 0)
		return false;
	for (char *const *r = s->rec.roots; r && *r; r++)
		if (path_under(*r, clean) || path_under(clean, *r))
			return true;
	return false;
}

static int listed(struct cli *cli, const char *id, cJSON *all, struct err *err)
{
	const struct list_options *o = cli->options;
	_cleanup_(session_close) struct session s = {0};
	_cleanup_(changes_free) struct changes c = {0};
	char count[64], command[48];

	if (rollback_open(&s.store, err) < 0)
		return -1;
	if (session_load(&s, id, NULL) < 0 || !about_path(&s, o->path))
		return 0;
	changes_load(s.store, &s.v[0], rollback_pick(s.v, s.n, -1), &c, NULL);
	if (!c.n && !o->all)
		return 0;
	if (all) {
		cJSON_AddItemToArray(all, session_json(&s, true));
		return 1;
	}
	changes_count_text(&c, count);
	command_text(s.rec.command ? s.rec.command : (char *[]){NULL}, command, sizeof(command));
	printf("%-17s %-20.19s %9zu  %-20s %-8s %s\n", s.rec.id, s.rec.started, s.n, count,
	       rollback_alive(&s.rec) ? "running"
	       : s.rec.ended[0]	      ? "ended"
				      : "stale",
	       command);
	return 1;
}

struct dated {
	char *id;
	char started[TIME_STR_MAX];
};

static int newest_first(const void *a, const void *b)
{
	const struct dated *x = a, *y = b;
	int r = strcmp(y->started, x->started);

	return r ? r : strcmp(y->id, x->id);
}

/* Caller frees each id and the vector. */
static struct dated *sessions_by_date(size_t *n, struct err *err)
{
	struct snap_store *store;
	struct dated *v = NULL;
	char **ids;

	*n = 0;
	if (rollback_open(&store, err) < 0)
		return NULL;
	ids = snap_record_sessions(store, err);
	snap_close(store);
	if (!ids)
		return NULL;
	while (ids[*n])
		(*n)++;
	v = xcalloc(*n + 1, sizeof(*v));
	for (size_t i = 0; ids[i]; i++) {
		struct rollback_record r;
		v[i].id = ids[i];
		if (rollback_record_load(ids[i], &r, NULL) == 0)
			str_copy(v[i].started, sizeof(v[i].started), r.started);
		rollback_record_free(&r);
	}
	free(ids);
	qsort(v, *n, sizeof(*v), newest_first);
	return v;
}

static void dated_free(struct dated *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(v[i].id);
	free(v);
}

static int run_list(struct cli *cli, struct err *err)
{
	const struct list_options *o = cli->options;
	cJSON *all = o->json ? cJSON_CreateArray() : NULL;
	size_t n;
	struct dated *v = sessions_by_date(&n, err);
	int r = v ? 0 : -1;
	long shown = 0;

	if (v && !o->json)
		printf("%-17s %-20s %9s  %-20s %-8s %s\n", "SESSION", "STARTED", "SNAPSHOTS",
		       "CHANGES", "STATE", "COMMAND");
	for (size_t i = 0; i < n && r >= 0 && (!o->recent || shown < o->recent); i++) {
		r = listed(cli, v[i].id, all, err);
		shown += r > 0;
	}
	dated_free(v, n);
	if (r >= 0 && all)
		print_json(all);
	cJSON_Delete(all);
	return r < 0 ? -1 : 0;
}

static const struct command command_rollback_list = {
    .name = "rollback list",
    .usage = "[options]",
    .summary = "List the sessions that have snapshots, newest first",
    .rows = list_rows,
    .size = sizeof(struct list_options),
    .flags = CLI_OUTSIDE,
    .run = run_list,
};

/* ---- show ------------------------------------------------------------------------------------ */

struct show_options {
	int mode; /* enum show_mode */
	bool json;
};
static const struct option_row show_rows[] = {
    {.name = "diff",
     .kind = OPTION_SET,
     .value = SHOW_DIFF,
     ROW(show_options, mode),
     .help = "What changed in the files, as a unified diff"},
    {.name = "side-by-side",
     .kind = OPTION_SET,
     .value = SHOW_SIDES,
     ROW(show_options, mode),
     .help = "In two columns"},
    {.name = "full",
     .kind = OPTION_SET,
     .value = SHOW_FULL,
     ROW(show_options, mode),
     .help = "In two columns, with all lines of the changed files"},
    {.name = "json", ROW(show_options, json), .help = "As JSON"},
    {0},
};

static cJSON *snapshot_json(const struct session *s, size_t i)
{
	const struct snap_record *r = &s->v[i];
	_cleanup_(changes_free) struct changes c = {0};
	char hex[SNAP_HASH_HEX], when[TIME_STR_MAX];
	cJSON *o = cJSON_CreateObject();

	snap_hash_hex(hex, &r->tree);
	time_rfc3339(when, r->time_ns);
	cJSON_AddNumberToObject(o, "number", r->number);
	cJSON_AddStringToObject(o, "timestamp", when);
	cJSON_AddItemToObject(o, "parent",
			      r->parent < 0 ? cJSON_CreateNull() : cJSON_CreateNumber(r->parent));
	cJSON_AddNumberToObject(o, "file_count", (double)r->files);
	cJSON_AddStringToObject(o, "merkle_root", hex);
	cJSON_AddStringToObject(o, "reason", r->reason ? r->reason : "");
	if (i)
		changes_load(s->store, &s->v[i - 1], r, &c, NULL);
	cJSON_AddItemToObject(o, "changes", changes_json(&c));
	return o;
}

static int show_json(const struct session *s)
{
	cJSON *o = session_json(s, false), *a = cJSON_AddArrayToObject(o, "snapshots");

	for (size_t i = 0; i < s->n; i++)
		cJSON_AddItemToArray(a, snapshot_json(s, i));
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

static void show_snapshots(const struct session *s)
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
	_cleanup_(session_close) struct session s = {0};
	_cleanup_(changes_free) struct changes c = {0};
	const struct snap_record *last;
	char count[64];

	if (session_open(&s, cli->args[0], err) < 0)
		return -1;
	if (o->json)
		return show_json(&s);
	last = rollback_pick(s.v, s.n, -1);
	if (last && changes_load(s.store, &s.v[0], last, &c, err) < 0)
		return -1;
	if (o->mode == SHOW_LIST) {
		changes_count_text(&c, count);
		printf("Session %s, started %.19s\n", s.rec.id, s.rec.started);
		show_snapshots(&s);
		printf("Changes: %s\n", count);
	}
	return changes_show(s.store, &c, (enum show_mode)o->mode, false, err);
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
     .help = "To this snapshot; without it to number 0, the state before the run",
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
	_cleanup_(session_close) struct session s = {0};
	const struct snap_record *to;

	if (session_open(&s, cli->args[0], err) < 0)
		return -1;
	to = rollback_pick(s.v, s.n, o->snapshot);
	if (!to)
		return err_set(err, "session %s has no snapshot %ld", s.id, o->snapshot);
	if (rollback_alive(&s.rec))
		cli_say(cli, "The session is still running: it may change things again.");
	return restore_run(&(struct restore_run){.cli = cli,
						 .store = s.store,
						 .to = to,
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

static void on_damage(void *arg, const struct snap_damage *d)
{
	bool *bad = arg;

	if (d->where && d->number < 1000000)
		bad[d->number < 1000 ? d->number : 999] = true;
	printf("[%03u] DAMAGED ", d->number);
	print_text(d->path ? d->path : "the record", 0);
	printf(": ");
	print_text(d->what, 0);
	putchar('\n');
}

static int run_verify(struct cli *cli, struct err *err)
{
	_cleanup_(session_close) struct session s = {0};
	struct snap_verified out = {0};
	bool bad[1000] = {false};
	char hex[SNAP_HASH_HEX];

	if (rollback_open(&s.store, err) < 0 ||
	    !(s.id = rollback_find(s.store, cli->args[0], err)) ||
	    snap_verify_session(s.store, s.id, on_damage, bad, &out, err) < 0)
		return -1;
	if (!out.damaged && session_load(&s, s.id, err) < 0)
		return -1;
	for (size_t i = 0; i < s.n; i++) {
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

/* ---- cleanup --------------------------------------------------------------------------------- */

#define KEEP_DEFAULT 10

struct cleanup_options {
	long keep, older_than;
	bool all, dry_run;
};
static const struct option_row cleanup_rows[] = {
    {.name = "keep",
     .kind = OPTION_NUMBER,
     ROW(cleanup_options, keep),
     .arg = "N",
     .help = "The newest N sessions stay; 10 where nothing else is said",
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

static int remove_session(const char *id, struct err *err)
{
	_cleanup_(session_close) struct session s = {0};

	if (rollback_open(&s.store, err) < 0)
		return -1;
	if (session_load(&s, id, NULL) == 0)
		for (size_t i = 0; i < s.n; i++)
			if (snap_record_delete(s.store, id, s.v[i].number, NULL, err) < 0)
				return -1;
	return rollback_record_remove(id, err);
}

/* YYYY-MM-DD comparison is enough for days. */
static bool younger(const struct dated *d, long days)
{
	struct tm tm;
	time_t then = time(NULL) - days * 86400;
	char day[32];

	localtime_r(&then, &tm);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	return strncmp(d->started, day, 19) > 0;
}

static int collect_garbage(struct cli *cli, struct err *err)
{
	struct snap_store *store;
	struct snap_gc gc;
	int r;

	if (rollback_open(&store, err) < 0)
		return -1;
	r = snap_gc(store, &gc, err);
	snap_close(store);
	if (r == 0)
		cli_say(cli, "The store went from %.1f MB to %.1f MB.",
			(double)gc.bytes_before / 1e6, (double)gc.bytes_after / 1e6);
	return r;
}

static int cleanup_one(const struct cleanup_options *o, const struct dated *d, long *kept,
		       struct err *err)
{
	struct rollback_record r;
	bool alive = rollback_record_load(d->id, &r, NULL) == 0 && rollback_alive(&r);
	long keep = o->keep < 0 && o->older_than < 0 && !o->all ? KEEP_DEFAULT : o->keep;

	rollback_record_free(&r);
	if (alive)
		return 0;
	if (!o->all &&
	    ((keep >= 0 && *kept < keep) || (o->older_than >= 0 && younger(d, o->older_than)))) {
		(*kept)++;
		return 0;
	}
	printf("%s %s\n", o->dry_run ? "would remove" : "removed", d->id);
	return o->dry_run || remove_session(d->id, err) == 0 ? 1 : -1;
}

static int run_cleanup(struct cli *cli, struct err *err)
{
	const struct cleanup_options *o = cli->options;
	size_t n;
	struct dated *v = sessions_by_date(&n, err);
	int r = v ? 0 : -1;
	long kept = 0, removed = 0;

	for (size_t i = 0; i < n && r >= 0; i++) {
		r = cleanup_one(o, &v[i], &kept, err);
		removed += r > 0;
	}
	dated_free(v, n);
	if (r >= 0 && removed && !o->dry_run)
		r = collect_garbage(cli, err);
	return r < 0 ? -1 : 0;
}

static const struct command command_rollback_cleanup = {
    .name = "rollback cleanup",
    .usage = "[options]",
    .summary = "Remove snapshots of ended sessions, and what only they hold",
    .details = "Running sessions and named snapshots are never touched.\n",
    .rows = cleanup_rows,
    .size = sizeof(struct cleanup_options),
    .flags = CLI_OUTSIDE,
    .run = run_cleanup,
};

static const struct command *const subs[] = {
    &command_rollback_list,   &command_rollback_show,	 &command_rollback_restore,
    &command_rollback_verify, &command_rollback_cleanup, NULL,
};

const struct command command_rollback = {
    .name = "rollback",
    .alias = "undo",
    .group = GROUP_RECORD,
    .usage = "list|show|restore|verify|cleanup ...",
    .summary = "What sessions changed: look at it, put it back",
    .subs = subs,
};
