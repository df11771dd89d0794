/*
 * trees - the state of directories as one hash: names, types, modes, contents. A walk of its own;
 * where there is a store of snapshots, whose trees are hashed already, it takes the place of
 * trees_hash().
 *
 *   directory = H("nono.audit.tree.v1\n" | for each entry, by name: type, mode, length and bytes of
 *   the name, hash), file = H(content), link = H(target), other = H("")
 */
#ifndef NONO_AUDIT_TREES_H
#define NONO_AUDIT_TREES_H

#include "audit/hash.h"

#define TREES_DEPTH 200u

struct trees {
	char **paths; /* NULL = none; sorted, none below another */
};
void trees_set(struct trees *t, char *const *paths);
void trees_free(struct trees *t);
/* The event ("tree_state"), and its root added to a JSON array of roots. */
void trees_state(const struct trees *t, const char *when, struct buf *event, struct buf *roots);

struct trees_count {
	uint64_t files, bytes, unreadable;
};
/* A path that is gone or no directory has a hash too. */
struct hash trees_hash(const char *path, struct trees_count *n);

#endif
