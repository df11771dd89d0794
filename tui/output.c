/* The difference of two pictures as bytes. */
#include "tui/output.h"

#define SKIP_GAP 6 /* unchanged cells that cost less to write again than to jump over */

void output_init(struct output *o, struct strings *strings)
{
	memset(o, 0, sizeof(*o));
	canvas_init(&o->shown, strings);
	o->caps.colors = COLORS_256;
	o->cursor_on = true;
	o->cursor_shape = -1;
}

void output_free(struct output *o)
{
	canvas_free(&o->shown);
	buf_free(&o->out);
}

void output_invalidate(struct output *o)
{
	o->valid = false;
}

static void put_uint(struct buf *b, unsigned v)
{
	char tmp[12];
	int i = sizeof(tmp);

	do
		tmp[--i] = (char)('0' + v % 10);
	while (v /= 10);
	buf_add(b, tmp + i, sizeof(tmp) - (size_t)i);
}

static void put_csi(struct buf *b, unsigned v, char final)
{
	buf_add(b, "\033[", 2);
	put_uint(b, v);
	buf_addc(b, final);
}

static void move_to(struct output *o, int x, int y)
{
	if (o->x == x && o->y == y)
		return;
	if (o->y == y && o->x >= 0 && x > o->x && x - o->x < 4) {
		put_csi(&o->out, (unsigned)(x - o->x), 'C');
	} else if (o->y == y && o->x >= 0) {
		put_csi(&o->out, (unsigned)x + 1, 'G');
	} else {
		buf_add(&o->out, "\033[", 2);
		put_uint(&o->out, (unsigned)y + 1);
		if (x > 0) {
			buf_addc(&o->out, ';');
			put_uint(&o->out, (unsigned)x + 1);
		}
		buf_addc(&o->out, 'H');
	}
	o->x = x;
	o->y = y;
}

/* ---- the pen ----------------------------------------------------------- */

/* base: 30 foreground, 40 background, 58 underline (which has no short forms). */
static void put_color(struct buf *b, uint32_t color, unsigned base)
{
	uint32_t type = color & PTY_COLOR_TYPE, v = color & 0xffffff;

	if (type == PTY_COLOR_INDEX && base != 58 && v < 8) {
		put_uint(b, base + v);
	} else if (type == PTY_COLOR_INDEX && base != 58 && v < 16) {
		put_uint(b, base + 60 + v - 8);
	} else if (type == PTY_COLOR_INDEX) {
		put_uint(b, base == 58 ? 58 : base + 8);
		buf_adds(b, base == 58 ? ":5:" : ";5;");
		put_uint(b, v & 0xff);
	} else if (type == PTY_COLOR_RGB) {
		char sep = base == 58 ? ':' : ';';

		put_uint(b, base == 58 ? 58 : base + 8);
		buf_adds(b, base == 58 ? ":2::" : ";2;");
		put_uint(b, v >> 16);
		buf_addc(b, sep);
		put_uint(b, v >> 8 & 0xff);
		buf_addc(b, sep);
		put_uint(b, v & 0xff);
	} else {
		put_uint(b, base == 58 ? 59 : base + 9);
	}
	buf_addc(b, ';');
}

static void put_attrs(struct output *o, unsigned on)
{
	static const struct {
		unsigned bit, sgr;
	} simple[] = {{PTY_BOLD, 1},	{PTY_DIM, 2},	  {PTY_ITALIC, 3}, {PTY_BLINK, 5},
		      {PTY_INVERSE, 7}, {PTY_CONCEAL, 8}, {PTY_STRIKE, 9}};
	unsigned ul = (on & PTY_UL_MASK) >> PTY_UL_SHIFT;

	for (size_t i = 0; i < ARRAY_LEN(simple); i++)
		if (on & simple[i].bit) {
			put_uint(&o->out, simple[i].sgr);
			buf_addc(&o->out, ';');
		}
	if (ul > 1 && ul < 6 && o->caps.underlines) {
		buf_adds(&o->out, "4:");
		put_uint(&o->out, ul);
		buf_addc(&o->out, ';');
	} else if (ul) {
		buf_adds(&o->out, "4;");
	}
	if ((on & PTY_OVERLINE) && o->caps.underlines)
		buf_adds(&o->out, "53;");
}

#define PEN_ATTRS                                                                               \
	(PTY_BOLD | PTY_DIM | PTY_ITALIC | PTY_BLINK | PTY_INVERSE | PTY_CONCEAL | PTY_STRIKE | \
	 PTY_OVERLINE | PTY_UL_MASK)

