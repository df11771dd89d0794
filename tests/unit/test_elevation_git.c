/* What of git's own files is harmless: configurations, and the files that point to a repository. */
#include "tests/lib/policyenv.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "elevation/perform.h"

static bool harmless(const char *text)
{
	return git_config_harmless(text, strlen(text));
}

static void check_all(const char *const *texts, size_t n, bool want)
{
	for (size_t i = 0; i < n; i++)
		if (harmless(texts[i]) != want)
			fail_msg("should be %s: %s", want ? "harmless" : "refused", texts[i]);
}

static void test_harmless(void **state)
{
	static const char *const texts[] = {
	    "",
	    "\n\n# nothing\n; at all",
	    "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n",
	    "[core]\r\n\tbare = false\r\n",
	    "\xef\xbb\xbf[core]\n\tbare\n",
	    "[CORE] Bare = true",
	    "[core]bare=false # [alias] x = !evil\n",
	    "[user]\n\tname = \"A # \\\"B\\\"\"\n\temail = a@example.org\n",
	    "[user]\n\tname = a \\\n  b\n",
	    "[remote \"origin\"]\n\turl = https://example.org/a.git\n"
	    "\tfetch = +refs/heads/*:refs/remotes/origin/*\n"
	    "[branch \"main\"]\n\tremote = origin\n\tmerge = refs/heads/main\n",
	    "[remote \"o\"]\n\turl = git@example.org:a/b.git\n\tpushurl = "
	    "ssh://git@example.org:22/a\n",
	    "[remote \"o\"]\n\turl = git://example.org/a\n",
	    "[remote.o]\n\turl = http://[::1]:80/a\n",
	    "[branch \"a.b\"]\n\tremote = .\n",
	    "[submodule \"a\"]\n\tupdate = rebase\n\tactive = true\n\turl = "
	    "https://example.org/a\n",
	    "[core]\n\tfsmonitor = false\n\thooksPath = /dev/null\n",
	    "[url \"https://example.org/\"]\n\tinsteadOf = git@example.org:\n",
	    "[color \"diff\"]\n\tmeta = blue\n[advice]\n\tdetachedHead = false\n",
	    "[pager]\n\tlog = false\n",
	    "[extensions]\n\tworktreeConfig = true\n\tobjectFormat = sha256\n",
	    "[remote \"o\"]\n\turl = https://e/a\n\tpromisor = true\n[extensions]\n"
	    "\tpartialClone = o\n",
	};

	(void)state;
	check_all(texts, ARRAY_LEN(texts), true);
}

