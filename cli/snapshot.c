/* nono snapshot: named snapshots. */
#include "cli/meter.h"
#include "cli/rollback.h"

/* ---- create ---------------------------------------------------------------------------------- */

struct create_options {
	const char *tag, *session;
	struct strings paths;
};
static const struct option_row create_rows[] = {
    {.name = "tag",
     .kind = OPTION_STRING,
     ROW(create_options, tag),
     .arg = "TEXT",
     .help = "A remark that the list shows"},
    {.name = "session",
     .kind = OPTION_STRING,
     ROW(create_options, session),
     .arg = "SESSION",
     .help = "Of what this session may write (run --rollback); without NAME it is one more of the "
	     "session's own"},
    {.name = "path",
     .kind = OPTION_LIST,
     ROW(create_options, paths),
     .arg = "PATH",
     .help = "Of this file or directory instead of the working directory"},
    {0},
};

static int take(struct cli *cli, struct snap_store *store, const struct snap_take *t,
		struct err *err)
{
	struct meter meter = meter_of(cli, "snapshot");
	struct snap_take metered = *t;
	struct snap_record r = {0};
	int rc;

	metered.options.progress = meter_show;
	metered.options.arg = &meter;
	rc = snap_take(store, &metered, &r, err);
	meter_clear(&meter);
	if (rc < 0)
		return -1;
	if (t->session)
		snapshot_note(t->session, "manual", r.number, r.files, &r.tree);
	if (t->name)
		puts(t->name);
	else
		printf("%u\n", r.number);
	cli_say(cli, "%llu file%s, %.1f MB", (unsigned long long)r.files, r.files == 1 ? "" : "s",
		(double)r.bytes / 1e6);
	for (int w = SNAP_WHY_NONE + 1; w < SNAP_WHY_COUNT; w++)
		if (r.left_out_total[w])
			cli_say(cli, "left out: %llu %s", (unsigned long long)r.left_out_total[w],
				snap_why_text((enum snap_why)w));
	snap_record_free(&r);
	return 0;
}

/* Without a name it is kept with the session's own. */
static int create_of_session(struct cli *cli, struct err *err)
{
	const struct create_options *o = cli->options;
	_cleanup_(rollback_close) struct snap_store *store = NULL;
	_cleanup_free_ char *id = rollback_find(o->session, err);
	struct rollback_record rec = {0};
	int r = id ? rollback_record_load(id, &rec, err) : -1;

	if (r == 0)
		r = cli->n_args ? rollback_store_state(&store, err)
				: rollback_store_of(&rec, &store, err);
	if (r == 0)
		r = take(cli, store,
			 &(struct snap_take){.roots = (const char *const *)rec.roots,
					     .options = rollback_options(&rec),
					     .session = cli->n_args ? NULL : id,
					     .name = cli->args[0],
					     .tag = o->tag,
					     .reason = "manual"},
			 err);
	rollback_record_free(&rec);
	return r;
}

static int create_of_paths(struct cli *cli, struct err *err)
{
	const struct create_options *o = cli->options;
	_cleanup_(rollback_close) struct snap_store *store = NULL;
	size_t n = o->paths.n ? o->paths.n : 1;
	char **roots = xcalloc(n + 1, sizeof(*roots));
	int r = cli->n_args ? 0 : err_usage(err, "a snapshot needs a name, or --session");

	for (size_t i = 0; i < n && r == 0; i++) {
		roots[i] = path_real(o->paths.n ? o->paths.v[i] : ".", err);
		r = roots[i] ? 0 : -1;
	}
	if (r == 0)
		r = rollback_store_state(&store, err);
	if (r == 0)
		r = take(cli, store,
			 &(struct snap_take){.roots = (const char *const *)roots,
					     .name = cli->args[0],
					     .tag = o->tag,
					     .reason = "manual"},
			 err);
	strv_free(roots);
	return r;
}

static int run_create(struct cli *cli, struct err *err)
{
	const struct create_options *o = cli->options;

	if (o->session && o->paths.n)
		return err_usage(err, "--session and --path can't be used together");
	return o->session ? create_of_session(cli, err) : create_of_paths(cli, err);
}

static const struct command command_snapshot_create = {
    .name = "snapshot create",
    .usage = "[NAME] [options]",
    .summary = "Keep the present state of the working directory, or of what a session may write",
    .rows = create_rows,
    .size = sizeof(struct create_options),
    .flags = CLI_OUTSIDE,
    .max_args = 1,
    .run = run_create,
};

