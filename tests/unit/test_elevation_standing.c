/* Standing decisions and the table of violations: what is covered, what never is, and the bounds.
 */
#include "elevation/requests.h"

#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define R NONO_READ
#define W NONO_WRITE

static const struct policy_verdict not_granted = {.reason = POLICY_NOT_GRANTED, .grantable = true};

static struct standing_table *table;

static int fresh(void **state)
{
	(void)state;
	table = standing_new();
	return 0;
}

static int gone(void **state)
{
	(void)state;
	standing_free(table);
	return 0;
}

static void add(const char *path, unsigned access, bool allow, bool subtree)
{
	struct err err = {0};

	if (standing_add(table, path, access, allow, subtree, &err) < 0)
		fail_msg("%s", err.msg);
}

static enum standing look(const char *path, unsigned access)
{
	return standing_lookup(table, path, access, &not_granted);
}

static void a_file_covers_itself(void **state)
{
	(void)state;
	assert_int_equal(look("/a/b", R), STANDING_NONE);
	add("/a/b", R, true, false);
	assert_int_equal(look("/a/b", R), STANDING_ALLOW);
	assert_int_equal(look("/a/b", W), STANDING_NONE);
	assert_int_equal(look("/a/b", R | W), STANDING_NONE);
	assert_int_equal(look("/a/b/c", R), STANDING_NONE);
	assert_int_equal(look("/a/bc", R), STANDING_NONE);
	assert_int_equal(look("/a", R), STANDING_NONE);
	assert_int_equal(look("/a/b", 0), STANDING_NONE);
	add("/a/b", W, true, false);
	assert_int_equal(look("/a/b", R | W), STANDING_ALLOW);
}

static void a_directory_covers_its_tree(void **state)
{
	(void)state;
	add("/d", R, true, true);
	assert_int_equal(look("/d", R), STANDING_ALLOW);
	assert_int_equal(look("/d/x/y", R), STANDING_ALLOW);
	assert_int_equal(look("/dx", R), STANDING_NONE);
	assert_int_equal(look("/d/x", W), STANDING_NONE);
	/* Rights of several decisions add up. */
	add("/d/x", W, true, true);
	assert_int_equal(look("/d/x/y", R | W), STANDING_ALLOW);
	assert_int_equal(look("/d/z", R | W), STANDING_NONE);
}

static void the_root_is_a_directory_too(void **state)
{
	(void)state;
	add("/", R, true, true);
	assert_int_equal(look("/", R), STANDING_ALLOW);
	assert_int_equal(look("/x", R), STANDING_ALLOW);
	assert_int_equal(look("/x/y", R), STANDING_ALLOW);
	assert_int_equal(look("abstract:x/y", R), STANDING_NONE);
}

static void denial_beats_permission(void **state)
{
	struct err err = {0};

	(void)state;
	add("/d", R, true, true);
	add("/d/secret", R, false, true);
	assert_int_equal(look("/d/other", R), STANDING_ALLOW);
	assert_int_equal(look("/d/secret", R), STANDING_DENY);
	assert_int_equal(look("/d/secret/key", R), STANDING_DENY);
	/* One refused right refuses the whole. */
	add("/d/secret2", W, false, false);
	assert_int_equal(look("/d/secret2", R | W), STANDING_DENY);
	assert_int_equal(look("/d/secret2", R), STANDING_ALLOW);
	/* A permission below it could not hold, and says so. */
	assert_int_equal(standing_add(table, "/d/secret/key", R, true, false, &err), -1);
	assert_non_null(strstr(err.msg, "/d/secret"));
	assert_int_equal(standing_add_once(table, "/d/secret/key", R, UINT64_MAX, &err), -1);
	assert_int_equal(look("/d/secret/key", R), STANDING_DENY);
	/* On the same path the later decision counts. */
	add("/d/secret", R, true, true);
	assert_int_equal(look("/d/secret/key", R), STANDING_ALLOW);
	add("/d", R, false, true);
	assert_int_equal(look("/d/other", R), STANDING_DENY);
	assert_int_equal(look("/d/secret/key", R), STANDING_DENY);
}

