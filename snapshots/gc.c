/* Dropping what no record names: mark, then packs without the rest. */
#include <dirent.h>
#include <fcntl.h>

#include "snapshots/gc.h"
#include "snapshots/record.h"
#include "snapshots/tree.h"

#define SMALL_PACK (8u << 20)
#define MERGE_AT   48 /* each is a descriptor: more are made one while nobody else is here */
#define SMALL_MOST 8  /* this many small packs are kept before they become one */

struct mark {
	struct snap_store *s;
	struct hashset live;
	struct err *err;
};

static int mark_chunks(struct mark *m, const struct snap_hash *h)
{
	struct pack *pack;
	const struct pack_entry *e = store_find(m->s, h, &pack);
	enum object_kind kind;
	const void *p;
	size_t n;

	if (!e || ENTRY_KIND(e) != OBJECT_LIST)
		return 0;
	if (reader_object(m->s->reader, h, &kind, &p, &n, m->err) < 0)
		return -1;
	for (size_t at = 8; at + LIST_RUN <= n; at += LIST_RUN) {
		struct snap_hash chunk;
		memcpy(chunk.b, (const char *)p + at + 4, SNAP_HASH_SIZE);
		hashset_add(&m->live, &chunk, NULL);
	}
	return 0;
}

static int mark_tree(struct mark *m, const struct snap_hash *h, bool roots, unsigned depth)
{
	_cleanup_(snap_tree_free) struct snap_tree t = {0};
	bool fresh;

	hashset_add(&m->live, h, &fresh);
	if (!fresh)
		return 0;
	if (depth > TREE_NAME_MAX || tree_read(m->s, h, roots, &t, m->err) < 0)
		return -1;
	for (size_t i = 0; i < t.count; i++) {
		const struct snap_entry *e = &t.entries[i];

		if (e->has_xattrs)
			hashset_add(&m->live, &e->xattrs, NULL);
		if (e->kind == SNAP_DIR && mark_tree(m, &e->hash, false, depth + 1) < 0)
			return -1;
		if (e->kind != SNAP_FILE && e->kind != SNAP_LINK)
			continue;
		hashset_add(&m->live, &e->hash, &fresh);
		if (fresh && mark_chunks(m, &e->hash) < 0)
			return -1;
	}
	return 0;
}

static int mark_session(struct mark *m, const char *session)
{
	_cleanup_(buf_free) struct buf bad = {0};
	struct snap_record *v;
	size_t count;
	int rc = snap_record_list(m->s, session, &v, &count, &bad, m->err);

	if (rc == 0 && bad.len) {
		bad.data[strcspn(bad.data, "\n")] = '\0';
		rc = err_set(m->err, "%s; what it names is not known, so nothing is dropped",
			     bad.data);
	}
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = mark_tree(m, &v[i].tree, true, 0);
	snap_record_list_free(v, count);
	return rc;
}

/* What live deltas stand on is live. */
static int mark_bases(struct mark *m)
{
	bool again = true;

	for (unsigned round = 0; again && round <= DELTA_DEPTH; round++) {
		again = false;
		for (size_t i = 0; i < m->s->pack_count; i++) {
			struct pack *p = m->s->packs[i];

			for (size_t j = 0; j < p->count; j++) {
				struct block_head h;
				struct snap_hash base;
				bool fresh;

				if (!hashset_find(&m->live, &p->entries[j].hash))
					continue;
				if (pack_block(p, p->entries[j].block, &h, m->err) < 0)
					return -1;
				if (!h.depth)
					continue;
				memcpy(base.b, h.base, sizeof(base.b));
				hashset_add(&m->live, &base, &fresh);
				again = again || fresh;
			}
		}
	}
	return 0;
}

int gc_mark(struct snap_store *s, struct hashset *live, struct err *err)
{
	struct mark m = {.s = s, .err = err};
	char **sessions = snap_record_sessions(s, err);
	int rc = sessions ? mark_session(&m, NULL) : -1;

	for (size_t i = 0; sessions && sessions[i]; i++) {
		if (rc == 0)
			rc = mark_session(&m, sessions[i]);
		free(sessions[i]);
	}
	free(sessions);
	if (rc == 0)
		rc = mark_bases(&m);
	*live = m.live;
	return rc;
}

