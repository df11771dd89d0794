/* Reading objects out of packs. */
#include <zstd.h>

#include "snapshots/store.h"

#define SLOTS 4

struct slot {
	struct pack *pack;
	uint64_t block;
	uint8_t *raw;
	uint32_t len;
	uint64_t used;
};

struct reader {
	struct snap_store *s;
	ZSTD_DCtx *z;
	struct slot slots[SLOTS];
	uint64_t clock;
	uint8_t *packed;
	size_t packed_cap;
	struct pack *last_pack; /* of the last object that was read; NULL: none */
	uint64_t last_block;
};

struct reader *reader_new(struct snap_store *s)
{
	struct reader *r = xcalloc(1, sizeof(*r));

	r->s = s;
	r->z = ZSTD_createDCtx();
	if (!r->z)
		abort();
	return r;
}

void reader_free(struct reader *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < SLOTS; i++)
		free(r->slots[i].raw);
	ZSTD_freeDCtx(r->z);
	free(r->packed);
	free(r);
}

void reader_forget(struct reader *r)
{
	for (size_t i = 0; i < SLOTS; i++) {
		free(r->slots[i].raw);
		memset(&r->slots[i], 0, sizeof(r->slots[i]));
	}
	r->last_pack = NULL;
}

static int load_packed(struct reader *r, struct pack *p, uint64_t at, const struct block_head *h,
		       struct err *err)
{
	if (r->packed_cap < h->packed) {
		free(r->packed);
		r->packed_cap = h->packed;
		r->packed = xcalloc(1, h->packed);
	}
	if (pread(p->fd, r->packed, h->packed, (off_t)block_data(at, h)) != (ssize_t)h->packed)
		return err_set(err, "the pack %s is damaged at byte %llu", p->name,
			       (unsigned long long)at);
	return 0;
}

/* most: deltas below it, at most. A base has fewer than what stands on it, whatever copies there
 * are. */
static int find_object(struct reader *r, const struct snap_hash *h, unsigned most,
		       struct slot **slot, const struct pack_entry **e, struct err *err);

static int unpack(struct reader *r, struct pack *p, uint64_t at, unsigned most, struct slot *out,
		  struct err *err)
{
	_cleanup_free_ uint8_t *base = NULL;
	size_t base_len = 0, got;
	struct block_head h;

	if (pack_block(p, at, &h, err) < 0)
		return -1;
	if (h.depth > most)
		return err_set(err, "the pack %s is damaged: a delta of itself", p->name);
	if (h.depth) {
		struct snap_hash hash;
		struct slot *below;
		const struct pack_entry *e;

		memcpy(hash.b, h.base, sizeof(hash.b));
		if (find_object(r, &hash, h.depth - 1u, &below, &e, err) < 0)
			return err_prefix(err, "what it is a delta of");
		base_len = ENTRY_LEN(e);
		base = xcalloc(1, base_len + 1);
		memcpy(base, below->raw + e->at, base_len);
	}
	if (load_packed(r, p, at, &h, err) < 0)
		return -1;
	free(out->raw);
	out->raw = NULL;
	out->pack = NULL;
	/* A frame says its size by itself: nothing is allocated for a damaged length. */
	if (h.codec == BLOCK_ZSTD ? ZSTD_getFrameContentSize(r->packed, h.packed) != h.raw
				  : h.packed != h.raw)
		return err_set(err, "the pack %s is damaged: a block's size at byte %llu", p->name,
			       (unsigned long long)at);
	out->raw = malloc((size_t)h.raw + 1);
	if (!out->raw)
		return err_errno(err, ENOMEM, "can't read the pack %s", p->name);
	if (h.codec != BLOCK_ZSTD) {
		memcpy(out->raw, r->packed, h.raw);
		got = h.raw;
	} else {
		ZSTD_DCtx_reset(r->z, ZSTD_reset_session_and_parameters);
		ZSTD_DCtx_setParameter(r->z, ZSTD_d_windowLogMax, 31);
		if (base)
			ZSTD_DCtx_refPrefix(r->z, base, base_len);
		got = ZSTD_decompressDCtx(r->z, out->raw, h.raw, r->packed, h.packed);
	}
	if (got != h.raw)
		return err_set(err, "the pack %s is damaged: a block at byte %llu", p->name,
			       (unsigned long long)at);
	out->len = h.raw;
	out->pack = p;
	out->block = at;
	return 0;
}

static struct slot *load_block(struct reader *r, struct pack *p, uint64_t at, unsigned most,
			       struct err *err)
{
	struct slot fresh = {0}, *oldest = &r->slots[0];

