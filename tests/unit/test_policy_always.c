/* Standing rules: into which file, with which words, and what is left alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "policy/edit.h"
#include "policy/views/diff.h"
#include "tests/lib/policyenv.h"

#define R NONO_READ
#define W NONO_WRITE
#define X NONO_EXEC

static bool allowed(const struct policy *p, const char *path, unsigned access)
{
	struct policy_verdict v;

	policy_check(p, path, access, false, &v);
	return v.allowed;
}

static struct policy *again(const char *profile)
{
	struct policy_input in = default_input();

	in.profile = profile;
	return resolved(NULL, &in);
}

static void always(const struct policy *p, const char *path, unsigned access, bool deny)
{
	_cleanup_free_ char *diff = NULL;
	struct err err = {0};

	if (policy_always(p, path, access, deny, true, &diff, &err) < 0)
		fail_msg("%s: %s", path, err.msg);
}

/* Each kind of rule under a built-in profile: the next session has it. */
static void test_next_session_has_it(void **state)
{
	static const struct {
		const char *path;
		unsigned access;
	} table[] = {
	    {"home/plain", R},	     {"home/folder", R},     {"home/plain2", W},
	    {"home/folder2", R | W}, {"home/new/file", W},   {"home/exe", R | X},
	    {"home/.ssh/id_rsa", R}, {"home/.gitconfig", W}, {"work/.envrc", W},
	};
	struct policy *p, *q;

	(void)state;
	make_file("home/plain", "");
	make_file("home/plain2", "");
	make_file("home/exe", "");
	make_file("work/.envrc", "");
	make_file("home/.gitconfig", "");
	make_dir("home/folder");
	make_dir("home/folder2");
	p = again("codex");
	assert_non_null(p);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const char *path = at(table[i].path);

		assert_false(allowed(p, path, table[i].access));
		always(p, path, table[i].access, false);
		q = again("codex");
		assert_non_null(q);
		if (!allowed(q, path, table[i].access))
			fail_msg("%s is not allowed afterwards", path);
		/* The neighbour did not come along. */
		assert_false(allowed(q, at("home/.ssh/other"), R));
		policy_free(q);
	}
	q = again("gemini");
	assert_false(allowed(q, at("home/plain"), R));
	policy_free(q);
	policy_free(p);
}

static void test_deny(void **state)
{
	const char *const allow[] = {at("work"), NULL};
	struct policy_input in = default_input();
	struct policy *p, *q;

	(void)state;
	in.allow = allow;
	p = resolved(NULL, &in); /* no profile named: the user's own "default" */
	always(p, at("work/file"), R, true);
	always(p, at("work/sub"), W, true);
	assert_int_equal(access(at("home/.config/nono/profiles/default.json"), F_OK), 0);
	q = resolved(NULL, &in);
	assert_null(q->profile_name);
	assert_false(allowed(q, at("work/file"), R));
	assert_true(allowed(q, at("work/sub/x"), R));
	assert_false(allowed(q, at("work/sub/x"), W));
	policy_free(q);
	policy_free(p);
}

static void test_preview_changes_nothing(void **state)
{
	struct policy *p = again("codex");
	_cleanup_free_ char *diff = NULL;
	struct err err = {0};

	(void)state;
	assert_int_equal(policy_always(p, at("work/file"), R, false, false, &diff, &err), 0);
	assert_non_null(strstr(diff, "--- /dev/null\n"));
	assert_non_null(strstr(diff, "profiles/codex.json\n@@ -0,0 +1,"));
	assert_non_null(strstr(diff, "+  \"extends\": \"codex\""));
	assert_non_null(strstr(diff, "read_file"));
	assert_true(access(at("home/.config/nono/profiles/codex.json"), F_OK) < 0);
	policy_free(p);
}

