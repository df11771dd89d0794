/* What differs between two states of a session's trees. */
#include "sessions/rollback_changes.h"

#include <fcntl.h>
#include <sys/stat.h>

#define TEXT_MAX (16u << 20) /* larger files are named only */

static int add_change(void *arg, const struct snap_change *c, struct err *err)
{
	struct changes *out = arg;
	struct change *n;

	(void)err;
	if (out->only) {
		bool in = false;
		for (const char *const *p = out->only; *p; p++)
			in |= path_under(*p, c->path);
		if (!in)
			return 0;
	}
	if (out->max && out->n == out->max) {
		out->more = true;
		return 1;
	}
	if (out->n == out->cap) {
		out->cap = out->cap ? 2 * out->cap : 64;
		out->v = xrealloc_array(out->v, out->cap, sizeof(*out->v));
	}
	n = &out->v[out->n++];
	*n = (struct change){c->type, xstrdup(c->path), *c->before, *c->after};
	n->before.name = n->after.name = NULL;
	return 0;
}

int changes_load(struct snap_store *s, const struct snap_record *a, const struct snap_record *b,
		 struct changes *out, struct err *err)
{
	return snap_changes(s, a, b, add_change, out, err) < 0 ? -1 : 0;
}

void changes_free(struct changes *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->v[i].path);
	free(c->v);
	*c = (struct changes){.only = c->only, .max = c->max};
}

char change_sign(enum snap_change_type t)
{
	static const char signs[] = {[SNAP_CREATED] = '+',
				     [SNAP_MODIFIED] = '~',
				     [SNAP_DELETED] = '-',
				     [SNAP_PERMISSIONS] = 'p'};

	return signs[t];
}

/* ---- contents ------------------------------------------------------------------------------ */

static int read_live(const char *path, const struct snap_entry *e, struct buf *out, struct err *err)
{
	_cleanup_close_ int fd =
	    open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct snap_hash is;
	uint64_t size;
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(err, errno, "can't read %s", path);
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != e->size)
		return err_set(err, "%s was changed meanwhile", path);
	buf_reserve(out, e->size + 1);
	n = read_full(fd, out->data, e->size);
	if (n < 0)
		return err_errno(err, errno, "can't read %s", path);
	out->len = (size_t)n;
	if (snap_hash_fd(fd, &is, &size, err) < 0)
		return -1;
	return snap_hash_equal(&is, &e->hash) ? 0 : err_set(err, "%s was changed meanwhile", path);
}

static int read_link(const char *path, const struct snap_entry *e, struct buf *out, struct err *err)
{
	char to[4096];
	ssize_t n = readlink(path, to, sizeof(to));

	if (n < 0)
		return err_errno(err, errno, "can't read %s", path);
	if ((uint64_t)n != e->size)
		return err_set(err, "%s was changed meanwhile", path);
	buf_add(out, to, (size_t)n);
	return 0;
}

static int read_side(struct snap_store *s, const char *path, const struct snap_entry *e, bool live,
		     struct buf *out, struct err *err)
{
	if (e->kind == SNAP_NONE || e->kind == SNAP_DIR)
		return 0;
	if (e->kind == SNAP_FILE && e->size > TEXT_MAX)
		return err_set(err, "too large for a diff");
	if (e->kind == SNAP_FILE && live)
		return read_live(path, e, out, err);
	if (e->kind == SNAP_LINK && live)
		return read_link(path, e, out, err);
	if (e->kind != SNAP_FILE && e->kind != SNAP_LINK)
		return err_set(err, "no file");
	return snap_blob_read(s, &e->hash, TEXT_MAX, out, err);
}

int change_texts(struct snap_store *s, const struct change *c, bool live, struct buf *a,
		 struct buf *b, struct err *err)
{
	return read_side(s, c->path, &c->before, false, a, err) < 0 ||
		       read_side(s, c->path, &c->after, live, b, err) < 0
		   ? -1
		   : 0;
}
