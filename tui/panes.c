/* Tabs, panes, which of them are on the screen and how large. */
#include "tui/app.h"

struct tab *tab_current(struct tui *t)
{
	return t->n_tabs ? &t->tabs[t->tab] : NULL;
}

struct pane *pane_focused(struct tui *t)
{
	struct tab *tab = tab_current(t);

	return tab ? tab->focus : NULL;
}

struct pane *pane_new(struct tui *t, enum pane_kind kind, struct agent *a)
{
	struct pane *p = xcalloc(1, sizeof(*p));

	p->tui = t;
	p->kind = kind;
	p->agent = a;
	if (kind ==
	    PANE_REVIEW) /* before the timer looks at it, which may be sooner than a frame */
		p->review = review_new(t, a->id);
	return p;
}

void pane_free(struct pane *p)
{
	audit_view_free(p->audit);
	review_free(p->review);
	pty_row_text_free(&p->scroll.find.text);
	free(p);
}

struct tab *tab_new(struct tui *t)
{
	struct tab *tab;

	if (t->n_tabs == TABS_MAX)
		return NULL;
	tab = &t->tabs[t->n_tabs];
	memset(tab, 0, sizeof(*tab));
	tab->layout.area = (struct rect){0, 0, t->canvas.cols, t->canvas.rows - 1};
	tab->preset = PRESET_COUNT - 1;
	t->tab = t->n_tabs++;
	return tab;
}

void tab_select(struct tui *t, size_t i)
{
	if (i >= t->n_tabs)
		return;
	t->tab = i;
	t->dragging = NULL;
	panes_arrange(t);
}

void pane_focus(struct tui *t, struct pane *p)
{
	struct tab *tab = tab_current(t);

	if (!tab || !p || tab->focus == p)
		return;
	if (tab->focus && tab->focus->agent && tab->focus->agent->screen)
		pty_client_focus(tab->focus->agent->screen, false);
	tab->focus = p;
	if (p->agent && p->agent->screen)
		pty_client_focus(p->agent->screen, true);
	panes_arrange(t);
}

static void tab_remove(struct tui *t, size_t i)
{
	layout_free(&t->tabs[i].layout);
	memmove(t->tabs + i, t->tabs + i + 1, (t->n_tabs - i - 1) * sizeof(*t->tabs));
	t->n_tabs--;
	if (t->tab > i || t->tab == t->n_tabs)
		t->tab -= t->tab > 0;
}

void pane_open(struct tui *t, struct pane *p, enum split how)
{
	struct tab *tab = tab_current(t);

	t->dragging = NULL;
	if (how == SPLIT_LEAF || !tab || !layout_add(&tab->layout, tab->focus, how, p)) {
		if (how != SPLIT_LEAF && tab)
			tui_message(t, false, "no room for another pane here: opened in a new tab");
		tab = tab_new(t);
		if (!tab) {
			tui_message(t, true, "too many tabs");
			pane_free(p);
			return;
		}
		layout_add(&tab->layout, NULL, SPLIT_COLUMNS, p);
		if (p->agent)
			str_copy(tab->name, sizeof(tab->name), p->agent->name);
	}
	tab->zoomed = false;
	pane_focus(t, p);
	panes_arrange(t);
}

/* Who gets the focus when p is gone: what takes over its place. */
static void *heir(const struct layout *l, const struct pane *p)
{
	const struct layout_node *n = layout_find(l, p);

	if (!n || !n->parent)
		return NULL;
	n = n->parent->a == n ? n->parent->b : n->parent->a;
	while (n->split != SPLIT_LEAF)
		n = n->a;
	return n->pane;
}

void pane_close(struct tui *t, struct pane *p)
{
	t->dragging = NULL;
	for (size_t i = 0; i < t->n_tabs; i++) {
		struct tab *tab = &t->tabs[i];
		struct pane *next;

		if (!layout_find(&tab->layout, p))
			continue;
		next = heir(&tab->layout, p);
		layout_remove(&tab->layout, p);
		tab->zoomed = false;
		if (tab->focus == p)
			tab->focus = next;
		if (!tab->layout.root)
			tab_remove(t, i);
		break;
	}
	pane_free(p);
	panes_arrange(t);
}