static void set_link(struct output *o, uint16_t link)
{
	if (o->pen.link == link || !o->caps.links)
		return;
	buf_adds(&o->out, "\033]8;;");
	buf_adds(&o->out, strings_get(o->shown.strings, link));
	buf_adds(&o->out, "\033\\");
	o->pen.link = link;
}

static void set_pen(struct output *o, const struct canvas_cell *c)
{
	unsigned want = c->attr & PEN_ATTRS, have = o->pen.attr & PEN_ATTRS;
	uint32_t fg, bg, ul;
	size_t mark;

	set_link(o, c->link);
	if (want == have && c->fg == o->pen.fg && c->bg == o->pen.bg && c->ul == o->pen.ul)
		return;
	fg = color_degrade(c->fg, o->caps.colors);
	bg = color_degrade(c->bg, o->caps.colors);
	ul = o->caps.underlines ? color_degrade(c->ul, o->caps.colors) : PTY_COLOR_DEFAULT;
	mark = o->out.len;
	buf_add(&o->out, "\033[", 2);
	/* Something must go off: from nothing is the shortest way that every terminal knows. */
	if ((have & ~want) || ((have ^ want) & PTY_UL_MASK) || (!want && !fg && !bg && !ul)) {
		buf_adds(&o->out, "0;");
		put_attrs(o, want);
		if (fg)
			put_color(&o->out, fg, 30);
		if (bg)
			put_color(&o->out, bg, 40);
		if (ul)
			put_color(&o->out, ul, 58);
	} else {
		put_attrs(o, want & ~have);
		if (c->fg != o->pen.fg && o->caps.colors)
			put_color(&o->out, fg, 30);
		if (c->bg != o->pen.bg && o->caps.colors)
			put_color(&o->out, bg, 40);
		if (c->ul != o->pen.ul && o->caps.underlines)
			put_color(&o->out, ul, 58);
	}
	if (o->out.len == mark + 2)
		o->out.len = mark; /* nothing that this terminal can show */
	else
		o->out.data[o->out.len - 1] = 'm';
	o->pen.fg = c->fg;
	o->pen.bg = c->bg;
	o->pen.ul = c->ul;
	o->pen.attr = (uint16_t)want;
}

static void reset_pen(struct output *o)
{
	set_link(o, 0);
	if ((o->pen.attr & PEN_ATTRS) || o->pen.fg || o->pen.bg || o->pen.ul)
		buf_adds(&o->out, "\033[m");
	memset(&o->pen, 0, sizeof(o->pen));
}

/* ---- cells ------------------------------------------------------------- */

