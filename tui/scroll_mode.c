/* The scrollback's mode: coming, going, moving. */
#include "tui/app.h"

#define HELD_NS 500000000ull /* a key that repeats, or is pressed twice, comes within this */

uint64_t scroll_live(const struct pty_screen *s)
{
	return s->history_first + s->history;
}

static uint64_t last_line(const struct pty_screen *s)
{
	return scroll_live(s) + (uint64_t)(s->rows > 0 ? s->rows - 1 : 0);
}

int scroll_rows(const struct pane *p)
{
	return p->body.h > 1 ? p->body.h - 1 : 1;
}

static uint64_t lowest_top(const struct pane *p, const struct pty_screen *s)
{
	uint64_t rows = (uint64_t)scroll_rows(p), end = last_line(s) + 1;

	return end - s->history_first > rows ? end - rows : s->history_first;
}

uint64_t scroll_below(const struct pane *p, const struct pty_screen *s)
{
	uint64_t live = scroll_live(s);

	return live > p->scroll.top ? live - p->scroll.top : 0;
}

static uint64_t within(uint64_t v, uint64_t low, uint64_t high)
{
	return v < low ? low : v > high ? high : v;
}

void scroll_settle(struct pane *p, const struct pty_screen *s)
{
	struct scroll_view *v = &p->scroll;
	uint64_t rows = (uint64_t)scroll_rows(p);
	int w = p->body.w > 0 ? p->body.w : 1;

	v->line = within(v->line, s->history_first, last_line(s));
	if (v->col >= s->cols)
		v->col = s->cols - 1;
	if (v->col < 0)
		v->col = 0;
	if (v->line < v->top)
		v->top = v->line;
	else if (v->line - v->top >= rows)
		v->top = v->line - rows + 1;
	v->top = within(v->top, s->history_first, lowest_top(p, s));
	if (v->left > s->cols - w)
		v->left = s->cols - w;
	if (v->left < 0)
		v->left = 0;
	if (v->col < v->left)
		v->left = v->col;
	else if (v->col >= v->left + w)
		v->left = v->col - w + 1;
}

void scroll_enter(struct pane *p)
{
	const struct pty_screen *s = terminal_screen(p);

	if (s)
		scroll_enter_at(p, (struct scroll_place){scroll_live(s) + (uint64_t)s->cy, s->cx});
}

void scroll_enter_at(struct pane *p, struct scroll_place at)
{
	const struct pty_screen *s = terminal_screen(p);
	struct scroll_view *v = &p->scroll;

	if (!s || v->on)
		return;
	v->on = true;
	v->top = scroll_live(s) + (uint64_t)p->crop_y;
	v->left = p->crop_x;
	v->line = at.line;
	v->col = at.col;
	v->end_key = 0;
	scroll_settle(p, s);
	tui_dirty(p->tui);
}

void scroll_leave(struct pane *p)
{
	struct pty_needle needle = p->scroll.find.needle;

	pty_row_text_free(&p->scroll.find.text);
	p->scroll = (struct scroll_view){.find.needle = needle}; /* n looks for it again */
	agent_history_forget(p->agent);
	tui_dirty(p->tui);
}

static void line_by(struct pane *p, const struct pty_screen *s, int64_t lines)
{
	struct scroll_view *v = &p->scroll;
	uint64_t n = (uint64_t)(lines < 0 ? -lines : lines);

	if (lines < 0)
		v->line = v->line - s->history_first > n ? v->line - n : s->history_first;
	else
		v->line += n;
}

/* The view moves and the cursor with it; at the end the cursor goes on alone. */
void scroll_by(struct pane *p, int lines)
{
	const struct pty_screen *s = terminal_screen(p);
	struct scroll_view *v = &p->scroll;
	uint64_t before, n = (uint64_t)(lines < 0 ? -(int64_t)lines : lines);

	if (!s || !v->on)
		return;
	scroll_settle(p, s);
	before = v->top;
	if (lines > 0)
		v->top = v->top - s->history_first > n ? v->top - n : s->history_first;
	else
		v->top = within(v->top + n, v->top, lowest_top(p, s));
	if (v->top == before)
		line_by(p, s, -(int64_t)lines);
	else
		v->line = v->line + v->top - before;
	scroll_settle(p, s);
	tui_dirty(p->tui);
}

void scroll_page(struct pane *p, int pages)
{
	int rows = scroll_rows(p);

	scroll_by(p, pages * (rows > 2 ? rows - 1 : 1));
}

/* ---- keys ----------------------------------------------------------------- */

/* First cell that is not blank, or the last one. */
static int text_edge(const struct pty_cell *row, int cols, bool last)
{
	int found = 0;

	for (int x = 0; x < cols; x++) {
		if ((!row[x].glyph || row[x].glyph == ' ') && !(row[x].attr & PTY_WIDE_TAIL))
			continue;
		found = x;
		if (!last)
			break;
	}
	return found;
}

void scroll_wish(struct pane *p, const struct pty_screen *s)
{
	struct scroll_view *v = &p->scroll;
	int cols;
	const struct pty_cell *row = v->wish ? agent_row(p->agent, s, v->line, &cols) : NULL;

	if (!row)
		return;
	v->col = text_edge(row, cols, v->wish == '$');
	v->wish = 0;
	scroll_settle(p, s);
}

