/* What the keys after the prefix do. */
#include "tui/app.h"

void act_detach(struct tui *t, int arg)
{
	(void)arg;
	t->detached = true;
	tui_quit(t, 0);
}

void act_help(struct tui *t, int arg)
{
	size_t n;
	const struct binding *b = bindings(&n);
	size_t n_scroll;
	const char *const *scroll = scroll_help(&n_scroll);
	struct dialog_item *items = xcalloc(n + n_scroll + 1, sizeof(*items));
	char prefix[32], key[32];

	(void)arg;
	key_label(t->prefix_key, t->prefix_mods, prefix, sizeof(prefix));
	for (size_t i = 0; i < n; i++) {
		key_label(b[i].key, b[i].mods, key, sizeof(key));
		items[i].label = xasprintf("%s %-8s %s", prefix, key, b[i].help);
	}
	items[n].label = xasprintf("%s %-8s %s", prefix, prefix, "send the prefix to the program");
	for (size_t i = 0; i < n_scroll; i++)
		items[n + 1 + i].label = xasprintf("scrolled back: %s", scroll[i]);
	dialog_list(t, "Keys", items, n + n_scroll + 1, NULL, NULL);
}

void act_new(struct tui *t, int arg)
{
	(void)arg;
	if (t->options->read_only)
		tui_message(t, true, "read-only: nothing can be started from here");
	else
		dialog_new_agent(t, SPLIT_LEAF, NULL);
}

/* ---- choosing sessions --------------------------------------------------- */

static char *agent_line(const struct agent *a)
{
	enum session_activity act = agent_activity(a);
	char dir[256];

	text_printable(dir, sizeof(dir), a->workdir ? a->workdir : "",
		       a->workdir ? strlen(a->workdir) : 0);
	return xasprintf("%s %-24s %-10s %-14s %s", theme_activity_glyph(act), a->name,
			 session_activity_name(act), agent_profile(a), dir);
}

static void split_chosen(struct tui *t, const char *ctx, const char *value)
{
	enum split how = (enum split)atoi(ctx);
	struct agent *a = agents_get(t, value);

	if (!*value && t->options->read_only)
		act_new(t, 0);
	else if (!*value)
		dialog_new_agent(t, how, NULL);
	else if (a)
		pane_open(t, pane_new(t, PANE_TERMINAL, a), how);
}

void act_split(struct tui *t, int how)
{
	struct dialog_item *items = xcalloc(t->n_agents + 1, sizeof(*items));
	char ctx[16];
	size_t n = 0;

	if (!pane_focused(t)) {
		free(items);
		act_new(t, 0);
		return;
	}
	items[n].label = xstrdup("+ new agent …");
	items[n++].value = xstrdup("");
	for (size_t i = 0; i < t->n_agents; i++)
		if (!t->agents[i]->ended && !t->agents[i]->visible) {
			items[n].label = agent_line(t->agents[i]);
			items[n++].value = xstrdup(t->agents[i]->id);
		}
	snprintf(ctx, sizeof(ctx), "%d", how);
	if (n == 1) {
		free(items[0].label);
		free(items[0].value);
		free(items);
		split_chosen(t, ctx, "");
		return;
	}
	dialog_list(t, "What goes into the new pane?", items, n, split_chosen, ctx);
}

void act_show_agent(struct tui *t, struct agent *a, enum split how)
{
	struct tab *tab = NULL;
	struct pane *p = pane_find(t, PANE_TERMINAL, a, &tab);

	if (!p) {
		pane_open(t, pane_new(t, PANE_TERMINAL, a), how);
		return;
	}
	t->tab = (size_t)(tab - t->tabs);
	if (tab->zoomed && tab->focus != p)
		tab->zoomed = false;
	pane_focus(t, p);
	panes_arrange(t);
}

static void session_chosen(struct tui *t, const char *ctx, const char *value)
{
	struct agent *a = agents_get(t, value);

	(void)ctx;
	if (a)
		act_show_agent(t, a, SPLIT_LEAF);
}

