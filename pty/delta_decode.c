/* What changed since a client's last picture: the client's side. Nothing in it is trusted. */
#include "pty/delta.h"

void picture_init(struct picture *p)
{
	*p = (struct picture){.s.cursor_visible = true};
	intern_init(&p->history_clusters, CLUSTERS_MAX, CLUSTERS_MAX * LINE_CLUSTER_MAX);
}

static void forget_tables(struct picture *p)
{
	for (size_t i = 0; i < p->s.n_clusters && i < CLUSTERS_MAX; i++) {
		free(p->s.clusters[i]);
		p->s.clusters[i] = NULL;
	}
	for (size_t i = 0; i < p->s.n_extras; i++)
		free(p->s.extras[i].link);
	p->s.n_extras = 0;
}

void picture_free(struct picture *p)
{
	forget_tables(p);
	free(p->s.clusters);
	free(p->s.extras);
	free(p->s.cells);
	free(p->s.row_gen);
	intern_free(&p->history_clusters);
	*p = (struct picture){0};
}

/* ---- tables ------------------------------------------------------------------ */

static bool cluster_room(struct picture *p, size_t index)
{
	struct pty_screen *s = &p->s;

	if (index >= p->cap_clusters) {
		size_t cap = p->cap_clusters ? p->cap_clusters : 64;
		char **v;

		while (cap <= index)
			cap *= 2;
		v = realloc(s->clusters, cap * sizeof(*v));
		if (!v)
			return false;
		s->clusters = v;
		p->cap_clusters = cap;
	}
	while (s->n_clusters <= index)
		s->clusters[s->n_clusters++] = NULL;
	return true;
}

static bool extra_room(struct picture *p, size_t index)
{
	struct pty_screen *s = &p->s;

	if (index >= p->cap_extras) {
		size_t cap = p->cap_extras ? p->cap_extras : 16;
		struct pty_extra *v;

		while (cap <= index)
			cap *= 2;
		v = realloc(s->extras, cap * sizeof(*v));
		if (!v)
			return false;
		s->extras = v;
		p->cap_extras = cap;
	}
	while (s->n_extras <= index)
		s->extras[s->n_extras++] = (struct pty_extra){0};
	return true;
}

uint32_t picture_intern(void *picture, const char *text, size_t n)
{
	struct picture *p = picture;
	uint16_t i = intern_find(&p->history_clusters, text, n);

	if (!i)
		i = intern_add(&p->history_clusters, text, n, 0);
	if (!i || !cluster_room(p, CLUSTERS_MAX + i))
		return 0;
	p->s.clusters[CLUSTERS_MAX + i] = p->history_clusters.entries[i].text;
	return CLUSTERS_MAX + i;
}

static int read_clusters(struct picture *p, struct reader *r)
{
	uint64_t i;

	while ((i = get_varint(r)) && !r->bad) {
		uint64_t n = get_varint(r);
		const uint8_t *text;
		char *copy;

		if (r->bad || i >= CLUSTERS_MAX || !n || n > CLUSTER_BYTES_MAX)
			return -1;
		text = get_bytes(r, (size_t)n);
		if (!text || !text_is_printable((const char *)text, (size_t)n) ||
		    !cluster_room(p, (size_t)i))
			return -1;
		copy = strndup((const char *)text, (size_t)n);
		if (!copy)
			return -1;
		free(p->s.clusters[i]);
		p->s.clusters[i] = copy;
	}
	return r->bad ? -1 : 0;
}

static bool uri_valid(const uint8_t *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] < 0x21 || s[i] > 0x7e)
			return false;
	return true;
}

static int read_extras(struct picture *p, struct reader *r)
{
	uint64_t i;

	while ((i = get_varint(r)) && !r->bad) {
		uint64_t n = get_varint(r);
		const uint8_t *text;
		uint32_t color;
		char *link = NULL;

		if (r->bad || i >= EXTRAS_MAX || n < 4 || n > 4 + LINK_MAX)
			return -1;
		text = get_bytes(r, (size_t)n);
		if (!text || !uri_valid(text + 4, (size_t)n - 4) || !extra_room(p, (size_t)i))
			return -1;
		memcpy(&color, text, 4);
		if (!color_valid(color))
			return -1;
		if (n > 4 && !(link = strndup((const char *)text + 4, (size_t)n - 4)))
			return -1;
		free(p->s.extras[i].link);
		p->s.extras[i] = (struct pty_extra){.ul_color = color, .link = link};
	}
	return r->bad ? -1 : 0;
}

