/* The file of a review pane, drawn: unified or in two columns. */
#include "snapshots/diff_words.h"
#include "tui/review.h"
#include "tui/width.h"

#define NUMBER_W 6

/* Where a line goes on. */
struct pen {
	struct review *r;
	int x, y, w;   /* the line's place in the picture */
	size_t column; /* reached; the first ones may be to the left of the picture */
};

/* With blanks for tabs. */
static void expand(const char *p, size_t n, size_t column, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		bool start = ((unsigned char)p[i] & 0xc0) != 0x80;

		if (p[i] != '\t') {
			buf_addc(out, p[i]);
			column += start;
			continue;
		}
		do
			buf_addc(out, ' ');
		while (++column % REVIEW_TAB);
	}
}

static void draw_part(struct pen *pen, const char *p, size_t n, const struct style *st)
{
	_cleanup_(buf_free) struct buf flat = {0};
	size_t skip = (size_t)pen->r->file.skip;
	size_t hidden = skip > pen->column ? skip - pen->column : 0;
	int at = pen->column > skip ? (int)(pen->column - skip) : 0;
	char text[REVIEW_LINE_BYTES];

	expand(p, n, pen->column, &flat);
	text_printable(text, sizeof(text), flat.len ? flat.data : "", flat.len);
	if (at < pen->w)
		canvas_text(&pen->r->tui->canvas, pen->x + at, pen->y, pen->w - at, st,
			    text + width_prefix(text, hidden));
	pen->column += width_text(text);
}

/* What differs from the line that it became or was is marked, word by word. */
static void draw_line(struct pen *pen, const struct diff_text *t, size_t line,
		      const struct style *st, const struct diff_range *v, size_t count)
{
	struct style strong = *st;
	size_t n, at = 0;
	const char *p = diff_line(t, line, &n);

	n = n < REVIEW_LINE_BYTES ? n : REVIEW_LINE_BYTES;
	strong.attr |= PTY_INVERSE;
	for (size_t i = 0; i < count && v[i].to <= n; i++) {
		draw_part(pen, p + at, v[i].from - at, st);
		draw_part(pen, p + v[i].from, v[i].to - v[i].from, &strong);
		at = v[i].to;
	}
	draw_part(pen, p + at, n - at, st);
}

/* One side of a row: number, sign, text. words: of both sides, or NULL. */
static void draw_side(struct review *r, const struct rect *at, bool old, size_t line, char sign,
		      const struct diff_words *words)
{
	const struct diff *d = &r->file.text.diff;
	const struct style *st = style(r->tui, sign == '-' ? S_BAD : sign == '+' ? S_GOOD : S_TEXT);
	struct pen pen = {.r = r, .x = at->x + NUMBER_W + 2, .y = at->y, .w = at->w - NUMBER_W - 2};

	if (line == SIZE_MAX)
		return;
	canvas_textf(&r->tui->canvas, at->x, at->y, NUMBER_W, style(r->tui, S_DIM), "%5zu",
		     line + 1);
	canvas_textf(&r->tui->canvas, at->x + NUMBER_W, at->y, 1, st, "%c", sign);
	if (old)
		draw_line(&pen, &d->a, line, st, words ? words->a : NULL, words ? words->a_n : 0);
	else
		draw_line(&pen, &d->b, line, st, words ? words->b : NULL, words ? words->b_n : 0);
}

/* NULL: there are none to mark. */
static const struct diff_words *words_of(const struct diff *d, size_t a, size_t b,
					 struct diff_words *out)
{
	const char *x, *y;
	size_t x_n, y_n;

	if (a == SIZE_MAX || b == SIZE_MAX)
		return NULL;
	x = diff_line(&d->a, a, &x_n);
	y = diff_line(&d->b, b, &y_n);
	return diff_words(x, x_n, y, y_n, out) ? out : NULL;
}

