/* Per-command policies: decoding, layers, decisions - tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/commands/commands.h"

static struct command_policies *layer(struct command_policies *on, const char *json)
{
	struct err err = {0};
	struct document *d = doc_read(json, strlen(json), DOC_JSON, "p.json", &err);

	if (!d)
		fail_msg("%s", err.msg);
	if (commands_decode(&on, d->root, "p.json", &err) < 0)
		fail_msg("%s", err.msg);
	document_free(d);
	return on;
}

static const char policy[] =
    "{\"commands\":{"
    " \"gh\":{\"can_use\":[\"git\"],\"from\":{\"session\":{\"sandbox\":{\"fs_read\":[\"/etc\"]},"
    "  \"invocation_policy\":{\"default\":\"deny\","
    "   \"deny\":[{\"argv\":{\"contains\":[\"--force\"]},\"reason\":\"no force\"}],"
    "   \"approve\":[{\"argv\":{\"prefix\":[\"pr\",\"merge\"]},\"timeout_secs\":7},"
    "     {\"argv\":{\"prefix\":[\"hook\"]},\"backend\":\"many\"},"
    "     {\"argv\":{\"prefix\":[\"call\"]},\"backend\":\"ops\"},"
    "     {\"argv\":{\"prefix\":[\"who\"]},\"backend\":\"nobody\"}],"
    "   \"allow\":[{\"argv\":{\"prefix\":[\"pr\"]}},{\"argv\":{\"contains\":[\"auth\"]}},"
    "     {\"argv\":{\"prefix\":[\"secret\"]}},{\"argv\":{\"exact\":[\"version\"]}},"
    "     {\"argv\":{\"prefix\":[\"env\"]},\"env\":{\"MODE\":{\"one_of\":[\"a\",\"b\"]}}}]}}},"
    "  \"intercept\":[{\"args\":[\"auth\",\"token\"],\"action\":{\"type\":\"respond\","
    "    \"stdout\":\"x\\n\",\"exit_code\":3}},"
    "   {\"args\":[\"secret\"],\"action\":{\"type\":\"capture\",\"reveal_to\":[\"git\"]}},"
    "   {\"args\":[\"shut\"],\"action\":{\"type\":\"respond\"}}]},"
    " \"git\":{\"sandbox\":{},\"from\":{\"gh\":{},\"curl\":\"deny\"}},"
    " \"curl\":{\"can_use\":[\"git\",\"gh\"],\"sandbox\":{\"open_urls\":true,\"network\":{\"allow_"
    "all\":true}}}"
    "},\"approval_backends\":{\"ops\":{\"type\":\"webhook\",\"url\":\"https://x\"},"
    "\"many\":{\"type\":\"chain\",\"backends\":[\"ops\"]}}}";

static void test_decide(void **state)
{
	static char *const env_b[] = {(char *)"MODE=b", (char *)"MODE=z", NULL};
	static char *const env_z[] = {(char *)"MODE=z", (char *)"MODE=b", NULL};
	static const struct {
		const char *name, *caller, *args[4];
		char *const *env;
		enum command_decision decision;
		const char *reason;
	} rows[] = {
	    {"gh", "session", {"version"}, NULL, COMMAND_ALLOW, "invocation_policy_allowed"},
	    {"gh", "session", {"version", "x"}, NULL, COMMAND_DENY, "command_policy_denied"},
	    {"gh", "session", {NULL}, NULL, COMMAND_DENY, "command_policy_denied"},
	    {"gh", "session", {"pr", "list"}, NULL, COMMAND_ALLOW, "invocation_policy_allowed"},
	    {"gh", "session", {"pr", "merge"}, NULL, COMMAND_APPROVE, "approval_required"},
	    {"gh", "session", {"pr", "merge", "--force"}, NULL, COMMAND_DENY, "no force"},
	    {"gh", "session", {"hook"}, NULL, COMMAND_DENY, "command_policy_unavailable"},
	    {"gh", "session", {"who"}, NULL, COMMAND_DENY, "command_policy_unavailable"},
	    {"gh", "session", {"call"}, NULL, COMMAND_APPROVE, "approval_required"},
	    {"gh", "session", {"env"}, env_b, COMMAND_ALLOW, "invocation_policy_allowed"},
	    {"gh", "session", {"env"}, env_z, COMMAND_DENY, "command_policy_denied"},
	    {"gh", "session", {"env"}, NULL, COMMAND_DENY, "command_policy_denied"},
	    {"gh", "session", {"auth", "token"}, NULL, COMMAND_ALLOW, "invocation_policy_allowed"},
	    {"gh", "session", {"secret"}, NULL, COMMAND_ALLOW, "invocation_policy_allowed"},
	    /* The invocation policy is asked first. */
	    {"gh", "session", {"shut"}, NULL, COMMAND_DENY, "command_policy_denied"},
	    {"gh", "curl", {"version"}, NULL, COMMAND_DENY, "missing from.curl"},
	    {"git", "session", {"push"}, NULL, COMMAND_ALLOW, "command_edge_allowed"},
	    {"git", "gh", {"push"}, NULL, COMMAND_ALLOW, "command_edge_allowed"},
	    {"git", "curl", {"push"}, NULL, COMMAND_DENY, "command_policy_denied"},
	    {"git", "nobody", {"push"}, NULL, COMMAND_DENY, "missing from.nobody"},
	    {"curl", "session", {"x"}, NULL, COMMAND_DENY, "command_policy_unavailable"},
	    {"ls", "session", {NULL}, NULL, COMMAND_DENY, "command_not_policy_controlled"},
	};
	struct command_policies *p = layer(NULL, policy);
	struct command_verdict v;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct command_call call = {rows[i].name, rows[i].caller,
						  (char *const *)rows[i].args, rows[i].env};
		policy_command_query(p, &call, &v);
		if (v.decision != rows[i].decision || !str_eq(v.reason, rows[i].reason))
			fail_msg("row %zu: %d %s (%s)", i, v.decision, v.reason, v.details);
	}
	commands_free(p);
	policy_command_query(NULL, &(struct command_call){.name = "x", .caller = "session"}, &v);
	assert_string_equal(v.reason, "command_policy_unavailable");
}