static void a_denied_file_says_nothing_of_others(void **state)
{
	(void)state;
	add("/f", R, false, false);
	assert_int_equal(look("/f", R), STANDING_DENY);
	assert_int_equal(look("/f/x", R), STANDING_NONE);
}

static void a_tree_never_reaches_what_a_rule_closes(void **state)
{
	struct policy_verdict v = {.reason = POLICY_SENSITIVE_PATH, .grantable = true};

	(void)state;
	add("/home/u", R | W, true, true);
	assert_int_equal(look("/home/u/notes", R), STANDING_ALLOW);
	v.rule = "/home/u/.ssh";
	assert_int_equal(standing_lookup(table, "/home/u/.ssh/id", R, &v), STANDING_NONE);
	v.rule = NULL;
	assert_int_equal(standing_lookup(table, "/home/u/.ssh/id", R, &v), STANDING_NONE);
	/* The closed directory itself was granted: a person read its name. */
	v.rule = "/home/u/.ssh";
	add("/home/u/.ssh", R, true, true);
	assert_int_equal(standing_lookup(table, "/home/u/.ssh/id", R, &v), STANDING_ALLOW);
	/* Files that run later: each by its name only. */
	v = (struct policy_verdict){.reason = POLICY_PROTECTED_PATH,
				    .grantable = true,
				    .rule = "/home/u",
				    .special = POLICY_SPECIAL_AUTORUN};
	assert_int_equal(standing_lookup(table, "/home/u/.git/hooks/x", W, &v), STANDING_NONE);
	add("/home/u/.git/hooks/x", W, true, false);
	assert_int_equal(standing_lookup(table, "/home/u/.git/hooks/x", W, &v), STANDING_ALLOW);
	assert_int_equal(standing_lookup(table, "/home/u/.git/hooks/x", R | W, &v),
			 STANDING_ALLOW); /* read is not what is missing */
}

static void what_is_not_grantable_is_never_allowed(void **state)
{
	struct policy_verdict v = {.reason = POLICY_OWN_STATE};

	(void)state;
	add("/state", R | W, true, true);
	assert_int_equal(standing_lookup(table, "/state", R, &v), STANDING_NONE);
	assert_int_equal(standing_lookup(table, "/state/log", W, &v), STANDING_NONE);
}

static void what_policy_gives_needs_no_decision(void **state)
{
	struct policy_verdict v = {
	    .reason = POLICY_INSUFFICIENT, .grantable = true, .rule_access = R};

	(void)state;
	add("/f", W, true, false);
	assert_int_equal(standing_lookup(table, "/f", R | W, &v), STANDING_ALLOW);
	assert_int_equal(standing_lookup(table, "/g", R | W, &v), STANDING_NONE);
}

static void once_is_once(void **state)
{
	struct err err;
	uint64_t now = clock_mono_ns();

	(void)state;
	assert_int_equal(standing_add_once(table, "/f", R, now + 60000000000ull, &err), 0);
	assert_int_equal(look("/f/x", R), STANDING_NONE);
	assert_int_equal(look("/f", W), STANDING_NONE);
	assert_int_equal(look("/f", R), STANDING_ALLOW);
	assert_int_equal(look("/f", R), STANDING_NONE);
	/* Time over. */
	assert_int_equal(standing_add_once(table, "/f", R, now, &err), 0);
	assert_int_equal(look("/f", R), STANDING_NONE);
	/* It is not used up where another decision allows. */
	add("/g", R, true, false);
	assert_int_equal(standing_add_once(table, "/g", R | W, now + 60000000000ull, &err), 0);
	assert_int_equal(look("/g", R), STANDING_ALLOW);
	assert_int_equal(look("/g", R | W), STANDING_ALLOW);
	assert_int_equal(look("/g", R | W), STANDING_NONE);
	/* A denial takes it away. */
	assert_int_equal(standing_add_once(table, "/h", R, now + 60000000000ull, &err), 0);
	add("/h", W, false, false);
	assert_int_equal(look("/h", R), STANDING_NONE);
}

