/* hashset - a set of hashes, each with a number. */
#ifndef NONO_SNAPSHOTS_HASHSET_H
#define NONO_SNAPSHOTS_HASHSET_H

#include "snapshots/snapshots.h"

struct hashset_slot {
	struct snap_hash hash;
	bool used;
	uint64_t value;
};
struct hashset {
	struct hashset_slot *slots;
	size_t count, size;
};
void hashset_free(struct hashset *s);
/* The number of h, made 0 if it was not there; fresh (may be NULL) says which. Valid until the next
 * one is added. */
uint64_t *hashset_add(struct hashset *s, const struct snap_hash *h, bool *fresh);
uint64_t *hashset_find(const struct hashset *s, const struct snap_hash *h); /* NULL: not there */

#endif
