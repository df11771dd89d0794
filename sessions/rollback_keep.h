/*
 * rollback_keep - how much of ended sessions' snapshots stays: the table [rollback] (or [undo]) of
 * config.toml. Sessions that run and named snapshots are never touched. It also says whether one is
 * taken before a risky grant.
 */
#ifndef NONO_SESSIONS_ROLLBACK_KEEP_H
#define NONO_SESSIONS_ROLLBACK_KEEP_H

#include "sessions/rollback_store.h"

struct rollback_limits {
	unsigned sessions;  /* max_sessions: the newest that ended stay, 10 */
	uint64_t bytes;	    /* max_storage_gb: the oldest go until their store is smaller, 5 GiB */
	unsigned snapshots; /* max_snapshots of one session, 100: then only the last one */
	unsigned grace_h;   /* stale_grace_hours: one whose supervisor vanished stays, 24 */
	bool requests;	    /* before_requests: one before each risky grant, true */
	unsigned wait_s;    /* before_requests_seconds: how long the grant waits for it, 5 */
	char *dest; /* dest: where the stores of new sessions are, NULL: with nono's files */
};
/* Defaults where the file or a member is missing; err names file, line and column. *out is the
 * caller's to free, also after -1. */
int rollback_limits_load(struct rollback_limits *out, struct err *err);
void rollback_limits_free(struct rollback_limits *l);

struct rollback_dated {
	char *id;
	char started[TIME_STR_MAX];
};
/* Newest first. */
struct rollback_dated *rollback_by_date(size_t *n, struct err *err);
void rollback_dated_free(struct rollback_dated *v, size_t n);

/* The snapshots of a session and what is kept beside them. What only they held stays until
 * snap_gc().
 */
int rollback_session_remove(struct snap_store *store, const char *id, struct err *err);

typedef void rollback_removed_fn(void *arg, const char *id);
/* Removes what is beyond the limits and what only that held; fn (may be NULL) is told of each.
 * Sessions are counted wherever their snapshots are, bytes in each place. What can't be reached now
 * stays. dry_run: only told, and of the number alone. */
int rollback_keep(const struct rollback_limits *l, bool dry_run, rollback_removed_fn *fn, void *arg,
		  struct err *err);

#endif
