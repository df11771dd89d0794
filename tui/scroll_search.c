/* Searching in the scrollback: the prompt, the answers of the host, the marks on what is shown. */
#include "tui/app.h"

void scroll_note(struct pane *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->scroll.note, sizeof(p->scroll.note), fmt, ap);
	va_end(ap);
	tui_dirty(p->tui);
}

static void ask(struct pane *p, bool back)
{
	struct scroll_find *f = &p->scroll.find;

	if (!f->needle.n) {
		scroll_note(p, "nothing to search for yet");
		return;
	}
	if (p->agent->screen_over) {
		scroll_note(p, "disconnected: nobody to search");
		return;
	}
	f->id = ++p->tui->find_id;
	pty_client_find(p->agent->screen, f->id, p->scroll.line, p->scroll.col, back, &f->needle);
	agent_flush(p->agent);
	scroll_note(p, "searching …");
}

static void typed(struct pane *p)
{
	struct scroll_find *f = &p->scroll.find;
	struct pty_needle needle;

	f->typing = false;
	f->back = f->asks_back;
	if (f->prompt.n && !pty_needle_set(&needle, f->prompt.text, f->prompt.n)) {
		scroll_note(p, "too long to search for");
		return;
	}
	if (f->prompt.n)
		f->needle = needle;
	ask(p, f->back);
}

static void prompt_key(struct pane *p, const struct input_event *ev)
{
	struct scroll_find *f = &p->scroll.find;

	if (ev->key == PTY_KEY_ENTER)
		typed(p);
	else if (ev->key == PTY_KEY_ESCAPE || (ev->key == 'c' && (ev->mods & PTY_CTRL)) ||
		 (ev->key == PTY_KEY_BACKSPACE && !f->prompt.n))
		f->typing = false;
	else
		line_key(&f->prompt, ev);
	tui_dirty(p->tui);
}

bool scroll_search_key(struct pane *p, const struct input_event *ev)
{
	struct scroll_find *f = &p->scroll.find;

	if (f->typing) {
		prompt_key(p, ev);
		return true;
	}
	if (ev->mods & (PTY_CTRL | PTY_ALT))
		return false;
	switch (ev->key) {
	case '/':
	case '?':
		f->typing = true;
		f->asks_back = ev->key == '?';
		line_set(&f->prompt, "");
		return true;
	case 'n':
	case 'N':
		ask(p, f->back == (ev->key == 'n'));
		return true;
	default:
		return false;
	}
}

bool scroll_paste(struct pane *p, const char *text, size_t n)
{
	if (!p->scroll.find.typing)
		return false;
	line_insert(&p->scroll.find.prompt, text, n);
	tui_dirty(p->tui);
	return true;
}

static void found_in(struct pane *p, const struct pty_found *found)
{
	struct scroll_view *v = &p->scroll;
	const struct pty_screen *s = terminal_screen(p);
	uint64_t rows = (uint64_t)scroll_rows(p);

	v->find.hit = *found;
	if (!found->found || !s) {
		scroll_note(p, "not found: %.60s", v->find.needle.text);
		return;
	}
	scroll_note(p, "%s", found->wrapped ? "search wrapped" : "");
	v->line = found->line;
	v->col = found->col;
	if (v->line < v->top || v->line - v->top >= rows) /* what is around it, too */
		v->top = v->line > rows / 2 ? v->line - rows / 2 : 0;
	scroll_settle(p, s);
}

void scroll_found(struct agent *a, const struct pty_found *found)
{
	struct tui *t = a->tui;
	void *v[LAYOUT_LEAVES];

	for (size_t i = 0; i < t->n_tabs; i++) {
		size_t n = layout_panes(&t->tabs[i].layout, v, LAYOUT_LEAVES);

		for (size_t k = 0; k < n; k++) {
			struct pane *p = v[k];

			if (p->kind == PANE_TERMINAL && p->agent == a && p->scroll.on &&
			    p->scroll.find.id == found->id)
				found_in(p, found);
		}
	}
}

/* ---- marks ------------------------------------------------------------------ */

static const char *cluster(void *data, uint32_t index)
{
	const struct pty_screen *s = data;

	return index < s->n_clusters ? s->clusters[index] : NULL;
}

/* A row's text; true: full to its last column, so that it may go on in the next. */
static bool add_row(struct pane *p, const struct pty_screen *s, uint64_t line)
{
	struct scroll_find *f = &p->scroll.find;
	int cols, n;
	const struct pty_cell *row = agent_row(p->agent, s, line, &cols);

	if (!row)
		return false;
	n = cols;
	while (n && !row[n - 1].glyph && !(row[n - 1].attr & PTY_WIDE_TAIL))
		n--;
	pty_row_text_add(&f->text, row, n, f->needle.fold, cluster, (void *)s);
	return n == cols;
}

static void mark_cell(struct pane *p, uint64_t line, int col, const struct style *style)
{
	const struct scroll_view *v = &p->scroll;

	if (line >= v->top && line - v->top < (uint64_t)scroll_rows(p))
		canvas_mark(&p->tui->canvas, p->body.x + col - v->left,
			    p->body.y + (int)(line - v->top), style);
}

static void mark_line(struct pane *p, const struct pty_screen *s, uint64_t line)
{
	struct scroll_find *f = &p->scroll.find;
	bool goes_on;
	size_t own, at = 0;

	f->text.n = f->text.rows = 0;
	goes_on = add_row(p, s, line);
	own = f->text.n;
	while (goes_on && f->text.n - own < f->needle.n && f->text.rows < PTY_FIND_MAX)
		goes_on = add_row(p, s, line + f->text.rows);
	for (; pty_find_in(&f->text, &f->needle, at, &at) && at < own; at += f->needle.n) {
		uint32_t before = UINT32_MAX;

		for (size_t i = at; i < at + f->needle.n; before = f->text.at[i++])
			if (f->text.at[i] != before)
				mark_cell(p, line + (f->text.at[i] >> 16),
					  (int)(f->text.at[i] & 0xffff), NULL);
	}
}

void scroll_marks(struct pane *p, const struct pty_screen *s)
{
	const struct scroll_view *v = &p->scroll;
	const struct pty_found *hit = &v->find.hit;
	uint64_t from = v->top > s->history_first ? v->top - 1 : v->top;

	if (!v->find.needle.n || !hit->found)
		return;
	for (uint64_t line = from; line < v->top + (uint64_t)scroll_rows(p); line++)
		mark_line(p, s, line);
	for (uint64_t line = hit->line; line <= hit->end_line; line++) {
		int from_col = line == hit->line ? hit->col : 0;
		int to_col = line == hit->end_line ? hit->end_col : s->cols - 1;

		for (int x = from_col; x <= to_col; x++)
			mark_cell(p, line, x, style(p->tui, S_MARK));
	}
}
