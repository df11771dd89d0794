/* What panes that are lists have in common. */
#include "tui/list_pane.h"
#include "tui/list.h"

static const struct list_kind *kind_of(const struct pane *p)
{
	return p->kind == PANE_NETWORK ? &network_list : &violations_list;
}

static size_t chosen(struct pane *p, const struct list_kind *k, const struct list_row *rows,
		     size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(rows[i].a->id, p->list.agent) && k->is_chosen(p, &rows[i]))
			return i;
	return n; /* none: what was chosen is gone */
}

static void draw_bar(struct pane *p, const struct list_kind *k, int y, bool focused, size_t n)
{
	struct tui *t = p->tui;
	struct rect r = {p->body.x, y, p->body.w, 1};
	char text[200];
	int x;

	canvas_fill(&t->canvas, &r, style(t, S_BAR));
	k->count(p, n, text, sizeof(text));
	x = r.x + canvas_text(&t->canvas, r.x, y, r.w, style(t, S_BAR), text);
	if (focused)
		canvas_text(&t->canvas, x, y, r.x + r.w - x, style(t, S_BAR), k->hint);
}

void draw_list(struct pane *p, bool focused)
{
	const struct list_kind *k = kind_of(p);
	_cleanup_free_ struct list_row *v = NULL;
	int head = k->draw_head ? 1 : 0, top = p->body.y + head;
	size_t n = k->rows(p, &v), at = chosen(p, k, v, n), *first = &p->list.first, rows;

	if (p->body.h < 1 + head || p->body.w < 1)
		return;
	rows = (size_t)(p->body.h - 1 - head);
	list_follow(first, at, rows, n);
	if (head)
		k->draw_head(p, p->body.y);
	for (size_t i = 0; i < rows && *first + i < n; i++)
		k->draw_row(p, top + (int)i, &v[*first + i], focused && *first + i == at);
	if (!n)
		canvas_text(&p->tui->canvas, p->body.x + 1, top, p->body.w - 1,
			    style(p->tui, S_DIM), k->nothing(p));
	draw_bar(p, k, p->body.y + p->body.h - 1, focused, n);
}

static void move(struct pane *p, const struct list_kind *k, long step)
{
	_cleanup_free_ struct list_row *v = NULL;
	size_t n = k->rows(p, &v), at = chosen(p, k, v, n);
	const struct list_row *r;

	if (!n)
		return;
	r = &v[at == n ? 0 : list_move(at, step, n)]; /* none: the first */
	str_copy(p->list.agent, sizeof(p->list.agent), r->a->id);
	k->choose(p, r);
	tui_dirty(p->tui);
}

/* Acts on what is chosen, never on a row that only happens to be there. */
static void act(struct pane *p, const struct list_kind *k, void (*fn)(const struct list_row *r))
{
	_cleanup_free_ struct list_row *v = NULL;
	size_t n = k->rows(p, &v), at = chosen(p, k, v, n);

	if (at < n) {
		struct list_row r = v[at];

		fn(&r);
	} else if (n) {
		tui_message(p->tui, false, "choose a line with the arrow keys first");
	}
}

static void all_or_one(struct pane *p)
{
	struct tui *t = p->tui;
	struct agent *a = p->agent ? NULL : agents_get(t, p->list.agent);

	if (!p->agent && !a)
		a = t->n_agents ? t->agents[0] : NULL;
	if (!p->agent && !a)
		return;
	p->agent = a;
	panes_arrange(t);
}

void list_pane_scroll(struct pane *p, int lines)
{
	move(p, kind_of(p), -lines);
}

static const struct list_action *find_action(const struct list_kind *k, uint32_t key)
{
	for (size_t i = 0; i < k->n_actions; i++)
		if (k->actions[i].key == key)
			return &k->actions[i];
	return NULL;
}

bool list_pane_key(struct pane *p, const struct input_event *ev)
{
	const struct list_kind *k = kind_of(p);
	const struct list_action *action = find_action(k, ev->key);
	long step;

	tui_dirty(p->tui);
	if (ev->mods & ~(unsigned)PTY_SHIFT)
		return true;
	if (list_key(ev, p->body.h - (k->draw_head ? 3 : 2), &step))
		move(p, k, step);
	else if (action && action->on_row)
		act(p, k, action->on_row);
	else if (action)
		action->on_pane(p);
	else if (ev->key == 'a')
		all_or_one(p);
	else if (ev->key == '?')
		dialog_text(p->tui, k->title, k->help, false, NULL, NULL, NULL);
	else if (ev->key == 'q')
		pane_close(p->tui, p);
	else
		return false;
	return true;
}
