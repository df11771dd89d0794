/* Verifying what snapshots hold. */
#include "cli/meter.h"
#include "cli/rollback.h"

#define BAD_MAX 4096

/* ---- a session's ------------------------------------------------------------------------------
 */

struct damages {
	struct meter meter;
	unsigned v[BAD_MAX]; /* numbers of snapshots */
	size_t n;
};

static void print_damage(const struct snap_damage *d)
{
	printf(" DAMAGED ");
	print_text(d->path ? d->path : "the record", 0);
	printf(": ");
	print_text(d->what, 0);
	puts(d->repaired ? " (mended)" : "");
}

static void on_damage(void *arg, const struct snap_damage *d)
{
	struct damages *bad = arg;

	meter_clear(&bad->meter);
	if (d->where && bad->n < BAD_MAX && (!bad->n || bad->v[bad->n - 1] != d->number))
		bad->v[bad->n++] = d->number;
	printf("[%03u]", d->number);
	print_damage(d);
}

static bool on_progress(void *arg, const struct snap_progress *p)
{
	return meter_show(&((struct damages *)arg)->meter, p);
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
	struct damages bad = {.meter = meter_of(cli, "verify")};
	struct snap_verified out = {0};
	char hex[SNAP_HASH_HEX];

	if (!(s.id = rollback_find(cli->args[0], err)) ||
	    rollback_store_open(s.id, &store, err) < 0 ||
	    snap_verify_session(
		store, s.id,
		&(struct snap_check){.fn = on_damage, .progress = on_progress, .arg = &bad}, &out,
		err) < 0)
		return -1;
	meter_clear(&bad.meter);
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

const struct command command_rollback_verify = {
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

/* ---- the store's ------------------------------------------------------------------------------
 */

struct verify_options {
	bool repair, json;
};
static const struct option_row verify_rows[] = {
    {.name = "repair",
     ROW(verify_options, repair),
     .help = "Mend what has another copy, in the store or in a file that did not change since"},
    {.name = "json", ROW(verify_options, json), .help = "As JSON"},
    {0},
};

struct report {
	struct meter meter;
	cJSON *list; /* of --json */
};

static void add_text(cJSON *o, const char *key, const char *text)
{
	cJSON_AddItemToObject(o, key, text ? cJSON_CreateString(text) : cJSON_CreateNull());
}

static void list_damage(cJSON *list, const struct snap_damage *d)
{
	cJSON *o = cJSON_CreateObject();

	add_text(o, "session_id", d->where);
	add_text(o, "name", d->name);
	cJSON_AddItemToObject(o, "number",
			      d->where ? cJSON_CreateNumber(d->number) : cJSON_CreateNull());
	add_text(o, "path", d->path);
	add_text(o, "what", d->what);
	cJSON_AddBoolToObject(o, "repaired", d->repaired);
	cJSON_AddItemToArray(list, o);
}

static void on_store_damage(void *arg, const struct snap_damage *d)
{
	struct report *r = arg;

	meter_clear(&r->meter);
	if (r->list) {
		list_damage(r->list, d);
		return;
	}
	if (!d->where && !d->name && !d->path) {
		print_text(d->what, 0);
		putchar('\n');
		return;
	}
	print_text(d->where ? d->where : d->name ? d->name : "", 0);
	if (d->where && d->path)
		printf(" [%03u]", d->number);
	print_damage(d);
}

static bool on_store_progress(void *arg, const struct snap_progress *p)
{
	return meter_show(&((struct report *)arg)->meter, p);
}

/* Is it whole, or is it now? */
static int check_store(struct snap_store *store, bool repair, struct report *report,
		       struct snap_verified *out, struct err *err)
{
	struct snap_check check = {
	    .repair = repair, .fn = on_store_damage, .progress = on_store_progress, .arg = report};
	struct snap_verified again;
	int r = snap_verify(store, &check, out, err);

	if (r == 0 && repair && out->damaged) {
		check.repair = false;
		check.fn = NULL;
		r = snap_verify(store, &check, &again, err);
		meter_clear(&report->meter);
		return r < 0 ? -1 : again.damaged > 0;
	}
	meter_clear(&report->meter);
	return r < 0 ? -1 : out->damaged > 0;
}

static void say_store(const struct cli *cli, const struct report *report,
		      const struct snap_verified *out, bool bad)
{
	cJSON *o;

	if (!report->list) {
		cli_say(cli, "%llu snapshots, %llu objects, %.1f MB",
			(unsigned long long)out->records, (unsigned long long)out->objects,
			(double)out->bytes / 1e6);
		puts(bad ? "FAIL" : "PASS");
		return;
	}
	o = cJSON_CreateObject();
	cJSON_AddBoolToObject(o, "ok", !bad);
	cJSON_AddNumberToObject(o, "snapshots", (double)out->records);
	cJSON_AddNumberToObject(o, "objects", (double)out->objects);
	cJSON_AddNumberToObject(o, "bytes", (double)out->bytes);
	cJSON_AddItemReferenceToObject(o, "damage", report->list);
	print_json(o);
	cJSON_Delete(o);
}

static void add_verified(struct snap_verified *sum, const struct snap_verified *v)
{
	sum->records += v->records;
	sum->objects += v->objects;
	sum->bytes += v->bytes;
	sum->damaged += v->damaged;
	sum->repaired += v->repaired;
}

/* The one with nono's files, and those in places of their own. What can't be reached now is not
 * known to be whole. */
static int check_all(struct cli *cli, struct report *report, struct snap_verified *sum,
		     struct err *err)
{
	const struct verify_options *o = cli->options;
	_cleanup_(rollback_close) struct snap_store *own = NULL;
	_cleanup_(rollback_stores_free) struct rollback_stores stores = {0};
	struct snap_verified v = {0};
	char **ids = rollback_sessions(err);
	int r = ids ? rollback_store_state(&own, err) : -1;

	for (char **i = ids; i && *i; i++)
		rollback_stores_get(&stores, *i, NULL);
	if (ids)
		strv_free(ids);
	r = r < 0 ? -1 : check_store(own, o->repair, report, sum, err);
	for (size_t i = 0; i < stores.n && r >= 0; i++) {
		const struct rollback_opened *in = stores.v[i];
		int bad;

		if (!in->path)
			continue;
		if (!in->store)
			on_store_damage(report, &(struct snap_damage){.what = in->err.msg});
		bad = in->store ? check_store(in->store, o->repair, report, &v, err) : 1;
		add_verified(sum, &v);
		v = (struct snap_verified){0};
		r = bad < 0 ? -1 : r || bad;
	}
	return r;
}

static int run_store_verify(struct cli *cli, struct err *err)
{
	const struct verify_options *o = cli->options;
	struct report report = {meter_of(cli, "verify"), NULL};
	struct snap_verified out = {0};
	int r;

	report.list = o->json ? cJSON_CreateArray() : NULL;
	r = check_all(cli, &report, &out, err);
	if (r >= 0)
		say_store(cli, &report, &out, r > 0);
	cJSON_Delete(report.list);
	return r;
}

const struct command command_snapshot_verify = {
    .name = "snapshot verify",
    .usage = "[--repair] [--json]",
    .summary = "Hash everything again that the snapshots of all sessions and the named ones hold",
    .details = "Exit code 0 when all of it is whole, or is again, 1 when not.\n",
    .rows = verify_rows,
    .size = sizeof(struct verify_options),
    .flags = CLI_OUTSIDE,
    .run = run_store_verify,
};
