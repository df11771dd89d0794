/* The audit pane: events as they happen, one a line. */
#include "tui/app.h"
#include "tui/audit_view.h"
#include "tui/event_text.h"
#include "tui/list.h"
#include "tui/width.h"

static struct audit_view *view(struct pane *p)
{
	if (!p->audit)
		p->audit = audit_view_new();
	return p->audit;
}

/* ---- reading ------------------------------------------------------------------ */

bool audit_poll(struct pane *p)
{
	struct audit_view *v = view(p);
	struct tui *t = p->tui;
	uint64_t before = v->next, now = clock_mono_ns();

	if (v->paused)
		return false;
	if (p->agent)
		audit_source_add(v, p->agent->id, p->agent->name);
	for (size_t i = 0; !p->agent && i < t->n_agents; i++)
		audit_source_add(v, t->agents[i]->id, t->agents[i]->name);
	for (size_t i = 0; i < v->n_sources; i++)
		audit_source_poll(v, v->sources[i], i ? clock_mono_ns() : now);
	if (v->next != before || (v->whole && !v->at_end))
		tui_dirty(t);
	return v->whole && !v->at_end && v->n_sources && v->sources[0]->reader;
}

/* ---- drawing ------------------------------------------------------------------ */

static enum theme_style decision_style(const char *decision)
{
	return str_eq(decision, "denied")    ? S_BAD
	       : str_eq(decision, "granted") ? S_GOOD
	       : str_eq(decision, "missing") ? S_DIM
					     : S_TEXT;
}

static const char *decision_mark(const char *decision)
{
	return str_eq(decision, "denied") ? "✗" : str_eq(decision, "granted") ? "+" : " ";
}

static int column(struct tui *t, int x, int y, int w, const struct style *s, const char *text,
		  bool tail)
{
	char cut[4096], printable[4096];

	text_printable(printable, sizeof(printable), text, strlen(text));
	if (w > 0)
		canvas_text(&t->canvas, x, y, w, s,
			    tail ? width_tail(printable, (size_t)w, cut, sizeof(cut)) : printable);
	return x + w + 1;
}

static void draw_row(struct pane *p, int y, const struct audit_item *it, bool selected)
{
	struct tui *t = p->tui;
	struct audit_record *r = &view(p)->record;
	const struct rect *b = &p->body;
	int x = b->x, end = b->x + b->w, clock_width;
	const struct style *dim, *st;
	struct rect line = {b->x, y, b->w, 1};
	const char *result;

	if (audit_parse(it->json, it->len, r))
		return;
	result = event_result(r);
	st = style(t, selected ? S_SELECTED : decision_style(r->decision));
	dim = style(t, selected ? S_SELECTED : S_DIM);
	if (selected)
		canvas_fill(&t->canvas, &line, st);
	clock_width = b->w > 90 ? 12 : 8; /* with milliseconds where there is room */
	if (strlen(it->time) > 23)
		canvas_textf(&t->canvas, x, y, clock_width, dim, "%.*s", clock_width,
			     it->time + 11);
	x += clock_width + 1;
	if (!p->agent && b->w > 70)
		x = column(t, x, y, 14, dim, it->name, false);
	x = column(t, x, y, 1, st, decision_mark(r->decision), false);
	x = column(t, x, y, 9, st, event_what(r), false);
	if (b->w > 60)
		x = column(t, x, y, 12, dim, path_base(r->program), false);
	if (result) {
		int half = (end - x - 3) / 2, n = (int)width_text(r->target);

		x = column(t, x, y, n < half ? n : half, st, r->target, true);
		x = column(t, x, y, 1, dim, "→", false);
		column(t, x, y, end - x, st, result, str_eq(r->type, "change"));
	} else {
		column(t, x, y, end - x, st, r->target, !str_eq(r->type, "session_started"));
	}
}

