/* Reading what entries hold: content, links, attributes; looking up paths. */
#include <sys/stat.h>

#include "snapshots/store.h"
#include "snapshots/tree.h"

typedef int chunk_fn(void *arg, const void *p, size_t n, struct err *err);

/* The chunks of a file, in order. */
static int each_chunk(struct reader *r, const struct snap_hash *hash, chunk_fn *fn, void *arg,
		      struct err *err)
{
	_cleanup_free_ uint8_t *list = NULL;
	enum object_kind kind;
	const void *p;
	size_t n, list_len;

	if (reader_object(r, hash, &kind, &p, &n, err) < 0)
		return -1;
	if (kind == OBJECT_CHUNK)
		return fn(arg, p, n, err);
	if (kind != OBJECT_LIST)
		return err_set(err, "an object of the snapshots is no file");
	list = xcalloc(1, n);
	memcpy(list, p, n);
	list_len = n;
	for (size_t at = 8; at < list_len; at += LIST_RUN) {
		struct snap_hash h;
		uint32_t count;

		memcpy(&count, list + at, 4);
		memcpy(h.b, list + at + 4, SNAP_HASH_SIZE);
		while (count--) {
			if (reader_object(r, &h, &kind, &p, &n, err) < 0)
				return -1;
			if (kind != OBJECT_CHUNK)
				return err_set(err, "an object of the snapshots is no file");
			if (fn(arg, p, n, err) < 0)
				return -1;
		}
	}
	return 0;
}

struct into {
	struct buf *out;
	size_t left;
};

static int add_chunk(void *arg, const void *p, size_t n, struct err *err)
{
	struct into *in = arg;

	if (n > in->left)
		return err_errno(err, EFBIG, "a file of a snapshot");
	in->left -= n;
	buf_add(in->out, p, n);
	return 0;
}

int snap_blob_read(struct snap_store *s, const struct snap_hash *hash, size_t max, struct buf *out,
		   struct err *err)
{
	struct into in = {out, max};

	return each_chunk(s->reader, hash, add_chunk, &in, err);
}

struct to_fd {
	struct reader *reader;
	int fd;
	bool sparse;
	bool alone; /* its file system shares nothing with the store's */
	off_t begin, size;
};

/* What was checked just now, without a copy of it. */
static bool share_chunk(struct to_fd *to, off_t at, size_t n)
{
	if (to->alone || n != CHUNK_MAX)
		return false;
	errno = 0;
	if (reader_share(to->reader, to->fd, (uint64_t)at))
		return lseek(to->fd, (off_t)n, SEEK_CUR) >= 0;
	to->alone = errno == EOPNOTSUPP || errno == ENOTTY || errno == EXDEV;
	return false;
}

#define HOLE 4096