static void *take(void *arg)
{
	(void)arg;
	return (void *)(uintptr_t)(look("/once", R) == STANDING_ALLOW);
}

static void once_is_once_for_all_threads(void **state)
{
	struct err err;

	(void)state;
	for (int round = 0; round < 50; round++) {
		pthread_t t[4];
		uintptr_t sum = 0;
		assert_int_equal(standing_add_once(table, "/once", R, UINT64_MAX, &err), 0);
		for (size_t i = 0; i < ARRAY_LEN(t); i++)
			assert_int_equal(pthread_create(&t[i], NULL, take, NULL), 0);
		for (size_t i = 0; i < ARRAY_LEN(t); i++) {
			void *got;
			pthread_join(t[i], &got);
			sum += (uintptr_t)got;
		}
		assert_int_equal(sum, 1);
	}
}

static void the_table_is_bounded(void **state)
{
	struct err err = {0};
	char path[64], longest[POLICY_PATH_MAX + 8];
	int i;

	(void)state;
	memset(longest, 'x', sizeof(longest));
	longest[0] = '/';
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(standing_add(table, longest, R, true, false, &err), -1);
	assert_int_equal(standing_add(table, "", R, true, false, &err), -1);
	for (i = 0; i < 100000; i++) {
		snprintf(path, sizeof(path), "/many/%d", i);
		if (standing_add(table, path, R, true, false, &err) < 0)
			break;
	}
	assert_true(i >= 1000 && i < 100000);
	assert_true(err.msg[0]);
	assert_int_equal(look("/many/0", R), STANDING_ALLOW);
	snprintf(path, sizeof(path), "/many/%d", i - 1);
	assert_int_equal(look(path, R), STANDING_ALLOW);
	/* What is there may still be changed. */
	add("/many/0", R, false, false);
	assert_int_equal(look("/many/0", R), STANDING_DENY);
}

/* ---- violations ------------------------------------------------------------------------ */

static void note(struct violations *v, const char *target, const char *op, uint64_t ns)
{
	violations_note(v, target, op, NONO_READ, "/bin/cat", "", "/rule", "user", true, ns);
}

static void denials_are_counted_by_target(void **state)
{
	struct violations *v = violations_new();
	struct violation_list l;

	(void)state;
	note(v, "/a", "read", 1);
	note(v, "/b", "read", 2);
	violations_note(v, "/a", "read", NONO_READ, "/bin/dd", NULL, NULL, NULL, false, 3);
	note(v, "/a", "write", 4);
	violations_copy(v, &l);
	assert_int_equal(l.n, 3);
	/* The newest last. */
	assert_string_equal(l.v[0].target, "/b");
	assert_string_equal(l.v[1].target, "/a");
	assert_int_equal(l.v[1].count, 2);
	assert_int_equal(l.v[1].first_ns, 1);
	assert_int_equal(l.v[1].last_ns, 3);
	assert_string_equal(l.v[1].program, "/bin/dd");
	assert_string_equal(l.v[1].rule, "");
	assert_false(l.v[1].grantable);
	assert_string_equal(l.v[2].op, "write");
	free(l.v);
	violations_hide(v, "/a", true);
	note(v, "/a", "read", 5); /* stays hidden, goes on counting */
	violations_copy(v, &l);
	assert_false(l.v[0].hidden);
	assert_true(l.v[1].hidden && l.v[2].hidden);
	assert_int_equal(l.v[2].count, 3);
	free(l.v);
	violations_hide(v, "/a", false);
	violations_copy(v, &l);
	assert_false(l.v[1].hidden || l.v[2].hidden);
	free(l.v);
	violations_free(v);
}

