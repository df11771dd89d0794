/* Reading one file in. */
#include <fcntl.h>
#include <sys/xattr.h>
#include <time.h>

#include "snapshots/walk.h"

#define ATTEMPTS  3
#define XATTR_MAX (256u << 10)
#define SECOND_NS 1000000000ll
#define SLOP_NS	  20000000ll	 /* the kernel's clock for files ticks, at the worst, every 10 ms */
#define COARSE_NS (2100000000ll) /* a file system that keeps whole seconds, FAT even two */
#define FRESH_NS  (60 * SECOND_NS) /* longer than dirty pages wait */

int64_t coarse_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME_COARSE, &t);
	return (int64_t)t.tv_sec * SECOND_NS + t.tv_nsec;
}

uint8_t racy_flags(int64_t mtime_ns, int64_t ctime_ns, int64_t now_ns)
{
	int64_t last = mtime_ns > ctime_ns ? mtime_ns : ctime_ns;
	int64_t slop = mtime_ns % SECOND_NS || ctime_ns % SECOND_NS ? SLOP_NS : COARSE_NS;

	if (last > now_ns - slop)
		return CACHE_RACY;
	return last > now_ns - FRESH_NS ? CACHE_FRESH : 0;
}

static int64_t ns_of(const struct timespec *t)
{
	return (int64_t)t->tv_sec * SECOND_NS + t->tv_nsec;
}

static enum snap_kind kind_of(mode_t mode)
{
	return S_ISREG(mode)   ? SNAP_FILE
	       : S_ISDIR(mode) ? SNAP_DIR
	       : S_ISLNK(mode) ? SNAP_LINK
			       : SNAP_OTHER;
}

void item_from_stat(struct cache_item *c, const struct stat *st)
{
	memset(c, 0, sizeof(*c));
	c->kind = (uint8_t)kind_of(st->st_mode);
	c->mtime_ns = ns_of(&st->st_mtim);
	c->ctime_ns = ns_of(&st->st_ctim);
	c->ino = st->st_ino;
	c->size = c->kind == SNAP_FILE || c->kind == SNAP_LINK ? (uint64_t)st->st_size : 0;
	c->mode = c->kind == SNAP_OTHER ? st->st_mode : st->st_mode & 07777;
	c->uid = st->st_uid;
	c->gid = st->st_gid;
	if (c->kind == SNAP_FILE) {
		c->sparse = st->st_blocks * 512 < st->st_size;
		if (st->st_nlink > 1)
			c->link_id = (st->st_ino + (uint64_t)st->st_dev * 0x9e3779b97f4a7c15ull) |
				     1ull << 63;
	}
}

static int leave_out(struct worker *k, struct node *n, struct item *i, int code)
{
	enum snap_why why = code == EACCES || code == EPERM ? SNAP_WHY_DENIED : SNAP_WHY_UNREADABLE;

	if (code == ENOENT) {
		i->c.kind = SNAP_NONE;
		return 0;
	}
	i->c.kind = SNAP_LEFT_OUT;
	i->c.why = (uint8_t)why;
	walk_left_out(k->w, n, i->name, why);
	return 0;
}

static uint8_t *room_for(struct worker *k, size_t n, struct err *err)
{
	return k->packer ? packer_room(k->packer, n, err) : k->room;
}

static ssize_t read_at(int fd, uint8_t *p, size_t n, uint64_t at)
{
	size_t got = 0;

	while (got < n) {
		ssize_t r = pread(fd, p + got, n - got, (off_t)(at + got));
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -1;
		if (r == 0)
			break;
		got += (size_t)r;
	}
	return (ssize_t)got;
}

/* The hash of the old version's chunk at an index; false if there is none. */
static bool old_chunk(const struct buf *list, uint64_t index, struct snap_hash *out)
{
	for (size_t at = 8; at + LIST_RUN <= list->len; at += LIST_RUN) {
		uint32_t count;

		memcpy(&count, list->data + at, 4);
		if (index < count) {
			memcpy(out->b, list->data + at + 4, SNAP_HASH_SIZE);
			return true;
		}
		index -= count;
	}
	return false;
}

