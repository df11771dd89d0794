/* The answers: what is granted, what is closed whatever is granted, and why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/lib/policyenv.h"

#define R NONO_READ
#define W NONO_WRITE
#define X NONO_EXEC

struct row {
	const char *path; /* below the scene, or absolute */
	unsigned access;
	bool create, allowed;
	enum policy_reason reason;
	bool grantable;
};

static void check_rows(const struct policy *p, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct row *r = &rows[i];
		const char *path = r->path[0] == '/' ? r->path : at(r->path);
		struct policy_verdict v;

		policy_check(p, path, r->access, r->create, &v);
		if (v.allowed != r->allowed || v.reason != r->reason ||
		    (!v.allowed && v.grantable != r->grantable))
			fail_msg("%s access %u: allowed %d reason %s grantable %d (%s %s)", path,
				 r->access, v.allowed, policy_reason_name(v.reason), v.grantable,
				 v.source, v.rule ? v.rule : "");
	}
}

static void test_workspace(void **state)
{
	const char *const allow[] = {at("work"), NULL};
	struct policy_input in = default_input();
	struct policy *p;
	static const struct row rows[] = {
	    {"work", R, false, true, POLICY_GRANTED_PATH, false},
	    {"work/file", R | W, false, true, POLICY_GRANTED_PATH, false},
	    {"work/new/deep", W, true, true, POLICY_GRANTED_PATH, false},
	    {"workshop", R, false, false, POLICY_NOT_GRANTED, true},
	    {"work2/file", R, false, false, POLICY_NOT_GRANTED, true},
	    {"home/.ssh", R, false, false, POLICY_SENSITIVE_PATH, true},
	    {"home/.ssh/id_rsa", R, false, false, POLICY_SENSITIVE_PATH, true},
	    {"home/.sshfoo", R, false, false, POLICY_NOT_GRANTED, true},
	    {"home/.bashrc", R, false, false, POLICY_SENSITIVE_PATH, false}, /* quiet */
	    {"home/.gitconfig", W, false, false, POLICY_PROTECTED_PATH, true},
	    {"state/nono", R, false, false, POLICY_OWN_STATE, false},
	    {"state/nono/audit/x", W, true, false, POLICY_OWN_STATE, false},
	    {"home/.config/nono/profiles/t.json", R, false, false, POLICY_OWN_STATE, false},
	    {"run/nono/1/control.sock", R, false, false, POLICY_OWN_STATE, false},
	    {"/usr/bin/env", R | X, false, true, POLICY_GRANTED_PATH, false},
	    {"/usr/bin/env", W, false, false, POLICY_INSUFFICIENT, true},
	    {"/dev/null", R | W, false, true, POLICY_GRANTED_PATH, false},
	    {"/etc/shadow", R, false, false, POLICY_SENSITIVE_PATH, true},
	    {"/", R, false, false, POLICY_NOT_GRANTED, false}, /* above what is granted */
	    {"work/.git/hooks/pre-commit", W, true, false, POLICY_PROTECTED_PATH, true},
	    {"work/.git/hooks/pre-commit.sample", W, true, true, POLICY_GRANTED_PATH, false},
	    {"work/.git/HEAD", W, false, true, POLICY_GRANTED_PATH, false},
	    {"work/.git/index.lock", W, true, true, POLICY_GRANTED_PATH, false},
	    {"work/.git/config", W, false, false, POLICY_PROTECTED_PATH, true},
	    {"work/.git/config", R, false, true, POLICY_GRANTED_PATH, false},
	    {"work/sub/.git/hooks/x", W, true, false, POLICY_PROTECTED_PATH, true},
	    {"work/.git/modules/a/b/hooks/x", W, true, false, POLICY_PROTECTED_PATH, true},
	    {"work/.GIT/HOOKS/x", W, true, false, POLICY_PROTECTED_PATH, true},
	    {"work/.claude/settings.json", W, true, false, POLICY_PROTECTED_PATH, true},
	    {"work/.claude/notes.md", W, true, true, POLICY_GRANTED_PATH, false},
	    {"work/deep/.vscode/tasks.json", W, true, false, POLICY_PROTECTED_PATH, true},
	    {"work/.github/workflows/ci.yml", W, true, false, POLICY_PROTECTED_PATH, true},
	    {"work/.envrc", W, true, false, POLICY_PROTECTED_PATH, true},
	    {"work/.envrcs", W, true, true, POLICY_GRANTED_PATH, false},
	};

	(void)state;
	in.allow = allow;
	p = resolved(NULL, &in);
	assert_non_null(p);
	check_rows(p, rows, ARRAY_LEN(rows));
	assert_string_equal(policy_sensitive_group(p, at("home/.ssh/id_rsa")), "ssh keys");
	assert_null(policy_sensitive_group(p, at("home/.sshfoo/id_rsa")));
	policy_free(p);

	in.protect_workspace = 0;
	p = resolved(NULL, &in);
	assert_non_null(p);
	assert_int_equal(policy_special(p, at("work/.envrc")), POLICY_SPECIAL_NONE);
	policy_free(p);
}

