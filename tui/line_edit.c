/* One line of text being edited. */
#include "tui/dialog.h"
#include "tui/width.h"

void line_set(struct line_edit *l, const char *s)
{
	str_copy(l->text, sizeof(l->text), s);
	l->n = l->at = strlen(l->text);
}

void line_insert(struct line_edit *l, const char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		uint32_t cp;
		size_t len = utf8_decode(s + i, n - i, &cp);

		if (!len) {
			i++;
			continue;
		}
		if (cp >= 0x20 && cp != 0x7f && !(cp >= 0x80 && cp < 0xa0) &&
		    l->n + len < sizeof(l->text)) {
			memmove(l->text + l->at + len, l->text + l->at, l->n - l->at + 1);
			memcpy(l->text + l->at, s + i, len);
			l->n += len;
			l->at += len;
		}
		i += len;
	}
}

static size_t step(const struct line_edit *l, size_t at, int dir)
{
	if (dir < 0 && at > 0)
		do
			at--;
		while (at > 0 && (l->text[at] & 0xc0) == 0x80);
	else if (dir > 0 && at < l->n)
		do
			at++;
		while (at < l->n && (l->text[at] & 0xc0) == 0x80);
	return at;
}

static void cut(struct line_edit *l, size_t from, size_t to)
{
	memmove(l->text + from, l->text + to, l->n - to + 1);
	l->n -= to - from;
	l->at = from;
}

bool line_key(struct line_edit *l, const struct input_event *ev)
{
	char utf8[4];

	if (ev->mods & PTY_CTRL) {
		switch (ev->key) {
		case 'a':
			l->at = 0;
			return true;
		case 'e':
			l->at = l->n;
			return true;
		case 'u':
			cut(l, 0, l->at);
			return true;
		case 'k':
			cut(l, l->at, l->n);
			return true;
		case 'w': {
			size_t from = l->at;

			while (from > 0 && l->text[from - 1] == ' ')
				from--;
			while (from > 0 && l->text[from - 1] != ' ')
				from--;
			cut(l, from, l->at);
			return true;
		}
		default:
			return false;
		}
	}
	switch (ev->key) {
	case PTY_KEY_LEFT:
		l->at = step(l, l->at, -1);
		return true;
	case PTY_KEY_RIGHT:
		l->at = step(l, l->at, 1);
		return true;
	case PTY_KEY_HOME:
		l->at = 0;
		return true;
	case PTY_KEY_END:
		l->at = l->n;
		return true;
	case PTY_KEY_BACKSPACE:
		cut(l, step(l, l->at, -1), l->at);
		return true;
	case PTY_KEY_DELETE:
		cut(l, l->at, step(l, l->at, 1));
		return true;
	default:
		if (ev->key >= PTY_KEY_BASE || ev->mods)
			return false;
		line_insert(l, utf8, utf8_encode(ev->key, utf8));
		return true;
	}
}

void line_draw(const struct line_edit *l, struct canvas *c, int x, int y, int w,
	       const struct style *s, bool active)
{
	struct line_edit before = *l;
	size_t from = 0;
	int column;

	before.text[before.at] = 0;
	while ((column = (int)width_text(before.text + from)) >= w - 1 && column > 0)
		from = step(l, from, 1);
	canvas_text(c, x, y, w, s, l->text + from);
	if (active) {
		c->cx = x + column;
		c->cy = y;
		c->cursor_shape = 0;
	}
}
