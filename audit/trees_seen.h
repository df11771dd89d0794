/*
 * trees_seen - files that were read for a tree's state, so that the next one need not read them
 * again: those that are as they were by what only the kernel sets (inode, time of change). One that
 * changed up to a minute before it was read is read again: a mapping that was dirty then may have
 * been written without a new time.
 */
#ifndef NONO_AUDIT_TREES_SEEN_H
#define NONO_AUDIT_TREES_SEEN_H

#include "audit/hash.h"

#include <sys/stat.h>

struct seen;
struct trees_seen { /* {0} is empty */
	struct seen *v;
	size_t n, cap;
};
void seen_free(struct trees_seen *t);
bool seen_find(const struct trees_seen *t, const struct stat *st, struct hash *h);
/* What stat said before it was opened at began_ns (CLOCK_REALTIME), and after it was read. Bounded:
 * what has no room is read again. */
void seen_keep(struct trees_seen *t, const struct stat *before, const struct stat *after,
	       uint64_t began_ns, const struct hash *h);

#endif
