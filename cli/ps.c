/* nono ps, inspect */
#include "cli/cli.h"

/* ---- ps ------------------------------------------------------------------------------- */

struct ps_options {
	bool all, json;
};

static const struct option_row ps_rows[] = {
    {.name = "all", .offset = offsetof(struct ps_options, all), .help = "Ended sessions too"},
    {.name = "json", .offset = offsetof(struct ps_options, json), .help = "As a JSON array"},
    {0},
};

static void status_text(const struct session_record *r, char out[32])
{
	if (r->status == SESSION_EXITED)
		snprintf(out, 32, "exited(%d)", r->exit_code);
	else
		snprintf(out, 32, "%s", session_status_name(r->status));
}

static void age_text(const struct session_record *r, char *out, size_t size)
{
	uint64_t now = clock_real_ns();

	time_short_age(out, size, now > r->started_ns ? (now - r->started_ns) / 1000000000u : 0);
}

/* Width of each column but the last: what its longest entry needs, within bounds. */
enum { NAME = 0, STATUS, PID, AGE, PROFILE, COLUMNS_N };

static void widen(int *w, const char *s, int max)
{
	int n = (int)strlen(s);

	if (n > *w)
		*w = n < max ? n : max;
}

static void print_table(const struct session_list *l)
{
	int w[COLUMNS_N] = {4, 6, 3, 6, 7}, rest;
	char status[32], age[16], pid[16], command[4096];

	for (size_t i = 0; i < l->n; i++) {
		status_text(&l->v[i], status);
		age_text(&l->v[i], age, sizeof(age));
		snprintf(pid, sizeof(pid), "%d", l->v[i].child_pid);
		widen(&w[NAME], l->v[i].name, 24);
		widen(&w[STATUS], status, 12);
		widen(&w[PID], pid, 10);
		widen(&w[AGE], age, 8);
		widen(&w[PROFILE], l->v[i].profile ? l->v[i].profile : "-", 16);
	}
	printf("%-*s %-*s %-*s %-8s %*s %-*s %-*s COMMAND\n", SESSION_ID_LEN, "SESSION", w[NAME],
	       "NAME", w[STATUS], "STATUS", "ATTACH", w[PID], "PID", w[AGE], "UPTIME", w[PROFILE],
	       "PROFILE");
	rest = terminal_columns() -
	       (SESSION_ID_LEN + w[NAME] + w[STATUS] + 8 + w[PID] + w[AGE] + w[PROFILE] + 7);
	for (size_t i = 0; i < l->n; i++) {
		const struct session_record *r = &l->v[i];
		status_text(r, status);
		age_text(r, age, sizeof(age));
		command_text(r->command, command, sizeof(command));
		printf("%s ", r->id);
		print_text(r->name, (size_t)w[NAME]);
		printf(" %-*s %-8s %*d %-*s ", w[STATUS], status,
		       r->attached ? "attached" : "detached", w[PID], r->child_pid, w[AGE], age);
		print_text(r->profile ? r->profile : "-", (size_t)w[PROFILE]);
		putchar(' ');
		if (rest < 10 || strlen(command) <= (size_t)rest)
			fputs(command, stdout);
		else
			print_text(command, (size_t)rest);
		putchar('\n');
	}
}

static int ps(struct cli *cli, struct err *err)
{
	const struct ps_options *o = cli->options;
	struct session_list l;

	if (session_list(o->all, &l, err) < 0)
		return -1;
	session_sweep();
	if (o->json) {
		cJSON *array = cJSON_CreateArray();
		for (size_t i = 0; i < l.n; i++)
			cJSON_AddItemReferenceToArray(array, l.v[i].json);
		print_json(array);
		cJSON_Delete(array);
	} else if (l.n) {
		print_table(&l);
	} else {
		cli_say(cli, "%s",
			o->all ? "No sessions."
			       : "No running sessions. nono ps --all shows ended ones.");
	}
	session_list_free(&l);
	return 0;
}

const struct command command_ps = {
    .name = "ps",
    .group = GROUP_SESSIONS,
    .usage = "[--all] [--json]",
    .summary = "List the sessions",
    .rows = ps_rows,
    .size = sizeof(struct ps_options),
    .run = ps,
};

/* ---- inspect ------------------------------------------------------------------------------ */

struct inspect_options {
	bool json;
};

static const struct option_row inspect_rows[] = {
    {.name = "json", .offset = offsetof(struct inspect_options, json), .help = "As JSON"},
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
	line("Workdir:", r->workdir);
	line("Network:", r->network);
	print_layers(cJSON_GetObjectItemCaseSensitive(r->json, "layers"));
	print_limits(cJSON_GetObjectItemCaseSensitive(r->json, "limits"),
		     cJSON_GetObjectItemCaseSensitive(r->json, "ended_by"));
	print_state(state);
}

static int inspect(struct cli *cli, struct err *err)
{
	const struct inspect_options *o = cli->options;
	struct session_record r;
	cJSON *state;

	if (session_find(cli->args[0], &r, err) < 0)
		return -1;
	state = ask_state(&r);
	if (o->json) {
		cJSON_AddItemToObject(r.json, "state", state ? state : cJSON_CreateNull());
		print_json(r.json);
	} else {
		print_record(&r, state);
		cJSON_Delete(state);
	}
	session_record_free(&r);
	return 0;
}

const struct command command_inspect = {
    .name = "inspect",
    .group = GROUP_SESSIONS,
    .usage = "SESSION [--json]",
    .summary = "Everything about one session",
    .details = "SESSION is the beginning of an id, or a name.\n",
    .rows = inspect_rows,
    .size = sizeof(struct inspect_options),
    .flags = CLI_ENDED_TOO,
    .min_args = 1,
    .max_args = 1,
    .arg = "a session",
    .run = inspect,
};