static void test_parts(void **state)
{
	struct command_policies *p = layer(NULL, policy);
	const char *const args[] = {"auth", "token", "--now", NULL};
	struct command_verdict v;

	(void)state;
	policy_command_query(p, &(struct command_call){"gh", "session", (char *const *)args, NULL},
			     &v);
	assert_non_null(v.intercept);
	assert_string_equal(v.intercept->out, "x\n");
	assert_int_equal(v.intercept->exit_code, 3);
	assert_non_null(strstr(v.details, "intercept[0]"));
	commands_free(p);
}

static void test_layers(void **state)
{
	static const char child[] =
	    "{\"deny_direct_exec_bypass\":[\"/x\"],\"commands\":{"
	    "\"gh\":{\"from\":{\"session\":{\"fs_read\":[\"/opt\"]}},\"can_use\":[\"curl\"]},"
	    "\"new\":{\"sandbox\":{\"stdio\":{\"stdout\":{\"max_bytes\":10,\"on_limit\":\"deny\"}}}"
	    "}}}";
	struct command_policies *p = layer(layer(NULL, policy), child);
	struct policy_command *gh = commands_find(p, "gh");
	struct command_edge *e = command_edge_from(gh, "session");

	(void)state;
	assert_int_equal(p->n, 4);
	/* The edge was replaced, its invocation policy with it; the rest was completed. */
	assert_false(e->invocation.said);
	assert_int_equal(e->box.fs[BOX_READ].n, 1);
	assert_string_equal(e->box.fs[BOX_READ].v[0], "/opt");
	assert_int_equal(gh->can_use.n, 2);
	assert_int_equal(gh->n_intercepts, 3);
	e = command_edge_from(commands_find(p, "new"), "session");
	assert_int_equal(e->box.stream[0].max_bytes, 10);
	assert_int_equal(e->box.stream[0].on_limit, LIMIT_DENY);
	assert_int_equal(e->box.stream[1].max_bytes, 0);
	commands_free(p);
}

