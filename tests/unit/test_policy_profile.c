/* Profiles as people write them, their merging, and the environment that comes of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pwd.h>

#include "policy/assets.h"
#include "policy/profile.h"
#include "tests/lib/policyenv.h"

/* What was baked says what the files say, and every one of them is a profile. */
static void same_tree(const struct doc *a, const struct doc *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_true(a->line == b->line && a->column == b->column);
	assert_true(str_eq(a->name, b->name));
	if (a->kind == DOC_STRING)
		assert_string_equal(a->string, b->string);
	if (a->kind == DOC_BOOL)
		assert_int_equal(a->boolean, b->boolean);
	if (a->kind == DOC_INT)
		assert_int_equal(a->integer, b->integer);
	if (a->kind == DOC_LIST || a->kind == DOC_MAP)
		assert_int_equal(a->count, b->count);
	for (a = doc_first(a), b = doc_first(b); a && b; a = a->next, b = b->next)
		same_tree(a, b);
	assert_true(!a && !b);
}

static void check_asset(const struct asset *a, const char *file)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", NONO_SOURCE_ASSET_DIR, file), *text = NULL;
	_cleanup_(document_freep) struct document *d = NULL;
	struct err err = {0};
	size_t n;

	text = file_read(path, DOC_TEXT_MAX, &n, &err);
	if (text)
		d = doc_read(text, n, DOC_JSON, path, &err);
	if (!d)
		fail_msg("%s", err.msg);
	same_tree(d->root, a->root);
}

static void test_builtin(void **state)
{
	(void)state;
	check_asset(&asset_groups, "groups.json");
	assert_true(asset_n_profiles >= 5);
	assert_null(asset_profile("nothing"));
	for (size_t i = 0; i < asset_n_profiles; i++) {
		const struct asset *a = &asset_profiles[i];
		_cleanup_free_ char *file = xasprintf("profiles/%s.json", a->name);
		const struct doc *name = doc_get(doc_get(a->root, "meta"), "name");

		check_asset(a, file);
		assert_ptr_equal(asset_profile(a->name), a);
		assert_string_equal(name->string, a->name);
	}
}