static void test_special_kinds(void **state)
{
	static const struct {
		const char *path;
		enum policy_special kind;
	} table[] = {
	    {"work/.git", POLICY_SPECIAL_GIT_DIR},
	    {"work/a/.git", POLICY_SPECIAL_GIT_DIR},
	    {"work/.git/worktrees/w", POLICY_SPECIAL_GIT_DIR},
	    {"work/.git/config.worktree", POLICY_SPECIAL_GIT_CONFIG},
	    {"work/.git/worktrees/w/config.worktree", POLICY_SPECIAL_GIT_CONFIG},
	    {"work/.git/worktrees/w/commondir", POLICY_SPECIAL_GIT_POINTER},
	    {"work/.git/hooks", POLICY_SPECIAL_GIT_HOOKS_DIR},
	    {"work/.git/hooks/post-merge", POLICY_SPECIAL_GIT_HOOKS},
	    {"work/bare.git/hooks/update", POLICY_SPECIAL_GIT_HOOKS},
	    {"work/.git/refs/heads/config", POLICY_SPECIAL_NONE},
	    {"work/.claude", POLICY_SPECIAL_AUTORUN_DIR},
	    {"work/.github", POLICY_SPECIAL_AUTORUN_DIR},
	    {"work/.vscode", POLICY_SPECIAL_AUTORUN},
	    {"work/x.code-workspace", POLICY_SPECIAL_AUTORUN},
	    {"work/src/main.c", POLICY_SPECIAL_NONE},
	    {"work", POLICY_SPECIAL_NONE},
	    {"home/.envrc", POLICY_SPECIAL_NONE}, /* no workspace */
	};
	const char *const allow[] = {at("work"), NULL};
	struct policy_input in = default_input();
	struct policy *p;

	(void)state;
	in.allow = allow;
	p = resolved(NULL, &in);
	assert_non_null(p);
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (policy_special(p, at(table[i].path)) != table[i].kind)
			fail_msg("%s: %s", table[i].path,
				 policy_special_name(policy_special(p, at(table[i].path))));
	assert_true(policy_workspace(p, at("work/sub")));
	assert_false(policy_workspace(p, at("home")));
	policy_free(p);
}

static void test_named_file_is_meant(void **state)
{
	const char *const allow[] = {at("work"), NULL};
	const char *file[] = {NULL, NULL};
	struct policy_input in = default_input();
	struct policy *p;
	struct policy_verdict v;

	(void)state;
	make_file("work/.envrc", "");
	file[0] = at("work/.envrc");
	in.allow = allow;
	in.write_file = file;
	p = resolved(NULL, &in);
	assert_non_null(p);
	policy_check(p, file[0], W, false, &v);
	assert_true(v.allowed);
	assert_int_equal(v.route, POLICY_BROKER);
	policy_free(p);
}

