/*
 * The end of the session that the front end was opened for (nono run): what the program printed is
 * left in the shell's screen, as without us, then the front end ends with the program's exit code.
 */
#include "tui/app.h"

#define LINES_MAX  5000
#define LINES_ONCE 250
#define WAIT_NS	   1000000000ull

static const struct pty_screen *screen_of(const struct agent *a)
{
	return a->screen ? pty_client_screen(a->screen) : NULL;
}

void farewell_begin(struct tui *t, struct agent *a)
{
	if (t->farewell.agent)
		return;
	t->farewell.agent = a;
	t->farewell.deadline_ns = clock_mono_ns() + WAIT_NS;
	t->farewell.end = UINT64_MAX; /* not known before the screen is final */
}

/* Through the output's own writer, so that colours are what this terminal has. */
static void add_rows(struct tui *t, const struct pty_screen *s, const struct pty_cell *cells,
		     size_t count, int cols)
{
	struct buf frame = t->output.out;
	struct canvas row;

	t->output.out = t->last_screen;
	canvas_init(&row, &t->strings);
	canvas_resize(&row, cols, 1);
	for (size_t i = 0; i < count; i++) {
		canvas_clear(&row);
		canvas_cells(&row, 0, 0, s, cells + i * (size_t)cols, 0, cols);
		canvas_mend(&row);
		output_plain_row(&t->output, &row, 0);
	}
	canvas_free(&row);
	t->last_screen = t->output.out;
	t->output.out = frame;
	t->output.x = t->output.y = -1;
}

static size_t rows_used(const struct pty_screen *s)
{
	for (size_t y = (size_t)s->rows; y > 0; y--)
		for (int x = 0; x < s->cols; x++)
			if (s->cells[(y - 1) * (size_t)s->cols + (size_t)x].glyph)
				return y;
	return 0;
}

void farewell_history(struct tui *t, const struct agent *a, uint64_t first, size_t count, int cols,
		      const struct pty_cell *cells)
{
	if (t->farewell.agent != a || !t->farewell.asked || first != t->farewell.next)
		return;
	t->farewell.asked = false;
	if (!count || cols < 1) {
		t->farewell.next = t->farewell.end; /* what is gone is gone */
		return;
	}
	add_rows(t, screen_of(a), cells, count, cols);
	t->farewell.next += count;
	t->farewell.deadline_ns = clock_mono_ns() + WAIT_NS;
}

static void finish(struct tui *t, const struct pty_screen *s)
{
	const struct agent *a = t->farewell.agent;

	if (s && s->cols > 0)
		add_rows(t, s, s->cells, rows_used(s), s->cols);
	if (a->exit_code < 0)
		snprintf(t->goodbye, sizeof(t->goodbye),
			 "nono: the session's supervisor vanished; the program was ended\n");
	tui_quit(t, a->exit_code < 0 ? 1 : a->exit_code);
}

void farewell_check(struct tui *t)
{
	struct agent *a = t->farewell.agent;
	const struct pty_screen *s = screen_of(a);
	uint64_t left;

	if (t->quit)
		return;
	if (!s || a->screen_over || clock_mono_ns() > t->farewell.deadline_ns) {
		finish(t, s);
		return;
	}
	if (!s->ended || t->farewell.asked)
		return;
	if (t->farewell.end == UINT64_MAX) {
		t->farewell.end = s->history_first + s->history;
		t->farewell.next =
		    s->history > LINES_MAX ? t->farewell.end - LINES_MAX : s->history_first;
	}
	left = t->farewell.end - t->farewell.next;
	if (!left || t->farewell.next < s->history_first) {
		finish(t, s);
		return;
	}
	t->farewell.asked = true;
	pty_client_history(a->screen, t->farewell.next, left < LINES_ONCE ? left : LINES_ONCE);
	agent_flush(a);
}
