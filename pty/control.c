/* C0 controls and escape sequences of two or three bytes. */
#include "pty/terminal.h"

static bool tab_at(const struct terminal *t, int x)
{
	return t->tabs[x / 8] & (1u << (x % 8));
}

static void tab_forward(struct terminal *t)
{
	int x = t->c.x;

	do
		x++;
	while (x < t->cols - 1 && !tab_at(t, x));
	if (t->c.x < t->cols - 1)
		vt_move(t, x, t->c.y);
}

void vt_control(void *data, uint8_t c)
{
	struct terminal *t = data;

	switch (c) {
	case '\a':
		t->bells++;
		t->ev.bell(t->ev.data);
		break;
	case '\b':
		vt_move(t, t->c.x - 1, t->c.y);
		break;
	case '\t':
		tab_forward(t);
		break;
	case '\n':
	case '\v':
	case '\f':
		vt_linefeed(t);
		if (t->modes & MODE_NEWLINE)
			t->c.x = 0;
		break;
	case '\r':
		t->c.x = 0;
		t->c.wrap_pending = false;
		t->last_base = 0;
		vt_changed(t);
		break;
	case 0x0e: /* SO */
		t->c.gl = 1;
		break;
	case 0x0f: /* SI */
		t->c.gl = 0;
		break;
	}
}

/* DECALN: the screen full of E. */
static void fill_with_e(struct terminal *t)
{
	t->top = 0;
	t->bottom = t->rows - 1;
	for (int y = 0; y < t->rows; y++) {
		struct row *r = vt_row(t, y);

		row_clear(r);
		row_open(r, 0, t->cols);
		for (int x = 0; x < t->cols; x++)
			r->cells[x] = (struct pty_cell){.glyph = 'E'};
	}
	vt_move(t, 0, 0);
}

static void designate(struct terminal *t, int g, uint8_t set)
{
	t->c.charset[g] = set == '0' || set == 'A' ? set : 'B';
}

void vt_escape(void *data, uint8_t inter, uint8_t final)
{
	struct terminal *t = data;

	if (inter >= '(' && inter <= '+') {
		designate(t, inter - '(', final);
		return;
	}
	if (inter == '#' && final == '8')
		fill_with_e(t);
	if (inter)
		return;
	switch (final) {
	case '7':
		vt_save_cursor(t);
		break;
	case '8':
		vt_restore_cursor(t);
		break;
	case '=':
	case '>':
		t->modes = final == '=' ? t->modes | MODE_APP_KEYPAD
					: t->modes & ~(uint32_t)MODE_APP_KEYPAD;
		vt_state_changed(t);
		break;
	case 'D':
		vt_linefeed(t);
		break;
	case 'E':
		vt_linefeed(t);
		t->c.x = 0;
		break;
	case 'H':
		t->tabs[t->c.x / 8] |= (uint8_t)(1u << (t->c.x % 8));
		break;
	case 'M':
		vt_reverse_linefeed(t);
		break;
	case 'c':
		vt_reset(t, true);
		break;
	case 'n': /* LS2, LS3 */
	case 'o':
		t->c.gl = final == 'n' ? 2 : 3;
		break;
	}
}
