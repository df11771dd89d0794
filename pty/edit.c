/* Erasing, inserting, deleting. */
#include "pty/terminal.h"

static void erase_row(struct terminal *t, int y, int from, int to)
{
	row_erase(vt_row(t, y), t->cols, from, to, t->c.pen.bg);
}

static void settle(struct terminal *t)
{
	t->c.wrap_pending = false;
	t->last_base = 0;
}

void vt_erase_display(struct terminal *t, int what)
{
	int from = 0, to = t->rows;

	if (what == 3) {
		if (!terminal_alt(t))
			history_clear(&t->history);
		vt_changed(t);
		return;
	}
	if (what < 0 || what > 2)
		return;
	settle(t);
	if (what == 0) {
		erase_row(t, t->c.y, t->c.x, t->cols);
		from = t->c.y + 1;
	} else if (what == 1) {
		erase_row(t, t->c.y, 0, t->c.x + 1);
		to = t->c.y;
	}
	for (int y = from; y < to; y++)
		erase_row(t, y, 0, t->cols);
}

void vt_erase_line(struct terminal *t, int what)
{
	if (what < 0 || what > 2)
		return;
	settle(t);
	erase_row(t, t->c.y, what == 0 ? t->c.x : 0, what == 1 ? t->c.x + 1 : t->cols);
}

void vt_edit(struct terminal *t, uint8_t final, int n)
{
	bool inside = t->c.y >= t->top && t->c.y <= t->bottom;
	uint32_t bg = t->c.pen.bg;
	int left = t->cols - t->c.x, y;

	settle(t);
	switch (final) {
	case '@': /* ICH */
		row_insert(vt_row(t, t->c.y), t->cols, t->c.x, n, bg);
		break;
	case 'P': /* DCH */
		row_delete(vt_row(t, t->c.y), t->cols, t->c.x, n, bg);
		break;
	case 'X': /* ECH */
		erase_row(t, t->c.y, t->c.x, t->c.x + (n < left ? n : left));
		break;
	case 'L': /* IL, DL: the rows between the cursor and the end of the region */
	case 'M':
		if (!inside)
			break;
		y = t->c.y;
		if (n > t->bottom - y + 1)
			n = t->bottom - y + 1;
		grid_scroll(t->grid, y, t->bottom, final == 'M' ? n : -n, bg);
		vt_rows_changed(t, y, t->bottom);
		t->c.x = 0;
		break;
	}
}
