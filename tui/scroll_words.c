/* Words for the scrollback's cursor: runs of letters and digits, or of other signs, as in vi. */
#include "tui/app.h"

#define STEPS_MAX 20000 /* cells looked at for one key */

enum kind { BLANK = 0, WORD, SIGN };

struct walk {
	struct pane *p;
	const struct pty_screen *s;
	uint64_t line, end; /* end: the last line there is */
	int col;
	int left;
};

static enum kind kind_at(const struct walk *w)
{
	int cols;
	const struct pty_cell *row = agent_row(w->p->agent, w->s, w->line, &cols);
	uint32_t g;

	if (!row || w->col >= cols)
		return BLANK;
	g = row[w->col].glyph;
	if (row[w->col].attr & PTY_WIDE_TAIL)
		return WORD;
	if (!g || g == ' ')
		return BLANK;
	return g >= 0x80 || g == '_' || (g >= '0' && g <= '9') || (g >= 'a' && g <= 'z') ||
		       (g >= 'A' && g <= 'Z')
		   ? WORD
		   : SIGN;
}

/* A row that is being fetched is as far as this goes. */
static bool is_here(const struct walk *w)
{
	int cols;

	return agent_row(w->p->agent, w->s, w->line, &cols);
}

/* One cell on; false at the end. A line's end parts words, as the blank in its last cell would. */
static bool forward(struct walk *w, bool *new_line)
{
	*new_line = false;
	if (w->left-- <= 0)
		return false;
	if (w->col + 1 < w->s->cols) {
		w->col++;
		return true;
	}
	if (w->line >= w->end)
		return false;
	w->line++;
	w->col = 0;
	*new_line = true;
	return is_here(w);
}

static bool backward(struct walk *w, bool *new_line)
{
	*new_line = false;
	if (w->left-- <= 0)
		return false;
	if (w->col > 0) {
		w->col--;
		return true;
	}
	if (w->line <= w->s->history_first)
		return false;
	w->line--;
	w->col = w->s->cols - 1;
	*new_line = true;
	return is_here(w);
}

static void word_begin(struct walk *w)
{
	enum kind before = kind_at(w);
	bool line;

	while (forward(w, &line)) {
		enum kind now = kind_at(w);

		if (now != BLANK && (now != before || line))
			return;
		before = now;
	}
}

/* To the last cell before the kind changes in that direction, over blanks first. */
static void run_end(struct walk *w, bool (*step)(struct walk *, bool *))
{
	bool line;
	struct walk next;
	enum kind kind;

	if (!step(w, &line))
		return;
	while (kind_at(w) == BLANK)
		if (!step(w, &line))
			return;
	kind = kind_at(w);
	for (next = *w; step(&next, &line) && !line && kind_at(&next) == kind;)
		*w = next;
}

bool scroll_word_key(struct pane *p, const struct pty_screen *s, uint32_t key)
{
	struct scroll_view *v = &p->scroll;
	struct walk w = {.p = p,
			 .s = s,
			 .line = v->line,
			 .end = scroll_live(s) + (uint64_t)s->rows - 1,
			 .col = v->col,
			 .left = STEPS_MAX};

	if (key == 'w')
		word_begin(&w);
	else if (key == 'e')
		run_end(&w, forward);
	else if (key == 'b')
		run_end(&w, backward);
	else
		return false;
	v->line = w.line;
	v->col = w.col;
	return true;
}
