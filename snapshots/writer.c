/* A pack that grows: several threads take room in it. */
#include <fcntl.h>

#include "common/digest.h"
#include "snapshots/writer_state.h"

#define EARLY (16u << 20) /* written this much: the kernel may begin to bring it to disk */

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
bool writer_reserve(struct writer *w, const struct snap_hash *h, size_t *index)
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

int writer_allot(struct writer *w, const struct block_head *h, uint64_t *at, struct err *err)
{
	uint64_t n;
	int rc = 0;

	pthread_mutex_lock(&w->mutex);
	if (w->fd < 0)
		rc = create(w, err);
	n = ((block_end(w->end, h) + 7) & ~7ull) - w->end;
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

int writer_write_at(struct writer *w, const void *p, size_t n, uint64_t at, struct err *err)
{
	if (disk_pwrite(w->s->faults, w->fd, p, n, at) < 0)
		return err_errno(err, errno, "can't write a pack of the snapshots");
	return 0;
}

/* Shared with the bytes of another file; 1 = they can't be, or are others by now. */
static int share_data(struct writer *w, const uint8_t *data, size_t n, uint64_t at, int from,
		      uint64_t from_at)
{
	_cleanup_free_ uint8_t *is = NULL;

	if (from < 0 || atomic_load(&w->alone))
		return 1;
	if (disk_share(w->s->faults, from, from_at, w->fd, at, n) < 0) {
		if (errno == EOPNOTSUPP || errno == ENOTTY)
			atomic_store(&w->alone, true);
		return 1;
	}
	/* The file may have been changed since it was read. */
	is = malloc(n);
	return !is || pread(w->fd, is, n, (off_t)at) != (ssize_t)n || memcmp(is, data, n);
}

int writer_put_block(struct writer *w, const uint8_t *bytes, const struct block_head *h,
		     uint64_t at, int from, uint64_t from_at, struct err *err)
{
	size_t head = sizeof(*h) + 4 * (size_t)h->objects;

	if (h->codec != BLOCK_APART)
		return writer_write_at(w, bytes, head + h->packed, at, err);
	if (writer_write_at(w, bytes, head, at, err) < 0)
		return -1;
	at = block_data(at, h);
	return share_data(w, bytes + head, h->packed, at, from, from_at)
		   ? writer_write_at(w, bytes + head, h->packed, at, err)
		   : 0;
}

/* Fills in where reserved objects have come to lie. */
void writer_settle(struct writer *w, const struct pack_entry *e, size_t count)
{
	pthread_mutex_lock(&w->mutex);
	for (size_t i = 0; i < count; i++) {
		size_t slot = slot_of(w, &e[i].hash);
		w->entries[w->table[slot] - 1] = e[i];
	}
	pthread_mutex_unlock(&w->mutex);
}

int writer_copy_block(struct writer *w, struct pack *from, uint64_t at,
		      const struct pack_entry *entries, size_t count, struct err *err)
{
	_cleanup_free_ uint8_t *bytes = NULL;
	struct block_head h;
	uint64_t to;
	size_t fresh = 0;

	if (pack_block(from, at, &h, err) < 0)
		return -1;
	pthread_mutex_lock(&w->mutex);
	for (size_t i = 0; i < count; i++)
		fresh += w->table[slot_of(w, &entries[i].hash)] == 0;
	pthread_mutex_unlock(&w->mutex);
	if (!fresh)
		return 0;
	bytes = pack_bytes(from, at, &h, err);
	if (!bytes || writer_allot(w, &h, &to, err) < 0 ||
	    writer_put_block(w, bytes, &h, to, from->fd, block_data(at, &h), err) < 0)
		return -1;
	pthread_mutex_lock(&w->mutex);
	for (size_t i = 0; i < count; i++) {
		size_t index;
		if (!writer_reserve(w, &entries[i].hash, &index))
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
