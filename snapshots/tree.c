#include "snapshots/tree.h"
#include "snapshots/store.h"

#define MAGIC	    "nonotree"
#define HEAD	    12
#define FIXED	    33
#define FLAG_SPARSE 1u
#define FLAG_XATTRS 2u
#define FLAG_LINKED 4u

bool tree_has_hash(enum snap_kind kind)
{
	return kind == SNAP_DIR || kind == SNAP_FILE || kind == SNAP_LINK;
}

void tree_begin(struct buf *b)
{
	buf_add(b, MAGIC "\0\0\0\0", HEAD);
}

void tree_end(struct buf *b, size_t at, uint32_t count)
{
	memcpy(b->data + at + 8, &count, 4);
}

void tree_add(struct buf *b, const struct snap_entry *e)
{
	uint8_t f[FIXED];
	uint16_t len = (uint16_t)e->name_len;

	memcpy(f, &len, 2);
	f[2] = (uint8_t)e->kind;
	f[3] = (uint8_t)((e->sparse ? FLAG_SPARSE : 0) | (e->has_xattrs ? FLAG_XATTRS : 0) |
			 (e->link_id ? FLAG_LINKED : 0));
	f[4] = (uint8_t)e->why;
	memcpy(f + 5, &e->mode, 4);
	memcpy(f + 9, &e->uid, 4);
	memcpy(f + 13, &e->gid, 4);
	memcpy(f + 17, &e->mtime_ns, 8);
	memcpy(f + 25, &e->size, 8);
	buf_add(b, f, sizeof(f));
	if (e->link_id)
		buf_add(b, &e->link_id, 8);
	if (tree_has_hash(e->kind))
		buf_add(b, e->hash.b, SNAP_HASH_SIZE);
	if (e->has_xattrs)
		buf_add(b, e->xattrs.b, SNAP_HASH_SIZE);
	buf_add(b, e->name, e->name_len);
}

static bool name_ok(const char *name, size_t n, bool root)
{
	if (n == 0 || n > TREE_NAME_MAX || memchr(name, 0, n))
		return false;
	if (root)
		return name[0] == '/';
	return !memchr(name, '/', n) && !(n == 1 && name[0] == '.') &&
	       !(n == 2 && name[0] == '.' && name[1] == '.');
}

/* Bytes used, 0 if it is none. names: where the name is copied to. */
static size_t parse_entry(const uint8_t *p, size_t n, bool roots, struct snap_entry *e,
			  char **names)
{
	size_t need = FIXED;
	uint16_t len;
	uint8_t flags;

	if (n < need)
		return 0;
	memcpy(&len, p, 2);
	e->kind = p[2];
	flags = p[3];
	e->why = p[4];
	if (e->kind == SNAP_NONE || e->kind > SNAP_LEFT_OUT || flags > 7 ||
	    e->why >= SNAP_WHY_COUNT)
		return 0;
	e->sparse = flags & FLAG_SPARSE;
	e->has_xattrs = flags & FLAG_XATTRS;
	memcpy(&e->mode, p + 5, 4);
	memcpy(&e->uid, p + 9, 4);
	memcpy(&e->gid, p + 13, 4);
	memcpy(&e->mtime_ns, p + 17, 8);
	memcpy(&e->size, p + 25, 8);
	need += len;
	need += flags & FLAG_LINKED ? 8 : 0;
	need += tree_has_hash(e->kind) ? SNAP_HASH_SIZE : 0;
	need += e->has_xattrs ? SNAP_HASH_SIZE : 0;
	if (need > n)
		return 0;
	p += FIXED;
	if (flags & FLAG_LINKED) {
		memcpy(&e->link_id, p, 8);
		p += 8;
	}
	if (tree_has_hash(e->kind)) {
		memcpy(e->hash.b, p, SNAP_HASH_SIZE);
		p += SNAP_HASH_SIZE;
	}
	if (e->has_xattrs) {
		memcpy(e->xattrs.b, p, SNAP_HASH_SIZE);
		p += SNAP_HASH_SIZE;
	}
	if (!name_ok((const char *)p, len, roots))
		return 0;
	memcpy(*names, p, len);
	(*names)[len] = '\0';
	e->name = *names;
	e->name_len = len;
	*names += len + 1;
	return need;
}

