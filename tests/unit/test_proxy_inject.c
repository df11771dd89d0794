/* Credentials in heads: stand-ins are found and taken out, secrets put in, requests signed, paced.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "network/credentials/proxy.h"

/* The address sanitizer makes mlock() do nothing. */
#ifdef NONO_SANITIZE
#define SANITIZED true
#else
#define SANITIZED false
#endif

/* ---- a head ---------------------------------------------------------------- */

struct fake {
	char target[8192];
	char names[16][64], values[16][8192];
	size_t n;
};

static const char *fake_target(void *data, size_t *n)
{
	struct fake *f = data;

	*n = strlen(f->target);
	return f->target;
}
static const char *fake_get(void *data, const char *name, size_t i, size_t *n)
{
	struct fake *f = data;

	for (size_t k = 0; k < f->n; k++)
		if (!strcasecmp(f->names[k], name) && i-- == 0) {
			*n = strlen(f->values[k]);
			return f->values[k];
		}
	return NULL;
}
static bool fake_each(void *data, size_t i, const char **name, size_t *name_n, const char **value,
		      size_t *value_n)
{
	struct fake *f = data;

	if (i >= f->n)
		return false;
	*name = f->names[i];
	*name_n = strlen(*name);
	*value = f->values[i];
	*value_n = strlen(*value);
	return true;
}
static int fake_set_target(void *data, const char *target, size_t n)
{
	struct fake *f = data;

	if (n >= sizeof(f->target))
		return -1;
	memmove(f->target, target, n);
	f->target[n] = '\0';
	return 0;
}
static int fake_add(void *data, const char *name, const char *value, size_t n)
{
	struct fake *f = data;

	if (f->n == 16 || n >= sizeof(f->values[0]))
		return -1;
	str_copy(f->names[f->n], sizeof(f->names[0]), name);
	memcpy(f->values[f->n], value, n);
	f->values[f->n++][n] = '\0';
	return 0;
}
static void fake_remove(void *data, const char *name)
{
	struct fake *f = data;

	for (size_t i = f->n; i-- > 0;)
		if (!strcasecmp(f->names[i], name)) {
			f->n--;
			memmove(f->names[i], f->names[i + 1], (f->n - i) * sizeof(f->names[0]));
			memmove(f->values[i], f->values[i + 1], (f->n - i) * sizeof(f->values[0]));
		}
}
static struct credential_head head_of(struct fake *f)
{
	return (struct credential_head){.data = f,
					.method = "GET",
					.target = fake_target,
					.get = fake_get,
					.each = fake_each,
					.set_target = fake_set_target,
					.add = fake_add,
					.remove = fake_remove};
}
/* "Name: value", NULL = none */
static void fill(struct fake *f, const char *target, const char *header)
{
	const char *colon = header ? strstr(header, ": ") : NULL;

	memset(f, 0, sizeof(*f));
	str_copy(f->target, sizeof(f->target), target);
	if (!colon)
		return;
	snprintf(f->names[0], sizeof(f->names[0]), "%.*s", (int)(colon - header), header);
	str_copy(f->values[f->n++], sizeof(f->values[0]), colon + 2);
}

/* ---- a proxy's credentials, without a proxy ---------------------------------- */

#define PHANTOM "nono-0123456789abcdef"

struct rig {
	struct net_config config;
	struct policy_route policy;
	struct credential_route route;
	struct credential_slot slot;
	struct credential_want want;
	struct credentials c;
};

static void rig(struct rig *r, const struct policy_route *p, const char *secret)
{
	memset(r, 0, sizeof(*r));
	r->policy = *p;
	r->config.network.routes.v = &r->policy;
	r->config.network.routes.n = 1;
	r->route.policy = &r->policy;
	r->route.phantom = PHANTOM;
	r->route.phantom_n = strlen(PHANTOM);
	r->c.config = &r->config;
	r->c.routes = &r->route;
	r->c.n = 1;
	r->want.slot = &r->slot;
	if (secret)
		assert_int_equal(secret_set(&r->slot.value, secret, strlen(secret), NULL), 0);
}

