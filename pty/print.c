/* Text into cells: the hot path, and what joins several code points into one glyph. */
#include "pty/terminal.h"
#include "pty/width.h"

static inline struct pty_cell cell_of(const struct pen *p, uint32_t glyph)
{
	return (struct pty_cell){
	    .glyph = glyph, .fg = p->fg, .bg = p->bg, .attr = p->attr, .extra = p->extra};
}

static inline bool pen_plain(const struct pen *p)
{
	return !(p->fg | p->bg | p->attr | p->extra);
}

static void wrap(struct terminal *t)
{
	struct row *r = t->grid->rows[t->c.y];

	if (r->len < t->cols)
		row_open(r, t->cols, t->cols);
	r->wrapped = true;
	vt_linefeed(t);
	t->c.x = 0;
}

static uint32_t map_charset(const struct terminal *t, uint8_t c)
{
	/* DEC special graphics 0x60-0x7e */
	static const uint16_t line[] = {
	    0x25c6, 0x2592, 0x2409, 0x240c, 0x240d, 0x240a, 0x00b0, 0x00b1, 0x2424, 0x240b, 0x2518,
	    0x2510, 0x250c, 0x2514, 0x253c, 0x23ba, 0x23bb, 0x2500, 0x23bc, 0x23bd, 0x251c, 0x2524,
	    0x2534, 0x252c, 0x2502, 0x2264, 0x2265, 0x03c0, 0x2260, 0x00a3, 0x00b7};
	uint8_t set = t->c.charset[t->c.gl];

	if (set == '0' && c >= 0x60 && c <= 0x7e)
		return line[c - 0x60];
	if (set == 'A' && c == '#')
		return 0xa3;
	return c;
}

static void print_glyph(struct terminal *t, uint32_t glyph, int width)
{
	struct row *r;
	int x;

	if (width > t->cols)
		width = 1;
	if (t->c.wrap_pending && (t->modes & MODE_WRAP))
		wrap(t);
	if (width == 2 && t->c.x == t->cols - 1) {
		if (t->modes & MODE_WRAP)
			wrap(t);
		else
			t->c.x--;
	}
	x = t->c.x;
	r = vt_row(t, t->c.y);
	if (t->modes & MODE_INSERT)
		row_insert(r, t->cols, x, width, t->c.pen.bg);
	row_open(r, x, x + width);
	r->cells[x] = cell_of(&t->c.pen, glyph);
	r->plain &= glyph < 0x80 && width == 1 && pen_plain(&t->c.pen);
	if (width == 2) {
		r->cells[x].attr |= PTY_WIDE;
		r->cells[x + 1] = cell_of(&t->c.pen, 0);
		r->cells[x + 1].attr |= PTY_WIDE_TAIL;
		r->has_wide = true;
	}
	x += width;
	t->c.wrap_pending = x >= t->cols;
	t->c.x = t->c.wrap_pending ? t->cols - 1 : x;
}

static void print_mapped(struct terminal *t, const uint8_t *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		print_glyph(t, map_charset(t, s[i]), 1);
}

static inline void fill(struct pty_cell *c, const struct pen *pen, const uint8_t *s, size_t n)
{
	struct pty_cell cell = cell_of(pen, 0);

	for (size_t i = 0; i < n; i++) {
		cell.glyph = s[i];
		c[i] = cell;
	}
}

static bool only_blanks(const uint8_t *s, size_t n)
{
	while (n && s[n - 1] == ' ')
		n--;
	return n == 0;
}

void vt_print_ascii(void *data, const uint8_t *s, size_t n)
{
	struct terminal *t = data;
	struct row *r;

	t->last_base = t->last_cp = t->repeat = s[n - 1];
	t->last_flags = 0;
	if (!t->visible)
		t->visible = !only_blanks(s, n);
	if (t->c.charset[t->c.gl] != 'B') {
		print_mapped(t, s, n);
		return;
	}
	while (n) {
		size_t room, k;

		if (t->c.wrap_pending) {
			if (t->modes & MODE_WRAP) {
				wrap(t);
			} else { /* only the last one stays */
				s += n - 1;
				n = 1;
			}
		}
		room = (size_t)(t->cols - t->c.x);
		k = n < room ? n : room;
		r = vt_row(t, t->c.y);
		if (t->modes & MODE_INSERT)
			row_insert(r, t->cols, t->c.x, (int)k, t->c.pen.bg);
		row_open(r, t->c.x, t->c.x + (int)k);
		fill(r->cells + t->c.x, &t->c.pen, s, k);
		if (r->plain && !pen_plain(&t->c.pen))
			r->plain = false;
		t->c.x += (int)k;
		if (t->c.x == t->cols) {
			t->c.x--;
			t->c.wrap_pending = true;
		}
		s += k;
		n -= k;
	}
	t->last_base = t->last_cp; /* wrapping forgot it */
}

