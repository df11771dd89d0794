/*
 * audit_view - what an audit pane holds: the last events of one session or of all, those that the
 * filter lets through, and which of them is looked at. No drawing, no loop.
 */
#ifndef NONO_TUI_AUDIT_VIEW_H
#define NONO_TUI_AUDIT_VIEW_H

#include "audit/audit.h"
#include "sessions/sessions.h"
#include "tui/dialog.h"

#define AUDIT_KEEP 4000 /* events; older ones are in the log */

enum audit_show { /* kinds to choose from */
		  SHOW_ALL = 0,
		  SHOW_OPEN,
		  SHOW_CHANGE,
		  SHOW_EXEC,
		  SHOW_CONNECT,
		  SHOW_DECISION,
		  SHOW_OTHER, /* start, end, terminal, ... */
		  SHOW_COUNT,
};
const char *audit_show_name(enum audit_show s);

struct audit_filter {
	enum audit_show show;
	bool denied_only;
	char text[256]; /* in target, program, rule, operation or session, case ignored */
};
bool audit_filter_match(const struct audit_filter *f, const struct audit_record *r,
			const char *session);

struct audit_item {
	char id[SESSION_ID_LEN + 1], name[SESSION_NAME_MAX];
	char time[TIME_STR_MAX];
	pid_t pid, ppid;
	uint64_t offset; /* in its log */
	char *json;
	size_t len;
};

struct audit_source {
	char id[SESSION_ID_LEN + 1], name[SESSION_NAME_MAX];
	struct audit_reader *reader; /* NULL: not there (yet) */
	uint64_t tried_ns;
	unsigned behind; /* polls in a row that did not get to the end */
	char error[256];
};

struct audit_view {
	struct audit_item *items; /* ring of AUDIT_KEEP; event n is at n % AUDIT_KEEP */
	uint64_t first, next;
	uint64_t *hits; /* numbers of events that match, ascending; from hits[hits_from] on */
	size_t n_hits, hits_from, cap_hits;
	struct audit_filter filter;
	bool paused, follow, skipped;
	/* With a filter, of one session: its log is read from the start, and what matches is kept.
	 */
	bool whole, at_end;
	uint64_t matched; /* then */
	unsigned percent;
	bool context; /* the events around one, paused; behind it this filter waits */
	struct audit_filter behind;
	uint64_t selected; /* number of an event */
	size_t top;	   /* first row shown, counted from hits_from */
	struct line_edit line;
	bool typing;
	struct audit_source **sources;
	size_t n_sources;
	struct audit_record record; /* scratch: it is large */
};

struct audit_view *audit_view_new(void);
void audit_view_free(struct audit_view *v);  /* NULL is fine */
void audit_view_clear(struct audit_view *v); /* events and sources */
void audit_view_add(struct audit_view *v, const char *id, const char *name, const char *json,
		    size_t len, uint64_t offset);
void audit_view_refilter(struct audit_view *v);
/* Begins anew: at the log's start with the filter if there is one, else at its end. */
void audit_view_restart(struct audit_view *v);
size_t audit_view_count(const struct audit_view *v); /* events that match */
/* The i-th of those, NULL beyond. */
const struct audit_item *audit_view_at(const struct audit_view *v, size_t i);
/* Place of the selected event among them, or of the next one after it. */
size_t audit_view_selected(const struct audit_view *v);
void audit_view_move(struct audit_view *v, long rows); /* beyond the end: follows */
/* The latest event of a process before event number n, NULL if there is none. */
const struct audit_item *audit_view_process(const struct audit_view *v, const char *id, pid_t pid,
					    uint64_t before);
uint64_t audit_view_number(const struct audit_view *v, size_t i);

/* audit_source.c: reads what is new of one source; bounded in time. */
void audit_source_poll(struct audit_view *v, struct audit_source *s, uint64_t now);
/* The events around the one at offset in the log of session id; that one is selected. */
int audit_source_context(struct audit_view *v, const char *id, uint64_t offset, struct err *err);
struct audit_source *audit_source_add(struct audit_view *v, const char *id, const char *name);
void audit_source_free(struct audit_source *s);

#endif