static struct policy_route by_header(const char *header, const char *format)
{
	return (struct policy_route){
	    .name = (char *)"r",
	    .upstream = (char *)"https://api.example.com",
	    .inject = {.header = (char *)header, .format = (char *)format},
	};
}

/* ---- who asks ---------------------------------------------------------------- */

static void test_check(void **state)
{
	static const struct {
		const char *target, *header;
		enum credential_check want;
		const char *mechanism, *left; /* target afterwards */
	} cases[] = {
	    {"/v1", NULL, CREDENTIAL_NONE, NULL, "/v1"},
	    {"/v1", "x-api-key: " PHANTOM, CREDENTIAL_OK, "phantom_header", "/v1"},
	    {"/v1", "X-Api-Key:  " PHANTOM " ", CREDENTIAL_OK, "phantom_header", "/v1"},
	    {"/v1", "x-api-key: " PHANTOM "0", CREDENTIAL_WRONG, NULL, "/v1"},
	    {"/v1", "x-api-key: nono-0123456789abcde", CREDENTIAL_WRONG, NULL, "/v1"},
	    {"/v1", "x-api-key: ", CREDENTIAL_WRONG, NULL, "/v1"},
	    {"/v1", "x-api-key: sk-of-somebody-else", CREDENTIAL_WRONG, NULL, "/v1"},
	    {"/v1", "Authorization: Bearer " PHANTOM, CREDENTIAL_OK, "phantom_header", "/v1"},
	    {"/v1", "Authorization: token " PHANTOM, CREDENTIAL_OK, "phantom_header", "/v1"},
	    /* Of another login: not this route's. */
	    {"/v1", "Authorization: Bearer other", CREDENTIAL_NONE, NULL, "/v1"},
	    /* user:stand-in, stand-in:, stand-in */
	    {"/v1", "Authorization: Basic dXNlcjpub25vLTAxMjM0NTY3ODlhYmNkZWY=", CREDENTIAL_OK,
	     "phantom_header", "/v1"},
	    {"/v1", "Authorization: basic bm9uby0wMTIzNDU2Nzg5YWJjZGVmOg==", CREDENTIAL_OK,
	     "phantom_header", "/v1"},
	    {"/v1", "Authorization: Basic bm9uby0wMTIzNDU2Nzg5YWJjZGVm", CREDENTIAL_OK,
	     "phantom_header", "/v1"},
	    {"/v1", "Authorization: Basic dXNlcjpvdGhlcg==", CREDENTIAL_NONE, NULL, "/v1"},
	    {"/v1", "Authorization: Basic =", CREDENTIAL_NONE, NULL, "/v1"},
	    {"/v1", "Authorization: Basic ***", CREDENTIAL_NONE, NULL, "/v1"},
	    {"/v1?key=" PHANTOM, NULL, CREDENTIAL_OK, "phantom_query", "/v1"},
	    {"/v1?key=" PHANTOM "&a=1", NULL, CREDENTIAL_OK, "phantom_query", "/v1?a=1"},
	    {"/v1?a=1&key=" PHANTOM, NULL, CREDENTIAL_OK, "phantom_query", "/v1?a=1"},
	    {"/v1?a=1&key=" PHANTOM "&b", NULL, CREDENTIAL_OK, "phantom_query", "/v1?a=1&b"},
	    {"/v1?monkey=" PHANTOM, NULL, CREDENTIAL_NONE, NULL, "/v1?monkey=" PHANTOM},
	    {"/key=" PHANTOM, NULL, CREDENTIAL_NONE, NULL, "/key=" PHANTOM},
	};
	struct policy_route p = by_header("x-api-key", "{}");
	struct rig r;
	struct fake f;

	(void)state;
	rig(&r, &p, NULL);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct credential_head head = head_of(&f);
		const char *mechanism;

		fill(&f, cases[i].target, cases[i].header);
		if (credentials_check(&r.c, &r.policy, &head, &mechanism) != cases[i].want)
			fail_msg("%s %s", cases[i].target, cases[i].header);
		assert_string_equal(f.target, cases[i].left);
		if (cases[i].want != CREDENTIAL_OK)
			continue;
		assert_string_equal(mechanism, cases[i].mechanism);
		assert_int_equal(f.n, 0); /* taken out */
	}
	/* A route without a stand-in lets nobody in. */
	r.route.phantom = NULL;
	r.route.phantom_n = 0;
	for (size_t i = 0; i < 3; i++) {
		const char *mechanism;
		struct credential_head head = head_of(&f);

		fill(&f, "/", i == 0 ? "x-api-key: " : i == 1 ? "x-api-key: x" : NULL);
		assert_int_not_equal(credentials_check(&r.c, &r.policy, &head, &mechanism),
				     CREDENTIAL_OK);
	}
}

