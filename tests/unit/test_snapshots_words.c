/* Words that differ in a changed line: right for lines that a person knows, sound for random ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "snapshots/diff_words.h"

/* The line with its ranges in brackets. */
static void mark(const char *p, size_t n, const struct diff_range *v, size_t count, struct buf *out)
{
	size_t at = 0;

	buf_clear(out);
	for (size_t i = 0; i < count; i++) {
		buf_add(out, p + at, v[i].from - at);
		buf_addc(out, '[');
		buf_add(out, p + v[i].from, v[i].to - v[i].from);
		buf_addc(out, ']');
		at = v[i].to;
	}
	buf_add(out, p + at, n - at);
	buf_addc(out, '\0');
}

static void expect(const char *a, const char *b, const char *marked_a, const char *marked_b)
{
	_cleanup_(buf_free) struct buf s = {0};
	struct diff_words d;

	assert_true(diff_words(a, strlen(a), b, strlen(b), &d));
	mark(a, strlen(a), d.a, d.a_n, &s);
	assert_string_equal(s.data, marked_a);
	mark(b, strlen(b), d.b, d.b_n, &s);
	assert_string_equal(s.data, marked_b);
}

static void known(void **state)
{
	struct diff_words d;

	(void)state;
	expect("\treturn 0;", "\treturn 1;", "\treturn [0];", "\treturn [1];");
	expect("int count = list_len(a);", "size_t count = list_len(a, b);",
	       "[int] count = list_len(a);", "[size_t] count = list_len(a[, b]);");
	expect("see the red fox run home", "see the big brown fox run home",
	       "see the [red] fox run home", "see the [big brown] fox run home");
	expect("straße früh grün", "straße spät grün", "straße [früh] grün", "straße [spät] grün");
	expect("foobar(x, y)", "foobaz(x, y)", "[foobar](x, y)", "[foobaz](x, y)");
	expect("a b c", "a b c d", "a b c", "a b c[ d]");
	assert_false(diff_words("alpha beta", 10, "gamma delta", 11, &d));
	assert_false(diff_words("", 0, "x", 1, &d));
	assert_false(diff_words("   ", 3, "    x", 5, &d));
}

static void random_lines(void **state)
{
	static const char *const words[] = {"a", "bb", " ",    "  ",  "\t",
					    "(", "ü",  "\xff", "_x1", ";"};
	uint64_t rng = 88172645463325252ull;
	struct buf side[2] = {{0}}, rest[2] = {{0}};

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct diff_words d;

		for (int s = 0; s < 2; s++) {
			buf_clear(&side[s]);
			buf_clear(&rest[s]);
			for (int i = 0; i < (round % 100 == 0 ? 400 : round % 25); i++) {
				rng ^= rng << 13;
				rng ^= rng >> 7;
				rng ^= rng << 17;
				buf_adds(&side[s], words[(rng >> 20) % ARRAY_LEN(words)]);
			}
		}
		if (!diff_words(side[0].data ? side[0].data : "", side[0].len,
				side[1].data ? side[1].data : "", side[1].len, &d))
			continue;
		/* Without what is marked both are the same, but for blanks. */
		for (int s = 0; s < 2; s++) {
			const struct diff_range *v = s ? d.b : d.a;
			size_t n = s ? d.b_n : d.a_n, at = 0;

			for (size_t i = 0; i <= n; i++) {
				size_t to = i < n ? v[i].from : side[s].len;

				assert_true(at <= to && to <= side[s].len);
				for (size_t k = at; k < to; k++)
					if (side[s].data[k] != ' ' && side[s].data[k] != '\t')
						buf_addc(&rest[s], side[s].data[k]);
				if (i < n) {
					assert_true(v[i].from < v[i].to);
					at = v[i].to;
				}
			}
		}
		assert_int_equal(rest[0].len, rest[1].len);
		assert_memory_equal(rest[0].data, rest[1].data, rest[0].len);
	}
	for (int s = 0; s < 2; s++) {
		buf_free(&side[s]);
		buf_free(&rest[s]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(known), cmocka_unit_test(random_lines)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
