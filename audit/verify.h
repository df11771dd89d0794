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
/* -1 only if the file can't be read. */
int log_verify(int fd, struct log_check *out, struct err *err);

#endif