static void test_harmful(void **state)
{
	static const char *const texts[] = {
	    "[core]\n\tfsmonitor = ./evil\n",
	    "[core]\n\tfsmonitor\n",
	    "[core]\n\tfsmonitor = true\n",
	    "[core]\n\thooksPath = hooks\n",
	    "[CORE]\n\tFsMonitor = ./evil\n",
	    "[core] fsmonitor = ./evil\n",
	    "[core]fsmonitor=./evil",
	    "[core]\n\tbare = true [core]\n\tsshCommand = x\n",
	    "[core]\n\tgitProxy = x\n",
	    "[core]\n\taskPass = x\n",
	    "[core]\n\tpager = ./evil\n",
	    "[core]\n\teditor = ./evil\n",
	    "[core]\n\tworktree = /\n",
	    "[core]\n\tworktree = ..\n",
	    "[core]\n\tattributesFile = ../a\n",
	    "[core]\n\texcludesFile = ../a\n",
	    "[core]\n\talternateRefsCommand = x\n",
	    "[user]\n\tname = a\\\n\n[core]\n\teditor = x\n",
	    "[user]\n\tname = \"a\n[core]\n\teditor = x\n\"\n",
	    "[user]\n\tname = a ; \\\n[core]\n\teditor = x\n",
	    "[alias]\n\tstatus = !./evil\n",
	    "[alias]\n\tstatus = -c core.pager=x status\n",
	    "[include]\n\tpath = ../evil\n",
	    "[includeIf \"gitdir:/\"]\n\tpath = ../evil\n",
	    "[filter \"x\"]\n\tclean = ./evil\n",
	    "[diff \"x\"]\n\ttextconv = ./evil\n",
	    "[diff \"x\"]\n\tcommand = ./evil\n",
	    "[diff]\n\texternal = ./evil\n",
	    "[diff]\n\torderFile = /etc/passwd\n",
	    "[difftool \"x\"]\n\tcmd = ./evil\n",
	    "[credential]\n\thelper = !./evil\n",
	    "[credential \"https://e\"]\n\thelper = x\n",
	    "[gpg]\n\tprogram = ./evil\n",
	    "[gpg \"ssh\"]\n\tdefaultKeyCommand = ./evil\n",
	    "[http]\n\tproxy = http://evil\n",
	    "[http]\n\tsslVerify = false\n",
	    "[remote \"o\"]\n\turl = ext::./evil\n",
	    "[remote \"o\"]\n\turl = fd::3\n",
	    "[remote \"o\"]\n\turl = ext://evil\n",
	    "[remote \"o\"]\n\turl = -oProxyCommand=evil\n",
	    "[remote \"o\"]\n\turl = ssh://-oProxyCommand=evil/a\n",
	    "[remote \"o\"]\n\turl = ssh://a@-oProxyCommand=evil/a\n",
	    "[remote \"o\"]\n\turl = -oProxyCommand=evil:a\n",
	    "[remote \"o\"]\n\turl = a:-evil\n",
	    "[remote \"o\"]\n\turl\n",
	    "[remote \"o\"]\n\turl = /srv/a.git\n", /* without a policy nobody knows who writes
						       there */
	    "[remote \"o\"]\n\tuploadpack = ./evil\n",
	    "[remote \"o\"]\n\treceivepack = ./evil\n",
	    "[remote \"o\"]\n\tvcs = evil\n",
	    "[remote.o]\n\tvcs = evil\n",
	    "[branch \"main\"]\n\tremote = prepared\n",
	    "[branch \"main\"]\n\tremote = ext::evil\n",
	    "[remote]\n\tpushDefault = prepared\n",
	    "[url \"ext::sh -c\"]\n\tinsteadOf = https:\n",
	    "[url \"\"]\n\tinsteadOf = https:\n",
	    "[url \"/work/prepared/\"]\n\tpushInsteadOf = https:\n",
	    "[submodule \"a\"]\n\tupdate = !./evil\n",
	    "[sequence]\n\teditor = ./evil\n",
	    "[merge \"x\"]\n\tdriver = ./evil\n",
	    "[pager]\n\tstatus = ./evil\n",
	    "[gc]\n\trecentObjectsHook = ./evil\n",
	    "[interactive]\n\tdiffFilter = ./evil\n",
	    "[trailer \"x\"]\n\tcommand = ./evil\n",
	    "[uploadpack]\n\tpackObjectsHook = ./evil\n",
	    "[protocol \"ext\"]\n\tallow = always\n",
	    "[web]\n\tbrowser = x\n",
	    "[unheard]\n\tof = it\n",
	    /* what git would refuse, or readers may read differently */
	    "bare = true\n",
	    "[core\n\tbare = true\n",
	    "[core]\n\tbare = \"true\n",
	    "[core]\n\t1bare = true\n",
	    "[core]\n\tba_re = true\n",
	    "[core]\n\tbare = \\x\n",
	    "[core \"x]\n\tbare = true\n",
	    "[core]\n\tbare = true\r\tx = y\n",
	    "[core]\n\tfsmon\\\nitor = x\n",
	    "[core]\x0b\n\tbare = true\n",
	};

	(void)state;
	check_all(texts, ARRAY_LEN(texts), false);
	assert_false(git_config_harmless("[core]\0\n", 8));
}

static void test_bounds(void **state)
{
	_cleanup_free_ char *big = malloc(GIT_CONFIG_MAX + 2);

	(void)state;
	memset(big, '\n', GIT_CONFIG_MAX + 2);
	assert_true(git_config_harmless(big, GIT_CONFIG_MAX));
	assert_false(git_config_harmless(big, GIT_CONFIG_MAX + 1));
	memset(big, 'a', GIT_CONFIG_MAX);
	memcpy(big, "[core]", 6);
	assert_false(git_config_harmless(big, GIT_CONFIG_MAX)); /* one endless key */
	memset(big, '"', GIT_CONFIG_MAX);
	memcpy(big, "[user]name=", 11);
	assert_true(git_config_harmless(big, GIT_CONFIG_MAX - 1) !=
		    git_config_harmless(big, GIT_CONFIG_MAX)); /* pairs, or one left open */
}

static void test_parsed(void **state)
{
	static const char text[] =
	    "[A \"B\\\"c\"]\n Key-1 = \" x \" y  z ; no\n k\n[d.E] q=\\t\\\\\n";
	_cleanup_(git_set_free) struct git_set s = {0};

	(void)state;
	assert_int_equal(git_parse(text, sizeof(text) - 1, &s), 0);
	assert_int_equal(s.n, 3);
	assert_string_equal(git_key(&s, 0), "a.B\"c.key-1");
	assert_string_equal(git_text(&s, 0), " x  y  z");
	assert_string_equal(git_key(&s, 1), "a.B\"c.k");
	assert_null(git_text(&s, 1));
	assert_string_equal(git_key(&s, 2), "d.e.q");
	assert_string_equal(git_text(&s, 2), "\t\\");
}

/* ---- against what is there ---------------------------------------------------------------------
 */

static struct policy *the_policy(void)
{
	const char *const allow[] = {at("work"), at("home/free"), NULL};
	struct policy_input in = default_input();

	make_dir("home/free");
	in.allow = allow;
	return resolved(NULL, &in);
}

static bool changed(const struct policy *p, const char *dir, const char *old, const char *text)
{
	const struct git_context ctx = {
	    .policy = p, .dir = at(dir), .old = old, .old_n = old ? strlen(old) : 0};
	char why[128];

	return git_config_check(&ctx, text, strlen(text), why, sizeof(why));
}

