/*
 * review - what a session changed, from its first snapshot to what is there now, looked at and
 * taken back in part by a person, while the session lives or later.
 *
 * Every function opens the store for itself, may take as long as the trees are large, and is to be
 * called from a thread that may wait. Nothing is taken back before the present state is kept as a
 * snapshot of the session ("before-restore"), so that it can be undone.
 */
#ifndef NONO_SESSIONS_REVIEW_H
#define NONO_SESSIONS_REVIEW_H

#include "sessions/rollback_changes.h"
#include "snapshots/diff.h"

#define REVIEW_CHANGES_MAX 100000 /* changes of one review; of more it says so */

/* ---- what changed ---------------------------------------------------------------------------- */

struct review_changes {
	struct changes c;   /* max set */
	char **roots;	    /* NULL-terminated */
	size_t root_common; /* bytes of paths that all roots share, up to a slash */
	uint64_t took_ns;
};
/* progress: also to end it (ECANCELED). */
int review_load(const char *id, snap_progress_fn *progress, void *arg, struct review_changes *out,
		struct err *err);
void review_changes_free(struct review_changes *r);

/* ---- one file -------------------------------------------------------------------------------- */

struct review_text {
	struct buf a, b; /* what diff borrows */
	struct diff diff;
	bool has_diff;
	char why[256]; /* there is none: in words */
};
/* Never fails: *out says why there is nothing to see. */
void review_text_load(const char *id, const struct change *c, struct review_text *out);
void review_text_free(struct review_text *t);
/* Lines that came and went; -1 where there is no telling: no text, or a large one. */
struct review_count {
	long came, went;
	bool known; /* it has been looked at */
};
/* Of as many of the n changes, from the first on, as the time allows, of one at least. */
void review_counts(const char *id, const struct change *v, size_t n, uint64_t budget_ns,
		   struct review_count *out);

/* ---- marks: what a person has agreed to ---------------------------------------------------------
 */

#define REVIEW_MARK_SIZE 32
#define REVIEW_MARKS_MAX 200000
struct review_mark {
	unsigned char b[REVIEW_MARK_SIZE];
};
/* Of a change as it is: another one of the same file has another mark. */
struct review_mark review_mark_of(const struct change *c);
/* Of one hunk: path and lines, wherever in the file they are. */
struct review_mark review_mark_hunk(const char *path, const struct diff *d, size_t hunk);
struct review_marks {
	struct review_mark *v; /* sorted */
	size_t n;
};
bool review_marked(const struct review_marks *m, const struct review_mark *mark);
/* False: it was so already, or there are too many. */
bool review_mark_set(struct review_marks *m, const struct review_mark *mark, bool on);
void review_marks_free(struct review_marks *m);
/* <state>/rollbacks/ID/accepted; one that is not there is empty. */
int review_marks_load(const char *id, struct review_marks *m, struct err *err);
int review_marks_store(const char *id, const struct review_marks *m, struct err *err);

/* ---- taking back ------------------------------------------------------------------------------
 */

struct review_done {
	unsigned undo; /* number of the snapshot of before */
	uint64_t steps, failed;
	char first[256]; /* what the first failure was, "" = none */
};
/* paths (NULL-terminated, with all below them) as snapshot number to has them. progress: of the
 * snapshot before; once that is kept it goes through. */
int review_restore(const char *id, unsigned to, const char *const *paths,
		   snap_progress_fn *progress, void *arg, struct review_done *out, struct err *err);
/* One hunk of a file, as the first snapshot has it; an error when the file has no such hunk (any
 * more). */
int review_restore_hunk(const char *id, const char *path, const struct review_mark *hunk,
			snap_progress_fn *progress, void *arg, struct review_done *out,
			struct err *err);
/* One more snapshot of the session, now. */
int review_snapshot(const char *id, snap_progress_fn *progress, void *arg, unsigned *number,
		    struct err *err);

#endif
