/*
 * Rows of the scrollback that the front end has fetched: pieces of lines that follow each other,
 * each at a multiple of their size. One question at a time is under way, as the host keeps no
 * more.
 */
#include "tui/app.h"

static struct history_piece *piece_of(struct history_cache *h, uint64_t line)
{
	for (size_t i = 0; i < HISTORY_PIECES; i++)
		if (h->pieces[i].count &&
		    h->pieces[i].first / HISTORY_PIECE == line / HISTORY_PIECE)
			return &h->pieces[i];
	return NULL;
}

static struct history_piece *oldest(struct history_cache *h)
{
	struct history_piece *p = &h->pieces[0];

	for (size_t i = 0; i < HISTORY_PIECES && p->count; i++)
		if (!h->pieces[i].count || h->pieces[i].used < p->used)
			p = &h->pieces[i];
	return p;
}

static bool holds(const struct history_piece *p, uint64_t line)
{
	return p && line >= p->first && line - p->first < p->count;
}

void agent_history_got(struct agent *a, uint64_t first, size_t count, int cols,
		       const struct pty_cell *cells)
{
	struct history_cache *h = &a->history;
	struct history_piece *p;
	size_t at = 0, need;

	if (!h->asked_count || (count && first / HISTORY_PIECE != h->asked_first / HISTORY_PIECE))
		return; /* of before, or somebody else's */
	if (count && cols > 0 && count <= HISTORY_PIECE - first % HISTORY_PIECE) {
		p = piece_of(h, first);
		if (p && p->cols == cols && p->first + p->count == first)
			at = p->count;
		if (!p)
			p = oldest(h);
		need = (at + count) * (size_t)cols;
		if (need > p->cap) {
			p->cells = xrealloc_array(p->cells, need, sizeof(*p->cells));
			p->cap = need;
		}
		memcpy(p->cells + at * (size_t)cols, cells, count * (size_t)cols * sizeof(*cells));
		if (!at)
			p->first = first;
		p->count = at + count;
		p->cols = cols;
		p->used = ++h->clock;
	} else { /* nothing there for us: not again until the screen is another */
		h->nothing = h->asked_first;
		h->nothing_gen = a->screen ? pty_client_screen(a->screen)->generation : 0;
	}
	h->asked_count = 0;
}

static void ask(struct agent *a, const struct pty_screen *s, const struct history_piece *p,
		uint64_t line)
{
	struct history_cache *h = &a->history;
	uint64_t from = line - line % HISTORY_PIECE, to = from + HISTORY_PIECE;

	if (p && p->cols == s->cols && p->first + p->count <= line)
		from = p->first + p->count; /* lines that came later, or did not fit into a frame */
	if (from < s->history_first)
		from = s->history_first;
	if (to > scroll_live(s))
		to = scroll_live(s);
	if (a->screen_over || from >= to || (h->nothing == from && h->nothing_gen == s->generation))
		return;
	h->asked_first = from;
	h->asked_count = to - from;
	pty_client_history(a->screen, from, (size_t)(to - from));
	agent_flush(a);
}

const struct pty_cell *agent_row(struct agent *a, const struct pty_screen *s, uint64_t line,
				 int *cols)
{
	struct history_cache *h = &a->history;
	struct history_piece *p;

	*cols = s->cols;
	if (line >= scroll_live(s))
		return line - scroll_live(s) < (uint64_t)s->rows
			   ? s->cells + (size_t)(line - scroll_live(s)) * (size_t)s->cols
			   : NULL;
	if (line < s->history_first)
		return NULL;
	p = piece_of(h, line);
	/* Of another width: fetched anew, shown until that is here. */
	if (!h->asked_count && a->screen && (!holds(p, line) || p->cols != s->cols))
		ask(a, s, p, line);
	if (!holds(p, line))
		return NULL;
	p->used = ++h->clock;
	*cols = p->cols;
	return p->cells + (size_t)(line - p->first) * (size_t)p->cols;
}

void agent_history_forget(struct agent *a)
{
	struct history_cache *h = &a->history;

	for (size_t i = 0; i < HISTORY_PIECES; i++)
		free(h->pieces[i].cells);
	*h = (struct history_cache){.nothing = UINT64_MAX};
}
