/* Reading rows of scrollback and screen alike, for what clients ask about their text. */
#include "pty/host.h"

#define ARENA (128u << 10) /* clusters of one line: more bytes than one that decodes can have */

struct host_row {
	struct pty_cell cells[PTY_COLS_MAX];
	int n;
	bool wrapped;
	const struct terminal *t; /* whose clusters they are; NULL: those here */
	char arena[ARENA];
	size_t used;
};

struct host_row *host_row_new(void)
{
	return malloc(sizeof(struct host_row));
}

static uint32_t keep_cluster(void *data, const char *text, size_t n)
{
	struct host_row *r = data;
	uint32_t at = (uint32_t)r->used + 1;

	if (n >= sizeof(r->arena) - r->used)
		return 0;
	memcpy(r->arena + r->used, text, n);
	r->arena[r->used + n] = '\0';
	r->used += n + 1;
	return at;
}

static const char *cluster_of(void *data, uint32_t index)
{
	struct host_row *r = data;

	if (r->t) {
		struct line_clusters names = terminal_cluster_names(r->t);

		return names.text(names.data, index);
	}
	return index && index <= r->used ? r->arena + index - 1 : NULL;
}

uint64_t host_rows_end(const struct terminal *t)
{
	return t->history.first + t->history.count + (uint64_t)t->rows;
}

static bool read_screen(struct host_row *r, const struct terminal *t, uint64_t y)
{
	const struct row *row;

	if (y >= (uint64_t)t->rows)
		return false;
	row = t->grid->rows[y];
	r->t = t;
	r->n = row->len < PTY_COLS_MAX ? row->len : PTY_COLS_MAX;
	memcpy(r->cells, row->cells, (size_t)r->n * sizeof(*r->cells));
	r->wrapped = row->wrapped;
	return true;
}

static bool read_history(struct host_row *r, const struct terminal *t, uint64_t line)
{
	struct line_clusters names = {.intern = keep_cluster, .data = r};
	size_t left;
	const uint8_t *p = history_line(&t->history, line, &left);

	if (!p || !line_decode(p, left, r->cells, PTY_COLS_MAX, &names))
		return false;
	r->t = NULL;
	r->n = PTY_COLS_MAX;
	r->wrapped = line_wrapped(p, left);
	return true;
}

bool host_row_read(struct host_row *r, const struct terminal *t, uint64_t line)
{
	uint64_t live = t->history.first + t->history.count;

	r->used = 0;
	if (!(line >= live ? read_screen(r, t, line - live) : read_history(r, t, line)))
		return false;
	while (r->n && !r->cells[r->n - 1].glyph && !(r->cells[r->n - 1].attr & PTY_WIDE_TAIL))
		r->n--;
	return true;
}

bool host_row_goes_on(const struct host_row *r)
{
	return r->wrapped;
}

void host_row_text(struct host_row *r, int from, int to, bool fold, struct pty_row_text *out)
{
	if (to > r->n)
		to = r->n;
	if (from > 0 && from < to && (r->cells[from].attr & PTY_WIDE_TAIL))
		from--;
	pty_row_text_add(out, r->cells + (from < to ? from : 0), from < to ? to - from : 0, fold,
			 cluster_of, r);
}

void host_row_reveal_nothing(struct host_row *r)
{
	for (int x = 0; x < r->n; x++)
		if (r->cells[x].attr & PTY_CONCEAL)
			r->cells[x] = (struct pty_cell){.glyph = ' '};
}