static void the_oldest_denials_go(void **state)
{
	struct violations *v = violations_new();
	struct violation_list l;
	char path[64];
	uint64_t t = 1;

	(void)state;
	for (int i = 0; i < 5000; i++) {
		snprintf(path, sizeof(path), "/flood/%d", i);
		note(v, path, "read", t++);
		note(v, "/kept", "read", t++); /* again and again: never the oldest */
	}
	violations_copy(v, &l);
	assert_int_equal(l.n, 1024);
	assert_string_equal(l.v[1023].target, "/kept");
	assert_int_equal(l.v[1023].count, 5000);
	assert_string_equal(l.v[1022].target, "/flood/4999");
	assert_string_equal(l.v[0].target, "/flood/3977");
	for (size_t i = 1; i < l.n; i++)
		assert_true(l.v[i].last_ns > l.v[i - 1].last_ns);
	free(l.v);
	violations_free(v);
}

static void long_names_are_cut_between_characters(void **state)
{
	struct violations *v = violations_new();
	struct violation_list l;
	char path[3000], other[3000];
	uint32_t cp;

	(void)state;
	for (size_t shift = 0; shift < 3; shift++) {
		memset(path, 'x', sizeof(path));
		path[0] = '/';
		for (size_t i = 1 + shift; i + 3 < sizeof(path); i += 3)
			memcpy(path + i, "\xe2\x82\xac", 3);
		path[sizeof(path) - 1] = '\0';
		memcpy(other, path, sizeof(path));
		memcpy(other + 2996, "z", 1);
		note(v, path, "a very long name of a call", 1);
		note(v, other, "read", 2);
	}
	violations_copy(v, &l);
	assert_int_equal(l.n, 6); /* equal as far as they are kept, but not the same */
	for (size_t i = 0; i < l.n; i++) {
		const char *s = l.v[i].target;
		size_t n = strlen(s), len;
		assert_in_range(n, 1020, 1023);
		for (size_t k = 0; k < n; k += len) {
			len = utf8_decode(s + k, n - k, &cp);
			assert_true(len > 0);
		}
		assert_true(strlen(l.v[i].op) < sizeof(l.v[i].op));
	}
	free(l.v);
	violations_free(v);
}

static void text_is_cut_to_size(void **state)
{
	char out[5];

	(void)state;
	copy_text(out, sizeof(out), "abcd");
	assert_string_equal(out, "abcd");
	copy_text(out, sizeof(out), "abcdef");
	assert_string_equal(out, "abcd");
	copy_text(out, sizeof(out), "ab\xe2\x82\xac");
	assert_string_equal(out, "ab");
	copy_text(out, sizeof(out), "a\xe2\x82\xac");
	assert_string_equal(out, "a\xe2\x82\xac");
	copy_text(out, sizeof(out), "a\xe2\x82\xacz");
	assert_string_equal(out, "a\xe2\x82\xac");
	copy_text(out, sizeof(out), "\xf0\x9f\x98\x80\xf0\x9f\x98\x80");
	assert_string_equal(out, "\xf0\x9f\x98\x80");
	copy_text(out, sizeof(out), "\x80\x80\x80\x80\x80\x80"); /* no UTF-8: cut anywhere */
	assert_int_equal(strlen(out), 4);
	copy_text(out, 1, "abc");
	assert_string_equal(out, "");
}

#define WITH_TABLE(f) cmocka_unit_test_setup_teardown(f, fresh, gone)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_TABLE(a_file_covers_itself),
	    WITH_TABLE(a_directory_covers_its_tree),
	    WITH_TABLE(the_root_is_a_directory_too),
	    WITH_TABLE(denial_beats_permission),
	    WITH_TABLE(a_denied_file_says_nothing_of_others),
	    WITH_TABLE(a_tree_never_reaches_what_a_rule_closes),
	    WITH_TABLE(what_is_not_grantable_is_never_allowed),
	    WITH_TABLE(what_policy_gives_needs_no_decision),
	    WITH_TABLE(once_is_once),
	    WITH_TABLE(once_is_once_for_all_threads),
	    WITH_TABLE(the_table_is_bounded),
	    cmocka_unit_test(denials_are_counted_by_target),
	    cmocka_unit_test(the_oldest_denials_go),
	    cmocka_unit_test(long_names_are_cut_between_characters),
	    cmocka_unit_test(text_is_cut_to_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
