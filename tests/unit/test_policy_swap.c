/* What was granted is replaced by a link before the kernel hears of it: nothing behind the link is
 * opened up, and the program is not started. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>

#include "tests/lib/child.h"
#include "tests/lib/policyenv.h"

static const struct policy_spec *spec;

static void swap(const char *what, const char *by)
{
	char aside[POLICY_PATH_MAX];

	snprintf(aside, sizeof(aside), "%s.aside", at(what));
	if (rename(at(what), aside) < 0 || symlink(at(by), at(what)) < 0)
		abort();
}

static void is_refused(void *data)
{
	struct nono_layers layers = {0};
	struct nono_error err = {0};
	int listener = -1;

	(void)data;
	CHECK(nono_confine(policy_spec_get(spec), &layers, &listener, &err) < 0);
	CHECK(strstr(err.msg, "symbolic link"));
}

static void holds(void *data)
{
	struct nono_layers layers = {0};
	struct nono_error err = {0};
	int listener = -1;

	CHECK(nono_confine(policy_spec_get(spec), &layers, &listener, &err) == 0);
	CHECK(open(data, O_RDONLY) < 0);
}

enum moment { AFTER_RESOLVE, AFTER_SPEC };

static void one(const char *const *list, bool file, const char *what, const char *by,
		enum moment moment)
{
	struct policy_input in = default_input();
	struct policy_spec *s = NULL;
	struct err err = {0};
	struct policy *p;

	in.namespaces = NONO_SKIP;
	if (file)
		in.read_file = list;
	else
		in.read = list;
	p = resolved(NULL, &in);
	assert_non_null(p);
	if (moment == AFTER_RESOLVE)
		swap(what, by);
	assert_int_equal(policy_spec_new(p, false, NULL, &s, &err), 0);
	if (moment == AFTER_SPEC)
		swap(what, by);
	spec = s;
	assert_int_equal(in_child(is_refused, NULL, false), 0);
	policy_spec_free(s);
	policy_free(p);
}

static void test_swapped(void **state)
{
	static const struct {
		const char *grant, *what, *by; /* what becomes a link to by */
		bool file;
	} table[] = {
	    {"home/a/data", "home/a/data", "home/.ssh", false},
	    {"home/a/data", "home/a", "elsewhere", false}, /* a folder above it */
	    {"home/a/file", "home/a/file", "home/.ssh/id_rsa", true},
	    {"home/a/data/in/deep", "home/a/data/in", "home", false},
	};

	(void)state;
	if (nono_landlock_abi() < 1)
		skip();
	for (size_t i = 0; i < ARRAY_LEN(table) * 2; i++) {
		const char *list[] = {NULL, NULL};
		_cleanup_free_ char *grant = NULL;

		scene_down(NULL);
		scene_up(NULL);
		make_dir("home/a/data/in/deep");
		make_dir("elsewhere/data");
		make_file("home/a/file", "x");
		list[0] = grant = xstrdup(at(table[i / 2].grant));
		one(list, table[i / 2].file, table[i / 2].what, table[i / 2].by, i % 2);
	}
}

/* Another folder in its place is another folder: what it leads to by links stays closed. */
static void test_another_folder(void **state)
{
	_cleanup_free_ char *grant = xstrdup(at("home/a"));
	const char *list[] = {grant, NULL};
	struct policy_input in = default_input();
	struct policy_spec *s = NULL;
	struct err err = {0};
	struct policy *p;

	(void)state;
	if (nono_landlock_abi() < 1)
		skip();
	make_dir("home/a");
	in.namespaces = NONO_SKIP;
	in.read = list;
	p = resolved(NULL, &in);
	assert_non_null(p);
	assert_int_equal(policy_spec_new(p, false, NULL, &s, &err), 0);
	assert_int_equal(rename(at("home/a"), at("home/old")), 0);
	make_dir("home/a");
	assert_int_equal(symlink(at("home/.ssh/id_rsa"), at("home/a/key")), 0);
	spec = s;
	assert_int_equal(in_child(holds, (void *)(uintptr_t)at("home/a/key"), false), 0);
	policy_spec_free(s);
	policy_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_swapped, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_another_folder, scene_up, scene_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
