/* nono inspect */
#include "cli/follow.h"
#include "cli/rollback.h"

#define EVENTS_SHOWN 20

struct inspect_options {
	bool json, events, changes;
};

static const struct option_row inspect_rows[] = {
    {.name = "json", .offset = offsetof(struct inspect_options, json), .help = "As JSON"},
    {.name = "events",
     .offset = offsetof(struct inspect_options, events),
     .help = "Its last 20 events too (nono logs has all)"},
    {.name = "changes",
     .offset = offsetof(struct inspect_options, changes),
     .help = "What changed between its snapshots too (see --rollback)"},
    {0},
};

/* What the broker says now; NULL if it has ended or does not answer. */
static cJSON *ask_state(const struct session_record *r)
{
	struct session_client *c = NULL;
	cJSON *state = NULL;

	if (r->status == SESSION_RUNNING)
		c = session_connect(r->id, NULL, NULL);
	if (c)
		state = session_client_call(c, "status", NULL, NULL, CALL_TIMEOUT_MS, NULL);
	session_client_free(c);
	cJSON_DeleteItemFromObjectCaseSensitive(state, "seq");
	cJSON_DeleteItemFromObjectCaseSensitive(state, "ok");
	return state;
}

static void line(const char *label, const char *text)
{
	printf("%-11s ", label);
	print_text(text, 0);
	putchar('\n');
}

static void print_state(const cJSON *json)
{
	struct session_state s;
	char text[256];

	if (session_state_parse(json, &s) < 0)
		return;
	snprintf(text, sizeof(text), "%s (%s)", session_activity_name(s.activity), s.evidence);
	line("Activity:", text);
	snprintf(text, sizeof(text), "%llu events, %llu denied, %llu granted, %llu open requests",
		 (unsigned long long)s.events, (unsigned long long)s.denied,
		 (unsigned long long)s.granted, (unsigned long long)s.requests_open);
	line("Counts:", text);
	if (s.log_failed)
		line("Log:", "can't be written (is the disk full?); nothing is granted until it "
			     "can");
	if (s.title[0])
		line("Title:", s.title);
}

static void print_layers(const cJSON *layers)
{
	_cleanup_(buf_free) struct buf b = {0};
	const cJSON *e;

	cJSON_ArrayForEach(e, layers)
	{
		if (cJSON_IsNumber(e))
			buf_addf(&b, "%s%s %d", b.len ? ", " : "", e->string, e->valueint);
		else if (cJSON_IsTrue(e))
			buf_addf(&b, "%s%s", b.len ? ", " : "", e->string);
	}
	if (b.len)
		line("Layers:", b.data);
}

static const char *text_of(const cJSON *o, const char *name)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, name));

	return s ? s : "?";
}

static void print_limits(const cJSON *limits, const cJSON *ended_by)
{
	_cleanup_(buf_free) struct buf b = {0};
	const cJSON *e;

	cJSON_ArrayForEach(e, limits)
	{
		const cJSON *n = cJSON_GetObjectItemCaseSensitive(e, "reached");
		buf_addf(&b, "%s%s %s (%s)%s", b.len ? ", " : "", e->string, text_of(e, "shown"),
			 text_of(e, "held_by"),
			 cJSON_IsNumber(n) && n->valuedouble > 0 ? " reached" : "");
	}
	if (b.len)
		line("Limits:", b.data);
	if (cJSON_IsString(ended_by))
		line("Ended by:", ended_by->valuestring);
}

/* A session keeps the rules it began with: says which files would give others by now. */
static void add_sources_now(cJSON *files)
{
	cJSON *e;

	cJSON_ArrayForEach(e, files)
	{
		cJSON *path = cJSON_GetObjectItemCaseSensitive(e, "path");
		cJSON *sha256 = cJSON_GetObjectItemCaseSensitive(e, "sha256");

		if (cJSON_IsString(path) && cJSON_IsString(sha256))
			cJSON_AddStringToObject(e, "now",
						policy_source_now_name(policy_source_now(
						    path->valuestring, sha256->valuestring)));
	}
}

static void print_sources(const cJSON *files)
{
	const cJSON *e;

	cJSON_ArrayForEach(e, files)
	{
		_cleanup_(buf_free) struct buf b = {0};
		const char *now = text_of(e, "now");

		if (str_eq(now, policy_source_now_name(SOURCE_SAME)))
			continue;
		buf_addf(&b, "%s is %s since the start; the session keeps what it said then",
			 text_of(e, "path"), now);
		line("Rules:", b.data);
	}
}

static const char *session_rollback(const struct session_record *r)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(r->json, "rollback_session"));
}

