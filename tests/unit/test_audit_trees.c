/* What counts as unchanged when a tree's state is looked at a second time. */
#include "audit/trees_seen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NOW_NS 2000000000000000000u
#define NOW_S  2000000000

static struct stat file(ino_t ino)
{
	return (struct stat){.st_dev = 1,
			     .st_ino = ino,
			     .st_size = 5,
			     .st_ctim = {.tv_sec = NOW_S - 100, .tv_nsec = 7},
			     .st_mtim = {.tv_sec = NOW_S - 500}};
}

static void only_what_is_as_it_was(void **state)
{
	struct trees_seen t = {0};
	struct stat st = file(9), other;
	struct hash h = {{1}}, found = {{0}};

	(void)state;
	assert_false(seen_find(&t, &st, &found));
	seen_keep(&t, &st, &st, NOW_NS, &h);
	assert_true(seen_find(&t, &st, &found));
	assert_memory_equal(&found, &h, sizeof(h));
	other = st;
	other.st_ctim.tv_nsec++; /* written, and its time set back */
	assert_false(seen_find(&t, &other, &found));
	other = st;
	other.st_mtim.tv_nsec++;
	assert_false(seen_find(&t, &other, &found));
	other = st;
	other.st_size++;
	assert_false(seen_find(&t, &other, &found));
	other = st;
	other.st_dev++;
	assert_false(seen_find(&t, &other, &found));
	other = file(10);
	assert_false(seen_find(&t, &other, &found));
	seen_free(&t);
}

static void not_what_may_have_changed(void **state)
{
	struct trees_seen t = {0};
	struct stat st = file(9), after;
	struct hash h = {{1}};

	(void)state;
	st.st_ctim.tv_sec = NOW_S - 59; /* a mapping may still be dirty */
	seen_keep(&t, &st, &st, NOW_NS, &h);
	st.st_ctim.tv_sec = NOW_S + 5; /* a clock that was set back */
	seen_keep(&t, &st, &st, NOW_NS, &h);
	st = after = file(9);
	after.st_ctim.tv_nsec++; /* while it was read */
	seen_keep(&t, &st, &after, NOW_NS, &h);
	after = file(8); /* another one in its place */
	seen_keep(&t, &st, &after, NOW_NS, &h);
	assert_false(seen_find(&t, &st, &h));
	assert_int_equal(t.n, 0);
	seen_free(&t);
}

static void many(void **state)
{
	enum { N = 20000 };
	struct trees_seen t = {0};
	struct hash h = {{0}}, found;

	(void)state;
	for (ino_t i = 1; i <= N; i++) {
		struct stat st = file(i * 4096);
		memcpy(h.b, &i, sizeof(i));
		seen_keep(&t, &st, &st, NOW_NS, &h);
	}
	assert_int_equal(t.n, N);
	for (ino_t i = 1; i <= N; i++) {
		struct stat st = file(i * 4096);
		assert_true(seen_find(&t, &st, &found));
		assert_memory_equal(found.b, &i, sizeof(i));
	}
	seen_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(only_what_is_as_it_was),
	    cmocka_unit_test(not_what_may_have_changed),
	    cmocka_unit_test(many),
	};
	return cmocka_run_group_tests_name("audit trees", tests, NULL, NULL);
}
