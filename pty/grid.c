/* The rows of a screen. */
#include "pty/grid.h"

struct row *row_new(int cols)
{
	struct row *r = calloc(1, sizeof(*r) + (size_t)cols * sizeof(struct pty_cell));

	if (r)
		r->plain = true;
	return r;
}

int grid_init(struct grid *g, int cols, int rows)
{
	*g = (struct grid){.cols = cols, .n = rows};
	g->rows = calloc((size_t)rows, sizeof(*g->rows));
	if (!g->rows)
		return -1;
	for (int y = 0; y < rows; y++) {
		g->rows[y] = row_new(cols);
		if (!g->rows[y]) {
			grid_free(g);
			return -1;
		}
	}
	return 0;
}

void grid_free(struct grid *g)
{
	for (int y = 0; g->rows && y < g->n; y++)
		free(g->rows[y]);
	free(g->rows);
	*g = (struct grid){0};
}

void row_clear(struct row *r)
{
	r->len = 0;
	r->wrapped = r->has_wide = false;
	r->plain = true;
}

static void blank(struct pty_cell *c, size_t n, uint32_t bg)
{
	for (size_t i = 0; i < n; i++)
		c[i] = (struct pty_cell){.bg = bg};
}

static void row_extend(struct row *r, int to)
{
	if (to > r->len) {
		memset(r->cells + r->len, 0, (size_t)(to - r->len) * sizeof(*r->cells));
		r->len = (uint16_t)to;
	}
}

static void unwide(struct pty_cell *c)
{
	c->glyph = 0;
	c->attr &= (uint16_t) ~(PTY_WIDE | PTY_WIDE_TAIL);
}

void row_open(struct row *r, int from, int to)
{
	if (from > r->len)
		row_extend(r, from);
	if (r->has_wide) {
		if (from > 0 && from < r->len && (r->cells[from].attr & PTY_WIDE_TAIL))
			unwide(&r->cells[from - 1]);
		if (to > 0 && to < r->len && (r->cells[to].attr & PTY_WIDE_TAIL))
			unwide(&r->cells[to]);
	}
	if (to > r->len) /* the caller fills them */
		r->len = (uint16_t)to;
}

void row_erase(struct row *r, int cols, int from, int to, uint32_t bg)
{
	if (from >= to)
		return;
	if (bg == PTY_COLOR_DEFAULT && to >= r->len) {
		if (from == 0) {
			row_clear(r);
		} else if (from < r->len) {
			row_open(r, from, from);
			if (r->has_wide && (r->cells[from].attr & PTY_WIDE_TAIL))
				unwide(&r->cells[from]);
			r->len = (uint16_t)from;
		}
	} else {
		row_open(r, from, to);
		blank(r->cells + from, (size_t)(to - from), bg);
		if (bg != PTY_COLOR_DEFAULT)
			r->plain = false;
	}
	if (to >= cols)
		r->wrapped = false;
}

/* Two cells meet that did not before: neither may be half of something. */
static void mend(struct row *r, int x)
{
	if (!r->has_wide || x <= 0 || x >= r->len)
		return;
	bool head = r->cells[x - 1].attr & PTY_WIDE, tail = r->cells[x].attr & PTY_WIDE_TAIL;

	if (head && !tail)
		unwide(&r->cells[x - 1]);
	if (tail && !head)
		unwide(&r->cells[x]);
}

static void mend_end(struct row *r)
{
	if (r->has_wide && r->len && (r->cells[r->len - 1].attr & PTY_WIDE))
		unwide(&r->cells[r->len - 1]);
}

void row_insert(struct row *r, int cols, int x, int n, uint32_t bg)
{
	int len;

	if (n > cols - x)
		n = cols - x;
	if (bg == PTY_COLOR_DEFAULT && x >= r->len)
		return;
	row_open(r, x, x);
	row_extend(r, x);
	len = r->len + n > cols ? cols : r->len + n;
	if (r->has_wide && x < r->len && (r->cells[x].attr & PTY_WIDE_TAIL))
		unwide(&r->cells[x]);
	if (len > x + n)
		memmove(r->cells + x + n, r->cells + x, (size_t)(len - x - n) * sizeof(*r->cells));
	r->len = (uint16_t)len;
	blank(r->cells + x, (size_t)(len < x + n ? len - x : n), bg);
	if (bg != PTY_COLOR_DEFAULT)
		r->plain = false;
	mend_end(r);
}

void row_delete(struct row *r, int cols, int x, int n, uint32_t bg)
{
	if (n > cols - x)
		n = cols - x;
	if (bg != PTY_COLOR_DEFAULT) {
		row_extend(r, cols);
		r->plain = false;
	}
	r->wrapped = false;
	if (x >= r->len)
		return;
	row_open(r, x, x);
	if (x + n < r->len) {
		if (r->has_wide && (r->cells[x + n].attr & PTY_WIDE_TAIL))
			unwide(&r->cells[x + n]);
		memmove(r->cells + x, r->cells + x + n,
			(size_t)(r->len - x - n) * sizeof(*r->cells));
	}
	if (bg != PTY_COLOR_DEFAULT)
		blank(r->cells + cols - n, (size_t)n, bg);
	else
		r->len = (uint16_t)(x + n < r->len ? r->len - n : x);
	mend(r, x);
	mend_end(r);
}

void grid_scroll(struct grid *g, int top, int bottom, int n, uint32_t bg)
{
	struct row *out[PTY_ROWS_MAX];
	int count = bottom - top + 1, k = n < 0 ? -n : n;
	struct row **base = g->rows + top;

	if (k == 0 || k > count)
		return;
	if (n > 0) {
		memcpy(out, base, (size_t)k * sizeof(*base));
		memmove(base, base + k, (size_t)(count - k) * sizeof(*base));
		memcpy(base + count - k, out, (size_t)k * sizeof(*base));
		base += count - k;
	} else {
		memcpy(out, base + count - k, (size_t)k * sizeof(*base));
		memmove(base + k, base, (size_t)(count - k) * sizeof(*base));
		memcpy(base, out, (size_t)k * sizeof(*base));
	}
	for (int i = 0; i < k; i++) {
		row_clear(base[i]);
		if (bg != PTY_COLOR_DEFAULT)
			row_erase(base[i], g->cols, 0, g->cols, bg);
	}
}

int row_used(const struct row *r)
{
	int n = r->len;

	while (n > 0) {
		const struct pty_cell *c = &r->cells[n - 1];

		if ((c->glyph != 0 && c->glyph != ' ') || c->bg || c->attr)
			break;
		n--;
	}
	return n;
}
