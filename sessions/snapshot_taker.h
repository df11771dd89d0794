/* snapshot_taker - what takes the snapshots of a session, in its own process. Internal to the room.
 */
#ifndef NONO_SESSIONS_SNAPSHOT_TAKER_H
#define NONO_SESSIONS_SNAPSHOT_TAKER_H

#include "sessions/rollback_keep.h"
#include "sessions/snapshotter.h"

struct taker {
	const struct session_options *o;
	struct rollback_record rec;
	struct rollback_limits limits;
	struct snap_store *store;
	struct snapshotter_answer answer;
	uint64_t deadline_ns; /* of what is being taken, 0 = none */
	FILE *progress;	      /* a terminal, NULL = none */
	bool said;	      /* there is some on it */
	int sock;	      /* where this one may be given up; -1: not now */
	bool first;	      /* ... also by the supervisor's end */
};

/* Serves the supervisor at sock, then ends the process. */
_Noreturn void taker_run(struct taker *t, int sock);

#endif
