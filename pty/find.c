/* Finding text in rows of cells. */
#include "pty/pty.h"
#include "pty/wire.h"

/* A capital letter's small one where both take as many bytes: Latin, Greek, Cyrillic. */
static uint32_t fold_rune(uint32_t c)
{
	if (c < 0x80)
		return c >= 'A' && c <= 'Z' ? c + 32 : c;
	if ((c >= 0xc0 && c <= 0xde && c != 0xd7) || (c >= 0x391 && c <= 0x3a9) ||
	    (c >= 0x410 && c <= 0x42f))
		return c + 32;
	if (c >= 0x400 && c <= 0x40f)
		return c + 80;
	if ((c >= 0x100 && c <= 0x12f) || (c >= 0x14a && c <= 0x177))
		return c | 1;
	return c;
}

static void fold(char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		uint32_t c;
		size_t k = utf8_decode(s + i, n - i, &c);

		if (!k)
			return;
		if (fold_rune(c) != c)
			utf8_encode(fold_rune(c), s + i);
		i += k;
	}
}

bool pty_needle_set(struct pty_needle *d, const char *utf8, size_t n)
{
	char small[PTY_FIND_MAX];

	*d = (struct pty_needle){0};
	if (!n || n >= sizeof(d->text) || !text_is_printable(utf8, n))
		return false;
	memcpy(small, utf8, n);
	fold(small, n);
	memcpy(d->text, utf8, n);
	d->n = n;
	d->fold = memcmp(small, utf8, n) == 0;
	return true;
}

void pty_row_text_free(struct pty_row_text *t)
{
	free(t->text);
	free(t->at);
	*t = (struct pty_row_text){0};
}

static bool room(struct pty_row_text *t, size_t n)
{
	size_t cap = t->cap ? t->cap : 1024;
	char *text;
	uint32_t *at;

	if (n <= t->cap - t->n)
		return true;
	while (cap < t->n + n)
		cap *= 2;
	text = realloc(t->text, cap);
	if (text)
		t->text = text;
	at = text ? realloc(t->at, cap * sizeof(*at)) : NULL;
	if (!at)
		return false;
	t->at = at;
	t->cap = cap;
	return true;
}

void pty_row_text_add(struct pty_row_text *t, const struct pty_cell *cells, int n, bool folded,
		      const char *(*cluster)(void *data, uint32_t index), void *data)
{
	uint32_t row = t->rows++;
	size_t from = t->n;

	for (int x = 0; x < n; x++) {
		uint32_t g = cells[x].glyph;
		const char *text = NULL;
		char utf8[4];
		size_t k;

		if (cells[x].attr & PTY_WIDE_TAIL)
			continue;
		if (g & PTY_GLYPH_CLUSTER)
			text = cluster(data, g & ~PTY_GLYPH_CLUSTER);
		if (text) {
			k = strlen(text);
		} else {
			k = utf8_encode(g & PTY_GLYPH_CLUSTER ? 0xfffd : g ? g : ' ', utf8);
			text = utf8;
		}
		if (!room(t, k))
			break;
		memcpy(t->text + t->n, text, k);
		for (size_t i = 0; i < k; i++)
			t->at[t->n + i] = row << 16 | (uint32_t)x;
		t->n += k;
	}
	if (folded && t->n > from)
		fold(t->text + from, t->n - from);
}

bool pty_find_in(const struct pty_row_text *t, const struct pty_needle *d, size_t from,
		 size_t *found)
{
	const char *p;

	if (!d->n || from >= t->n || t->n - from < d->n)
		return false;
	p = memmem(t->text + from, t->n - from, d->text, d->n);
	if (!p)
		return false;
	*found = (size_t)(p - t->text);
	return true;
}
