/* rollback_changes - what differs between two states of a session's trees, as a list. */
#ifndef NONO_SESSIONS_ROLLBACK_CHANGES_H
#define NONO_SESSIONS_ROLLBACK_CHANGES_H

#include "snapshots/snapshots.h"

struct change {
	enum snap_change_type type;
	char *path;
	struct snap_entry before, after; /* without names */
};
struct changes {
	struct change *v;
	size_t n, cap;
	const char *const *only; /* paths; NULL = all */
	size_t max;		 /* no more than these; 0 = no bound */
	bool more;		 /* there were */
};
int changes_load(struct snap_store *s, const struct snap_record *a, const struct snap_record *b,
		 struct changes *out, struct err *err);
void changes_free(struct changes *c);
char change_sign(enum snap_change_type t); /* + ~ - p */
/* Both contents of a changed file; -1 if it is not one or too large for a diff. live: those of
 * "after" are not in the store, they are read from the tree, and have to be what was compared. */
int change_texts(struct snap_store *s, const struct change *c, bool live, struct buf *a,
		 struct buf *b, struct err *err);

#endif
