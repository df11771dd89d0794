/* feed - the lines of a record on their way to a sink. */
#ifndef NONO_AUDIT_EXPORT_FEED_H
#define NONO_AUDIT_EXPORT_FEED_H

#include "audit/export/export.h"
#include "audit/lines.h"
#include "audit/select.h"
#include "audit/spool.h"

struct feed {
	const char *id;
	int dir, fd;
	struct lines lines;
	struct audit_record *rec;
	struct select sel;
	uint64_t next; /* sequence behind what was added to the batch */
	bool ended;
};

int feed_open(struct feed *f, const char *id, uint64_t offset, struct err *err);
void feed_close(struct feed *f);
/* Lines into the batch until it is full. 1: something, 0: nothing more at present. */
int feed_batch(struct feed *f, struct sink *s, struct err *err);

/* ---- send.c ---- */

#define EXIT_RENEW \
	75 /* the sender's: another one is to try, with a new look at how names are found */

/* What the sender says to the process that keeps the spool. */
struct progress {
	uint64_t offset, sequence;
	uint64_t done;
};
/* The calling process, a child, sends what the record's spool says, and tells keeper, a pipe. */
_Noreturn void send_in_child(const char *id, int keeper);

/* ---- follow.c ---- */

/* Until all of the record is delivered. Its exit code, -1 with err. */
int follow(const char *id, struct err *err);
int follow_new(const char *id, struct err *err); /* of a session that is being started */

#endif
