/* Packs: opening, finding. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "snapshots/pack.h"

#include "common/digest.h"

_Static_assert(sizeof(struct block_head) == 56, "on disk");
_Static_assert(sizeof(struct pack_entry) == 48, "on disk");
_Static_assert(sizeof(struct pack_foot) == 56, "on disk");

int pack_foot_parse(const void *foot, uint64_t size, struct pack_foot *out)
{
	if (size < PACK_HEAD + sizeof(*out))
		return -1;
	memcpy(out, foot, sizeof(*out));
	if (memcmp(out->magic, PACK_MAGIC, 8) || out->index < PACK_HEAD ||
	    out->index > size - sizeof(*out) || out->index % 8 ||
	    out->count > size / sizeof(struct pack_entry))
		return -1;
	if (out->index + out->count * sizeof(struct pack_entry) + sizeof(*out) != size)
		return -1;
	return 0;
}

static int pack_map(struct pack *p, struct err *err)
{
	uint8_t raw[sizeof(struct pack_foot)];
	struct pack_foot foot;
	struct stat st;
	uint64_t from;

	if (fstat(p->fd, &st) < 0)
		return err_errno(err, errno, "can't read the pack %s", p->name);
	p->size = (uint64_t)st.st_size;
	if (p->size < sizeof(raw) ||
	    pread(p->fd, raw, sizeof(raw), st.st_size - (off_t)sizeof(raw)) !=
		(ssize_t)sizeof(raw) ||
	    pack_foot_parse(raw, p->size, &foot) < 0)
		return err_set(err, "the pack %s is damaged: its end is not one of a pack",
			       p->name);
	from = foot.index & ~4095ull;
	p->map_size = (size_t)(p->size - from);
	p->map = mmap(NULL, p->map_size, PROT_READ, MAP_PRIVATE, p->fd, (off_t)from);
	if (p->map == MAP_FAILED) {
		p->map = NULL;
		return err_errno(err, errno, "can't map the pack %s", p->name);
	}
	p->index_at = foot.index;
	p->entries = (const void *)((const char *)p->map + (foot.index - from));
	p->count = foot.count;
	return 0;
}

struct pack *pack_open(int dir, const char *name, struct err *err)
{
	struct pack *p = xcalloc(1, sizeof(*p));

	str_copy(p->name, sizeof(p->name), name);
	p->fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (p->fd < 0)
		err_errno(err, errno, "can't open the pack %s", name);
	else if (pack_map(p, err) == 0)
		return p;
	pack_close(p);
	return NULL;
}

void pack_close(struct pack *p)
{
	if (!p)
		return;
	if (p->map)
		munmap(p->map, p->map_size);
	if (p->fd >= 0)
		close(p->fd);
	free(p->own);
	free(p);
}

const struct pack_entry *pack_find(const struct pack *p, const struct snap_hash *h)
{
	size_t lo = 0, hi = p->count;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = memcmp(p->entries[mid].hash.b, h->b, SNAP_HASH_SIZE);
		if (c == 0)
			return &p->entries[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

bool pack_index_ok(const struct pack *p)
{
	if (p->own)
		return false;
	const struct pack_foot *foot = (const void *)(p->entries + p->count);
	uint8_t h[SNAP_HASH_SIZE];
	uint8_t head[PACK_HEAD];
	uint32_t version = PACK_VERSION;

	digest_sha256(p->entries, p->count * sizeof(*p->entries), h);
	if (memcmp(h, foot->index_hash, sizeof(h)))
		return false;
	if (pread(p->fd, head, sizeof(head), 0) != (ssize_t)sizeof(head) ||
	    memcmp(head, PACK_MAGIC, 8) || memcmp(head + 8, &version, 4) ||
	    memcmp(head + 12, "\0\0\0", 4))
		return false;
	return true;
}

int pack_block(const struct pack *p, uint64_t at, struct block_head *h, struct err *err)
{
	if (at < PACK_HEAD || at > p->index_at || p->index_at - at < sizeof(*h) ||
	    pread(p->fd, h, sizeof(*h), (off_t)at) != (ssize_t)sizeof(*h) ||
	    h->magic != BLOCK_MAGIC || h->codec > BLOCK_APART || h->depth > DELTA_DEPTH ||
	    h->raw > OBJECT_MAX || h->objects > BLOCK_OBJECTS || block_end(at, h) > p->index_at)
		return err_set(err, "the pack %s is damaged at byte %llu", p->name,
			       (unsigned long long)at);
	return 0;
}

uint8_t *pack_bytes(const struct pack *p, uint64_t at, const struct block_head *h, struct err *err)
{
	size_t head = sizeof(*h) + 4 * (size_t)h->objects;
	uint8_t *bytes = malloc(head + h->packed);

	if (bytes && pread(p->fd, bytes, head, (off_t)at) == (ssize_t)head &&
	    pread(p->fd, bytes + head, h->packed, (off_t)block_data(at, h)) == (ssize_t)h->packed)
		return bytes;
	free(bytes);
	err_set(err, "can't read the pack %s", p->name);
	return NULL;
}