static bool zeros(const uint8_t *p, size_t n)
{
	return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

static int write_chunk(void *arg, const void *data, size_t n, struct err *err)
{
	struct to_fd *to = arg;
	const uint8_t *p = data;

	to->size += (off_t)n;
	if (share_chunk(to, to->begin + to->size - (off_t)n, n))
		return 0;
	if (!to->sparse) {
		if (write_full(to->fd, p, n) < 0)
			return err_errno(err, errno, "can't write");
		return 0;
	}
	while (n) {
		size_t piece = n < HOLE ? n : HOLE;
		bool hole = zeros(p, piece);

		while (piece < n && zeros(p + piece, n - piece < HOLE ? n - piece : HOLE) == hole)
			piece += n - piece < HOLE ? n - piece : HOLE;
		if (hole ? lseek(to->fd, (off_t)piece, SEEK_CUR) < 0
			 : write_full(to->fd, p, piece) < 0)
			return err_errno(err, errno, "can't write");
		p += piece;
		n -= piece;
	}
	return 0;
}

int blob_write(struct reader *r, const struct snap_hash *hash, int fd, bool sparse, struct err *err)
{
	struct to_fd to = {
	    .reader = r, .fd = fd, .sparse = sparse, .begin = lseek(fd, 0, SEEK_CUR)};

	to.alone = to.begin < 0;
	if (each_chunk(r, hash, write_chunk, &to, err) < 0)
		return -1;
	if (sparse && ftruncate(fd, to.size) < 0)
		return err_errno(err, errno, "can't write");
	return 0;
}

int snap_blob_write(struct snap_store *s, const struct snap_hash *hash, int fd, bool sparse,
		    struct err *err)
{
	return blob_write(s->reader, hash, fd, sparse, err);
}

int snap_hash_fd(int fd, struct snap_hash *out, uint64_t *size, struct err *err)
{
	_cleanup_free_ uint8_t *p = malloc(CHUNK_MAX);
	struct hash_tree t = {0};
	uint64_t at = 0;

	if (!p)
		return err_errno(err, ENOMEM, "can't read a file");
	for (;;) {
		struct snap_hash h;
		size_t n = 0;

		while (n < CHUNK_MAX) {
			ssize_t r = pread(fd, p + n, CHUNK_MAX - n, (off_t)(at + n));
			if (r < 0 && errno == EINTR)
				continue;
			if (r < 0)
				return err_errno(err, errno, "can't read a file");
			if (r == 0)
				break;
			n += (size_t)r;
		}
		if (n == 0 && t.count)
			break;
		h = hash_chunk(p, n);
		hash_tree_add(&t, &h);
		at += n;
		if (n < CHUNK_MAX)
			break;
	}
	*out = hash_tree_root(&t);
	if (size)
		*size = at;
	return 0;
}

int blob_xattrs(struct reader *r, const struct snap_hash *xattrs, snap_xattr_fn *fn, void *arg,
		struct err *err)
{
	_cleanup_(buf_free) struct buf b = {0};
	struct into in = {&b, 16 << 20};

	if (each_chunk(r, xattrs, add_chunk, &in, err) < 0)
		return -1;
	return xattrs_parse(b.data, b.len, fn, arg, err);
}

int snap_xattrs_read(struct snap_store *s, const struct snap_hash *xattrs, snap_xattr_fn *fn,
		     void *arg, struct err *err)
{
	return blob_xattrs(s->reader, xattrs, fn, arg, err);
}

static const struct snap_entry *find_entry(const struct snap_tree *t, const char *name, size_t n)
{
	for (size_t lo = 0, hi = t->count; lo < hi;) {
		size_t mid = lo + (hi - lo) / 2;
		const struct snap_entry *e = &t->entries[mid];
		int c = strncmp(e->name, name, n);

		if (c == 0)
			c = e->name_len > n;
		if (c == 0)
			return e;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

static void found(struct snap_entry *out, const struct snap_entry *e, const char *path)
{
	size_t n = strlen(path);

	*out = *e;
	out->name = path + n - (path[0] == '/' && e->name[0] == '/' ? n : e->name_len);
}

int snap_lookup(struct snap_store *s, const struct snap_record *r, const char *path,
		struct snap_entry *out, struct err *err)
{
	struct snap_tree t = {0};
	const struct snap_entry *e = NULL;
	const char *rest = NULL;
	int rc = tree_read(s, &r->tree, true, &t, err);

	memset(out, 0, sizeof(*out));
	out->name = "";
	for (size_t i = 0; rc == 0 && i < t.count; i++) {
		if (!path_under(t.entries[i].name, path))
			continue;
		e = &t.entries[i];
		rest = path + e->name_len;
	}
	while (rc == 0 && e) {
		struct snap_tree below = {0};
		struct snap_hash hash = e->hash;
		size_t n;

		rest += strspn(rest, "/");
		n = strcspn(rest, "/");
		if (n == 0) {
			found(out, e, path);
			break;
		}
		if (e->kind == SNAP_LEFT_OUT)
			found(out, e, path); /* so is what was below */
		if (e->kind != SNAP_DIR)
			break;
		rc = tree_read(s, &hash, false, &below, err);
		snap_tree_free(&t);
		t = below;
		e = rc == 0 ? find_entry(&t, rest, n) : NULL;
		rest += n;
	}
	snap_tree_free(&t);
	return rc;
}
