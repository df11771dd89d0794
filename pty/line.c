/* One line of scrollback as bytes. */
#include "pty/line.h"
#include "pty/wire.h"

/* Bytes that text never holds announce what a code point alone does not say. */
#define MARK_WIDE	  0x01 /* the next code point takes two columns */
#define MARK_CLUSTER	  0x02 /* u8 length, text */
#define MARK_WIDE_CLUSTER 0x03

#define HEAD_WRAPPED 1u
#define HEAD_RUNS    2u
#define ATTR_MASK    ((uint16_t) ~(PTY_WIDE | PTY_WIDE_TAIL))

size_t line_bound(size_t n)
{
	return 20 + n * (LINE_CLUSTER_MAX + 2 + 16);
}

static uint8_t *encode_cell(uint8_t *p, const struct pty_cell *c, const struct line_clusters *names)
{
	bool wide = c->attr & PTY_WIDE;
	const char *text;
	size_t n;

	if (c->glyph < 0x80) {
		if (wide)
			*p++ = MARK_WIDE;
		*p++ = (uint8_t)(c->glyph ? c->glyph : ' ');
		return p;
	}
	if (!(c->glyph & PTY_GLYPH_CLUSTER)) {
		if (wide)
			*p++ = MARK_WIDE;
		return p + utf8_encode(c->glyph, (char *)p);
	}
	text = names->text(names->data, c->glyph & ~PTY_GLYPH_CLUSTER);
	n = text ? strlen(text) : 0;
	if (!n || n > LINE_CLUSTER_MAX) {
		if (wide)
			*p++ = MARK_WIDE;
		return p + utf8_encode(0xfffd, (char *)p);
	}
	*p++ = wide ? MARK_WIDE_CLUSTER : MARK_CLUSTER;
	*p++ = (uint8_t)n;
	memcpy(p, text, n);
	return p + n;
}

static bool same_pen(const struct pty_cell *a, const struct pty_cell *b)
{
	return a->fg == b->fg && a->bg == b->bg && ((a->attr ^ b->attr) & ATTR_MASK) == 0;
}

/* Runs: varint cells, attr u16, fg, bg. Cells after the last run are in default colours. */
static uint8_t *encode_runs(uint8_t *p, const struct pty_cell *c, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t from = i;
		uint16_t attr = c[i].attr & ATTR_MASK;

		while (i < n && same_pen(&c[from], &c[i]))
			i++;
		if (i == n && !attr && !c[from].fg && !c[from].bg)
			break;
		p = varint_write(p, i - from);
		*p++ = (uint8_t)attr;
		*p++ = (uint8_t)(attr >> 8);
		p = color_write(p, c[from].fg);
		p = color_write(p, c[from].bg);
	}
	return p;
}

static size_t encode_plain(uint8_t *out, const struct pty_cell *c, size_t n, bool wrapped)
{
	uint8_t *p = varint_write(out, (uint64_t)n << 2 | (wrapped ? HEAD_WRAPPED : 0));

	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(c[i].glyph ? c[i].glyph : ' ');
	return (size_t)(p - out) + n;
}

size_t line_encode(uint8_t *out, const struct pty_cell *cells, size_t n, bool plain, bool wrapped,
		   const struct line_clusters *names)
{
	uint8_t *text, *p;
	size_t text_len, runs_len, head;
	uint8_t tmp[10];

	if (plain)
		return encode_plain(out, cells, n, wrapped);
	/* The lengths come first and are known last: write behind a gap, then close it. */
	text = p = out + 20;
	for (size_t i = 0; i < n; i++)
		if (!(cells[i].attr & PTY_WIDE_TAIL))
			p = encode_cell(p, &cells[i], names);
	text_len = (size_t)(p - text);
	runs_len = (size_t)(encode_runs(p, cells, n) - p);
	head = (size_t)(varint_write(out, (uint64_t)text_len << 2 | (wrapped ? HEAD_WRAPPED : 0) |
					      (runs_len ? HEAD_RUNS : 0)) -
			out);
	if (runs_len) {
		size_t k = (size_t)(varint_write(tmp, runs_len) - tmp);

		memcpy(out + head, tmp, k);
		head += k;
	}
	memmove(out + head, text, text_len + runs_len);
	return head + text_len + runs_len;
}