static bool same(const struct canvas_cell *a, const struct canvas_cell *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/* Blank cells that erasing can make: no glyph and nothing but a background to see. */
static bool erasable(const struct output *o, const struct canvas_cell *c)
{
	return !c->glyph && !c->link &&
	       !(c->attr & (PTY_INVERSE | PTY_UL_MASK | PTY_STRIKE | PTY_OVERLINE | PTY_WIDE |
			    PTY_WIDE_TAIL)) &&
	       (!c->bg || o->caps.bce);
}

static int equal_run(const struct canvas_cell *row, int x, int end)
{
	int n = 1;

	while (x + n < end && same(&row[x], &row[x + n]))
		n++;
	return n;
}

/* Glyphs about whose width terminals disagree. */
static bool width_doubtful(uint32_t g)
{
	return (g & PTY_GLYPH_CLUSTER) || g >= 0x1f000 || (g >= 0x2300 && g < 0x2c00) ||
	       (g >= 0xe000 && g < 0xf900);
}

static void put_cell(struct output *o, const struct canvas_cell *c, int cols)
{
	char utf8[4];

	set_pen(o, c);
	if (!c->glyph)
		buf_addc(&o->out, ' ');
	else if (c->glyph < 0x80)
		buf_addc(&o->out, (char)c->glyph);
	else if (c->glyph & PTY_GLYPH_CLUSTER)
		buf_adds(&o->out, strings_get(o->shown.strings, (uint16_t)c->glyph));
	else
		buf_add(&o->out, utf8, utf8_encode(c->glyph, utf8));
	o->x += c->attr & PTY_WIDE ? 2 : 1;
	if (o->x >= cols || width_doubtful(c->glyph))
		o->x = -1;
}

/* Writes cells [x,end) of a row; returns where it got to. */
static int put_run(struct output *o, const struct canvas_cell *row, int x, int y, int end, int cols)
{
	int n;

	move_to(o, x, y);
	if (erasable(o, &row[x])) {
		n = equal_run(row, x, cols);
		if (x + n == cols && n > 3) {
			set_pen(o, &row[x]);
			buf_adds(&o->out, "\033[K");
			return cols;
		}
		if (x + n > end)
			n = end - x;
		if (o->caps.ech && n > 8) {
			set_pen(o, &row[x]);
			put_csi(&o->out, (unsigned)n, 'X');
			return x + n;
		}
	}
	put_cell(o, &row[x], cols);
	return x + (row[x].attr & PTY_WIDE ? 2 : 1);
}

static void diff_row(struct output *o, const struct canvas *c, int y)
{
	const struct canvas_cell *want = canvas_at(c, 0, y), *have = canvas_at(&o->shown, 0, y);
	int cols = c->cols, x = 0;

	if (!memcmp(want, have, (size_t)cols * sizeof(*want)))
		return;
	while (x < cols) {
		int end, gap;

		if (same(&want[x], &have[x])) {
			x++;
			continue;
		}
		/* A changed span, across gaps that are cheaper to write than to skip. */
		for (end = x + 1, gap = 0; end + gap < cols;) {
			if (!same(&want[end + gap], &have[end + gap])) {
				end += gap + 1;
				gap = 0;
			} else if (++gap > SKIP_GAP) {
				break;
			}
		}
		if (x > 0 && (want[x].attr & PTY_WIDE_TAIL))
			x--;
		while (x < end)
			x = put_run(o, want, x, y, end, cols);
	}
}

static void put_cursor(struct output *o, const struct canvas *c)
{
	bool on = c->cx >= 0 && c->cx < c->cols && c->cy >= 0 && c->cy < c->rows;

	if (on) {
		if (o->cursor_shape != c->cursor_shape) {
			buf_addf(&o->out, "\033[%d q", c->cursor_shape);
			o->cursor_shape = c->cursor_shape;
		}
		move_to(o, c->cx, c->cy);
	}
	if (on != o->cursor_on)
		buf_adds(&o->out, on ? "\033[?25h" : "\033[?25l");
	o->cursor_on = on;
}

static void remember(struct output *o, const struct canvas *c, bool all)
{
	for (int y = 0; y < c->rows; y++)
		if (all || c->touched[y])
			memcpy(canvas_at(&o->shown, 0, y), canvas_at(c, 0, y),
			       (size_t)c->cols * sizeof(*c->cells));
}

bool output_frame(struct output *o, const struct canvas *c)
{
	static const char begin[] = "\033[?2026h", end[] = "\033[?2026l", hide[] = "\033[?25l";
	size_t start = o->out.len, body;
	bool was_on = o->cursor_on;
	bool all = !c->partial;
	const char *first = o->caps.sync ? begin : hide;
	bool framed = o->caps.sync || was_on;

	if (framed)
		buf_adds(&o->out, first);
	body = o->out.len;
	if (!o->valid || o->shown.cols != c->cols || o->shown.rows != c->rows) {
		buf_adds(&o->out, "\033[m\033[H\033[2J");
		memset(&o->pen, 0, sizeof(o->pen));
		if (o->shown.cols != c->cols || o->shown.rows != c->rows)
			canvas_resize(&o->shown, c->cols, c->rows);
		else
			canvas_clear(&o->shown);
		o->x = o->y = 0;
		o->cursor_shape = -1;
		o->valid = true;
		all = true;
	}
	for (int y = 0; y < c->rows; y++)
		if (all || c->touched[y])
			diff_row(o, c, y);
	if (o->out.len == body) { /* at most the cursor: no frame around it */
		o->out.len = start;
		put_cursor(o, c);
		return o->out.len > start;
	}
	reset_pen(o);
	if (framed && !o->caps.sync)
		o->cursor_on = false;
	put_cursor(o, c);
	if (o->caps.sync)
		buf_adds(&o->out, end);
	remember(o, c, all);
	return true;
}

void output_plain_row(struct output *o, const struct canvas *c, int y)
{
	int last = c->cols;

	while (last > 0 && erasable(o, canvas_at(c, last - 1, y)) && !canvas_at(c, last - 1, y)->bg)
		last--;
	for (int x = 0; x < last; x++)
		if (!(canvas_at(c, x, y)->attr & PTY_WIDE_TAIL))
			put_cell(o, canvas_at(c, x, y), c->cols + 1);
	reset_pen(o);
	buf_adds(&o->out, "\r\n");
}
