/* What a child says on top of its base, and what paths stand for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "policy/resolve.h"
#include "tests/lib/policyenv.h"

static const struct policy_host host = {"debian", "", "12"};

static struct profile *read_text(const char *text)
{
	struct err err = {0};
	struct profile *p = profile_read(text, strlen(text), DOC_JSON, "t", &host, &err);

	if (!p)
		fail_msg("%s", err.msg);
	return p;
}

/* Base, child, and what comes of it: as JSON. */
static void test_rules(void **state)
{
	static const struct {
		const char *base, *child, *merged;
	} table[] = {
	    /* lists: base, then child, no duplicates */
	    {"{\"packs\":[\"a\",\"b\"]}", "{\"packs\":[\"b\",\"c\"]}",
	     "{\"packs\":[\"a\",\"b\",\"c\"]}"},
	    {"{\"command_args\":[\"-a\"]}", "{}", "{\"command_args\":[\"-a\"]}"},
	    /* what can be unset */
	    {"{\"binary\":\"a\"}", "{\"binary\":\"b\"}", "{\"binary\":\"b\"}"},
	    {"{\"binary\":\"a\"}", "{\"binary\":null}", "{\"binary\":\"a\"}"},
	    {"{\"allow_gpu\":true}", "{\"allow_gpu\":false}", "{\"allow_gpu\":false}"},
	    {"{\"security\":{\"signal_mode\":\"isolated\"}}",
	     "{\"security\":{\"ipc_mode\":\"full\"}}",
	     "{\"security\":{\"signal_mode\":\"isolated\",\"ipc_mode\":\"full\"}}"},
	    {"{\"session_hooks\":{\"before\":{\"script\":\"/a\",\"timeout_secs\":5}}}",
	     "{\"session_hooks\":{\"before\":{\"script\":\"/b\"}}}",
	     "{\"session_hooks\":{\"before\":{\"script\":\"/b\"}}}"},
	    /* yes if one says yes */
	    {"{\"network\":{\"block\":true}}", "{\"network\":{\"block\":false}}",
	     "{\"network\":{\"block\":true}}"},
	    {"{\"interactive\":false}", "{\"interactive\":true}", "{\"interactive\":true}"},
	    /* credentials: absent, [], list */
	    {"{\"network\":{\"credentials\":[\"a\"]}}", "{}",
	     "{\"network\":{\"credentials\":[\"a\"]}}"},
	    {"{\"network\":{\"credentials\":[\"a\"]}}", "{\"network\":{\"credentials\":[]}}",
	     "{\"network\":{\"credentials\":[]}}"},
	    {"{\"network\":{\"credentials\":[\"a\"]}}", "{\"network\":{\"credentials\":[\"b\"]}}",
	     "{\"network\":{\"credentials\":[\"a\",\"b\"]}}"},
	    /* network_profile: absent, null, string */
	    {"{\"network\":{\"network_profile\":\"a\"}}", "{}",
	     "{\"network\":{\"network_profile\":\"a\"}}"},
	    {"{\"network\":{\"network_profile\":\"a\"}}",
	     "{\"network\":{\"network_profile\":null}}",
	     "{\"network\":{\"network_profile\":null}}"},
	    {"{\"network\":{\"network_profile\":\"a\"}}",
	     "{\"network\":{\"network_profile\":\"b\"}}",
	     "{\"network\":{\"network_profile\":\"b\"}}"},
	    /* maps: the child's wins */
	    {"{\"env_credentials\":{\"a\":\"A\",\"b\":\"B\"}}",
	     "{\"env_credentials\":{\"b\":\"C\",\"d\":\"D\"}}",
	     "{\"env_credentials\":{\"a\":\"A\",\"b\":\"C\",\"d\":\"D\"}}"},
	    /* variables */
	    {"{\"environment\":{\"allow_vars\":[\"A\"]}}", "{}",
	     "{\"environment\":{\"allow_vars\":[\"A\"]}}"},
	    {"{\"environment\":{\"allow_vars\":[\"A\"]}}",
	     "{\"environment\":{\"allow_vars\":[\"B\"]}}",
	     "{\"environment\":{\"allow_vars\":[\"A\",\"B\"]}}"},
	    {"{}", "{\"environment\":{\"allow_vars\":[]}}",
	     "{\"environment\":{\"allow_vars\":[]}}"},
	    /* hosts: a narrowed one stays narrowed */
	    {"{\"network\":{\"allow_domain\":[\"h\"]}}",
	     "{\"network\":{\"allow_domain\":[\"i\",{\"domain\":\"h\",\"endpoints\":[{\"method\":"
	     "\"GET\",\"path\":\"/a\"}]}]}}",
	     "{\"network\":{\"allow_domain\":[{\"domain\":\"h\",\"endpoints\":[{\"method\":\"GET\","
	     "\"path\":\"/a\"}]},\"i\"]}}"},
	    /* the working directory: "none" takes nothing away */
	    {"{\"workdir\":{\"access\":\"read\"}}", "{\"workdir\":{\"access\":\"none\"}}",
	     "{\"workdir\":{\"access\":\"read\"}}"},
	    {"{\"workdir\":{\"access\":\"readwrite\"}}", "{\"workdir\":{\"access\":\"read\"}}",
	     "{\"workdir\":{\"access\":\"read\"}}"},
	    {"{}", "{\"workdir\":{\"access\":\"none\"}}", "{\"workdir\":{\"access\":\"none\"}}"},
	    /* as a whole */
	    {"{\"open_urls\":{\"allow_origins\":[\"a\"],\"allow_localhost\":true}}",
	     "{\"open_urls\":{\"allow_origins\":[\"b\"]}}",
	     "{\"open_urls\":{\"allow_origins\":[\"b\"]}}"},
	    {"{\"meta\":{\"name\":\"a\",\"description\":\"d\",\"author\":\"x\"}}",
	     "{\"meta\":{\"name\":\"b\"}}", "{\"meta\":{\"name\":\"b\"}}"},
	    /* layers, base first */
	    {"{\"command_policies\":{\"commands\":{\"a\":{}}}}",
	     "{\"command_policies\":{\"commands\":{\"b\":{}}}}",
	     "{\"command_policies\":[{\"commands\":{\"a\":{}}},{\"commands\":{\"b\":{}}}]}"},
	    {"{\"resources\":{\"memory\":\"1G\",\"cpu\":2}}", "{\"resources\":{\"memory\":\"2G\"}}",
	     "{\"resources\":{\"memory\":\"2G\",\"cpu\":2}}"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		_cleanup_(profile_freep) struct profile *base = read_text(table[i].base);
		_cleanup_(profile_freep) struct profile *child = read_text(table[i].child);
		_cleanup_(buf_free) struct buf b = {0};

		profile_merge(base, child);
		policy_profile_to_json(base, &b);
		if (strcmp(b.data, table[i].merged) != 0)
			fail_msg("%s\n+ %s\n= %s", table[i].base, table[i].child, b.data);
	}
}

/* Several bases, from left to right, then the profile itself. */
static void test_bases(void **state)
{
	struct profile_request rq = {.what = "c", .host = &host};
	const char *const more[] = {"d", NULL};
	_cleanup_(profile_freep) struct profile *p = NULL;
	struct err err = {0};

	(void)state;
	make_file("home/.config/nono/profiles/a.json", "{\"packs\": [\"a\"], \"binary\": \"a\"}");
	make_file("home/.config/nono/profiles/b.toml", "packs = [\"b\"]\nbinary = \"b\"\n");
	make_file("home/.config/nono/profiles/c.yaml", "extends: [a, b]\npacks: [c]\n");
	make_file("home/.config/nono/profiles/d.json", "{\"packs\": [\"d\"], \"binary\": \"d\"}");
	p = profile_load(&rq, &err);
	assert_non_null(p);
	assert_string_equal(p->binary, "b");
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(p->packs.v[i].text[0], "abc"[i]);
	assert_int_equal(p->extends.n, 2);
	assert_string_equal(p->file->name, "c");
	assert_int_equal(p->file->origin, PROFILE_USER);
	profile_freep(&p);
	rq.extends = more;
	p = profile_load(&rq, &err);
	assert_string_equal(p->binary, "d");
	assert_int_equal(p->packs.n, 4);
	profile_freep(&p);
	rq.alone = true;
	p = profile_load(&rq, &err);
	assert_null(p->binary);
	assert_int_equal(p->packs.n, 1);
}

/* ---- what can't be enforced --------------------------------------------------------------- */

static void test_fails_closed(void **state)
{
	static const struct {
		const char *text, *member; /* NULL: fine */
	} table[] = {
	    {"{\"credentials\": {\"proxy_mode\": true, \"keystore\": \"system\"}}", NULL},
	    {"{\"security\": {\"signal_mode\": \"allow_all\"}}", "signal_mode allow_all"},
	    {"{\"security\": {\"signal_mode\": \"isolated\"}}", NULL},
	    {"{\"credential_routes\": {\"a\": {}}}", "credential_routes"},
	    {"{\"network\": {\"allow_domain\": [\"a\"]}}", NULL},
	    {"{\"network\": {\"network_profile\": null}}", NULL},
	    {"{\"network\": {\"deny_cloud_metadata\": true}}", NULL},
	    {"{\"network\": {\"open_port\": [80]}}", NULL},
	    {"{\"network\": {\"block\": true, \"allow_domain\": [\"a\"]}}", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct policy *p = resolved(table[i].text, NULL);
		struct err err = {0};
		int rc;

		assert_non_null(p);
		rc = policy_enforceable(p, &err);
		if ((rc < 0) != (table[i].member != NULL) ||
		    (rc < 0 && !strstr(err.msg, table[i].member)))
			fail_msg("%s: %s", table[i].text, err.msg);
		policy_free(p);
		for (int block = 0; block < 2; block++) {
			struct policy_input in = default_input();

			in.block_net = block;
			p = resolved(table[i].text, &in);
			assert_non_null(p);
			assert_int_equal(p->network.mode,
					 block ? POLICY_NET_BLOCKED : POLICY_NET_OPEN);
			policy_free(p);
		}
	}
}

/* Whatever lists hosts closes all others: none of these may leave the network open. */
static void test_lists_close(void **state)
{
	static const char *const table[] = {
	    "{\"network\": {\"allow_domain\": [\"a.example\"]}}",
	    "{\"network\": {\"allow_domain\": []}}",
	    "{\"network\": {\"proxy_allow\": [\"a.example\"]}}",
	    "{\"network\": {\"allow_endpoints\": [\"GET a.example/v1\"]}}",
	    ("{\"network\": {\"allow_domain\": [{\"domain\": \"a.example\", \"endpoints\": "
	     "[{\"method\": \"GET\", \"path\": \"/\"}]}]}}"),
	    "{\"network\": {\"network_profile\": \"minimal\"}}",
	    "{\"network\": {\"credentials\": [\"openai\"]}}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct policy *p = resolved(table[i], NULL);

		assert_non_null(p);
		if (p->network.mode != POLICY_NET_NAMES)
			fail_msg("%s leaves the network open", table[i]);
		for (size_t k = 0; k < p->network.allow.n; k++)
			assert_string_not_equal(p->network.allow.v[k].name, "*");
		policy_free(p);
	}
}

/* ---- paths -------------------------------------------------------------------------------- */

static const struct policy_grant *grant_of(const struct policy *p, const char *path)
{
	for (size_t i = 0; i < p->n_grants; i++)
		if (strcmp(p->grants[i].path, path) == 0)
			return &p->grants[i];
	return NULL;
}

static void test_variables(void **state)
{
	struct policy *p;
	static const char *const granted[] = {"home/x", "work/y", "home/.config/c", "home/.cache/d",
					      "run/e",	"else/f", "else/me/g"};

	(void)state;
	setenv("NONO_TEST_ELSE", at("else"), 1);
	setenv("NONO_TEST_NAME", "me", 1);
	setenv("NONO_TEST_UP", "..", 1);
	setenv("NONO_TEST_RELATIVE", "etc", 1);
	unsetenv("NONO_TEST_UNSET");
	p = resolved(
	    "{\"filesystem\": {\"state\": [\"~/x\", \"$WORKDIR/y\", \"$XDG_CONFIG_HOME/c\", "
	    "\"$XDG_CACHE_HOME/d\", \"$XDG_RUNTIME_DIR/e\", \"$NONO_TEST_ELSE/f\", "
	    "\"$NONO_TEST_ELSE/$NONO_TEST_NAME/g\", \"$NONO_TEST_UNSET/h\", "
	    "\"$NONO_TEST_RELATIVE/i\", \"/srv/$NONO_TEST_UP/j\", "
	    "\"/srv/$NONO_TEST_ELSE/k\"]}}",
	    NULL);
	assert_non_null(p);
	for (size_t i = 0; i < ARRAY_LEN(granted); i++)
		if (!grant_of(p, at(granted[i])))
			fail_msg("%s", granted[i]);
	assert_null(grant_of(p, "/j"));
	for (size_t i = 0; i < p->n_grants; i++)
		assert_false(p->grants[i].state && str_starts(p->grants[i].path, "/srv"));
	policy_free(p);
}

/* A link in the working directory leads no grant out of it. */
static void test_links_out(void **state)
{
	struct policy *p;

	(void)state;
	make_dir("home/Documents");
	make_dir("work/real");
	assert_int_equal(symlink(at("home/Documents"), at("work/build")), 0);
	assert_int_equal(symlink("real", at("work/inside")), 0);
	p = resolved("{\"filesystem\": {\"allow\": [\"$WORKDIR/build\", \"$WORKDIR/build/x\", "
		     "\"$WORKDIR/inside\", \"$WORKDIR/../home/Documents/y\"]}}",
		     NULL);
	assert_non_null(p);
	assert_null(grant_of(p, at("home/Documents")));
	assert_null(grant_of(p, at("home/Documents/x")));
	assert_non_null(grant_of(p, at("work/real")));
	assert_non_null(grant_of(p, at("home/Documents/y"))); /* it was said so */
	assert_non_null(strstr(p->warnings[0], "leads out of the working directory"));
	policy_free(p);
}

static void test_audit_level(void **state)
{
	struct policy_input in = default_input();
	struct policy *p = resolved("{\"audit\": {\"level\": \"changes\"}}", &in);

	(void)state;
	assert_int_equal(p->audit_level, POLICY_AUDIT_CHANGES);
	policy_free(p);
	in.audit_level = POLICY_AUDIT_DECISIONS;
	in.audit_level_said = true;
	p = resolved("{\"audit\": {\"level\": \"changes\"}}", &in);
	assert_int_equal(p->audit_level, POLICY_AUDIT_DECISIONS);
	policy_free(p);
	in.audit_level = POLICY_AUDIT_ALL; /* more than the profile wants: asked for */
	p = resolved("{\"audit\": {\"level\": \"changes\"}}", &in);
	assert_int_equal(p->audit_level, POLICY_AUDIT_ALL);
	policy_free(p);
}

static void test_patterns(void **state)
{
	struct policy *p;

	(void)state;
	make_file("home/logs/a.log", "");
	make_file("home/logs/b.txt", "");
	make_dir("home/p/one/src");
	make_dir("home/p/two/src");
	make_dir("elsewhere/src");
	assert_int_equal(symlink(at("elsewhere"), at("home/p/three")), 0);
	p = resolved("{\"filesystem\": {\"read_file\": [\"~/logs/*.log\"], \"read\": "
		     "[\"~/p/*/src\"]}}",
		     NULL);
	assert_non_null(p);
	assert_true(grant_of(p, at("home/logs/*.log"))->glob); /* also what is made later */
	assert_non_null(grant_of(p, at("home/p/one/src")));
	assert_non_null(grant_of(p, at("home/p/two/src")));
	assert_null(grant_of(p, at("elsewhere/src"))); /* a link does not lead out of the pattern */
	policy_free(p);
}

static bool has(const struct resolver *r, const char *entry, const char *path)
{
	_cleanup_(list_free) struct list found = {0};

	assert_int_equal(expand_entry(r, entry, "read", &found), 0);
	return path ? list_has(&found, path) : found.n == 0;
}

static void test_git_tokens(void **state)
{
	struct policy p = {.home = (char *)(uintptr_t)at("home")};
	struct err err = {0};
	struct resolver r = {.p = &p, .err = &err};
	_cleanup_(list_free) struct list found = {0};
	char text[POLICY_PATH_MAX + 32];

	(void)state;
	p.workdir = (char *)(uintptr_t)at("work/sub");
	assert_true(has(&r, "@git:toplevel", NULL)); /* no repository */
	make_dir("work/.git/hooks");
	assert_true(has(&r, "@git:toplevel", at("work")));
	assert_true(has(&r, "@git:toplevel/src", at("work/src")));
	assert_true(has(&r, "@git:toplevel-parent/other", at("other")));
	assert_true(has(&r, "@git:common-dir", at("work/.git")));
	assert_true(has(&r, "@git:worktree/index", at("work/.git/index")));
	assert_true(has(&r, "@git:hooks-path", at("work/.git/hooks")));

	/* The repository's own configuration grants it nothing; the user's counts. */
	snprintf(text, sizeof(text), "[core]\n\thooksPath = %s\n", at("home/.ssh"));
	make_file("work/.git/config", text);
	make_file("home/.gitconfig", "[core]\n\thooksPath = ~/hooks\n\texcludesFile = ~/ignore\n"
				     "[include]\n\tpath = more.inc\n");
	make_file("home/more.inc", "[include]\n\tpath = ~/.gitconfig\n[commit]\ntemplate = ~/t\n");
	assert_false(has(&r, "@git:hooks-path", at("home/.ssh")));
	assert_true(has(&r, "@git:hooks-path", at("home/hooks")));
	assert_true(has(&r, "@git:config-files", at("home/.gitconfig")));
	assert_true(has(&r, "@git:config-files", at("home/more.inc")));
	assert_true(has(&r, "@git:config-files", at("home/ignore")));
	assert_true(has(&r, "@git:config-files", at("home/t")));
	assert_false(has(&r, "@git:config-files", at("work/.git/config")));

	/* A worktree that its repository knows, and a file that points to somebody's keys. */
	make_dir("work/.git/worktrees/w");
	snprintf(text, sizeof(text), "gitdir: %s\n", at("work/.git/worktrees/w"));
	make_file("tree/.git", text);
	snprintf(text, sizeof(text), "%s\n", at("tree/.git"));
	make_file("work/.git/worktrees/w/gitdir", text);
	make_file("work/.git/worktrees/w/commondir", "../..\n");
	p.workdir = (char *)(uintptr_t)at("tree");
	assert_true(has(&r, "@git:common-dir", at("work/.git")));
	assert_true(has(&r, "@git:worktree", at("work/.git/worktrees/w")));
	snprintf(text, sizeof(text), "gitdir: %s\n", at("home/.ssh"));
	make_file("evil/.git", text);
	p.workdir = (char *)(uintptr_t)at("evil");
	assert_true(has(&r, "@git:common-dir", NULL));
	assert_true(has(&r, "@git:toplevel", NULL));

	assert_int_equal(expand_entry(&r, "@git:nothing", "read", &found), -1);
	assert_non_null(strstr(err.msg, "unknown token"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rules),
	    cmocka_unit_test_setup_teardown(test_bases, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_fails_closed, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_lists_close, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_variables, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_links_out, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_audit_level, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_patterns, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_git_tokens, scene_up, scene_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