/* ---- list ------------------------------------------------------------------------------------ */

struct list_options {
	bool json;
};
static const struct option_row list_rows[] = {
    {.name = "json", ROW(list_options, json), .help = "As a JSON array"},
    {0},
};

static cJSON *record_json(const struct snap_record *r)
{
	char hex[SNAP_HASH_HEX], when[TIME_STR_MAX];
	cJSON *o = cJSON_CreateObject(), *roots;

	snap_hash_hex(hex, &r->tree);
	time_rfc3339(when, r->time_ns);
	cJSON_AddStringToObject(o, "name", r->name ? r->name : "");
	if (r->tag)
		cJSON_AddStringToObject(o, "tag", r->tag);
	else
		cJSON_AddNullToObject(o, "tag");
	cJSON_AddStringToObject(o, "timestamp", when);
	roots = cJSON_AddArrayToObject(o, "paths");
	for (size_t i = 0; i < r->root_count; i++)
		cJSON_AddItemToArray(roots, cJSON_CreateString(r->roots[i].path));
	cJSON_AddNumberToObject(o, "file_count", (double)r->files);
	cJSON_AddNumberToObject(o, "bytes", (double)r->bytes);
	cJSON_AddStringToObject(o, "merkle_root", hex);
	return o;
}

#define NAME_COLUMNS 28 /* as wide as those that a restore makes */

static void print_record(const struct snap_record *r)
{
	const char *name = r->name ? r->name : "";
	char when[TIME_STR_MAX];

	time_rfc3339(when, r->time_ns);
	/* Whole, however long: it has to be typed. */
	print_text(name, strlen(name) > NAME_COLUMNS ? 0 : NAME_COLUMNS);
	printf(" %-20.19s %8llu %9.1f MB  ", when, (unsigned long long)r->files,
	       (double)r->bytes / 1e6);
	for (size_t i = 0; i < r->root_count; i++) {
		print_text(r->roots[i].path, 0);
		putchar(' ');
	}
	if (r->tag)
		print_text(r->tag, 0);
	putchar('\n');
}

static int run_list(struct cli *cli, struct err *err)
{
	const struct list_options *o = cli->options;
	_cleanup_(buf_free) struct buf bad = {0};
	cJSON *all = o->json ? cJSON_CreateArray() : NULL;
	struct snap_record *v = NULL;
	struct snap_store *store;
	size_t n = 0;
	int r;

	if (rollback_store_state(&store, err) < 0)
		return -1;
	r = snap_record_list(store, NULL, &v, &n, &bad, err);
	if (bad.len)
		print_lines(stderr, bad.data);
	if (r == 0 && !all)
		printf("%-*s %-20s %8s %12s  %s\n", NAME_COLUMNS, "NAME", "TAKEN", "FILES", "SIZE",
		       "OF");
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (all)
			cJSON_AddItemToArray(all, record_json(&v[i]));
		else
			print_record(&v[i]);
	}
	if (r == 0 && all)
		print_json(all);
	cJSON_Delete(all);
	snap_record_list_free(v, n);
	snap_close(store);
	return r;
}

static const struct command command_snapshot_list = {
    .name = "snapshot list",
    .usage = "[--json]",
    .summary = "List the named snapshots",
    .rows = list_rows,
    .size = sizeof(struct list_options),
    .flags = CLI_OUTSIDE,
    .run = run_list,
};

/* ---- diff ------------------------------------------------------------------------------------ */

struct diff_options {
	struct changes_options show;
};
static const struct option_row diff_rows_table[] = {
    SHOW_ROWS(diff_options, show),
    {0},
};

static int scan_roots(struct snap_store *s, const struct snap_record *r, struct snap_record *out,
		      struct err *err)
{
	_cleanup_free_ const char **roots = xcalloc(r->root_count + 1, sizeof(*roots));
	struct snap_options o = {0};

	for (size_t i = 0; i < r->root_count; i++)
		roots[i] = r->roots[i].path;
	return snap_scan(s, roots, &o, out, err);
}

