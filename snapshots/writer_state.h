/* writer_state - the pack that is written, between writer.c and packer.c. */
#ifndef NONO_SNAPSHOTS_WRITER_STATE_H
#define NONO_SNAPSHOTS_WRITER_STATE_H

#include <stdatomic.h>

#include "snapshots/writer.h"

struct writer {
	struct snap_store *s;
	int fd;
	char tmp[40];
	bool finished;
	atomic_bool alone;     /* the pack's file system shares no blocks */
	pthread_mutex_t mutex; /* everything below */
	uint64_t end, early, budget;
	struct pack_entry *entries;
	size_t count, cap;
	uint32_t *table; /* open addressing: index into entries + 1 */
	size_t table_size;
};

/* With the mutex held. False: it is there already, or somebody else writes it. */
bool writer_reserve(struct writer *w, const struct snap_hash *h, size_t *index);
/* Room for the block h, which is packed already; past the quota an error. */
int writer_allot(struct writer *w, const struct block_head *h, uint64_t *at, struct err *err);
/* Writes it there: the head, the lengths and the packed bytes, one after the other in memory. Of
 * one that lies apart the packed bytes are those of a file at an offset, to be shared; from -1:
 * they are written. */
int writer_put_block(struct writer *w, const uint8_t *bytes, const struct block_head *h,
		     uint64_t at, int from, uint64_t from_at, struct err *err);
int writer_write_at(struct writer *w, const void *p, size_t n, uint64_t at, struct err *err);
/* The entries are where they say. */
void writer_settle(struct writer *w, const struct pack_entry *e, size_t count);

#endif
