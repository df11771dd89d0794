/*
 * A new size. The main screen's wrapped lines are put together and broken anew; what no longer
 * fits goes to the scrollback. The alternate screen is cut: its program draws it again.
 */
#include "pty/terminal.h"

/* The new screen while it fills from the top; the oldest row goes to the scrollback. */
struct flow {
	struct terminal *t;
	struct row **rows; /* n of them, all allocated */
	int cols, n;
	int used; /* rows begun */
	int x;	  /* in the row begun last */
	struct cursor *cursor;
	int cursor_row, cursor_x; /* where it has landed; row -1: not yet */
	bool failed;
};

static struct row *flow_row(struct flow *f)
{
	return f->rows[f->used - 1];
}

static void flow_new_row(struct flow *f)
{
	struct line_clusters names = terminal_cluster_names(f->t);

	f->x = 0;
	if (f->used < f->n) {
		f->used++;
		return;
	}
	struct row *first = f->rows[0];
	history_push(&f->t->history, first, &names);
	memmove(f->rows, f->rows + 1, (size_t)(f->n - 1) * sizeof(*f->rows));
	row_clear(first);
	f->rows[f->n - 1] = first;
	if (f->cursor_row > 0)
		f->cursor_row--;
}

static void flow_cell(struct flow *f, const struct row *from, int x)
{
	const struct pty_cell *c = &from->cells[x];
	int width = c->attr & PTY_WIDE ? 2 : 1;
	struct row *r;

	if (c->attr & PTY_WIDE_TAIL)
		return;
	if (width > f->cols)
		width = 1;
	if (f->x + width > f->cols) {
		flow_row(f)->wrapped = true;
		flow_new_row(f);
	}
	r = flow_row(f);
	row_open(r, f->x, f->x + width);
	r->cells[f->x] = *c;
	if (width == 2) {
		r->cells[f->x + 1] = from->cells[x + 1];
		r->has_wide = true;
	} else
		r->cells[f->x].attr &= (uint16_t)~PTY_WIDE;
	r->plain &= from->plain;
	f->x += width;
}

static void flow_cursor(struct flow *f, int beyond)
{
	int x = f->x + beyond;

	f->cursor_row = f->used - 1;
	f->cursor_x = x < f->cols ? x : f->cols - 1;
}

/* Rows from y up to the end of one line. Returns the next row. */
static int flow_line(struct flow *f, const struct grid *g, int y, int last)
{
	flow_new_row(f);
	for (;; y++) {
		const struct row *r = g->rows[y];
		bool more = r->wrapped && y < last;
		int n = more ? r->len : row_used(r);
		bool here = f->cursor->y == y;

		for (int x = 0; x < n; x++) {
			if (here && f->cursor->x == x)
				flow_cursor(f, 0);
			flow_cell(f, r, x);
		}
		if (here && f->cursor->x >= n)
			flow_cursor(f, f->cursor->x - n);
		if (!more)
			return y + 1;
	}
}

static int last_row(const struct grid *g, int cursor)
{
	int y = g->n - 1;

	while (y > cursor && !row_used(g->rows[y]))
		y--;
	return y;
}

static int resize_main(struct terminal *t, int cols, int rows)
{
	struct cursor *cursor = terminal_alt(t) ? &t->saved[0] : &t->c;
	struct flow f = {.t = t, .cols = cols, .n = rows, .cursor = cursor, .cursor_row = -1};
	struct grid g;
	int last;

	if (grid_init(&g, cols, rows) < 0)
		return -1;
	f.rows = g.rows;
	last = last_row(&t->main, cursor->y < t->rows ? cursor->y : t->rows - 1);
	for (int y = 0; y <= last;)
		y = flow_line(&f, &t->main, y, last);
	if (f.cursor_row >= 0) {
		cursor->wrap_pending = false;
		cursor->x = f.cursor_x;
		cursor->y = f.cursor_row;
	}
	grid_free(&t->main);
	t->main = g;
	return 0;
}

static int resize_alt(struct terminal *t, int cols, int rows)
{
	struct grid g;

	if (grid_init(&g, cols, rows) < 0)
		return -1;
	for (int y = 0; y < rows && y < t->alt.n; y++) {
		struct row *from = t->alt.rows[y], *to = g.rows[y];
		int n = from->len < cols ? from->len : cols;

		if (from->len > cols)
			row_open(from, cols, cols); /* no half of a glyph at the edge */
		memcpy(to->cells, from->cells, (size_t)n * sizeof(*to->cells));
		to->len = (uint16_t)n;
		to->plain = from->plain;
		to->has_wide = from->has_wide;
	}
	grid_free(&t->alt);
	t->alt = g;
	return 0;
}

static void into(struct cursor *c, int cols, int rows)
{
	if (c->x >= cols)
		c->x = cols - 1;
	if (c->y >= rows)
		c->y = rows - 1;
	c->wrap_pending = false;
}

int terminal_resize(struct terminal *t, int cols, int rows)
{
	if (cols < 1)
		cols = 1;
	if (rows < 1)
		rows = 1;
	if (cols > PTY_COLS_MAX)
		cols = PTY_COLS_MAX;
	if (rows > PTY_ROWS_MAX)
		rows = PTY_ROWS_MAX;
	if (cols == t->cols && rows == t->rows)
		return 0;
	if (t->alt.rows && resize_alt(t, cols, rows) < 0)
		return -1;
	if (resize_main(t, cols, rows) < 0) {
		if (t->alt.rows) { /* back to what the main screen still has */
			int ignored _unused_ = resize_alt(t, t->cols, t->rows);
		}
		return -1;
	}
	t->cols = cols;
	t->rows = rows;
	t->top = 0;
	t->bottom = rows - 1;
	t->last_base = 0;
	into(&t->c, cols, rows);
	into(&t->saved[0], cols, rows);
	into(&t->saved[1], cols, rows);
	vt_rows_changed(t, 0, rows - 1);
	vt_state_changed(t);
	t->size_gen = t->gen;
	return 0;
}