/* One cell to the side, over both halves of what takes two. */
static void col_by(struct pane *p, const struct pty_screen *s, int step)
{
	struct scroll_view *v = &p->scroll;
	int cols;
	const struct pty_cell *row = agent_row(p->agent, s, v->line, &cols);

	v->col += step;
	if (row && v->col > 0 && v->col < cols && (row[v->col].attr & PTY_WIDE_TAIL))
		v->col += v->col + step < cols ? step : -step;
}

static bool move_key(struct pane *p, const struct pty_screen *s, uint32_t key)
{
	struct scroll_view *v = &p->scroll;
	int rows = scroll_rows(p);

	switch (key) {
	case PTY_KEY_UP:
	case 'k':
		line_by(p, s, -1);
		return true;
	case PTY_KEY_DOWN:
	case 'j':
		line_by(p, s, 1);
		return true;
	case PTY_KEY_LEFT:
	case 'h':
		col_by(p, s, -1);
		return true;
	case PTY_KEY_RIGHT:
	case 'l':
		col_by(p, s, 1);
		return true;
	case '0':
		v->col = 0;
		return true;
	case '^':
	case '$':
		v->wish = (char)key;
		scroll_wish(p, s);
		return true;
	case PTY_KEY_HOME:
	case 'g':
		v->line = s->history_first;
		v->col = 0;
		return true;
	case PTY_KEY_END:
	case 'G':
		v->line = last_line(s);
		v->col = 0;
		return true;
	case 'H':
		v->line = v->top;
		return true;
	case 'M':
		v->line = v->top + (uint64_t)(rows - 1) / 2;
		return true;
	case 'L':
		v->line = v->top + (uint64_t)(rows - 1);
		return true;
	default:
		return scroll_word_key(p, s, key);
	}
}

static bool page_key(struct pane *p, const struct input_event *ev)
{
	bool ctrl = ev->mods & PTY_CTRL;
	int half = scroll_rows(p) / 2;

	if (ev->key == PTY_KEY_PGUP || (ctrl && ev->key == 'b'))
		scroll_page(p, 1);
	else if (ev->key == PTY_KEY_PGDN || (ctrl && ev->key == 'f'))
		scroll_page(p, -1);
	else if (ctrl && ev->key == 'u')
		scroll_by(p, half > 0 ? half : 1);
	else if (ctrl && ev->key == 'd')
		scroll_by(p, half > 0 ? -half : -1);
	else if (ctrl && ev->key == 'y')
		scroll_by(p, 1);
	else if (ctrl && ev->key == 'e')
		scroll_by(p, -1);
	else
		return false;
	return true;
}

void scroll_ended(struct pane *p, uint32_t key)
{
	scroll_leave(p);
	p->scroll.end_key = key;
	p->scroll.end_ns = clock_mono_ns();
}

static bool end_key(const struct input_event *ev)
{
	return ev->key == 'q' || ev->key == PTY_KEY_ESCAPE || ev->key == PTY_KEY_ENTER ||
	       (ev->key == 'c' && (ev->mods & PTY_CTRL));
}

/* What has ended the mode comes again at once when it is held down or pressed twice. An Enter or
 * Escape that a program gets so may answer what nobody has read. */
static bool still_held(struct scroll_view *v, const struct input_event *ev)
{
	uint64_t now;

	if (!v->end_key)
		return false;
	now = clock_mono_ns();
	if (ev->key == v->end_key && now - v->end_ns < HELD_NS) {
		v->end_ns = now;
		return true;
	}
	v->end_key = 0;
	return false;
}

bool scroll_key(struct pane *p, const struct input_event *ev)
{
	const struct pty_screen *s = terminal_screen(p);

	if (ev->type != INPUT_KEY)
		return false;
	if (!p->scroll.on)
		return still_held(&p->scroll, ev);
	p->scroll.note[0] = '\0';
	if (s && scroll_search_key(p, ev)) {
		tui_dirty(p->tui);
		return true;
	}
	if (s && scroll_select_key(p, ev)) {
		tui_dirty(p->tui);
		return true;
	}
	if (!s || end_key(ev)) {
		scroll_ended(p, ev->key);
		return true;
	}
	p->scroll.wish = 0;
	scroll_settle(p, s);
	if (!page_key(p, ev) && !(ev->mods & (PTY_CTRL | PTY_ALT)) && move_key(p, s, ev->key))
		scroll_settle(p, s);
	tui_dirty(p->tui);
	return true; /* nothing typed here may act in a program that is not seen */
}

const char *const *scroll_help(size_t *n)
{
	static const char *const lines[] = {
	    "h j k l, arrows   move the cursor",
	    "0 ^ $             start, first word, end of the line",
	    "w b e             next word, word before, end of the word",
	    "PgUp PgDn         a page; also Ctrl+B, Ctrl+F",
	    "Ctrl+U Ctrl+D     half a page; Ctrl+Y, Ctrl+E: a line",
	    "g G, Home End     oldest line, newest line",
	    "H M L             top, middle, bottom of the pane",
	    "/ ? n N           search: down, up, again, the other way",
	    "v Space, V        select cells, lines; o: the other end",
	    "y Enter           copy what is selected and leave",
	    "q Esc Enter       back to the program",
	};

	*n = ARRAY_LEN(lines);
	return lines;
}
