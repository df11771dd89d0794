/*
 * pack - a file of compressed blocks of objects. It is written under a temporary name and never
 * changes once it has its own.
 *
 *   "nonopack" u32 version, u32 0
 *   blocks: struct block_head, an u32 for each object (length | kind << 30), the packed bytes
 *   index: struct pack_entry each, sorted by hash
 *   struct pack_foot
 *
 * Small objects lie together in a block, which makes them compress better than alone. A block with
 * a base is compressed with that object's bytes as what came before: an edited file costs its
 * edits. Numbers are little-endian.
 *
 * What does not compress of a large file lies apart: on pages of its own, with zeros between them
 * and the block's lengths. There a file system that can (btrfs, xfs) lets the pack and the file
 * share their blocks, which are neither written nor held twice, and the same on the way back.
 */
#ifndef NONO_SNAPSHOTS_PACK_H
#define NONO_SNAPSHOTS_PACK_H

#include "snapshots/hash.h"

#define PACK_MAGIC    "nonopack"
#define PACK_HEAD     16
#define PACK_VERSION  1
#define BLOCK_MAGIC   0x6b6c626eu
#define BLOCK_TARGET  (128u << 10) /* a block is closed when it holds this much */
#define BLOCK_MAX     (BLOCK_TARGET + CHUNK_MAX)
#define BLOCK_OBJECTS 4096
#define DELTA_DEPTH   16

#define PACK_PAGE 4096u

enum block_codec { BLOCK_RAW, BLOCK_ZSTD, BLOCK_APART };
struct block_head {
	uint32_t magic;
	uint8_t codec, depth; /* depth: how many deltas lie below, 0 without a base */
	uint16_t objects;
	uint32_t raw, packed;	      /* bytes */
	uint8_t base[SNAP_HASH_SIZE]; /* if depth */
	uint64_t sum;		      /* hash_sum() of the block with 0 here: for verify */
};
/* Where the packed bytes of the block at an offset begin and end. */
static inline uint64_t block_data(uint64_t at, const struct block_head *h)
{
	at += sizeof(*h) + 4ull * h->objects;
	return h->codec == BLOCK_APART ? (at + PACK_PAGE - 1) / PACK_PAGE * PACK_PAGE : at;
}
static inline uint64_t block_end(uint64_t at, const struct block_head *h)
{
	return block_data(at, h) + h->packed;
}
struct pack_entry {
	struct snap_hash hash;
	uint64_t block; /* offset of its head */
	uint32_t at;	/* inside the block's bytes */
	uint32_t len_kind;
};
struct pack_foot {
	uint64_t index, count;
	uint8_t index_hash[SNAP_HASH_SIZE];
	char magic[8];
};
#define ENTRY_LEN(e)  ((e)->len_kind & 0x3fffffffu)
#define ENTRY_KIND(e) ((enum object_kind)((e)->len_kind >> 30))
#define OBJECT_MAX    0x3fffffffu /* directories and lists may be larger than a chunk */

struct pack {
	char name[24]; /* ID.pack */
	int fd;
	uint64_t size, index_at;
	const struct pack_entry *entries;
	size_t count;
	void *map;
	size_t map_size;
	struct pack_entry *own; /* of a salvaged pack: entries is this */
};
/* NULL with *err if it is damaged or gone (err->code ENOENT). */
struct pack *pack_open(int dir, const char *name, struct err *err);
void pack_close(struct pack *p);
const struct pack_entry *pack_find(const struct pack *p, const struct snap_hash *h);
/* Does the index have the hash that the foot says, is it sorted? */
bool pack_index_ok(const struct pack *p);
/* The head at an offset, checked against the pack's bounds. */
int pack_block(const struct pack *p, uint64_t at, struct block_head *h, struct err *err);
/* The block's head, lengths and packed bytes, as its sum is over them; caller frees. */
uint8_t *pack_bytes(const struct pack *p, uint64_t at, const struct block_head *h, struct err *err);
/* The same for bytes: parses a foot; -1 if it can't be that of a pack of this size. */
int pack_foot_parse(const void *foot, uint64_t size, struct pack_foot *out);

#endif
