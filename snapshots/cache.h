/*
 * cache - what stat said about each file when a set of roots was last taken, with its hash: what
 * stat still says so need not be read again. Only a help: one that is gone or damaged costs time.
 *
 * An entry whose times are so near to the moment of reading that a later change could have the same
 * ones is not trusted (racy). One that changed up to a minute before is not trusted where it has to
 * be right ("fresh"): a mapping that was dirty at the time may have been written without a new
 * time.
 *
 * File: struct cache_head, then a struct cache_dir with its items and names for each directory,
 * those below first; a dir's item says where its record is.
 */
#ifndef NONO_SNAPSHOTS_CACHE_H
#define NONO_SNAPSHOTS_CACHE_H

#include <sys/stat.h>

#include "snapshots/store.h"

#define CACHE_RACY  1u
#define CACHE_FRESH 2u

struct cache_item {
	int64_t mtime_ns, ctime_ns;
	uint64_t ino, size, link_id;
	uint64_t below; /* offset of the directory's record */
	uint32_t mode, uid, gid;
	uint32_t name, name_len; /* offset from the record's begin */
	uint8_t kind, why, sparse, flags;
	uint8_t has_xattrs, pad[7];
	struct snap_hash hash, xattrs;
};
struct cache_dir {
	uint64_t bytes; /* of the record, items and names with it; a multiple of 8 */
	uint64_t ino, dev, rules;
	int64_t mtime_ns, ctime_ns;
	uint32_t count, flags;
};

struct cache {
	void *map;
	size_t size;
	const struct cache_dir *top; /* NULL: there is none */
	bool same_generation;	     /* else what it names may be gone */
};
void cache_open(struct cache *c, struct snap_store *s, const char *key);
void cache_close(struct cache *c);
/* The record at an offset, checked against the map; NULL if it can't be one. */
const struct cache_dir *cache_dir_at(const struct cache *c, uint64_t at);
static inline const struct cache_item *cache_items(const struct cache_dir *d)
{
	return (const void *)(d + 1);
}
static inline const char *cache_name(const struct cache_dir *d, const struct cache_item *i)
{
	return (const char *)d + i->name;
}
const struct cache_item *cache_find(const struct cache_dir *d, const char *name, size_t n);
/* body: records; top: offset of the first one within it. */
void cache_write(struct snap_store *s, const char *key, struct buf *body, uint64_t top);
void cache_begin(struct buf *body);

#endif
