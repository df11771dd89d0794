/* The arrangement of tabs and panes, remembered in <state>/layout.json. */
#include "tui/app.h"

#define FILE_MAX (1u << 20)

/* As in enum pane_kind. */
static const char *const kinds[] = {"terminal", "audit", "violations", "network", "review"};

static cJSON *save_pane(void *data, const void *pane)
{
	const struct pane *p = pane;
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "pane", kinds[p->kind]);
	if (p->agent)
		cJSON_AddStringToObject(o, "session", p->agent->id);
	if (p == ((struct tab *)data)->focus)
		cJSON_AddTrueToObject(o, "focus");
	return o;
}

static cJSON *save_tab(struct tab *tab)
{
	struct layout_codec codec = {.save = save_pane, .data = tab};
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "name", tab->name);
	cJSON_AddBoolToObject(o, "zoomed", tab->zoomed);
	cJSON_AddNumberToObject(o, "preset", tab->preset);
	cJSON_AddItemToObject(o, "layout", layout_save(&tab->layout, &codec));
	return o;
}

/* The one pane that "nono run" or a review came with is nobody's arrangement. */
static bool arranged(struct tui *t)
{
	void *v[2];

	return (!t->options->own && !t->options->review) || t->n_tabs > 1 ||
	       (t->n_tabs == 1 && layout_panes(&t->tabs[0].layout, v, 2) > 1);
}

void layout_store(struct tui *t)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	cJSON *o, *tabs;
	struct err err;

	if (!t->layout_changed || !arranged(t) || t->options->headless_cols)
		return;
	t->layout_changed = false;
	o = cJSON_CreateObject();
	cJSON_AddNumberToObject(o, "version", 1);
	cJSON_AddNumberToObject(o, "tab", (double)t->tab);
	tabs = cJSON_AddArrayToObject(o, "tabs");
	for (size_t i = 0; i < t->n_tabs; i++)
		cJSON_AddItemToArray(tabs, save_tab(&t->tabs[i]));
	text = cJSON_Print(o);
	cJSON_Delete(o);
	path = xasprintf("%s/layout.json", t->state_dir);
	if (!text || dir_private(t->state_dir, &err) ||
	    file_write_atomic(path, 0600, text, strlen(text), &err))
		tui_message(t, true, "the layout is not remembered: %s", err.msg);
}

struct load {
	struct tui *t;
	struct tab *tab;
};

static void *load_pane(void *data, const cJSON *o)
{
	struct load *l = data;
	const char *kind = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, "pane"));
	const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, "session"));
	struct agent *a = id && strlen(id) == SESSION_ID_LEN ? agents_add_id(l->t, id) : NULL;
	enum pane_kind k = PANE_TERMINAL;
	struct pane *p;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (str_eq(kind, kinds[i]))
			k = (enum pane_kind)i;
	if (a && a->ended)
		a->ended_ns = 0; /* it ended while nobody looked: no place in the bar */
	if (!kind || (id && (!a || a->ended)) || (!id && (k == PANE_TERMINAL || k == PANE_REVIEW)))
		return NULL;
	p = pane_new(l->t, k, a);
	if (!l->tab->focus || cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, "focus")))
		l->tab->focus = p;
	return p;
}

static void load_tab(struct tui *t, const cJSON *o)
{
	struct load l = {.t = t, .tab = tab_new(t)};
	struct layout_codec codec = {.load = load_pane, .data = &l};
	const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, "name"));
	const cJSON *preset = cJSON_GetObjectItemCaseSensitive(o, "preset");

	if (!l.tab)
		return;
	layout_load(&l.tab->layout, cJSON_GetObjectItemCaseSensitive(o, "layout"), &codec);
	if (!l.tab->layout.root) {
		t->n_tabs--;
		return;
	}
	if (name)
		text_printable(l.tab->name, sizeof(l.tab->name), name, strlen(name));
	l.tab->zoomed = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, "zoomed"));
	if (cJSON_IsNumber(preset) && preset->valuedouble >= 0 &&
	    preset->valuedouble < PRESET_COUNT)
		l.tab->preset = (enum preset)preset->valuedouble;
}

bool layout_restore(struct tui *t)
{
	_cleanup_free_ char *path = xasprintf("%s/layout.json", t->state_dir), *text = NULL;
	const cJSON *tab, *at;
	size_t current = 0, index = 0, want;
	cJSON *o;
	struct err err;

	text = file_read(path, FILE_MAX, NULL, &err);
	if (!text)
		return false;
	o = cJSON_Parse(text);
	at = cJSON_GetObjectItemCaseSensitive(o, "tab");
	want = cJSON_IsNumber(at) && at->valuedouble >= 0 ? (size_t)at->valuedouble : 0;
	cJSON_ArrayForEach(tab, cJSON_GetObjectItemCaseSensitive(o, "tabs"))
	{
		size_t before = t->n_tabs;

		load_tab(t, tab);
		if (index++ == want && t->n_tabs > before)
			current = before;
	}
	cJSON_Delete(o);
	t->tab = current;
	return pane_find(t, PANE_TERMINAL, NULL, NULL) != NULL;
}
