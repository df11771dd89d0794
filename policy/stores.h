/*
 * stores - the places of snapshots outside of the state directory (nono run --rollback-dest). They
 * are nono's own as that is, for every session from then on: <state>/snapshot-stores lists them.
 */
#ifndef NONO_POLICY_STORES_H
#define NONO_POLICY_STORES_H

#include "common/common.h"

#define POLICY_STORES_MAX   64
#define POLICY_STORE_ID_LEN 32 /* hex digits */

struct policy_store {
	char *path; /* absolute, clean, no links in it when it was listed; no line break */
	char id[POLICY_STORE_ID_LEN + 1]; /* the place has it written in it */
};
struct policy_stores {
	struct policy_store v[POLICY_STORES_MAX];
	size_t n;
};
/* None where there is no list. A list that can't be read is an error. *out is the caller's to free,
 * also after -1. */
int policy_stores_load(struct policy_stores *out, struct err *err);
void policy_stores_free(struct policy_stores *s);
/* NULL: it is not listed. */
const struct policy_store *policy_stores_find(const struct policy_stores *s, const char *path);

/* The next two take effect at once and for everybody; one caller at a time. */

/* Lists a place, in the place of what was listed by that path. */
int policy_stores_add(const char *path, const char *id, struct err *err);
int policy_stores_remove(const char *path, struct err *err);

#endif