static int block_order(const void *a, const void *b)
{
	const struct pack_entry *x = a, *y = b;

	if (x->block != y->block)
		return x->block < y->block ? -1 : 1;
	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	/* An empty one lies at the place of the next. */
	return ENTRY_LEN(x) < ENTRY_LEN(y) ? -1 : ENTRY_LEN(x) > ENTRY_LEN(y);
}

struct pack_entry *pack_by_block(const struct pack *p)
{
	struct pack_entry *v = xcalloc(p->count + 1, sizeof(*v));

	memcpy(v, p->entries, p->count * sizeof(*v));
	qsort(v, p->count, sizeof(*v), block_order);
	return v;
}

static bool held_elsewhere(struct snap_store *s, const bool *old, const struct snap_hash *h,
			   unsigned depth)
{
	for (size_t i = 0; i < s->pack_count; i++) {
		const struct pack_entry *e = old[i] ? NULL : pack_find(s->packs[i], h);
		struct block_head head;

		/* A copy that stands on more deltas might stand on this one. */
		if (e && pack_block(s->packs[i], e->block, &head, NULL) == 0 && head.depth <= depth)
			return true;
	}
	return false;
}

struct pass {
	unsigned depth, deepest;
};

/* The live objects of one block, into the new pack. */
static int move_block(struct snap_store *s, struct packer *k, struct writer *w, struct pack *p,
		      const bool *old, struct pack_entry *e, size_t n, struct pass *pass,
		      gc_keep_fn *keep, void *arg, struct err *err)
{
	struct pack_entry kept[BLOCK_OBJECTS];
	size_t count = 0, bytes = 0;
	struct block_head h;

	if (n > BLOCK_OBJECTS || pack_block(p, e->block, &h, err) < 0)
		return keep(arg, p, e) ? -1 : 0;
	if (h.depth > pass->deepest)
		pass->deepest = h.depth;
	if (h.depth != pass->depth)
		return 0;
	for (size_t i = 0; i < n; i++) {
		if (!keep(arg, p, &e[i]) || held_elsewhere(s, old, &e[i].hash, h.depth))
			continue;
		bytes += ENTRY_LEN(&e[i]);
		kept[count++] = e[i];
	}
	if (!count)
		return 0;
	if (h.depth || bytes >= h.raw / 4 * 3)
		return writer_copy_block(w, p, e->block, kept, count, err);
	for (size_t i = 0; i < count; i++) {
		const void *data;

		if (reader_copy(s->reader, p, &kept[i], &data, err) < 0 ||
		    packer_put_again(k, ENTRY_KIND(&kept[i]), &kept[i].hash, data,
				     ENTRY_LEN(&kept[i]), err) < 0)
			return -1;
	}
	return 0;
}

static int move_pack(struct snap_store *s, struct packer *k, struct writer *w, struct pack *p,
		     const bool *old, struct pass *pass, gc_keep_fn *keep, void *arg,
		     struct err *err)
{
	struct pack_entry *v = pack_by_block(p);
	int rc = 0;

	for (size_t i = 0, n; rc == 0 && i < p->count; i += n) {
		for (n = 1; i + n < p->count && v[i + n].block == v[i].block;)
			n++;
		rc = move_block(s, k, w, p, old, &v[i], n, pass, keep, arg, err);
	}
	free(v);
	return rc;
}

/* Unfinished packs of whoever was killed: nobody else is here. */
static void sweep_leftovers(struct snap_store *s)
{
	const int dirs[] = {s->packs_dir, s->cache_dir, s->named_dir, s->dir};

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		int fd = openat(dirs[i], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
		struct dirent *de;

		while (d && (de = readdir(d)))
			if (str_starts(de->d_name, "tmp-"))
				disk_unlink(s->faults, dirs[i], de->d_name);
		if (d)
			closedir(d);
		else if (fd >= 0)
			close(fd);
	}
}

int gc_rewrite(struct snap_store *s, const bool *old, struct writer *w, struct packer *k,
	       bool drops, gc_keep_fn *keep, void *arg, struct err *err)
{
	size_t count = s->pack_count;
	int rc = 0;

	/* The least deltas first: of two copies the one that stands on less is kept. */
	for (struct pass pass = {0}; rc == 0 && pass.depth <= pass.deepest; pass.depth++)
		for (size_t i = 0; rc == 0 && i < count; i++)
			if (old[i])
				rc = move_pack(s, k, w, s->packs[i], old, &pass, keep, arg, err);
	if (rc == 0)
		rc = packer_flush(k, err);
	if (rc == 0 && drops)
		rc = store_raise_generation(s, err);
	if (rc == 0)
		rc = writer_finish(w, err);
	for (size_t i = 0; rc == 0 && i < count; i++)
		if (old[i])
			disk_unlink(s->faults, s->packs_dir, s->packs[i]->name);
	if (rc == 0)
		fsync(s->packs_dir);
	return rc < 0 ? rc : store_refresh(s, NULL, err);
}