static void test_deny_and_bypass(void **state)
{
	static const struct row closed[] = {
	    {"work/file", R, false, true, POLICY_GRANTED_PATH, false},
	    {"work/private", R, false, false, POLICY_SENSITIVE_PATH, true},
	    {"work/private/x", W, true, false, POLICY_SENSITIVE_PATH, true},
	    {"work/privateer", R, false, true, POLICY_GRANTED_PATH, false},
	    {"work/locked", R, false, true, POLICY_GRANTED_PATH, false},
	    {"work/locked/x", W, true, false, POLICY_PROTECTED_PATH, false},
	    {"work/private/open/x", R, false, true, POLICY_GRANTED_PATH, false},
	};
	static const struct row lifted[] = {
	    {"home/.ssh/id_rsa", R, false, true, POLICY_GRANTED_PATH, false},
	    {"home/.ssh/other", R, false, false, POLICY_SENSITIVE_PATH, true},
	};
	struct policy *p;

	(void)state;
	p = resolved("{\"meta\": {\"name\": \"t\"}, \"filesystem\": {\"allow\": [\"$WORKDIR\"],"
		     "\"deny\": [\"$WORKDIR/private\"], \"protect\": [\"$WORKDIR/locked\"],"
		     "\"bypass_protection\": [\"$WORKDIR/private/open\"]}}",
		     NULL);
	assert_non_null(p);
	check_rows(p, closed, ARRAY_LEN(closed));
	assert_true(policy_pinned(p, at("work")));
	assert_false(policy_pinned(p, at("work/sub")));
	policy_free(p);

	p = resolved("{\"filesystem\": {\"read_file\": [\"~/.ssh/id_rsa\"],"
		     "\"bypass_protection\": [\"~/.ssh/id_rsa\"]}}",
		     NULL);
	assert_non_null(p);
	check_rows(p, lifted, ARRAY_LEN(lifted));
	/* The dialog still says what it is. */
	assert_string_equal(policy_sensitive_group(p, at("home/.ssh/id_rsa")), "ssh keys");
	policy_free(p);
}

static void test_link_to_closed(void **state)
{
	static const struct row rows[] = {
	    {"home/keys/id", R, false, false, POLICY_SENSITIVE_PATH, true},
	    {"home/.aws", W, true, false, POLICY_SENSITIVE_PATH, true},
	};
	const char *const allow[] = {at("home/keys"), NULL};
	struct policy_input in = default_input();
	struct policy *p;

	(void)state;
	make_dir("home/keys");
	assert_int_equal(symlink("keys", at("home/.aws")), 0);
	in.allow = allow;
	p = resolved(NULL, &in);
	assert_non_null(p);
	check_rows(p, rows, ARRAY_LEN(rows));
	policy_free(p);
}

static void test_own_state(void **state)
{
	const char *const below[] = {"home",	   "home/.config",     "state",
				     "state/nono", "state/nono/audit", "home/.config/nono/profiles",
				     "."};
	struct policy_input in = default_input();

	(void)state;
	make_dir("state/nono/audit");
	for (size_t i = 0; i < ARRAY_LEN(below); i++) {
		const char *const path[] = {at(below[i]), NULL};

		for (int k = 0; k < 3; k++) {
			struct policy *p = NULL;
			struct err err = {0};

			in.allow = k == 0 ? path : NULL;
			in.read = k == 1 ? path : NULL;
			in.write = k == 2 ? path : NULL;
			assert_int_equal(policy_resolve(&in, &p, &err), -1);
			assert_non_null(strstr(err.msg, "overlaps protected nono state root"));
		}
	}
	/* The same by a profile, and by a bypass. */
	make_file("home/.config/nono/profiles/t.json",
		  "{\"filesystem\": {\"state\": [\"~/.config/nono\"]}}");
	in = default_input();
	in.profile = "t";
	struct policy *p = NULL;
	struct err err = {0};
	assert_int_equal(policy_resolve(&in, &p, &err), -1);
	assert_non_null(strstr(err.msg, "overlaps protected nono state root"));
}

