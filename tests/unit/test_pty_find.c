/* Finding text in rows of cells: case, wide glyphs, combining ones, rows that go on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pty/pty.h"

static const char *cluster(void *data, uint32_t index)
{
	(void)data;
	return index == 3 ? "e\xcc\x81" : NULL; /* e and an acute accent */
}

static int cells_of(struct pty_cell *cells, const char *text)
{
	int n = 0;

	for (size_t i = 0, len = strlen(text); i < len;) {
		uint32_t c;

		i += utf8_decode(text + i, len - i, &c);
		cells[n].glyph = c;
		if (c >= 0x3000) {
			cells[n++].attr = PTY_WIDE;
			cells[n] = (struct pty_cell){.attr = PTY_WIDE_TAIL};
		}
		n++;
	}
	return n;
}

static void add(struct pty_row_text *t, const char *text, bool fold)
{
	struct pty_cell cells[64] = {0};
	int n = cells_of(cells, text);

	pty_row_text_add(t, cells, n, fold, cluster, NULL);
}

/* Row << 16 | column at which needle begins in text, UINT32_MAX if it is not there. */
static uint32_t place(const char *text, const char *more, const char *needle, uint32_t *end)
{
	struct pty_row_text t = {0};
	struct pty_needle d;
	uint32_t found = UINT32_MAX;
	size_t at;

	assert_true(pty_needle_set(&d, needle, strlen(needle)));
	add(&t, text, d.fold);
	if (more)
		add(&t, more, d.fold);
	if (pty_find_in(&t, &d, 0, &at)) {
		found = t.at[at];
		*end = t.at[at + d.n - 1];
	}
	pty_row_text_free(&t);
	return found;
}

static void case_is_smart(void **state)
{
	uint32_t end;

	(void)state;
	assert_int_equal(place("an Error here", NULL, "error", &end), 3);
	assert_int_equal(end, 7);
	assert_int_equal(place("an error here", NULL, "Error", &end), UINT32_MAX);
	assert_int_equal(place("an Error here", NULL, "Error", &end), 3);
	assert_int_equal(place("\xc3\x84PFEL", NULL, "\xc3\xa4pfel", &end), 0);
	assert_int_equal(place("\xd0\x9c\xd0\x98\xd0\xa0", NULL, "\xd0\xbc\xd0\xb8\xd1\x80", &end),
			 0);
	assert_int_equal(end, 2);
}

static void columns_of_wide_glyphs(void **state)
{
	uint32_t end;

	(void)state;
	assert_int_equal(place("\xe6\xbc\xa2\xe5\xad\x97 x", NULL, "\xe5\xad\x97", &end), 2);
	assert_int_equal(end, 2);
	assert_int_equal(place("\xe6\xbc\xa2\xe5\xad\x97 x", NULL, "x", &end), 5);
}

static void clusters(void **state)
{
	struct pty_cell cells[] = {{.glyph = 'h'},
				   {.glyph = PTY_GLYPH_CLUSTER | 3},
				   {.glyph = PTY_GLYPH_CLUSTER | 9}, /* nobody knows it */
				   {.glyph = 'y'}};
	struct pty_row_text t = {0};
	struct pty_needle d;
	size_t at;

	(void)state;
	pty_row_text_add(&t, cells, 4, false, cluster, NULL);
	assert_true(pty_needle_set(&d, "he\xcc\x81", 4));
	assert_true(pty_find_in(&t, &d, 0, &at));
	assert_int_equal(t.at[at], 0);
	assert_int_equal(t.at[at + d.n - 1], 1);
	assert_true(pty_needle_set(&d, "y", 1));
	assert_true(pty_find_in(&t, &d, 0, &at));
	assert_int_equal(t.at[at], 3);
	pty_row_text_free(&t);
}

static void over_the_end_of_a_row(void **state)
{
	uint32_t end;

	(void)state;
	assert_int_equal(place("say hel", "lo now", "hello", &end), 4);
	assert_int_equal(end, 1u << 16 | 1);
}

static void odd_needles(void **state)
{
	struct pty_needle d;
	char text[PTY_FIND_MAX + 1];
	struct pty_row_text t = {0};
	size_t at;

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_false(pty_needle_set(&d, "", 0));
	assert_false(pty_needle_set(&d, text, sizeof(text)));
	assert_true(pty_needle_set(&d, text, PTY_FIND_MAX - 1));
	assert_false(pty_needle_set(&d, "a\033b", 3));
	assert_true(pty_needle_set(&d, "b", 1));
	assert_false(pty_find_in(&t, &d, 0, &at)); /* nothing there */
	add(&t, "abab", false);
	assert_true(pty_find_in(&t, &d, 2, &at));
	assert_int_equal(at, 3);
	assert_false(pty_find_in(&t, &d, 4, &at));
	assert_false(pty_find_in(&t, &d, 400, &at));
	pty_row_text_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(case_is_smart), cmocka_unit_test(columns_of_wide_glyphs),
	    cmocka_unit_test(clusters),	     cmocka_unit_test(over_the_end_of_a_row),
	    cmocka_unit_test(odd_needles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
