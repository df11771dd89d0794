/* Control sequences: which one goes where. */
#include "pty/terminal.h"

/* Up and down stop at the scroll region if they start inside it. */
static void move_rows(struct terminal *t, int n, bool home)
{
	int y = t->c.y + n;

	if (n < 0 && t->c.y >= t->top && y < t->top)
		y = t->top;
	if (n > 0 && t->c.y <= t->bottom && y > t->bottom)
		y = t->bottom;
	vt_move(t, home ? 0 : t->c.x, y);
}

static void move_to(struct terminal *t, int x, int y)
{
	if (t->modes & MODE_ORIGIN) {
		y += t->top;
		if (y > t->bottom)
			y = t->bottom;
	}
	vt_move(t, x, y);
}

static void set_region(struct terminal *t, const struct parser_csi *c)
{
	int top = csi_count(c, 0), bottom = csi_arg(c, 1, t->rows);

	if (!bottom || bottom > t->rows)
		bottom = t->rows;
	if (top >= bottom)
		return;
	t->top = top - 1;
	t->bottom = bottom - 1;
	move_to(t, 0, 0);
}

static void tabs_forward(struct terminal *t, int n)
{
	while (n-- && t->c.x < t->cols - 1)
		vt_control(t, '\t');
}

static void tabs_back(struct terminal *t, int n)
{
	int x = t->c.x;

	while (n-- && x > 0)
		do
			x--;
		while (x > 0 && !(t->tabs[x / 8] & (1u << (x % 8))));
	vt_move(t, x, t->c.y);
}

static void clear_tabs(struct terminal *t, int what)
{
	if (what == 0)
		t->tabs[t->c.x / 8] &= (uint8_t) ~(1u << (t->c.x % 8));
	else if (what == 3)
		memset(t->tabs, 0, sizeof(t->tabs));
}

static void plain(struct terminal *t, const struct parser_csi *c)
{
	int n = csi_count(c, 0), relative = t->modes & MODE_ORIGIN ? t->top : 0;

	switch (c->final) {
	case 'A':
		move_rows(t, -n, false);
		break;
	case 'B':
	case 'e':
		move_rows(t, n, false);
		break;
	case 'C':
	case 'a':
		vt_move(t, t->c.x + n, t->c.y);
		break;
	case 'D':
		vt_move(t, t->c.x - n, t->c.y);
		break;
	case 'E':
		move_rows(t, n, true);
		break;
	case 'F':
		move_rows(t, -n, true);
		break;
	case 'G':
	case '`':
		vt_move(t, n - 1, t->c.y);
		break;
	case 'H':
	case 'f':
		move_to(t, csi_count(c, 1) - 1, n - 1);
		break;
	case 'I':
		tabs_forward(t, n);
		break;
	case 'Z':
		tabs_back(t, n);
		break;
	case 'd':
		move_to(t, t->c.x, n - 1);
		break;
	case 'J':
		vt_erase_display(t, csi_arg(c, 0, 0));
		break;
	case 'K':
		vt_erase_line(t, csi_arg(c, 0, 0));
		break;
	case '@':
	case 'P':
	case 'X':
	case 'L':
	case 'M':
		vt_edit(t, c->final, n);
		break;
	case 'S':
		vt_scroll(t, t->top, t->bottom, n);
		break;
	case 'T':
		if (c->n <= 1) /* with five it is highlight tracking */
			vt_scroll(t, t->top, t->bottom, -n);
		break;
	case 'b':
		vt_repeat(t, n);
		break;
	case 'g':
		clear_tabs(t, csi_arg(c, 0, 0));
		break;
	case 'h':
	case 'l':
		vt_set_mode(t, c, c->final == 'h');
		break;
	case 'm':
		vt_sgr(t, c);
		break;
	case 'n':
		if (csi_arg(c, 0, 0) == 5)
			vt_reply(t, "\033[0n");
		else if (csi_arg(c, 0, 0) == 6)
			vt_reply(t, "\033[%d;%dR", t->c.y + 1 - relative, t->c.x + 1);
		break;
	case 'c':
		vt_device(t, c);
		break;
	case 'r':
		set_region(t, c);
		break;
	case 's':
		vt_save_cursor(t);
		break;
	case 'u':
		vt_restore_cursor(t);
		break;
	case 't':
		vt_window_op(t, c);
		break;
	}
}

static void private(struct terminal *t, const struct parser_csi *c)
{
	switch (c->final) {
	case 'h':
	case 'l':
		vt_set_mode(t, c, c->final == 'h');
		break;
	case 'r':
	case 's':
		vt_save_modes(t, c, c->final == 'r');
		break;
	case 'J':
		vt_erase_display(t, csi_arg(c, 0, 0)); /* nothing is protected */
		break;
	case 'K':
		vt_erase_line(t, csi_arg(c, 0, 0));
		break;
	case 'u':
		vt_kitty(t, c);
		break;
	case 'm':
		if (csi_arg(c, 0, 0) == 4)
			vt_reply(t, "\033[>4;%dm", t->modify_other_keys);
		break;
	case 'n':
		if (csi_arg(c, 0, 0) == 6)
			vt_reply(t, "\033[?%d;%dR", t->c.y + 1, t->c.x + 1);
		else if (csi_arg(c, 0, 0) == 996)
			vt_reply(t, "\033[?997;%dn", t->dark ? 1 : 2);
		break;
	}
}

static void with_leader(struct terminal *t, const struct parser_csi *c)
{
	if (c->final == 'u')
		vt_kitty(t, c);
	else if (c->final == 'c' || c->final == 'q')
		vt_device(t, c);
	else if (c->leader == '>' && c->final == 'm' && csi_arg(c, 0, 4) == 4) {
		int v = csi_arg(c, 1, 0);

		t->modify_other_keys = v >= 0 && v <= 2 ? v : 0;
	}
}

static void with_intermediate(struct terminal *t, const struct parser_csi *c)
{
	int v = csi_arg(c, 0, 0);

	if (c->inter == ' ' && c->final == 'q' && !c->leader && v <= 6) {
		t->cursor_shape = v;
		vt_state_changed(t);
	} else if (c->inter == '!' && c->final == 'p' && !c->leader)
		vt_reset(t, false);
	else if (c->inter == '$' && c->final == 'p')
		vt_request_mode(t, c);
}

void vt_csi(void *data, const struct parser_csi *c)
{
	struct terminal *t = data;

	if (c->inter)
		with_intermediate(t, c);
	else if (!c->leader)
		plain(t, c);
	else if (c->leader == '?')
	private(t, c);
	else with_leader(t, c);
}
