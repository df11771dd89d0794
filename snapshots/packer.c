/* One thread's blocks: objects put together, compressed, written into the pack. */
#include <zstd.h>

#include "common/digest.h"
#include "snapshots/writer_state.h"

#define LEVEL	    2
#define LEVEL_DELTA 3

struct packer {
	struct writer *w;
	ZSTD_CCtx *z;
	struct reader *reader;
	uint8_t *raw;
	uint32_t used;
	struct pack_entry *objects; /* of the block that is being filled */
	uint32_t count;
	uint8_t *out;
	size_t out_cap;
	int from; /* file that the next object is of, -1: none */
	uint64_t from_at;
};

struct packer *packer_new(struct writer *w)
{
	struct packer *p = xcalloc(1, sizeof(*p));

	p->w = w;
	p->from = -1;
	p->z = ZSTD_createCCtx();
	p->reader = reader_new(w->s);
	p->raw = malloc(BLOCK_MAX);
	p->objects = xcalloc(BLOCK_OBJECTS, sizeof(*p->objects));
	if (!p->z || !p->raw)
		abort();
	return p;
}

void packer_free(struct packer *p)
{
	if (!p)
		return;
	ZSTD_freeCCtx(p->z);
	reader_free(p->reader);
	free(p->raw);
	free(p->objects);
	free(p->out);
	free(p);
}

/* Compresses behind room for the head and the lengths. Packed bytes, 0 if it does not pay. */
static size_t compress(struct packer *p, const void *raw, size_t n, size_t room, const void *base,
		       size_t base_len)
{
	size_t cap = room + ZSTD_compressBound(n), got;

	if (p->out_cap < cap) {
		free(p->out);
		p->out = malloc(cap);
		p->out_cap = cap;
		if (!p->out)
			abort();
	}
	ZSTD_CCtx_reset(p->z, ZSTD_reset_session_and_parameters);
	ZSTD_CCtx_setParameter(p->z, ZSTD_c_compressionLevel, base ? LEVEL_DELTA : LEVEL);
	if (base)
		ZSTD_CCtx_refPrefix(p->z, base, base_len);
	got = ZSTD_compress2(p->z, p->out + room, p->out_cap - room, raw, n);
	if (ZSTD_isError(got) || got >= n - n / 32 || (base && got > n / 2))
		return 0;
	return got;
}

static int write_block(struct packer *p, struct pack_entry *objects, uint32_t count,
		       const void *raw, uint32_t n, size_t packed, const struct snap_hash *base,
		       unsigned depth, struct err *err)
{
	size_t room = sizeof(struct block_head) + 4 * (size_t)count, total;
	struct block_head h = {.magic = BLOCK_MAGIC,
			       .codec = packed ? BLOCK_ZSTD : BLOCK_RAW,
			       .depth = (uint8_t)depth,
			       .objects = (uint16_t)count,
			       .raw = n,
			       .packed = (uint32_t)(packed ? packed : n)};
	bool apart =
	    !packed && p->from >= 0 && count == 1 && n == CHUNK_MAX && !atomic_load(&p->w->alone);
	uint64_t at;

	if (apart)
		h.codec = BLOCK_APART;
	if (base)
		memcpy(h.base, base->b, sizeof(h.base));
	if (!packed)
		memcpy(p->out + room, raw, n);
	memcpy(p->out, &h, sizeof(h));
	for (uint32_t i = 0; i < count; i++)
		memcpy(p->out + sizeof(h) + 4 * (size_t)i, &objects[i].len_kind, 4);
	total = room + h.packed;
	h.sum = hash_sum(p->out, total);
	memcpy(p->out, &h, sizeof(h));
	if (writer_allot(p->w, &h, &at, err) < 0 ||
	    writer_put_block(p->w, p->out, &h, at, p->from, p->from_at, err) < 0)
		return -1;
	for (uint32_t i = 0; i < count; i++)
		objects[i].block = at;
	writer_settle(p->w, objects, count);
	return 0;
}

