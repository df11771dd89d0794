/* Which panes there are when the front end opens. */
#include "tui/app.h"

/* A pane that is smaller than this is of little use. */
#define TILE_W 60
#define TILE_H 12

static size_t tiles(const struct tui *t)
{
	int across = t->canvas.cols / TILE_W, down = (t->canvas.rows - 1) / TILE_H;
	int n = (across > 0 ? across : 1) * (down > 0 ? down : 1);

	return n < LAYOUT_LEAVES ? (size_t)n : LAYOUT_LEAVES;
}

/* All live sessions, as many to a tab as can be read. */
static void open_live(struct tui *t)
{
	size_t room = tiles(t), total = 0, seen = 0;
	struct tab *tab = NULL;

	for (size_t i = 0; i < t->n_agents; i++)
		total += !t->agents[i]->ended && t->agents[i]->terminal;
	for (size_t i = 0; i < t->n_agents; i++) {
		struct agent *a = t->agents[i];

		if (a->ended || !a->terminal)
			continue;
		if (seen++ % room == 0) {
			tab = tab_new(t);
			if (!tab)
				break;
			str_copy(tab->name, sizeof(tab->name), total > room ? a->name : "agents");
		}
		if (tab->layout.leaves)
			layout_preset(&tab->layout, PRESET_TILED);
		pane_open(t, pane_new(t, PANE_TERMINAL, a), SPLIT_COLUMNS);
		tab = tab_current(t);
		layout_preset(&tab->layout, PRESET_TILED);
	}
	if (t->n_tabs) {
		t->tab = 0;
		tab = tab_current(t);
		layout_panes(&tab->layout, (void **)&tab->focus, 1);
	}
}

int open_first_panes(struct tui *t, struct err *err)
{
	const struct tui_options *o = t->options;
	struct agent *a = NULL;
	struct pane *p;

	if (o->attach) {
		a = agents_add_id(t, o->attach);
		if (!a)
			return err_set(err, "there is no session %s", o->attach);
	}
	/* The list of all sessions comes after the first picture, if that can be made without. */
	if (!o->own && !o->review && !layout_restore(t) && !a) {
		agents_refresh(t);
		open_live(t);
	}
	if (a && o->review)
		pane_open(t, pane_new(t, PANE_REVIEW, a), SPLIT_LEAF);
	else if (a)
		act_show_agent(t, a, SPLIT_LEAF);
	panes_arrange(t);
	p = pane_focused(t);
	if (p && p->agent)
		agent_connect_now(p->agent); /* the others after the first picture */
	if (a && a->ended && !o->review)
		tui_agent_ended(t, a);
	return 0;
}
