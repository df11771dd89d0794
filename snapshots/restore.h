/*
 * restore - puts a recorded state back into the live tree, whole or in part.
 *
 * The tree is hostile: every path is opened below its root without following a link, what is there
 * is compared with what was seen before it is replaced, and it is replaced by renaming a complete,
 * synced file over it. So a file has its old or its new content at any moment, and no content is
 * ever written through an inode that is linked to from elsewhere.
 */
#ifndef NONO_SNAPSHOTS_RESTORE_H
#define NONO_SNAPSHOTS_RESTORE_H

#include "snapshots/snapshots.h"

/* One step, before it is done (dry_run: it is not). done: afterwards, with err->msg "" for success;
 * a step that fails does not end the others. The change's "before" is what is there now, "after"
 * what it becomes. */
typedef void snap_step_fn(void *arg, const struct snap_change *c, const struct err *failed);

struct snap_restore {
	const struct snap_record *to;
	const struct snap_record *now; /* snap_scan() of the same roots, by the same handle */
	const char *const *only; /* absolute paths, each with what is below it; NULL: everything */
	bool dry_run;
	snap_step_fn *fn; /* may be NULL */
	void *arg;
};
struct snap_restored {
	uint64_t steps, failed;
	uint64_t bytes; /* of files written */
};
/* 0 also when steps failed: see out. */
int snap_restore(struct snap_store *s, const struct snap_restore *r, struct snap_restored *out,
		 struct err *err);

/* Replaces the content of one regular file below a root of r, if it still has the content was. Mode
 * and attributes stay. For parts of a file. */
int snap_replace(const struct snap_record *r, const char *path, const struct snap_hash *was,
		 const void *data, size_t n, struct err *err);

#endif
