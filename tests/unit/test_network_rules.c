/* Names, addresses, paths and what the rules say of them. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "network/network.h"

/* ---- names ---- */

static void one_spelling(void **state)
{
	static const char *const same[][2] = {
	    {"API.Example.COM", "api.example.com"},
	    {"api.example.com.", "api.example.com"},
	    {"xn--bcher-kva.example", "xn--bcher-kva.example"},
	    {"_dmarc.example.com", "_dmarc.example.com"},
	    {"127.0.0.1", "127.0.0.1"},
	    {"[::1]", "::1"},
	    {"::1", "::1"},
	    {"[0:0:0:0:0:0:0:1]", "::1"},
	    {"[::ffff:169.254.169.254]", "169.254.169.254"},
	    {"[::ffff:a9fe:a9fe]", "169.254.169.254"},
	    {"2001:DB8::1", "2001:db8::1"},
	};
	struct net_host h;
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		assert_int_equal(net_host_parse(same[i][0], strlen(same[i][0]), &h, &err), 0);
		assert_string_equal(h.name, same[i][1]);
	}
}

static void refused_spellings(void **state)
{
	static const char *const bad[] = {
	    "",
	    ".",
	    "a..b",
	    ".a",
	    "a b",
	    "a%2eb",
	    "a\tb",
	    "b\303\274.de",
	    "0177.0.0.1",
	    "0x7f.0.0.1",
	    "0x7f000001",
	    "2130706433",
	    "127.1",
	    "127.0.0.01",
	    "127.0.0.1.2",
	    "1.2.3.256",
	    "[::1",
	    "::1%lo",
	    "[fe80::1%25lo]",
	    "[::1]x",
	    "-a.com",
	    "a-.com",
	    "a/b",
	    "user@host",
	    "a\\b",
	    "a,b",
	    "*.a",
	    "example.0x1",
	    "1",
	};
	char longest[300];
	struct net_host h;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (net_host_parse(bad[i], strlen(bad[i]), &h, NULL) == 0)
			fail_msg("%s was taken", bad[i]);
	assert_int_equal(net_host_parse("attacker\0.allowed.com", 21, &h, NULL), -1);
	assert_int_equal(net_host_parse("a\r\nb", 4, &h, NULL), -1);
	memset(longest, 'a', sizeof(longest));
	assert_int_equal(net_host_parse(longest, 64, &h, NULL), -1);
	assert_int_equal(net_host_parse(longest, 63, &h, NULL), 0);
	for (size_t i = 10; i < sizeof(longest); i += 10)
		longest[i] = '.';
	assert_int_equal(net_host_parse(longest, 253, &h, NULL), 0);
	assert_int_equal(net_host_parse(longest, 255, &h, NULL), -1);
}

static void authorities(void **state)
{
	struct net_host h;
	struct net_url u;
	uint16_t port = 7;

	(void)state;
	assert_int_equal(net_authority_parse("a.b:443", 7, &h, &port, NULL), 0);
	assert_int_equal(port, 443);
	assert_int_equal(net_authority_parse("[::1]:80", 8, &h, &port, NULL), 0);
	assert_int_equal(port, 80);
	port = 7;
	assert_int_equal(net_authority_parse("a.b", 3, &h, &port, NULL), 0);
	assert_int_equal(port, 7);
	assert_int_equal(net_authority_parse("a.b:", 4, &h, &port, NULL), -1);
	assert_int_equal(net_authority_parse("a.b:0", 5, &h, &port, NULL), -1);
	assert_int_equal(net_authority_parse("a.b:65536", 9, &h, &port, NULL), -1);
	assert_int_equal(net_authority_parse("a.b:+80", 7, &h, &port, NULL), -1);
	assert_int_equal(net_authority_parse("::1:80", 6, &h, &port, NULL), -1);
	assert_int_equal(net_url_parse("HTTPS://Api.X.com/v1?q", &u, NULL), 0);
	assert_string_equal(u.host.name, "api.x.com");
	assert_int_equal(u.port, 443);
	assert_string_equal(u.path, "/v1?q");
	assert_int_equal(net_url_parse("http://user@x.com/", &u, NULL), -1);
	assert_int_equal(net_url_parse("http://x.com\\@evil.com/", &u, NULL), -1);
	assert_int_equal(net_url_parse("ftp://x.com/", &u, NULL), -1);
	assert_int_equal(net_url_parse("http://x.com/#f", &u, NULL), -1);
}

