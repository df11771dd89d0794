/* lines - whole lines of a growing file, in bounded memory; and the members of a log line. */
#ifndef NONO_AUDIT_LINES_H
#define NONO_AUDIT_LINES_H

#include "audit/hash.h"
#include "audit/json.h"

struct lines {
	int fd; /* not owned */
	char *data;
	size_t cap, start, end; /* unread bytes are data[start, end) */
	uint64_t offset;	/* of data[start] in the file */
};

void lines_init(struct lines *l, int fd, uint64_t offset);
void lines_free(struct lines *l);
/* 1 = a line without its newline, writable until the next call; 0 = no whole line at present;
 * -1 = longer than LINE_MAX_BYTES or unreadable (errno). */
int lines_next(struct lines *l, char **line, size_t *n);
/* Bytes behind the last whole line, as far as read. */
static inline size_t lines_rest(const struct lines *l)
{
	return l->end - l->start;
}

/* One line of the log, taken apart but not believed. Spans point into the line. */
struct log_line {
	uint64_t sequence;
	struct json_span prev, leaf, chain, event_json, event;
};
int log_line_parse(struct log_line *out, const char *line, size_t n);

#endif
