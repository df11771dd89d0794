/* rollback_record - what the snapshots of a session are about: kept beside them. */
#ifndef NONO_SESSIONS_ROLLBACK_RECORD_H
#define NONO_SESSIONS_ROLLBACK_RECORD_H

#include "policy/stores.h"
#include "sessions/sessions.h"
#include "snapshots/snapshots.h"

struct rollback_record {
	char id[129];
	char started[TIME_STR_MAX], ended[TIME_STR_MAX]; /* "" = not yet */
	char **command, **roots, **excludes;		 /* NULL-terminated */
	int exit_code;
	char *store; /* where they are, if not in the state directory: the place that has store_id
		      * written in it (rollback_store.h); else NULL */
	char store_id[POLICY_STORE_ID_LEN + 1];
	unsigned count;	    /* of snapshots when it was written */
	pid_t pid;	    /* who takes them */
	uint64_t pid_epoch; /* proc_start_time() of it */
};
int rollback_record_write(const struct rollback_record *r, struct err *err);
int rollback_record_load(const char *id, struct rollback_record *out, struct err *err);
void rollback_record_free(struct rollback_record *r);
/* Its snapshots are still being taken. */
bool rollback_alive(const struct rollback_record *r);
/* Last, when the snapshots are deleted. */
int rollback_record_remove(const char *id, struct err *err);

/* How snapshots of a session are taken: its excludes and bounds. Borrows. */
struct snap_options rollback_options(const struct rollback_record *r);

#endif