/* ---- clusters -------------------------------------------------------------- */

/* Column of the glyph before the cursor in its row, -1 if there is none. */
static int before(const struct terminal *t, const struct row *r)
{
	int x = t->c.wrap_pending ? t->c.x : t->c.x - 1;

	if (x < 0 || x >= r->len)
		return -1;
	if (x > 0 && (r->cells[x].attr & PTY_WIDE_TAIL))
		x--;
	return x;
}

static bool widen(struct terminal *t, struct row *r, int x)
{
	if ((r->cells[x].attr & PTY_WIDE) || t->c.wrap_pending || x + 1 != t->c.x)
		return false;
	row_open(r, x + 1, x + 2);
	r->cells[x].attr |= PTY_WIDE;
	r->cells[x + 1] = r->cells[x];
	r->cells[x + 1].glyph = 0;
	r->cells[x + 1].attr = (uint16_t)((r->cells[x].attr & ~PTY_WIDE) | PTY_WIDE_TAIL);
	r->has_wide = true;
	if (t->c.x == t->cols - 1)
		t->c.wrap_pending = true;
	else
		t->c.x++;
	return true;
}

/* Adds cp to the glyph before the cursor; false if nothing stands there. */
static bool join(struct terminal *t, uint32_t cp, enum glyph_class cls)
{
	struct row *r = t->grid->rows[t->c.y];
	int x = before(t, r);
	char text[CLUSTER_BYTES_MAX + 8];
	const char *old;
	size_t n = 0;
	uint32_t g;
	uint16_t index;

	if (x < 0 || !r->cells[x].glyph)
		return false;
	r = vt_row(t, t->c.y);
	g = r->cells[x].glyph;
	if (g & PTY_GLYPH_CLUSTER) {
		old = terminal_cluster(t, g & ~PTY_GLYPH_CLUSTER);
		n = old ? strlen(old) : 0;
		if (n)
			memcpy(text, old, n);
	} else
		n = utf8_encode(g, text);
	t->last_cp = cp;
	if (cls == GLYPH_VS16 && g < 0x110000) {
		enum glyph_class base = glyph_class(g);

		if (base == GLYPH_TEXT_PICT)
			widen(t, r, x);
	}
	if (n + 4 > CLUSTER_BYTES_MAX)
		return true; /* long enough: the rest is not shown */
	n += utf8_encode(cp, text + n);
	index = vt_intern(t, &t->clusters, text, n);
	r->plain = false;
	if (index)
		r->cells[x].glyph = PTY_GLYPH_CLUSTER | index;
	return true;
}

void vt_print_rune(void *data, uint32_t cp)
{
	struct terminal *t = data;
	enum glyph_class cls = glyph_class(cp);

	if (cls == GLYPH_IGNORE)
		return;
	t->visible = true;
	if (cls >= GLYPH_PICT) {
		if (cls == GLYPH_ZERO || cls == GLYPH_ZWJ || cls == GLYPH_VS16) {
			join(t, cp, cls);
			return;
		}
		if (t->last_base && glyph_joins(t->last_base, t->last_cp, t->last_flags, cp, cls) &&
		    join(t, cp, cls)) {
			if (cls == GLYPH_FLAG) {
				struct row *r = t->grid->rows[t->c.y];
				int x = before(t, r);

				t->last_flags = 2;
				if (x >= 0)
					widen(t, r, x);
			}
			return;
		}
	}
	print_glyph(t, cp, glyph_columns(cls));
	t->last_base = t->last_cp = t->repeat = cp;
	t->last_flags = cls == GLYPH_FLAG;
}

void vt_repeat(struct terminal *t, int n)
{
	uint32_t cp = t->repeat;
	int most = t->cols; /* programs repeat within a row; a few bytes must not cost a screen */

	if (!cp)
		return;
	if (n > most)
		n = most;
	for (int i = 0; i < n; i++)
		print_glyph(t, cp < 0x80 ? map_charset(t, (uint8_t)cp) : cp,
			    glyph_columns(cp < 0x80 ? GLYPH_NARROW : glyph_class(cp)));
}