static bool is_live(void *arg, const struct pack *p, const struct pack_entry *e)
{
	(void)p;
	return hashset_find(arg, &e->hash) != NULL;
}

/* Which packs are worth writing anew; how many. */
static size_t choose(struct snap_store *s, const struct hashset *live, bool *old, uint64_t *dropped)
{
	size_t chosen = 0, small = 0;

	for (size_t i = 0; i < s->pack_count; i++) {
		const struct pack *p = s->packs[i];
		uint64_t dead = 0, all = 1, objects = 0;

		for (size_t j = 0; j < p->count; j++) {
			bool is = hashset_find(live, &p->entries[j].hash);
			all += ENTRY_LEN(&p->entries[j]);
			dead += is ? 0 : ENTRY_LEN(&p->entries[j]);
			objects += !is;
		}
		old[i] = dead > all / 5;
		chosen += old[i];
		*dropped += old[i] ? objects : 0;
		small += !old[i] && p->size < SMALL_PACK;
	}
	for (size_t i = 0; small > SMALL_MOST && i < s->pack_count; i++) {
		if (old[i] || s->packs[i]->size >= SMALL_PACK)
			continue;
		old[i] = true;
		chosen++;
	}
	return chosen;
}

int snap_gc(struct snap_store *s, struct snap_gc *out, struct err *err)
{
	_cleanup_close_ int lock = store_lock(s, STORE_ALONE, NULL, NULL, err);
	_cleanup_(hashset_free) struct hashset live = {0};
	_cleanup_(buf_free) struct buf bad = {0};
	_cleanup_free_ bool *old = NULL;
	int rc = 0;

	memset(out, 0, sizeof(*out));
	if (lock < 0 || store_refresh(s, &bad, err) < 0)
		return -1;
	if (bad.len)
		return err_set(err, "%.*s; verify can repair it", (int)strcspn(bad.data, "\n"),
			       bad.data);
	out->bytes_before = snap_store_bytes(s);
	s->busy = true;
	rc = gc_mark(s, &live, err);
	s->busy = false;
	if (rc < 0)
		return -1;
	sweep_leftovers(s);
	old = xcalloc(s->pack_count + 1, sizeof(*old));
	if (choose(s, &live, old, &out->objects_dropped)) {
		uint64_t quota = s->quota;
		struct writer *w;
		struct packer *k;

		s->quota = 0; /* it gets smaller in the end */
		w = writer_new(s);
		k = packer_new(w);
		rc = gc_rewrite(s, old, w, k, true, is_live, &live, err);
		packer_free(k);
		snap_writer_free(w);
		s->quota = quota;
	}
	out->bytes_after = snap_store_bytes(s);
	return rc;
}

static bool keep_all(void *arg, const struct pack *p, const struct pack_entry *e)
{
	(void)arg;
	(void)p;
	(void)e;
	return true;
}

void gc_merge(struct snap_store *s)
{
	_cleanup_close_ int lock = -1;
	_cleanup_free_ bool *old = NULL;
	uint64_t quota = s->quota;
	struct writer *w;
	struct packer *k;
	size_t small = 0;

	for (size_t i = 0; i < s->pack_count; i++)
		small += s->packs[i]->size < SMALL_PACK;
	if (small <= MERGE_AT || (lock = store_trylock(s)) < 0 || store_refresh(s, NULL, NULL) < 0)
		return;
	old = xcalloc(s->pack_count + 1, sizeof(*old));
	for (size_t i = 0; i < s->pack_count; i++)
		old[i] = s->packs[i]->size < SMALL_PACK;
	s->quota = 0;
	w = writer_new(s);
	k = packer_new(w);
	(void)gc_rewrite(s, old, w, k, false, keep_all, NULL, NULL);
	packer_free(k);
	snap_writer_free(w);
	s->quota = quota;
}
