/* One directory of a walk: listing it, looking at its entries. */
#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include "snapshots/walk.h"

#define NAMES_MAX (1u << 30)

static bool kernel_fs(int fd)
{
	static const unsigned long magics[] = {
	    PROC_SUPER_MAGIC,	SYSFS_MAGIC,   CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC,
	    DEVPTS_SUPER_MAGIC, DEBUGFS_MAGIC, TRACEFS_MAGIC,	   SECURITYFS_MAGIC,
	    BPF_FS_MAGIC,	NSFS_MAGIC,    PSTOREFS_MAGIC,	   EFIVARFS_MAGIC,
	};
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(magics); i++)
		if ((unsigned long)fs.f_type == magics[i])
			return true;
	return false;
}

/* The directory itself is not in the snapshot. */
static int give_up(struct worker *k, struct node *n, enum snap_why why)
{
	struct item *i = &n->parent->items[n->index];

	n->failed = true;
	n->count = 0;
	i->c.kind = why ? SNAP_LEFT_OUT : SNAP_NONE;
	i->c.why = (uint8_t)why;
	if (why)
		walk_left_out(k->w, n->parent, i->name, why);
	return 0;
}

static bool list_usable(const struct walk *w, const struct node *n)
{
	const struct cache_dir *o = n->old;

	(void)w;
	return o && !(o->flags & CACHE_RACY) && o->ino == n->now.ino && o->dev == n->now.dev &&
	       o->mtime_ns == n->now.mtime_ns && o->ctime_ns == n->now.ctime_ns &&
	       o->rules == n->rules_id;
}

static void list_from_cache(struct node *n)
{
	const struct cache_item *items = cache_items(n->old);

	n->same_list = true;
	n->count = n->old->count;
	n->items = xcalloc((size_t)n->count + 1, sizeof(*n->items));
	for (uint32_t i = 0; i < n->count; i++) {
		n->items[i].name = cache_name(n->old, &items[i]);
		n->items[i].name_len = items[i].name_len;
		n->items[i].c = items[i];
	}
}

struct found {
	uint32_t name, len;
	uint8_t is_dir;
};

static int item_order(const void *a, const void *b)
{
	return strcmp(((const struct item *)a)->name, ((const struct item *)b)->name);
}

