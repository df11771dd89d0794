/* The mouse: focus, borders, wheel, and what a program wants of it. */
#include "tui/app.h"

void mouse_update(struct tui *t)
{
	const struct pane *p = pane_focused(t);
	const struct pty_screen *s =
	    p && p->agent && p->agent->screen ? pty_client_screen(p->agent->screen) : NULL;

	if (!t->have_term)
		return;
	if (!t->mouse_on)
		term_mouse(&t->term, 0);
	else
		term_mouse(&t->term, s && s->mouse == PTY_MOUSE_ANY ? 1003 : 1002);
}

/* Hands an event on to the program of a pane if that asked for such. */
static void to_program(struct pane *p, const struct input_event *ev)
{
	const struct pty_screen *s;

	if (p->kind != PANE_TERMINAL || !p->agent->screen || p->agent->screen_over ||
	    p->scroll.on || p->tui->options->read_only || !rect_has(&p->body, ev->x, ev->y))
		return;
	s = pty_client_screen(p->agent->screen);
	if (!s->mouse || (ev->action == PTY_MOVE && s->mouse == PTY_MOUSE_CLICK) ||
	    (ev->action == PTY_MOVE && ev->button == PTY_BUTTON_NONE && s->mouse != PTY_MOUSE_ANY))
		return;
	pty_client_mouse(p->agent->screen, ev->x - p->body.x + p->crop_x,
			 ev->y - p->body.y + p->crop_y, ev->button, ev->action, ev->mods);
	agent_flush(p->agent);
}

static void wheel(struct tui *t, struct pane *p, const struct input_event *ev)
{
	if (ev->action != PTY_PRESS)
		return;
	if (p->kind == PANE_AUDIT)
		audit_scroll(p, ev->button == PTY_WHEEL_UP ? 3 : -3);
	else if (p->kind == PANE_VIOLATIONS || p->kind == PANE_NETWORK)
		list_pane_scroll(p, ev->button == PTY_WHEEL_UP ? 3 : -3);
	else if (p->kind == PANE_REVIEW)
		review_scroll(p, ev->button == PTY_WHEEL_UP ? 3 : -3);
	else if (p->kind == PANE_TERMINAL && !terminal_wheel(p, ev))
		to_program(p, ev);
	tui_dirty(t);
}

static bool drag(struct tui *t, const struct input_event *ev)
{
	struct tab *tab = tab_current(t);

	if (ev->action == PTY_RELEASE) {
		bool was = t->dragging;

		t->dragging = NULL;
		return was;
	}
	if (ev->action == PTY_MOVE && t->dragging && tab) {
		layout_drag(&tab->layout, t->dragging, ev->x, ev->y);
		panes_arrange(t);
		return true;
	}
	if (ev->action == PTY_PRESS && ev->button == PTY_BUTTON_LEFT && tab && !tab->zoomed) {
		t->dragging = layout_border_at(&tab->layout, ev->x, ev->y);
		if (t->dragging) {
			struct pane *p = pane_at(t, ev->x, ev->y);

			if (p)
				pane_focus(t, p);
		}
		return t->dragging;
	}
	return false;
}

void input_mouse(struct tui *t, const struct input_event *ev)
{
	struct pane *p = pane_at(t, ev->x, ev->y);
	struct pane *f = pane_focused(t);
	struct agent *a;

	if (t->dialog)
		return;
	if (f && ev->action == PTY_PRESS)
		f->scroll.held = false; /* the release may have come outside of the window */
	if (f && f->scroll.held && scroll_mouse(f, ev)) /* wherever the mouse is meanwhile */
		return;
	if (ev->button == PTY_WHEEL_UP || ev->button == PTY_WHEEL_DOWN) {
		if (p)
			wheel(t, p, ev);
		return;
	}
	if (drag(t, ev))
		return;
	if (ev->y == t->canvas.rows - 1 && ev->action == PTY_PRESS) {
		a = statusline_hit(t, ev->x);
		if (a)
			act_show_agent(t, a, SPLIT_LEAF);
		return;
	}
	if (!p)
		return;
	if (ev->action == PTY_PRESS && p != pane_focused(t)) {
		pane_focus(t, p); /* the click that only brings the pane into focus */
		return;
	}
	if (!scroll_mouse(p, ev))
		to_program(p, ev);
}
