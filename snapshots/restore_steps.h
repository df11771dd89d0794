/* restore_steps - what a restore is made of; between its parts. */
#ifndef NONO_SNAPSHOTS_RESTORE_STEPS_H
#define NONO_SNAPSHOTS_RESTORE_STEPS_H

#include "snapshots/place.h"
#include "snapshots/restore.h"

struct step {
	char *path;
	struct snap_change c; /* its entries are the two below */
	struct snap_entry before, after;
	bool gone;   /* it was removed to make room */
	bool failed; /* what follows from it is left out */
	bool placed; /* it is there as it is to be */
	bool kept;   /* it was all the time: no step, but another name of one */
};

struct restore {
	struct snap_store *s;
	const struct snap_restore *r;
	struct snap_restored *out;
	struct step *v;
	size_t n, cap;
	struct step **links; /* files with a link_id, by that */
	size_t n_links;
	struct step **kept; /* further names of these that need nothing done */
	size_t n_kept;
	struct batch *batch; /* of files, while some are gathered */
};

struct reader;

/* ---- restore.c */

/* A step is over; failed NULL: it is done. */
void restore_report(struct restore *x, struct step *t, const struct err *failed);

/* ---- restore_entry.c */

/* Directories and symbolic links. */
int restore_put(struct restore *x, struct step *t, struct err *err);
/* Is it another name of a file that is put back before it? */
bool restore_is_further_name(const struct restore *x, const struct step *t);
/* That file gets the name. Fails where there is none (any more). */
int restore_put_name(struct restore *x, struct step *t, struct err *err);
int restore_take_away(struct restore *x, const struct step *t, struct err *err);
/* What is there now, as far as the restore itself did not change it. */
const struct snap_entry *restore_before(const struct step *t);
/* fresh: a file that was just made has no attributes of anybody. */
int restore_meta(struct reader *r, int fd, const struct snap_entry *e, bool fresh, struct err *err);
int restore_xattr(void *arg, const char *name, const void *value, size_t n, struct err *err);

/* ---- restore_links.c */

/* Once the steps are there; fills links. */
int restore_find_links(struct restore *x, struct err *err);
void restore_free_links(struct restore *x);

/* ---- restore_batch.c */

/* A file is put back and reported, at the latest by restore_flush(). In order of paths it costs the
 * least. */
void restore_file(struct restore *x, struct step *t);
void restore_flush(struct restore *x);

#endif
