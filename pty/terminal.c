/* The terminal's life, and what its files share. */
#include "pty/terminal.h"

static const struct parser_events parser_events = {
    .ascii = vt_print_ascii,
    .rune = vt_print_rune,
    .control = vt_control,
    .escape = vt_escape,
    .csi = vt_csi,
    .string = vt_string,
};

static int clamp(int v, int lo, int hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

struct terminal *terminal_new(int cols, int rows, size_t scrollback,
			      const struct terminal_events *ev)
{
	struct terminal *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->cols = clamp(cols, 1, PTY_COLS_MAX);
	t->rows = clamp(rows, 1, PTY_ROWS_MAX);
	t->gen = 1;
	t->dark = true;
	t->ev = *ev;
	if (grid_init(&t->main, t->cols, t->rows) < 0) {
		free(t);
		return NULL;
	}
	t->grid = &t->main;
	intern_init(&t->clusters, CLUSTERS_MAX, CLUSTERS_MAX * CLUSTER_BYTES_MAX);
	intern_init(&t->extras, EXTRAS_MAX, EXTRA_BYTES_MAX);
	history_init(&t->history, scrollback);
	parser_init(&t->parser, &parser_events, t);
	vt_reset(t, true);
	t->size_gen = t->gen;
	return t;
}

void terminal_free(struct terminal *t)
{
	if (!t)
		return;
	grid_free(&t->main);
	grid_free(&t->alt);
	intern_free(&t->clusters);
	intern_free(&t->extras);
	history_free(&t->history);
	parser_free(&t->parser);
	for (int i = 0; i < t->n_titles; i++)
		free(t->titles[i]);
	free(t->palette);
	free(t->link);
	free(t);
}

void terminal_feed(struct terminal *t, const void *p, size_t n)
{
	parser_feed(&t->parser, p, n);
}

void terminal_next_gen(struct terminal *t)
{
	t->gen++;
}

const char *terminal_cluster(const struct terminal *t, uint32_t index)
{
	return index && index < t->clusters.high ? t->clusters.entries[index].text : NULL;
}

static const char *cluster_text(void *data, uint32_t index)
{
	return terminal_cluster(data, index);
}

struct line_clusters terminal_cluster_names(const struct terminal *t)
{
	return (struct line_clusters){.text = cluster_text, .data = (void *)t};
}

void vt_rows_changed(struct terminal *t, int top, int bottom)
{
	for (int y = top; y <= bottom; y++)
		t->grid->rows[y]->gen = t->gen;
	t->changed = t->gen;
}

void vt_reply(struct terminal *t, const char *fmt, ...)
{
	char out[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(out, sizeof(out), fmt, ap);
	va_end(ap);
	if (n > 0 && (size_t)n < sizeof(out))
		t->ev.reply(t->ev.data, out, (size_t)n);
}

/* ---- moving -------------------------------------------------------------- */

void vt_scroll(struct terminal *t, int top, int bottom, int n)
{
	int count = bottom - top + 1;
	bool whole = top == 0 && bottom == t->rows - 1;

	if (n > count)
		n = count;
	if (n < -count)
		n = -count;
	if (!n)
		return;
	if (n > 0 && top == 0 && !terminal_alt(t)) {
		struct line_clusters names = terminal_cluster_names(t);

		for (int y = 0; y < n; y++)
			history_push(&t->history, t->grid->rows[y], &names);
	}
	grid_scroll(t->grid, top, bottom, n, t->c.pen.bg);
	if (whole && n > 0) {
		/* A client moves its own rows: only what came in is new. */
		t->scrolled += (uint64_t)n;
		vt_rows_changed(t, bottom - n + 1, bottom);
	} else
		vt_rows_changed(t, top, bottom);
}

void vt_move(struct terminal *t, int x, int y)
{
	t->c.x = clamp(x, 0, t->cols - 1);
	t->c.y = clamp(y, 0, t->rows - 1);
	t->c.wrap_pending = false;
	t->last_base = 0;
	vt_changed(t);
}

void vt_linefeed(struct terminal *t)
{
	t->c.wrap_pending = false;
	t->last_base = 0;
	if (t->c.y == t->bottom)
		vt_scroll(t, t->top, t->bottom, 1);
	else if (t->c.y < t->rows - 1)
		t->c.y++;
	vt_changed(t);
}

void vt_reverse_linefeed(struct terminal *t)
{
	t->c.wrap_pending = false;
	t->last_base = 0;
	if (t->c.y == t->top)
		vt_scroll(t, t->top, t->bottom, -1);
	else if (t->c.y > 0)
		t->c.y--;
	vt_changed(t);
}

void vt_save_cursor(struct terminal *t)
{
	int i = terminal_alt(t);

	t->saved[i] = t->c;
	t->saved[i].origin = t->modes & MODE_ORIGIN;
	t->has_saved[i] = true;
}

void vt_restore_cursor(struct terminal *t)
{
	int i = terminal_alt(t);
	struct cursor c = t->saved[i];

	if (!t->has_saved[i])
		c = (struct cursor){.charset = {'B', 'B', 'B', 'B'}};
	c.pen.extra = 0;
	t->c = c;
	t->modes = (t->modes & ~(uint32_t)MODE_ORIGIN) | (c.origin ? MODE_ORIGIN : 0);
	t->c.x = clamp(c.x, 0, t->cols - 1);
	t->c.y = clamp(c.y, 0, t->rows - 1);
	t->c.wrap_pending = c.wrap_pending && t->c.x == t->cols - 1;
	t->last_base = 0;
	vt_pen_extra(t);
	vt_changed(t);
}

void vt_reset_tabs(struct terminal *t)
{
	memset(t->tabs, 0x01, sizeof(t->tabs)); /* every eighth column */
}

/* ---- pen ------------------------------------------------------------------ */

static void mark_used(struct terminal *t, const struct grid *g)
{
	for (int y = 0; g->rows && y < g->n; y++) {
		const struct row *r = g->rows[y];

		for (int x = 0; !r->plain && x < r->len; x++) {
			const struct pty_cell *c = &r->cells[x];

			if (c->glyph & PTY_GLYPH_CLUSTER)
				t->clusters.entries[c->glyph & ~PTY_GLYPH_CLUSTER].marked = true;
			if (c->extra)
				t->extras.entries[c->extra].marked = true;
		}
	}
}

/* Frees what no cell uses any more. A screen that really uses everything is not searched again for
 * each new string. */
static bool reclaim(struct terminal *t, struct intern *table)
{
	uint32_t before = table->used;

	if (table->no_sweep) {
		table->no_sweep--;
		return false;
	}
	mark_used(t, &t->main);
	mark_used(t, &t->alt);
	if (t->c.pen.extra)
		t->extras.entries[t->c.pen.extra].marked = true;
	intern_sweep(&t->clusters);
	intern_sweep(&t->extras);
	if (before - table->used < table->max / 16)
		table->no_sweep = 4 * table->max;
	return table->used < before;
}

uint16_t vt_intern(struct terminal *t, struct intern *table, const void *p, size_t n)
{
	uint16_t i = intern_find(table, p, n);

	if (i)
		return i;
	i = intern_add(table, p, n, t->gen);
	if (!i && reclaim(t, table))
		i = intern_add(table, p, n, t->gen);
	return i;
}

void vt_pen_extra(struct terminal *t)
{
	char key[4 + LINK_MAX];
	size_t n = t->link ? strlen(t->link) : 0;

	t->c.pen.extra = 0;
	if (!t->c.pen.ul_color && !n)
		return;
	memcpy(key, &t->c.pen.ul_color, 4);
	if (n)
		memcpy(key + 4, t->link, n);
	t->c.pen.extra = vt_intern(t, &t->extras, key, 4 + n);
}

void vt_pen_reset(struct terminal *t)
{
	bool extra = t->c.pen.ul_color;

	t->c.pen.fg = t->c.pen.bg = t->c.pen.ul_color = 0;
	t->c.pen.attr = 0;
	if (extra)
		vt_pen_extra(t);
}

void vt_set_link(struct terminal *t, const char *uri, size_t n)
{
	free(STEAL_PTR(t->link));
	if (n && n <= LINK_MAX)
		t->link = strndup(uri, n);
	vt_pen_extra(t);
}

void vt_set_title(struct terminal *t, const char *s, size_t n)
{
	char title[PTY_TITLE_MAX];

	text_printable(title, sizeof(title), s, n);
	if (strcmp(title, t->title) == 0)
		return;
	str_copy(t->title, sizeof(t->title), title);
	vt_status_title(t);
	vt_state_changed(t);
}

/* ---- reset ----------------------------------------------------------------- */

void vt_reset(struct terminal *t, bool hard)
{
	if (hard) {
		vt_alt_screen(t, false, false);
		vt_set_link(t, NULL, 0);
		vt_reset_tabs(t);
		t->modes = MODE_WRAP | MODE_CURSOR | MODE_ALT_SCROLL;
		t->cursor_shape = 0;
		t->fg = t->bg = t->cursor_color = 0;
		free(STEAL_PTR(t->palette));
		t->modify_other_keys = 0;
		vt_kitty_reset(t);
		for (int y = 0; y < t->rows; y++)
			row_clear(t->grid->rows[y]);
		vt_rows_changed(t, 0, t->rows - 1);
	} else {
		t->modes &= ~(uint32_t)(MODE_ORIGIN | MODE_INSERT | MODE_APP_CURSOR |
					MODE_APP_KEYPAD | MODE_REVERSE);
		t->modes |= MODE_CURSOR | MODE_WRAP;
	}
	t->top = 0;
	t->bottom = t->rows - 1;
	t->has_saved[0] = t->has_saved[1] = false;
	memset(t->c.charset, 'B', sizeof(t->c.charset));
	t->c.gl = 0;
	t->repeat = 0;
	vt_pen_reset(t);
	if (hard)
		vt_move(t, 0, 0);
	vt_state_changed(t);
}
