/* The violations pane: refusals grouped by target. */
#include "tui/list.h"
#include "tui/violations.h"
#include "tui/width.h"

#include <time.h>

static size_t selected(struct pane *p, const struct violation_row *rows, size_t n)
{
	const struct violations_view *w = &p->violations;

	for (size_t i = 0; i < n; i++)
		if (str_eq(rows[i].a->id, w->agent) && str_eq(rows[i].v->target, w->target) &&
		    str_eq(rows[i].v->op, w->op) && str_eq(rows[i].v->tool, w->tool))
			return i;
	return n; /* none: what was selected is gone */
}

static void choose(struct pane *p, const struct violation_row *r)
{
	struct violations_view *w = &p->violations;

	str_copy(w->agent, sizeof(w->agent), r->a->id);
	str_copy(w->target, sizeof(w->target), r->v->target);
	str_copy(w->op, sizeof(w->op), r->v->op);
	str_copy(w->tool, sizeof(w->tool), r->v->tool);
	tui_dirty(p->tui);
}

/* ---- drawing -------------------------------------------------------------------- */

static void clock_text(char out[12], uint64_t ns)
{
	time_t s = (time_t)(ns / 1000000000u);
	struct tm tm;

	localtime_r(&s, &tm);
	strftime(out, 12, "%H:%M:%S", &tm);
}

static void draw_row(struct pane *p, int y, const struct violation_row *r, bool on)
{
	struct tui *t = p->tui;
	const struct rect *b = &p->body;
	const struct violation_item *v = r->v;
	const struct style *st = style(t, on ? S_SELECTED : v->hidden ? S_DIM : S_TEXT);
	const struct style *dim = style(t, on ? S_SELECTED : S_DIM);
	const struct style *bad = style(t, on ? S_SELECTED : v->hidden ? S_DIM : S_BAD);
	struct rect line = {b->x, y, b->w, 1};
	char first[12], last[12], cut[4096], name[1200];
	int x = b->x, end = b->x + b->w;

	if (on)
		canvas_fill(&t->canvas, &line, st);
	clock_text(first, v->first_ns);
	clock_text(last, v->last_ns);
	canvas_textf(&t->canvas, x, y, 6, bad, "%5llu×", (unsigned long long)v->count);
	x += 7;
	canvas_text(&t->canvas, x, y, 8, dim, last);
	x += 9;
	if (b->w > 100) {
		canvas_textf(&t->canvas, x, y, 14, dim, "since %s", first);
		x += 15;
	}
	if (!p->agent && b->w > 70) {
		canvas_text(&t->canvas, x, y, 14, dim, r->a->name);
		x += 15;
	}
	canvas_text(&t->canvas, x, y, 9, st, v->op);
	x += 10;
	if (b->w > 60) {
		canvas_text(&t->canvas, x, y, 12, dim, path_base(v->program));
		x += 13;
	}
	snprintf(name, sizeof(name), "%s%s%s%s%s", v->target, v->tool[0] ? "  (tool " : "", v->tool,
		 v->tool[0] ? ")" : "", v->hidden ? "  (hidden)" : "");
	if (end > x)
		canvas_text(&t->canvas, x, y, end - x, st,
			    width_tail(name, (size_t)(end - x), cut, sizeof(cut)));
}

static void draw_bar(struct pane *p, int y, bool focused, size_t n, size_t left_out)
{
	struct tui *t = p->tui;
	struct rect r = {p->body.x, y, p->body.w, 1};
	char text[128], more[48] = "";
	int x;

	canvas_fill(&t->canvas, &r, style(t, S_BAR));
	if (left_out)
		snprintf(more, sizeof(more), " · %zu hidden", left_out);
	snprintf(text, sizeof(text), " %zu refused%s%s", n, more,
		 p->violations.show_hidden ? " · hidden ones too" : "");
	x = r.x + canvas_text(&t->canvas, r.x, y, r.w, style(t, S_BAR), text);
	if (focused)
		canvas_text(&t->canvas, x, y, r.x + r.w - x, style(t, S_BAR),
			    "  ? keys  Enter why  s allow  A always  S suppress  c copy  q close");
}