static void draw_bar(struct pane *p, int y, bool focused)
{
	struct audit_view *v = view(p);
	struct tui *t = p->tui;
	struct rect r = {p->body.x, y, p->body.w, 1};
	char text[512], dropped[64] = "";
	int x = r.x;

	canvas_fill(&t->canvas, &r, style(t, S_BAR));
	if (v->typing) {
		x += canvas_text(&t->canvas, x, y, r.w, style(t, S_BAR), " filter: ");
		line_draw(&v->line, &t->canvas, x, y, r.w - (x - r.x), style(t, S_BAR), focused);
		return;
	}
	if (v->context)
		x += canvas_text(&t->canvas, x, y, r.w, style(t, S_MARK), " around it, Esc back ");
	else if (v->paused)
		x += canvas_text(&t->canvas, x, y, r.w, style(t, S_MARK), " paused ");
	else if (v->whole && !v->at_end)
		x += canvas_textf(&t->canvas, x, y, r.w, style(t, S_MARK), " searching %u %% ",
				  v->percent);
	else if (!v->follow)
		x += canvas_text(&t->canvas, x, y, r.w, style(t, S_MARK), " scrolled, G live ");
	if (v->whole && v->matched > audit_view_count(v))
		snprintf(dropped, sizeof(dropped), " of %llu, the newest",
			 (unsigned long long)v->matched);
	snprintf(text, sizeof(text), " %s%s%s%s · %zu%s%s", audit_show_name(v->filter.show),
		 v->filter.denied_only ? " · denied only" : "", v->filter.text[0] ? " · /" : "",
		 v->filter.text, audit_view_count(v), dropped,
		 v->skipped ? " · some left out" : "");
	x += canvas_text(&t->canvas, x, y, r.x + r.w - x, style(t, S_BAR), text);
	if (focused)
		canvas_text(&t->canvas, x, y, r.x + r.w - x, style(t, S_BAR),
			    "  ? keys  Enter details  c around  t kind  d denied  / text  p pause  "
			    "a all  q close");
}

static const char *empty_text(const struct audit_view *v)
{
	if (v->whole && !v->at_end)
		return "searching the whole log ...";
	if (v->next || v->whole)
		return "nothing matches the filter (Esc clears it)";
	for (size_t i = 0; i < v->n_sources; i++)
		if (v->sources[i]->error[0])
			return v->sources[i]->error;
	return "no events yet";
}

void draw_audit(struct pane *p, bool focused)
{
	struct audit_view *v = view(p);
	size_t n = audit_view_count(v), at = audit_view_selected(v), rows;

	if (p->body.h < 1 || p->body.w < 1)
		return;
	rows = (size_t)p->body.h - 1;
	if (v->follow)
		v->top = n > rows ? n - rows : 0;
	else if (at < v->top)
		v->top = at;
	else if (rows && at >= v->top + rows)
		v->top = at - rows + 1;
	for (size_t i = 0; i < rows && v->top + i < n; i++)
		draw_row(p, p->body.y + (int)i, audit_view_at(v, v->top + i),
			 focused && v->top + i == at);
	if (!n) {
		char text[300];
		const char *why = empty_text(v);

		text_printable(text, sizeof(text), why, strlen(why));
		canvas_text(&p->tui->canvas, p->body.x + 1, p->body.y, p->body.w - 1,
			    style(p->tui, S_DIM), text);
	}
	draw_bar(p, p->body.y + p->body.h - 1, focused);
}

/* ---- keys ------------------------------------------------------------------------ */

void audit_scroll(struct pane *p, int lines)
{
	audit_view_move(view(p), -(long)lines);
	tui_dirty(p->tui);
}

bool audit_text(struct pane *p)
{
	return p->audit && p->audit->typing;
}

static void apply_text(struct audit_view *v)
{
	str_copy(v->filter.text, sizeof(v->filter.text), v->line.text);
	audit_view_refilter(v);
}

void audit_paste(struct pane *p, const char *text, size_t n)
{
	if (!audit_text(p))
		return;
	line_insert(&p->audit->line, text, n);
	apply_text(p->audit);
	tui_dirty(p->tui);
}

/* Of one session the whole log is searched, of all what is here. */
static void refilter(struct pane *p)
{
	if (!p->agent) {
		audit_view_refilter(p->audit);
		return;
	}
	audit_view_restart(p->audit);
	audit_poll(p);
}

void audit_show_events(struct tui *t, struct agent *a, const char *text, bool denied)
{
	struct tab *tab = NULL;
	struct pane *p = pane_find(t, PANE_AUDIT, NULL, &tab);
	struct audit_view *v;
	size_t n = strlen(text), max;

	if (!p || tab != tab_current(t)) {
		p = pane_new(t, PANE_AUDIT, a);
		pane_open(t, p, SPLIT_ROWS);
	}
	p->agent = a;
	v = view(p);
	audit_view_clear(v);
	max = sizeof(v->filter.text) - 1;
	v->filter = (struct audit_filter){.denied_only = denied};
	line_set(&v->line, text + (n > max ? n - max : 0)); /* the end says more */
	v->typing = v->paused = v->context = false;
	apply_text(v);
	refilter(p);
	pane_focus(t, p);
	panes_arrange(t);
}

