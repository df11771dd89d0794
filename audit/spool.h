/* spool - where a session's events go beside its log, and how far they have got there. The log is
 * what they are kept in until then. */
#ifndef NONO_AUDIT_SPOOL_H
#define NONO_AUDIT_SPOOL_H

#include "audit/store.h"

#define SPOOL_FILE "sink.json"

struct spool {
	char *url, *format;	   /* format: NULL = what is usual there */
	uint64_t offset, sequence; /* in the log, behind what was delivered */
	bool done;		   /* all of an ended session's is */
};
void spool_free(struct spool *s);
int spool_write(const struct spool *s, int dirfd, struct err *err);
/* 1: there is one, 0: the session has no sink, -1: damaged. */
int spool_read(struct spool *s, int dirfd, struct err *err);

#endif
