/* One picture: panes, borders, status line, dialogs. */
#include "tui/app.h"

#include "tui/width.h"

static const char *pane_label(const struct pane *p, char *out, size_t size)
{
	const struct agent *a = p->agent;
	static const char *const kinds[] = {"", "audit", "refused", "network", "review"};
	enum session_activity act;
	char code[32] = "";

	if (p->kind != PANE_TERMINAL) {
		snprintf(out, size, "%s: %s", kinds[p->kind], a ? a->name : "all sessions");
		return out;
	}
	act = agent_activity(a);
	if (a->ended)
		snprintf(code, sizeof(code), " (%d)", a->exit_code);
	snprintf(out, size, "%s %s %s%s · %s", theme_activity_glyph(act), a->name,
		 session_activity_name(act), code, agent_profile(a));
	return out;
}

static void draw_title(struct tui *t, const struct pane *p, bool focused, bool zoomed)
{
	const struct style *s = style(t, focused ? S_TITLE_FOCUS : S_TITLE);
	const struct rect *r = &p->title;
	char label[512];
	int used;

	if (!r->h)
		return;
	for (int x = r->x; x < r->x + r->w; x++)
		canvas_glyph(&t->canvas, x, r->y, focused ? 0x2501 : 0x2500, s);
	pane_label(p, label, sizeof(label));
	canvas_text(&t->canvas, r->x + 1, r->y, 1, s, " ");
	used = canvas_text(&t->canvas, r->x + 2, r->y, r->w - 4, s, label);
	canvas_text(&t->canvas, r->x + 2 + used, r->y, 1, s, " ");
	if (zoomed && r->w > used + 14)
		canvas_text(&t->canvas, r->x + r->w - 9, r->y, 8, style(t, S_MARK), " zoomed ");
	else if (p->kind == PANE_TERMINAL && p->agent->state.requests_open && r->w > used + 16)
		canvas_textf(&t->canvas, r->x + r->w - 11, r->y, 10, style(t, S_BAD),
			     " asks (%llu) ", (unsigned long long)p->agent->state.requests_open);
}

static void draw_borders(struct tui *t, const struct layout_node *n, const struct pane *focus)
{
	const struct rect *b;

	if (!n || n->split == SPLIT_LEAF)
		return;
	draw_borders(t, n->a, focus);
	draw_borders(t, n->b, focus);
	if (n->split != SPLIT_COLUMNS)
		return;
	b = &n->b->area;
	for (int y = b->y; y < b->y + b->h; y++) {
		bool near = focus && y >= focus->area.y && y < focus->area.y + focus->area.h &&
			    (focus->area.x == b->x || focus->area.x + focus->area.w == b->x - 1);

		canvas_glyph(&t->canvas, b->x - 1, y, 0x2502,
			     style(t, near ? S_TITLE_FOCUS : S_TITLE));
	}
}

static void draw_number(struct tui *t, const struct pane *p, size_t number)
{
	struct rect r = {p->body.x + p->body.w / 2 - 3, p->body.y + p->body.h / 2 - 1, 7, 3};

	canvas_clip(&t->canvas, &p->body);
	canvas_fill(&t->canvas, &r, style(t, S_MARK));
	canvas_textf(&t->canvas, r.x + 3, r.y + 1, 3, style(t, S_MARK), "%zu", number);
	canvas_clip(&t->canvas, NULL);
}

static void draw_tab(struct tui *t, struct tab *tab)
{
	void *v[LAYOUT_LEAVES];
	size_t n = layout_panes(&tab->layout, v, LAYOUT_LEAVES);

	if (!tab->zoomed)
		draw_borders(t, tab->layout.root, tab->focus);
	for (size_t i = 0; i < n; i++) {
		struct pane *p = v[i];
		bool focused = p == tab->focus;

		if (!p->shown)
			continue;
		draw_title(t, p, focused, tab->zoomed);
		canvas_clip(&t->canvas, &p->body);
		if (p->kind == PANE_TERMINAL)
			draw_terminal(p, focused);
		else if (p->kind == PANE_AUDIT)
			draw_audit(p, focused);
		else if (p->kind == PANE_REVIEW)
			draw_review(p, focused);
		else
			draw_list(p, focused);
		canvas_clip(&t->canvas, NULL);
		if (t->numbers)
			draw_number(t, p, i);
	}
}

