/* nono rollback: looking at a session's snapshots, putting them back. */
#include "cli/rollback.h"

/* ---- show ------------------------------------------------------------------------------------ */

struct session_show_options {
	struct changes_options show;
	long snapshot;
	bool since_start;
};
static const struct option_row show_rows[] = {
    {.name = "snapshot",
     .kind = OPTION_NUMBER,
     ROW(session_show_options, snapshot),
     .arg = "N",
     .help = "What changed to this snapshot from the one before it",
     .value = -1,
     .max = 1000000000},
    {.name = "since-start",
     ROW(session_show_options, since_start),
     .help = "With --snapshot: from the session's first one"},
    SHOW_ROWS(session_show_options, show),
    {0},
};

/* The two states that are compared. to NULL: the session has none to show. */
struct span {
	const struct snap_record *from, *to;
};

static int find_span(const struct session_show_options *o, const struct rollback_session *s,
		     struct span *out, struct err *err)
{
	bool one = o->snapshot >= 0;

	out->from = s->v;
	out->to = one ? rollback_want(s->id, s->v, s->n, o->snapshot, err)
		      : rollback_pick(s->v, s->n, -1);
	if (one && !o->since_start && out->to && out->to > s->v)
		out->from = out->to - 1;
	return one && !out->to ? -1 : 0;
}

static int show_session_json(const struct rollback_session *s, struct snap_store *store,
			     const char *const *only)
{
	cJSON *o = rollback_session_json(s, store, false);

	cJSON_AddItemToObject(o, "snapshots", snapshots_json(s, store, true, only));
	print_json(o);
	cJSON_Delete(o);
	return 0;
}

static int show_span_json(const struct rollback_session *s, const struct span *p,
			  const struct changes *c)
{
	cJSON *o = snapshot_json(p->to, c);

	cJSON_AddStringToObject(o, "session_id", s->rec.id);
	cJSON_AddItemToObject(o, "since",
			      p->from == p->to ? cJSON_CreateNull()
					       : cJSON_CreateNumber(p->from->number));
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

static void show_snapshot(const struct snap_record *r, bool first)
{
	char when[TIME_STR_MAX];

	time_rfc3339(when, r->time_ns);
	printf("[%03u] %.19s  %-14s %llu files, %.1f MB\n", r->number, when,
	       r->reason ? r->reason : "", (unsigned long long)r->files, (double)r->bytes / 1e6);
	if (first)
		say_left_out(r);
}

static void show_head(const struct session_show_options *o, const struct rollback_session *s,
		      const struct span *p, const struct changes *c)
{
	char count[64];

	changes_count_text(c, count);
	printf("Session %s, started %.19s\n", s->rec.id, s->rec.started);
	for (size_t i = 0; i < s->n; i++)
		if (o->snapshot < 0 || p->to == &s->v[i])
			show_snapshot(&s->v[i], !i);
	if (o->snapshot < 0)
		printf("Changes: %s\n", count);
	else if (p->from == p->to)
		printf("It is the first one: there is none before it.\n");
	else
		printf("Changes since snapshot %u: %s\n", p->from->number, count);
}

static int show_span(const struct session_show_options *o, struct snap_store *store,
		     const struct rollback_session *s, const struct span *p, struct changes *c,
		     struct err *err)
{
	if (o->show.json && o->snapshot < 0)
		return show_session_json(s, store, c->only);
	if (p->to && changes_load(store, p->from, p->to, c, err) < 0)
		return -1;
	if (o->show.json)
		return show_span_json(s, p, c);
	if (o->show.mode == SHOW_LIST)
		show_head(o, s, p, c);
	return changes_show(store, c, (enum show_mode)o->show.mode, false, err);
}

static int run_show(struct cli *cli, struct err *err)
{
	const struct session_show_options *o = cli->options;
	_cleanup_(rollback_close) struct snap_store *store = NULL;
	_cleanup_(rollback_session_free) struct rollback_session s = {0};
	_cleanup_(changes_free) struct changes c = {0};
	struct span p;
	char **only;
	int r;

	if (rollback_session_open(&s, &store, cli->args[0], err) < 0 ||
	    find_span(o, &s, &p, err) < 0 ||
	    show_only(&o->show, p.from, p.to ? p.to : p.from, &only, err) < 0)
		return -1;
	c.only = (const char *const *)only;
	r = show_span(o, store, &s, &p, &c, err);
	c.only = NULL;
	strv_free(only);
	return r;
}

static const struct command command_rollback_show = {
    .name = "rollback show",
    .usage = "SESSION [options]",
    .summary = "What a session changed: from its first snapshot to its last, or to one of them",
    .rows = show_rows,
    .size = sizeof(struct session_show_options),
    .flags = CLI_ENDED_TOO | CLI_OUTSIDE,
    .min_args = 1,
    .max_args = 1,
    .arg = "a session",
    .run = run_show,
};

/* ---- restore --------------------------------------------------------------------------------- */

struct session_restore_options {
	struct restore_options restore;
	long snapshot;
};
static const struct option_row restore_rows[] = {
    {.name = "snapshot",
     .kind = OPTION_NUMBER,
     ROW(session_restore_options, snapshot),
     .arg = "N",
     .help = "To this snapshot; without it to number 0, the state before the run, and what was "
	     "kept before a grant as it was before that",
     .max = 1000000000},
    RESTORE_ROWS(session_restore_options, restore),
    {0},
};

static int run_restore(struct cli *cli, struct err *err)
{
	const struct session_restore_options *o = cli->options;
	_cleanup_(rollback_close) struct snap_store *store = NULL;
	_cleanup_(rollback_session_free) struct rollback_session s = {0};
	const struct snap_record *to;

	if (rollback_session_open(&s, &store, cli->args[0], err) < 0)
		return -1;
	to = rollback_want(s.id, s.v, s.n, o->snapshot, err);
	if (!to)
		return -1;
	if (rollback_alive(&s.rec))
		cli_say(cli, "The session is still running: it may change things again.");
	return restore_run(&(struct restore_run){.cli = cli,
						 .store = store,
						 .to = to,
						 .later = s.v,
						 .n_later = o->snapshot == 0 ? s.n : 0,
						 .options = rollback_options(&s.rec),
						 .session = s.id,
						 .asked = o->restore},
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
    .size = sizeof(struct session_restore_options),
    .flags = CLI_ENDED_TOO | CLI_OUTSIDE,
    .min_args = 1,
    .max_args = 1,
    .arg = "a session",
    .run = run_restore,
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
