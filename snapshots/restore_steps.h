/* restore_steps - what a restore is made of; between its parts. */
#ifndef NONO_SNAPSHOTS_RESTORE_STEPS_H
#define NONO_SNAPSHOTS_RESTORE_STEPS_H

#include "snapshots/place.h"
#include "snapshots/restore.h"

/* Files that are synced together, and their bytes: two descriptors each, and the disk holds the old
 * and the new ones for a while. */
#define RESTORE_WAITING_MAX   200
#define RESTORE_WAITING_BYTES (64u << 20)

struct step {
	char *path;
	struct snap_change c; /* its entries are the two below */
	struct snap_entry before, after;
	bool gone;   /* it was removed to make room */
	bool failed; /* what follows from it is left out */
	bool placed; /* it is there as it is to be */
};

struct restore {
	struct snap_store *s;
	const struct snap_restore *r;
	struct snap_restored *out;
	struct step *v;
	size_t n, cap;
	struct step **links; /* files with a link_id, by that and in order */
	size_t n_links;
	struct waiting {
		struct step *step;
		struct place place;
		int fd;
		char temp[64];
	} waiting[RESTORE_WAITING_MAX];
	size_t n_waiting;
	uint64_t waiting_bytes;
};

/* ---- restore.c */

/* A step is over; failed NULL: it is done. */
void restore_report(struct restore *x, struct step *t, const struct err *failed);

/* ---- restore_entry.c */

/* Directories and links are there at once. A file may wait for others (restore_batch.c): then 1. */
int restore_put(struct restore *x, struct step *t, struct err *err);
int restore_take_away(struct restore *x, const struct step *t, struct err *err);
int restore_meta(struct snap_store *s, int fd, const struct snap_entry *e, struct err *err);
int restore_xattr(void *arg, const char *name, const void *value, size_t n, struct err *err);

/* ---- restore_batch.c */

/* Takes over p, fd and temp, the complete but unsynced file beside p. */
void restore_wait(struct restore *x, struct step *t, struct place *p, int fd, const char *temp);
/* All that wait are synced, and take their places. */
void restore_flush(struct restore *x);

#endif
