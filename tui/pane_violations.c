/* The violations pane: refusals grouped by target. */
#include "tui/violations.h"
#include "tui/width.h"

#include <time.h>

static bool is_chosen(const struct pane *p, const struct list_row *r)
{
	const struct violations_view *w = &p->violations;

	return str_eq(r->v->target, w->target) && str_eq(r->v->op, w->op) &&
	       str_eq(r->v->tool, w->tool);
}

static void choose(struct pane *p, const struct list_row *r)
{
	struct violations_view *w = &p->violations;

	str_copy(w->target, sizeof(w->target), r->v->target);
	str_copy(w->op, sizeof(w->op), r->v->op);
	str_copy(w->tool, sizeof(w->tool), r->v->tool);
}

/* ---- drawing -------------------------------------------------------------------- */

static void clock_text(char out[12], uint64_t ns)
{
	time_t s = (time_t)(ns / 1000000000u);
	struct tm tm;

	localtime_r(&s, &tm);
	strftime(out, 12, "%H:%M:%S", &tm);
}

static void draw_row(struct pane *p, int y, const struct list_row *r, bool on)
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

static void count(const struct pane *p, size_t n, char *out, size_t size)
{
	size_t left_out = p->violations.left_out;
	char more[48] = "";

	if (left_out)
		snprintf(more, sizeof(more), " · %zu hidden", left_out);
	snprintf(out, size, " %zu refused%s%s", n, more,
		 p->violations.show_hidden ? " · hidden ones too" : "");
}

static const char *nothing(const struct pane *p)
{
	(void)p;
	return "nothing was refused";
}

/* ---- keys ------------------------------------------------------------------------- */

static void show_hidden(struct pane *p)
{
	p->violations.show_hidden = !p->violations.show_hidden;
}

static const struct list_action actions[] = {
    {PTY_KEY_ENTER, violation_why, NULL},
    {'w', violation_why, NULL},
    {'s', violation_allow, NULL},
    {'A', violation_always, NULL},
    {'S', violation_suppress, NULL},
    {'e', violation_events, NULL},
    {'c', violation_copy, NULL},
    {'h', violation_hide, NULL},
    {'H', NULL, show_hidden},
};

static const char keys_text[] =
    "↑ ↓ PgUp PgDn Home End   choose a line\n"
    "Enter, w                 why it was refused\n"
    "s                        allow it until the session ends\n"
    "A                        allow it always: the change of the profile is shown first\n"
    "S                        not offer it for saving any more: written to the profile, too\n"
    "e                        its events, in the audit pane (c there: what was around one)\n"
    "c                        copy the flag that would grant it\n"
    "h                        hide the target, and back\n"
    "H                        show hidden ones too\n"
    "a                        all sessions, or one\n"
    "q                        close the pane\n";

const struct list_kind violations_list = {
    .rows = violation_rows,
    .is_chosen = is_chosen,
    .choose = choose,
    .draw_row = draw_row,
    .count = count,
    .nothing = nothing,
    .hint = "  ? keys  Enter why  s allow  A always  S suppress  c copy  q close",
    .title = "Keys of the violations pane",
    .help = keys_text,
    .actions = actions,
    .n_actions = ARRAY_LEN(actions),
};
