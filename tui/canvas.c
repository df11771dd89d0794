/* Cells and how to draw into them. */
#include "tui/canvas.h"

#include "tui/width.h"

bool rect_has(const struct rect *r, int x, int y)
{
	return x >= r->x && y >= r->y && x < r->x + r->w && y < r->y + r->h;
}

void canvas_init(struct canvas *c, struct strings *strings)
{
	memset(c, 0, sizeof(*c));
	c->strings = strings;
	c->cx = -1;
}

void canvas_free(struct canvas *c)
{
	free(c->cells);
	free(c->touched);
	c->cells = NULL;
	c->touched = NULL;
}

void canvas_resize(struct canvas *c, int cols, int rows)
{
	free(c->cells);
	c->cols = cols;
	c->rows = rows;
	c->cells = xcalloc((size_t)cols * (size_t)rows, sizeof(*c->cells));
	free(c->touched);
	c->touched = xcalloc((size_t)rows, sizeof(*c->touched));
	c->partial = false;
	canvas_clip(c, NULL);
}

void canvas_partial(struct canvas *c)
{
	memset(c->touched, 0, (size_t)c->rows * sizeof(*c->touched));
	c->partial = true;
	canvas_clip(c, NULL);
}

void canvas_clear(struct canvas *c)
{
	memset(c->cells, 0, (size_t)c->cols * (size_t)c->rows * sizeof(*c->cells));
	canvas_clip(c, NULL);
	c->cx = c->cy = -1;
	c->cursor_shape = 0;
	c->partial = false;
}

void canvas_clip(struct canvas *c, const struct rect *r)
{
	struct rect all = {0, 0, c->cols, c->rows};
	int right, bottom;

	if (!r) {
		c->clip = all;
		return;
	}
	right = r->x + r->w < c->cols ? r->x + r->w : c->cols;
	bottom = r->y + r->h < c->rows ? r->y + r->h : c->rows;
	c->clip.x = r->x > 0 ? r->x : 0;
	c->clip.y = r->y > 0 ? r->y : 0;
	c->clip.w = right - c->clip.x;
	c->clip.h = bottom - c->clip.y;
}

void canvas_fill(struct canvas *c, const struct rect *r, const struct style *s)
{
	struct canvas_cell blank = {.fg = s->fg, .bg = s->bg, .attr = s->attr};

	for (int y = r->y; y < r->y + r->h; y++)
		for (int x = r->x; x < r->x + r->w; x++)
			if (rect_has(&c->clip, x, y))
				*canvas_at(c, x, y) = blank;
}

void canvas_glyph(struct canvas *c, int x, int y, uint32_t cp, const struct style *s)
{
	int w = width_cp(cp);
	struct canvas_cell *cell;

	if (!rect_has(&c->clip, x, y) || w == 0)
		return;
	if (w == 2 && !rect_has(&c->clip, x + 1, y))
		cp = 0, w = 1;
	cell = canvas_at(c, x, y);
	*cell = (struct canvas_cell){
	    .glyph = cp == ' ' ? 0 : cp, .fg = s->fg, .bg = s->bg, .attr = s->attr};
	if (w == 2) {
		cell[1] = cell[0];
		cell[0].attr |= PTY_WIDE;
		cell[1].attr |= PTY_WIDE_TAIL;
		cell[1].glyph = 0;
	}
}

int canvas_text(struct canvas *c, int x, int y, int max, const struct style *s, const char *text)
{
	size_t n = strlen(text), i = 0, fits;
	int used = 0;

	if (max <= 0)
		return 0;
	fits = width_prefix(text, (size_t)max);
	if (fits < n)
		fits = width_prefix(text, (size_t)max - 1);
	while (i < fits) {
		uint32_t cp;
		size_t len = utf8_decode(text + i, n - i, &cp);

		if (!len) {
			cp = 0xfffd;
			len = 1;
		}
		if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0))
			cp = 0xfffd; /* callers pass printable text; never trust that */
		canvas_glyph(c, x + used, y, cp, s);
		used += width_cp(cp);
		i += len;
	}
	if (fits < n) {
		canvas_glyph(c, x + used, y, 0x2026, s);
		used++;
	}
	return used;
}

int canvas_textf(struct canvas *c, int x, int y, int max, const struct style *s, const char *fmt,
		 ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return canvas_text(c, x, y, max, s, text);
}

int canvas_wrap(struct canvas *c, const struct rect *r, const struct style *s, const char *text)
{
	int lines = 0;

	if (r->w <= 0)
		return 0;
	do {
		const char *nl = strchr(text, '\n');
		size_t fits = width_prefix(text, (size_t)r->w), next;
		char line[1024];

		if (nl && (size_t)(nl - text) <= fits) {
			fits = (size_t)(nl - text);
			next = fits + 1;
		} else if (text[fits]) {
			size_t cut = fits;

			while (cut > fits / 2 && text[cut] != ' ')
				cut--;
			if (cut > fits / 2)
				fits = cut;
			else if (!fits)
				fits = strlen(text);
			next = text[fits] == ' ' ? fits + 1 : fits;
		} else {
			next = fits;
		}
		if (lines < r->h) {
			snprintf(line, sizeof(line), "%.*s", (int)fits, text);
			canvas_text(c, r->x, r->y + lines, r->w, s, line);
		}
		lines++;
		text += next;
	} while (*text);
	return lines;
}

