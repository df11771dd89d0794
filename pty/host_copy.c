/* Text of rows for a client that copies it: rows that go on joined, blanks at the ends of lines
 * left out, some lines a turn. */
#include "pty/host.h"

#define STEP_LINES 128
#define WHOLE_ROWS 500
#define STEP_NS	   (2 * 1000000ull)

void host_copy_end(struct host_client *c)
{
	if (!c->copy)
		return;
	buf_free(&c->copy->out);
	pty_row_text_free(&c->copy->text);
	free(c->copy->row);
	free(c->copy);
	c->copy = NULL;
}

static bool goes_on(struct host_copy *y, const struct terminal *t, uint64_t line)
{
	return host_row_read(y->row, t, line) && host_row_goes_on(y->row);
}

/* Bounded: a line may go over all rows there are. */
static void whole_lines(struct host_copy *y, const struct terminal *t)
{
	for (int i = 0; i < WHOLE_ROWS && y->line > t->history.first; i++, y->line--)
		if (!goes_on(y, t, y->line - 1))
			break;
	for (int i = 0; i < WHOLE_ROWS; i++, y->end_line++)
		if (!goes_on(y, t, y->end_line))
			break;
	y->col = 0;
	y->end_col = PTY_COLS_MAX - 1;
}

void host_copy_begin(struct host *h, struct host_client *c, struct reader *r)
{
	struct host_copy *y;
	uint32_t id = get_u32(r);
	uint64_t line = get_u64(r);
	int col = get_u16(r);
	uint64_t end_line = get_u64(r);
	int end_col = get_u16(r);
	bool lines = get_u8(r);

	if (r->bad || line > end_line)
		return;
	host_copy_end(c);
	y = calloc(1, sizeof(*y));
	if (y)
		y->row = host_row_new();
	if (!y || !y->row) {
		free(y);
		return;
	}
	y->id = id;
	y->line = line;
	y->col = col;
	y->end_line = end_line < host_rows_end(h->t) ? end_line : host_rows_end(h->t) - 1;
	y->end_col = end_line == y->end_line ? end_col : PTY_COLS_MAX - 1;
	if (lines)
		whole_lines(y, h->t);
	c->copy = y;
}

static void answer(struct host_client *c)
{
	struct host_copy *y = c->copy;
	size_t at = frame_begin(&c->out, FRAME_COPIED);

	put_u32(&c->out, y->id);
	put_u8(&c->out, y->cut);
	buf_add(&c->out, y->out.data, y->out.len);
	frame_end(&c->out, at);
	host_copy_end(c);
	host_client_send(c);
}

/* False: there is no room for more. */
static bool add_line(struct host_copy *y, const struct terminal *t)
{
	bool last = y->line == y->end_line, on;
	size_t n;

	y->text.n = y->text.rows = 0;
	if (!host_row_read(y->row, t, y->line))
		return true;
	on = host_row_goes_on(y->row);
	host_row_reveal_nothing(y->row);
	host_row_text(y->row, y->col, last ? y->end_col + 1 : PTY_COLS_MAX, false, &y->text);
	n = y->text.n;
	while (n && !on && y->text.text[n - 1] == ' ')
		n--;
	if (y->out.len + n + 1 > PTY_COPY_MAX)
		return false;
	buf_add(&y->out, y->text.text, n);
	if (!on && !last)
		buf_addc(&y->out, '\n');
	y->col = 0;
	return true;
}

bool host_copy_step(struct host *h, struct host_client *c)
{
	struct host_copy *y = c->copy;
	uint64_t until = clock_mono_ns() + STEP_NS;

	for (int i = 0; i < STEP_LINES; i++) {
		if (y->line < h->t->history.first) { /* fell out meanwhile */
			y->line = h->t->history.first;
			y->col = 0;
		}
		if (y->line <= y->end_line && !add_line(y, h->t))
			y->cut = true;
		if (y->cut || y->line >= y->end_line) {
			answer(c);
			return false;
		}
		y->line++;
		if (i % 16 == 15 && clock_mono_ns() > until)
			break;
	}
	return true;
}
