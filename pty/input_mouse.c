/* Mouse and focus. */
#include "pty/input.h"

static bool wanted(const struct terminal *t, enum pty_button b, enum pty_mouse_action a)
{
	if (b == PTY_WHEEL_UP || b == PTY_WHEEL_DOWN)
		return (t->modes & MODE_MOUSE) && a == PTY_PRESS;
	if (a != PTY_MOVE)
		return t->modes & MODE_MOUSE;
	if (b == PTY_BUTTON_NONE)
		return t->modes & MODE_MOUSE_ANY;
	return t->modes & (MODE_MOUSE_ANY | MODE_MOUSE_DRAG);
}

static unsigned code_of(enum pty_button b, enum pty_mouse_action a, unsigned mods)
{
	static const uint8_t codes[] = {
	    [PTY_BUTTON_NONE] = 3,  [PTY_BUTTON_LEFT] = 0, [PTY_BUTTON_MIDDLE] = 1,
	    [PTY_BUTTON_RIGHT] = 2, [PTY_WHEEL_UP] = 64,   [PTY_WHEEL_DOWN] = 65};
	unsigned code = codes[b];

	return code + (a == PTY_MOVE ? 32 : 0) + (mods & PTY_SHIFT ? 4 : 0) +
	       (mods & PTY_ALT ? 8 : 0) + (mods & PTY_CTRL ? 16 : 0);
}

void encode_mouse(struct buf *out, const struct terminal *t, int x, int y, enum pty_button b,
		  enum pty_mouse_action a, unsigned mods)
{
	unsigned code;

	if (x < 0 || y < 0 || x >= t->cols || y >= t->rows || (unsigned)b > PTY_WHEEL_DOWN ||
	    (unsigned)a > PTY_MOVE)
		return;
	/* In a full-screen program that does not know the mouse the wheel is the arrow keys. */
	if (!(t->modes & MODE_MOUSE) && terminal_alt(t) && (t->modes & MODE_ALT_SCROLL) &&
	    (b == PTY_WHEEL_UP || b == PTY_WHEEL_DOWN) && a == PTY_PRESS) {
		for (int i = 0; i < 3; i++)
			encode_key(out, t, b == PTY_WHEEL_UP ? PTY_KEY_UP : PTY_KEY_DOWN, 0);
		return;
	}
	if (!wanted(t, b, a))
		return;
	code = code_of(b, a, mods);
	if (t->modes & MODE_MOUSE_PIXELS)
		buf_addf(out, "\033[<%u;%d;%d%c", code, x * CELL_W + CELL_W / 2 + 1,
			 y * CELL_H + CELL_H / 2 + 1, a == PTY_RELEASE ? 'm' : 'M');
	else if (t->modes & MODE_MOUSE_SGR)
		buf_addf(out, "\033[<%u;%d;%d%c", code, x + 1, y + 1, a == PTY_RELEASE ? 'm' : 'M');
	else {
		if (a == PTY_RELEASE)
			code = (code & ~3u) | 3;
		if (t->modes & MODE_MOUSE_URXVT)
			buf_addf(out, "\033[%u;%d;%dM", code + 32, x + 1, y + 1);
		else if (x < 223 && y < 223)
			buf_addf(out, "\033[M%c%c%c", (int)(code + 32), x + 33, y + 33);
	}
}

void encode_focus(struct buf *out, const struct terminal *t, bool in)
{
	if (t->modes & MODE_FOCUS)
		buf_adds(out, in ? "\033[I" : "\033[O");
}