static void test_skipped_and_wrong(void **state)
{
	const char *const missing[] = {at("nothing"), NULL}, *const file[] = {at("work/file"),
									      NULL};
	const char *const local[] = {"localhost:80", "[::1]:81", "localhost.example", NULL};
	const char *const open[] = {"80", NULL};
	struct policy_input in = default_input();
	struct policy *p = NULL;
	struct err err = {0};

	(void)state;
	in.read = missing;
	p = resolved(NULL, &in);
	assert_non_null(p);
	assert_non_null(p->warnings);
	assert_non_null(strstr(p->warnings[0], "skipped because the path does not exist"));
	policy_free(p);
	in.read = NULL;
	in.allow_domain = local;
	in.open_port = open;
	p = resolved(NULL, &in);
	assert_non_null(p);
	assert_non_null(p->warnings); /* of the three only what --open-port does not give */
	assert_non_null(strstr(p->warnings[0], "::1 is listed"));
	assert_non_null(strstr(p->warnings[0], "--open-port 81 "));
	assert_null(p->warnings[1]);
	policy_free(p);
	in.allow_domain = in.open_port = NULL;
	in.read = file; /* a file where a folder is meant */
	assert_int_equal(policy_resolve(&in, &p, &err), -1);
	assert_non_null(strstr(err.msg, "-file"));
}

static void test_patterns(void **state)
{
	static const struct row rows[] = {
	    {"home/.claude.json", R | W, false, true, POLICY_GRANTED_PATH, false},
	    {"home/.claude.json.tmp.1", W, true, true, POLICY_GRANTED_PATH, false},
	    {"home/.claude.json.lock", W, true, true, POLICY_GRANTED_PATH, false},
	    {"home/.claude.jsonx", W, true, false, POLICY_NOT_GRANTED, true},
	    {"home/.claude.json.tmp/x", W, true, false, POLICY_NOT_GRANTED, true},
	    {"home/.claude/projects/x", W, true, true, POLICY_GRANTED_PATH, false},
	    {"home/.claude/settings.json", W, true, false, POLICY_PROTECTED_PATH, false},
	    {"home/.claude/settings.json", R, false, true, POLICY_GRANTED_PATH, false},
	    {"home/.local/share/applications/x", W, true, false, POLICY_PROTECTED_PATH, false},
	};
	struct policy_input in = default_input();
	struct policy *p;

	(void)state;
	in.profile = "claude-code";
	p = resolved(NULL, &in);
	assert_non_null(p);
	check_rows(p, rows, ARRAY_LEN(rows));
	assert_true(p->elevation);
	policy_free(p);
}

static void test_worktree(void **state)
{
	struct policy_input in = default_input();
	char text[POLICY_PATH_MAX + 16];
	struct policy_verdict v;
	struct policy *p;

	(void)state;
	make_dir("repo/.git/worktrees/work");
	make_file("repo/.git/worktrees/work/commondir", "../..\n");
	snprintf(text, sizeof(text), "%s\n", at("work/.git"));
	make_file("repo/.git/worktrees/work/gitdir", text);
	snprintf(text, sizeof(text), "gitdir: %s\n", at("repo/.git/worktrees/work"));
	make_file("work/.git", text);
	make_file("home/.config/nono/profiles/w.json",
		  "{\"workdir\": {\"access\": \"readwrite\"}}");
	in.profile = "w";
	in.allow_cwd = true;
	p = resolved(NULL, &in);
	assert_non_null(p);
	policy_check(p, at("repo/.git/objects/x"), W, true, &v);
	assert_true(v.allowed);
	policy_check(p, at("repo/.git/hooks/x"), W, true, &v);
	assert_int_equal(v.reason, POLICY_PROTECTED_PATH);
	policy_check(p, at("repo/other"), R, false, &v);
	assert_false(v.allowed);
	policy_free(p);

	/* The repository does not know it: a planted file. */
	make_file("repo/.git/worktrees/work/gitdir", "/elsewhere/.git\n");
	p = resolved(NULL, &in);
	assert_non_null(p);
	policy_check(p, at("repo/.git/objects/x"), R, false, &v);
	assert_false(v.allowed);
	assert_non_null(p->warnings);
	policy_free(p);
}

