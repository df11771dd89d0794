/* nono ps */
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
