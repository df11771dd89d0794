/* The lists that rules are kept in: each path once, found again by its name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "policy/assets.h"
#include "policy/resolve.h"
#include "tests/lib/policyenv.h"

static void list_keeps_each_once(void **state)
{
	struct list l = {0};
	char text[16];

	(void)state;
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 40; i++) {
			snprintf(text, sizeof(text), "n%d", i);
			assert_int_equal(list_has(&l, text), round);
			list_add(&l, text);
			list_add(&l, text);
			assert_int_equal(l.n, round ? 40 : i + 1);
		}
	for (int i = 0; i < 40; i++) {
		snprintf(text, sizeof(text), "n%d", i);
		assert_string_equal(l.v[i], text);
	}
	assert_null(l.v[40]);
	list_free(&l);
}

static struct policy_grant *grant(struct resolver *r, const char *path)
{
	return rules_grant(r, path, strlen(path));
}

/* A policy that has its index is added to: what is in the index is found, and not doubled. */
static void rules_are_added_to(void **state)
{
	char ab[POLICY_PATH_MAX];
	const char *const read[] = {ab, NULL};
	struct policy_input in = {.workdir = at("work"), .read = read};
	struct policy *p;
	struct err err = {0};
	struct resolver r = {.err = &err};
	size_t n;

	(void)state;
	str_copy(ab, sizeof(ab), at("a/b"));
	make_dir("a/b/c");
	make_dir("work");
	assert_int_equal(policy_resolve(&in, &p, &err), 0);
	n = p->n_grants;
	rules_take(&r, p);
	assert_non_null(grant(&r, at("a/b")));
	assert_null(grant(&r, at("a")));
	assert_null(grant(&r, at("a/b/c")));
	assert_true(rules_cover(&r, at("a/b"), NONO_READ));
	assert_true(rules_cover(&r, at("a/b/c"), NONO_READ | NONO_EXEC));
	assert_false(rules_cover(&r, at("a/b/c"), NONO_WRITE));
	assert_false(rules_cover(&r, at("a/bc"), NONO_READ));
	assert_false(rules_cover(&r, at("a"), NONO_READ));
	assert_int_equal(add_grant(&r, at("a/b"), NONO_WRITE, 0, "system"), 0);
	assert_int_equal(p->n_grants, n);
	assert_true(rules_cover(&r, at("a/b"), NONO_WRITE));
	assert_int_equal(add_grant(&r, at("a/f"), NONO_READ, GRANT_FILE, "system"), 0);
	assert_int_equal(add_grant(&r, at("a/f"), NONO_READ, GRANT_FILE, "system"), 0);
	assert_int_equal(p->n_grants, n + 1);
	assert_true(rules_cover(&r, at("a/f"), NONO_READ));
	assert_false(rules_cover(&r, at("a/f/x"), NONO_READ)); /* a file holds nothing */
	n = p->n_denies;
	add_deny(&r, at("a/b/c"), CLOSED, "test", NULL, false, false);
	assert_ptr_equal(add_deny(&r, at("a/b/c"), CLOSED, "test", "keys", true, false),
			 &p->denies[n]);
	assert_int_equal(p->n_denies, n + 1);
	assert_string_equal(p->denies[n].label, "keys");
	resolver_free(&r);
	policy_free(p);
}

/* Each of the groups can be asked for by name, alone and all together, once or twice. */
static void all_groups_apply(void **state)
{
	_cleanup_(buf_free) struct buf all = {0};

	(void)state;
	doc_each(g, asset_groups.root)
	{
		_cleanup_free_ char *text =
		    xasprintf("{\"groups\": {\"include\": [\"%s\", \"%s\"]}}", g->name, g->name);
		struct policy *p = resolved(text, NULL);

		assert_non_null(p);
		policy_free(p);
		buf_addf(&all, "%s\"%s\"", all.len ? "," : "", g->name);
	}
	_cleanup_free_ char *text = xasprintf("{\"groups\": {\"include\": [%s]}}", all.data);
	struct policy *p = resolved(text, NULL);
	assert_non_null(p);
	policy_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(list_keeps_each_once),
	    cmocka_unit_test_setup_teardown(rules_are_added_to, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(all_groups_apply, scene_up, scene_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