static int list_from_disk(struct node *n)
{
	int fd = openat(n->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct found *found = NULL;
	struct buf names = {0};
	size_t count = 0, cap = 0;
	struct dirent *de;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while ((de = readdir(d)) && names.len < NAMES_MAX) {
		size_t len = strlen(de->d_name);

		if (str_eq(de->d_name, ".") || str_eq(de->d_name, ".."))
			continue;
		if (count == cap) {
			cap = cap ? 2 * cap : 64;
			found = xrealloc_array(found, cap, sizeof(*found));
		}
		found[count++] = (struct found){(uint32_t)names.len, (uint32_t)len, de->d_type};
		buf_add(&names, de->d_name, len + 1);
	}
	closedir(d);
	n->names = names.data;
	n->count = (uint32_t)count;
	n->items = xcalloc(count + 1, sizeof(*n->items));
	for (size_t i = 0; i < count; i++) {
		n->items[i].name = n->names + found[i].name;
		n->items[i].name_len = found[i].len;
		n->items[i].c.pad[0] = found[i].is_dir; /* d_type, until it is looked at */
	}
	free(found);
	if (count)
		qsort(n->items, count, sizeof(*n->items), item_order);
	return 0;
}

static int look_at_dir(struct worker *k, struct node *n, int64_t now, struct err *err)
{
	struct cache_item *mine = &n->parent->items[n->index].c;
	struct stat st;
	uint64_t below = mine->below;

	if (fstat(n->fd, &st) < 0)
		return give_up(k, n, SNAP_WHY_UNREADABLE);
	item_from_stat(mine, &st);
	mine->below = below;
	if (n->depth > 1 && st.st_dev != n->parent->now.dev && kernel_fs(n->fd))
		return give_up(k, n, SNAP_WHY_SYSTEM);
	n->now.ino = st.st_ino;
	n->now.dev = st.st_dev;
	n->now.mtime_ns = mine->mtime_ns;
	n->now.ctime_ns = mine->ctime_ns;
	n->now.flags = racy_flags(mine->mtime_ns, mine->ctime_ns, now) & CACHE_RACY;
	k->w->dirs++;
	node_find_rules(k->w, n);
	n->now.rules = n->rules_id;
	return xattrs_read_in(k, n->fd, mine, err);
}

static void push_slices(struct walk *w, struct node *n)
{
	for (uint32_t i = 0; i < n->count; i += WALK_SLICE) {
		uint32_t to = n->count - i < WALK_SLICE ? n->count : i + WALK_SLICE;
		atomic_fetch_add(&n->pending, 1);
		walk_push(w, n, i, to);
	}
}

int node_list(struct worker *k, struct node *n, struct err *err)
{
	struct item *i = &n->parent->items[n->index];
	uint64_t most = k->w->o->max_dir_entries;
	int64_t now = coarse_now();

	n->fd = walk_openat(n->parent, i->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK);
	if (n->fd < 0)
		return give_up(k, n,
			       errno == ENOENT	 ? SNAP_WHY_NONE
			       : errno == EACCES ? SNAP_WHY_DENIED
						 : SNAP_WHY_UNREADABLE);
	if (look_at_dir(k, n, now, err) < 0)
		return -1;
	if (n->failed)
		return 0;
	if (list_usable(k->w, n))
		list_from_cache(n);
	else if (list_from_disk(n) < 0)
		return give_up(k, n, SNAP_WHY_UNREADABLE);
	if (most && n->depth > 1 && n->count > most)
		return give_up(k, n, SNAP_WHY_DIR_FILES);
	if (!n->same_list)
		node_apply_rules(k->w, n);
	if (n->count && n->count <= WALK_SLICE) /* no need of another task */
		return node_slice(k, n, 0, n->count, err);
	push_slices(k->w, n);
	return 0;
}

static int leave_out(struct walk *w, struct node *n, uint32_t index, enum snap_why why)
{
	struct item *i = &n->items[index];

	i->c.kind = SNAP_LEFT_OUT;
	i->c.why = (uint8_t)why;
	walk_left_out(w, n, i->name, why);
	return 0;
}

static void start_dir(struct worker *k, struct node *n, uint32_t index,
		      const struct cache_item *old)
{
	struct node *c;

	if (n->depth + 1 > WALK_DEPTH) {
		leave_out(k->w, n, index, SNAP_WHY_DEPTH);
		return;
	}
	c = xcalloc(1, sizeof(*c));
	c->fd = -1;
	c->parent = n;
	c->index = index;
	c->depth = n->depth + 1;
	c->pending = 1;
	if (old && old->kind == SNAP_DIR)
		c->old = cache_dir_at(&k->w->cache, old->below);
	n->items[index].c.below = old && old->kind == SNAP_DIR ? old->below : 0;
	pthread_mutex_lock(&k->w->mutex);
	c->next = n->children;
	n->children = c;
	pthread_mutex_unlock(&k->w->mutex);
	atomic_fetch_add(&n->pending, 1);
	walk_push(k->w, c, 0, 0);
}

static bool unchanged(const struct walk *w, const struct cache_item *c, const struct cache_item *o)
{
	if (!o || o->kind != c->kind || o->mtime_ns != c->mtime_ns || o->ctime_ns != c->ctime_ns ||
	    o->ino != c->ino || o->size != c->size || o->mode != c->mode || o->uid != c->uid ||
	    o->gid != c->gid || o->link_id != c->link_id || o->flags & CACHE_RACY ||
	    (w->o->settled && o->flags & CACHE_FRESH))
		return false;
	if (w->cache.same_generation || !w->writer)
		return true;
	return store_find(w->s, &o->hash, NULL) &&
	       (!o->has_xattrs || store_find(w->s, &o->xattrs, NULL));
}

/* What a budget leaves out, SNAP_WHY_NONE if it fits. */
static enum snap_why budget(struct walk *w, const struct cache_item *c)
{
	const struct snap_options *o = w->o;
	uint64_t files, bytes;

	if (c->kind == SNAP_FILE && ((o->max_file_bytes && c->size > o->max_file_bytes) ||
				     c->size > (uint64_t)LIST_LEAVES_MAX * CHUNK_MAX))
		return SNAP_WHY_FILE_BYTES;
	files = atomic_fetch_add(&w->files, 1) + 1;
	bytes = atomic_fetch_add(&w->bytes, c->size) + c->size;
	if (o->max_files && files > o->max_files) {
		atomic_fetch_sub(&w->files, 1);
		atomic_fetch_sub(&w->bytes, c->size);
		return SNAP_WHY_FILES;
	}
	if (o->max_bytes && bytes > o->max_bytes) {
		atomic_fetch_sub(&w->files, 1);
		atomic_fetch_sub(&w->bytes, c->size);
		return SNAP_WHY_BYTES;
	}
	return SNAP_WHY_NONE;
}

static int look_at(struct worker *k, struct node *n, uint32_t index, struct err *err)
{
	struct item *i = &n->items[index];
	const struct cache_item *old = n->same_list ? &cache_items(n->old)[index]
				       : n->old	    ? cache_find(n->old, i->name, i->name_len)
						    : NULL;
	enum snap_why why;
	struct stat st;

	if (i->c.kind == SNAP_LEFT_OUT &&
	    (i->c.why == SNAP_WHY_EXCLUDED || i->c.why == SNAP_WHY_IGNORED)) {
		walk_left_out(k->w, n, i->name, i->c.why);
		return 0;
	}
	if (fstatat(n->fd, i->name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		memset(&i->c, 0, sizeof(i->c));
		if (errno == ENOENT || (errno == ENOTDIR && !n->depth))
			return 0; /* gone since it was listed, or a root that is not there */
		return leave_out(k->w, n, index,
				 errno == EACCES ? SNAP_WHY_DENIED : SNAP_WHY_UNREADABLE);
	}
	item_from_stat(&i->c, &st);
	if (i->c.kind == SNAP_DIR && store_apart(k->w->s, &st))
		return leave_out(k->w, n, index, SNAP_WHY_APART);
	if (i->c.kind == SNAP_DIR) {
		start_dir(k, n, index, old);
		return 0;
	}
	k->w->files_seen++;
	k->w->bytes_seen += i->c.size;
	if (i->c.kind == SNAP_OTHER) {
		walk_left_out(k->w, n, i->name, SNAP_WHY_SPECIAL);
		return 0;
	}
	why = budget(k->w, &i->c);
	if (why)
		return leave_out(k->w, n, index, why);
	if (unchanged(k->w, &i->c, old)) {
		i->c.flags = old->flags;
		i->c.hash = old->hash;
		i->c.has_xattrs = old->has_xattrs;
		i->c.xattrs = old->xattrs;
		i->c.sparse = old->sparse;
		return 0;
	}
	return i->c.kind == SNAP_LINK
		   ? link_read_in(k, n, i, err)
		   : file_read_in(k, n, i, old && old->kind == SNAP_FILE ? old : NULL, err);
}

int node_slice(struct worker *k, struct node *n, uint32_t from, uint32_t to, struct err *err)
{
	for (uint32_t i = from; i < to && !k->w->stop; i++)
		if (look_at(k, n, i, err) < 0)
			return -1;
	return 0;
}
