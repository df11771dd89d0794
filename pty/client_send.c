/* What a client tells the host: keys, text, its size, what it wants to know. */
#include "pty/client.h"

#define PASTE_MAX (PTY_FRAME_MAX - 64u)

void pty_client_key(struct pty_client *c, uint32_t key, unsigned mods)
{
	size_t at;

	if (client_begin(c, FRAME_KEY, 8, &at)) {
		put_u32(&c->out, key);
		put_u8(&c->out, mods);
		client_finish(c, at);
	}
}

static void text_frame(struct pty_client *c, enum frame_type type, const char *s, size_t n)
{
	size_t at;

	if (client_begin(c, type, n, &at)) {
		buf_add(&c->out, s, n);
		client_finish(c, at);
	}
}

void pty_client_text(struct pty_client *c, const char *utf8, size_t n)
{
	while (n) {
		size_t k = n < PASTE_MAX ? n : PASTE_MAX;

		text_frame(c, FRAME_TEXT, utf8, k);
		utf8 += k;
		n -= k;
	}
}

void pty_client_paste(struct pty_client *c, const char *utf8, size_t n)
{
	if (n <= PASTE_MAX) /* half a paste would be worse than none */
		text_frame(c, FRAME_PASTE, utf8, n);
}

void pty_client_mouse(struct pty_client *c, int x, int y, enum pty_button b,
		      enum pty_mouse_action a, unsigned mods)
{
	size_t at;

	if (x < 0 || y < 0 || x >= PTY_COLS_MAX || y >= PTY_ROWS_MAX ||
	    !client_begin(c, FRAME_MOUSE, 8, &at))
		return;
	put_u16(&c->out, (unsigned)x);
	put_u16(&c->out, (unsigned)y);
	put_u8(&c->out, b);
	put_u8(&c->out, a);
	put_u8(&c->out, mods);
	client_finish(c, at);
}

void pty_client_focus(struct pty_client *c, bool in)
{
	size_t at;

	if (client_begin(c, FRAME_FOCUS, 1, &at)) {
		put_u8(&c->out, in);
		client_finish(c, at);
	}
}

void pty_client_resize(struct pty_client *c, int cols, int rows)
{
	size_t at;

	if (cols < 1 || rows < 1 || !client_begin(c, FRAME_RESIZE, 4, &at))
		return;
	put_u16(&c->out, (unsigned)(cols < PTY_COLS_MAX ? cols : PTY_COLS_MAX));
	put_u16(&c->out, (unsigned)(rows < PTY_ROWS_MAX ? rows : PTY_ROWS_MAX));
	client_finish(c, at);
}

void pty_client_colors(struct pty_client *c, uint32_t fg, uint32_t bg, bool dark)
{
	size_t at;

	if (client_begin(c, FRAME_COLORS, 9, &at)) {
		put_u32(&c->out, fg);
		put_u32(&c->out, bg);
		put_u8(&c->out, dark);
		client_finish(c, at);
	}
}

void pty_client_history(struct pty_client *c, uint64_t first, size_t count)
{
	size_t at;

	if (client_begin(c, FRAME_WANT_HISTORY, 12, &at)) {
		put_u64(&c->out, first);
		put_u32(&c->out, (uint32_t)(count < UINT32_MAX ? count : UINT32_MAX));
		client_finish(c, at);
	}
}

void pty_client_copy(struct pty_client *c, uint32_t id, uint64_t line, int col, uint64_t end_line,
		     int end_col, bool lines)
{
	size_t at;

	if (col < 0 || end_col < 0 || col >= PTY_COLS_MAX || end_col >= PTY_COLS_MAX ||
	    !client_begin(c, FRAME_COPY, 24, &at))
		return;
	put_u32(&c->out, id);
	put_u64(&c->out, line);
	put_u16(&c->out, (unsigned)col);
	put_u64(&c->out, end_line);
	put_u16(&c->out, (unsigned)end_col);
	put_u8(&c->out, lines);
	client_finish(c, at);
}

void pty_client_find(struct pty_client *c, uint32_t id, uint64_t line, int col, bool back,
		     const struct pty_needle *needle)
{
	size_t at;

	if (col < 0 || col >= PTY_COLS_MAX || !client_begin(c, FRAME_FIND, 32 + needle->n, &at))
		return;
	put_u32(&c->out, id);
	put_u8(&c->out, back);
	put_u64(&c->out, line);
	put_u16(&c->out, (unsigned)col);
	put_string(&c->out, needle->text);
	client_finish(c, at);
}
