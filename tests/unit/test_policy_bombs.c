/* Profiles that want to keep nono busy, or to be misread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/lib/policyenv.h"

#define PATHS 100000

/* "well under a second", on a machine that does other things too */
#ifdef NONO_SANITIZE
#define SECONDS 20
#else
#define SECONDS 3
#endif

static int resolve(const char *profile, struct policy **p, struct err *err)
{
	struct policy_input in = default_input();

	*p = NULL;
	*err = (struct err){0};
	in.profile = profile;
	return policy_resolve(&in, p, err);
}

static double timed(const char *profile, struct policy **p)
{
	uint64_t start = clock_mono_ns();
	struct err err;

	if (resolve(profile, p, &err) < 0)
		fail_msg("%s", err.msg);
	return (double)(clock_mono_ns() - start) / 1e9;
}

static void many(const char *list, const char *format)
{
	_cleanup_(buf_free) struct buf b = {0};
	struct policy *p;
	double took;

	buf_addf(&b, "{\"filesystem\": {\"%s\": [", list);
	for (int i = 0; i < PATHS; i++) {
		buf_adds(&b, i ? "," : "");
		buf_addf(&b, format, i, i);
	}
	buf_adds(&b, "]}}");
	make_file("home/.config/nono/profiles/many.json", b.data);
	took = timed("many", &p);
	if (took > SECONDS)
		fail_msg("%s: %d paths took %.2f s", list, PATHS, took);
	policy_free(p);
}

static void test_many_paths(void **state)
{
	(void)state;
	many("write_file", "\"/srv/none/%d\"");
	many("write_file", "\"/srv/none/%d/x%d\""); /* each in a folder of its own */
	many("deny", "\"/srv/none/%d\"");
	many("read", "\"/srv/none/%d\"");
	many("unix_socket", "\"/srv/none/%d.sock\"");
	many("suppress_save_prompt", "\"/srv/none/%d\"");
}

static void test_one_path_often(void **state)
{
	_cleanup_(buf_free) struct buf b = {0};
	struct policy *p;

	(void)state;
	buf_adds(&b, "{\"filesystem\": {\"allow\": [\"/srv\"");
	for (int i = 0; i < PATHS; i++)
		buf_adds(&b, ",\"/srv\"");
	buf_adds(&b, "]}}");
	make_file("home/.config/nono/profiles/often.json", b.data);
	assert_true(timed("often", &p) < SECONDS);
	policy_free(p);
}

static void refused(const char *file, const char *text, const char *says)
{
	struct policy *p;
	struct err err;
	char path[128];

	snprintf(path, sizeof(path), "home/.config/nono/profiles/%s", file);
	make_file(path, text);
	if (resolve(at(path), &p, &err) == 0 || !strstr(err.msg, says))
		fail_msg("%s: %s", file, p ? "taken" : err.msg);
}

static void test_long_and_deep(void **state)
{
	_cleanup_(buf_free) struct buf b = {0};
	_cleanup_free_ char *filler = xcalloc((10 << 20) + 1, 1);

	(void)state;
	memset(filler, 'a', 10 << 20);
	buf_addf(&b, "{\"meta\": {\"name\": \"%s\"}}", filler);
	refused("long.json", b.data, "a string of more than");
	filler[100000] = '\0';
	buf_clear(&b);
	buf_addf(&b, "{\"meta\": {\"name\": \"%s\"}}", filler);
	refused("long.json", b.data, "too long");
	buf_clear(&b);
	buf_addf(&b, "{\"%s\": 1}", filler);
	refused("long.json", b.data, "unknown member");
	buf_clear(&b);
	buf_addf(&b, "{\"filesystem\": {\"read\": [\"/%s\"]}}", filler);
	refused("long.json", b.data, "too long");
	buf_clear(&b);
	for (int i = 0; i < 100000; i++)
		buf_adds(&b, "[");
	refused("deep.json", b.data, "deep");
	buf_clear(&b);
	buf_adds(&b, "a: &a [x, x, x, x, x, x, x, x, x]\n");
	for (char c = 'b'; c < 'k'; c++)
		buf_addf(&b, "%c: &%c [*%c, *%c, *%c, *%c, *%c, *%c, *%c, *%c, *%c]\n", c, c, c - 1,
			 c - 1, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1);
	refused("laughs.yaml", b.data, "laughs.yaml:");
}

/* A name that begins like another one is another one. */
static void test_prefixes(void **state)
{
	struct policy *p = resolved("{\"filesystem\": {\"allow\": [\"~/.sshfoo\", \"$WORKDIR\"], "
				    "\"deny\": [\"~/.sshfo\"]}}",
				    NULL);
	struct policy_verdict v;

	(void)state;
	assert_non_null(p);
	policy_check(p, at("home/.sshfoo/x"), NONO_READ, false, &v);
	assert_true(v.allowed);
	policy_check(p, at("home/.ssh/id_rsa"), NONO_READ, false, &v);
	assert_false(v.allowed);
	policy_check(p, at("home/.sshfo"), NONO_READ, false, &v);
	assert_int_equal(v.reason, POLICY_SENSITIVE_PATH);
	policy_check(p, at("workother"), NONO_READ, false, &v);
	assert_false(v.allowed);
	policy_free(p);
}

/* Names that would look like something else are shown as what they are. */
static void test_strange_names(void **state)
{
	struct policy *p = resolved("{\"filesystem\": {\"allow\": [\"~/a\\nb\", \"~/\\u202etxt\", "
				    "\"~/\\u001b[2J\"]}}",
				    NULL);
	_cleanup_(buf_free) struct buf b = {0};
	struct policy_verdict v;

	(void)state;
	assert_non_null(p);
	policy_check(p, at("home/a\nb"), NONO_READ, false, &v);
	assert_true(v.allowed);
	policy_check(p, at("home/a"), NONO_READ, false, &v);
	assert_false(v.allowed);
	policy_describe(p, 2, &b);
	assert_null(strstr(b.data, "a\nb"));
	assert_non_null(strstr(b.data, "<U+202E>txt"));
	assert_null(strchr(b.data, '\033'));
	policy_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_many_paths, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_one_path_often, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_long_and_deep, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_prefixes, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_strange_names, scene_up, scene_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
