/* What a person has agreed to: <state>/rollbacks/ID/accepted, one mark in hex a line. */
#include "common/digest.h"
#include "sessions/review.h"

#define LINE (2 * REVIEW_MARK_SIZE + 1)

static void hash_number(SHA256_CTX *c, uint64_t n)
{
	unsigned char b[8];

	for (int i = 0; i < 8; i++)
		b[i] = (unsigned char)(n >> 8 * i);
	SHA256_Update(c, b, sizeof(b));
}

static void hash_path(SHA256_CTX *c, char what, const char *path)
{
	SHA256_Init(c);
	SHA256_Update(c, &what, 1);
	SHA256_Update(c, path, strlen(path) + 1);
}

static void hash_entry(SHA256_CTX *c, const struct snap_entry *e)
{
	hash_number(c, e->kind);
	hash_number(c, (uint64_t)e->mode << 32 | e->uid);
	hash_number(c, e->gid);
	if (e->kind == SNAP_FILE || e->kind == SNAP_LINK)
		SHA256_Update(c, e->hash.b, sizeof(e->hash.b));
	if (e->has_xattrs)
		SHA256_Update(c, e->xattrs.b, sizeof(e->xattrs.b));
}

struct review_mark review_mark_of(const struct change *c)
{
	struct review_mark m;
	SHA256_CTX h;

	hash_path(&h, 'f', c->path);
	hash_entry(&h, &c->before);
	hash_entry(&h, &c->after);
	SHA256_Final(m.b, &h);
	return m;
}

struct review_mark review_mark_hunk(const char *path, const struct diff *d, size_t hunk)
{
	_cleanup_(buf_free) struct buf text = {0};
	struct review_mark m;
	const char *lines;
	SHA256_CTX h;

	diff_hunks_text(d, hunk, 1, &text);
	hash_path(&h, 'h', path);
	lines = text.len ? memchr(text.data, '\n', text.len) : NULL; /* the numbers do not count */
	if (lines)
		SHA256_Update(&h, lines, text.len - (size_t)(lines - text.data));
	SHA256_Final(m.b, &h);
	return m;
}

/* ---- the set -------------------------------------------------------------------------------- */

static int order(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct review_mark));
}

static size_t place_of(const struct review_marks *m, const struct review_mark *mark)
{
	size_t lo = 0, hi = m->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (order(&m->v[mid], mark) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool review_marked(const struct review_marks *m, const struct review_mark *mark)
{
	size_t i = place_of(m, mark);

	return i < m->n && order(&m->v[i], mark) == 0;
}

bool review_mark_set(struct review_marks *m, const struct review_mark *mark, bool on)
{
	size_t i = place_of(m, mark);

	if (review_marked(m, mark) == on || (on && m->n == REVIEW_MARKS_MAX))
		return false;
	if (on)
		m->v = xrealloc_array(m->v, m->n + 1, sizeof(*m->v));
	memmove(m->v + i + on, m->v + i + !on, (m->n - i - !on) * sizeof(*m->v));
	if (on)
		m->v[i] = *mark;
	m->n = on ? m->n + 1 : m->n - 1;
	return true;
}

void review_marks_free(struct review_marks *m)
{
	free(m->v);
	*m = (struct review_marks){0};
}

/* ---- the file ---------------------------------------------------------------------------------
 */

static char *marks_path(const char *id)
{
	_cleanup_free_ char *state = dir_state();

	return xasprintf("%s/rollbacks/%s/accepted", state, id);
}

int review_marks_load(const char *id, struct review_marks *m, struct err *err)
{
	_cleanup_free_ char *path = marks_path(id), *text = NULL;
	size_t n;

	*m = (struct review_marks){0};
	if (!snap_name_ok(id))
		return err_usage(err, "%s is no session id", id);
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	text = file_read(path, (size_t)REVIEW_MARKS_MAX * LINE, &n, err);
	if (!text)
		return -1;
	m->v = xcalloc(n / LINE + 1, sizeof(*m->v));
	for (size_t i = 0; i + LINE <= n; i += LINE) {
		struct snap_hash h;

		text[i + LINE - 1] = '\0';
		if (snap_hash_parse(&h, text + i) == 0)
			memcpy(m->v[m->n++].b, h.b, sizeof(h.b));
	}
	qsort(m->v, m->n, sizeof(*m->v), order);
	return 0;
}

int review_marks_store(const char *id, const struct review_marks *m, struct err *err)
{
	_cleanup_free_ char *path = marks_path(id);
	_cleanup_(buf_free) struct buf out = {0};
	char hex[LINE];

	if (!snap_name_ok(id))
		return err_usage(err, "%s is no session id", id);
	for (size_t i = 0; i < m->n; i++) {
		digest_hex(m->v[i].b, REVIEW_MARK_SIZE, hex);
		buf_adds(&out, hex);
		buf_addc(&out, '\n');
	}
	return file_write_atomic(path, 0600, out.len ? out.data : "", out.len, err);
}