static void draw_welcome(struct tui *t)
{
	static const char *const lines[] = {"nono",
					    "",
					    "No agent is running.",
					    "",
					    "c  start an agent",
					    "s  all sessions",
					    "?  all keys",
					    "d  leave"};
	int y = (t->canvas.rows - (int)ARRAY_LEN(lines)) / 2, x = t->canvas.cols / 2 - 12;
	char prefix[32];

	key_label(t->prefix_key, t->prefix_mods, prefix, sizeof(prefix));
	for (size_t i = 0; i < ARRAY_LEN(lines); i++, y++) {
		bool key = lines[i][0] && lines[i][1] == ' ';

		canvas_textf(&t->canvas, x > 0 ? x : 0, y, t->canvas.cols,
			     style(t, i ? S_TEXT : S_BOLD), "%s%s%s", key ? prefix : "",
			     key ? " " : "", lines[i]);
	}
}

static void outer_title(struct tui *t)
{
	const struct pane *p = pane_focused(t);
	char title[PTY_TITLE_MAX] = "nono";

	if (!t->have_term || !t->term.caps.titles)
		return;
	if (p && p->agent) {
		const struct pty_screen *s =
		    p->agent->screen ? pty_client_screen(p->agent->screen) : NULL;
		char inner[PTY_TITLE_MAX] = "", full[2 * PTY_TITLE_MAX + 80];

		if (s && s->title[0])
			text_printable(inner, sizeof(inner), s->title, strlen(s->title));
		snprintf(full, sizeof(full), "nono: %s%s%s", p->agent->name, *inner ? " – " : "",
			 inner);
		text_printable(title, sizeof(title), full, strlen(full));
	}
	if (str_eq(title, t->outer_title))
		return;
	str_copy(t->outer_title, sizeof(t->outer_title), title);
	buf_addf(&t->term.replies, "\033]2;%s\033\\", title);
}

bool draw_changes(struct tui *t)
{
	struct tab *tab = tab_current(t);
	void *v[LAYOUT_LEAVES];
	size_t n = tab ? layout_panes(&tab->layout, v, LAYOUT_LEAVES) : 0;

	if (!n || t->strings.full || t->dialog || t->requests.open || t->numbers)
		return false;
	canvas_partial(&t->canvas);
	for (size_t i = 0; i < n; i++) {
		struct pane *p = v[i];

		if (!p->shown || p->kind != PANE_TERMINAL || (p->agent->ended && p->agent->screen))
			continue; /* the others say when they change */
		canvas_clip(&t->canvas, &p->body);
		if (!draw_terminal_changes(p, p == tab->focus))
			return false;
	}
	canvas_clip(&t->canvas, NULL);
	canvas_mend(&t->canvas);
	outer_title(t);
	return !t->strings.full;
}

void draw_frame(struct tui *t)
{
	struct tab *tab = tab_current(t);

	if (t->strings.full) {
		strings_clear(&t->strings);
		output_invalidate(&t->output);
	}
	canvas_clear(&t->canvas);
	if (tab)
		draw_tab(t, tab);
	else
		draw_welcome(t);
	draw_statusline(t, t->canvas.rows - 1);
	requests_draw(t);
	if (t->dialog) {
		t->canvas.cx = -1;
		t->dialog->ops->draw(t->dialog, &t->canvas);
	}
	canvas_clip(&t->canvas, NULL);
	canvas_mend(&t->canvas);
	outer_title(t);
}