static int show_changes(struct cli *cli, struct snap_store *store, const struct snap_record *a,
			struct err *err)
{
	const struct diff_options *o = cli->options;
	_cleanup_(changes_free) struct changes c = {0};
	bool live = cli->n_args < 2;
	struct snap_record b = {0};
	char **only = NULL;
	int r = live ? scan_roots(store, a, &b, err)
		     : snap_record_load(store, NULL, 0, cli->args[1], &b, err);

	if (r == 0)
		r = show_only(&o->show, a, &b, &only, err);
	c.only = (const char *const *)only;
	if (r == 0)
		r = changes_load(store, a, &b, &c, err);
	if (r == 0 && o->show.json) {
		cJSON *list = changes_json(&c);
		print_json(list);
		cJSON_Delete(list);
	} else if (r == 0) {
		r = changes_show(store, &c, (enum show_mode)o->show.mode, live, err);
	}
	snap_record_free(&b);
	c.only = NULL;
	strv_free(only);
	return r;
}

static int with_record(struct cli *cli,
		       int (*fn)(struct cli *cli, struct snap_store *store,
				 const struct snap_record *r, struct err *err),
		       struct err *err)
{
	struct snap_record rec = {0};
	struct snap_store *store;
	int r;

	if (rollback_store_state(&store, err) < 0)
		return -1;
	r = snap_record_load(store, NULL, 0, cli->args[0], &rec, err);
	if (r == 0)
		r = fn(cli, store, &rec, err);
	snap_record_free(&rec);
	snap_close(store);
	return r;
}

static int run_diff(struct cli *cli, struct err *err)
{
	return with_record(cli, show_changes, err);
}

static const struct command command_snapshot_diff = {
    .name = "snapshot diff",
    .usage = "NAME [NAME] [options]",
    .summary = "What differs from a named snapshot to another one, or to the present state",
    .rows = diff_rows_table,
    .size = sizeof(struct diff_options),
    .flags = CLI_OUTSIDE,
    .min_args = 1,
    .max_args = 2,
    .arg = "a snapshot's name",
    .run = run_diff,
};

/* ---- restore --------------------------------------------------------------------------------- */

struct named_restore_options {
	struct restore_options restore;
};
static const struct option_row restore_rows[] = {
    RESTORE_ROWS(named_restore_options, restore),
    {0},
};

static int restore(struct cli *cli, struct snap_store *store, const struct snap_record *to,
		   struct err *err)
{
	const struct named_restore_options *o = cli->options;

	return restore_run(
	    &(struct restore_run){.cli = cli, .store = store, .to = to, .asked = o->restore}, err);
}

static int run_restore(struct cli *cli, struct err *err)
{
	return with_record(cli, restore, err);
}

static const struct command command_snapshot_restore = {
    .name = "snapshot restore",
    .usage = "NAME [options]",
    .summary = "Put files back as a named snapshot has them",
    .details = "The present state is kept as a named snapshot first.\n",
    .rows = restore_rows,
    .size = sizeof(struct named_restore_options),
    .flags = CLI_OUTSIDE,
    .min_args = 1,
    .max_args = 1,
    .arg = "a snapshot's name",
    .run = run_restore,
};

/* ---- delete ---------------------------------------------------------------------------------- */

static int delete (struct cli *cli, struct snap_store *store, const struct snap_record *r,
		   struct err *err)
{
	struct snap_gc gc;

	if (snap_record_delete(store, NULL, 0, r->name, err) < 0 || snap_gc(store, &gc, err) < 0)
		return -1;
	cli_say(cli, "%.1f MB are free again.", (double)(gc.bytes_before - gc.bytes_after) / 1e6);
	return 0;
}

static int run_delete(struct cli *cli, struct err *err)
{
	return with_record(cli, delete, err);
}

static const struct command command_snapshot_delete = {
    .name = "snapshot delete",
    .usage = "NAME",
    .summary = "Remove a named snapshot, and what only it holds",
    .flags = CLI_OUTSIDE,
    .min_args = 1,
    .max_args = 1,
    .arg = "a snapshot's name",
    .run = run_delete,
};

static const struct command *const subs[] = {
    &command_snapshot_create,
    &command_snapshot_list,
    &command_snapshot_diff,
    &command_snapshot_restore,
    &command_snapshot_verify,
    &command_snapshot_delete,
    NULL,
};

const struct command command_snapshot = {
    .name = "snapshot",
    .group = GROUP_RECORD,
    .usage = "create|list|diff|restore|verify|delete ...",
    .summary = "Named snapshots of directories",
    .subs = subs,
};
