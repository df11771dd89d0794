/* What nono audit show is made of: paths folded by directory, the tree of programs, the choice of
 * events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "audit/paths.h"
#include "audit/programs.h"
#include "audit/select.h"

static void test_fold(void **state)
{
	static const char *const paths[] = {"/a/x/1", "/a/x/2", "/a/x/2", "/a/y/z/3",
					    "/b",     "/b",	"/c/d",	  "/c"};
	struct paths p = {0};
	struct paths_line *l;
	size_t n;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		paths_add(&p, paths[i]);
	l = paths_fold(&p, 1, &n);
	assert_int_equal(n, 1);
	assert_string_equal(l[0].path, "/");
	assert_int_equal(l[0].files, 6);
	assert_int_equal(l[0].events, 8);
	paths_lines_free(l, n);
	l = paths_fold(&p, 3, &n);
	assert_int_equal(n, 3);
	assert_string_equal(l[0].path, "/a/");
	assert_int_equal(l[0].files, 3);
	assert_string_equal(l[1].path, "/b");
	assert_string_equal(l[2].path, "/c/");
	paths_lines_free(l, n);
	l = paths_fold(&p, 100, &n);
	assert_int_equal(n, 6);
	assert_string_equal(l[1].path, "/a/x/2");
	assert_int_equal(l[1].events, 2);
	assert_string_equal(l[2].path, "/a/y/z/3");
	assert_string_equal(l[4].path, "/c");
	assert_int_equal(l[4].events, 1);
	paths_lines_free(l, n);
	paths_free(&p);
}

/* However many paths come, the tree stays bounded and nothing is left uncounted. */
static void test_fold_many(void **state)
{
	struct paths p = {0};
	struct paths_line *l;
	uint64_t events = 0;
	char path[64];
	size_t n;

	(void)state;
	for (unsigned i = 0; i < 3 * PATHS_MAX; i++) {
		snprintf(path, sizeof(path), "/d%u/f%u", i % 7, i);
		paths_add(&p, path);
	}
	assert_true(p.n <= PATHS_MAX);
	l = paths_fold(&p, 20, &n);
	for (size_t i = 0; i < n; i++)
		events += l[i].events;
	assert_int_equal(events, 3 * PATHS_MAX);
	assert_true(n >= 7 && n <= 20);
	paths_lines_free(l, n);
	paths_free(&p);
}

static void exec(struct programs *p, pid_t pid, pid_t ppid, const char *program)
{
	static struct audit_record r;

	memset(&r, 0, sizeof(r));
	str_copy(r.type, sizeof(r.type), "exec");
	str_copy(r.decision, sizeof(r.decision), "allowed");
	str_copy(r.target, sizeof(r.target), program);
	r.pid = pid;
	r.ppid = ppid;
	programs_add(p, &r);
}

static void seen(struct programs *p, pid_t pid, pid_t ppid)
{
	static struct audit_record r;

	memset(&r, 0, sizeof(r));
	str_copy(r.type, sizeof(r.type), "open");
	r.pid = pid;
	r.ppid = ppid;
	programs_add(p, &r);
}

static void test_tree(void **state)
{
	struct programs p = {0};

	(void)state;
	exec(&p, 10, 1, "sh");	  /* 1 */
	exec(&p, 11, 10, "make"); /* 2 */
	seen(&p, 12, 11);	  /* forked only */
	exec(&p, 13, 12, "cc");	  /* 3: below make */
	exec(&p, 11, 10, "env");  /* 4: make became env */
	exec(&p, 13, 10, "cc");	  /* 5: the number again, another process */
	exec(&p, 77, 76, "ls");	  /* 6: nobody knows 76 */
	assert_int_equal(p.n, 7);
	assert_int_equal(p.nodes[0].first, 1);
	assert_int_equal(p.nodes[1].first, 2);
	assert_int_equal(p.nodes[2].first, 3);
	assert_int_equal(p.nodes[3].next, 4);
	assert_int_equal(p.nodes[2].next, 5);
	assert_int_equal(p.nodes[5].next, 6);
	programs_free(&p);
	p.merge = true;
	exec(&p, 10, 1, "sh");
	for (pid_t i = 0; i < 1000; i++)
		exec(&p, 100 + i, 10, "cc");
	assert_int_equal(p.n, 3);
	assert_int_equal(p.nodes[2].count, 1000);
	programs_free(&p);
}

static void test_select(void **state)
{
	static const char *const kinds[] = {"write,exec", NULL}, *const wrong[] = {"writes", NULL};
	static struct audit_record r;
	struct select s;
	struct err err;

	(void)state;
	assert_int_equal(select_parse(&s, wrong, NULL, false, &err), -1);
	assert_int_equal(err.cls, ERR_USAGE);
	assert_int_equal(select_parse(&s, kinds, "/a/./b/", false, &err), 0);
	assert_string_equal(s.path, "/a/b");
	str_copy(r.type, sizeof(r.type), "open");
	str_copy(r.op, sizeof(r.op), "create");
	str_copy(r.target, sizeof(r.target), "/a/b/c");
	assert_true(select_match(&s, &r));
	str_copy(r.target, sizeof(r.target), "/a/bc");
	assert_false(select_match(&s, &r));
	str_copy(r.target2, sizeof(r.target2), "/a/b");
	assert_true(select_match(&s, &r));
	str_copy(r.op, sizeof(r.op), "read");
	assert_false(select_match(&s, &r));
	s.denied = true;
	str_copy(r.op, sizeof(r.op), "write");
	assert_false(select_match(&s, &r));
	str_copy(r.decision, sizeof(r.decision), "denied");
	assert_true(select_match(&s, &r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_fold),
	    cmocka_unit_test(test_fold_many),
	    cmocka_unit_test(test_tree),
	    cmocka_unit_test(test_select),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