static void load_old_list(struct worker *k, const struct cache_item *old, struct buf *list)
{
	struct reader *r = old && old->size > CHUNK_MAX && k->packer ? reader_new(k->w->s) : NULL;
	enum object_kind kind;
	const void *p;
	size_t n;

	if (r && reader_object(r, &old->hash, &kind, &p, &n, NULL) == 0 && kind == OBJECT_LIST)
		buf_add(list, p, n);
	reader_free(r);
}

static void add_run(struct buf *list, const struct snap_hash *h)
{
	uint32_t one = 1, count;
	char *last = list->data + list->len - LIST_RUN;

	if (list->len > 8 && !memcmp(last + 4, h->b, SNAP_HASH_SIZE)) {
		memcpy(&count, last, 4);
		count++;
		memcpy(last, &count, 4);
		return;
	}
	buf_add(list, &one, 4);
	buf_add(list, h->b, SNAP_HASH_SIZE);
}

/* True if the whole chunk at an offset is a hole. */
static bool is_hole(int fd, uint64_t at, size_t n)
{
	off_t data = lseek(fd, (off_t)at, SEEK_DATA);

	return data < 0 ? errno == ENXIO : (uint64_t)data >= at + n;
}

/* 1 = it could not be read, errno says why. */
static int read_large(struct worker *k, int fd, struct cache_item *c, const struct cache_item *old,
		      struct err *err)
{
	_cleanup_(buf_free) struct buf list = {0}, before = {0};
	struct hash_tree t = {0};
	struct snap_hash hole_hash;
	uint64_t at = 0, holes = 0;

	load_old_list(k, old, &before);
	buf_add(&list, &at, 8);
	for (uint64_t size = c->size; at < size && !k->w->stop;) {
		size_t want = size - at < CHUNK_MAX ? (size_t)(size - at) : CHUNK_MAX;
		uint8_t *p = room_for(k, want, err);
		struct snap_hash h, base;
		bool has_base = old_chunk(&before, at / CHUNK_MAX, &base);
		ssize_t got = (ssize_t)want;

		if (!p)
			return -1;
		bool hole = c->sparse && is_hole(fd, at, want);

		if (hole && want == CHUNK_MAX && holes++) {
			hash_tree_add(&t, &hole_hash);
			add_run(&list, &hole_hash);
			at += want;
			continue;
		}
		if (hole)
			memset(p, 0, want);
		else
			got = read_at(fd, p, want, at);
		if (got < 0)
			return 1;
		if (got == 0)
			break;
		h = hash_chunk(p, (size_t)got);
		if (k->packer && !hole && got == (ssize_t)CHUNK_MAX)
			packer_from(k->packer, fd, at);
		if (walk_put(k, OBJECT_CHUNK, &h, p, (size_t)got, has_base ? &base : NULL, err) < 0)
			return -1;
		hash_tree_add(&t, &h);
		add_run(&list, &h);
		if (hole && want == CHUNK_MAX)
			hole_hash = h;
		at += (size_t)got;
		k->w->bytes_read += (size_t)got;
		if ((size_t)got < want)
			break;
	}
	c->size = at;
	c->hash = hash_tree_root(&t);
	memcpy(list.data, &at, 8);
	if (t.count < 2)
		return 0;
	return walk_put(k, OBJECT_LIST, &c->hash, list.data, list.len,
			before.len ? &old->hash : NULL, err);
}

static int read_small(struct worker *k, int fd, struct cache_item *c, const struct cache_item *old,
		      struct err *err)
{
	uint8_t *p = room_for(k, (size_t)c->size, err);
	ssize_t got;

	if (!p)
		return -1;
	got = read_at(fd, p, (size_t)c->size, 0);
	if (got < 0)
		return 1;
	c->size = (size_t)got;
	c->hash = hash_chunk(p, c->size);
	k->w->bytes_read += c->size;
	return walk_put(k, OBJECT_CHUNK, &c->hash, p, c->size,
			old && old->size <= CHUNK_MAX ? &old->hash : NULL, err);
}