/* The stand-in comes in one place, the secret goes to another. */
static void test_places(void **state)
{
	struct policy_route p = by_header("Authorization", "Bearer {}");
	struct rig r;
	struct fake f;
	struct credential_head head = head_of(&f);
	struct err err = {0};
	const char *word;

	(void)state;
	/* In the path, as bots have it. */
	p.inject = (struct policy_injection){.mode = POLICY_INJECT_PATH,
					     .path_pattern = (char *)"/bot{}/",
					     .path_replacement = (char *)"/bot{}/"};
	rig(&r, &p, "12:AB/C d");
	fill(&f, "/bot" PHANTOM "/send?x=/bot1/", NULL);
	assert_int_equal(credentials_check(&r.c, &r.policy, &head, &word), CREDENTIAL_OK);
	assert_string_equal(word, "phantom_path");
	assert_int_equal(
	    credentials_inject(&r.c, &r.policy, &head, &r.want, "h", NULL, 0, &word, &err), 0);
	assert_string_equal(f.target, "/bot12%3AAB%2FC%20d/send?x=/bot1/");
	assert_string_equal(word, "url_path");
	fill(&f, "/botother/send", NULL);
	assert_int_equal(credentials_check(&r.c, &r.policy, &head, &word), CREDENTIAL_WRONG);
	fill(&f, "/send?x=/bot" PHANTOM "/", NULL);
	assert_int_equal(credentials_check(&r.c, &r.policy, &head, &word), CREDENTIAL_NONE);
	assert_int_equal(
	    credentials_inject(&r.c, &r.policy, &head, &r.want, "h", NULL, 0, &word, &err), -1);
	/* In the query; what the agent wrote there is gone. */
	r.policy.inject =
	    (struct policy_injection){.mode = POLICY_INJECT_QUERY, .query = (char *)"key"};
	static const char *const queries[][2] = {
	    {"/v1", "/v1?key=12%3AAB%2FC%20d"},
	    {"/v1?", "/v1?key=12%3AAB%2FC%20d"},
	    {"/v1?a=1", "/v1?a=1&key=12%3AAB%2FC%20d"},
	    {"/v1?key=mine&a=1&key=again", "/v1?a=1&key=12%3AAB%2FC%20d"},
	};
	for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
		fill(&f, queries[i][0], NULL);
		assert_int_equal(
		    credentials_inject(&r.c, &r.policy, &head, &r.want, "h", NULL, 0, &word, &err),
		    0);
		assert_string_equal(f.target, queries[i][1]);
	}
	/* Basic. */
	r.policy.inject =
	    (struct policy_injection){.mode = POLICY_INJECT_BASIC, .format = (char *)"git:{}"};
	fill(&f, "/", "authorization: agent's own");
	assert_int_equal(
	    credentials_inject(&r.c, &r.policy, &head, &r.want, "h", NULL, 0, &word, &err), 0);
	assert_int_equal(f.n, 1);
	assert_string_equal(f.values[0], "Basic Z2l0OjEyOkFCL0MgZA==");
	/* A header, once. */
	r.policy.inject =
	    (struct policy_injection){.header = (char *)"X-Key", .format = (char *)"v={};"};
	fill(&f, "/", "x-key: agent's own");
	assert_int_equal(
	    credentials_inject(&r.c, &r.policy, &head, &r.want, "h", NULL, 0, &word, &err), 0);
	assert_int_equal(f.n, 1);
	assert_string_equal(f.values[0], "v=12:AB/C d;");
	r.policy.inject = (struct policy_injection){0};
	assert_int_equal(
	    credentials_inject(&r.c, &r.policy, &head, &r.want, "h", NULL, 0, &word, &err), 0);
	assert_string_equal(f.names[1], "Authorization");
	assert_string_equal(f.values[1], "Bearer 12:AB/C d");
	secret_free(&r.slot.value);
}

