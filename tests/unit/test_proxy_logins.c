/* Logins of the agent itself: its tokens stay with the proxy, stand-ins go both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "network/credentials/proxy.h"
#include "policy/policy.h"

#define ACCESS	"sk-ant-oat01-REALACCESS/+\""
#define REFRESH "sk-ant-ort01-REALREFRESH/+"
#define JWT	"eyJhbGciOiJSUzI1NiJ9.eyJhY2NvdW50IjoiMTIzIn0.REALSIGNATURE"

/* A head of one header. */
struct one {
	const char *target;
	char name[64], value[1024];
};
static const char *target(void *data, size_t *n)
{
	*n = strlen(((struct one *)data)->target);
	return ((struct one *)data)->target;
}
static const char *get(void *data, const char *name, size_t i, size_t *n)
{
	struct one *o = data;

	*n = strlen(o->value);
	return i == 0 && !strcasecmp(o->name, name) ? o->value : NULL;
}
static int add(void *data, const char *name, const char *value, size_t n)
{
	struct one *o = data;

	str_copy(o->name, sizeof(o->name), name);
	snprintf(o->value, sizeof(o->value), "%.*s", (int)n, value);
	return 0;
}
static void drop(void *data, const char *name)
{
	struct one *o = data;

	if (!strcasecmp(o->name, name))
		o->name[0] = '\0';
}
static struct credential_head head_of(struct one *o)
{
	return (struct credential_head){
	    .data = o, .method = "POST", .target = target, .get = get, .add = add, .remove = drop};
}
static struct net_host host(const char *name)
{
	struct net_host h = {0};

	str_copy(h.name, sizeof(h.name), name);
	return h;
}

struct rig {
	struct net_config config;
	struct credentials c;
};
static void rig(struct rig *r)
{
	struct err err;
	struct policy_network *n = &r->config.network;

	memset(r, 0, sizeof(*r));
	n->n_logins = policy_builtin_logins("claude", &n->logins, 0);
	n->n_logins += policy_builtin_logins("github", &n->logins, n->n_logins);
	assert_int_equal(n->n_logins, 3);
	r->c.config = &r->config;
	r->c.logins = logins_new(n, &err);
	assert_non_null(r->c.logins);
}
static void unrig(struct rig *r)
{
	logins_free(r->c.logins);
	for (size_t i = 0; i < r->config.network.n_logins; i++)
		policy_login_free(&r->config.network.logins[i]);
	free(r->config.network.logins);
}

static const struct policy_login *login_at(struct rig *r, const char *name, const char *path)
{
	struct one o = {.target = path};
	struct credential_head head = head_of(&o);
	struct net_host h = host(name);

	return credentials_login(&r->c, &h, 443, &head);
}

static void test_endpoints(void **state)
{
	struct rig r;

	(void)state;
	rig(&r);
	assert_non_null(login_at(&r, "console.anthropic.com", "/v1/oauth/token"));
	assert_non_null(login_at(&r, "console.anthropic.com", "/v1/oauth/token?x=1"));
	assert_null(login_at(&r, "console.anthropic.com", "/v1/oauth/tokens"));
	assert_null(login_at(&r, "console.anthropic.com", "/v1/oauth"));
	assert_null(login_at(&r, "api.anthropic.com", "/v1/oauth/token"));
	unrig(&r);
}

static void test_both_ways(void **state)
{
	static const char answer[] =
	    "{\"token_type\":\"Bearer\",\"access_token\":\"sk-ant-oat01-REALACCESS/+\\\"\","
	    "\"refresh_token\":\"" REFRESH "\",\"nested\":[{\"id_token\":\"" JWT "\"}],"
	    "\"expires_in\":28800,\"account\":{\"email\":\"a@b\"}}";
	const struct policy_login *l;
	_cleanup_(buf_free) struct buf out = {0}, again = {0}, body = {0};
	_cleanup_(secret_free) struct secret sent = {0}, form = {0}, other = {0};
	struct one o = {.target = "/v1/oauth/token", .name = "accept-encoding", .value = "gzip"};
	struct credential_head head = head_of(&o);
	struct net_host api = host("api.anthropic.com"), evil = host("evil.example");
	const char *access, *refresh, *id;
	struct err err = {0};
	struct rig r;
	cJSON *v;

	(void)state;
	rig(&r);
	l = login_at(&r, "console.anthropic.com", "/v1/oauth/token");
	assert_int_equal(credentials_login_answer(&r.c, l, answer, strlen(answer), &out, &err), 0);
	assert_null(strstr(out.data, "REAL"));
	v = cJSON_Parse(out.data);
	access = cJSON_GetStringValue(cJSON_GetObjectItem(v, "access_token"));
	refresh = cJSON_GetStringValue(cJSON_GetObjectItem(v, "refresh_token"));
	id = cJSON_GetStringValue(cJSON_GetObjectItem(
	    cJSON_GetArrayItem(cJSON_GetObjectItem(v, "nested"), 0), "id_token"));
	assert_true(str_starts(access, "sk-ant-oat01-nono-"));
	assert_true(str_starts(refresh, "sk-ant-ort01-nono-"));
	assert_true(str_starts(
	    id, "eyJhbGciOiJSUzI1NiJ9.eyJhY2NvdW50IjoiMTIzIn0.nono")); /* its claims can be read */
	assert_int_equal(cJSON_GetNumberValue(cJSON_GetObjectItem(v, "expires_in")), 28800);
	/* The same tokens, the same stand-ins. */
	assert_int_equal(credentials_login_answer(&r.c, l, answer, strlen(answer), &again, &err),
			 0);
	assert_string_equal(out.data, again.data);

	/* A refresh, as JSON and as a form. */
	buf_addf(&body, "{\"grant_type\":\"refresh_token\",\"refresh_token\":\"%s\",\"x\":\"%s\"}",
		 refresh, access);
	assert_int_equal(
	    credentials_login_request(&r.c, l, &head, body.data, body.len, &sent, &err), 0);
	assert_string_equal(sent.data,
			    "{\"grant_type\":\"refresh_token\",\"refresh_token\":\"" REFRESH
			    "\",\"x\":\"sk-ant-oat01-REALACCESS/+\\\"\"}");
	assert_string_equal(o.name, ""); /* Accept-Encoding */
	add(&o, "Content-Type", "application/x-www-form-urlencoded; charset=utf-8", 48);
	buf_clear(&body);
	buf_addf(&body, "refresh_token=%s&a=b", refresh);
	assert_int_equal(
	    credentials_login_request(&r.c, l, &head, body.data, body.len, &form, &err), 0);
	assert_string_equal(form.data, "refresh_token=sk-ant-ort01-REALREFRESH%2F%2B&a=b");
	/* Not at another login's endpoint. */
	assert_int_equal(
	    credentials_login_request(&r.c, login_at(&r, "github.com", "/login/oauth/access_token"),
				      &head, body.data, body.len, &other, &err),
	    0);
	assert_string_equal(other.data, body.data);

	/* In headers, where it belongs. */
	snprintf(o.value, sizeof(o.value), "Bearer %s", access);
	str_copy(o.name, sizeof(o.name), "Authorization");
	assert_false(credentials_login_headers(&r.c, &evil, &head));
	assert_null(strstr(o.value, "REAL"));
	assert_true(credentials_login_headers(&r.c, &api, &head));
	assert_string_equal(o.value, "Bearer " ACCESS);
	assert_false(
	    credentials_login_headers(&r.c, &api, &head)); /* the real one is no stand-in */
	cJSON_Delete(v);
	unrig(&r);
}

