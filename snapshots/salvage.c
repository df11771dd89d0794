/* Packs whose end or index is gone: their blocks say by themselves what lies in them. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "snapshots/verify.h"

static int hash_order(const void *a, const void *b)
{
	return memcmp(a, b, SNAP_HASH_SIZE);
}

static void add_entry(struct pack *p, const struct pack_entry *e)
{
	p->own = xrealloc_array(p->own, p->count + 1, sizeof(*p->own));
	p->own[p->count++] = *e;
	p->entries = p->own;
}

/* The objects of one block, if it can be read and its sum is right. */
static void add_block(struct snap_store *s, struct pack *p, uint64_t at, const struct block_head *h)
{
	uint32_t lens[BLOCK_OBJECTS];
	struct pack_entry e = {.block = at};

	if (pread(p->fd, lens, 4ull * h->objects, (off_t)(at + sizeof(*h))) !=
	    (ssize_t)(4ull * h->objects))
		return;
	for (uint32_t i = 0; i < h->objects; i++) {
		const void *data;

		e.len_kind = lens[i];
		if (reader_copy(s->reader, p, &e, &data, NULL) < 0 ||
		    object_hash(ENTRY_KIND(&e), data, ENTRY_LEN(&e), &e.hash) < 0)
			return;
		add_entry(p, &e);
		e.at += ENTRY_LEN(&e);
	}
}

/* All blocks with this many deltas below them. */
static void scan_blocks(struct snap_store *s, struct pack *p, unsigned depth)
{
	for (uint64_t at = PACK_HEAD; at < p->size;) {
		struct block_head h;

		if (pack_block(p, at, &h, NULL) < 0) {
			at += 8;
			continue;
		}
		if (h.depth == depth)
			add_block(s, p, at, &h);
		at = (block_end(at, &h) + 7) & ~7ull;
	}
	if (p->count)
		qsort(p->own, p->count, sizeof(*p->own), hash_order);
}

static void salvage(struct snap_store *s, const char *name)
{
	struct pack *p = xcalloc(1, sizeof(*p));
	struct stat st;

	str_copy(p->name, sizeof(p->name), name);
	p->fd = openat(s->packs_dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (p->fd < 0 || fstat(p->fd, &st) < 0) {
		pack_close(p);
		return;
	}
	p->size = p->index_at = (uint64_t)st.st_size;
	p->own = xcalloc(1, sizeof(*p->own));
	p->entries = p->own;
	s->packs = xrealloc_array(s->packs, s->pack_count + 1, sizeof(*s->packs));
	s->packs[s->pack_count++] = p;
	for (unsigned depth = 0; depth <= DELTA_DEPTH; depth++)
		scan_blocks(s, p, depth);
}

static bool is_open(struct snap_store *s, const char *name)
{
	for (size_t i = 0; i < s->pack_count; i++)
		if (str_eq(s->packs[i]->name, name))
			return true;
	return false;
}

void repair_salvage(struct snap_store *s)
{
	int fd = openat(s->packs_dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *de;

	if (!d && fd >= 0)
		close(fd);
	while (d && (de = readdir(d)))
		if (str_ends(de->d_name, ".pack") && strlen(de->d_name) == 21 &&
		    !is_open(s, de->d_name))
			salvage(s, de->d_name);
	if (d)
		closedir(d);
}
