/* Which file a name means, and whose profile is used without asking. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "policy/profile.h"
#include "tests/lib/policyenv.h"

#define OWN "home/.config/nono/profiles/"

static const struct policy_host host = {"debian", "", "12"};

static struct profile *load(const char *what, struct err *err)
{
	struct profile_request rq = {.what = what, .host = &host};

	*err = (struct err){0};
	return profile_load(&rq, err);
}

static void refuses(const char *what, const char *says)
{
	struct err err;
	_cleanup_(profile_freep) struct profile *p = load(what, &err);

	if (p || !strstr(err.msg, says))
		fail_msg("%s: %s", what, p ? "taken" : err.msg);
}

static void takes(const char *what, const char *name)
{
	struct err err;
	_cleanup_(profile_freep) struct profile *p = load(what, &err);

	if (!p || !str_eq(p->name, name))
		fail_msg("%s: %s", what, p ? p->name : err.msg);
}

static void test_lookup(void **state)
{
	(void)state;
	make_file(OWN "a.json", "{\"meta\": {\"name\": \"json\"}}");
	takes("a", "json");
	make_file(OWN "a.jsonc", "{\"meta\": {\"name\": \"jsonc\"}}");
	takes("a", "jsonc"); /* one syntax: the first one is it */
	make_file(OWN "a.toml", "[meta]\nname = \"toml\"\n");
	refuses("a", "a.jsonc and ");
	refuses("a", "a.toml");
	/* The first may build on the second, which builds on the third, and that on a built-in one.
	 */
	make_file(OWN "codex.json", "{\"extends\": \"codex\"}");
	make_file(OWN "codex.toml", "extends = \"codex\"\n[meta]\nname = \"mine\"\n");
	takes("codex", "mine");
	make_file(OWN "codex.yml", "extends: codex\nbinary: x\n");
	takes("codex", "mine");
	make_file(OWN "codex.yml", "extends: [codex, codex]\nbinary: y\nmeta: {name: z}\n");
	takes("codex", "mine");
	make_file(OWN "b.yaml", "meta: {name: yaml}\n");
	takes("b", "yaml");
	takes(at(OWN "b.yaml"), "yaml");
	refuses("ns/pack", "pack");
	refuses("ns/pack@1.0", "pack");
	refuses("./b", "can't read the profile");
	refuses("ns/pack/x", "can't read");
	refuses("sub/x.json", "can't read");
	refuses("codx", "did you mean \"codex\"");
	refuses("-a", "not a profile name");
	make_file(OWN "p.json", "{\"extends\": \"ns/pack\"}");
	refuses("p", "pack");
}

static void test_cycles(void **state)
{
	(void)state;
	make_file(OWN "a.json", "{\"extends\": \"b\"}");
	make_file(OWN "b.toml", "extends = [\"default\", \"c\"]\n");
	make_file(OWN "c.yaml", "extends: a\n");
	refuses("a", "b.toml -> ");
	refuses("a", "c.yaml -> ");
	refuses("b", "b.toml -> ");
	/* Many ways to the same base are no cycle, but they are counted. */
	make_file(OWN "d.json", "{\"extends\": [\"default\", \"default\", \"default\"]}");
	takes("d", "default");
	make_file(OWN "e.json", "{\"extends\": [\"d\", \"d\", \"d\", \"d\", \"d\", \"d\", \"d\", "
				"\"d\", \"d\", \"d\", \"d\", \"d\", \"d\", \"d\", \"d\", \"x\"]}");
	refuses("e", "no profile \"x\"");
	make_file(OWN "f.json", "{\"extends\": [\"g\", \"g2\"]}");
	make_file(OWN "g.json", "{\"extends\": [\"h\", \"h2\"]}");
	make_file(OWN "g2.json", "{\"extends\": [\"h\", \"h2\"]}");
	make_file(OWN "h.json", "{\"extends\": [\"i\", \"i2\"]}");
	make_file(OWN "h2.json", "{\"extends\": [\"i\", \"i2\"]}");
	make_file(OWN "i.json", "{\"extends\": [\"j\", \"j2\"]}");
	make_file(OWN "i2.json", "{\"extends\": [\"j\", \"j2\"]}");
	make_file(OWN "j.json", "{\"extends\": [\"k\", \"k2\"]}");
	make_file(OWN "j2.json", "{\"extends\": [\"k\", \"k2\"]}");
	make_file(OWN "k.json", "{\"extends\": [\"default\", \"codex\"]}");
	make_file(OWN "k2.json", "{\"extends\": [\"default\", \"codex\"]}");
	refuses("f", "profiles in all");
}