static void test_redact(void **state)
{
	struct policy_route p = by_header("x", "{}");
	struct rig r;
	char text[] = "/bot" PHANTOM "/" PHANTOM "x", none[] = "";

	(void)state;
	rig(&r, &p, NULL);
	credentials_redact(&r.c, text);
	assert_string_equal(text, "/bot***/***x");
	credentials_redact(&r.c, none);
	assert_string_equal(none, "");
}

/* A secret with a line break ends no header. */
static void test_lines(void **state)
{
	static const char *const bad[] = {"a\r\nX-Evil: 1", "a\nb", "a\x7f", "a\tb"};
	struct policy_route p = by_header("x-api-key", "{}");
	struct err err;
	const char *word;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct rig r;
		struct fake f;
		struct credential_head head = head_of(&f);

		rig(&r, &p, bad[i]);
		fill(&f, "/", NULL);
		assert_int_equal(
		    credentials_inject(&r.c, &r.policy, &head, &r.want, "h", NULL, 0, &word, &err),
		    -1);
		assert_null(strstr(err.msg, bad[i]));
		assert_int_equal(f.n, 0);
		secret_free(&r.slot.value);
	}
}

/* ---- signatures ---------------------------------------------------------------- */

/* Reckoned by an implementation of its own, in Python; the first is the example of AWS's
 * documentation. */
static void test_sigv4(void **state)
{
	static const struct {
		const char *method, *target, *header, *host, *region, *service, *payload, *want;
	} cases[] = {
#include "tests/unit/sigv4_vectors.h"
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fake f;
		struct credential_head head = head_of(&f);
		struct sigv4 s = {.method = cases[i].method,
				  .host = cases[i].host,
				  .target = cases[i].target,
				  .target_n = strlen(cases[i].target),
				  .region = cases[i].region,
				  .service = cases[i].service,
				  .access_key = "AKIDEXAMPLE",
				  .secret_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
				  .payload = cases[i].payload,
				  .now = 1440938160,
				  .head = &head};
		_cleanup_(buf_free) struct buf out = {0};
		struct err err;

		fill(&f, cases[i].target, cases[i].header);
		fake_add(&f, "X-Amz-Date", "20150830T123600Z", 16);
		assert_int_equal(sigv4_sign(&s, &out, &err), 0);
		assert_string_equal(out.data, cases[i].want);
	}
}