int packer_flush(struct packer *p, struct err *err)
{
	size_t room = sizeof(struct block_head) + 4 * (size_t)p->count;
	uint32_t n = p->used, count = p->count;

	if (!count)
		return 0;
	p->used = p->count = 0;
	return write_block(p, p->objects, count, p->raw, n, compress(p, p->raw, n, room, NULL, 0),
			   NULL, 0, err);
}

uint8_t *packer_room(struct packer *p, size_t n, struct err *err)
{
	if ((p->count == BLOCK_OBJECTS || (p->used && p->used + n > BLOCK_TARGET)) &&
	    packer_flush(p, err) < 0)
		return NULL;
	return p->raw + p->used;
}

/* 1 = written as a delta. */
static int put_delta(struct packer *p, struct pack_entry *e, const void *data, size_t n,
		     const struct snap_hash *base, struct err *err)
{
	unsigned depth = store_depth(p->w->s, base);
	enum object_kind kind;
	size_t base_len, packed;
	const void *b;

	if (depth >= DELTA_DEPTH - 1 || n < 64 ||
	    reader_object(p->reader, base, &kind, &b, &base_len, NULL) < 0 || base_len == 0 ||
	    base_len > 8 * (size_t)CHUNK_MAX)
		return 0;
	packed = compress(p, data, n, sizeof(struct block_head) + 4, b, base_len);
	if (!packed)
		return 0;
	e->at = 0;
	if (write_block(p, e, 1, data, (uint32_t)n, packed, base, depth + 1, err) < 0)
		return -1;
	return 1;
}

static int put_alone(struct packer *p, struct pack_entry *e, const void *data, size_t n,
		     struct err *err)
{
	return write_block(p, e, 1, data, (uint32_t)n,
			   compress(p, data, n, sizeof(struct block_head) + 4, NULL, 0), NULL, 0,
			   err);
}

static int put(struct packer *p, struct pack_entry *e, const void *data, size_t n,
	       const struct snap_hash *base, struct err *err)
{
	uint8_t *room;
	size_t index;
	bool fresh;
	int rc;

	pthread_mutex_lock(&p->w->mutex);
	fresh = writer_reserve(p->w, &e->hash, &index);
	pthread_mutex_unlock(&p->w->mutex);
	if (!fresh)
		return 0;
	if (base && !snap_hash_equal(base, &e->hash)) {
		rc = put_delta(p, e, data, n, base, err);
		if (rc)
			return rc < 0 ? -1 : 0;
	}
	if (n > CHUNK_MAX)
		return put_alone(p, e, data, n, err);
	if (data != p->raw + p->used) {
		room = packer_room(p, n, err);
		if (!room)
			return -1;
		memcpy(room, data, n);
	}
	e->at = p->used;
	p->used += (uint32_t)n;
	p->objects[p->count++] = *e;
	if (p->used >= BLOCK_TARGET || p->count == BLOCK_OBJECTS)
		return packer_flush(p, err);
	return 0;
}

void packer_from(struct packer *p, int fd, uint64_t at)
{
	p->from = fd;
	p->from_at = at;
}

int packer_put(struct packer *p, enum object_kind kind, const struct snap_hash *h, const void *data,
	       size_t n, const struct snap_hash *base, struct err *err)
{
	struct pack_entry e = {.hash = *h, .len_kind = (uint32_t)n | (uint32_t)kind << 30};
	int rc;

	if (n > OBJECT_MAX)
		return err_errno(err, EFBIG, "a directory or file too large for the snapshots");
	rc = store_find(p->w->s, h, NULL) ? 0 : put(p, &e, data, n, base, err);
	p->from = -1;
	return rc;
}

int packer_put_again(struct packer *p, enum object_kind kind, const struct snap_hash *h,
		     const void *data, size_t n, struct err *err)
{
	struct pack_entry e = {.hash = *h, .len_kind = (uint32_t)n | (uint32_t)kind << 30};

	return put(p, &e, data, n, NULL, err);
}
