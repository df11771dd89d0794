/* nono logs: the events of one session. */
#include <poll.h>
#include <sys/inotify.h>

#include "cli/follow.h"

struct options {
	bool follow, json;
	long tail;
};

static const struct option_row rows[] = {
    {.name = "follow",
     .letter = 'f',
     .offset = offsetof(struct options, follow),
     .help = "Go on until the session ends"},
    {.name = "tail",
     .letter = 'n',
     .kind = OPTION_NUMBER,
     .offset = offsetof(struct options, tail),
     .arg = "N",
     .help = "Begin with the last N events",
     .value = -1,
     .min = 0,
     .max = 1000000000},
    {.name = "json", .offset = offsetof(struct options, json), .help = "One JSON object a line"},
    {0},
};

/* "2026-07-01T10:00:00.123456789+02:00" -> "10:00:00.123" */
static void print_time(const char *rfc3339)
{
	printf("%-12.12s ", strlen(rfc3339) > 23 ? rfc3339 + 11 : "");
}

void event_print(const struct audit_line *line)
{
	struct audit_record *r = xcalloc(1, sizeof(*r));

	if (audit_parse(line->json, line->json_len, r) == 0) {
		print_time(r->time);
		printf("%-8s ", r->decision);
		print_text(r->op[0] ? r->op : r->type, 10);
		putchar(' ');
		print_text(r->op[0] || r->target[0] ? r->target : r->program, 0);
		if (r->target2[0]) {
			printf("  ");
			print_text(r->target2, 0);
		}
		if (r->program[0] && r->target[0]) {
			printf("  (");
			print_text(path_base(r->program), 0);
			printf(" %d)", r->pid);
		}
		if (r->rule[0] && !str_eq(r->decision, "allowed")) {
			printf("  [");
			print_text(r->rule, 0);
			putchar(']');
		}
		if (r->err && (str_eq(r->decision, "granted") || str_eq(r->decision, "allowed")))
			printf("  failed: %s", strerror(r->err));
		putchar('\n');
	}
	free(r);
}

static void on_line(void *data, const struct follow *f, const struct audit_line *line)
{
	const struct options *o = data;

	(void)f;
	if (o->json)
		print_json_line(line->json, line->json_len);
	else
		event_print(line);
}

static bool has_ended(const char *id)
{
	struct session_record r;
	bool ended = true;

	if (session_find(id, &r, NULL) == 0) {
		ended = r.status == SESSION_EXITED;
		session_record_free(&r);
	}
	return ended;
}

/* A log whose last event is not the end may be that of a broker that was killed: looking at the
 * session then completes the log. */
static int follow_on(struct follow *f, struct options *o, struct err *err)
{
	_cleanup_close_ int notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	struct pollfd p[2] = {{.fd = notify, .events = POLLIN}, {.fd = STDOUT_FILENO}};
	char drain[4096];

	if (notify < 0)
		return err_errno(err, errno, "can't watch files");
	if (follow_watch(f, notify, err) < 0)
		return -1;
	for (;;) {
		bool gone;

		if (follow_read(f, on_line, o, err) < 0 || flush_output(err) < 0)
			return -1;
		if (f->ended)
			return 0;
		if (poll(p, 2, 1000) < 0 && errno != EINTR)
			return err_errno(err, errno, "poll");
		if (p[1].revents & (POLLERR | POLLHUP)) /* the reader is gone */
			return 0;
		if (read(notify, drain, sizeof(drain)) > 0)
			continue;
		gone = has_ended(f->id);
		if (gone && (follow_read(f, on_line, o, err) < 0 || f->ended))
			return f->ended ? 0 : -1;
		if (gone)
			return 0;
	}
}

/* Of a session, or of one whose record was pruned. */
static int find_log(const char *what, char id[SESSION_ID_LEN + 1], bool *audited, struct err *err)
{
	struct session_record r;

	*audited = true;
	if (session_find(what, &r, err) == 0) {
		str_copy(id, SESSION_ID_LEN + 1, r.id);
		*audited = !cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(r.json, "audit"));
		session_record_free(&r);
		return 0;
	}
	if (strlen(what) != SESSION_ID_LEN || strspn(what, "0123456789abcdef") != SESSION_ID_LEN)
		return -1;
	str_copy(id, SESSION_ID_LEN + 1, what);
	return 0;
}

static int logs(struct cli *cli, struct err *err)
{
	struct options *o = cli->options;
	char id[SESSION_ID_LEN + 1];
	struct follow f;
	bool audited;
	int rc;

	if (find_log(cli->args[0], id, &audited, err) < 0)
		return -1;
	if (!audited) {
		cli_say(cli, "Session %s has no event log: it was started with --no-audit.", id);
		return 0;
	}
	if (follow_open(&f, id, o->tail, err) < 0)
		return -1;
	rc = o->follow ? follow_on(&f, o, err) : follow_read(&f, on_line, o, err);
	follow_close(&f);
	return rc < 0 ? -1 : 0;
}

const struct command command_logs = {
    .name = "logs",
    .group = GROUP_RECORD,
    .usage = "SESSION [-f] [--tail N] [--json]",
    .summary = "The events of a session, live or afterwards",
    .rows = rows,
    .size = sizeof(struct options),
    .flags = CLI_ENDED_TOO,
    .min_args = 1,
    .max_args = 1,
    .arg = "a session",
    .run = logs,
};
