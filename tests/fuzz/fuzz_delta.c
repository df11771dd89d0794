/* A hostile host: any bytes at a client. What it holds afterwards must be fit to be drawn. */
#include "pty/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_cells(const struct pty_screen *s, const struct pty_cell *cells, size_t n)
{
	char text[256];

	for (size_t i = 0; i < n; i++) {
		if (cells[i].extra && cells[i].extra >= s->n_extras)
			abort();
		pty_cell_text(s, &cells[i], text, sizeof(text));
		if (!text_is_printable(text, strlen(text)))
			abort();
	}
}

static void on_update(void *data, const struct pty_screen *s)
{
	(void)data;
	if (s->cx < 0 || s->cx >= s->cols || s->cy < 0 || s->cy >= s->rows)
		abort();
	check_cells(s, s->cells, (size_t)s->cols * (size_t)s->rows);
	if (!text_is_printable(s->title, strlen(s->title)))
		abort();
}

static void on_history(void *data, uint64_t first, size_t count, int cols,
		       const struct pty_cell *cells)
{
	struct pty_client **c = data;

	(void)first;
	check_cells(pty_client_screen(*c), cells, count * (size_t)cols);
}

static void on_found(void *data, const struct pty_found *f)
{
	(void)data;
	if (f->end_line < f->line || f->end_line - f->line > PTY_FIND_MAX || f->col < 0 ||
	    f->end_col < 0 || f->col >= PTY_COLS_MAX || f->end_col >= PTY_COLS_MAX ||
	    (f->line == f->end_line && f->end_col < f->col))
		abort();
}

static void on_copied(void *data, uint32_t id, bool cut, const char *text, size_t n)
{
	(void)data;
	(void)id;
	(void)cut;
	if (n > PTY_COPY_MAX)
		abort();
	for (size_t i = 0; i < n; i++)
		if (((uint8_t)text[i] < 0x20 && text[i] != '\n') || text[i] == 0x7f)
			abort();
}

static void on_notify(void *data, const char *title, const char *body)
{
	(void)data;
	if (!text_is_printable(title, strlen(title)) || !text_is_printable(body, strlen(body)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pty_client *c = NULL;
	struct pty_client_events ev = {.update = on_update,
				       .history = on_history,
				       .found = on_found,
				       .copied = on_copied,
				       .notify = on_notify,
				       .data = &c};
	struct buf text = {0};
	size_t half = size / 2;

	c = pty_client_new(-1, 80, 24, false, &ev);
	if (!c)
		return 0;
	if (pty_client_feed(c, data, half) == 0)
		pty_client_feed(c, data + half, size - half);
	pty_dump_screen(pty_client_screen(c), true, &text);
	buf_free(&text);
	pty_client_free(c);
	return 0;
}
