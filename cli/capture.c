/* nono capture: a pane as text. */
#include "cli/screen.h"

struct options {
	bool ansi, json;
	long scrollback;
};

static const struct option_row rows[] = {
    {.name = "ansi",
     .offset = offsetof(struct options, ansi),
     .help = "With colours and attributes"},
    {.name = "scrollback",
     .kind = OPTION_NUMBER,
     .offset = offsetof(struct options, scrollback),
     .arg = "N",
     .help = "Begin N lines above the screen",
     .min = 0,
     .max = 1000000},
    {.name = "json",
     .offset = offsetof(struct options, json),
     .help = "As JSON: lines, cursor, size, title, modes"},
    {0},
};

static void add_lines(cJSON *o, const char *name, const struct buf *text)
{
	cJSON *array = cJSON_AddArrayToObject(o, name);
	const char *p = text->data, *end = text->len ? p + text->len : p;

	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t n = nl ? (size_t)(nl - p) : (size_t)(end - p);
		_cleanup_free_ char *line = xstrndup(p, n);

		cJSON_AddItemToArray(array, cJSON_CreateString(line));
		p += n + 1;
	}
}

static const char *state_name(enum pty_program_state s)
{
	static const char *const names[] = {"none", "idle", "working", "blocked", "done", "error"};

	return (size_t)s < ARRAY_LEN(names) ? names[s] : "none";
}

static void capture_json(const struct session_record *r, const struct pty_screen *p,
			 const struct buf *history, const struct buf *screen)
{
	cJSON *o = cJSON_CreateObject(), *cursor;

	cJSON_AddStringToObject(o, "session_id", r->id);
	cJSON_AddStringToObject(o, "name", r->name);
	cJSON_AddNumberToObject(o, "cols", p->cols);
	cJSON_AddNumberToObject(o, "rows", p->rows);
	cursor = cJSON_AddObjectToObject(o, "cursor");
	cJSON_AddNumberToObject(cursor, "x", p->cx);
	cJSON_AddNumberToObject(cursor, "y", p->cy);
	cJSON_AddBoolToObject(cursor, "visible", p->cursor_visible);
	cJSON_AddStringToObject(o, "title", p->title);
	cJSON_AddBoolToObject(o, "alternate_screen", p->alt_screen);
	cJSON_AddBoolToObject(o, "bracketed_paste", p->bracketed_paste);
	cJSON_AddStringToObject(o, "program_state", state_name(p->state));
	cJSON_AddBoolToObject(o, "ended", p->ended);
	cJSON_AddNumberToObject(o, "scrollback_lines", (double)p->history);
	add_lines(o, "scrollback", history);
	add_lines(o, "lines", screen);
	print_json(o);
	cJSON_Delete(o);
}

static int capture(struct cli *cli, struct err *err)
{
	const struct options *o = cli->options;
	_cleanup_(buf_free) struct buf history = {0}, screen = {0};
	const struct pty_screen *p;
	struct session_record r;
	struct screen s;
	uint64_t next;
	int rc;

	if (screen_open(cli->args[0], true, &r, &s, err) < 0)
		return -1;
	rc = screen_await_picture(&s, CALL_TIMEOUT_MS, err);
	p = screen_picture(&s);
	if (rc == 0 && o->scrollback) {
		uint64_t end = p->history_first + p->history,
			 n = (uint64_t)o->scrollback < p->history ? (uint64_t)o->scrollback
								  : p->history;
		rc = screen_history(&s, end - n, n, o->ansi, &history, &next, err);
	}
	if (rc == 0) {
		pty_dump_screen(p, o->ansi, &screen);
		if (o->json) {
			capture_json(&r, p, &history, &screen);
		} else {
			if (history.len)
				fwrite(history.data, 1, history.len, stdout);
			if (screen.len)
				fwrite(screen.data, 1, screen.len, stdout);
		}
	}
	screen_close(&s);
	session_record_free(&r);
	return rc;
}

const struct command command_capture = {
    .name = "capture",
    .group = GROUP_PANES,
    .usage = "SESSION [--ansi] [--scrollback N] [--json]",
    .summary = "Print a session's screen as text",
    .rows = rows,
    .size = sizeof(struct options),
    .min_args = 1,
    .max_args = 1,
    .arg = "a session",
    .run = capture,
};
