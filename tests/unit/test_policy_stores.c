/* The list of the places of snapshots: read whole or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <sys/stat.h>

#include "policy/stores.h"

#define ID_A "0123456789abcdef0123456789abcdef"
#define ID_B "ffffffffffffffffffffffffffffffff"

static char *top, *list;

static int set_up(void **state)
{
	char dir[] = "/tmp/nono-unit-XXXXXX";

	(void)state;
	top = xstrdup(mkdtemp(dir));
	list = xasprintf("%s/nono/snapshot-stores", top);
	return setenv("XDG_STATE_HOME", top, 1);
}

static int tear_down(void **state)
{
	_cleanup_free_ char *dir = xasprintf("%s/nono", top), *lock = xasprintf("%s.lock", list);

	(void)state;
	unlink(list);
	unlink(lock);
	rmdir(dir);
	rmdir(top);
	free(list);
	free(top);
	return 0;
}

static void changed_one_at_a_time(void **state)
{
	struct policy_stores s;
	struct err err = {0};
	char path[32];

	(void)state;
	assert_int_equal(policy_stores_load(&s, &err), 0);
	assert_int_equal(s.n, 0);
	assert_int_equal(policy_stores_add("/a", ID_A, &err), 0);
	assert_int_equal(policy_stores_add("/b c", ID_B, &err), 0);
	assert_int_equal(policy_stores_add("/a", ID_B, &err), 0); /* takes its place */
	assert_int_equal(policy_stores_load(&s, &err), 0);
	assert_int_equal(s.n, 2);
	assert_string_equal(policy_stores_find(&s, "/a")->id, ID_B);
	assert_string_equal(policy_stores_find(&s, "/b c")->id, ID_B);
	assert_null(policy_stores_find(&s, "/b"));
	policy_stores_free(&s);
	assert_int_equal(policy_stores_remove("/nosuch", &err), 0);
	assert_int_equal(policy_stores_remove("/a", &err), 0);
	for (int i = 1; i < POLICY_STORES_MAX; i++) {
		snprintf(path, sizeof(path), "/p%d", i);
		assert_int_equal(policy_stores_add(path, ID_A, &err), 0);
	}
	assert_int_equal(policy_stores_add("/one/more", ID_A, &err), -1);
	assert_non_null(strstr(err.msg, "64 places"));
	assert_int_equal(policy_stores_add("/p1", ID_B, &err), 0);
}

/* A place that is not read would be open to programs. */
static void damage_is_told(void **state)
{
	static const struct {
		const char *text;
		size_t n; /* 0: all of it */
	} bad[] = {
	    {"x\n", 0},
	    {ID_A "\n", 0},
	    {ID_A " /a", 0},
	    {ID_A " a\n", 0},
	    {ID_A " /a/../b\n", 0},
	    {ID_A "  /a\n", 0},
	    {"0" ID_A " /a\n", 0},
	    {ID_A " /a\n\n", 0},
	    {ID_A " /a\0b\n", sizeof(ID_A " /a\0b\n") - 1},
	};
	_cleanup_free_ char *dir = xasprintf("%s/nono", top);

	(void)state;
	assert_int_equal(mkdir(dir, 0700), 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct policy_stores s;
		struct err err = {0};
		size_t n = bad[i].n ? bad[i].n : strlen(bad[i].text);

		assert_int_equal(file_write_atomic(list, 0600, bad[i].text, n, &err), 0);
		assert_int_equal(policy_stores_load(&s, &err), -1);
		assert_non_null(strstr(err.msg, "damaged"));
		policy_stores_free(&s);
		assert_int_equal(policy_stores_add("/b", ID_B, &err), -1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(changed_one_at_a_time, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(damage_is_told, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