void draw_violations(struct pane *p, bool focused)
{
	_cleanup_free_ struct violation_row *v = NULL;
	size_t left_out, n = violation_rows(p, &v, &left_out), at = selected(p, v, n), rows;
	size_t *first = &p->violations.first;

	if (p->body.h < 1 || p->body.w < 1)
		return;
	rows = (size_t)p->body.h - 1;
	list_follow(first, at, rows, n);
	for (size_t i = 0; i < rows && *first + i < n; i++)
		draw_row(p, p->body.y + (int)i, &v[*first + i], focused && *first + i == at);
	if (!n)
		canvas_text(&p->tui->canvas, p->body.x + 1, p->body.y, p->body.w - 1,
			    style(p->tui, S_DIM), "nothing was refused");
	draw_bar(p, p->body.y + p->body.h - 1, focused, n, left_out);
}

/* ---- keys ------------------------------------------------------------------------- */

static void move(struct pane *p, long step)
{
	_cleanup_free_ struct violation_row *v = NULL;
	size_t left_out, n = violation_rows(p, &v, &left_out), at = selected(p, v, n);

	if (!n)
		return;
	choose(p, &v[at == n ? 0 : list_move(at, step, n)]); /* none: the first */
}

void violations_scroll(struct pane *p, int lines)
{
	move(p, -lines);
}

/* Acts on what is selected, never on a row that only happens to be there. */
static void act(struct pane *p, void (*fn)(const struct violation_row *r))
{
	_cleanup_free_ struct violation_row *v = NULL;
	size_t left_out, n = violation_rows(p, &v, &left_out), at = selected(p, v, n);

	if (at < n) {
		struct violation_row r = v[at];

		fn(&r);
	} else if (n) {
		tui_message(p->tui, false, "choose a line with the arrow keys first");
	}
}

static void all_or_one(struct pane *p)
{
	struct tui *t = p->tui;
	struct agent *a = p->agent ? NULL : agents_get(t, p->violations.agent);

	if (!p->agent && !a)
		a = t->n_agents ? t->agents[0] : NULL;
	if (!p->agent && !a)
		return;
	p->agent = a;
	panes_arrange(t);
}

static bool move_key(struct pane *p, const struct input_event *ev)
{
	long step;

	if (!list_key(ev, p->body.h - 2, &step))
		return false;
	move(p, step);
	return true;
}

static const char keys_text[] =
    "↑ ↓ PgUp PgDn Home End   choose a line\n"
    "Enter, w                 why it was refused\n"
    "s                        allow it until the session ends\n"
    "A                        allow it always: the change of the profile is shown first\n"
    "S                        not offer it for saving any more: written to the profile, too\n"
    "c                        copy the flag that would grant it\n"
    "h                        hide the target, and back\n"
    "H                        show hidden ones too\n"
    "a                        all sessions, or one\n"
    "q                        close the pane\n";

bool violations_key(struct pane *p, const struct input_event *ev)
{
	tui_dirty(p->tui);
	if ((ev->mods & ~(unsigned)PTY_SHIFT) || move_key(p, ev))
		return true;
	switch (ev->key) {
	case PTY_KEY_ENTER:
	case 'w':
		act(p, violation_why);
		break;
	case 's':
		act(p, violation_allow);
		break;
	case 'A':
		act(p, violation_always);
		break;
	case 'S':
		act(p, violation_suppress);
		break;
	case 'c':
		act(p, violation_copy);
		break;
	case 'h':
		act(p, violation_hide);
		break;
	case 'H':
		p->violations.show_hidden = !p->violations.show_hidden;
		break;
	case 'a':
		all_or_one(p);
		break;
	case '?':
		dialog_text(p->tui, "Keys of the violations pane", keys_text, false, NULL, NULL,
			    NULL);
		break;
	case 'q':
		pane_close(p->tui, p);
		break;
	default:
		return false;
	}
	return true;
}
