/* A session's screen in a pane: live, or a view into its scrollback. */
#include "tui/app.h"

#define WHEEL_LINES 3

const struct pty_screen *terminal_screen(const struct pane *p)
{
	return p->agent && p->agent->screen ? pty_client_screen(p->agent->screen) : NULL;
}

/* ---- drawing ------------------------------------------------------------ */

/* Where a screen that is larger than the pane is looked at: so that the cursor is inside, moved no
 * more than needed. */
static int crop(int before, int size, int room, int cursor)
{
	if (size <= room)
		return 0;
	if (cursor < before)
		before = cursor;
	if (cursor >= before + room)
		before = cursor - room + 1;
	if (before > size - room)
		before = size - room;
	return before < 0 ? 0 : before;
}

static void draw_cursor(const struct pane *p, const struct pty_screen *s)
{
	struct canvas *c = &p->tui->canvas;

	c->cx = -1;
	if (!s->cursor_visible || p->agent->ended)
		return;
	c->cx = p->body.x + s->cx - p->crop_x;
	c->cy = p->body.y + s->cy - p->crop_y;
	c->cursor_shape = s->cursor_shape >= 0 && s->cursor_shape <= 6 ? s->cursor_shape : 0;
	if (!rect_has(&p->body, c->cx, c->cy))
		c->cx = -1;
}

static void draw_live(struct pane *p, const struct pty_screen *s, bool focused)
{
	struct canvas *c = &p->tui->canvas;
	const struct rect *r = &p->body;
	int w = s->cols < r->w ? s->cols : r->w, h = s->rows < r->h ? s->rows : r->h;

	p->crop_x = crop(p->crop_x, s->cols, r->w, s->cx);
	p->crop_y = crop(p->crop_y, s->rows, r->h, s->cy);
	for (int y = 0; y < h; y++)
		canvas_cells(c, r->x, r->y + y, s,
			     s->cells + (size_t)(y + p->crop_y) * (size_t)s->cols, p->crop_x, w);
	if (s->cols > r->w || s->rows > r->h)
		canvas_textf(c, r->x + r->w - 19, r->y, 19, style(p->tui, S_MARK),
			     " part of %dx%d ", s->cols, s->rows);
	if (focused)
		draw_cursor(p, s);
	p->drawn_gen = s->generation;
	p->drawn_cols = s->cols;
	p->drawn_rows = s->rows;
	p->drawn_reverse = s->reverse_video;
}

bool draw_terminal_changes(struct pane *p, bool focused)
{
	const struct pty_screen *s = terminal_screen(p);
	struct canvas *c = &p->tui->canvas;
	const struct rect *r = &p->body;

	if (!s || p->scroll.on || p->agent->ended || p->agent->screen_over || !p->drawn_gen ||
	    s->cols != p->drawn_cols || s->rows != p->drawn_rows || s->cols > r->w ||
	    s->rows > r->h || s->reverse_video != p->drawn_reverse)
		return false;
	for (int y = 0; y < s->rows; y++) {
		if (s->row_gen[y] <= p->drawn_gen)
			continue;
		canvas_cells(c, r->x, r->y + y, s, s->cells + (size_t)y * (size_t)s->cols, 0,
			     s->cols);
		c->touched[r->y + y] = true;
	}
	p->drawn_gen = s->generation;
	if (focused)
		draw_cursor(p, s);
	return true;
}

static void draw_ended(struct pane *p)
{
	const struct agent *a = p->agent;
	struct canvas *c = &p->tui->canvas;
	const struct rect *r = &p->body;
	char text[160];

	if (a->exit_code < 0)
		snprintf(text, sizeof(text),
			 " ended: its supervisor vanished — Enter closes, r restarts ");
	else
		snprintf(text, sizeof(text), " ended: exit %d — Enter closes, r restarts ",
			 a->exit_code);
	canvas_text(c, r->x, r->y + r->h - 1, r->w, style(p->tui, a->exit_code ? S_BAD : S_MARK),
		    text);
}

void draw_terminal(struct pane *p, bool focused)
{
	const struct pty_screen *s = terminal_screen(p);
	struct tui *t = p->tui;

	p->drawn_gen = 0;
	if (!p->body.w || !p->body.h)
		return;
	if (s && p->scroll.on)
		scroll_draw(p, s, focused);
	else if (s)
		draw_live(p, s, focused);
	else if (!p->agent->ended)
		canvas_text(&t->canvas, p->body.x + 1, p->body.y, p->body.w - 1, style(t, S_DIM),
			    !p->agent->terminal
				? "this session has no terminal (see its audit pane)"
			    : p->agent->failures ? "its supervisor does not answer"
						 : "connecting …");
	if (p->agent->ended && !p->scroll.on)
		draw_ended(p);
	else if (p->agent->dropped)
		canvas_text(&t->canvas, p->body.x, p->body.y + p->body.h - 1, p->body.w,
			    style(t, S_MARK), " detached by nono detach — Enter attaches again ");
	else if (p->agent->screen_over && !p->agent->ended)
		canvas_text(&t->canvas, p->body.x, p->body.y + p->body.h - 1, p->body.w,
			    style(t, S_MARK), " disconnected from its screen ");
}

/* Into the scrollback and, when it was this that has led there, out of it. */
static void wheel_scrolls(struct pane *p, const struct pty_screen *s, bool up)
{
	if (!p->scroll.on) {
		if (!up)
			return;
		if (!s->history) {
			tui_message(
			    p->tui, false, "%s: nothing has scrolled away yet%s", p->agent->name,
			    s->alt_screen ? " (a full-screen program keeps its own history)" : "");
			return;
		}
		scroll_enter(p);
		p->scroll.by_wheel = true;
	}
	scroll_by(p, up ? WHEEL_LINES : -WHEEL_LINES);
	if (!up && p->scroll.by_wheel && !scroll_below(p, s))
		scroll_leave(p);
}

bool terminal_wheel(struct pane *p, const struct input_event *ev)
{
	const struct pty_screen *s = terminal_screen(p);
	bool up = ev->button == PTY_WHEEL_UP;

	if (!s)
		return false;
	if (p->scroll.on || (ev->mods & PTY_SHIFT) || (!s->mouse && !s->alt_screen)) {
		wheel_scrolls(p, s, up);
		return true;
	}
	if (s->mouse)
		return false;		      /* the program's own */
	for (int i = 0; i < WHEEL_LINES; i++) /* a pager: as other terminals do */
		pty_client_key(p->agent->screen, up ? PTY_KEY_UP : PTY_KEY_DOWN, 0);
	agent_flush(p->agent);
	return true;
}
