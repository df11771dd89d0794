/* A hook put into the text of an agent's settings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "policy/agent_hooks.h"

#define ITEM \
	"{\"matcher\": \"Bash\", \"hooks\": [{\"type\": \"command\", \"command\": \"/s/x.sh\"}]}"

static const struct policy_agent_hook hook = {
    .app = (char[]){"claude-code"},
    .event = (char[]){"PreToolUse"},
    .matcher = (char[]){"Bash"},
    .script = (char[]){"/s/x.sh"},
    .settings = (char[]){"/h/settings.json"},
};

static void test_put(void **state)
{
	static const char *const rows[][2] = {
	    {"", "{\n  \"hooks\": {\n    \"PreToolUse\": [" ITEM "]\n  }\n}\n"},
	    {"{\n  \"a\": 1 // b\n}\n",
	     "{\n  \"hooks\": {\n    \"PreToolUse\": [" ITEM "]\n  },\n  \"a\": 1 // b\n}\n"},
	    {"{\n  \"hooks\": {\n    \"Stop\": []\n  }\n}",
	     "{\n  \"hooks\": {\n    \"PreToolUse\": [" ITEM "],\n    \"Stop\": []\n  }\n}"},
	    {"{\"hooks\": {\"PreToolUse\": [{\"hooks\": []}]}}",
	     "{\"hooks\": {\"PreToolUse\": [" ITEM ", {\"hooks\": []}]}}"},
	    {"{\"hooks\": {\"PreToolUse\": [" ITEM "]}}",
	     "{\"hooks\": {\"PreToolUse\": [" ITEM "]}}"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = {0};
		_cleanup_free_ char *once = agent_hooks_add(rows[i][0], &hook, &err);
		_cleanup_free_ char *twice = once ? agent_hooks_add(once, &hook, &err) : NULL;

		if (!twice)
			fail_msg("%zu: %s", i, err.msg);
		assert_string_equal(once, rows[i][1]);
		assert_string_equal(twice, once);
	}
}

/* Of the same event, but not the same. */
static void test_other(void **state)
{
	static const char *const others[] = {
	    "{\"hooks\": {\"PreToolUse\": [{\"matcher\": \"B\", \"hooks\": [{\"type\": "
	    "\"command\", "
	    "\"command\": \"/s/x.sh\"}]}]}}",
	    "{\"hooks\": {\"PreToolUse\": [{\"hooks\": [{\"type\": \"command\", "
	    "\"command\": \"/s/x.sh\"}]}]}}",
	    "{\"hooks\": {\"PreToolUse\": [{\"matcher\": \"Bash\", \"hooks\": [{\"type\": "
	    "\"prompt\", \"command\": \"/s/x.sh\"}]}]}}",
	    "{\"hooks\": {\"PostToolUse\": [" ITEM "]}}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		struct err err = {0};
		_cleanup_free_ char *text = agent_hooks_add(others[i], &hook, &err);

		assert_non_null(text);
		assert_string_not_equal(text, others[i]);
	}
}

/* A shell reads the command, JSON holds it. */
static void test_quoted(void **state)
{
	struct policy_agent_hook odd = hook;
	struct err err = {0};
	_cleanup_free_ char *text = NULL;

	(void)state;
	odd.script = (char[]){"/s/a \"b\"; rm x.sh"};
	odd.matcher = NULL;
	text = agent_hooks_add("{}", &odd, &err);
	assert_non_null(text);
	assert_non_null(strstr(text, "\"command\": \"'/s/a \\\"b\\\"; rm x.sh'\""));
	assert_null(strstr(text, "matcher"));
}

static void test_no_settings(void **state)
{
	static const char *const rows[][2] = {
	    {"{", "/h/settings.json:1"},
	    {"[]", "no object"},
	    {"{\"hooks\": []}", "no object"},
	    {"{\"hooks\": {\"PreToolUse\": {}}}", "no list"},
	    {"{\"h\\u006foks\": {\"PreToolUse\": []}}", "automatically"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = {0};
		_cleanup_free_ char *text = agent_hooks_add(rows[i][0], &hook, &err);

		assert_null(text);
		if (!strstr(err.msg, rows[i][1]))
			fail_msg("%s: %s", rows[i][0], err.msg);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_put),
	    cmocka_unit_test(test_other),
	    cmocka_unit_test(test_quoted),
	    cmocka_unit_test(test_no_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
