/* The table of members: what is taken, what is refused and where, in three syntaxes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "policy/profiles/schema.h"

static const struct policy_host host = {"fedora", "rhel centos", "43"};

static struct profile *read_as(const char *text, enum doc_format format, struct err *err)
{
	return profile_read(text, strlen(text), format, "f", &host, err);
}

/* Everything that the reference has, in one profile. */
static const char everything[] =
    "{\n"
    "\"$schema\": \"x\", \"extends\": [\"a\", \"b\"],\n"
    "\"meta\": {\"name\": \"n\", \"version\": \"1\", \"description\": \"d\", \"author\": \"a\"},\n"
    "\"security\": {\"signal_mode\": \"isolated\", \"process_info_mode\": \"allow_all\", "
    "\"ipc_mode\": \"full\", \"capability_elevation\": true, \"wsl2_proxy_policy\": \"error\", "
    "\"approval_backends\": {\"t\": {\"type\": \"terminal\"}}, \"approval_defaults\": "
    "{\"backend\": \"t\"}},\n"
    "\"linux\": {\"af_unix_mediation\": \"pathname\", \"sandbox_policy\": \"auto\"},\n"
    "\"groups\": {\"include\": [\"g\", {\"name\": \"h\", \"when\": \"linux\"}], \"exclude\": []},\n"
    "\"commands\": {\"allow\": [\"rm\"], \"deny\": [\"dd\"]},\n"
    "\"filesystem\": {\"allow\": [\"/a\"], \"unix_socket_subtree_bind\": [\"/s\"], "
    "\"suppress_save_prompt\": [\"/q\"], \"execute\": [\"/e\"]},\n"
    "\"network\": {\"block\": false, \"allow_http2\": true, \"network_profile\": \"dev\", "
    "\"allow_domain\": [\"a.example\", {\"domain\": \"b.example\", \"endpoints\": [{\"method\": "
    "\"GET\", \"path\": \"/v1/**\"}]}], \"deny_domain\": [\"*.evil.example\"], \"credentials\": "
    "[\"openai\"], \"open_port\": [3000], \"listen_port\": [8080], \"connect_port\": [5432], "
    "\"open_port_range\": [\"8000-8010\", [9000, 9001]], \"custom_credentials\": {\"x\": "
    "{\"upstream\": \"https://x.example\", \"credential_key\": \"x\", \"inject_mode\": "
    "\"header\", \"endpoint_rules\": [{\"method\": \"*\", \"path\": \"/\"}], "
    "\"endpoint_policy\": {\"default\": {\"decision\": \"approve\"}}, \"rate_limit\": "
    "{\"burst\": 5}}}, \"tls_intercept\": {\"enabled\": true}, \"upstream_proxy\": \"p:1\", "
    "\"upstream_bypass\": [\"q\"], \"no_proxy\": [\"r\"], \"deny_cloud_metadata\": true, "
    "\"allow_hosts\": [\"c.example\"], \"allow_endpoints\": [\"POST https://d.example/x\"]},\n"
    "\"credentials\": {\"proxy_mode\": true, \"keystore\": \"openai\"},\n"
    "\"env_credentials\": {\"openai\": \"OPENAI_API_KEY\", \"op://v/i/f\": {\"name\": \"K\", "
    "\"when\": \"macos\"}},\n"
    "\"environment\": {\"allow_vars\": [], \"deny_vars\": [\"A*\"], \"set_vars\": {\"X\": "
    "\"1\"}},\n"
    "\"credential_capture\": {\"c\": {\"command\": [\"pass\", \"x\"], \"timeout_secs\": 10, "
    "\"output\": {\"format\": \"json\", \"allow_headers\": [\"X-Y\"]}, \"stdin\": "
    "\"request_json\"}},\n"
    "\"command_policies\": {\"commands\": {}}, \"workdir\": {\"access\": \"readwrite\"},\n"
    "\"hooks\": {\"claude\": {\"event\": \"PreToolUse\", \"matcher\": \"*\", \"script\": "
    "\"x.sh\"}},\n"
    "\"session_hooks\": {\"before\": {\"script\": \"/b\", \"timeout_secs\": 5}, \"after\": "
    "{\"script\": \"/a\"}},\n"
    "\"rollback\": {\"exclude_patterns\": [\"node_modules\"], \"exclude_globs\": [\"*.log\"]},\n"
    "\"open_urls\": {\"allow_origins\": [\"https://a.example\"], \"allow_localhost\": true},\n"
    "\"allow_gpu\": true, \"allow_launch_services\": false, \"allow_parent_of_protected\": true,\n"
    "\"diagnostics\": {\"suppress_system_services\": []}, \"packs\": [\"a/b\"], "
    "\"command_args\": [\"-x\"], \"skipdirs\": [\"target\"], \"binary\": \"claude\", "
    "\"interactive\": true, \"unsafe_macos_seatbelt_rules\": [\"(x)\"],\n"
    "\"credential_providers\": {\"p\": {}}, \"credential_routes\": {\"r\": {}},\n"
    "\"platform_overrides\": {\"linux\": {\"filesystem\": {\"read\": [\"/only-linux\"]}}, "
    "\"macos\": {\"filesystem\": {\"read\": [\"/only-mac\"]}}},\n"
    "\"private_tmp\": true, \"workspace\": {\"protect_autorun\": false}, \"resources\": "
    "{\"memory\": \"512M\", \"max_processes\": 100, \"cpu\": 1.5, \"wall_time\": \"10m\"},\n"
    "\"audit\": {\"level\": \"changes\", \"integrity_hash\": true, \"evidence_fs\": false}\n}";

