/* hash - SHA-256 of content and of directories, with the prefixes of RFC 6962. */
#ifndef NONO_SNAPSHOTS_HASH_H
#define NONO_SNAPSHOTS_HASH_H

#include "snapshots/snapshots.h"

/* What an object's bytes are: kept beside it, part of what its hash says. */
enum object_kind {
	OBJECT_CHUNK, /* H(0x00 | bytes): a whole small file, a piece of a large one, a link's
			 target */
	OBJECT_DIR,   /* H(0x01 | bytes) */
	OBJECT_LIST,  /* the chunks of a large file; hash: the root of their Merkle tree */
};
#define CHUNK_MAX	(1u << 20)
#define LIST_LEAVES_MAX (1u << 22) /* a file of 4 TiB, holes counted */

/* A fast sum, not against malice (the store is closed to others): against a flipped bit. */
uint64_t hash_sum(const void *p, size_t n);

struct snap_hash hash_chunk(const void *p, size_t n);
struct snap_hash hash_dir(const void *p, size_t n);

/* The root over leaves that come one by one, as a binary counter. */
struct hash_tree {
	uint64_t count;
	struct snap_hash level[64];
};
void hash_tree_add(struct hash_tree *t, const struct snap_hash *leaf);
struct snap_hash hash_tree_root(const struct hash_tree *t);

/* A list object: u64 size, then runs of u32 count and the chunk's hash. */
#define LIST_RUN 36
int list_hash(const void *p, size_t n, struct snap_hash *out); /* -1: malformed */
int object_hash(enum object_kind kind, const void *p, size_t n, struct snap_hash *out);

#endif
