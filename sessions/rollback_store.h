/*
 * rollback_store - where the snapshots of a session are: in the state directory, or in a place of
 * their own (nono run --rollback-dest). Whoever wants them asks here.
 *
 * A place has an id written in it ("nono-store"), is listed for all policies (policy/stores.h), and
 * holds the store and the records as the state directory does; what a session's are about stays in
 * <state>/rollbacks/ID. It is opened without following a link, and only if it is the user's, closed
 * to others, and the one with the id: a program may have had the folder that it lies in.
 */
#ifndef NONO_SESSIONS_ROLLBACK_STORE_H
#define NONO_SESSIONS_ROLLBACK_STORE_H

#include "sessions/rollback_record.h"

/* ---- places ---------------------------------------------------------------------------------- */

struct rollback_place {
	char *path; /* canonical; NULL = the state directory */
	char id[POLICY_STORE_ID_LEN + 1];
	bool listed, made; /* by this claim: the id in the list, the directory */
};
/* Makes dest a place, or finds that it is one. Whatever else there is: an error. Before the policy
 * is resolved, which closes it. */
int rollback_place_claim(const char *dest, struct rollback_place *out, struct err *err);
/* It would be claimed; nothing is made. */
int rollback_place_check(const char *dest, struct err *err);
/* Nothing was started: as it was before. */
void rollback_place_release(const struct rollback_place *p);
void rollback_place_free(struct rollback_place *p);
/* Takes those out of the list that are gone and in which no session has snapshots. */
void rollback_places_forget(void);

/* ---- stores ---------------------------------------------------------------------------------- */

/* The one in the state directory: named snapshots, and sessions without a place. */
int rollback_store_state(struct snap_store **out, struct err *err);
/* Of a session. One whose record can't be read: the one in the state directory. */
int rollback_store_open(const char *id, struct snap_store **out, struct err *err);
int rollback_store_of(const struct rollback_record *r, struct snap_store **out, struct err *err);
/* What no snapshot is to hold, as it is now. */
void rollback_store_apart(struct snap_store *s);
/* Sessions that have snapshots, wherever those are, sorted; ends in NULL. */
char **rollback_sessions(struct err *err);

/* Stores that were opened, each once: for who works on many sessions. */
struct rollback_opened {
	char *path;
	char id[POLICY_STORE_ID_LEN + 1];
	struct snap_store *store; /* NULL: it could not be */
	struct err err;
	bool garbage; /* something was removed: for the caller */
};
struct rollback_stores {
	struct rollback_opened **v;
	size_t n;
};
/* NULL: err says why, the first time as any later one. */
struct rollback_opened *rollback_stores_get(struct rollback_stores *s, const char *id,
					    struct err *err);
void rollback_stores_free(struct rollback_stores *s);

#endif