static void test_members(void **state)
{
	static const struct {
		const char *text, *says; /* NULL: fine */
	} table[] = {
	    {"{\"meta\": {\"name\": \"x\"}}", NULL},
	    {"{\"$schema\": \"x\", \"extends\": \"codex\"}", NULL},
	    {"{\"meta\": {}}", "needs a \"name\""},
	    {"{\"filesytem\": {}}", "filesytem"},
	    {"{\"filesystem\": {\"alow\": []}}", "alow"},
	    {"{\"filesystem\": {\"allow\": \"/x\"}}", "must be a list, not a string"},
	    {"{\"filesystem\": {\"allow\": [1]}}", "must be a string"},
	    {"{\"filesystem\": {\"allow\": [\"\"]}}", "must not be empty"},
	    {"{\"filesystem\": []}", "must be an object"},
	    {"{\"security\": {\"capability_elevation\": \"yes\"}}", "true or false"},
	    {"{\"security\": {\"other\": true}}", "other"},
	    {"{\"network\": {\"allow_domains\": []}}", "did you mean \"allow_domain\""},
	    {"{\"workdir\": {\"access\": \"all\"}}",
	     "\"none\", \"read\", \"write\" or \"readwrite\""},
	    {"{\"environment\": {\"set_vars\": {\"PATH\": \"/x\"}}}", "PATH"},
	    {"{\"environment\": {\"set_vars\": {\"NONO_X\": \"/x\"}}}", "NONO_X"},
	    {"{\"environment\": {\"set_vars\": {\"A=B\": \"/x\"}}}", "A=B"},
	    {"{\"extends\": []}", "must not be empty"},
	    {"{\"filesystem\": {\"read\": [{\"path\": \"/x\", \"when\": \"beos\"}]}}", "condition"},
	    {"{\"filesystem\": {\"read\": [{\"path\": \"/x\", \"if\": \"linux\"}]}}", "unknown"},
	    {"[]", "must be an object"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct err err = {0};
		_cleanup_(profile_freep) struct profile *p =
		    profile_parse(table[i].text, strlen(table[i].text), "file", &err);

		if ((p != NULL) != !table[i].says ||
		    (table[i].says && !strstr(err.msg, table[i].says)))
			fail_msg("%s: %s", table[i].text, p ? "taken" : err.msg);
	}
}

static void test_when(void **state)
{
	static const char text[] =
	    "{\"filesystem\": {\"read\": [{\"path\": \"/a\", \"when\": \"linux\"},"
	    "{\"path\": \"/b\", \"when\": \"macos\"},"
	    "{\"path\": \"/c\", \"when\": [\"macos\", \"!macos\"]},"
	    "{\"path\": \"/d\", \"when\": \"!linux\"}]}}";
	_cleanup_(profile_freep) struct profile *p = profile_parse(text, strlen(text), "t", NULL);

	(void)state;
	assert_non_null(p);
	assert_int_equal(p->fs[FS_READ].n, 2);
	assert_non_null(entries_find(&p->fs[FS_READ], "/a"));
	assert_non_null(entries_find(&p->fs[FS_READ], "/c"));
}

static void test_merge(void **state)
{
	static const char base_text[] =
	    "{\"meta\": {\"name\": \"base\", \"description\": \"d\"}, \"filesystem\": {\"read\": "
	    "[\"/a\", \"/b\"]},"
	    "\"network\": {\"block\": true}, \"workdir\": {\"access\": \"readwrite\"},"
	    "\"security\": {\"capability_elevation\": true}, \"environment\": {\"set_vars\": "
	    "{\"A\": "
	    "\"1\", \"B\": \"1\"}, \"deny_vars\": [\"X\"]}}";
	static const char child_text[] =
	    "{\"meta\": {\"name\": \"child\"}, \"filesystem\": {\"read\": [\"/b\", \"/c\"]},"
	    "\"network\": {\"block\": false}, \"workdir\": {\"access\": \"none\"},"
	    "\"security\": {\"capability_elevation\": false}, \"environment\": {\"set_vars\": "
	    "{\"A\": "
	    "\"2\"}, \"allow_vars\": [\"Y\"], \"deny_vars\": [\"Z*\"]}}";
	_cleanup_(profile_freep) struct profile *base =
	    profile_parse(base_text, strlen(base_text), "b", NULL);
	_cleanup_(profile_freep) struct profile *child =
	    profile_parse(child_text, strlen(child_text), "c", NULL);
	static const char *const read[] = {"/a", "/b", "/c"};

	(void)state;
	assert_true(base && child);
	profile_merge(base, child);
	assert_string_equal(base->name, "child");
	assert_int_equal(base->fs[FS_READ].n, 3);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(base->fs[FS_READ].v[i].text, read[i]);
	assert_int_equal(base->block_net, SAID_YES); /* a child can't open it */
	assert_int_equal(base->workdir, WORKDIR_READWRITE);
	assert_int_equal(base->elevation, SAID_NO);
	assert_int_equal(base->env_set.n, 2);
	assert_string_equal(entries_find(&base->env_set, "A")->place.at->string, "2");
	assert_string_equal(entries_find(&base->env_set, "B")->place.at->string, "1");
	assert_true(base->env_allow.said && entries_find(&base->env_allow, "Y"));
	assert_true(entries_find(&base->env_deny, "X") && entries_find(&base->env_deny, "Z*"));
}

static int load(const char *what, struct err *err)
{
	struct policy_host host = {"debian", "", "12"};
	struct profile_request rq = {.what = what, .host = &host};
	_cleanup_(profile_freep) struct profile *p = NULL;

	*err = (struct err){0};
	p = profile_load(&rq, err);
	return p ? 0 : -1;
}

static void test_extends(void **state)
{
	char text[64];
	struct err err;

	(void)state;
	make_file("home/.config/nono/profiles/a.json", "{\"extends\": \"b\"}");
	make_file("home/.config/nono/profiles/b.json", "{\"extends\": [\"a\"]}");
	assert_int_equal(load("a", &err), -1);
	assert_non_null(strstr(err.msg, "extends itself"));
	/* One's own "codex" may build on the one it hides. */
	make_file("home/.config/nono/profiles/codex.json",
		  "{\"extends\": \"codex\", \"filesystem\": {\"read\": [\"/x\"]}}");
	assert_int_equal(load("codex", &err), 0);
	make_file("home/.config/nono/profiles/rel.json", "{\"extends\": \"./x.json\"}");
	assert_int_equal(load("rel", &err), -1);
	assert_non_null(strstr(err.msg, "absolute"));
	assert_int_equal(load("../x", &err), -1);
	assert_int_equal(load("-x", &err), -1);
	assert_int_equal(load("none", &err), -1);
	assert_non_null(strstr(err.msg, "no profile \"none\""));
	for (int i = 0; i < 12; i++) {
		char name[64];
		snprintf(name, sizeof(name), "home/.config/nono/profiles/n%d.json", i);
		snprintf(text, sizeof(text), "{\"extends\": \"n%d\"}", i + 1);
		make_file(name, i < 11 ? text : "{}");
	}
	assert_int_equal(load("n0", &err), -1);
	assert_non_null(strstr(err.msg, "deep"));
	assert_int_equal(load("n2", &err), 0);
}

static void test_names(void **state)
{
	static const char *const want[] = {
	    "aider",	  "bun-dev",  "claude-code", "codex",	 "crush",
	    "default",	  "gemini",   "go-dev",	     "java-dev", "linux-host-compat",
	    "mine",	  "mise-dev", "node-dev",    "openclaw", "opencode",
	    "python-dev", "qwen",     "rust-dev",    "swival"};
	char **names;
	size_t n = 0;

	(void)state;
	make_file("home/.config/nono/profiles/mine.jsonc", "{}");
	make_file("home/.config/nono/profiles/codex.json", "{}");
	make_file("home/.config/nono/profiles/.hidden.json", "{}");
	make_file("home/.config/nono/profiles/notes.txt", "");
	names = policy_profiles();
	for (; names[n]; n++)
		assert_true(n < ARRAY_LEN(want) && strcmp(names[n], want[n]) == 0);
	assert_int_equal(n, ARRAY_LEN(want));
	strv_free(names);
}

static void test_groups(void **state)
{
	static const struct {
		const char *text, *says;
	} table[] = {
	    {"{\"groups\": {\"include\": [\"nothing\"]}}", "no group \"nothing\""},
	    {"{\"groups\": {\"exclude\": [\"nothing\"]}}", "no group \"nothing\""},
	    {"{\"groups\": {\"include\": [\"deny_credential\"]}}",
	     "did you mean \"deny_credentials\""},
	    {"{\"groups\": {\"exclude\": [\"deny_ssh\"]}}", "required"},
	    {"{\"groups\": {\"exclude\": [\"go_runtime\"]}}", NULL},
	    {"{\"filesystem\": {\"bypass_protection\": [\"~/.ssh\"]}}", "no grant covers it"},
	    {"{\"filesystem\": {\"read\": [\"relative\"]}}", "must be absolute"},
	    {"{\"filesystem\": {\"read\": [\"$NOPE/x\"]}}", NULL},
	    {"{\"filesystem\": {\"read\": [\"~/a**\"]}}", "**"},
	    {"{\"filesystem\": {\"deny\": [\"~/a*/b\"]}}", "pattern"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct policy_input in = default_input();
		struct policy *p = NULL;
		struct err err = {0};
		int rc;

		make_file("home/.config/nono/profiles/t.json", table[i].text);
		in.profile = "t";
		rc = policy_resolve(&in, &p, &err);
		if ((rc < 0) != (table[i].says != NULL) ||
		    (table[i].says && !strstr(err.msg, table[i].says)))
			fail_msg("%s: %s", table[i].text, err.msg);
		policy_free(p);
	}
}

static const char *value_of(char **env, const char *name)
{
	size_t n = strlen(name);

	for (; *env; env++)
		if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
			return *env + n + 1;
	return NULL;
}

static void test_environment(void **state)
{
	char *inherited[] = {"PATH=/bin",
			     "LD_PRELOAD=/x.so",
			     "LDFLAGS=-s",
			     "BASH_ENV=/x",
			     "ENV=/x",
			     "ENVIRONMENT=prod",
			     "NODE_OPTIONS=-r x",
			     "PYTHONPATH=/x",
			     "BASH_FUNC_ls%%=() { x; }",
			     "OP_SESSION_me=x",
			     "GITHUB_TOKEN=x",
			     "AWS_KEY=x",
			     "EMPTY=",
			     "TWICE=1",
			     "TWICE=2",
			     "nothing",
			     "=x",
			     "TERM=xterm",
			     "DISABLE=0",
			     NULL};
	char *extra[] = {"TERM=nono", "NEW=1", NULL};
	static const struct {
		const char *name, *value;
	} want[] = {
	    {"PATH", "/bin"},
	    {"LD_PRELOAD", NULL},
	    {"LDFLAGS", "-s"},
	    {"BASH_ENV", NULL},
	    {"ENV", NULL},
	    {"ENVIRONMENT", "prod"},
	    {"NODE_OPTIONS", NULL},
	    {"PYTHONPATH", NULL},
	    {"BASH_FUNC_ls%%", NULL},
	    {"OP_SESSION_me", NULL},
	    {"GITHUB_TOKEN", NULL},
	    {"AWS_KEY", NULL},
	    {"EMPTY", ""},
	    {"TWICE", "2"},
	    {"TERM", "nono"},
	    {"NEW", "1"},
	    {"DISABLE", "1"},
	};
	struct policy *p = resolved(
	    "{\"environment\": {\"deny_vars\": [\"GITHUB_TOKEN\", \"AWS_*\"], \"set_vars\": "
	    "{\"DISABLE\": \"1\"}}}",
	    NULL);
	char **env;

	(void)state;
	assert_non_null(p);
	env = policy_environment(p, inherited, extra);
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		const char *v = value_of(env, want[i].name);
		if (!str_eq(v, want[i].value))
			fail_msg("%s is %s", want[i].name, v ? v : "not there");
	}
	for (char **e = env; *e; e++)
		assert_true(strchr(*e, '=') > *e);
	strv_free(env);
	policy_free(p);

	p = resolved("{\"environment\": {\"allow_vars\": [\"PATH\", \"LD_*\"]}}", NULL);
	env = policy_environment(p, inherited, extra);
	assert_string_equal(value_of(env, "PATH"), "/bin");
	assert_null(value_of(env, "LD_PRELOAD")); /* no profile lets these in */
	assert_null(value_of(env, "EMPTY"));
	assert_string_equal(value_of(env, "TERM"), "nono");
	strv_free(env);
	policy_free(p);

	p = resolved("{\"environment\": {\"allow_vars\": []}}", NULL);
	env = policy_environment(p, inherited, NULL);
	assert_null(env[0]);
	strv_free(env);
	policy_free(p);
}

/* Who may not use the user's runtime directory does not hear of it. */
static void test_runtime_dir(void **state)
{
	_cleanup_free_ char *runtime = xasprintf("XDG_RUNTIME_DIR=%s", at("run"));
	char *inherited[] = {runtime, NULL};
	static const struct {
		const char *profile;
		bool there;
	} cases[] = {
	    {"{}", false},
	    {"{\"filesystem\": {\"unix_socket\": [\"$XDG_RUNTIME_DIR/wayland-0\"]}}", true},
	    {"{\"filesystem\": {\"allow\": [\"$XDG_RUNTIME_DIR/app\"]}}", true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct policy *p = resolved(cases[i].profile, NULL);
		char **env;

		assert_non_null(p);
		env = policy_environment(p, inherited, NULL);
		if (!!value_of(env, "XDG_RUNTIME_DIR") != cases[i].there)
			fail_msg("%s", cases[i].profile);
		strv_free(env);
		policy_free(p);
	}
}

/* The keys of the account are closed also where HOME says another place. */
static void test_account_home(void **state)
{
	const struct passwd *pw = getpwuid(getuid());
	_cleanup_free_ char *home = pw ? realpath(pw->pw_dir, NULL) : NULL;
	_cleanup_free_ char *keys = home ? xasprintf("%s/.ssh", home) : NULL;
	struct policy *p = resolved(NULL, NULL);
	struct policy_verdict v;

	(void)state;
	if (!home || strcmp(home, "/") == 0 || strcmp(home, p->home) == 0) {
		policy_free(p);
		skip();
	}
	policy_check(p, keys, NONO_READ, false, &v);
	assert_int_equal(v.reason, POLICY_SENSITIVE_PATH);
	assert_string_equal(policy_sensitive_group(p, keys), "ssh keys");
	policy_check(p, at("home/.ssh"), NONO_READ, false, &v);
	assert_int_equal(v.reason, POLICY_SENSITIVE_PATH);
	policy_free(p);
}

/* Folders on the way to what is refused without asking anyone may be made, no more. */
static void test_way_to_quiet(void **state)
{
	struct policy *p = resolved(NULL, NULL);
	struct policy_verdict v;

	(void)state;
	policy_check(p, at("home/.local/share"), NONO_WRITE, true, &v);
	assert_true(v.allowed);
	policy_check(p, at("home/.local/share/applications"), NONO_WRITE, true, &v);
	assert_false(v.allowed);
	assert_false(v.grantable);
	policy_check(p, at("home/.local/share/other"), NONO_WRITE, true, &v);
	assert_false(v.allowed);
	assert_true(v.grantable);
	policy_check(p, at("home/.m2"), NONO_WRITE, true, &v);
	assert_false(v.allowed);
	policy_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_builtin),
	    cmocka_unit_test(test_members),
	    cmocka_unit_test(test_when),
	    cmocka_unit_test(test_merge),
	    cmocka_unit_test_setup_teardown(test_extends, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_names, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_groups, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_environment, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_runtime_dir, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_account_home, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_way_to_quiet, scene_up, scene_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
