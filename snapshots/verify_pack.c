/* Checking a pack: nothing in it may be other than it was written. */
#include "snapshots/verify.h"

struct snap_hash copy_key(const struct pack *p, const struct pack_entry *e)
{
	struct snap_hash k = e->hash;

	for (size_t i = 0; i < 16 && p->name[i]; i++)
		k.b[i] ^= (uint8_t)p->name[i];
	return k;
}

struct check {
	struct verify *v; /* not changed */
	struct reader *r;
	const struct verify_unit *u;
	struct findings *f;
};

static void find(struct check *c, uint64_t at, const char *what)
{
	struct findings *f = c->f;

	if (f->n == f->cap) {
		f->cap = f->cap ? 2 * f->cap : 16;
		f->v = xrealloc_array(f->v, f->cap, sizeof(*f->v));
	}
	f->v[f->n++] = (struct finding){at, what};
}

static void find_bad(struct check *c, const struct snap_hash *h)
{
	struct findings *f = c->f;

	if (f->bad_n == f->bad_cap) {
		f->bad_cap = f->bad_cap ? 2 * f->bad_cap : 16;
		f->bad = xrealloc_array(f->bad, f->bad_cap, sizeof(*f->bad));
	}
	f->bad[f->bad_n++] = *h;
}

void findings_free(struct findings *f)
{
	free(f->v);
	free(f->bad);
	memset(f, 0, sizeof(*f));
}

/* Zeros, and fewer than most. */
static bool padding_ok(const struct pack *p, uint64_t from, uint64_t to, size_t most)
{
	uint8_t pad[PACK_PAGE];
	size_t n = (size_t)(to - from);

	if (to < from || n >= most || n > sizeof(pad) ||
	    pread(p->fd, pad, n, (off_t)from) != (ssize_t)n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (pad[i])
			return false;
	return true;
}

static bool sum_ok(const struct pack *p, uint64_t at, const struct block_head *h)
{
	size_t n = sizeof(*h) + 4ull * h->objects + h->packed;
	_cleanup_free_ uint8_t *bytes = pack_bytes(p, at, h, NULL);
	uint64_t zero = 0;

	if (!bytes)
		return false;
	memcpy(bytes + offsetof(struct block_head, sum), &zero, sizeof(zero));
	return hash_sum(bytes, n) == h->sum;
}

/* The head and the lengths against what the index says. n may be fewer than the block holds: gc
 * drops objects from the index alone. */
static const char *check_head(struct verify *v, const struct pack *p, const struct pack_entry *e,
			      size_t n, const struct block_head *h)
{
	uint32_t lens[BLOCK_OBJECTS];
	uint64_t sum = 0;
	size_t at = 0;

	if (!sum_ok(p, e->block, h))
		return "a block's sum";
	if (!padding_ok(p, e->block + sizeof(*h) + 4ull * h->objects, block_data(e->block, h),
			PACK_PAGE))
		return "bytes inside a block";
	if (pread(p->fd, lens, 4ull * h->objects, (off_t)(e->block + sizeof(*h))) !=
	    (ssize_t)(4ull * h->objects))
		return "lengths";
	for (uint32_t i = 0; i < h->objects; i++) {
		if (at < n && e[at].at == sum && e[at].len_kind == lens[i])
			at++;
		sum += lens[i] & 0x3fffffffu;
	}
	if (at != n || sum != h->raw)
		return "lengths";
	if (h->depth) {
		struct snap_hash base;
		memcpy(base.b, h->base, sizeof(base.b));
		if (!store_find(v->s, &base, NULL))
			return "what it is a delta of is not there";
		return NULL;
	}
	for (size_t i = 0; i < sizeof(h->base); i++)
		if (h->base[i])
			return "its head";
	return NULL;
}

static void check_objects(struct check *c, const struct pack_entry *e, size_t n, const char *broken)
{
	bool ok = true;

	for (size_t i = 0; i < n; i++) {
		struct snap_hash is;
		const void *data;

		c->f->objects++;
		c->f->bytes += ENTRY_LEN(&e[i]);
		if (!broken && reader_copy(c->r, c->u->pack, &e[i], &data, NULL) == 0 &&
		    object_hash(ENTRY_KIND(&e[i]), data, ENTRY_LEN(&e[i]), &is) == 0 &&
		    snap_hash_equal(&is, &e[i].hash))
			continue;
		find_bad(c, &e[i].hash);
		ok = false;
	}
	if (!ok)
		find(c, e->block, broken ? broken : "an object does not have its hash");
}

/* Where the block ends, UINT64_MAX if nobody knows. */
static uint64_t end_of(const struct pack *p, uint64_t block, struct block_head *h)
{
	return pack_block(p, block, h, NULL) < 0 ? UINT64_MAX : block_end(block, h);
}

/* before: where the one before it ends. */
static uint64_t check_block(struct check *c, const struct pack_entry *e, size_t n, uint64_t before)
{
	struct pack *p = c->u->pack;
	struct block_head h;
	uint64_t end = end_of(p, e->block, &h);
	const char *broken;

	if (end == UINT64_MAX) {
		check_objects(c, e, n, "the head of a block");
		return end;
	}
	broken = check_head(c->v, p, e, n, &h);
	if (before != UINT64_MAX && !padding_ok(p, before, e->block, 8)) {
		find(c, before, "bytes between blocks");
		broken = broken ? broken : "bytes before it";
	}
	check_objects(c, e, n, broken);
	return end;
}

void verify_unit(struct verify *v, struct reader *r, const struct verify_unit *u,
		 struct findings *f)
{
	struct check c = {v, r, u, f};
	struct pack *p = u->pack;
	const struct pack_entry *e = u->entries;
	struct block_head h;
	uint64_t end = u->from ? end_of(p, e[u->from - 1].block, &h) : PACK_HEAD;

	if (!u->from && !pack_index_ok(p))
		find(&c, p->index_at, "its index or its head");
	for (size_t i = u->from, n; i < u->to; i += n) {
		for (n = 1; i + n < u->to && e[i + n].block == e[i].block;)
			n++;
		if (n > BLOCK_OBJECTS)
			n = BLOCK_OBJECTS;
		end = check_block(&c, &e[i], n, end);
	}
	if (u->to == p->count && end != UINT64_MAX && !padding_ok(p, end, p->index_at, 8))
		find(&c, end, "bytes between blocks");
}