static void test_everything(void **state)
{
	struct err err = {0};
	_cleanup_(profile_freep) struct profile *p = read_as(everything, DOC_JSON, &err);
	_cleanup_(buf_free) struct buf b = {0};
	cJSON *j;

	(void)state;
	if (!p)
		fail_msg("%s", err.msg);
	assert_int_equal(p->extends.n, 2);
	assert_int_equal(p->signal_mode, POLICY_REACH_ISOLATED);
	assert_int_equal(p->ipc_mode, POLICY_IPC_FULL);
	assert_non_null(entries_find(&p->include, "h"));
	assert_non_null(entries_find(&p->fs[FS_READ], "/only-linux"));
	assert_null(entries_find(&p->fs[FS_READ], "/only-mac"));
	assert_int_equal(p->allow_domain.n, 4);
	assert_int_equal(p->endpoints.n, 2);
	assert_string_equal(p->endpoints.v[1].domain, "d.example");
	assert_string_equal(p->endpoints.v[1].method, "POST");
	assert_string_equal(p->endpoints.v[1].path, "/x");
	assert_non_null(entries_find(&p->open_port_range, "9000-9001"));
	assert_int_equal(p->env_credentials.n, 1); /* the other is for macOS */
	assert_true(p->env_allow.said && !p->env_allow.n);
	assert_string_equal(doc_get(p->session_before.at, "script")->string, "/b");
	assert_int_equal(p->n_command_policies, 1);
	assert_int_equal(p->audit_level, AUDIT_CHANGES);
	assert_int_equal(p->n_notes, 7); /* of other systems, or not read by this version */
	for (size_t i = 0; i < p->n_notes; i++)
		assert_int_equal(p->notes[i].kind, NOTE_NO_EFFECT);

	/* What it says can be read again, and says the same. */
	policy_profile_to_json(p, &b);
	j = cJSON_Parse(b.data);
	assert_non_null(j);
	cJSON_DeleteItemFromObject(j, "command_policies");
	char *text = cJSON_PrintUnformatted(j);
	_cleanup_(profile_freep) struct profile *q = read_as(text, DOC_JSON, &err);
	if (!q)
		fail_msg("%s", err.msg);
	assert_int_equal(q->endpoints.n, 2);
	assert_int_equal(q->fs[FS_READ].n, p->fs[FS_READ].n);
	cJSON_free(text);
	cJSON_Delete(j);
}

static void test_schema(void **state)
{
	_cleanup_(buf_free) struct buf b = {0}, reference = {0};
	cJSON *j;

	(void)state;
	policy_profile_schema(&b);
	j = cJSON_Parse(b.data);
	assert_non_null(j);
	for (const struct member *m = profile_members; m->name; m++)
		if (!cJSON_GetObjectItem(cJSON_GetObjectItem(j, "properties"), m->name))
			fail_msg("%s is not in the schema", m->name);
	cJSON_Delete(j);
	policy_profile_reference(&reference);
	assert_non_null(strstr(reference.data, "unix_socket_dir_bind"));
	assert_non_null(strstr(reference.data, "override_deny -> filesystem.bypass_protection"));
}