/* ---- rows ----------------------------------------------------------------------- */

static void read_pen(struct reader *r, unsigned mask, struct pty_cell *pen,
		     const struct pty_screen *s)
{
	if (mask & 1)
		pen->fg = color_read(r);
	if (mask & 2)
		pen->bg = color_read(r);
	if (mask & 4)
		pen->attr = get_u16(r) & (uint16_t) ~(PTY_WIDE | PTY_WIDE_TAIL);
	if (mask & 8) {
		uint64_t extra = get_varint(r);

		if (extra && extra >= s->n_extras)
			r->bad = true;
		pen->extra = r->bad ? 0 : (uint16_t)extra;
	}
	if (((pen->attr & PTY_UL_MASK) >> PTY_UL_SHIFT) > 5 || (pen->attr >> 13))
		r->bad = true;
}

static uint32_t read_glyph(struct reader *r)
{
	uint64_t g = get_varint(r);

	if (g > 0x10ffff || !g || !glyph_valid((uint32_t)g))
		r->bad = true;
	return r->bad ? 0 : (uint32_t)g;
}

static uint32_t read_cluster(struct reader *r, const struct pty_screen *s)
{
	uint64_t i = get_varint(r);

	if (i >= s->n_clusters || i >= CLUSTERS_MAX || !s->clusters[i])
		r->bad = true;
	return r->bad ? 0 : PTY_GLYPH_CLUSTER | (uint32_t)i;
}

static void put_cell(struct pty_cell *c, const struct pty_cell *pen, uint32_t glyph, bool wide)
{
	*c = *pen;
	c->glyph = glyph;
	if (wide) {
		c[1] = *pen;
		c[1].attr |= PTY_WIDE_TAIL;
		c[0].attr |= PTY_WIDE;
	}
}

static void read_row(struct reader *r, const struct pty_screen *s, struct pty_cell *row,
		     struct pty_cell *pen)
{
	size_t x = 0, cols = (size_t)s->cols;

	while (!r->bad) {
		uint8_t head = get_u8(r);
		unsigned type = head & 7;
		uint64_t count = head >> 3;
		size_t width = type == TOKEN_WIDE ? 2 : 1;
		uint32_t glyph;

		if (type == TOKEN_END)
			break;
		if (type == TOKEN_PEN) {
			read_pen(r, (unsigned)count, pen, s);
			continue;
		}
		if (count == TOKEN_LONG)
			count += get_varint(r);
		if (r->bad || count > (cols - x) / width) {
			r->bad = true;
			break;
		}
		switch (type) {
		case TOKEN_ASCII: {
			const uint8_t *text = get_bytes(r, (size_t)count);

			for (size_t i = 0; text && i < count; i++) {
				if (text[i] < 0x20 || text[i] > 0x7e)
					r->bad = true;
				put_cell(row + x++, pen, text[i], false);
			}
			break;
		}
		case TOKEN_BLANK:
			for (; count; count--)
				put_cell(row + x++, pen, 0, false);
			break;
		case TOKEN_REPEAT:
			glyph = read_glyph(r);
			for (; count; count--)
				put_cell(row + x++, pen, glyph, false);
			break;
		case TOKEN_CLUSTER:
			glyph = read_cluster(r, s);
			if (count < 1 || count > 2)
				r->bad = true;
			else
				put_cell(row + x, pen, glyph, count == 2);
			x += (size_t)count;
			break;
		default:
			for (; count && !r->bad; count--, x += width)
				put_cell(row + x, pen, read_glyph(r), width == 2);
		}
	}
	memset(row + x, 0, (cols - x) * sizeof(*row));
}

static void read_rows(struct reader *r, struct pty_screen *s)
{
	struct pty_cell pen = {0};
	uint64_t y;

	while ((y = get_varint(r)) && !r->bad) {
		if (y > (uint64_t)s->rows) {
			r->bad = true;
			return;
		}
		read_row(r, s, s->cells + (size_t)(y - 1) * (size_t)s->cols, &pen);
		s->row_gen[y - 1] = s->generation;
	}
}

