/*
 * store - the handle: its directories, lock and packs; finding and reading objects.
 *
 *   packs/ID.pack        objects; ID: 16 random hex digits
 *   cache/KEY            what stat said when a set of roots was last taken (cache.h)
 *   named/NAME.json      records of named snapshots
 *   lock, generation     who uses it; raised when objects were dropped
 */
#ifndef NONO_SNAPSHOTS_STORE_H
#define NONO_SNAPSHOTS_STORE_H

#include <pthread.h>
#include <sys/stat.h>

#include "snapshots/disk.h"
#include "snapshots/pack.h"

struct overlay {
	struct snap_hash hash;
	void *p;
	size_t n;
};

struct apart {
	dev_t dev;
	ino_t ino;
};

struct snap_store {
	char *state; /* the directory it is in; where that is held, a name for top */
	int top;     /* -1: not held */
	int dir, packs_dir, cache_dir, named_dir;
	struct apart apart[SNAP_APART_MAX + 1]; /* what no snapshot holds */
	size_t apart_count;
	struct pack **packs;
	size_t pack_count;
	uint64_t quota;
	bool busy; /* an operation relies on packs staying what they are */
	struct disk_faults *faults;
	struct reader *reader;	 /* of the thread that uses the handle */
	struct overlay *overlay; /* directory objects of scans, by hash order */
	size_t overlay_count, overlay_cap;
};

/* Is it one of them? */
bool store_apart(const struct snap_store *s, const struct stat *st);

enum store_lock { STORE_SHARED, STORE_ALONE };
/* Returns a descriptor whose close gives the lock back. cancel may be NULL. */
int store_lock(struct snap_store *s, enum store_lock how, bool (*cancel)(void *), void *arg,
	       struct err *err);
/* Alone, or -1 at once. */
int store_trylock(struct snap_store *s);
/* Opens packs that have come, forgets those that have gone. bad: a line for each that is damaged,
 * may be NULL. */
int store_refresh(struct snap_store *s, struct buf *bad, struct err *err);
/* Raised by gc and repair: what a stat cache says is in the store may be gone. */
uint64_t store_generation(struct snap_store *s);
int store_raise_generation(struct snap_store *s, struct err *err);
const struct pack_entry *store_find(struct snap_store *s, const struct snap_hash *h,
				    struct pack **pack);

int overlay_order(const void *a, const void *b);

/* Reads objects; keeps the last blocks. One for each thread. */
struct reader;
struct reader *reader_new(struct snap_store *s);
void reader_free(struct reader *r);
/* The object's bytes, checked; borrowed until the next call with this reader. */
int reader_object(struct reader *r, const struct snap_hash *h, enum object_kind *kind,
		  const void **p, size_t *n, struct err *err);
/* The last one's bytes, all of them, become those of fd at an offset, shared with the pack; false:
 * that can't be done. */
bool reader_share(struct reader *r, int fd, uint64_t at);
/* A certain copy of an object, not checked. */
int reader_copy(struct reader *r, struct pack *pack, const struct pack_entry *e, const void **p,
		struct err *err);
/* As snap_blob_write() and snap_xattrs_read() with a reader of one's own. */
int blob_write(struct reader *r, const struct snap_hash *hash, int fd, bool sparse,
	       struct err *err);
int blob_xattrs(struct reader *r, const struct snap_hash *xattrs, snap_xattr_fn *fn, void *arg,
		struct err *err);
/* Forgets the blocks it keeps: packs have come or gone. */
void reader_forget(struct reader *r);
/* How many deltas lie below the object, 0 if it is whole. */
unsigned store_depth(struct snap_store *s, const struct snap_hash *h);

#endif
