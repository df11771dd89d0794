/* Modes: set, reset, saved, asked for; the alternate screen. */
#include "pty/terminal.h"

static const struct mode {
	int number;
	bool private;
	uint32_t bit;
} table[] = {
    {1, true, MODE_APP_CURSOR},	    {5, true, MODE_REVERSE},
    {6, true, MODE_ORIGIN},	    {7, true, MODE_WRAP},
    {12, true, MODE_CURSOR_BLINK},  {25, true, MODE_CURSOR},
    {47, true, MODE_ALT_47},	    {66, true, MODE_APP_KEYPAD},
    {1000, true, MODE_MOUSE_CLICK}, {1002, true, MODE_MOUSE_DRAG},
    {1003, true, MODE_MOUSE_ANY},   {1004, true, MODE_FOCUS},
    {1006, true, MODE_MOUSE_SGR},   {1007, true, MODE_ALT_SCROLL},
    {1015, true, MODE_MOUSE_URXVT}, {1016, true, MODE_MOUSE_PIXELS},
    {1047, true, MODE_ALT_1047},    {1048, true, MODE_SAVE_1048},
    {1049, true, MODE_ALT_1049},    {2004, true, MODE_PASTE},
    {2026, true, MODE_SYNC},	    {2027, true, MODE_GRAPHEME},
    {2031, true, MODE_SCHEME},	    {4, false, MODE_INSERT},
    {20, false, MODE_NEWLINE},
};

static const struct mode *find(int number, bool private)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (table[i].number == number && table[i].private == private)
			return &table[i];
	return NULL;
}

void vt_alt_screen(struct terminal *t, bool on, bool clear)
{
	if (on == terminal_alt(t)) {
		if (on && clear)
			vt_erase_display(t, 2);
		return;
	}
	if (on) {
		if (grid_init(&t->alt, t->cols, t->rows) < 0)
			return;
		t->grid = &t->alt;
	} else {
		grid_free(&t->alt);
		t->grid = &t->main;
	}
	t->last_base = 0;
	vt_rows_changed(t, 0, t->rows - 1);
	vt_state_changed(t);
}

static void alt_1049(struct terminal *t, bool on)
{
	if (on == terminal_alt(t))
		return;
	if (on) {
		vt_save_cursor(t);
		vt_alt_screen(t, true, true);
	} else {
		vt_alt_screen(t, false, false);
		vt_restore_cursor(t);
	}
}

static void set_one(struct terminal *t, const struct mode *m, bool on)
{
	t->modes = on ? t->modes | m->bit : t->modes & ~m->bit;
	switch (m->bit) {
	case MODE_ORIGIN:
		vt_move(t, 0, on ? t->top : 0);
		break;
	case MODE_WRAP:
		t->c.wrap_pending &= on;
		break;
	case MODE_REVERSE:
		vt_rows_changed(t, 0, t->rows - 1);
		break;
	case MODE_ALT_47:
	case MODE_ALT_1047:
		vt_alt_screen(t, on, false);
		break;
	case MODE_SAVE_1048:
		if (on)
			vt_save_cursor(t);
		else
			vt_restore_cursor(t);
		break;
	case MODE_ALT_1049:
		alt_1049(t, on);
		break;
	case MODE_SYNC:
		vt_changed(t);
		if (!on && t->ev.frame)
			t->ev.frame(t->ev.data);
		return;
	}
	if (m->bit & (MODE_ALT_47 | MODE_ALT_1047 | MODE_ALT_1049) && !on)
		t->modes &= ~(uint32_t)(MODE_ALT_47 | MODE_ALT_1047 | MODE_ALT_1049);
	if (m->bit & MODE_MOUSE && on) /* the last one asked for is in force */
		t->modes = (t->modes & ~(uint32_t)MODE_MOUSE) | m->bit;
	vt_state_changed(t);
}

void vt_set_mode(struct terminal *t, const struct parser_csi *c, bool on)
{
	for (int i = 0; i < c->n; i++) {
		const struct mode *m = find(csi_arg(c, i, 0), c->leader == '?');

		if (m)
			set_one(t, m, on);
	}
}

void vt_request_mode(struct terminal *t, const struct parser_csi *c)
{
	int number = csi_arg(c, 0, 0);
	bool private = c->leader == '?';
	const struct mode *m = find(number, private);

	if (c->leader && !private)
		return;
	vt_reply(t, "\033[%s%d;%d$y", private ? "?" : "", number,
		 !m		     ? 0
		 : t->modes & m->bit ? 1
				     : 2);
}

void vt_save_modes(struct terminal *t, const struct parser_csi *c, bool restore)
{
	for (int i = 0; i < c->n; i++) {
		const struct mode *m = find(csi_arg(c, i, 0), true);

		if (!m)
			continue;
		if (restore)
			set_one(t, m, t->modes_saved & m->bit);
		else
			t->modes_saved = (t->modes_saved & ~m->bit) | (t->modes & m->bit);
	}
}