static void test_errors(void **state)
{
	static const struct {
		const char *json, *word;
	} rows[] = {
	    {"{\"comands\":{}}", "p.json:1:2: command_policies has no member \"comands\""},
	    {"{\"commands\":{\"a/b\":{}}}", "can't be a command's name"},
	    {"{\"commands\":{\"session\":{}}}", "can't be a command's name"},
	    {"{\"commands\":{\"a\":{\"sandbox\":{\"fs_reed\":[]}}}}", "fs_reed"},
	    {"{\"commands\":{\"a\":{\"sandbox\":{\"fs_read\":\"x\"}}}}", "must be a list"},
	    {"{\"commands\":{\"a\":{\"sandbox\":{\"fs_read\":[1]}}}}", "holds strings"},
	    {"{\"commands\":{\"a\":{\"from\":{\"b\":\"allow\"}}}}", "\"deny\" or a map"},
	    {"{\"commands\":{\"a\":{\"sandbox\":{},\"from\":{\"session\":{}}}}}", "twice"},
	    {"{\"commands\":{\"a\":{\"executable\":\"x/y\"}}}", "absolute path"},
	    {"{\"commands\":{\"a\":{\"intercept\":[{\"args\":[]}]}}}", "needs args and action"},
	    {"{\"commands\":{\"a\":{\"intercept\":[{\"args\":[],\"action\":{\"type\":\"boo\"}}]}}}",
	     "\"boo\" is none of"},
	    {"{\"commands\":{\"a\":{\"intercept\":[{\"args\":[],\"action\":{\"type\":\"exec\"}}]}}"
	     "}",
	     "needs a command or a script"},
	    {"{\"commands\":{\"a\":{\"intercept\":[{\"args\":[],\"action\":{\"type\":\"exec\","
	     "\"command\":[\"x/y\"]}}]}}}",
	     "an absolute path, or a name"},
	    {"{\"commands\":{\"a\":{\"intercept\":[{\"args\":[],\"action\":{\"type\":\"exec\","
	     "\"command\":[\"x\"],\"script\":\"y\"}}]}}}",
	     "not both"},
	    {"{\"commands\":{\"a\":{\"intercept\":[{\"args\":[],\"action\":{\"type\":\"respond\","
	     "\"script\":\"y\"}}]}}}",
	     "belong to \"capture\" and \"exec\""},
	    {"{\"commands\":{\"a\":{\"intercept\":[{\"args\":[],\"action\":{\"type\":\"capture\","
	     "\"exit_code\":1}}]}}}",
	     "belong to \"respond\""},
	    {"{\"commands\":{\"a\":{\"intercept\":[{\"args\":[],\"action\":{\"type\":\"exec\","
	     "\"script\":\"x\",\"reveal_to\":[\"a\"]}}]}}}",
	     "belongs to \"capture\""},
	    {"{\"commands\":{\"a\":{\"from\":{\"session\":{\"invocation_policy\":{\"allow\":[{}]}}}"
	     "}}}",
	     "a rule needs argv or env"},
	    {"{\"commands\":{\"a\":{\"from\":{\"session\":{\"invocation_policy\":{\"default\":"
	     "\"no\"}"
	     "}}}}}",
	     "is none of deny, approve, allow"},
	    {"{\"commands\":{\"a\":{\"sandbox\":{\"environment\":{\"set_vars\":{\"PATH\":\"x\"}}}}}"
	     "}",
	     "can't be set"},
	    {"{\"commands\":{\"a\":{\"sandbox\":{\"stdio\":{\"stdout\":{\"max_bytes\":-1}}}}}}",
	     "more than 0"},
	    {"{\"commands\":{\"a\":{\"sandbox\":{\"network\":{\"allow_domain\":[\"a b\"]}}}}}",
	     "a b"},
	    {"{\"commands\":{\"a\":{\"sandbox\":{\"network\":{\"tcp_connect_ports\":[0]}}}}}",
	     "1 to 65535"},
	    {"{\"commands\":{\"a\":{\"sandbox\":{\"network\":{\"allow_all\":true,"
	     "\"allow_domain\":[\"a\"]}}}}}",
	     "allow_all leaves nothing"},
	    {"{\"commands\":{\"a\":{\"sandbox\":{\"network\":{\"allow_domain\":[{\"domain\":\"a\","
	     "\"endpoint\":[]}]}}}}}",
	     "not \"endpoint\""},
	    {"{\"credentials\":{\"c\":{\"type\":\"pigeon\"}}}", "is none of local-socket"},
	    {"{\"credentials\":{\"c\":{\"type\":\"raw-file\"}}}", "it needs a path"},
	    {"{\"credentials\":{\"c\":{\"type\":\"proxy\",\"credential_key\":\"x\"}}}",
	     "an upstream"},
	    {"{\"credentials\":{\"c\":{\"type\":\"proxy\",\"upstream\":\"https://x\"}}}",
	     "credential_key or a source"},
	    {"{\"credentials\":{\"c\":{\"type\":\"ambient\",\"env_var\":\"LD_PRELOAD\"}}}",
	     "can't be set"},
	    {"{\"credentials\":{\"c\":{\"type\":\"ambient\"}}}", "needs an env_var"},
	    {"{\"commands\":{\"a\":{\"sandbox\":{\"credentials\":[{\"name\":\"c\",\"endpoint_"
	     "policy\":"
	     "{\"alow\":[]}}]}}}}",
	     "no member \"alow\""},
	    {"{\"executable_dirs\":[\"bin\"]}", "no absolute path"},
	    {"{\"approval_backends\":{\"x\":{\"type\":\"pigeon\"}}}", "is none of terminal"},
	    {"[]", "must be a map"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = {0};
		struct document *d =
		    doc_read(rows[i].json, strlen(rows[i].json), DOC_JSON, "p.json", &err);
		struct command_policies *p = NULL;

		assert_non_null(d);
		assert_int_equal(commands_decode(&p, d->root, "p.json", &err), -1);
		if (!strstr(err.msg, rows[i].word) || !strstr(err.msg, "p.json:1:"))
			fail_msg("row %zu: %s", i, err.msg);
		commands_free(p);
		document_free(d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_decide),
	    cmocka_unit_test(test_parts),
	    cmocka_unit_test(test_layers),
	    cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
