/* A file of a review as rows: unified or in two columns, which hunk each is of. */
#include "tui/review.h"

struct making {
	struct review_file *f;
	bool side, full;
	size_t hunk;
	struct diff_row *wait; /* lines that came, until those that went before them are there */
	size_t n_wait, cap_wait;
};

static void add(struct making *m, enum review_row_kind kind, size_t a, size_t b, size_t hunk)
{
	struct review_file *f = m->f;

	if (f->n_rows == f->cap_rows) {
		f->cap_rows = f->cap_rows ? 2 * f->cap_rows : 256;
		f->rows = xrealloc_array(f->rows, f->cap_rows, sizeof(*f->rows));
	}
	f->rows[f->n_rows++] = (struct review_row){a, b, SIZE_MAX, hunk, kind};
}

static void flush(struct making *m)
{
	for (size_t i = 0; i < m->n_wait; i++) {
		add(m, ROW_CAME, SIZE_MAX, m->wait[i].b, m->hunk);
		m->f->rows[m->f->n_rows - 1].pair = m->wait[i].a;
	}
	m->n_wait = 0;
}

static void wait_for(struct making *m, const struct diff_row *row)
{
	if (m->n_wait == m->cap_wait) {
		m->cap_wait = m->cap_wait ? 2 * m->cap_wait : 64;
		m->wait = xrealloc_array(m->wait, m->cap_wait, sizeof(*m->wait));
	}
	m->wait[m->n_wait++] = *row;
}

static bool in_hunk(const struct diff_hunk *h, const struct diff_row *row)
{
	return (row->a != SIZE_MAX && row->a >= h->a && row->a < h->a + h->a_n) ||
	       (row->b != SIZE_MAX && row->b >= h->b && row->b < h->b + h->b_n);
}

/* Of the row, and the head of a hunk before its first one. */
static size_t hunk_of(struct making *m, const struct diff *d, const struct diff_row *row)
{
	size_t next = m->hunk == SIZE_MAX ? 0 : m->hunk + 1;

	if (m->hunk != SIZE_MAX && in_hunk(&d->hunks[m->hunk], row))
		return m->hunk;
	if (next == d->hunk_count || !in_hunk(&d->hunks[next], row))
		return SIZE_MAX;
	flush(m);
	m->hunk = next;
	add(m, ROW_HEAD, SIZE_MAX, SIZE_MAX, next);
	return next;
}

static int on_row(void *arg, const struct diff *d, const struct diff_row *row)
{
	struct making *m = arg;
	size_t hunk;

	if (row->gap)
		return 0;
	hunk = hunk_of(m, d, row);
	if (row->same) {
		flush(m);
		add(m, ROW_SAME, row->a, row->b, hunk);
	} else if (m->side) {
		add(m, ROW_PAIR, row->a, row->b, hunk);
	} else {
		if (row->a != SIZE_MAX) {
			add(m, ROW_WENT, row->a, SIZE_MAX, hunk);
			m->f->rows[m->f->n_rows - 1].pair = row->b;
		}
		if (row->b != SIZE_MAX)
			wait_for(m, row);
	}
	return 0;
}

void review_rows_make(struct review *r)
{
	struct review_file *f = &r->file;
	struct making m = {.f = f, .side = r->side, .full = r->full, .hunk = SIZE_MAX};
	size_t hunk = f->at < f->n_rows ? f->rows[f->at].hunk : SIZE_MAX;

	f->n_rows = 0;
	if (!f->text.has_diff)
		return;
	diff_rows(&f->text.diff, r->full, on_row, &m);
	flush(&m);
	free(m.wait);
	if (hunk != SIZE_MAX)
		f->at = review_hunk_row(f, hunk);
	if (f->at >= f->n_rows)
		f->at = 0;
}

size_t review_hunk_row(const struct review_file *f, size_t hunk)
{
	for (size_t i = 0; i < f->n_rows; i++)
		if (f->rows[i].kind == ROW_HEAD && f->rows[i].hunk == hunk)
			return i;
	return 0;
}

void review_file_marks(struct review *r)
{
	struct review_file *f = &r->file;
	size_t n = f->text.has_diff ? f->text.diff.hunk_count : 0;

	free(f->accepted);
	f->accepted = xcalloc(n + 1, sizeof(*f->accepted));
	for (size_t i = 0; i < n; i++) {
		struct review_mark m = review_mark_hunk(f->path, &f->text.diff, i);

		f->accepted[i] = r->accepted[f->change] || review_marked(&r->marks, &m);
	}
}

void review_file_free(struct review_file *f)
{
	free(f->path);
	review_text_free(&f->text);
	free(f->rows);
	free(f->accepted);
	*f = (struct review_file){0};
}