static void test_who_may_write(void **state)
{
	static const struct {
		const char *path;
		mode_t mode;
		const char *says; /* NULL: fine */
	} table[] = {
	    {OWN "a.json", 0660, "written by its group"},
	    {OWN "a.json", 0602, "written by everyone"},
	    {OWN "a.json", 0644, NULL},
	    {OWN "a.json", 0400, NULL},
	    {OWN, 0770, "chmod go-w"},
	    {OWN, 01777, NULL}, /* sticky: nobody else replaces what is in it */
	    {"home/.config", 0777, "written by everyone"},
	    {"home", 0775, "written by its group"},
	    {"home", 0755, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct stat st;

		make_file(OWN "a.json", "{\"meta\": {\"name\": \"a\"}}");
		assert_int_equal(stat(at(table[i].path), &st), 0);
		assert_int_equal(chmod(at(table[i].path), table[i].mode), 0);
		if (table[i].says)
			refuses("a", table[i].says);
		else
			takes("a", "a");
		assert_int_equal(chmod(at(table[i].path), st.st_mode & 07777), 0);
	}
	/* Above the home it is the system's business, unless a path leads there. */
	assert_int_equal(chmod(scene, 0777), 0);
	takes("a", "a");
	refuses(at(OWN "a.json"), "chmod go-w");
	assert_int_equal(chmod(scene, 0700), 0);
	takes(at(OWN "a.json"), "a");
}

static void test_links(void **state)
{
	(void)state;
	make_file("other/a.json", "{\"meta\": {\"name\": \"a\"}}");
	assert_int_equal(symlink("../../../../other/a.json", at(OWN "a.json")), 0);
	takes("a", "a");
	assert_int_equal(chmod(at("other"), 0777), 0);
	refuses("a", "other can be written by everyone");
	assert_int_equal(chmod(at("other"), 0700), 0);
	assert_int_equal(symlink("b.json", at(OWN "b.json")), 0);
	refuses("b", "levels of symbolic links");
	assert_int_equal(symlink("/dev/zero", at(OWN "c.json")), 0);
	refuses("c", "can be written by everyone");
	assert_int_equal(symlink("nowhere", at(OWN "d.json")), 0);
	refuses("d", "No such file");
	assert_int_equal(mkfifo(at(OWN "e.json"), 0600), 0);
	refuses("e", "not a regular file");
	make_dir(OWN "f.json");
	refuses("f", "not a regular file");
}

static void test_another_owner(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	make_file(OWN "a.json", "{}");
	assert_int_equal(chown(at(OWN "a.json"), 12345, 12345), 0);
	refuses("a", "belongs to another user (12345)");
	refuses("a", "chown 0");
	assert_int_equal(lchown(at(OWN "a.json"), 0, 0), 0);
	assert_int_equal(chown(at("home/.config"), 12345, 12345), 0);
	refuses("a", "belongs to another user");
	assert_int_equal(chown(at("home/.config"), 0, 0), 0);
	make_file("other/b.json", "{}");
	assert_int_equal(symlink(at("other/b.json"), at(OWN "b.json")), 0);
	assert_int_equal(lchown(at(OWN "b.json"), 12345, 12345), 0);
	refuses("b", "belongs to another user");
}

/* ---- what a repository brings ---------------------------------------------------------- */

static int resolve(struct policy_input in, struct err *err)
{
	struct policy *p = NULL;
	int rc;

	*err = (struct err){0};
	in.host = &host;
	rc = policy_resolve(&in, &p, err);
	policy_free(p);
	return rc;
}

static void asks(const struct policy_input *in, bool yes)
{
	struct policy_consent c;
	struct err err = {0};

	assert_int_equal(policy_consent(in, &c, &err), 0);
	if ((c.hash[0] != '\0') != yes)
		fail_msg("%s", in->profile);
	if (yes) {
		assert_int_equal(resolve(*in, &err), -1);
		assert_non_null(strstr(err.msg, "--trust-profile"));
		assert_non_null(strstr(err.msg, c.hash));
	} else if (resolve(*in, &err) < 0) {
		fail_msg("%s: %s", in->profile, err.msg);
	}
	policy_consent_free(&c);
}

static void test_brought(void **state)
{
	const char *const other[] = {at("other"), NULL};
	struct policy_input in = default_input();

	(void)state;
	make_file("work/p.json", "{}");
	make_file("other/p.json", "{}");
	in.profile = "./p.json";
	asks(&in, true);
	in.profile = at("work/p.json");
	asks(&in, true);
	/* Another folder is the user's, unless the program may write there. */
	in.profile = at("other/p.json");
	asks(&in, false);
	in.write = other;
	asks(&in, true);
	in.write = NULL;
	/* Links in both directions. */
	assert_int_equal(symlink(at("other/p.json"), at("work/out.json")), 0);
	assert_int_equal(symlink(at("work/p.json"), at("other/in.json")), 0);
	in.profile = at("work/out.json");
	asks(&in, true);
	in.profile = at("other/in.json");
	asks(&in, true);
	/* The user's own that builds on it. */
	_cleanup_free_ char *text =
	    xasprintf("{\"extends\": [\"codex\", \"%s\"]}", at("work/p.json"));
	make_file(OWN "mine.json", text);
	in.profile = "mine";
	asks(&in, true);
	in.profile = "codex";
	asks(&in, false);
	/* From a folder inside the repository. */
	make_dir("work/.git");
	in.workdir = at("work/sub");
	in.profile = at("work/p.json");
	asks(&in, true);
	/* The configuration is the user's own wherever he works. */
	make_file(OWN "own.json", "{}");
	in.workdir = at("home");
	in.profile = at(OWN "own.json");
	asks(&in, false);
}

static void test_consent_is_for_content(void **state)
{
	struct policy_input in = default_input();
	struct policy_consent c;
	struct err err = {0};
	char old[POLICY_HASH_MAX];

	(void)state;
	make_file("work/base.json", "{\"filesystem\": {\"read\": [\"/etc/hosts\"]}}");
	_cleanup_free_ char *text = xasprintf("{\"extends\": \"%s\"}", at("work/base.json"));
	make_file("work/p.json", text);
	in.profile = "./p.json";
	assert_int_equal(policy_consent(&in, &c, &err), 0);
	assert_false(c.given);
	assert_non_null(c.files[0]);
	assert_non_null(c.files[1]);
	assert_int_equal(policy_consent_store(c.hash, c.files[0], &err), 0);
	assert_int_equal(policy_consent_store(c.hash, c.files[0], &err), 0);
	str_copy(old, sizeof(old), c.hash);
	policy_consent_free(&c);
	assert_int_equal(resolve(in, &err), 0);
	assert_int_equal(policy_consent(&in, &c, &err), 0);
	assert_true(c.given);
	policy_consent_free(&c);
	/* What it extends is changed: it is another profile. */
	make_file("work/base.json", "{\"filesystem\": {\"read\": [\"/etc\"]}}");
	assert_int_equal(resolve(in, &err), -1);
	in.trust_profile = old;
	assert_int_equal(resolve(in, &err), -1);
	assert_int_equal(policy_consent(&in, &c, &err), 0);
	in.trust_profile = c.hash;
	assert_int_equal(resolve(in, &err), 0);
	policy_consent_free(&c);
	/* Back again: the old consent holds. */
	in.trust_profile = NULL;
	make_file("work/base.json", "{\"filesystem\": {\"read\": [\"/etc/hosts\"]}}");
	assert_int_equal(resolve(in, &err), 0);
	/* The list is nono's own, and not open to others. */
	struct stat st;
	assert_int_equal(stat(at("state/nono/trusted-profiles"), &st), 0);
	assert_int_equal(st.st_mode & 077, 0);
	assert_int_equal(policy_consent_store("abc", "x", &err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_lookup, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_cycles, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_who_may_write, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_links, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_another_owner, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_brought, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_consent_is_for_content, scene_up, scene_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