static int name_order(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int xattrs_read_in(struct worker *k, int fd, struct cache_item *c, struct err *err)
{
	char names[16384], *sorted[512];
	ssize_t n = flistxattr(fd, names, sizeof(names));
	_cleanup_free_ char *value = NULL;
	size_t count = 0;

	c->has_xattrs = 0;
	if (n <= 0)
		return 0;
	for (char *p = names; p < names + n && count < ARRAY_LEN(sorted); p += strlen(p) + 1)
		sorted[count++] = p;
	qsort(sorted, count, sizeof(*sorted), name_order);
	buf_clear(&k->scratch);
	value = malloc(XATTR_MAX);
	for (size_t i = 0; value && i < count; i++) {
		ssize_t len = fgetxattr(fd, sorted[i], value, XATTR_MAX);
		uint16_t name_len = (uint16_t)strlen(sorted[i]);
		uint32_t value_len = (uint32_t)len;

		if (len < 0 || name_len > 255)
			continue;
		buf_add(&k->scratch, &name_len, 2);
		buf_add(&k->scratch, &value_len, 4);
		buf_add(&k->scratch, sorted[i], name_len);
		buf_add(&k->scratch, value, (size_t)len);
	}
	if (!k->scratch.len || k->scratch.len > CHUNK_MAX)
		return 0;
	c->has_xattrs = 1;
	c->xattrs = hash_chunk(k->scratch.data, k->scratch.len);
	return walk_put(k, OBJECT_CHUNK, &c->xattrs, k->scratch.data, k->scratch.len, NULL, err);
}

/* 0 read, 1 not readable (errno), 2 changed under the hand, -1 error of the store. */
static int read_once(struct worker *k, int fd, struct item *i, const struct cache_item *old,
		     struct err *err)
{
	int64_t now = coarse_now();
	struct stat st, after;
	int rc;

	if (fstat(fd, &st) < 0)
		return 1;
	if (!S_ISREG(st.st_mode)) {
		errno = ESTALE;
		return 1;
	}
	item_from_stat(&i->c, &st);
	rc = i->c.size > CHUNK_MAX ? read_large(k, fd, &i->c, old, err)
				   : read_small(k, fd, &i->c, old, err);
	if (rc == 0)
		rc = xattrs_read_in(k, fd, &i->c, err);
	if (rc)
		return rc;
	i->c.flags = racy_flags(i->c.mtime_ns, i->c.ctime_ns, now);
	if (fstat(fd, &after) < 0)
		return 1;
	if (after.st_size != st.st_size || i->c.size != (uint64_t)st.st_size ||
	    ns_of(&after.st_mtim) != i->c.mtime_ns || ns_of(&after.st_ctim) != i->c.ctime_ns)
		return 2;
	return 0;
}

int file_read_in(struct worker *k, struct node *n, struct item *i, const struct cache_item *old,
		 struct err *err)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
	_cleanup_close_ int fd = walk_openat(n, i->name, flags | O_NOATIME);
	int rc = 2;

	if (fd < 0 && errno == EPERM)
		fd = walk_openat(n, i->name, flags);
	if (fd < 0)
		return leave_out(k, n, i, errno);
	for (unsigned attempt = 0; rc == 2 && attempt < ATTEMPTS && !k->w->stop; attempt++)
		rc = read_once(k, fd, i, old, err);
	if (rc == 1)
		return leave_out(k, n, i, errno);
	k->w->files_read++;
	if (rc == 2) {
		i->c.flags = CACHE_RACY;
		walk_left_out(k->w, n, i->name, SNAP_WHY_CHANGING);
	}
	return rc < 0 ? -1 : 0;
}

int link_read_in(struct worker *k, struct node *n, struct item *i, struct err *err)
{
	char target[4097];
	ssize_t len = readlinkat(n->fd, i->name, target, sizeof(target) - 1);

	if (len < 0)
		return leave_out(k, n, i, errno);
	i->c.size = (uint64_t)len;
	i->c.hash = hash_chunk(target, (size_t)len);
	return walk_put(k, OBJECT_CHUNK, &i->c.hash, target, (size_t)len, NULL, err);
}
