/* The picture of a pane in the scrollback's mode. */
#include "tui/app.h"

#define AHEAD 40

static void draw_bar(struct pane *p, uint64_t below, bool focused)
{
	const struct rect *r = &p->body;
	const struct scroll_find *f = &p->scroll.find;
	struct rect bar = {r->x, r->y + r->h - 1, r->w, 1};
	const struct style *s = style(p->tui, S_MARK);

	canvas_fill(&p->tui->canvas, &bar, s);
	if (f->typing) {
		canvas_text(&p->tui->canvas, bar.x, bar.y, bar.w, s, f->asks_back ? "?" : "/");
		line_draw(&f->prompt, &p->tui->canvas, bar.x + 1, bar.y, bar.w - 1, s, focused);
		return;
	}
	if (p->scroll.note[0])
		bar.x +=
		    canvas_textf(&p->tui->canvas, bar.x, bar.y, bar.w, s, " %s ·", p->scroll.note);
	bar.w -= bar.x - r->x;
	canvas_textf(&p->tui->canvas, bar.x, bar.y, bar.w, s,
		     r->w < 60 ? " %llu lines back · q live "
			       : " scrolled back %llu lines — live below: q, Esc or Enter ",
		     (unsigned long long)below);
}

/* Has what comes into view next fetched, so that it is there when a key asks for it. */
static void fetch_ahead(struct pane *p, const struct pty_screen *s)
{
	uint64_t top = p->scroll.top, rows = (uint64_t)scroll_rows(p);
	int cols;

	if (top > s->history_first)
		agent_row(p->agent, s,
			  top - s->history_first > AHEAD ? top - AHEAD : s->history_first, &cols);
	agent_row(p->agent, s, top + rows + AHEAD, &cols);
}

static void draw_rows(struct pane *p, const struct pty_screen *s)
{
	const struct scroll_view *v = &p->scroll;
	const struct rect *r = &p->body;

	for (int y = 0; y < scroll_rows(p); y++) {
		int cols;
		const struct pty_cell *row = agent_row(p->agent, s, v->top + (uint64_t)y, &cols);

		if (row && cols > v->left)
			canvas_cells(&p->tui->canvas, r->x, r->y + y, s, row, v->left,
				     cols - v->left < r->w ? cols - v->left : r->w);
	}
}

void scroll_draw(struct pane *p, const struct pty_screen *s, bool focused)
{
	struct canvas *c = &p->tui->canvas;
	const struct scroll_view *v = &p->scroll;

	scroll_settle(p, s); /* lines may have fallen out, the pane may have another size */
	scroll_wish(p, s);
	draw_rows(p, s);
	scroll_marks(p, s);
	scroll_select_marks(p, s);
	fetch_ahead(p, s);
	if (focused) {
		c->cx = p->body.x + v->col - v->left;
		c->cy = p->body.y + (int)(v->line - v->top);
		c->cursor_shape = 0;
	}
	if (p->body.h > 1 || v->find.typing)
		draw_bar(p, scroll_below(p, s), focused);
}