/* One profile, three ways to write it. */
static void test_three_syntaxes(void **state)
{
	static const char *const texts[] = {
	    [DOC_JSON] =
		"// mine\n{\"meta\": {\"name\": \"x\",}, \"filesystem\": {\"read\": [\"/a\", "
		"{\"path\": \"/b\", \"when\": \"!linux\"}], \"allow\": [\"~/c\"]}, \"network\": "
		"{\"block\": true}, \"environment\": {\"set_vars\": {\"A\": \"1\"}}}",
	    [DOC_TOML] = "# mine\n[meta]\nname = \"x\"\n[filesystem]\nread = [\"/a\", { path = "
			 "\"/b\", when = \"!linux\" }]\nallow = [\"~/c\"]\n[network]\nblock = "
			 "true\n[environment.set_vars]\nA = \"1\"\n",
	    [DOC_YAML] = "# mine\nmeta:\n  name: x\nfilesystem:\n  read:\n    - /a\n    - path: "
			 "/b\n      when: '!linux'\n  allow: ['~/c']\nnetwork:\n  block: "
			 "true\nenvironment:\n  set_vars:\n    A: '1'\n",
	};
	_cleanup_(buf_free) struct buf first = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct err err = {0};
		_cleanup_(profile_freep) struct profile *p = read_as(texts[i], i, &err);
		_cleanup_(buf_free) struct buf b = {0};

		if (!p)
			fail_msg("%s", err.msg);
		policy_profile_to_json(p, i ? &b : &first);
		if (i)
			assert_string_equal(b.data, first.data);
	}
	assert_non_null(strstr(first.data, "\"read\":[\"/a\"]"));
}

