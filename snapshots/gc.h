/* gc - what gc and repair share: marking, and writing packs anew. */
#ifndef NONO_SNAPSHOTS_GC_H
#define NONO_SNAPSHOTS_GC_H

#include "snapshots/hashset.h"
#include "snapshots/writer.h"

/* Everything that a record needs, bases of deltas too. */
int gc_mark(struct snap_store *s, struct hashset *live, struct err *err);
/* Is this copy of the object to be kept? */
typedef bool gc_keep_fn(void *arg, const struct pack *p, const struct pack_entry *e);
/* Moves what is to be kept of the packs with old[i] into w's pack, finishes it, removes them. The
 * lock is held alone. */
int gc_rewrite(struct snap_store *s, const bool *old, struct writer *w, struct packer *k,
	       bool drops, gc_keep_fn *keep, void *arg, struct err *err);
/* Makes one of many small packs, if nobody uses the store right now. Only tidies: errors are none.
 */
void gc_merge(struct snap_store *s);
/* The index sorted by place; caller frees. */
struct pack_entry *pack_by_block(const struct pack *p);

#endif
