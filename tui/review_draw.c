/* The file of a review pane, drawn: unified or in two columns. */
#include "tui/review.h"
#include "tui/width.h"

#define NUMBER_W 6

/* With blanks for tabs, from column 0 of the line on. */
static void expand(const char *p, size_t n, struct buf *out)
{
	size_t column = 0;

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

static void draw_text(struct review *r, int x, int y, int w, const char *p, size_t n,
		      const struct style *st)
{
	_cleanup_(buf_free) struct buf flat = {0};
	char text[REVIEW_LINE_BYTES];
	size_t skip;

	expand(p, n < REVIEW_LINE_BYTES ? n : REVIEW_LINE_BYTES, &flat);
	text_printable(text, sizeof(text), flat.len ? flat.data : "", flat.len);
	skip = width_prefix(text, (size_t)r->file.skip);
	if (w > 0)
		canvas_text(&r->tui->canvas, x, y, w, st, text + skip);
}

static void draw_line(struct review *r, int x, int y, int w, const struct diff_text *t, size_t line,
		      char sign, const struct style *st)
{
	const struct style *dim = style(r->tui, S_DIM);
	const char *p;
	size_t n;

	if (line == SIZE_MAX)
		return;
	p = diff_line(t, line, &n);
	canvas_textf(&r->tui->canvas, x, y, NUMBER_W, dim, "%5zu", line + 1);
	canvas_textf(&r->tui->canvas, x + NUMBER_W, y, 1, st, "%c", sign);
	draw_text(r, x + NUMBER_W + 2, y, w - NUMBER_W - 2, p, n, st);
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

static void draw_row(struct review *r, const struct rect *area, int y, const struct review_row *row)
{
	const struct diff *d = &r->file.text.diff;
	const struct style *text = style(r->tui, S_TEXT), *bad = style(r->tui, S_BAD),
			   *good = style(r->tui, S_GOOD);
	int x = area->x + 1, half = (area->w - 2) / 2;
	bool changed = row->kind == ROW_PAIR;

	switch (row->kind) {
	case ROW_HEAD:
		draw_head(r, area, y, row->hunk);
		break;
	case ROW_WENT:
		draw_line(r, x, y, area->w - 1, &d->a, row->a, '-', bad);
		break;
	case ROW_CAME:
		draw_line(r, x, y, area->w - 1, &d->b, row->b, '+', good);
		break;
	case ROW_SAME:
		if (!r->side) {
			draw_line(r, x, y, area->w - 1, &d->b, row->b, ' ', text);
			break;
		}
		/* fallthrough */
	case ROW_PAIR:
		draw_line(r, x, y, half, &d->a, row->a, changed ? '-' : ' ', changed ? bad : text);
		canvas_text(&r->tui->canvas, x + half, y, 1, style(r->tui, S_TITLE), "│");
		draw_line(r, x + half + 1, y, area->w - half - 2, &d->b, row->b,
			  changed ? '+' : ' ', changed ? good : text);
		break;
	}
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
