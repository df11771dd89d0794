/*
 * trees - the state of directories as one hash: names, types, modes, contents. A walk of its own,
 * since a store of snapshots names files by another hash; the second one of a session reads only
 * what may have changed since the first.
 *
 *   directory = H("nono.audit.tree.v1\n" | for each entry, by name: type, mode, length and bytes of
 *   the name, hash), a place of snapshots is none of them, file = H(content), link = H(target),
 * other = H("")
 */
#ifndef NONO_AUDIT_TREES_H
#define NONO_AUDIT_TREES_H

#include <sys/types.h>

#include "audit/trees_seen.h"
#include "policy/stores.h"

#define TREES_DEPTH 200u

struct trees {
	char **paths; /* NULL = none; sorted, none below another */
	/* Places of snapshots, which are nono's to write: no part of any tree. */
	struct trees_place {
		dev_t dev;
		ino_t ino;
	} places[POLICY_STORES_MAX];
	size_t n_places;
	struct trees_seen seen;
};
void trees_set(struct trees *t, char *const *paths);
void trees_free(struct trees *t);
/* The event ("tree_state"), and its root added to a JSON array of roots. */
void trees_state(struct trees *t, const char *when, struct buf *event, struct buf *roots);

#endif
