/* Where an audit pane's events come from: the logs of sessions, read as they grow. */
#include "tui/audit_view.h"

#define TAIL	  500		/* events shown of before */
#define BUDGET_NS 8000000ull	/* of the loop's time, for one poll */
#define RETRY_NS  1000000000ull /* a log that could not be opened */
#define BEHIND	  10		/* polls, then the rest is skipped */

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

static bool open_source(struct audit_source *s, uint64_t now)
{
	struct err err = {0};

	if (s->reader)
		return true;
	if (s->tried_ns && now - s->tried_ns < RETRY_NS)
		return false;
	s->tried_ns = now;
	if (audit_reader_open(s->id, &s->reader, &err) ||
	    audit_reader_seek_tail(s->reader, TAIL, &err)) {
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

	if (!open_source(s, now))
		return;
	for (unsigned i = 0; (got = audit_reader_next(s->reader, &line, &err)) > 0; i++) {
		audit_view_add(v, s->id, s->name, line.json, line.json_len);
		if (i % 32 == 31 && clock_mono_ns() - now > BUDGET_NS)
			break;
	}
	if (got < 0) {
		str_copy(s->error, sizeof(s->error), err.msg);
		audit_reader_free(s->reader);
		s->reader = NULL;
		s->tried_ns = now;
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