/* His own file keeps its comments and its mode; the same rule twice changes nothing. */
static void test_own_file(void **state)
{
	static const char text[] = "// mine\n{\n  \"meta\": {\"name\": \"t\"},\n"
				   "  \"filesystem\": { // \"read_file\": [\"/no\"]\n"
				   "    \"read_file\": [\n      \"/etc/one\" /* first */\n    ],\n"
				   "  },\n}\n";
	_cleanup_free_ char *diff = NULL, *second = NULL, *after = NULL;
	struct err err = {0};
	struct policy *p;
	struct stat st;

	(void)state;
	p = resolved(text, NULL);
	assert_non_null(p);
	assert_int_equal(chmod(at("home/.config/nono/profiles/t.json"), 0640), 0);
	assert_int_equal(policy_always(p, at("work/file"), R, false, true, &diff, &err), 0);
	after = contents("home/.config/nono/profiles/t.json");
	assert_non_null(strstr(after, "// mine\n"));
	assert_non_null(strstr(after, "\"/etc/one\" /* first */"));
	assert_non_null(strstr(after, at("work/file")));
	assert_null(strstr(diff, "\n-")); /* lines are added, none changed */
	assert_int_equal(stat(at("home/.config/nono/profiles/t.json"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_int_equal(policy_always(p, at("work/file"), R, false, true, &second, &err), 0);
	assert_string_equal(second, "");
	policy_free(p);
}

static void refuses(const struct policy *p, const char *path, const char *why)
{
	_cleanup_free_ char *diff = NULL;
	struct err err = {0};

	assert_int_equal(policy_always(p, path, R, false, true, &diff, &err), -1);
	assert_null(diff);
	if (!strstr(err.msg, why))
		fail_msg("%s", err.msg);
}

static void test_links_are_not_followed(void **state)
{
	_cleanup_free_ char *target = NULL;
	struct policy *p = again("codex");

	(void)state;
	make_file("elsewhere/target.json", "{}");
	assert_int_equal(
	    symlink(at("elsewhere/target.json"), at("home/.config/nono/profiles/codex.json")), 0);
	refuses(p, at("work/file"), "symbolic link");
	assert_int_equal(unlink(at("home/.config/nono/profiles/codex.json")), 0);
	assert_int_equal(rmdir(at("home/.config/nono/profiles")), 0);
	assert_int_equal(symlink(at("elsewhere"), at("home/.config/nono/profiles")), 0);
	refuses(p, at("work/file"), "link");
	target = contents("elsewhere/target.json");
	assert_string_equal(target, "{}");
	assert_true(access(at("elsewhere/codex.json"), F_OK) < 0);
	policy_free(p);
}

static void test_refused(void **state)
{
	const char *const allow[] = {at("work"), NULL};
	struct policy_input in = default_input();
	struct policy_consent consent;
	_cleanup_free_ char *text = NULL;
	struct policy *p = again("codex");

	(void)state;
	refuses(p, at("state/nono/audit"), "belongs to nono");
	refuses(p, at("home/.config/nono/profiles/codex.json"), "belongs to nono");
	refuses(p, at("work/a*"), "'*'");
	refuses(p, at("work/$HOME"), "'$'");
	refuses(p, "relative", "absolute");
	policy_free(p);

	/* A profile that the session itself could write. */
	make_file("work/p.json", "{}");
	in.allow = allow;
	in.profile = at("work/p.json");
	assert_int_equal(policy_consent(&in, &consent, NULL), 0);
	assert_false(consent.given);
	in.trust_profile = consent.hash;
	p = resolved(NULL, &in);
	policy_consent_free(&consent);
	assert_non_null(p);
	refuses(p, at("home/.sshfoo"), "may write there");
	text = contents("work/p.json");
	assert_string_equal(text, "{}");
	policy_free(p);
}

static void edited(const char *label, const char *before, const char *want)
{
	struct err err = {0};
	_cleanup_free_ char *after = edit_add(before, label, "read", "/n", &err);

	if (after && want ? !str_eq(after, want) : after != want)
		fail_msg("%s became %s (%s)", before, after ? after : "nothing", err.msg);
}

static void test_edit(void **state)
{
	static const struct {
		const char *before, *after; /* NULL: refused */
	} table[] = {
	    {"{}", "{\n  \"filesystem\": {\n    \"read\": [\"/n\"]\n  }\n}"},
	    {"{\"a\": 1}", "{\n  \"filesystem\": {\n    \"read\": [\"/n\"]\n  },\n  \"a\": 1}"},
	    {"{\"filesystem\": {}}", "{\"filesystem\": {\n  \"read\": [\"/n\"]\n}}"},
	    {"{\"filesystem\": {\"read\": []}}", "{\"filesystem\": {\"read\": [\"/n\"]}}"},
	    {"{\"filesystem\": {\"read\": [\"/a\"]}}",
	     "{\"filesystem\": {\"read\": [\"/n\", \"/a\"]}}"},
	    {"{\"filesystem\": {\"read\": [\"/n\"]}}", "{\"filesystem\": {\"read\": [\"/n\"]}}"},
	    {"{\"x\": {\"filesystem\": {\"read\": []}}, \"filesystem\": {\"read\":[]}}",
	     "{\"x\": {\"filesystem\": {\"read\": []}}, \"filesystem\": {\"read\":[\"/n\"]}}"},
	    {"{\"a\": \"}{\\\"filesystem\\\"\", \"filesystem\": {\"read\": []}}",
	     "{\"a\": \"}{\\\"filesystem\\\"\", \"filesystem\": {\"read\": [\"/n\"]}}"},
	    {"{\"filesystem\": {\"read\": [\n    \"/a\"\n  ]}}",
	     "{\"filesystem\": {\"read\": [\n  \"/n\",\n    \"/a\"\n  ]}}"},
	    {"{\"filesystem\": [], \"b\": 1}", NULL},
	    {"{\"filesystem\": {\"read\": 1}}", NULL},
	    {"{\"f\\u0069lesystem\": {\"read\": []}}", NULL}, /* the same name, written otherwise */
	    {"[]", NULL},
	    {"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		edited("t", table[i].before, table[i].after);
}

static void test_edit_toml(void **state)
{
	static const char *const table[][2] = {
	    {"", "[filesystem]\nread = [\"/n\"]\n"},
	    {"# mine\n[meta]\nname = \"p\"\n",
	     "# mine\n[meta]\nname = \"p\"\n\n[filesystem]\nread = [\"/n\"]\n"},
	    {"[meta]\nname = \"p\"", "[meta]\nname = \"p\"\n\n[filesystem]\nread = [\"/n\"]\n"},
	    {"[filesystem] # all\nwrite = []\n\n[network]\nblock = true\n",
	     "[filesystem] # all\nread = [\"/n\"]\nwrite = []\n\n[network]\nblock = true\n"},
	    {"[filesystem]", "[filesystem]\nread = [\"/n\"]\n"},
	    {"[filesystem]\nread = []\n", "[filesystem]\nread = [\"/n\"]\n"},
	    {"[filesystem]\nread=['/a']#x\n", "[filesystem]\nread=[\"/n\", '/a']#x\n"},
	    {"[filesystem]\nread = [\n  # first\n\t'/a', # a\n]\n",
	     "[filesystem]\nread = [\n  # first\n\t\"/n\",\n\t'/a', # a\n]\n"},
	    {"[filesystem]\nread = [{path = '/a', when = 'linux'}]\n",
	     "[filesystem]\nread = [\"/n\", {path = '/a', when = 'linux'}]\n"},
	    {"filesystem.write = ['/w']\n[meta]\n",
	     "filesystem.read = [\"/n\"]\nfilesystem.write = ['/w']\n[meta]\n"},
	    {"filesystem.read = ['/w']\n", "filesystem.read = [\"/n\", '/w']\n"},
	    {"filesystem = {}\n", "filesystem = { read = [\"/n\"] }\n"},
	    {"filesystem = { write = ['/w'] }\n",
	     "filesystem = { read = [\"/n\"], write = ['/w'] }\n"},
	    {"[ 'filesystem' ]\n'read' = ['/w']\n", "[ 'filesystem' ]\n'read' = [\"/n\", '/w']\n"},
	    {"[filesystem]\r\nread = [\r\n  '/a',\r\n]\r\n",
	     "[filesystem]\r\nread = [\r\n  \"/n\",\n  '/a',\r\n]\r\n"},
	    {"[filesystem]\nread = ['/n']\n", "[filesystem]\nread = ['/n']\n"},
	    {"[filesystem]\nread = '/n'\n", NULL},
	    {"filesystem = 1\n", NULL},
	    {"[filesystem\n", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		edited("t.toml", table[i][0], table[i][1]);
}

static void test_edit_yaml(void **state)
{
	static const char *const table[][2] = {
	    {"", "filesystem:\n  read: [\"/n\"]\n"},
	    {"# nothing yet\n", "# nothing yet\nfilesystem:\n  read: [\"/n\"]\n"},
	    {"meta: {name: p}", "meta: {name: p}\nfilesystem:\n  read: [\"/n\"]\n"},
	    {"meta:\n    name: p # me\n",
	     "meta:\n    name: p # me\nfilesystem:\n  read: [\"/n\"]\n"},
	    {"filesystem:\n    # w\n    write: [/w]\nmeta: {}\n",
	     "filesystem:\n    # w\n    read: [\"/n\"]\n    write: [/w]\nmeta: {}\n"},
	    {"filesystem:\nmeta: {}\n", "filesystem:\n  read: [\"/n\"]\nmeta: {}\n"},
	    {"filesystem: {}\n", "filesystem: {read: [\"/n\"]}\n"},
	    {"filesystem: {write: [/w]}\n", "filesystem: {read: [\"/n\"], write: [/w]}\n"},
	    {"filesystem:\n  read: []\n", "filesystem:\n  read: [\"/n\"]\n"},
	    {"filesystem:\n  read:\n", "filesystem:\n  read:\n    - \"/n\"\n"},
	    {"filesystem:\n  read:", "filesystem:\n  read:\n    - \"/n\"\n"},
	    {"filesystem:\n  read:\n  # a\n  - /a\n  -   /b # b\n",
	     "filesystem:\n  read:\n  # a\n  - \"/n\"\n  - /a\n  -   /b # b\n"},
	    {"filesystem:\n  read:\n    -   path: /a\n        when: linux\n",
	     "filesystem:\n  read:\n    -   \"/n\"\n    -   path: /a\n        when: linux\n"},
	    {"filesystem:\n  read: [/a, /b]\n", "filesystem:\n  read: [\"/n\", /a, /b]\n"},
	    {"filesystem:\n  read: [\n    /a,\n  ]\n",
	     "filesystem:\n  read: [\n    \"/n\",\n    /a,\n  ]\n"},
	    {"{meta: {name: p}}\n", "{filesystem: {read: [\"/n\"]}, meta: {name: p}}\n"},
	    {"{}\n", "{filesystem: {read: [\"/n\"]}}\n"},
	    {"---\nmeta: {name: p}\n", "---\nmeta: {name: p}\nfilesystem:\n  read: [\"/n\"]\n"},
	    {"filesystem:\n  read: ['/n']\n", "filesystem:\n  read: ['/n']\n"},
	    /* Who shares a list would get the entry as well. */
	    {"x: &l [/a]\nfilesystem:\n  read: *l\n", NULL},
	    {"filesystem:\n  write: &l [/a]\n  read: *l\n", NULL},
	    {"filesystem: &f\n  write: [/a]\nx: *f\n", NULL},
	    {"meta: {name: p}\n...\n", NULL},
	    {"filesystem: [a]\n", NULL},
	    {"filesystem:\n  read: a\n", NULL},
	    {"filesystem: {read: [\n", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		edited("t.yaml", table[i][0], table[i][1]);
}

static void test_diff(void **state)
{
	_cleanup_(buf_free) struct buf b = {0};

	(void)state;
	diff_unified(&b, "f", "a\n", "a\n");
	assert_int_equal(b.len, 0);
	diff_unified(&b, "f", "1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nx\n6\n7\n8\n9\n");
	assert_string_equal(b.data,
			    "--- f\n+++ f\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+x\n 6\n 7\n 8\n");
	buf_clear(&b);
	diff_unified(&b, "f", "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n",
		     "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n");
	assert_string_equal(b.data, "--- f\n+++ f\n@@ -1,3 +1,4 @@\n+0\n 1\n 2\n 3\n"
				    "@@ -10,3 +11,4 @@\n 10\n 11\n 12\n+13\n");
	buf_clear(&b);
	diff_unified(&b, "f", NULL, "a\nb\n");
	assert_string_equal(b.data, "--- /dev/null\n+++ f\n@@ -0,0 +1,2 @@\n+a\n+b\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_next_session_has_it, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_deny, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_preview_changes_nothing, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_own_file, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_links_are_not_followed, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_refused, scene_up, scene_down),
	    cmocka_unit_test(test_edit),
	    cmocka_unit_test(test_edit_toml),
	    cmocka_unit_test(test_edit_yaml),
	    cmocka_unit_test(test_diff),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
