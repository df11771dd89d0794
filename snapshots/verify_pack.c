/* Checking a pack: nothing in it may be other than it was written. */
#include "snapshots/verify.h"

struct snap_hash copy_key(const struct pack *p, const struct pack_entry *e)
{
	struct snap_hash k = e->hash;

	for (size_t i = 0; i < 16 && p->name[i]; i++)
		k.b[i] ^= (uint8_t)p->name[i];
	return k;
}

static void tell_pack(struct verify *v, const struct pack *p, uint64_t at, const char *what)
{
	char text[160];
	struct snap_damage d = {.what = text};

	snprintf(text, sizeof(text), "the pack %s is damaged at byte %llu: %s", p->name,
		 (unsigned long long)at, what);
	verify_tell(v, &d);
}

static bool padding_ok(const struct pack *p, uint64_t from, uint64_t to)
{
	uint8_t pad[8];
	size_t n = (size_t)(to - from);

	if (to < from || n > sizeof(pad) - 1 || pread(p->fd, pad, n, (off_t)from) != (ssize_t)n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (pad[i])
			return false;
	return true;
}

static bool sum_ok(const struct pack *p, uint64_t at, const struct block_head *h)
{
	size_t n = sizeof(*h) + 4ull * h->objects + h->packed;
	_cleanup_free_ uint8_t *bytes = malloc(n);
	uint64_t zero = 0;

	if (!bytes || pread(p->fd, bytes, n, (off_t)at) != (ssize_t)n)
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

static bool check_objects(struct verify *v, struct pack *p, const struct pack_entry *e, size_t n,
			  const char *broken)
{
	bool ok = true;

	for (size_t i = 0; i < n; i++) {
		struct snap_hash is;
		const void *data;

		v->out->objects++;
		v->out->bytes += ENTRY_LEN(&e[i]);
		if (!broken && reader_copy(v->s->reader, p, &e[i], &data, NULL) == 0 &&
		    object_hash(ENTRY_KIND(&e[i]), data, ENTRY_LEN(&e[i]), &is) == 0 &&
		    snap_hash_equal(&is, &e[i].hash))
			continue;
		struct snap_hash key = copy_key(p, &e[i]);
		hashset_add(&v->bad, &key, NULL);
		hashset_add(&v->lost, &e[i].hash, NULL);
		ok = false;
	}
	if (!ok)
		tell_pack(v, p, e->block, broken ? broken : "an object does not have its hash");
	return ok;
}

static bool check_block(struct verify *v, struct pack *p, const struct pack_entry *e, size_t n,
			uint64_t *end)
{
	struct block_head h;
	const char *broken;

	if (pack_block(p, e->block, &h, NULL) < 0) {
		check_objects(v, p, e, n, "the head of a block");
		*end = UINT64_MAX;
		return false;
	}
	broken = check_head(v, p, e, n, &h);
	if (*end != UINT64_MAX && !padding_ok(p, *end, e->block)) {
		tell_pack(v, p, *end, "bytes between blocks");
		broken = broken ? broken : "bytes before it";
	}
	*end = e->block + sizeof(h) + 4ull * h.objects + h.packed;
	return check_objects(v, p, e, n, broken);
}

bool verify_pack(struct verify *v, size_t index)
{
	struct pack *p = v->s->packs[index];
	struct pack_entry *e = pack_by_block(p);
	uint64_t end = PACK_HEAD;
	bool ok = pack_index_ok(p);

	if (!ok)
		tell_pack(v, p, p->index_at, "its index or its head");
	for (size_t i = 0, n; i < p->count; i += n) {
		for (n = 1; i + n < p->count && e[i + n].block == e[i].block;)
			n++;
		if (n > BLOCK_OBJECTS)
			n = BLOCK_OBJECTS;
		ok = check_block(v, p, &e[i], n, &end) && ok;
	}
	if (end != UINT64_MAX && !padding_ok(p, end, p->index_at)) {
		tell_pack(v, p, end, "bytes between blocks");
		ok = false;
	}
	free(e);
	return ok;
}