static void draw_head(struct review *r, const struct rect *area, int y, size_t hunk)
{
	const struct review_file *f = &r->file;
	const struct diff_hunk *h = &f->text.diff.hunks[hunk];

	canvas_textf(&r->tui->canvas, area->x + 1, y, area->w - 1, style(r->tui, S_INFO),
		     "@@ -%zu,%zu +%zu,%zu @@  hunk %zu of %zu%s", h->a_n ? h->a + 1 : h->a, h->a_n,
		     h->b_n ? h->b + 1 : h->b, h->b_n, hunk + 1, f->text.diff.hunk_count,
		     f->accepted && f->accepted[hunk] ? "  ✓ accepted" : "");
}

static void draw_pair(struct review *r, const struct rect *line, const struct review_row *row)
{
	bool changed = row->kind == ROW_PAIR;
	int half = (line->w - 1) / 2;
	struct rect left = {line->x, line->y, half, 1};
	struct rect right = {line->x + half + 1, line->y, line->w - half - 1, 1};
	struct diff_words space;
	const struct diff_words *words =
	    changed ? words_of(&r->file.text.diff, row->a, row->b, &space) : NULL;

	draw_side(r, &left, true, row->a, changed ? '-' : ' ', words);
	canvas_text(&r->tui->canvas, line->x + half, line->y, 1, style(r->tui, S_TITLE), "│");
	draw_side(r, &right, false, row->b, changed ? '+' : ' ', words);
}

static void draw_row(struct review *r, const struct rect *area, int y, const struct review_row *row)
{
	const struct diff *d = &r->file.text.diff;
	struct rect line = {area->x + 1, y, area->w - 1, 1};
	struct diff_words words;

	if (row->kind == ROW_HEAD)
		draw_head(r, area, y, row->hunk);
	else if (row->kind == ROW_WENT)
		draw_side(r, &line, true, row->a, '-', words_of(d, row->a, row->pair, &words));
	else if (row->kind == ROW_CAME)
		draw_side(r, &line, false, row->b, '+', words_of(d, row->pair, row->b, &words));
	else if (r->side)
		draw_pair(r, &line, row);
	else
		draw_side(r, &line, false, row->b, ' ', NULL);
}

static void draw_name(struct review *r, const struct rect *area)
{
	const struct change *c = review_change(r, review_chosen(r));
	char name[2048], cut[2048];
	const char *path = c ? c->path + r->data.root_common : "";

	text_printable(name, sizeof(name), path, strlen(path));
	if (c && area->w > 4)
		canvas_textf(&r->tui->canvas, area->x + 1, area->y, area->w - 2,
			     style(r->tui, S_BOLD), "%c %s%s", change_sign(c->type),
			     width_tail(name, (size_t)area->w - 6, cut, sizeof(cut)),
			     c->before.mode != c->after.mode && c->before.kind && c->after.kind
				 ? " (mode)"
				 : "");
}

void review_draw_file(struct pane *p, const struct rect *area, bool focused)
{
	struct review *r = p->review;
	struct review_file *f = &r->file;
	const struct change *c = review_change(r, review_chosen(r));
	size_t rows = area->h > 1 ? (size_t)area->h - 1 : 0;

	draw_name(r, area);
	if (!c || !f->path || !str_eq(f->path, c->path))
		return; /* it is being read */
	list_follow(&f->top, f->at, rows, f->n_rows);
	for (size_t i = 0; i < rows && f->top + i < f->n_rows; i++) {
		int y = area->y + 1 + (int)i;

		draw_row(r, area, y, &f->rows[f->top + i]);
		if (focused && f->top + i == f->at)
			canvas_text(&p->tui->canvas, area->x, y, 1, style(p->tui, S_TITLE_FOCUS),
				    "▌");
	}
	if (!f->n_rows && rows) {
		char why[300];

		text_printable(why, sizeof(why), f->text.why, strlen(f->text.why));
		canvas_text(&p->tui->canvas, area->x + 1, area->y + 1, area->w - 1,
			    style(p->tui, S_DIM), why);
	}
}
