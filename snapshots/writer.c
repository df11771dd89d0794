#include <fcntl.h>
#include <zstd.h>

#include "common/digest.h"

#include "snapshots/writer.h"

#define LEVEL	    2
#define LEVEL_DELTA 3
#define EARLY	    (16u << 20) /* written this much: the kernel may begin to bring it to disk */

struct writer {
	struct snap_store *s;
	int fd;
	char tmp[40];
	bool finished;
	pthread_mutex_t mutex; /* everything below */
	uint64_t end, early, budget;
	struct pack_entry *entries;
	size_t count, cap;
	uint32_t *table; /* open addressing: index into entries + 1 */
	size_t table_size;
};

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
};

struct writer *writer_new(struct snap_store *s)
{
	struct writer *w = xcalloc(1, sizeof(*w));
	uint64_t have = snap_store_bytes(s);

	w->s = s;
	w->fd = -1;
	w->budget = !s->quota ? UINT64_MAX : have < s->quota ? s->quota - have : 0;
	pthread_mutex_init(&w->mutex, NULL);
	w->table_size = 1024;
	w->table = xcalloc(w->table_size, sizeof(*w->table));
	return w;
}

void snap_writer_free(struct writer *w)
{
	if (!w)
		return;
	if (w->fd >= 0) {
		if (!w->finished)
			unlinkat(w->s->packs_dir, w->tmp, 0);
		close(w->fd);
	}
	pthread_mutex_destroy(&w->mutex);
	free(w->entries);
	free(w->table);
	free(w);
}

uint64_t writer_bytes(struct writer *w)
{
	uint64_t n;

	pthread_mutex_lock(&w->mutex);
	n = w->end;
	pthread_mutex_unlock(&w->mutex);
	return n;
}

static size_t slot_of(const struct writer *w, const struct snap_hash *h)
{
	size_t i;

	memcpy(&i, h->b, sizeof(i));
	i &= w->table_size - 1;
	while (w->table[i] && !snap_hash_equal(&w->entries[w->table[i] - 1].hash, h))
		i = (i + 1) & (w->table_size - 1);
	return i;
}

static void grow(struct writer *w)
{
	free(w->table);
	w->table_size *= 2;
	w->table = xcalloc(w->table_size, sizeof(*w->table));
	for (size_t i = 0; i < w->count; i++)
		w->table[slot_of(w, &w->entries[i].hash)] = (uint32_t)i + 1;
}

/* False if it is there already. Mutex held. */
static bool reserve(struct writer *w, const struct snap_hash *h, size_t *index)
{
	size_t i = slot_of(w, h);

	if (w->table[i])
		return false;
	if (w->count == w->cap) {
		w->cap = w->cap ? 2 * w->cap : 1024;
		w->entries = xrealloc_array(w->entries, w->cap, sizeof(*w->entries));
	}
	w->entries[w->count] = (struct pack_entry){.hash = *h};
	*index = w->count++;
	w->table[i] = (uint32_t)w->count;
	if (w->count * 2 > w->table_size)
		grow(w);
	return true;
}

bool writer_has(struct writer *w, const struct snap_hash *h)
{
	bool has;

	pthread_mutex_lock(&w->mutex);
	has = w->table[slot_of(w, h)] != 0;
	pthread_mutex_unlock(&w->mutex);
	return has;
}

static int create(struct writer *w, struct err *err)
{
	uint8_t head[PACK_HEAD] = PACK_MAGIC;
	uint32_t version = PACK_VERSION;
	char id[17];

	random_hex(id, 8);
	snprintf(w->tmp, sizeof(w->tmp), "tmp-%s", id);
	w->fd = openat(w->s->packs_dir, w->tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		       0600);
	memcpy(head + 8, &version, 4);
	if (w->fd < 0 || disk_pwrite(w->s->faults, w->fd, head, sizeof(head), 0) < 0)
		return err_errno(err, errno, "can't write a pack of the snapshots");
	w->end = PACK_HEAD;
	return 0;
}

/* Where a block of n bytes goes. */
static int allot(struct writer *w, size_t n, uint64_t *at, struct err *err)
{
	int rc = 0;

	n = (n + 7) & ~(size_t)7;
	pthread_mutex_lock(&w->mutex);
	if (w->fd < 0)
		rc = create(w, err);
	if (rc == 0 && w->end + n > w->budget)
		rc = err_errno(err, EDQUOT,
			       "the snapshots would grow beyond their quota of %llu bytes",
			       (unsigned long long)w->s->quota);
	if (rc == 0) {
		*at = w->end;
		w->end += n;
		if (w->end - w->early > EARLY) {
			sync_file_range(w->fd, (off_t)w->early, (off_t)(w->end - w->early),
					SYNC_FILE_RANGE_WRITE);
			w->early = w->end;
		}
	}
	pthread_mutex_unlock(&w->mutex);
	return rc;
}