static void patterns(void **state)
{
	char out[NET_NAME_MAX];

	(void)state;
	assert_int_equal(net_pattern_parse("*.Example.com", out, NULL), 0);
	assert_string_equal(out, "*.example.com");
	assert_true(net_pattern_matches(out, "a.b.example.com"));
	assert_false(net_pattern_matches(out, "example.com"));
	assert_false(net_pattern_matches(out, "evilexample.com"));
	assert_int_equal(net_pattern_parse(".googleapis.com", out, NULL), 0);
	assert_string_equal(out, "*.googleapis.com");
	assert_int_equal(net_pattern_parse("a.*.com", out, NULL), -1);
	assert_int_equal(net_pattern_parse("*.1.2.3.4", out, NULL), -1);
	assert_int_equal(net_pattern_parse("**", out, NULL), -1);
}

static void address_kinds(void **state)
{
	static const struct {
		const char *text;
		enum net_address_kind kind;
	} table[] = {
	    {"8.8.8.8", NET_ADDRESS_PUBLIC},
	    {"127.9.9.9", NET_ADDRESS_LOOPBACK},
	    {"10.0.0.1", NET_ADDRESS_PRIVATE},
	    {"172.31.0.1", NET_ADDRESS_PRIVATE},
	    {"172.32.0.1", NET_ADDRESS_PUBLIC},
	    {"100.64.0.1", NET_ADDRESS_PRIVATE},
	    {"169.254.169.254", NET_ADDRESS_LINK_LOCAL},
	    {"100.100.100.200", NET_ADDRESS_LINK_LOCAL},
	    {"0.0.0.0", NET_ADDRESS_INVALID},
	    {"0.1.2.3", NET_ADDRESS_INVALID},
	    {"224.0.0.1", NET_ADDRESS_INVALID},
	    {"255.255.255.255", NET_ADDRESS_INVALID},
	    {"::1", NET_ADDRESS_LOOPBACK},
	    {"::", NET_ADDRESS_INVALID},
	    {"fe80::1", NET_ADDRESS_LINK_LOCAL},
	    {"febf::1", NET_ADDRESS_LINK_LOCAL},
	    {"fd00:ec2::254", NET_ADDRESS_LINK_LOCAL},
	    {"fd12::1", NET_ADDRESS_PRIVATE},
	    {"2606:4700::1", NET_ADDRESS_PUBLIC},
	    {"::ffff:127.0.0.1", NET_ADDRESS_LOOPBACK},
	    {"::ffff:169.254.169.254", NET_ADDRESS_LINK_LOCAL},
	    {"64:ff9b::a9fe:a9fe", NET_ADDRESS_LINK_LOCAL},
	    {"2002:a9fe:a9fe::1", NET_ADDRESS_LINK_LOCAL},
	    {"2002:7f00:1::", NET_ADDRESS_LOOPBACK},
	    {"2001:0:1:2:3:4:5601:5601", NET_ADDRESS_LINK_LOCAL}, /* Teredo of 169.254.169.254 */
	};
	unsigned char a[16];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		int family = strchr(table[i].text, ':') ? AF_INET6 : AF_INET;

		assert_int_equal(inet_pton(family, table[i].text, a), 1);
		if (net_address_kind(family, a) != table[i].kind)
			fail_msg("%s: %d", table[i].text, net_address_kind(family, a));
	}
}

/* ---- paths ---- */