	for (size_t i = 0; i < SLOTS; i++) {
		struct slot *s = &r->slots[i];
		if (s->pack == p && s->block == at) {
			s->used = ++r->clock;
			return s;
		}
	}
	if (unpack(r, p, at, most, &fresh, err) < 0) {
		free(fresh.raw);
		return NULL;
	}
	for (size_t i = 0; i < SLOTS; i++)
		if (r->slots[i].used < oldest->used)
			oldest = &r->slots[i];
	free(oldest->raw);
	*oldest = fresh;
	oldest->used = ++r->clock;
	return oldest;
}

static int check_bounds(const struct slot *b, const struct pack *p, const struct pack_entry *e,
			struct err *err)
{
	if (e->at > b->len || ENTRY_LEN(e) > b->len - e->at)
		return err_set(err, "the pack %s is damaged: its index", p->name);
	return 0;
}

static int find_object(struct reader *r, const struct snap_hash *h, unsigned most,
		       struct slot **slot, const struct pack_entry **e, struct err *err)
{
	char hex[SNAP_HASH_HEX];
	bool found = false;

	/* The first copy that is whole; there is seldom more than one. */
	for (size_t i = r->s->pack_count; i-- > 0;) {
		struct pack *p = r->s->packs[i];
		struct snap_hash is;

		*e = pack_find(p, h);
		if (!*e)
			continue;
		found = true;
		*slot = load_block(r, p, (*e)->block, most, err);
		if (!*slot || check_bounds(*slot, p, *e, err) < 0)
			continue;
		if (object_hash(ENTRY_KIND(*e), (*slot)->raw + (*e)->at, ENTRY_LEN(*e), &is) == 0 &&
		    snap_hash_equal(&is, h))
			return 0;
		snap_hash_hex(hex, h);
		err_set(err, "the object %s in the pack %s is damaged", hex, p->name);
	}
	snap_hash_hex(hex, h);
	if (!found)
		err_errno(err, ENOENT, "the store does not hold the object %s", hex);
	return -1;
}

/* The hash is the first member: a hash alone compares too. */
int overlay_order(const void *a, const void *b)
{
	return memcmp(a, b, SNAP_HASH_SIZE);
}

int reader_object(struct reader *r, const struct snap_hash *h, enum object_kind *kind,
		  const void **p, size_t *n, struct err *err)
{
	const struct pack_entry *e;
	struct slot *slot;
	struct err why = {0};

	r->last_pack = NULL;
	const struct overlay *o =
	    r->s->overlay_count
		? bsearch(h, r->s->overlay, r->s->overlay_count, sizeof(*o), overlay_order)
		: NULL;
	if (o) {
		*kind = OBJECT_DIR;
		*p = o->p;
		*n = o->n;
		return 0;
	}
	if (find_object(r, h, DELTA_DEPTH, &slot, &e, &why) < 0) {
		/* Perhaps another process has put it in, or gc moved it, since the handle was
		 * opened. */
		bool again = why.code == ENOENT && r == r->s->reader && !r->s->busy;

		if (!again || store_refresh(r->s, NULL, &why) < 0 ||
		    find_object(r, h, DELTA_DEPTH, &slot, &e, &why) < 0) {
			if (err)
				*err = why;
			return -1;
		}
	}
	*kind = ENTRY_KIND(e);
	*p = slot->raw + e->at;
	*n = ENTRY_LEN(e);
	r->last_pack = slot->pack;
	r->last_block = slot->block;
	return 0;
}

bool reader_share(struct reader *r, int fd, uint64_t at)
{
	struct block_head h;

	return r->last_pack && pack_block(r->last_pack, r->last_block, &h, NULL) == 0 &&
	       h.codec == BLOCK_APART && h.objects == 1 &&
	       disk_share(NULL, r->last_pack->fd, block_data(r->last_block, &h), fd, at,
			  h.packed) == 0;
}

int reader_copy(struct reader *r, struct pack *pack, const struct pack_entry *e, const void **p,
		struct err *err)
{
	struct slot *b = load_block(r, pack, e->block, DELTA_DEPTH, err);

	if (!b || check_bounds(b, pack, e, err) < 0)
		return -1;
	*p = b->raw + e->at;
	return 0;
}

unsigned store_depth(struct snap_store *s, const struct snap_hash *h)
{
	struct block_head head;
	struct pack *p;
	const struct pack_entry *e = store_find(s, h, &p);

	return e && pack_block(p, e->block, &head, NULL) == 0 ? head.depth : DELTA_DEPTH;
}