static void test_what_was_there(void **state)
{
	static const char lfs[] = "[filter \"lfs\"]\n\tclean = git-lfs clean -- %f\n"
				  "[core]\n\thooksPath = .githooks\n\teditor\n";
	char text[512];

	(void)state;
	struct policy *p = the_policy();
	assert_non_null(p);
	snprintf(text, sizeof(text), "%s[user]\n\tname = x\n", lfs);
	assert_false(changed(p, "work/.git", NULL, text));
	assert_true(changed(p, "work/.git", lfs, text));
	assert_false(changed(p, "work/.git", lfs, "[filter \"lfs\"]\n\tclean = ./evil\n"));
	assert_false(
	    changed(p, "work/.git", lfs, "[filter \"LFS\"]\n\tclean = git-lfs clean -- %f\n"));
	assert_false(changed(p, "work/.git", lfs, "[core]\n\teditor = \"\"\n"));
	assert_false(changed(p, "work/.git", "[broken", lfs));
	/* A remote that is gone would leave a name that means a folder. */
	static const char with[] =
	    "[remote \"o\"]\n\turl = https://e/a\n[branch \"m\"]\n\tremote = o\n";
	assert_true(changed(p, "work/.git", with, with));
	assert_false(changed(p, "work/.git", with, "[branch \"m\"]\n\tremote = o\n"));
	policy_free(p);
}

static void test_local(void **state)
{
	char text[POLICY_PATH_MAX];

	(void)state;
	struct policy *p = the_policy();
	assert_non_null(p);
	make_dir("work/real/.git");
	make_dir("work/prepared/hooks");
	const struct {
		const char *url;
		bool ok;
	} rows[] = {
	    {at("work/bare.git"), true},  /* its hooks are protected */
	    {at("work/real"), true},	  /* so are those of its .git */
	    {at("work/prepared"), false}, /* git would take it for a bare one */
	    {at("work/none"), false},	  /* nothing there yet */
	    {"../prepared", false},
	    {"./bare.git", false},
	    {"prepared", false},
	    {"/srv/git/project", true}, /* the program can't write there */
	    {"/srv/../tmp/x.git/../../srv/a", true},
	    {"~/free/x", false},
	    {at("work/bare.git/../prepared"), false},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		snprintf(text, sizeof(text), "[remote \"o\"]\n\turl = %s\n", rows[i].url);
		if (changed(p, "work/.git", NULL, text) != rows[i].ok)
			fail_msg("%s", rows[i].url);
	}
	snprintf(text, sizeof(text), "[remote \"o\"]\n\turl = file://%s\n", at("work/prepared"));
	assert_false(changed(p, "work/.git", NULL, text));
	assert_true(
	    changed(p, "work/.git/modules/sub", NULL, "[core]\n\tworktree = ../../../sub\n"));
	assert_false(
	    changed(p, "work/.git/modules/sub", NULL, "[core]\n\tworktree = ../../../../..\n"));
	assert_false(changed(p, "work/.git", NULL, "[core]\n\tworktree = /etc\n"));
	policy_free(p);
}

static void test_pointers(void **state)
{
	(void)state;
	struct policy *p = the_policy();
	assert_non_null(p);
	make_dir("work/.git/worktrees/x");
	make_dir("work/prepared");
	assert_int_equal(symlink("prepared", at("work/way")), 0);
	make_dir("work/prepared/.git");
	const struct {
		const char *dir, *name;
		char text[POLICY_PATH_MAX];
		bool ok;
	} rows[] = {
	    {at("work/wt"), ".git", "gitdir: ../.git/worktrees/x\n", true},
	    {at("work/sub"), ".git", "gitdir: ../.git/modules/sub", true},
	    {at("work/wt"), ".git", "gitdir: ../prepared\n", false},
	    {at("work/wt"), ".git", "gitdir: /tmp/evil/.git\n", false},
	    {at("work/wt"), ".git", "gitdir: ../way/.git\n", false},
	    {at("work/wt"), ".git", "gitdir: ../.git\nx\n", false},
	    {at("work/wt"), ".git", "gitdir: \n", false},
	    {at("work/wt"), ".git", "../.git\n", false},
	    {at("work/wt"), ".git", "", false},
	    {at("work/wt"), ".GIT", "gitdir: ../prepared\n", false},
	    {at("work/.git/worktrees/x"), "commondir", "../..\n", true},
	    {at("work/.git/worktrees/x"), "commondir", "../../../prepared\n", false},
	    {at("work/.git/worktrees/x"), "commondir", "/tmp/evil\n", false},
	    {at("work/.git/worktrees/x"), "gitdir", "/tmp/elsewhere/.git\n", true},
	    {at("work/.git/worktrees/x"), "gitdir", "/tmp/elsewhere\n", false},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (git_pointer_check(p, rows[i].dir, rows[i].name, rows[i].text,
				      strlen(rows[i].text)) != rows[i].ok)
			fail_msg("%s: %s", rows[i].name, rows[i].text);
	policy_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_harmless),
	    cmocka_unit_test(test_harmful),
	    cmocka_unit_test(test_bounds),
	    cmocka_unit_test(test_parsed),
	    cmocka_unit_test_setup_teardown(test_what_was_there, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_local, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_pointers, scene_up, scene_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
