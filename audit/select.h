/* select - which events of a log are meant. */
#ifndef NONO_AUDIT_SELECT_H
#define NONO_AUDIT_SELECT_H

#include "audit/audit.h"

struct select {
	unsigned kinds;	 /* a bit each, 0 = all */
	char path[4096]; /* absolute, "" = any */
	bool denied;
};
/* kinds: words of audit_select_kinds, commas between; NULL = all. path may be relative. */
int select_parse(struct select *s, const char *const *kinds, const char *path, bool denied,
		 struct err *err);
bool select_match(const struct select *s, const struct audit_record *rec);
/* False: the event's text alone says that it is left out. Cheap. */
bool select_maybe(const struct select *s, const char *json, size_t n);
bool select_any(const struct select *s); /* it leaves nothing out */

/* What an event is about. */
bool record_reads(const struct audit_record *rec);  /* a file was opened for reading alone */
bool record_writes(const struct audit_record *rec); /* a file was opened otherwise, or changed */
bool record_took_place(const struct audit_record *rec);
/* A connection or request that was counted when it was decided. */
bool record_ends(const struct audit_record *rec);

#endif