static void normal_paths(void **state)
{
	static const char *const table[][2] = {
	    {"/", "/"},		  {"/a/b", "/a/b"},
	    {"/a//b", "/a/b"},	  {"/a/./b", "/a/b"},
	    {"/a/../b", "/b"},	  {"/../../b", "/b"},
	    {"/a/b/..", "/a/"},	  {"/a/%2e%2e/b", "/b"},
	    {"/a/.%2E/b", "/b"},  {"/%61dmin", "/admin"},
	    {"/a%20b", "/a%20b"}, {"/a%c3%bc", "/a%C3%BC"},
	    {"/a?x=/../y", "/a"}, {"/a/?x", "/a/"},
	    {"/..a/b", "/..a/b"}, {"/a/...", "/a/..."},
	};
	static const char *const bad[] = {
	    "",	     "a",	 "*",	   "/a%2fb", "/a%5cb", "/a\\b", "/a%00", "/a%25",     "/a%",
	    "/a%g1", "/a/..;/b", "/..;x/", "/a b",   "/a\x7f", "/a%0a", "/a%3b", "/\303\274",
	};
	char out[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		assert_int_equal(
		    net_path_normal(table[i][0], strlen(table[i][0]), out, sizeof(out)), 0);
		assert_string_equal(out, table[i][1]);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (net_path_normal(bad[i], strlen(bad[i]), out, sizeof(out)) == 0)
			fail_msg("%s was taken as %s", bad[i], out);
	assert_int_equal(net_path_normal("/aaaaaaaaaaaaaaaa", 17, out, 10), -1);
}

static void globs(void **state)
{
	static const struct {
		const char *glob, *path;
		bool yes;
	} table[] = {
	    {"/v1/chat", "/v1/chat", true},
	    {"/v1/chat", "/v1/chat/x", false},
	    {"/v1/*", "/v1/chat", true},
	    {"/v1/*", "/v1/chat/x", false},
	    {"/v1/**", "/v1/chat/x", true},
	    {"/v1/**", "/v1", true},
	    {"/v1/**", "/v12", false},
	    {"/**", "/", true},
	    {"/**", "/a/b", true},
	    {"**", "/a", true},
	    {"/repos/*/issues", "/repos/a/issues", true},
	    {"/repos/*/issues", "/repos/a/b/issues", false},
	    {"/repos/*/issues/**", "/repos/a/issues/1/x", true},
	    {"/**/issues", "/a/b/issues", true},
	    {"/**/issues", "/a/b/issue", false},
	    {"/a*c/d", "/abc/d", true},
	    {"/a*c/d", "/ab/c/d", false},
	    {"/**/*.git/info", "/x/y/z.git/info", true},
	    {"/*", "/", true},
	    {"", "", true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (net_path_matches(table[i].glob, table[i].path) != table[i].yes)
			fail_msg("%s on %s", table[i].glob, table[i].path);
}

/* ---- rules ---- */

static struct policy_endpoint some[] = {
    {.action = POLICY_NET_ALLOW, .method = "GET", .path = "/repos/**"},
    {.action = POLICY_NET_DENY, .method = "*", .path = "/repos/secret/**"},
    {.action = POLICY_NET_APPROVE, .method = "POST", .path = "/repos/*/issues", .backend = "b"},
    {.action = POLICY_NET_ALLOW, .method = "POST", .path = "/repos/mine/issues", .agreed = true},
    {.action = POLICY_NET_ALLOW, .method = "POST", .path = "/repos/secret/x", .agreed = true},
};
static struct policy_domain domains[] = {
    {"example.com", 0, "user", {0}},
    {"*.wild.com", 0, "user", {0}},
    {"only.com", 8443, "user", {0}},
    {"api.github.com", 0, "user", {some, ARRAY_LEN(some), POLICY_NET_DENY, NULL, 0}},
    {"localhost", 0, "user", {0}},
    {"127.0.0.1", 3000, "user", {0}},
};
static char *denies[] = {"*.evil.wild.com", "bad.wild.com", NULL};
static struct policy_route routes[] = {
    {.name = "openai",
     .upstream = "https://api.openai.com/v1",
     .endpoints = {some, 1, POLICY_NET_DENY, NULL, 0}},
};

static struct policy_network network(void)
{
	return (struct policy_network){
	    .mode = POLICY_NET_NAMES,
	    .allow = {domains, ARRAY_LEN(domains)},
	    .deny = denies,
	    .routes = {routes, 1},
	};
}

static enum policy_net_action host(const struct net_rules *r, const char *name, uint16_t port,
				   struct net_verdict *v)
{
	struct net_host h;

	assert_int_equal(net_host_parse(name, strlen(name), &h, NULL), 0);
	net_check_host(r, &h, port, v);
	return v->action;
}

static enum policy_net_action request(const struct net_rules *r, const char *name,
				      const char *method, const char *path, struct net_verdict *v)
{
	struct net_host h;

	assert_int_equal(net_host_parse(name, strlen(name), &h, NULL), 0);
	net_check_request(r, &h, 443, method, path, strlen(path), v);
	return v->action;
}

static void hosts(void **state)
{
	struct policy_network n = network();
	struct net_rules *r = net_rules_new(&n);
	struct net_verdict v;
	struct net_host h;

	(void)state;
	assert_int_equal(host(r, "EXAMPLE.com.", 443, &v), POLICY_NET_ALLOW);
	assert_false(v.intercept);
	assert_int_equal(host(r, "x.example.com", 443, &v), POLICY_NET_DENY);
	assert_string_equal(v.rule, "not listed");
	assert_int_equal(host(r, "a.wild.com", 22, &v), POLICY_NET_ALLOW);
	assert_int_equal(host(r, "wild.com", 22, &v), POLICY_NET_DENY);
	assert_int_equal(host(r, "bad.wild.com", 22, &v), POLICY_NET_DENY);
	assert_int_equal(host(r, "a.evil.wild.com", 22, &v), POLICY_NET_DENY);
	assert_int_equal(host(r, "only.com", 8443, &v), POLICY_NET_ALLOW);
	assert_int_equal(host(r, "only.com", 443, &v), POLICY_NET_DENY);
	assert_int_equal(host(r, "api.github.com", 443, &v), POLICY_NET_ALLOW);
	assert_true(v.intercept);
	assert_int_equal(host(r, "api.openai.com", 443, &v), POLICY_NET_ALLOW);
	assert_true(v.intercept);
	assert_int_equal(host(r, "api.openai.com", 80, &v), POLICY_NET_DENY);
	assert_int_equal(host(r, "127.0.0.1", 3000, &v), POLICY_NET_ALLOW);
	assert_int_equal(host(r, "127.0.0.1", 3001, &v), POLICY_NET_DENY);
	assert_int_equal(host(r, "metadata.google.internal", 80, &v), POLICY_NET_DENY);
	n.ask = true;
	assert_int_equal(host(r, "new.com", 443, &v), POLICY_NET_APPROVE);
	assert_int_equal(host(r, "bad.wild.com", 443, &v), POLICY_NET_DENY);
	assert_int_equal(host(r, "169.254.169.254", 80, &v), POLICY_NET_DENY);
	net_host_parse("new.com", 7, &h, NULL);
	net_rules_allow(r, &h, 443);
	assert_int_equal(host(r, "new.com", 443, &v), POLICY_NET_ALLOW);
	assert_int_equal(host(r, "new.com", 80, &v), POLICY_NET_APPROVE);
	/* A person's no weighs more than lists and answers, until there is a yes. */
	net_rules_deny(r, &h);
	assert_int_equal(host(r, "new.com", 443, &v), POLICY_NET_DENY);
	assert_int_equal(host(r, "new.com", 80, &v), POLICY_NET_DENY);
	assert_string_equal(v.rule, "denied for the session");
	net_host_parse("example.com", 11, &h, NULL);
	net_rules_deny(r, &h);
	assert_int_equal(host(r, "example.com", 443, &v), POLICY_NET_DENY);
	assert_int_equal(request(r, "example.com", "GET", "/", &v), POLICY_NET_DENY);
	net_rules_allow(r, &h, 443);
	assert_int_equal(host(r, "example.com", 443, &v), POLICY_NET_ALLOW);
	assert_int_equal(host(r, "new.com", 443, &v), POLICY_NET_DENY);
	net_rules_free(r);
}

static void no_denial_is_forgotten(void **state)
{
	struct policy_network n = network();
	struct net_rules *r = net_rules_new(&n);
	struct net_verdict v;
	struct net_host h;
	char name[32];

	(void)state;
	for (int i = 0; i < 1024; i++) {
		snprintf(name, sizeof(name), "h%d.wild.com", i);
		assert_int_equal(net_host_parse(name, strlen(name), &h, NULL), 0);
		net_rules_deny(r, &h);
	}
	assert_int_equal(host(r, "h1023.wild.com", 443, &v), POLICY_NET_DENY);
	assert_int_equal(host(r, "one.wild.com", 443, &v), POLICY_NET_ALLOW);
	net_host_parse("one.wild.com", 12, &h, NULL);
	net_rules_deny(r, &h);
	assert_int_equal(host(r, "one.wild.com", 443, &v), POLICY_NET_DENY);
	net_rules_free(r);
}

static void what_was_agreed_to_is_not_asked_for(void **state)
{
	struct policy_network n = network();
	struct net_rules *r = net_rules_new(&n);
	struct net_verdict v;

	(void)state;
	assert_int_equal(request(r, "api.github.com", "POST", "/repos/a/issues", &v),
			 POLICY_NET_APPROVE);
	assert_string_equal(v.backend, "b");
	assert_int_equal(request(r, "api.github.com", "POST", "/repos/mine/issues", &v),
			 POLICY_NET_ALLOW);
	assert_int_equal(request(r, "api.github.com", "POST", "/repos/secret/x", &v),
			 POLICY_NET_DENY);
	net_rules_free(r);
}

static void an_empty_list_allows_nothing(void **state)
{
	struct policy_network n = {.mode = POLICY_NET_NAMES};
	struct net_rules *r = net_rules_new(&n);
	struct net_verdict v;

	(void)state;
	assert_int_equal(host(r, "example.com", 443, &v), POLICY_NET_DENY);
	net_rules_free(r);
}

static void everything_is_not_metadata(void **state)
{
	struct policy_domain all = {"*", 0, "user", {0}};
	struct policy_network n = {.mode = POLICY_NET_NAMES, .allow = {&all, 1}};
	struct net_rules *r = net_rules_new(&n);
	struct net_verdict v;
	struct net_host h;
	unsigned char a[16];
	char rule[200];

	(void)state;
	assert_int_equal(host(r, "anything.org", 1, &v), POLICY_NET_ALLOW);
	assert_int_equal(host(r, "metadata.google.internal.", 80, &v), POLICY_NET_DENY);
	assert_int_equal(host(r, "[::ffff:a9fe:a9fe]", 80, &v), POLICY_NET_DENY);
	net_host_parse("rebind.org", 10, &h, NULL);
	inet_pton(AF_INET, "169.254.169.254", a);
	assert_false(net_check_address(r, &h, AF_INET, a, rule, sizeof(rule)));
	inet_pton(AF_INET, "127.0.0.1", a);
	assert_false(net_check_address(r, &h, AF_INET, a, rule, sizeof(rule)));
	inet_pton(AF_INET, "10.1.1.1", a);
	assert_true(net_check_address(r, &h, AF_INET, a, rule, sizeof(rule)));
	n.deny_private = true;
	assert_false(net_check_address(r, &h, AF_INET, a, rule, sizeof(rule)));
	inet_pton(AF_INET6, "64:ff9b::7f00:1", a);
	assert_false(net_check_address(r, &h, AF_INET6, a, rule, sizeof(rule)));
	net_rules_free(r);
}

static void loopback_must_be_named(void **state)
{
	struct policy_network n = network();
	struct net_rules *r = net_rules_new(&n);
	const unsigned char lo[4] = {127, 0, 0, 1};
	struct net_host h;
	char rule[200];

	(void)state;
	net_host_parse("localhost", 9, &h, NULL);
	assert_true(net_check_address(r, &h, AF_INET, lo, rule, sizeof(rule)));
	net_host_parse("example.com", 11, &h, NULL);
	assert_false(net_check_address(r, &h, AF_INET, lo, rule, sizeof(rule)));
	net_rules_free(r);
}

static void requests(void **state)
{
	struct policy_network n = network();
	struct net_rules *r = net_rules_new(&n);
	struct net_verdict v;

	(void)state;
	assert_int_equal(request(r, "api.github.com", "GET", "/repos/a/b", &v), POLICY_NET_ALLOW);
	assert_int_equal(request(r, "api.github.com", "PUT", "/repos/a/b", &v), POLICY_NET_DENY);
	assert_string_equal(v.category, "endpoint_policy");
	assert_int_equal(request(r, "api.github.com", "GET", "/repos/secret/x", &v),
			 POLICY_NET_DENY);
	assert_int_equal(request(r, "api.github.com", "GET", "/repos/a/../secret/x", &v),
			 POLICY_NET_DENY);
	assert_int_equal(request(r, "api.github.com", "GET", "/repos/%73ecret/x", &v),
			 POLICY_NET_DENY);
	assert_int_equal(request(r, "api.github.com", "GET", "/repos/x%2f..%2fsecret", &v),
			 POLICY_NET_DENY);
	assert_int_equal(request(r, "api.github.com", "POST", "/repos/a/issues", &v),
			 POLICY_NET_APPROVE);
	assert_int_equal(request(r, "api.github.com", "GET", "/user", &v), POLICY_NET_DENY);
	assert_int_equal(request(r, "example.com", "PUT", "/x%2fy", &v), POLICY_NET_ALLOW);
	/* A route's rules are about the path below the upstream's, or all of it. */
	assert_int_equal(request(r, "api.openai.com", "GET", "/v1/repos/x", &v), POLICY_NET_ALLOW);
	assert_ptr_equal(v.route, &routes[0]);
	assert_int_equal(request(r, "api.openai.com", "GET", "/v1/models", &v), POLICY_NET_DENY);
	assert_int_equal(request(r, "api.openai.com", "GET", "/v2/repos/x", &v), POLICY_NET_DENY);
	assert_int_equal(request(r, "api.openai.com", "GET", "/v1/../dashboard", &v),
			 POLICY_NET_DENY);
	net_check_route(r, &routes[0], "GET", "/repos/x", 8, &v);
	assert_int_equal(v.action, POLICY_NET_ALLOW);
	net_check_route(r, &routes[0], "GET", "/models", 7, &v);
	assert_int_equal(v.action, POLICY_NET_DENY);
	net_rules_free(r);
}

static void json_there_and_back(void **state)
{
	struct net_config c = {.network = network(), .session_id = "s", .check_peer = true}, back;
	_cleanup_(buf_free) struct buf text = {0}, again = {0};
	struct err err = {0};

	(void)state;
	str_copy(c.token, sizeof(c.token), "0123");
	net_config_to_json(&c, &text);
	assert_int_equal(net_config_parse(text.data, text.len, &back, &err), 0);
	assert_int_equal(back.network.allow.n, ARRAY_LEN(domains));
	assert_int_equal(back.network.allow.v[3].endpoints.v[1].action, POLICY_NET_DENY);
	assert_string_equal(back.network.deny[1], "bad.wild.com");
	net_config_to_json(&back, &again);
	assert_int_equal(again.len, text.len);
	assert_memory_equal(again.data, text.data, text.len);
	net_config_free(&back);
	assert_int_equal(net_config_parse("{\"token\":1}", 11, &back, &err), -1);
	assert_int_equal(net_config_parse("{\"tokens\":\"\"}", 13, &back, &err), -1);
	assert_int_equal(net_config_parse("[]", 2, &back, &err), -1);
	assert_int_equal(net_config_parse("{\"network\":{\"allow\":[{}]}}", 26, &back, &err), -1);
	assert_int_equal(net_config_parse("{\"network\":{\"deny\":[\"a\",3]}}", 28, &back, &err),
			 -1);
}

static void messages(void **state)
{
	static struct net_msg m;

	(void)state;
	assert_true(net_msg_valid(&m, sizeof(m)));
	assert_false(net_msg_valid(&m, sizeof(m) - 1));
	m.event.mode = 9;
	assert_false(net_msg_valid(&m, sizeof(m)));
	m.event.mode = 0;
	memset(m.event.path, 'x', sizeof(m.event.path));
	assert_false(net_msg_valid(&m, sizeof(m)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_spelling),
	    cmocka_unit_test(refused_spellings),
	    cmocka_unit_test(authorities),
	    cmocka_unit_test(patterns),
	    cmocka_unit_test(address_kinds),
	    cmocka_unit_test(normal_paths),
	    cmocka_unit_test(globs),
	    cmocka_unit_test(hosts),
	    cmocka_unit_test(an_empty_list_allows_nothing),
	    cmocka_unit_test(what_was_agreed_to_is_not_asked_for),
	    cmocka_unit_test(everything_is_not_metadata),
	    cmocka_unit_test(loopback_must_be_named),
	    cmocka_unit_test(requests),
	    cmocka_unit_test(json_there_and_back),
	    cmocka_unit_test(no_denial_is_forgotten),
	    cmocka_unit_test(messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