struct parts {
	struct reader text, runs;
	bool wrapped;
	size_t size;
};

static bool split(const uint8_t *p, size_t n, struct parts *out)
{
	struct reader r = {.p = p, .end = p + n};
	uint64_t head = get_varint(&r), runs = head & HEAD_RUNS ? get_varint(&r) : 0;
	const uint8_t *text;

	if (r.bad || head >> 2 > reader_left(&r) || runs > reader_left(&r) - (head >> 2))
		return false;
	text = r.p;
	out->text = (struct reader){.p = text, .end = text + (head >> 2)};
	out->runs = (struct reader){.p = out->text.end, .end = out->text.end + runs};
	out->wrapped = head & HEAD_WRAPPED;
	out->size = (size_t)(out->runs.end - p);
	return true;
}

size_t line_size(const uint8_t *p, size_t n)
{
	struct parts parts;

	return split(p, n, &parts) ? parts.size : 0;
}

bool line_wrapped(const uint8_t *p, size_t n)
{
	struct parts parts;

	return split(p, n, &parts) && parts.wrapped;
}

static uint32_t decode_cluster(struct reader *r, const struct line_clusters *names)
{
	size_t n = get_u8(r);
	const uint8_t *p = get_bytes(r, n);
	uint32_t index, cp;

	if (!p || !n || n > LINE_CLUSTER_MAX || !text_is_printable((const char *)p, n)) {
		r->bad = true;
		return 0;
	}
	index = names->intern(names->data, (const char *)p, n);
	if (index)
		return PTY_GLYPH_CLUSTER | index;
	utf8_decode((const char *)p, n, &cp);
	return cp;
}

static uint32_t decode_rune(struct reader *r)
{
	uint32_t cp = 0;
	size_t k = utf8_decode((const char *)r->p, reader_left(r), &cp);

	if (!k || !cp || !glyph_valid(cp)) {
		r->bad = true;
		return 0;
	}
	r->p += k;
	return cp;
}

static size_t decode_text(struct reader *r, struct pty_cell *cells, size_t cols,
			  const struct line_clusters *names)
{
	size_t x = 0;

	while (r->p < r->end && !r->bad && x < cols) {
		uint8_t c = *r->p;
		bool wide = false;
		uint32_t glyph;

		if (c >= 0x20 && c < 0x7f) {
			cells[x++].glyph = c;
			r->p++;
			continue;
		}
		if (c <= MARK_WIDE_CLUSTER) {
			wide = c != MARK_CLUSTER;
			r->p++;
		}
		glyph = c == MARK_CLUSTER || c == MARK_WIDE_CLUSTER ? decode_cluster(r, names)
								    : decode_rune(r);
		if (r->bad || (wide && x + 1 >= cols))
			break;
		cells[x].glyph = glyph;
		if (wide) {
			cells[x].attr = PTY_WIDE;
			cells[++x].attr = PTY_WIDE_TAIL;
		}
		x++;
	}
	return x;
}

static void decode_runs(struct reader *r, struct pty_cell *cells, size_t cols)
{
	size_t x = 0;

	while (r->p < r->end && !r->bad) {
		uint64_t n = get_varint(r);
		uint16_t attr = get_u16(r) & ATTR_MASK;
		uint32_t fg = color_read(r), bg = color_read(r);

		if (r->bad)
			break;
		for (; n && x < cols; n--, x++) {
			cells[x].attr |= attr;
			cells[x].fg = fg;
			cells[x].bg = bg;
		}
	}
}

size_t line_decode(const uint8_t *p, size_t n, struct pty_cell *cells, size_t cols,
		   const struct line_clusters *names)
{
	struct parts parts;

	memset(cells, 0, cols * sizeof(*cells));
	if (!split(p, n, &parts))
		return 0;
	decode_text(&parts.text, cells, cols, names);
	decode_runs(&parts.runs, cells, cols);
	return parts.text.bad || parts.runs.bad ? 0 : parts.size;
}