static void test_forms(void **state)
{
	static const char answer[] =
	    "access_token=gho_REAL%2Fx&scope=repo&refresh_token=ghr_REALREAL&t=bearer";
	static const char *const plain[] = {"", "{\"error\":\"invalid_grant\"}",
					    "error=slow_down&interval=5", "<html>no</html>"};
	const struct policy_login *l;
	_cleanup_(buf_free) struct buf out = {0};
	struct err err = {0};
	struct rig r;

	(void)state;
	rig(&r);
	l = login_at(&r, "github.com", "/login/oauth/access_token");
	assert_int_equal(credentials_login_answer(&r.c, l, answer, strlen(answer), &out, &err), 0);
	assert_null(strstr(out.data, "REAL"));
	assert_non_null(strstr(out.data, "&scope=repo&refresh_token=nono-"));
	assert_true(str_ends(out.data, "&t=bearer"));
	for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
		_cleanup_(buf_free) struct buf same = {0};

		buf_adds(&same, "");
		assert_int_equal(
		    credentials_login_answer(&r.c, l, plain[i], strlen(plain[i]), &same, &err), 0);
		assert_string_equal(same.data, plain[i]);
	}
	/* What can't be read must not get through. */
	buf_clear(&out);
	assert_int_equal(
	    credentials_login_answer(&r.c, l, "{\"access_token\":\"REALREAL\"", 26, &out, &err),
	    -1);
	assert_int_equal(
	    credentials_login_answer(&r.c, l, "x={\"access_token\":\"REALREAL\"", 28, &out, &err),
	    -1);
	unrig(&r);
}

static void test_ports_of_answers(void **state)
{
	static const struct {
		const char *url;
		uint16_t port;
	} cases[] = {
	    {"https://a.example/authorize?x=1&redirect_uri=http%3A%2F%2Flocalhost%3A1455%2Fcb&y=2",
	     1455},
	    {"https://a.example/authorize?redirect_uri=http://127.0.0.1:54321", 54321},
	    {"https://a.example/authorize?redirect_uri=http%3a%2f%2f[::1]:8080/x", 8080},
	    {"https://a.example/authorize?redirect_uri=http%3A%2F%2Flocalhost%3A80%2F", 0},
	    {"https://a.example/authorize?redirect_uri=http%3A%2F%2Flocalhost%2F", 0},
	    {"https://a.example/authorize?redirect_uri=https%3A%2F%2Flocalhost%3A1455%2F", 0},
	    {"https://a.example/authorize?redirect_uri=http%3A%2F%2Flocalhost.evil%3A1455%2F", 0},
	    {"https://a.example/authorize?redirect_uri=http%3A%2F%2F10.0.0.1%3A1455%2F", 0},
	    {"https://a.example/authorize?redirect_uri=http%3A%2F%2Flocalhost%3A1455%00%2F", 0},
	    {"https://a.example/authorize?redirect_uri=http%3A%2F%2Fx%40localhost%3A1455%2F", 0},
	    {"https://a.example/authorize?redirect_uri=%zz", 0},
	    {"https://a.example/authorize?no_redirect_uri=http://localhost:1455/", 0},
	    {"https://a.example/redirect_uri=http://localhost:1455/", 0},
	    {"https://a.example/", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (credentials_page_port(cases[i].url) != cases[i].port)
			fail_msg("%s: %u", cases[i].url, credentials_page_port(cases[i].url));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_endpoints),
	    cmocka_unit_test(test_both_ways),
	    cmocka_unit_test(test_forms),
	    cmocka_unit_test(test_ports_of_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