void act_sessions(struct tui *t, int arg)
{
	struct dialog_item *items = xcalloc(t->n_agents + 1, sizeof(*items));

	(void)arg;
	for (size_t i = 0; i < t->n_agents; i++) {
		items[i].label = agent_line(t->agents[i]);
		items[i].value = xstrdup(t->agents[i]->id);
	}
	dialog_list(t, "Sessions", items, t->n_agents, session_chosen, NULL);
}

/* Those that ask first, then those that wait, each in turn from the focused one on. */
void act_next_needy(struct tui *t, int arg)
{
	const struct pane *p = pane_focused(t);
	size_t from = 0;

	(void)arg;
	for (size_t i = 0; i < t->n_agents; i++)
		if (p && t->agents[i] == p->agent)
			from = i + 1;
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < t->n_agents; i++) {
			struct agent *a = t->agents[(from + i) % t->n_agents];
			enum session_activity act = agent_activity(a);

			if (act != (pass ? ACTIVITY_WAITING : ACTIVITY_ASKS) ||
			    (p && p->agent == a && p->kind == PANE_TERMINAL && pass))
				continue;
			act_show_agent(t, a, SPLIT_LEAF);
			if (!pass)
				requests_show(t, a);
			return;
		}
	tui_message(t, false, "no session needs you");
}

void act_requests(struct tui *t, int arg)
{
	(void)arg;
	requests_show(t, NULL);
}

/* ---- sessions ------------------------------------------------------------ */

static void kill_confirmed(struct tui *t, const char *ctx, const char *value)
{
	struct agent *a = agents_get(t, ctx);

	(void)value;
	if (a && !a->ended)
		agent_stop(a, false);
}

void act_kill(struct tui *t, int arg)
{
	struct pane *p = pane_focused(t);
	char question[256];

	(void)arg;
	if (!p)
		return;
	if (p->kind != PANE_TERMINAL || p->agent->ended) {
		pane_close(t, p);
		return;
	}
	if (t->options->read_only) {
		tui_message(t, true, "read-only: sessions cannot be ended from here");
		return;
	}
	snprintf(question, sizeof(question), "End %s and everything it has started?",
		 p->agent->name);
	dialog_confirm(t, question, kill_confirmed, p->agent->id);
}

void act_restart(struct tui *t, int arg)
{
	struct pane *p = pane_focused(t);

	(void)arg;
	if (p && p->agent && !t->options->read_only)
		dialog_new_agent(t, SPLIT_COLUMNS, p->agent->id);
}

/* ---- tabs ---------------------------------------------------------------- */

void act_tab_step(struct tui *t, int step)
{
	if (t->n_tabs)
		tab_select(t, (t->tab + t->n_tabs + (size_t)(step + (int)t->n_tabs)) % t->n_tabs);
}

void act_tab(struct tui *t, int i)
{
	if ((size_t)i < t->n_tabs)
		tab_select(t, (size_t)i);
	else
		tui_message(t, false, "there is no tab %d", i);
}

void act_tab_close(struct tui *t, int arg)
{
	struct tab *tab = tab_current(t);
	void *v[LAYOUT_LEAVES];
	size_t n = tab ? layout_panes(&tab->layout, v, LAYOUT_LEAVES) : 0;

	(void)arg;
	for (size_t i = 0; i < n; i++)
		pane_close(t, v[i]);
}

static void tab_named(struct tui *t, const char *ctx, const char *value)
{
	struct tab *tab = tab_current(t);

	(void)ctx;
	if (tab)
		text_printable(tab->name, sizeof(tab->name), value, strlen(value));
	t->layout_changed = true;
}

void act_tab_rename(struct tui *t, int arg)
{
	struct tab *tab = tab_current(t);

	(void)arg;
	if (tab)
		dialog_input(t, "Name of the tab", tab->name, tab_named, NULL);
}

void act_mouse(struct tui *t, int arg)
{
	(void)arg;
	t->mouse_on = !t->mouse_on;
	mouse_update(t);
	tui_message(t, false, "mouse %s",
		    t->mouse_on ? "on" : "off: select text as the terminal does");
}