static int write_at(struct writer *w, const void *p, size_t n, uint64_t at, struct err *err)
{
	if (disk_pwrite(w->s->faults, w->fd, p, n, at) < 0)
		return err_errno(err, errno, "can't write a pack of the snapshots");
	return 0;
}

/* Fills in where reserved objects have come to lie. */
static void settle(struct writer *w, const struct pack_entry *e, size_t count)
{
	pthread_mutex_lock(&w->mutex);
	for (size_t i = 0; i < count; i++) {
		size_t slot = slot_of(w, &e[i].hash);
		w->entries[w->table[slot] - 1] = e[i];
	}
	pthread_mutex_unlock(&w->mutex);
}

struct packer *packer_new(struct writer *w)
{
	struct packer *p = xcalloc(1, sizeof(*p));

	p->w = w;
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
	uint64_t at;

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
	if (allot(p->w, total, &at, err) < 0 || write_at(p->w, p->out, total, at, err) < 0)
		return -1;
	for (uint32_t i = 0; i < count; i++)
		objects[i].block = at;
	settle(p->w, objects, count);
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
	fresh = reserve(p->w, &e->hash, &index);
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

int packer_put(struct packer *p, enum object_kind kind, const struct snap_hash *h, const void *data,
	       size_t n, const struct snap_hash *base, struct err *err)
{
	struct pack_entry e = {.hash = *h, .len_kind = (uint32_t)n | (uint32_t)kind << 30};

	if (n > OBJECT_MAX)
		return err_errno(err, EFBIG, "a directory or file too large for the snapshots");
	if (store_find(p->w->s, h, NULL))
		return 0;
	return put(p, &e, data, n, base, err);
}

int packer_put_again(struct packer *p, enum object_kind kind, const struct snap_hash *h,
		     const void *data, size_t n, struct err *err)
{
	struct pack_entry e = {.hash = *h, .len_kind = (uint32_t)n | (uint32_t)kind << 30};

	return put(p, &e, data, n, NULL, err);
}

int writer_copy_block(struct writer *w, struct pack *from, uint64_t at,
		      const struct pack_entry *entries, size_t count, struct err *err)
{
	_cleanup_free_ uint8_t *bytes = NULL;
	struct block_head h;
	uint64_t to;
	size_t n, fresh = 0;

	if (pack_block(from, at, &h, err) < 0)
		return -1;
	pthread_mutex_lock(&w->mutex);
	for (size_t i = 0; i < count; i++)
		fresh += w->table[slot_of(w, &entries[i].hash)] == 0;
	pthread_mutex_unlock(&w->mutex);
	if (!fresh)
		return 0;
	n = sizeof(h) + 4 * (size_t)h.objects + h.packed;
	bytes = malloc(n);
	if (!bytes || pread(from->fd, bytes, n, (off_t)at) != (ssize_t)n)
		return err_set(err, "can't read the pack %s", from->name);
	if (allot(w, n, &to, err) < 0 || write_at(w, bytes, n, to, err) < 0)
		return -1;
	pthread_mutex_lock(&w->mutex);
	for (size_t i = 0; i < count; i++) {
		size_t index;
		if (!reserve(w, &entries[i].hash, &index))
			continue;
		w->entries[index] = entries[i];
		w->entries[index].block = to;
	}
	pthread_mutex_unlock(&w->mutex);
	return 0;
}

static int by_hash(const void *a, const void *b)
{
	return memcmp(((const struct pack_entry *)a)->hash.b,
		      ((const struct pack_entry *)b)->hash.b, SNAP_HASH_SIZE);
}

int writer_finish(struct writer *w, struct err *err)
{
	struct pack_foot foot = {.index = w->end, .count = w->count, .magic = PACK_MAGIC};
	size_t n = w->count * sizeof(*w->entries);
	struct pack *p;
	char name[24];

	if (w->fd < 0)
		return 0;
	memcpy(foot.magic, PACK_MAGIC, sizeof(foot.magic));
	qsort(w->entries, w->count, sizeof(*w->entries), by_hash);
	digest_sha256(w->entries, n, foot.index_hash);
	snprintf(name, sizeof(name), "%s.pack", w->tmp + 4);
	if (disk_pwrite(w->s->faults, w->fd, w->entries, n, w->end) < 0 ||
	    disk_pwrite(w->s->faults, w->fd, &foot, sizeof(foot), w->end + n) < 0 ||
	    disk_sync(w->s->faults, w->fd) < 0 ||
	    disk_rename(w->s->faults, w->s->packs_dir, w->tmp, name) < 0)
		return err_errno(err, errno, "can't write a pack of the snapshots");
	w->finished = true;
	p = pack_open(w->s->packs_dir, name, err);
	if (!p)
		return -1;
	w->s->packs = xrealloc_array(w->s->packs, w->s->pack_count + 1, sizeof(*w->s->packs));
	w->s->packs[w->s->pack_count++] = p;
	return 0;
}