static bool sorted(const struct snap_entry *a, const struct snap_entry *b)
{
	return strcmp(a->name, b->name) < 0;
}

int tree_parse(const void *data, size_t n, bool roots, struct snap_tree *out, struct err *err)
{
	const uint8_t *p = data;
	uint32_t count;
	char *names;

	memset(out, 0, sizeof(*out));
	if (n < HEAD || memcmp(p, MAGIC, 8))
		return err_set(err, "a directory of a snapshot is malformed");
	memcpy(&count, p + 8, 4);
	p += HEAD;
	n -= HEAD;
	if (count > n / FIXED)
		return err_set(err, "a directory of a snapshot is malformed");
	out->memory = xcalloc(1, count * sizeof(*out->entries) + n + count + 1);
	out->entries = out->memory;
	names = (char *)(out->entries + count);
	for (; out->count < count; out->count++) {
		struct snap_entry *e = &out->entries[out->count];
		size_t used = parse_entry(p, n, roots, e, &names);

		if (!used || (out->count && !sorted(e - 1, e)))
			return err_set(err, "a directory of a snapshot is malformed");
		p += used;
		n -= used;
	}
	return n ? err_set(err, "a directory of a snapshot is malformed") : 0;
}

int tree_read(struct snap_store *s, const struct snap_hash *hash, bool roots, struct snap_tree *out,
	      struct err *err)
{
	enum object_kind kind;
	const void *p;
	size_t n;

	memset(out, 0, sizeof(*out));
	if (reader_object(s->reader, hash, &kind, &p, &n, err) < 0)
		return -1;
	if (kind != OBJECT_DIR)
		return err_set(err, "an object of the snapshots is no directory");
	return tree_parse(p, n, roots, out, err);
}

int snap_tree_read(struct snap_store *s, const struct snap_hash *hash, struct snap_tree *out,
		   struct err *err)
{
	return tree_read(s, hash, false, out, err);
}

void snap_tree_free(struct snap_tree *t)
{
	free(t->memory);
	memset(t, 0, sizeof(*t));
}

int xattrs_parse(const void *data, size_t n, snap_xattr_fn *fn, void *arg, struct err *err)
{
	const uint8_t *p = data;
	char name[256];

	while (n) {
		uint16_t name_len;
		uint32_t len;

		if (n < 6)
			return err_set(err, "extended attributes of a snapshot are malformed");
		memcpy(&name_len, p, 2);
		memcpy(&len, p + 2, 4);
		if (name_len == 0 || name_len >= sizeof(name) || n - 6 < name_len ||
		    len > n - 6 - name_len || memchr(p + 6, 0, name_len))
			return err_set(err, "extended attributes of a snapshot are malformed");
		memcpy(name, p + 6, name_len);
		name[name_len] = '\0';
		if (fn(arg, name, p + 6 + name_len, len, err) < 0)
			return -1;
		p += 6 + name_len + len;
		n -= 6 + (size_t)name_len + len;
	}
	return 0;
}

const char *snap_why_text(enum snap_why w)
{
	static const char *const text[SNAP_WHY_COUNT] = {"",
							 "excluded",
							 "ignored by .gitignore",
							 "larger than a file may be",
							 "beyond the budget of bytes",
							 "beyond the budget of files",
							 "a directory with too many entries",
							 "permission denied",
							 "can't be read",
							 "nested too deep",
							 "a file system of the kernel",
							 "changed while it was read",
							 "a socket, device or FIFO",
							 "a place of snapshots"};

	return w < SNAP_WHY_COUNT ? text[w] : "";
}
