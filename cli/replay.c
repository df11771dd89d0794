/* nono replay: the screen of a recorded session, its events beside it. */
#include "cli/replay.h"
#include "cli/audit.h"

struct options {
	bool cast, all;
	const char *speed;
	long max_wait;
};

static const struct option_row rows[] = {
    {.name = "speed",
     .kind = OPTION_STRING,
     ROW(options, speed),
     .arg = "X",
     .help = "So many times as fast (0.1 to 100)"},
    {.name = "max-wait",
     .kind = OPTION_NUMBER,
     ROW(options, max_wait),
     .arg = "SECONDS",
     .help = "Longer pauses are cut to this; 0 = none is cut",
     .value = 2,
     .max = 3600},
    {.name = "all-events", ROW(options, all), .help = "What was only read, too"},
    {.name = "cast",
     ROW(options, cast),
     .help = "As asciicast v2 (asciinema) on standard output, events as markers"},
    {0},
};

/* ---- reading both, by time ------------------------------------------------------------------- */

int replay_open(struct replay *r, const char *id, bool all, struct err *err)
{
	int fd = audit_open_file(id, AUDIT_SCREEN_FILE, NULL);

	*r = (struct replay){.all = all};
	if (fd < 0)
		return err_set(err, "session %s was not recorded (nono run --record)", id);
	r->in = fdopen(fd, "re");
	r->rec = xcalloc(1, sizeof(*r->rec));
	if (!replay_next_frame(r) || r->frame.kind != PTY_RECORDED_SIZE) {
		replay_close(r);
		return err_set(err, "the recording of session %s is empty or damaged", id);
	}
	r->begin_ns = r->frame.time_ns;
	if (audit_reader_open(id, &r->reader, NULL) < 0)
		r->reader = NULL;
	replay_next_event(r);
	return 0;
}

void replay_close(struct replay *r)
{
	if (r->in)
		fclose(r->in);
	audit_reader_free(r->reader);
	buf_free(&r->data);
	free(r->rec);
}

bool replay_next_frame(struct replay *r)
{
	r->have_frame = pty_recorded_next(r->in, &r->frame, &r->data) == 1;
	return r->have_frame;
}

static bool worth_showing(const struct replay *r)
{
	const struct audit_record *e = r->rec;

	if (r->all)
		return true;
	return !str_eq(e->decision, "missing") && !str_eq(e->type, "sandbox_runtime") &&
	       !(str_eq(e->type, "open") && (str_eq(e->op, "read") || str_eq(e->op, "watch")) &&
		 str_eq(e->decision, "allowed"));
}

bool replay_next_event(struct replay *r)
{
	struct audit_line line;

	r->have_event = false;
	while (r->reader && !r->have_event && audit_reader_next(r->reader, &line, NULL) == 1)
		r->have_event = audit_parse(line.json, line.json_len, r->rec) == 0 &&
				r->rec->time[0] && worth_showing(r);
	return r->have_event;
}

bool replay_event_due(const struct replay *r, uint64_t time_ns)
{
	return r->have_event && audit_time_ns(r->rec->time) <= time_ns;
}

void replay_event_text(const struct replay *r, char *out, size_t size)
{
	const struct audit_record *e = r->rec;
	char target[600], program[80];

	text_printable(target, sizeof(target), e->target, strlen(e->target));
	text_printable(program, sizeof(program), path_base(e->program),
		       strlen(path_base(e->program)));
	snprintf(out, size, "%-8s %-8s %s%s%s%s", e->decision, e->op[0] ? e->op : e->type, target,
		 program[0] ? "  (" : "", program, program[0] ? ")" : "");
}

/* ---- the command ----------------------------------------------------------------------------- */

static int replay(struct cli *cli, struct err *err)
{
	const struct options *o = cli->options;
	char id[65], *end = NULL;
	double speed = o->speed ? strtod(o->speed, &end) : 1;
	struct replay r;
	int code = 0;

	if (o->speed && (*end || end == o->speed || !(speed >= 0.1 && speed <= 100)))
		return err_usage(err, "--speed wants a number from 0.1 to 100");
	if (!o->cast && (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)))
		return err_usage(err, "replay needs a terminal; --cast writes a file for others");
	if (audit_session(cli->args[0], id, err) < 0 || replay_open(&r, id, o->all, err) < 0)
		return -1;
	if (o->cast)
		replay_cast(&r);
	else
		code = replay_play(&r, speed, (double)o->max_wait, err);
	replay_close(&r);
	return code;
}

const struct command command_replay = {
    .name = "replay",
    .group = GROUP_RECORD,
    .usage = "SESSION [options]",
    .summary = "Show a recorded session's screen again, its events beside it",
    .details = "Keys: Space pauses, + and - change the speed, . goes ten seconds on, q ends.\n"
	       "Sessions are recorded with nono run --record.\n",
    .rows = rows,
    .size = sizeof(struct options),
    .flags = CLI_ENDED_TOO | CLI_OUTSIDE,
    .min_args = 1,
    .max_args = 1,
    .arg = "a session",
    .run = replay,
};
