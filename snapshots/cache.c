#include <fcntl.h>
#include <sys/mman.h>

#include "snapshots/cache.h"

#define MAGIC	"nonostat"
#define VERSION 1

struct cache_head {
	char magic[8];
	uint64_t version, generation, size, top, sum;
};

void cache_open(struct cache *c, struct snap_store *s, const char *key)
{
	_cleanup_close_ int fd = openat(s->cache_dir, key, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	const struct cache_head *h;
	struct stat st;

	memset(c, 0, sizeof(*c));
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size < (off_t)sizeof(*h))
		return;
	c->size = (size_t)st.st_size;
	c->map = mmap(NULL, c->size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (c->map == MAP_FAILED) {
		c->map = NULL;
		return;
	}
	h = c->map;
	if (memcmp(h->magic, MAGIC, 8) || h->version != VERSION || h->size != c->size ||
	    h->sum != hash_sum(h + 1, c->size - sizeof(*h)))
		return;
	c->same_generation = h->generation == store_generation(s);
	c->top = cache_dir_at(c, h->top);
}

void cache_close(struct cache *c)
{
	if (c->map)
		munmap(c->map, c->size);
	memset(c, 0, sizeof(*c));
}

static bool items_ok(const struct cache_dir *d)
{
	const struct cache_item *items = cache_items(d);

	for (uint32_t i = 0; i < d->count; i++)
		if (items[i].name >= d->bytes || items[i].name_len >= d->bytes - items[i].name ||
		    cache_name(d, &items[i])[items[i].name_len] != '\0')
			return false;
	return true;
}

const struct cache_dir *cache_dir_at(const struct cache *c, uint64_t at)
{
	const struct cache_dir *d;

	if (at < sizeof(struct cache_head) || at % 8 || at > c->size || c->size - at < sizeof(*d))
		return NULL;
	d = (const void *)((const char *)c->map + at);
	if (d->bytes > c->size - at || d->bytes < sizeof(*d) ||
	    d->count > (d->bytes - sizeof(*d)) / sizeof(struct cache_item) || !items_ok(d))
		return NULL;
	return d;
}

const struct cache_item *cache_find(const struct cache_dir *d, const char *name, size_t n)
{
	const struct cache_item *items = cache_items(d);

	for (size_t lo = 0, hi = d->count; lo < hi;) {
		size_t mid = lo + (hi - lo) / 2;
		int c = strcmp(cache_name(d, &items[mid]), name);

		if (c == 0)
			return &items[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	(void)n;
	return NULL;
}

void cache_begin(struct buf *body)
{
	struct cache_head h = {0};

	buf_add(body, &h, sizeof(h));
}

void cache_write(struct snap_store *s, const char *key, struct buf *body, uint64_t top)
{
	struct cache_head h = {
	    .version = VERSION, .generation = store_generation(s), .size = body->len, .top = top};
	_cleanup_close_ int fd = -1;
	char tmp[32], id[17];

	memcpy(h.magic, MAGIC, sizeof(h.magic));
	h.sum = hash_sum(body->data + sizeof(h), body->len - sizeof(h));
	memcpy(body->data, &h, sizeof(h));
	random_hex(id, 8);
	snprintf(tmp, sizeof(tmp), "tmp-%s", id);
	fd = openat(s->cache_dir, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return;
	/* Not synced: a torn one is known by its sum. */
	if (disk_pwrite(s->faults, fd, body->data, body->len, 0) < 0 ||
	    renameat(s->cache_dir, tmp, s->cache_dir, key) < 0)
		unlinkat(s->cache_dir, tmp, 0);
}