static bool typing_key(struct pane *p, const struct input_event *ev)
{
	struct audit_view *v = p->audit;

	if (ev->key == PTY_KEY_ENTER || ev->key == PTY_KEY_ESCAPE) {
		v->typing = false;
		if (ev->key == PTY_KEY_ESCAPE)
			line_set(&v->line, "");
		apply_text(v);
		refilter(p);
		return true;
	} else if (!line_key(&v->line, ev)) {
		return true;
	}
	if (!v->whole) /* what is here, until Enter */
		apply_text(v);
	return true;
}

/* From the events around one back to where it was found; else no filter. */
static void clear_filter(struct pane *p)
{
	struct audit_view *v = p->audit;

	if (v->context) {
		v->filter = v->behind;
	} else {
		line_set(&v->line, "");
		v->filter = (struct audit_filter){0};
	}
	if (v->context && !p->agent) {
		audit_view_restart(v);
		v->whole = false;
		audit_poll(p);
		return;
	}
	refilter(p);
}

static void around(struct pane *p)
{
	struct audit_view *v = p->audit;
	const struct audit_item *it = audit_view_at(v, audit_view_selected(v));
	char id[SESSION_ID_LEN + 1];
	struct err err;

	if (!it || v->context)
		return;
	str_copy(id, sizeof(id), it->id);
	if (audit_source_context(v, id, it->offset, &err) < 0)
		dialog_text(p->tui, "The events around it", err.msg, false, NULL, NULL, NULL);
}

static void all_or_one(struct pane *p)
{
	struct tui *t = p->tui;
	struct agent *a = NULL;

	/* Back to one: to the one whose event is looked at. */
	if (!p->agent) {
		const struct audit_item *it =
		    audit_view_at(p->audit, audit_view_selected(p->audit));

		a = it ? agents_get(t, it->id) : t->n_agents ? t->agents[0] : NULL;
		if (!a)
			return;
	}
	p->agent = a;
	audit_view_clear(p->audit);
	audit_poll(p);
	panes_arrange(t);
}

static bool move_key(struct audit_view *v, const struct input_event *ev, int page)
{
	long step;

	if (!list_key(ev, page, &step))
		return false;
	audit_view_move(v, step);
	if (step == LIST_ALL)
		v->paused = v->context;
	return true;
}

static const char keys_text[] = "↑ ↓ PgUp PgDn Home   choose an event\n"
				"End, G               follow what happens\n"
				"Enter                everything about the event\n"
				"t, T                 next kind of event, the one before\n"
				"d                    denied ones only\n"
				"/                    text in path, program, rule, session\n"
				"                     (of one session: the whole log is searched)\n"
				"c                    the events around it, whatever the filter\n"
				"Esc                  back from there; no filter\n"
				"p                    pause, and go on\n"
				"a                    all sessions, or the one of the event\n"
				"q                    close the pane\n";

bool audit_key(struct pane *p, const struct input_event *ev)
{
	struct audit_view *v = view(p);
	struct tui *t = p->tui;

	tui_dirty(t);
	if (v->typing)
		return typing_key(p, ev);
	if ((ev->mods & ~(unsigned)PTY_SHIFT) || move_key(v, ev, p->body.h - 2))
		return true;
	switch (ev->key) {
	case PTY_KEY_ENTER:
		event_details(t, v, audit_view_selected(v));
		break;
	case '/':
		v->typing = true;
		break;
	case 't':
		v->filter.show = (v->filter.show + 1u) % SHOW_COUNT;
		refilter(p);
		break;
	case 'T':
		v->filter.show = (v->filter.show + SHOW_COUNT - 1u) % SHOW_COUNT;
		refilter(p);
		break;
	case 'd':
		v->filter.denied_only = !v->filter.denied_only;
		refilter(p);
		break;
	case 'c':
		around(p);
		break;
	case 'p':
		if (!v->context)
			v->paused = !v->paused;
		break;
	case 'a':
		all_or_one(p);
		break;
	case PTY_KEY_ESCAPE:
		clear_filter(p);
		break;
	case '?':
		dialog_text(t, "Keys of the audit pane", keys_text, false, NULL, NULL, NULL);
		break;
	case 'q':
		pane_close(t, p);
		break;
	default:
		return false;
	}
	return true;
}
