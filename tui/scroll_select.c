/* Selecting in the scrollback, with keys or the mouse, and copying: the text comes from the host,
 * which knows what goes on in the next row and has rows that are not here. */
#include "tui/app.h"

/* The selection from its first cell to its last, both included; false: none. */
static bool bounds(const struct pane *p, struct scroll_place *from, struct scroll_place *to)
{
	const struct scroll_view *v = &p->scroll;
	struct scroll_place cursor = {v->line, v->wish == '$' ? PTY_COLS_MAX - 1 : v->col};
	bool back = cursor.line < v->anchor.line ||
		    (cursor.line == v->anchor.line && cursor.col < v->anchor.col);

	if (v->select == SELECT_NONE)
		return false;
	*from = back ? cursor : v->anchor;
	*to = back ? v->anchor : cursor;
	if (v->select == SELECT_LINES) {
		from->col = 0;
		to->col = PTY_COLS_MAX - 1;
	}
	return true;
}

static bool full(struct pane *p, const struct pty_screen *s, uint64_t line)
{
	int cols;
	const struct pty_cell *row = agent_row(p->agent, s, line, &cols);

	return row && (row[cols - 1].glyph || (row[cols - 1].attr & PTY_WIDE_TAIL));
}

/* The host knows which rows a line goes over; seen from here a full row goes on. */
static void show_whole(struct pane *p, const struct pty_screen *s, struct scroll_place *from,
		       struct scroll_place *to)
{
	uint64_t top = p->scroll.top, last = top + (uint64_t)scroll_rows(p) - 1;

	while (from->line > top && from->line <= last && full(p, s, from->line - 1))
		from->line--;
	while (to->line >= top && to->line < last && full(p, s, to->line))
		to->line++;
}

void scroll_select_marks(struct pane *p, const struct pty_screen *s)
{
	const struct scroll_view *v = &p->scroll;
	struct scroll_place from, to;
	uint64_t last = v->top + (uint64_t)scroll_rows(p) - 1;

	if (!bounds(p, &from, &to))
		return;
	if (v->select == SELECT_LINES)
		show_whole(p, s, &from, &to);
	for (uint64_t line = from.line > v->top ? from.line : v->top;
	     line <= to.line && line <= last; line++) {
		int x = line == from.line ? from.col : 0;
		int end = line == to.line && to.col < s->cols ? to.col : s->cols - 1;

		if (x < v->left)
			x = v->left;
		for (; x <= end && x - v->left < p->body.w; x++)
			x += canvas_mark(&p->tui->canvas, p->body.x + x - v->left,
					 p->body.y + (int)(line - v->top), NULL) -
			     1;
	}
}

static bool copy(struct pane *p)
{
	struct tui *t = p->tui;
	struct scroll_place from, to;

	if (!bounds(p, &from, &to))
		return false;
	if (p->agent->screen_over) {
		tui_message(t, true, "disconnected: nothing can be copied");
		return true;
	}
	if (!++t->copy.id)
		t->copy.id++;
	p->agent->copy_id = t->copy.id;
	pty_client_copy(p->agent->screen, t->copy.id, from.line, from.col, to.line, to.col,
			p->scroll.select == SELECT_LINES);
	agent_flush(p->agent);
	return true;
}

void scroll_copied(struct agent *a, uint32_t id, bool cut, const char *text, size_t n)
{
	struct tui *t = a->tui;
	char prefix[32];

	/* A host may send what nobody asked it for, or more than one answer. */
	if (!a->copy_id || id != a->copy_id || id != t->copy.id)
		return;
	a->copy_id = 0;
	if (!n) {
		tui_message(t, false, "nothing but blanks: not copied");
		return;
	}
	buf_clear(&t->copy.text);
	buf_add(&t->copy.text, text, n);
	if (t->have_term)
		tui_clipboard(t, text, n);
	key_label(t->prefix_key, t->prefix_mods, prefix, sizeof(prefix));
	tui_message(t, cut, "copied %s%zu bytes: also %s ] pastes them", cut ? "the first " : "", n,
		    prefix);
}

void act_paste(struct tui *t, int arg)
{
	const struct input_event ev = {
	    .type = INPUT_PASTE, .text = t->copy.text.data, .n = t->copy.text.len};

	(void)arg;
	if (!ev.n)
		tui_message(t, false, "nothing was copied yet: [ then v, y");
	else
		input_event(t, &ev);
}