struct pane *pane_find(struct tui *t, enum pane_kind kind, const struct agent *a, struct tab **tab)
{
	for (size_t i = 0; i < t->n_tabs; i++) {
		/* The current tab first. */
		size_t k = i == 0 ? t->tab : i <= t->tab ? i - 1 : i;
		void *v[LAYOUT_LEAVES];
		size_t n = layout_panes(&t->tabs[k].layout, v, LAYOUT_LEAVES);

		for (size_t j = 0; j < n; j++) {
			struct pane *p = v[j];

			if (p->kind == kind && (!a || p->agent == a)) {
				if (tab)
					*tab = &t->tabs[k];
				return p;
			}
		}
	}
	return NULL;
}

bool agent_has_pane(struct tui *t, const struct agent *a)
{
	for (enum pane_kind k = PANE_TERMINAL; k <= PANE_REVIEW; k++)
		if (pane_find(t, k, a, NULL))
			return true;
	return false;
}

struct pane *pane_at(struct tui *t, int x, int y)
{
	struct tab *tab = tab_current(t);
	void *v[LAYOUT_LEAVES];
	size_t n = tab ? layout_panes(&tab->layout, v, LAYOUT_LEAVES) : 0;

	for (size_t i = 0; i < n; i++) {
		struct pane *p = v[i];

		if (p->shown && rect_has(&p->area, x, y))
			return p;
	}
	return NULL;
}

/* ---- geometry ----------------------------------------------------------- */

static void place(struct pane *p, const struct rect *area, bool titled)
{
	p->shown = true;
	p->area = p->body = *area;
	p->title = (struct rect){area->x, area->y, area->w, titled};
	p->body.y += titled;
	p->body.h -= titled;
	if (p->body.w < 0)
		p->body.w = 0;
	if (p->body.h < 0)
		p->body.h = 0;
}

static void place_tab(struct tui *t, struct tab *tab)
{
	struct rect area = {0, 0, t->canvas.cols, t->canvas.rows - 1};
	void *v[LAYOUT_LEAVES];
	size_t n;

	layout_arrange(&tab->layout, &area);
	n = layout_panes(&tab->layout, v, LAYOUT_LEAVES);
	for (size_t i = 0; i < n; i++) {
		struct pane *p = v[i];

		if (tab->zoomed && p == tab->focus)
			place(p, &area, true);
		else if (!tab->zoomed)
			place(p, &layout_find(&tab->layout, p)->area, n > 1);
	}
}

static void hide_all(struct tui *t)
{
	for (size_t i = 0; i < t->n_tabs; i++) {
		void *v[LAYOUT_LEAVES];
		size_t n = layout_panes(&t->tabs[i].layout, v, LAYOUT_LEAVES);

		for (size_t j = 0; j < n; j++)
			((struct pane *)v[j])->shown = false;
	}
}

/* A session's terminal takes the size of its focused pane, else of its first one. */
static struct pane *pane_for_size(struct tui *t, const struct agent *a)
{
	struct tab *tab = tab_current(t);
	void *v[LAYOUT_LEAVES];
	size_t n = tab ? layout_panes(&tab->layout, v, LAYOUT_LEAVES) : 0;
	struct pane *hit = NULL;

	for (size_t i = 0; i < n; i++) {
		struct pane *p = v[i];

		if (p->kind == PANE_TERMINAL && p->agent == a && p->shown &&
		    (!hit || p == tab->focus))
			hit = p;
	}
	return hit;
}

void panes_arrange(struct tui *t)
{
	hide_all(t);
	if (t->n_tabs)
		place_tab(t, tab_current(t));
	for (size_t i = 0; i < t->n_agents; i++) {
		struct agent *a = t->agents[i];
		struct pane *p = pane_for_size(t, a);

		if (p)
			agent_screen_want(a, true, p->body.w > 1 ? p->body.w : 1,
					  p->body.h > 1 ? p->body.h : 1);
		else
			agent_screen_want(a, false, 0, 0);
	}
	mouse_update(t);
	t->layout_changed = true;
	tui_dirty(t);
}
