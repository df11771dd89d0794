/* redaction - what the user's [redaction] adds to the names whose values are left out of the log.
 */
#ifndef NONO_AUDIT_REDACTION_H
#define NONO_AUDIT_REDACTION_H

#include "audit/audit.h"

#define REDACTION_NAME_MAX 64

enum redaction_list {
	REDACTION_NAMES = 0, /* of flags, headers, variables */
	REDACTION_QUERY,     /* of URLs */
	REDACTION_ALLOW,     /* of ours that are shown */
	REDACTION_LISTS,
};
struct audit_redaction {
	char **v[REDACTION_LISTS]; /* plain names, NULL-terminated */
	size_t n[REDACTION_LISTS];
};
/* r may be NULL. name: plain. */
bool redaction_has(const struct audit_redaction *r, enum redaction_list list, const char *name);
/* A name without case and punctuation: "--Api_Key" -> "apikey". */
void redaction_plain(char out[REDACTION_NAME_MAX], const char *s, size_t n);
/* The object that session_started holds; nothing if there are no rules. */
void redaction_add_json(const struct audit_redaction *r, struct buf *b);
/* Of a configuration's text (TOML). */
int redaction_parse(struct audit_redaction *r, const char *text, size_t n, const char *label,
		    struct err *err);

#endif