void canvas_box(struct canvas *c, const struct rect *r, const struct style *s)
{
	int right = r->x + r->w - 1, bottom = r->y + r->h - 1;

	for (int x = r->x + 1; x < right; x++) {
		canvas_glyph(c, x, r->y, 0x2550, s);
		canvas_glyph(c, x, bottom, 0x2550, s);
	}
	for (int y = r->y + 1; y < bottom; y++) {
		canvas_glyph(c, r->x, y, 0x2551, s);
		canvas_glyph(c, right, y, 0x2551, s);
	}
	canvas_glyph(c, r->x, r->y, 0x2554, s);
	canvas_glyph(c, right, r->y, 0x2557, s);
	canvas_glyph(c, r->x, bottom, 0x255a, s);
	canvas_glyph(c, right, bottom, 0x255d, s);
}

bool link_allowed(const char *uri)
{
	size_t n = strlen(uri);

	if (n > 2048)
		return false;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)uri[i] <= 0x20 || (unsigned char)uri[i] >= 0x7f)
			return false;
	return str_starts(uri, "http://") || str_starts(uri, "https://") ||
	       str_starts(uri, "file://") || str_starts(uri, "mailto:");
}

/* A cluster from a screen: printable, or nothing. */
static uint32_t cluster_id(struct canvas *c, const struct pty_screen *s, uint32_t index)
{
	const char *text;
	size_t n;
	uint16_t id;

	if (index >= s->n_clusters || !s->clusters[index])
		return 0xfffd;
	text = s->clusters[index];
	n = strlen(text);
	if (!n || n > 64)
		return 0xfffd;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f ||
		    ((unsigned char)text[i] == 0xc2 && (unsigned char)text[i + 1] < 0xa0))
			return 0xfffd;
	id = strings_id(c->strings, text, n);
	return id ? PTY_GLYPH_CLUSTER | id : 0xfffd;
}

static uint32_t glyph_of(struct canvas *c, const struct pty_screen *s, uint32_t g)
{
	if (g & PTY_GLYPH_CLUSTER)
		return cluster_id(c, s, g & ~PTY_GLYPH_CLUSTER);
	if (g == ' ')
		return 0;
	if (g &&
	    (g < 0x20 || (g >= 0x7f && g < 0xa0) || g > 0x10ffff || (g >= 0xd800 && g < 0xe000)))
		return 0xfffd;
	return g;
}

void canvas_cells(struct canvas *c, int x, int y, const struct pty_screen *s,
		  const struct pty_cell *row, int from, int n)
{
	struct canvas_cell *out;

	if (y < c->clip.y || y >= c->clip.y + c->clip.h)
		return;
	if (x < c->clip.x) {
		from += c->clip.x - x;
		n -= c->clip.x - x;
		x = c->clip.x;
	}
	if (x + n > c->clip.x + c->clip.w)
		n = c->clip.x + c->clip.w - x;
	if (n <= 0)
		return;
	out = canvas_at(c, x, y);
	for (const struct pty_cell *p = row + from, *end = p + n; p < end; p++, out++) {
		out->glyph =
		    p->glyph < 0x7f && p->glyph > 0x20 ? p->glyph : glyph_of(c, s, p->glyph);
		out->fg = p->fg;
		out->bg = p->bg;
		out->attr = p->attr;
		out->ul = 0;
		out->link = 0;
		if (s->reverse_video)
			out->attr ^= PTY_INVERSE;
		if (p->extra && p->extra < s->n_extras) {
			const struct pty_extra *e = &s->extras[p->extra];

			out->ul = e->ul_color;
			if (e->link && link_allowed(e->link))
				out->link = strings_id(c->strings, e->link, strlen(e->link));
		}
	}
}

int canvas_mark(struct canvas *c, int x, int y, const struct style *s)
{
	const uint16_t halves = PTY_WIDE | PTY_WIDE_TAIL;
	int n = 1;

	for (int i = 0; i < n && rect_has(&c->clip, x + i, y); i++) {
		struct canvas_cell *cell = canvas_at(c, x + i, y);

		if (cell->attr & PTY_WIDE)
			n = 2;
		if (!s) {
			cell->attr ^= PTY_INVERSE;
			continue;
		}
		cell->fg = s->fg;
		cell->bg = s->bg;
		cell->attr = (uint16_t)((cell->attr & halves) | s->attr);
	}
	return n;
}

void canvas_mend(struct canvas *c)
{
	for (int y = 0; y < c->rows; y++) {
		struct canvas_cell *row = canvas_at(c, 0, y);

		if (c->partial && !c->touched[y])
			continue;
		for (int x = 0; x < c->cols; x++) {
			if ((row[x].attr & PTY_WIDE) &&
			    (x + 1 == c->cols || !(row[x + 1].attr & PTY_WIDE_TAIL))) {
				row[x].glyph = 0;
				row[x].attr &= (uint16_t)~PTY_WIDE;
			} else if ((row[x].attr & PTY_WIDE_TAIL) &&
				   (x == 0 || !(row[x - 1].attr & PTY_WIDE))) {
				row[x].glyph = 0;
				row[x].attr &= (uint16_t)~PTY_WIDE_TAIL;
			}
		}
	}
}

void canvas_print(const struct canvas *c, struct buf *out)
{
	for (int y = 0; y < c->rows; y++) {
		size_t keep = out->len;

		for (int x = 0; x < c->cols; x++) {
			const struct canvas_cell *cell = canvas_at(c, x, y);
			char utf8[4];

			if (cell->attr & PTY_WIDE_TAIL)
				continue;
			if (!cell->glyph || (cell->attr & PTY_CONCEAL)) {
				buf_addc(out, ' ');
				continue;
			}
			if (cell->glyph & PTY_GLYPH_CLUSTER)
				buf_adds(out, strings_get(c->strings, (uint16_t)cell->glyph));
			else
				buf_add(out, utf8, utf8_encode(cell->glyph, utf8));
			keep = out->len;
		}
		out->len = keep;
		buf_addc(out, '\n');
	}
}
