/* Diffs of random texts lead from one to the other, are as short as can be, and stay quick. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "snapshots/diff.h"

static uint64_t rng = 88172645463325252ull;

static uint32_t draw(uint32_t n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (uint32_t)(rng >> 20) % n;
}

static void random_text(struct buf *b, size_t lines, uint32_t kinds)
{
	buf_clear(b);
	for (size_t i = 0; i < lines; i++)
		buf_addf(b, "line %u\n", draw(kinds));
	if (b->len && draw(3) == 0)
		b->len--; /* no newline at the end */
}

/* Longest common subsequence, the slow way. */
static size_t common_lines(const struct diff *d)
{
	static size_t t[42][42];

	for (size_t i = 0; i <= d->a.count; i++)
		for (size_t k = 0; k <= d->b.count; k++) {
			size_t an = 0, bn = 0;
			if (!i || !k) {
				t[i][k] = 0;
				continue;
			}
			an = d->a.lines[i] - d->a.lines[i - 1];
			bn = d->b.lines[k] - d->b.lines[k - 1];
			if (an == bn && memcmp(d->a.data + d->a.lines[i - 1],
					       d->b.data + d->b.lines[k - 1], an) == 0)
				t[i][k] = t[i - 1][k - 1] + 1;
			else
				t[i][k] = t[i - 1][k] > t[i][k - 1] ? t[i - 1][k] : t[i][k - 1];
		}
	return t[d->a.count][d->b.count];
}

static void leads_there(const struct diff *d)
{
	struct buf out = {0};
	bool *take = xcalloc(d->hunk_count + 1, sizeof(*take));

	diff_revert(d, take, &out);
	assert_int_equal(out.len, d->b.n);
	assert_memory_equal(out.data ? out.data : "", d->b.data, d->b.n);
	buf_clear(&out);
	memset(take, 1, d->hunk_count);
	diff_revert(d, take, &out);
	assert_int_equal(out.len, d->a.n);
	assert_memory_equal(out.data ? out.data : "", d->a.data, d->a.n);
	free(take);
	buf_free(&out);
}

static void random_diffs(void **state)
{
	struct buf a = {0}, b = {0}, text = {0};

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct diff d;
		random_text(&a, draw(40), 2 + draw(12));
		random_text(&b, draw(40), 2 + draw(12));
		diff_make(&d, a.data ? a.data : "", a.len, b.data ? b.data : "", b.len);
		leads_there(&d);
		assert_int_equal(d.a.count - d.removed, common_lines(&d));
		assert_int_equal(d.b.count - d.added, d.a.count - d.removed);
		buf_clear(&text);
		diff_hunks_text(&d, 0, SIZE_MAX, &text);
		diff_free(&d);
	}
	buf_free(&a);
	buf_free(&b);
	buf_free(&text);
}

static void unified(void **state)
{
	static const char a[] = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12",
			  b[] = "1\nX\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n";
	struct buf out = {0};
	struct diff d;

	(void)state;
	diff_make(&d, a, sizeof(a) - 1, b, sizeof(b) - 1);
	diff_hunks_text(&d, 0, SIZE_MAX, &out);
	buf_addc(&out, '\0');
	assert_string_equal(out.data,
			    "@@ -1,5 +1,5 @@\n 1\n-2\n+X\n 3\n 4\n 5\n"
			    "@@ -9,4 +9,5 @@\n 9\n 10\n 11\n-12\n\\ No newline at end of file\n"
			    "+12\n+13\n");
	diff_free(&d);
	buf_free(&out);
}

static int count_row(void *arg, const struct diff *d, const struct diff_row *row)
{
	size_t *n = arg;

	if (row->same) {
		size_t x, y;
		const char *p = diff_line(&d->a, row->a, &x), *q = diff_line(&d->b, row->b, &y);
		assert_int_equal(x, y);
		assert_memory_equal(p, q, x);
	}
	n[0] += row->a != SIZE_MAX;
	n[1] += row->b != SIZE_MAX;
	return 0;
}

static void rows(void **state)
{
	struct buf a = {0}, b = {0};

	(void)state;
	for (int i = 0; i < 2000; i++) {
		size_t n[2] = {0};
		struct diff d;
		random_text(&a, draw(40), 6);
		random_text(&b, draw(40), 6);
		diff_make(&d, a.data ? a.data : "", a.len, b.data ? b.data : "", b.len);
		diff_rows(&d, true, count_row, n);
		assert_int_equal(n[0], d.a.count);
		assert_int_equal(n[1], d.b.count);
		diff_free(&d);
	}
	buf_free(&a);
	buf_free(&b);
}

/* Nothing in common, and a lot of it: the search is bounded. */
static void bounded(void **state)
{
	struct buf a = {0}, b = {0};
	uint64_t begin = clock_mono_ns();
	struct diff d;

	(void)state;
	random_text(&a, 100000, 50);
	random_text(&b, 100000, 50);
	diff_make(&d, a.data, a.len, b.data, b.len);
	leads_there(&d);
	diff_free(&d);
	assert_true(clock_mono_ns() - begin < 20000000000ull);
	buf_free(&a);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(random_diffs),
	    cmocka_unit_test(unified),
	    cmocka_unit_test(rows),
	    cmocka_unit_test(bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
