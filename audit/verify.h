/* verify - reads a log from its start and says what it adds up to and where it is damaged. */
#ifndef NONO_AUDIT_VERIFY_H
#define NONO_AUDIT_VERIFY_H

#include "audit/hash.h"
#include "audit/store.h"

struct log_check {
	struct hash_state state; /* over the lines before the first damaged one */
	uint64_t bad_line;	 /* from 1; 0 = none */
	char bad[160];		 /* what is wrong with it */
	uint64_t end;		 /* offset behind the last good line */
	uint64_t torn;		 /* bytes of an unfinished last line */
	bool ended;		 /* the last line is session_ended */
	int exit_code;
	char ended_at[TIME_STR_MAX];
};
/* What each good line holds. */
typedef void log_visit(void *data, uint64_t sequence, const struct hash *leaf, const char *event,
		       size_t n);
/* -1 only if the file can't be read. visit may be NULL. */
int log_verify(int fd, struct log_check *out, struct err *err);
int log_verify_each(int fd, struct log_check *out, log_visit *visit, void *data, struct err *err);
/* No more than count lines: the log may have grown meanwhile. */
int log_verify_count(int fd, uint64_t count, struct log_check *out, log_visit *visit, void *data,
		     struct err *err);

#endif