static void move_up(struct pty_screen *s, size_t n)
{
	size_t rows = (size_t)s->rows, cols = (size_t)s->cols;

	memmove(s->cells, s->cells + n * cols, (rows - n) * cols * sizeof(*s->cells));
	memset(s->cells + (rows - n) * cols, 0, n * cols * sizeof(*s->cells));
	for (size_t y = 0; y < rows; y++)
		s->row_gen[y] = s->generation;
}

/* ---- the rest ----------------------------------------------------------------------- */

static int read_size(struct picture *p, struct reader *r)
{
	size_t cols = get_u16(r), rows = get_u16(r);
	struct pty_cell *cells;
	uint64_t *gens;

	if (r->bad || cols < 1 || cols > PTY_COLS_MAX || rows < 1 || rows > PTY_ROWS_MAX)
		return -1;
	cells = calloc(cols * rows, sizeof(*cells));
	gens = calloc(rows, sizeof(*gens));
	if (!cells || !gens) {
		free(cells);
		free(gens);
		return -1;
	}
	free(p->s.cells);
	free(p->s.row_gen);
	p->s.cells = cells;
	p->s.row_gen = gens;
	p->s.cols = (int)cols;
	p->s.rows = (int)rows;
	for (size_t y = 0; y < rows; y++)
		gens[y] = p->s.generation;
	forget_tables(p);
	return 0;
}

static void read_state(struct reader *r, struct pty_screen *s)
{
	unsigned bits = get_u8(r), shape = get_u8(r), mouse = get_u8(r), kitty = get_u8(r),
		 status = get_u8(r);

	if (shape > 6 || mouse > PTY_MOUSE_ANY || kitty > 31 || status > PTY_STATE_ERROR)
		r->bad = true;
	if (r->bad)
		return;
	s->cursor_visible = bits & STATE_CURSOR;
	s->alt_screen = bits & STATE_ALT;
	s->bracketed_paste = bits & STATE_PASTE;
	s->focus_events = bits & STATE_FOCUS;
	s->app_cursor = bits & STATE_APP_CURSOR;
	s->app_keypad = bits & STATE_APP_KEYPAD;
	s->reverse_video = bits & STATE_REVERSE;
	s->cursor_shape = (int)shape;
	s->mouse = (enum pty_mouse)mouse;
	s->kitty_flags = kitty;
	s->state = (enum pty_program_state)status;
	get_string(r, s->title, sizeof(s->title));
	get_string(r, s->state_app, sizeof(s->state_app));
	get_string(r, s->state_kind, sizeof(s->state_kind));
	get_string(r, s->state_msg, sizeof(s->state_msg));
}

int delta_decode(struct picture *p, const uint8_t *data, size_t n)
{
	struct reader r = {.p = data, .end = data + n};
	struct pty_screen *s = &p->s;
	uint64_t gen = get_u64(&r), moved, cx, cy;
	unsigned flags = get_u8(&r);

	if (r.bad || gen <= s->generation)
		return -1;
	s->generation = gen;
	if (flags & DELTA_SIZE ? read_size(p, &r) < 0 : !s->cells)
		return -1;
	if (read_clusters(p, &r) < 0 || read_extras(p, &r) < 0)
		return -1;
	moved = get_varint(&r);
	if (r.bad || moved > (uint64_t)s->rows)
		return -1;
	if (moved)
		move_up(s, (size_t)moved);
	read_rows(&r, s);
	cx = get_varint(&r);
	cy = get_varint(&r);
	if (r.bad || cx >= (uint64_t)s->cols || cy >= (uint64_t)s->rows)
		return -1;
	s->cx = (int)cx;
	s->cy = (int)cy;
	s->history = get_varint(&r);
	s->history_first = get_varint(&r);
	if (s->history > UINT32_MAX || s->history_first > UINT64_MAX / 2)
		return -1;
	s->ended = flags & DELTA_ENDED;
	if (flags & DELTA_STATE)
		read_state(&r, s);
	return r.bad || r.p != r.end ? -1 : 0;
}