static void test_errors_have_places(void **state)
{
	static const struct {
		enum doc_format format;
		const char *text, *says;
	} table[] = {
	    {DOC_JSON, "{\n  \"filesystem\": {\n    \"alow\": []\n  }\n}",
	     "f:3:5: filesystem.alow: unknown member; did you mean \"allow\"?"},
	    {DOC_TOML, "[filesystem]\nalow = []\n",
	     "f:2:1: filesystem.alow: unknown member; did you mean \"allow\"?"},
	    {DOC_YAML, "filesystem:\n  alow: []\n",
	     "f:2:3: filesystem.alow: unknown member; did you mean \"allow\"?"},
	    {DOC_JSON, "{\"allow_domain\": []}", "it belongs into \"network\""},
	    {DOC_JSON, "{\"filesystem\": {\"unix-socket\": []}}", "did you mean \"unix_socket\""},
	    {DOC_JSON, "{\"zzz\": 1}", "nono profile guide"},
	    {DOC_JSON, "{\"network\": {\n \"custom_credentials\": {\"x\":\n {\"upstrem\": 1}}}}",
	     "f:3:3: network.custom_credentials.x.upstrem: unknown member; did you mean "
	     "\"upstream\"?"},
	    {DOC_JSON, "{\"network\": {\"custom_credentials\": {\"x\": {}}}}",
	     "needs a \"upstream\""},
	    {DOC_JSON, "{\"network\": {\"open_port\": [0]}}", "1 to 65535"},
	    {DOC_JSON, "{\"network\": {\"open_port\": [\"80\"]}}", "1 to 65535"},
	    {DOC_JSON, "{\"network\": {\"open_port_range\": [\"9-8\"]}}", "a range is"},
	    {DOC_JSON, "{\"network\": {\"allow_domain\": [{\"domain\": \"a\", \"x\": 1}]}}",
	     "unknown member of an entry"},
	    {DOC_JSON, "{\"network\": {\"allow_endpoints\": [\"GET host\"]}}", "GET host/path"},
	    {DOC_JSON, "{\"security\": {\"ipc_mode\": \"open\"}}",
	     "\"shared_memory_only\" or \"full\""},
	    {DOC_JSON, "{\"session_hooks\": {\"before\": {\"script\": \"x.sh\"}}}", "absolute"},
	    {DOC_JSON, "{\"session_hooks\": {\"before\": {}}}", "needs a \"script\""},
	    {DOC_JSON, "{\"secrets\": {\"a\": \"A B\"}}", "name of a variable"},
	    {DOC_JSON, "{\"binary\": \"a\", \"binary\": \"b\"}", "binary"},
	    {DOC_JSON, "{\"network\": {\"upstream_proxy\": \"a\", \"external_proxy\": \"b\"}}",
	     "in two spellings"},
	    {DOC_JSON, "{\"platform_overrides\": {\"beos\": {}}}", "no system"},
	    {DOC_JSON, "{\"platform_overrides\": {\"macos\": {\"filesytem\": {}}}}",
	     "platform_overrides.macos.filesytem"},
	    {DOC_JSON, "{\"platform_overrides\": {\"linux\": {\"extends\": \"x\"}}}", "can't be"},
	    {DOC_TOML, "[resources]\ncpu = inf\n", "f:2:1: resources.cpu: must be a number above"},
	    {DOC_JSON, "{\"resources\": {\"memory\": -1}}", "above 0"},
	    {DOC_JSON, "{\"filesystem\": {\"read\": [\"/a\", null]}}", "f:1:32:"},
	    {DOC_JSON, "[]", "must be an object"},
	    {DOC_YAML, "- a\n", "must be an object"},
	    {DOC_JSON,
	     "{\"credential_capture\": {\"c\": {\"command\": [\"x\"], "
	     "\"timeout_secs\": 301}}}",
	     "from 1 to 300"},
	    {DOC_JSON, "{\"\\u202eevil\": 1}", "<U+202E>evil"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct err err = {0};
		_cleanup_(profile_freep) struct profile *p =
		    read_as(table[i].text, table[i].format, &err);

		if (p || !strstr(err.msg, table[i].says))
			fail_msg("%s: %s", table[i].text, p ? "taken" : err.msg);
	}
}

static void test_old_spellings(void **state)
{
	static const char text[] =
	    "{\"network\": {\"proxy_allow\": [\"a\"], \"allow_domain\": [\"b\"], \"port_allow\": "
	    "[1]}, \"secrets\": {\"k\": \"K\"}, \"undo\": {\"exclude_globs\": [\"*\"]}, "
	    "\"filesystem\": {\"override_deny\": [\"/x\"], \"ignore\": [\"/y\"]}, \"policy\": "
	    "{\"add_allow_read\": [\"/z\"]}}";
	struct err err = {0};
	_cleanup_(profile_freep) struct profile *p = read_as(text, DOC_JSON, &err);
	size_t deprecated = 0;

	(void)state;
	if (!p)
		fail_msg("%s", err.msg);
	assert_int_equal(p->allow_domain.n, 2);
	assert_non_null(entries_find(&p->open_port, "1"));
	assert_non_null(entries_find(&p->env_credentials, "k"));
	assert_int_equal(p->rollback_globs.n, 1);
	assert_non_null(entries_find(&p->fs[FS_BYPASS], "/x"));
	assert_non_null(entries_find(&p->fs[FS_SUPPRESS_SAVE], "/y"));
	assert_non_null(entries_find(&p->fs[FS_READ], "/z"));
	for (size_t i = 0; i < p->n_notes; i++)
		deprecated += p->notes[i].kind == NOTE_DEPRECATED;
	assert_int_equal(deprecated, 8);
}

static void test_when(void **state)
{
	static const struct {
		const char *predicate;
		int fedora, ubuntu; /* -1: no predicate */
	} table[] = {
	    {"linux", 1, 1},
	    {"!linux", 0, 0},
	    {"macos", 0, 0},
	    {"macos:>=15", 0, 0},
	    {"!macos", 1, 1},
	    {"!macos:<14", 1, 1},
	    {"windows", 0, 0},
	    {"linux:fedora", 1, 0},
	    {"!linux:fedora", 0, 1},
	    {"!linux:nixos", 1, 1},
	    {"linux:fedora-like", 1, 0},
	    {"linux:rhel-like", 1, 0},
	    {"linux:rhel", 0, 0},
	    {"linux:debian-like", 0, 1},
	    {"linux:debian", 0, 0},
	    {"linux:fedora-like:>=43", 1, 0},
	    {"linux:fedora:>=44", 0, 0},
	    {"linux:fedora:<44", 1, 0},
	    {"linux:fedora:43", 1, 0},
	    {"linux:ubuntu:24.04", 0, 1},
	    {"linux:ubuntu:>24", 0, 1},
	    {"linux:ubuntu:>24.4", 0, 0},
	    {"linux:ubuntu:<=24.10", 0, 1},
	    {"linux:>=40", 1, 0},
	    {"beos", -1, -1},
	    {"", -1, -1},
	    {"!", -1, -1},
	    {"linux:", -1, -1},
	    {"linux::1", -1, -1},
	    {"linux:fedora:new", -1, -1},
	    {"linux:>=1:2", -1, -1},
	    {"linux:a:1:2", -1, -1},
	    {"linux:Fedora", -1, -1},
	    {"macos:>=x", -1, -1},
	    {"!!linux", -1, -1},
	};
	static const struct policy_host ubuntu = {"ubuntu", "debian", "24.04"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		int f = when_holds(table[i].predicate, &host, NULL);
		int u = when_holds(table[i].predicate, &ubuntu, NULL);

		if (f != table[i].fedora || u != table[i].ubuntu)
			fail_msg("%s: %d %d", table[i].predicate, f, u);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_everything),	   cmocka_unit_test(test_schema),
	    cmocka_unit_test(test_three_syntaxes), cmocka_unit_test(test_errors_have_places),
	    cmocka_unit_test(test_old_spellings),  cmocka_unit_test(test_when),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