static void test_sockets(void **state)
{
	struct policy *p = resolved("{\"filesystem\": {\"unix_socket\": [\"$WORKDIR/s\"],"
				    "\"unix_socket_dir\": [\"$WORKDIR/d\"],"
				    "\"unix_socket_subtree\": [\"$WORKDIR/t\"]}}",
				    NULL);

	(void)state;
	assert_non_null(p);
	assert_true(policy_unix_socket(p, at("work/s")));
	assert_false(policy_unix_socket(p, at("work/sx")));
	assert_false(policy_unix_socket(p, at("work/s/x")));
	assert_true(policy_unix_socket(p, at("work/d/x")));
	assert_false(policy_unix_socket(p, at("work/d/x/y")));
	assert_false(policy_unix_socket(p, at("work/d")));
	assert_true(policy_unix_socket(p, at("work/t/x/y")));
	assert_false(policy_unix_socket(p, at("work/tt/x")));
	policy_free(p);
}

static void test_suggest(void **state)
{
	const char *const read[] = {at("work"), NULL};
	struct policy_input in = default_input();
	char flag[256], want[256];
	struct policy *p;
	const struct {
		const char *path;
		unsigned access;
		const char *flag, *word; /* "" = none */
	} table[] = {
	    {"work/file", W, "--write-file", "work/file"},
	    {"work/new", W, "--write", "work"},
	    {"home/.sshfoo", R, "--read", "home/.sshfoo"},
	    {"home/.sshfoo", R | W, "--allow", "home/.sshfoo"},
	    {"home/plain", R, "--read-file", "home/plain"},
	    {"home/.ssh/id_rsa", R, "", NULL},
	    {"home", R, "", NULL},				/* holds keys */
	    {"home/new", W, "", NULL},				/* its folder holds keys */
	    {"home/nothing", R, "--read-file", "home/nothing"}, /* never its folder */
	    {"home/.config", R, "", NULL},
	    {"home/.config/new", W, "", NULL},
	    {"home/.local/share/x", R | W, "", NULL},
	    {"work/file", R | W, "--write-file", "work/file"}, /* it is read already */
	    {"state/nono/x", R, "", NULL},
	    {"work/file", R, "", NULL}, /* allowed */
	};

	(void)state;
	make_file("home/plain", "");
	make_file("home/it's here", "");
	in.read = read;
	p = resolved(NULL, &in);
	assert_non_null(p);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		policy_suggest(p, at(table[i].path), table[i].access, flag, sizeof(flag));
		if (table[i].word)
			snprintf(want, sizeof(want), "%s %s", table[i].flag, at(table[i].word));
		else
			want[0] = '\0';
		assert_string_equal(flag, want);
	}
	policy_suggest(p, at("home/it's here"), R, flag, sizeof(flag));
	snprintf(want, sizeof(want), "--read-file '%s/it'\\''s here'", at("home"));
	assert_string_equal(flag, want);
	policy_suggest(p, at("home/plain"), R, flag, 8); /* cut text is no advice */
	assert_string_equal(flag, "");
	policy_free(p);
}

static void test_describe(void **state)
{
	const char *const allow[] = {at("work"), NULL};
	struct policy_input in = default_input();
	_cleanup_(buf_free) struct buf b = {0};
	char line[256];
	struct policy *p;

	(void)state;
	in.allow = allow;
	in.block_net = 1;
	p = resolved(NULL, &in);
	assert_non_null(p);
	policy_describe(p, 0, &b);
	assert_true(str_starts(b.data, "Capabilities:\n"));
	snprintf(line, sizeof(line), "  rw  %s (dir)\n", at("work"));
	assert_non_null(strstr(b.data, line));
	assert_null(strstr(b.data, "/usr"));
	assert_non_null(strstr(b.data, "network: blocked"));
	buf_clear(&b);
	policy_describe(p, 1, &b);
	assert_non_null(strstr(b.data, "/usr (dir) [group:system_read_linux_core]"));
	assert_non_null(strstr(b.data, "[user]"));
	policy_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_workspace, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_special_kinds, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_named_file_is_meant, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_deny_and_bypass, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_link_to_closed, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_own_state, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_skipped_and_wrong, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_patterns, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_worktree, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_sockets, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_suggest, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_describe, scene_up, scene_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
