/* What the keys after the prefix do with panes. */
#include "tui/app.h"

void act_focus(struct tui *t, int dir)
{
	struct tab *tab = tab_current(t);
	struct pane *p = tab && tab->focus
			     ? layout_neighbour(&tab->layout, tab->focus, (enum direction)dir)
			     : NULL;

	if (!p)
		return;
	tab->zoomed = false;
	pane_focus(t, p);
}

void act_resize(struct tui *t, int dir_and_cells)
{
	struct tab *tab = tab_current(t);

	if (!tab || !tab->focus || tab->zoomed)
		return;
	layout_resize(&tab->layout, tab->focus, (enum direction)(dir_and_cells % 4),
		      dir_and_cells / 4);
	panes_arrange(t);
}

void act_zoom(struct tui *t, int arg)
{
	struct tab *tab = tab_current(t);

	(void)arg;
	if (!tab || tab->layout.leaves < 2)
		return;
	tab->zoomed = !tab->zoomed;
	panes_arrange(t);
}

void act_swap(struct tui *t, int step)
{
	struct tab *tab = tab_current(t);

	if (!tab)
		return;
	layout_swap(&tab->layout, tab->focus, step);
	panes_arrange(t);
}

void act_layout(struct tui *t, int arg)
{
	struct tab *tab = tab_current(t);

	(void)arg;
	if (!tab)
		return;
	tab->preset = (tab->preset + 1u) % PRESET_COUNT;
	tab->zoomed = false;
	t->dragging = NULL;
	layout_preset(&tab->layout, tab->preset);
	tui_message(t, false, "%s", preset_name(tab->preset));
	panes_arrange(t);
}

void act_preset(struct tui *t, int preset)
{
	struct tab *tab = tab_current(t);

	if (!tab)
		return;
	/* The next one after the one before. */
	tab->preset = ((unsigned)preset + PRESET_COUNT - 1u) % PRESET_COUNT;
	act_layout(t, 0);
}

void act_cycle(struct tui *t, int step)
{
	struct tab *tab = tab_current(t);
	void *v[LAYOUT_LEAVES];
	size_t n = tab ? layout_panes(&tab->layout, v, LAYOUT_LEAVES) : 0;

	for (size_t i = 0; i < n; i++)
		if (v[i] == tab->focus) {
			pane_focus(t, v[(i + n + (size_t)(step + (int)n)) % n]);
			return;
		}
}

void act_numbers(struct tui *t, int arg)
{
	(void)arg;
	t->numbers = true;
	t->numbers_ns = clock_mono_ns();
	tui_dirty(t);
}

void act_pane_close(struct tui *t, int arg)
{
	struct pane *p = pane_focused(t);

	(void)arg;
	if (p)
		pane_close(t, p);
}

void act_scroll(struct tui *t, int pages)
{
	struct pane *p = pane_focused(t);

	if (!p || p->kind != PANE_TERMINAL)
		return;
	scroll_enter(p);
	if (pages)
		scroll_page(p, pages);
}

/* The pane of that kind for the focused session: opens it, or closes it if it is there. */
static void toggle(struct tui *t, enum pane_kind kind)
{
	struct pane *focus = pane_focused(t), *p;
	struct agent *a = focus ? focus->agent : NULL;
	struct tab *tab = NULL;

	p = focus && focus->kind == kind ? focus : pane_find(t, kind, NULL, &tab);
	if (p && (p == focus || tab == tab_current(t))) {
		pane_close(t, p);
		return;
	}
	pane_open(t, pane_new(t, kind, a), focus ? SPLIT_ROWS : SPLIT_LEAF);
}

void act_audit(struct tui *t, int arg)
{
	(void)arg;
	toggle(t, PANE_AUDIT);
}

void act_violations(struct tui *t, int arg)
{
	(void)arg;
	toggle(t, PANE_VIOLATIONS);
}

void act_network(struct tui *t, int arg)
{
	(void)arg;
	toggle(t, PANE_NETWORK);
}

void act_review(struct tui *t, int arg)
{
	struct pane *focus = pane_focused(t), *p;
	struct tab *tab = NULL;

	(void)arg;
	if (!focus || !focus->agent) {
		tui_message(t, false, "a review is of one session: go to its pane first");
		return;
	}
	p = focus->kind == PANE_REVIEW ? focus : pane_find(t, PANE_REVIEW, focus->agent, &tab);
	if (p && (p == focus || tab == tab_current(t)))
		pane_close(t, p);
	else
		pane_open(t, pane_new(t, PANE_REVIEW, focus->agent), SPLIT_ROWS);
}