static void print_record(const struct session_record *r, const cJSON *state)
{
	char text[4096];

	line("Session:", r->id);
	line("Name:", r->name);
	line("Status:", session_status_name(r->status));
	line("Attached:", r->attached ? "yes" : "no");
	snprintf(text, sizeof(text), "%d (supervisor: %d)", r->child_pid, r->supervisor_pid);
	line("PID:", text);
	line("Started:", r->started);
	if (r->has_exit_code) {
		snprintf(text, sizeof(text), "%d", r->exit_code);
		line("Exit code:", text);
	}
	command_text(r->command, text, sizeof(text));
	line("Command:", text);
	line("Profile:", r->profile ? r->profile : "-");
	print_sources(cJSON_GetObjectItemCaseSensitive(r->json, "profile_files"));
	line("Workdir:", r->workdir);
	line("Network:", r->network);
	if (session_rollback(r))
		line("Rollback:", session_rollback(r));
	print_layers(cJSON_GetObjectItemCaseSensitive(r->json, "layers"));
	print_limits(cJSON_GetObjectItemCaseSensitive(r->json, "limits"),
		     cJSON_GetObjectItemCaseSensitive(r->json, "ended_by"));
	print_state(state);
}

static void take_event(void *data, const struct follow *f, const struct audit_line *line)
{
	cJSON *list = data;

	(void)f;
	if (list)
		cJSON_AddItemToArray(list, cJSON_ParseWithLength(line->json, line->json_len));
	else
		event_print(line);
}

/* Into list, or printed if that is NULL. Without a log there are none. */
static int add_events(const struct session_record *r, cJSON *list, struct err *err)
{
	struct follow f;
	int rc;

	if (cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(r->json, "audit")))
		return 0;
	if (follow_open(&f, r->id, EVENTS_SHOWN, err) < 0)
		return -1;
	rc = follow_read(&f, take_event, list, err);
	follow_close(&f);
	return rc < 0 ? -1 : 0;
}

static int load_changes(const struct session_record *r, struct changes *c, struct err *err)
{
	_cleanup_(rollback_close) struct snap_store *store = NULL;
	_cleanup_(rollback_session_free) struct rollback_session s = {0};
	const struct snap_record *last;

	if (!session_rollback(r))
		return 0;
	if (rollback_session_open(&s, &store, session_rollback(r), err) < 0)
		return -1;
	last = rollback_pick(s.v, s.n, -1);
	return last ? changes_load(store, &s.v[0], last, c, err) : 0;
}

static int more_json(const struct inspect_options *o, const struct session_record *r, cJSON *out,
		     struct err *err)
{
	_cleanup_(changes_free) struct changes c = {0};

	if (o->changes) {
		if (load_changes(r, &c, err) < 0)
			return -1;
		cJSON_AddItemToObject(out, "changes", changes_json(&c));
	}
	return o->events ? add_events(r, cJSON_AddArrayToObject(out, "events"), err) : 0;
}

static int more_text(const struct inspect_options *o, const struct session_record *r,
		     struct err *err)
{
	_cleanup_(changes_free) struct changes c = {0};

	if (o->changes) {
		if (load_changes(r, &c, err) < 0)
			return -1;
		printf("\nChanges:%s\n",
		       session_rollback(r) ? c.n ? "" : " none" : " not known without --rollback");
		for (size_t i = 0; i < c.n; i++) {
			printf("  %c ", change_sign(c.v[i].type));
			print_text(c.v[i].path, 0);
			putchar('\n');
		}
	}
	if (o->events)
		printf("\nEvents:\n");
	return o->events ? add_events(r, NULL, err) : 0;
}

static int inspect(struct cli *cli, struct err *err)
{
	const struct inspect_options *o = cli->options;
	struct session_record r;
	cJSON *state;
	int rc;

	if (session_find(cli->args[0], &r, err) < 0)
		return -1;
	state = ask_state(&r);
	add_sources_now(cJSON_GetObjectItemCaseSensitive(r.json, "profile_files"));
	if (o->json) {
		cJSON_AddItemToObject(r.json, "state", state ? state : cJSON_CreateNull());
		rc = more_json(o, &r, r.json, err);
		if (rc == 0)
			print_json(r.json);
	} else {
		print_record(&r, state);
		cJSON_Delete(state);
		rc = more_text(o, &r, err);
	}
	session_record_free(&r);
	return rc;
}

const struct command command_inspect = {
    .name = "inspect",
    .group = GROUP_SESSIONS,
    .usage = "SESSION [--events] [--changes] [--json]",
    .summary = "Everything about one session",
    .details = "SESSION is the beginning of an id, or a name. A session keeps the rules it began\n"
	       "with: \"Rules:\" names profile files that say something else since.\n",
    .rows = inspect_rows,
    .size = sizeof(struct inspect_options),
    .flags = CLI_ENDED_TOO,
    .min_args = 1,
    .max_args = 1,
    .arg = "a session",
    .run = inspect,
};
