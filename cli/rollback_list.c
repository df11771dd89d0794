/* nono rollback list. */
#include "cli/rollback.h"

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

static bool about_path(const struct rollback_session *s, const char *path)
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

static const char *state_text(const struct rollback_record *r, bool missing)
{
	return missing		   ? "missing"
	       : rollback_alive(r) ? "running"
	       : r->ended[0]	   ? "ended"
				   : "stale";
}

static void print_row(const struct rollback_session *s, const char *count, bool missing)
{
	char command[48];

	command_text(s->rec.command ? s->rec.command : (char *[]){NULL}, command, sizeof(command));
	printf("%-17s %-20.19s %9zu  %-20s %-8s %s\n", s->rec.id, s->rec.started,
	       missing ? (size_t)s->rec.count : s->n, count, state_text(&s->rec, missing), command);
}

/* Snapshots that are elsewhere and can't be reached now: what is known of them without. */
static int listed_missing(struct cli *cli, const char *id, const struct err *why, cJSON *all)
{
	const struct list_options *o = cli->options;
	_cleanup_(rollback_session_free) struct rollback_session s = {0};

	if (rollback_record_load(id, &s.rec, NULL) < 0 || !about_path(&s, o->path))
		return 0;
	if (all)
		cJSON_AddItemToArray(all, rollback_session_json(&s, NULL, true));
	else
		print_row(&s, "?", true);
	cli_say(cli, "%.8s: %s", id, why->msg);
	return 1;
}

static int listed(struct cli *cli, struct snap_store *store, const char *id, cJSON *all)
{
	const struct list_options *o = cli->options;
	_cleanup_(rollback_session_free) struct rollback_session s = {0};
	_cleanup_(changes_free) struct changes c = {0};
	char count[64];

	if (rollback_session_load(&s, store, id, NULL) < 0 || !about_path(&s, o->path))
		return 0;
	changes_load(store, &s.v[0], rollback_pick(s.v, s.n, -1), &c, NULL);
	if (!c.n && !o->all)
		return 0;
	if (all) {
		cJSON_AddItemToArray(all, rollback_session_json(&s, store, true));
		return 1;
	}
	changes_count_text(&c, count);
	print_row(&s, count, false);
	return 1;
}

static int run_list(struct cli *cli, struct err *err)
{
	_cleanup_(rollback_stores_free) struct rollback_stores stores = {0};
	const struct list_options *o = cli->options;
	struct rollback_dated *v;
	struct err why = {0};
	cJSON *all;
	size_t n;
	long shown = 0;

	v = rollback_by_date(&n, err);
	if (!v)
		return -1;
	all = o->json ? cJSON_CreateArray() : NULL;
	if (!all)
		printf("%-17s %-20s %9s  %-20s %-8s %s\n", "SESSION", "STARTED", "SNAPSHOTS",
		       "CHANGES", "STATE", "COMMAND");
	for (size_t i = 0; i < n && (!o->recent || shown < o->recent); i++) {
		struct rollback_opened *in = rollback_stores_get(&stores, v[i].id, &why);

		shown += in ? listed(cli, in->store, v[i].id, all)
			    : listed_missing(cli, v[i].id, &why, all);
	}
	rollback_dated_free(v, n);
	if (all)
		print_json(all);
	cJSON_Delete(all);
	return 0;
}

const struct command command_rollback_list = {
    .name = "rollback list",
    .usage = "[options]",
    .summary = "List the sessions that have snapshots, newest first",
    .rows = list_rows,
    .size = sizeof(struct list_options),
    .flags = CLI_OUTSIDE,
    .run = run_list,
};
