/*
 * ring - where events wait for the writer: two preallocated halves. Emitters append to one under
 * a short lock while the writer empties the other; then they change places. Pages are touched only
 * as far as events fill them, and always from the start, so a quiet session stays small.
 */
#ifndef NONO_AUDIT_RING_H
#define NONO_AUDIT_RING_H

#include "audit/audit.h"

#include <pthread.h>

#define RING_HALF	 (128u * 1024)
#define RING_TARGET_MAX	 4095u /* longest target and target2 kept; what is cut is marked */
#define RING_PROGRAM_MAX 1023u
#define RING_WORD_MAX	 127u

enum ring_type { RING_EVENT = 1, RING_TEXT };

/* What stands in a half: fixed part, then the strings in this order, then padding to 8. */
struct ring_record {
	uint32_t size;			       /* of the whole record */
	uint8_t type, kind, decision, present; /* present: a bit for each string that is not NULL */
	uint8_t cut, pad[3];
	int32_t err, pid, ppid;
	uint64_t time_ns;
	uint16_t op, target, target2, program, rule, source; /* lengths */
	uint32_t text;					     /* RING_TEXT: an event as JSON */
	char strings[];
};
enum {
	RING_HAS_OP = 1,
	RING_HAS_TARGET = 2,
	RING_HAS_TARGET2 = 4,
	RING_HAS_PROGRAM = 8,
	RING_HAS_RULE = 16,
	RING_HAS_SOURCE = 32,
};
#define RING_TEXT_MAX (RING_HALF - sizeof(struct ring_record) - 8)

struct ring {
	pthread_mutex_t lock;
	char *half[2];
	size_t len[2], peak;
	unsigned active;
	uint64_t put; /* records ever put in */
};

int ring_init(struct ring *r, struct err *err);
void ring_destroy(struct ring *r);
/* False if there is no room. *fill = bytes in the active half afterwards. */
bool ring_put_event(struct ring *r, const struct audit_event *ev, size_t *fill);
bool ring_put_text(struct ring *r, const char *json, size_t n, size_t *fill);
/* One taker at a time. The filled half (NULL if nothing waits), valid until ring_release(). */
char *ring_take(struct ring *r, size_t *len, uint64_t *put);
void ring_release(struct ring *r);
uint64_t ring_count(struct ring *r);
/* Gives pages of a past flood back. Only while nothing is taken. */
void ring_trim(struct ring *r);

#endif
