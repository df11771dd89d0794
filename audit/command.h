/* command - what the commands share. */
#ifndef NONO_AUDIT_COMMAND_H
#define NONO_AUDIT_COMMAND_H

#include "audit/audit.h"
#include "audit/store.h"

#include <cjson/cJSON.h>

/* Ids of all records, sorted; *n of them. Caller frees each and the list. */
char **command_ids(size_t *n, struct err *err);
/* session.json, and whether the session is alive: of one moment, so that a session that is just
 * starting or ending looks neither damaged nor orphaned. Waits for that a second at most. */
int command_meta(int dir, struct session_meta *m, bool *alive, struct err *err);

/* Whole seconds of an RFC 3339 time; 0 if it is none. */
time_t command_time(const char *s);

/* The members that list and show have in common, as cJSON values. */
cJSON *command_array(const struct buf *json);
cJSON *command_str_or_null(const char *s);
void command_print(cJSON *v); /* pretty, on stdout; deletes v */
/* Prints s made harmless, cut and padded to width columns of bytes; 0 = as long as it is. */
void command_put(const char *s, size_t width);

#endif
