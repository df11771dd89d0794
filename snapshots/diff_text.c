/* A diff as text: unified, in rows of two columns, and the way back. */
#include "snapshots/diff.h"

static void add_lines(const struct diff_text *t, size_t from, size_t to, char sign, struct buf *out)
{
	for (size_t i = from; i < to; i++) {
		size_t n = t->lines[i + 1] - t->lines[i];
		buf_addc(out, sign);
		buf_add(out, t->data + t->lines[i], n);
		if (n == 0 || t->data[t->lines[i] + n - 1] != '\n')
			buf_adds(out, "\n\\ No newline at end of file\n");
	}
}

static void add_range(struct buf *out, char sign, size_t at, size_t n)
{
	buf_addf(out, "%c%zu", sign, n ? at + 1 : at);
	if (n != 1)
		buf_addf(out, ",%zu", n);
}

static void add_hunk(const struct diff *d, const struct diff_hunk *h, struct buf *out)
{
	size_t i = h->a, k = h->b;

	buf_adds(out, "@@ ");
	add_range(out, '-', h->a, h->a_n);
	buf_addc(out, ' ');
	add_range(out, '+', h->b, h->b_n);
	buf_adds(out, " @@\n");
	while (i < h->a + h->a_n || k < h->b + h->b_n) {
		size_t a = i, b = k;
		while (i < h->a + h->a_n && d->gone[i])
			i++;
		while (k < h->b + h->b_n && d->came[k])
			k++;
		add_lines(&d->a, a, i, '-', out);
		add_lines(&d->b, b, k, '+', out);
		if (i < h->a + h->a_n) {
			add_lines(&d->a, i, i + 1, ' ', out);
			i++;
			k++;
		}
	}
}

void diff_hunks_text(const struct diff *d, size_t first, size_t count, struct buf *out)
{
	for (size_t i = first; i < d->hunk_count && i - first < count; i++)
		add_hunk(d, &d->hunks[i], out);
}

static void add_part(const struct diff_text *t, size_t from, size_t to, struct buf *out)
{
	buf_add(out, t->data + t->lines[from], t->lines[to] - t->lines[from]);
}

void diff_revert(const struct diff *d, const bool *take, struct buf *out)
{
	size_t at = 0; /* in b */

	if (!d->b.n && !d->a.n)
		return;
	for (size_t i = 0; i < d->hunk_count; i++) {
		const struct diff_hunk *h = &d->hunks[i];
		if (!take[i])
			continue;
		add_part(&d->b, at, h->b, out);
		add_part(&d->a, h->a, h->a + h->a_n, out);
		at = h->b + h->b_n;
	}
	add_part(&d->b, at, d->b.count, out);
}

/* ---- two columns ----------------------------------------------------------------------------- */

static int add_changed(const struct diff *d, size_t *a, size_t *b, diff_row_fn *fn, void *arg)
{
	bool more_a, more_b;

	for (;;) {
		struct diff_row row = {SIZE_MAX, SIZE_MAX, false, false};
		int r;
		more_a = *a < d->a.count && d->gone[*a];
		more_b = *b < d->b.count && d->came[*b];
		if (!more_a && !more_b)
			return 0;
		if (more_a)
			row.a = (*a)++;
		if (more_b)
			row.b = (*b)++;
		r = fn(arg, d, &row);
		if (r)
			return r;
	}
}

static int rows_between(const struct diff *d, size_t a, size_t b, size_t a_end, diff_row_fn *fn,
			void *arg)
{
	int r = add_changed(d, &a, &b, fn, arg);

	while (r == 0 && a < a_end) {
		r = fn(arg, d, &(struct diff_row){a++, b++, true, false});
		if (r == 0)
			r = add_changed(d, &a, &b, fn, arg);
	}
	return r;
}

int diff_rows(const struct diff *d, bool all, diff_row_fn *fn, void *arg)
{
	int r = 0;

	if (all)
		return rows_between(d, 0, 0, d->a.count, fn, arg);
	for (size_t i = 0; i < d->hunk_count && r == 0; i++) {
		const struct diff_hunk *h = &d->hunks[i];
		if (i || h->a)
			r = fn(arg, d, &(struct diff_row){SIZE_MAX, SIZE_MAX, false, true});
		if (r == 0)
			r = rows_between(d, h->a, h->b, h->a + h->a_n, fn, arg);
	}
	return r;
}