static void test_aws(void **state)
{
	struct policy_route p = {.name = (char *)"a", .aws = {.on = true}};
	struct rig r;
	struct fake f;
	struct credential_head head = head_of(&f);
	struct err err = {0};
	const char *word;

	(void)state;
	rig(&r, &p, NULL);
	str_copy(r.route.host.name, sizeof(r.route.host.name),
		 "bedrock-runtime.eu-west-1.amazonaws.com");
	assert_int_equal(credential_list_add(&r.slot.value, "access_key", "AKIAREAL", NULL), 0);
	assert_int_equal(credential_list_add(&r.slot.value, "secret_key", "real", NULL), 0);
	assert_int_equal(credential_list_add(&r.slot.value, "token", "session", NULL), 0);
	fill(&f, "/model/x/invoke",
	     "Authorization: AWS4-HMAC-SHA256 Credential=" PHANTOM
	     "/20260101/x/y/aws4_request, SignedHeaders=host, Signature=0");
	fake_add(&f, "x-amz-security-token", "agent's", 7);
	assert_true(credentials_needs_body(&r.c, &r.policy, &head));
	assert_int_equal(credentials_check(&r.c, &r.policy, &head, &word), CREDENTIAL_OK);
	assert_int_equal(credentials_inject(&r.c, &r.policy, &head, &r.want,
					    "bedrock-runtime.eu-west-1.amazonaws.com", "{}", 2,
					    &word, &err),
			 0);
	size_t n;
	const char *v = fake_get(&f, "authorization", 0, &n);
	assert_non_null(strstr(v, "Credential=AKIAREAL/"));
	assert_non_null(strstr(v, "/eu-west-1/bedrock/aws4_request"));
	assert_string_equal(fake_get(&f, "x-amz-security-token", 0, &n), "session");
	assert_string_equal(fake_get(&f, "x-amz-content-sha256", 0, &n),
			    "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
	/* Chunks that were signed with the agent's keys. */
	fill(&f, "/", "x-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
	assert_int_equal(
	    credentials_inject(&r.c, &r.policy, &head, &r.want, "h", NULL, 0, &word, &err), -1);
	assert_non_null(strstr(err.msg, "chunks"));
	/* S3 takes bodies that are not signed. */
	str_copy(r.route.host.name, sizeof(r.route.host.name), "bucket.s3.eu-west-1.amazonaws.com");
	assert_false(credentials_needs_body(&r.c, &r.policy, &head));
	fill(&f, "/a%2Fb", NULL);
	assert_int_equal(
	    credentials_inject(&r.c, &r.policy, &head, &r.want, "h", NULL, 0, &word, &err), 0);
	assert_string_equal(fake_get(&f, "x-amz-content-sha256", 0, &n), "UNSIGNED-PAYLOAD");
	secret_free(&r.slot.value);
}

/* ---- the rest -------------------------------------------------------------------- */

static void test_pace(void **state)
{
	struct policy_route p = {
	    .name = (char *)"r", .per_minute = 60, .burst = 3, .max_delay_s = 2};
	struct rig r;
	unsigned retry;

	(void)state;
	rig(&r, &p, NULL);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(credentials_pace(&r.c, &r.policy, &retry), 0);
	assert_in_range(credentials_pace(&r.c, &r.policy, &retry), 900000, 1000000);
	assert_in_range(credentials_pace(&r.c, &r.policy, &retry), 1900000, 2000000);
	assert_true(credentials_pace(&r.c, &r.policy, &retry) == UINT64_MAX);
	assert_in_range(retry, 2, 3);
	r.policy.per_minute = 0;
	assert_int_equal(credentials_pace(&r.c, &r.policy, &retry), 0);
}

static void test_phantoms(void **state)
{
	static const struct {
		const char *name, *prefix;
	} cases[] = {{"openai", "sk-nono-"}, {"anthropic", "sk-ant-api03-nono-"},
		     {"gemini", "AIzaNono"}, {"google-ai", "AIzaNono"},
		     {"github", "ghp_nono"}, {"gitlab", "glpat-nono-"}};
	char one[PHANTOM_MAX], two[PHANTOM_MAX];
	const char *name;

	(void)state;
	for (size_t i = 0; (name = policy_builtin_route_name(i)); i++) {
		struct policy_route r;

		assert_true(policy_builtin_route(name, &r));
		assert_string_equal(name, cases[i].name);
		credential_phantom(&r, one);
		credential_phantom(&r, two);
		assert_true(str_starts(one, cases[i].prefix));
		assert_string_not_equal(one, two);
		assert_true(strlen(one) >= strlen(cases[i].prefix) + 48);
		if (str_eq(name, "anthropic")) /* known again by its end */
			assert_string_equal(one + strlen(one) - 20, two + strlen(two) - 20);
		policy_route_free(&r);
	}
	assert_int_equal(ARRAY_LEN(cases), 6);
	credential_phantom(
	    &(struct policy_route){.name = (char *)"x", .upstream = (char *)"https://x"}, one);
	assert_true(str_starts(one, "nono-"));
	credential_phantom(&(struct policy_route){.name = (char *)"x", .aws = {.on = true}}, one);
	assert_true(str_starts(one, "AKIANONO"));
}

static void test_secret(void **state)
{
	struct secret s = {0};
	char line[256];
	bool locked = false;
	FILE *f;

	(void)state;
	assert_true(secret_equal("abc", 3, "abc", 3));
	assert_true(secret_equal("", 0, "", 0));
	assert_false(secret_equal("abc", 3, "abd", 3));
	assert_false(secret_equal("abc", 3, "ab", 2));
	assert_false(secret_equal("ab", 2, "abc", 3));
	assert_false(secret_equal("a", 1, "", 0));
	assert_int_equal(secret_set(&s, "hello", 5, NULL), 0);
	for (size_t i = 0; i < 3000; i++)
		assert_int_equal(secret_add(&s, "hello", 5, NULL), 0);
	assert_int_equal(s.len, 15005);
	assert_memory_equal(s.data + 15000, "hello", 6);
	assert_int_equal(secret_reserve(&s, 100 << 20, NULL), -1);
	/* Neither swapped nor dumped nor inherited: lo, dd, wf. */
	f = fopen("/proc/self/smaps", "re");
	assert_non_null(f);
	for (bool here = false; fgets(line, sizeof(line), f);) {
		unsigned long from, to;

		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			here = from <= (unsigned long)s.data && (unsigned long)s.data < to;
		if (here && str_starts(line, "VmFlags:"))
			locked = (SANITIZED || strstr(line, " lo")) && strstr(line, " dd") &&
				 strstr(line, " wf");
	}
	fclose(f);
	assert_true(locked);
	secret_free(&s);
	assert_null(s.data);
}

static void test_references(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
	    {"openai", true},
	    {"a b", false},
	    {"", false},
	    {"a-b", false},
	    {"keyring://s/a", true},
	    {"keyring://s", false},
	    {"keyring:///a", false},
	    {"env://A_1", true},
	    {"env://1A", false},
	    {"env://", false},
	    {"file:///x", true},
	    {"file://x", false},
	    {"kernel://nono:x", true},
	    {"kernel://", false},
	    {"cmd://x", true},
	    {"op://v/i/f", true},
	    {"op://", false},
	    {"op://--help", false},
	    {"bw://x", true},
	    {"bw://--help", false},
	    {"vault://a/b#c", true},
	    {"vault://a/b", false},
	    {"vault://-x#c", false},
	    {"vault://#c", false},
	    {"https://x", false},
	    {"file:///a\nb", false},
	};
	char huge[3000];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if ((credential_reference_check(cases[i].text, NULL) == 0) != cases[i].good)
			fail_msg("%s", cases[i].text);
	memset(huge, 'a', sizeof(huge) - 1);
	huge[sizeof(huge) - 1] = '\0';
	assert_int_equal(credential_reference_check(huge, NULL), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_check),      cmocka_unit_test(test_places),
	    cmocka_unit_test(test_lines),      cmocka_unit_test(test_sigv4),
	    cmocka_unit_test(test_aws),	       cmocka_unit_test(test_pace),
	    cmocka_unit_test(test_phantoms),   cmocka_unit_test(test_secret),
	    cmocka_unit_test(test_references), cmocka_unit_test(test_redact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
