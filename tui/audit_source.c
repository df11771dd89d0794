/* Where an audit pane's events come from: the logs of sessions, read as they grow. */
#include "tui/audit_view.h"

#include <sys/stat.h>

#define TAIL	  500		/* events shown of before */
#define BUDGET_NS 8000000ull	/* of the loop's time, for one poll */
#define RETRY_NS  1000000000ull /* a log that could not be opened */
#define BEHIND	  10		/* polls, then the rest is skipped */
#define SCAN_NS	  25000000ull	/* of the loop's time, while a whole log is searched */
#define ABOVE	  6		/* rows shown above the one whose surroundings are looked at */
#define AROUND	  300		/* events before and after one */

struct audit_source *audit_source_add(struct audit_view *v, const char *id, const char *name)
{
	struct audit_source *s;

	for (size_t i = 0; i < v->n_sources; i++)
		if (str_eq(v->sources[i]->id, id))
			return v->sources[i];
	s = xcalloc(1, sizeof(*s));
	str_copy(s->id, sizeof(s->id), id);
	str_copy(s->name, sizeof(s->name), name);
	v->sources = xrealloc_array(v->sources, v->n_sources + 1, sizeof(*v->sources));
	v->sources[v->n_sources++] = s;
	return s;
}

void audit_source_free(struct audit_source *s)
{
	audit_reader_free(s->reader);
	free(s);
}

/* Is the event left out for certain? Looks at its text alone. */
static bool surely_out(const struct audit_filter *f, const struct audit_source *s, const char *json)
{
	if (f->denied_only && !strstr(json, "enied") && !strstr(json, "deny") &&
	    !strstr(json, "Timeout") && !strstr(json, "\"approve_"))
		return true;
	for (const char *p = f->text; *p; p++)
		if (*p == '"' || *p == '\\' || (unsigned char)*p < 0x20 || (unsigned char)*p > 0x7e)
			return false;
	return f->text[0] && !strcasestr(json, f->text) && !strcasestr(s->name, f->text);
}

static void note_progress(struct audit_view *v, const struct audit_source *s)
{
	struct stat st;
	uint64_t at = audit_reader_offset(s->reader);

	if (fstat(audit_reader_fd(s->reader), &st) == 0 && st.st_size > 0)
		v->percent = (unsigned)(at * 100 / (uint64_t)st.st_size);
}

static bool open_source(const struct audit_view *v, struct audit_source *s, uint64_t now)
{
	struct err err = {0};

	if (s->reader)
		return true;
	if (s->tried_ns && now - s->tried_ns < RETRY_NS)
		return false;
	s->tried_ns = now;
	if (audit_reader_open(s->id, &s->reader, &err) ||
	    (!v->whole && audit_reader_seek_tail(s->reader, TAIL, &err))) {
		audit_reader_free(s->reader);
		s->reader = NULL;
		str_copy(s->error, sizeof(s->error), err.msg);
		return false;
	}
	s->error[0] = 0;
	return true;
}

void audit_source_poll(struct audit_view *v, struct audit_source *s, uint64_t now)
{
	struct audit_line line;
	struct err err = {0};
	int got = 0;

	if (!open_source(v, s, now))
		return;
	for (unsigned i = 0;; i++) {
		uint64_t offset = audit_reader_offset(s->reader);

		got = audit_reader_next(s->reader, &line, &err);
		if (got <= 0)
			break;
		if (!v->whole || !surely_out(&v->filter, s, line.json))
			audit_view_add(v, s->id, s->name, line.json, line.json_len, offset);
		if (i % 32 == 31 && clock_mono_ns() - now > (v->whole ? SCAN_NS : BUDGET_NS))
			break;
	}
	if (got < 0) {
		str_copy(s->error, sizeof(s->error), err.msg);
		audit_reader_free(s->reader);
		s->reader = NULL;
		s->tried_ns = now;
		return;
	}
	if (v->whole) {
		note_progress(v, s);
		v->at_end = v->at_end || got == 0;
		return;
	}
	s->behind = got > 0 ? s->behind + 1 : 0;
	if (s->behind < BEHIND)
		return;
	/* It grows faster than anyone could read; the log has all of it. */
	s->behind = 0;
	v->skipped = true;
	if (audit_reader_seek_tail(s->reader, TAIL, &err))
		str_copy(s->error, sizeof(s->error), err.msg);
}

int audit_source_context(struct audit_view *v, const char *id, uint64_t offset, struct err *err)
{
	struct audit_reader *r;
	struct audit_line line;
	char name[SESSION_NAME_MAX] = "";
	uint64_t at;
	int after = 0;

	for (size_t i = 0; i < v->n_sources; i++)
		if (str_eq(v->sources[i]->id, id))
			str_copy(name, sizeof(name), v->sources[i]->name);
	if (audit_reader_open(id, &r, err) < 0)
		return -1;
	if (audit_reader_seek(r, offset, AROUND, err) < 0) {
		audit_reader_free(r);
		return -1;
	}
	v->behind = v->filter;
	v->filter = (struct audit_filter){0};
	audit_view_clear(v);
	v->whole = false;
	v->context = v->paused = true;
	v->follow = false;
	for (;;) {
		at = audit_reader_offset(r);
		if (after > AROUND || audit_reader_next(r, &line, NULL) <= 0)
			break;
		if (at == offset)
			v->selected = v->next;
		after += at >= offset;
		audit_view_add(v, id, name, line.json, line.json_len, at);
	}
	audit_reader_free(r);
	at = audit_view_selected(v);
	v->top = at > ABOVE ? at - ABOVE : 0;
	return 0;
}