static void begin(struct pane *p, enum scroll_select how)
{
	struct scroll_view *v = &p->scroll;

	if (v->select == SELECT_NONE)
		v->anchor = (struct scroll_place){v->line, v->col};
	v->select = v->select == how ? SELECT_NONE : how;
}

bool scroll_select_key(struct pane *p, const struct input_event *ev)
{
	struct scroll_view *v = &p->scroll;

	if (ev->mods & (PTY_CTRL | PTY_ALT))
		return false;
	switch (ev->key) {
	case 'v':
	case ' ':
		begin(p, SELECT_CELLS);
		return true;
	case 'V':
		begin(p, SELECT_LINES);
		return true;
	case 'o': /* to the other end */
		if (v->select != SELECT_NONE) {
			struct scroll_place cursor = {v->line, v->col};

			v->line = v->anchor.line;
			v->col = v->anchor.col;
			v->anchor = cursor;
		}
		return true;
	case PTY_KEY_ESCAPE:
		if (v->select == SELECT_NONE)
			return false;
		v->select = SELECT_NONE;
		return true;
	case 'y':
		if (copy(p))
			scroll_ended(p, ev->key);
		else
			scroll_note(p, "nothing selected: v or V begins");
		return true;
	case PTY_KEY_ENTER:
		copy(p);
		return false; /* leaves */
	default:
		return false;
	}
}

/* ---- the mouse -------------------------------------------------------------- */

static struct scroll_place place_of(const struct pane *p, const struct pty_screen *s,
				    const struct input_event *ev)
{
	const struct scroll_view *v = &p->scroll;
	int x = ev->x - p->body.x, y = ev->y - p->body.y, rows = scroll_rows(p);

	if (!v->on)
		return (struct scroll_place){scroll_live(s) + (uint64_t)(y + p->crop_y),
					     x + p->crop_x};
	x = x < 0 ? 0 : x >= p->body.w ? p->body.w - 1 : x;
	y = y < 0 ? 0 : y >= rows ? rows - 1 : y;
	return (struct scroll_place){v->top + (uint64_t)y, v->left + x};
}

static bool dragged(struct pane *p, const struct pty_screen *s, const struct input_event *ev)
{
	struct scroll_view *v = &p->scroll;
	struct scroll_place at = place_of(p, s, ev), from = v->pressed;

	if (v->select == SELECT_NONE && at.line == from.line && at.col == from.col)
		return true;
	scroll_enter_at(p, at); /* its first row stays where it is, if the bar lets it */
	if (v->select == SELECT_NONE || !v->dragged) {
		v->select = SELECT_CELLS;
		v->anchor = from;
		v->dragged = true;
	}
	if (ev->y < p->body.y)
		scroll_by(p, 1);
	else if (ev->y >= p->body.y + scroll_rows(p))
		scroll_by(p, -1);
	at = place_of(p, s, ev);
	v->line = at.line;
	v->col = at.col;
	scroll_settle(p, s);
	tui_dirty(p->tui);
	return true;
}

bool scroll_mouse(struct pane *p, const struct input_event *ev)
{
	struct scroll_view *v = &p->scroll;
	const struct pty_screen *s = p->kind == PANE_TERMINAL ? terminal_screen(p) : NULL;

	if (!s || (s->mouse && !v->on)) {
		v->held = false;
		return false; /* the program's own */
	}
	if (ev->action == PTY_MOVE && ev->button != PTY_BUTTON_LEFT)
		v->held = false; /* its release did not reach us */
	if (ev->action == PTY_MOVE && v->held)
		return dragged(p, s, ev);
	if (ev->action == PTY_RELEASE && v->held) {
		v->held = false;
		if (v->dragged && copy(p))
			scroll_leave(p);
		return true;
	}
	if (ev->action != PTY_PRESS || ev->button != PTY_BUTTON_LEFT ||
	    !rect_has(&p->body, ev->x, ev->y))
		return v->on;
	v->held = true;
	v->dragged = false;
	v->pressed = place_of(p, s, ev);
	if (v->on) {
		v->select = SELECT_NONE;
		v->line = v->pressed.line;
		v->col = v->pressed.col;
		scroll_settle(p, s);
		tui_dirty(p->tui);
	}
	return true;
}
