/*
 * snapshotter - takes the snapshots of a session: a process of its own, outside of the sandbox and
 * beside the broker, which may neither read the trees nor wait for them.
 *
 * It is forked before the broker gives up rights. The first snapshot is there before the program
 * starts; then one every interval, and one before each risky grant; the last one when everything of
 * the session has ended, also when the broker was killed. What it is about is kept in
 * <state>/rollbacks/ID/session.json.
 */
#ifndef NONO_SESSIONS_SNAPSHOTTER_H
#define NONO_SESSIONS_SNAPSHOTTER_H

#include "policy/policy.h"
#include "sessions/rollback_store.h"
#include "snapshots/snapshots.h"

/* What it says of a snapshot. */
struct snapshotter_answer {
	uint64_t serial; /* of one before a grant: as in the order, else 0 */
	bool ok, full;	 /* full: there are as many as there may be */
	unsigned count, number;
	uint64_t files;
	char roots[2][SNAP_HASH_HEX], root[SNAP_HASH_HEX];
	char left_out[160]; /* what of the targets it does not hold, "" = nothing */
	struct err err;
};

/* What it is told to do. */
struct snapshotter_order {
	uint64_t serial;      /* 0: the last one */
	uint64_t deadline_ns; /* CLOCK_MONOTONIC; not after it */
	int exit_code;	      /* with the last one */
	char targets[2][POLICY_PATH_MAX];
};

struct snapshotter {
	int fd;		   /* -1: there is none */
	unsigned before_s; /* one before each risky grant, which waits for it so long; 0: none */
	unsigned max;	   /* so many of one session */
	struct snapshotter_answer end;
	bool ended; /* end is there */
	bool last;  /* the last one has been asked for */
	bool kept;  /* ... and is there */
	unsigned count;
	uint64_t files;		      /* of the last one */
	char roots[2][SNAP_HASH_HEX]; /* Merkle roots of the first and the last one, "" = none */
};

/* Whose snapshots, and where they are kept. */
struct snapshotter_job {
	const struct policy *policy;
	const char *id;
	char *const *command; /* as it is written down */
	const struct rollback_place *place;
};

/* Returns when the first snapshot is kept; one that can't be taken is an error. starter: a socket
 * to whom waits for the session; he gives it up by shutting down his side or by his end. -1: by
 * SIGINT, SIGTERM or SIGHUP to the caller. Given up: ERR_INTERRUPTED, and nothing is kept; so it is
 * when the caller ends. Before any thread, and before the caller is a subreaper. */
int snapshotter_start(const struct session_options *o, const struct snapshotter_job *job,
		      int starter, struct snapshotter *out, struct err *err);
/* Has one taken before a grant takes effect. One at a time. Does not block; -1: it can't be asked.
 */
int snapshotter_before(struct snapshotter *s, const struct snapshotter_order *o);
/* 1: an answer about one before a grant. 0: nothing as yet. -1: the answer about the last one is
 * there, or the process is gone. Does not block. */
int snapshotter_next(struct snapshotter *s, struct snapshotter_answer *out);
/* Has the last one taken; s->fd is readable when it is kept. False: there is none to wait for. */
bool snapshotter_last(struct snapshotter *s, int exit_code);
/* The last one is given up; those before it are kept. */
void snapshotter_cancel(struct snapshotter *s);
/* The same as snapshotter_last(), if that was not called, and waits for it. Once; later calls do
 * nothing. */
void snapshotter_end(struct snapshotter *s, int exit_code);

/* Tells a session that lives of a snapshot that somebody else took or put back, for its log. files:
 * that it holds, or that were put back; root: NULL = none. */
void snapshot_note(const char *id, const char *kind, unsigned number, uint64_t files,
		   const struct snap_hash *root);

#endif
