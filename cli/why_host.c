/* nono why --host: the network, by name, by port, or as a whole. */
#include <ctype.h>
#include <strings.h>

#include "cli/why.h"
#include "network/network.h"

struct endpoint {
	char host[256];
	long port;
};

static const char *skip_scheme(const char *s, long *port)
{
	static const struct {
		const char *prefix;
		long port;
	} schemes[] = {{"https://", 443}, {"http://", 80}, {"wss://", 443},
		       {"ws://", 80},	  {"ssh://", 22},  {"git://", 9418}};

	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		if (strncasecmp(s, schemes[i].prefix, strlen(schemes[i].prefix)) == 0) {
			*port = schemes[i].port;
			return s + strlen(schemes[i].prefix);
		}
	return s;
}

static bool host_ok(const char *s)
{
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr(".-_:%", *s))
			return false;
	return true;
}

/* HOST, HOST:PORT, [V6]:PORT, V6, or a URL. */
static int parse_host(const char *text, struct endpoint *out, struct err *err)
{
	char authority[512];
	char *s = authority, *colon, *at;
	const char *rest = skip_scheme(text, &out->port);

	str_copy(authority, sizeof(authority), rest);
	authority[strcspn(authority, "/?#")] = '\0';
	at = strrchr(s, '@');
	if (at)
		s = at + 1;
	colon = strrchr(s, ':');
	if (*s == '[') {
		char *end = strchr(s++, ']');
		if (!end)
			return err_usage(err, "--host: '%.100s' has a '[' without a ']'", text);
		*end = '\0';
		colon = end[1] == ':' ? end + 1 : NULL;
	} else if (colon && strchr(s, ':') != colon) {
		colon = NULL; /* an IPv6 address */
	}
	if (colon) {
		if (str_to_long(colon + 1, 1, 65535, &out->port) < 0)
			return err_usage(err, "--host: '%.100s' is not a port", colon + 1);
		*colon = '\0';
	}
	if (!*s || !host_ok(s) || !str_copy(out->host, sizeof(out->host), s))
		return err_usage(err, "--host: '%.100s' is not the name of a host", text);
	return 0;
}

/* What rules about requests there are for the host, as the reference has them. */
static void add_rules(cJSON *a, const struct policy_endpoints *l)
{
	cJSON *v = NULL;

	for (size_t i = 0; i < l->n; i++) {
		cJSON *o = cJSON_CreateObject();

		if (!v)
			v = cJSON_AddArrayToObject(a, "endpoint_rules");
		cJSON_AddStringToObject(o, "method", l->v[i].method);
		cJSON_AddStringToObject(o, "path", l->v[i].path);
		if (l->v[i].action != POLICY_NET_ALLOW)
			cJSON_AddStringToObject(
			    o, "decision", l->v[i].action == POLICY_NET_DENY ? "deny" : "approve");
		cJSON_AddItemToArray(v, o);
	}
}

/* A question with a path is about a request, one without about the connection. */
static const char *request_path(const char *text)
{
	const char *rest = strstr(text, "://");
	const char *slash = strchr(rest ? rest + 3 : text, '/');

	return slash && slash[1] ? slash : NULL;
}

static int why_listed(const struct why_options *o, const struct policy *p, const struct endpoint *e,
		      struct err *err)
{
	struct net_rules *r = net_rules_new(&p->network);
	const char *path = request_path(o->host);
	struct net_verdict v;
	struct net_host h;
	char text[700];
	cJSON *a;

	if (net_host_parse(e->host, strlen(e->host), &h, err) < 0) {
		net_rules_free(r);
		err->cls = ERR_USAGE;
		return -1;
	}
	net_check_host(r, &h, (uint16_t)e->port, &v);
	if (path && v.action == POLICY_NET_ALLOW)
		net_check_request(r, &h, (uint16_t)e->port, "GET", path, strlen(path), &v);
	if (v.action == POLICY_NET_ALLOW) {
		a = answer_new("allowed", "proxy_allowed");
		snprintf(text, sizeof(text), "%s:%ld by the proxy (%s)%s", h.name, e->port, v.rule,
			 v.intercept ? "; it looks at each request" : "");
		cJSON_AddStringToObject(a, "access", text);
		if (v.domain)
			cJSON_AddStringToObject(a, "source", v.domain->source);
	} else if (v.action == POLICY_NET_APPROVE) {
		a = answer_new("approval_required",
			       v.category && v.endpoint ? "endpoint_restricted" : "proxy_filtered");
		snprintf(text, sizeof(text), "%s:%ld: %s: a person is asked.", h.name, e->port,
			 v.rule);
		cJSON_AddStringToObject(a, "details", text);
	} else {
		bool request = v.category && strcmp(v.category, "endpoint_policy") == 0;

		a = answer_new("denied", request ? "endpoint_restricted" : "proxy_filtered");
		snprintf(text, sizeof(text), "%s:%ld: %s.", h.name, e->port, v.rule);
		cJSON_AddStringToObject(a, "details", text);
		cJSON_AddStringToObject(a, "policy_source",
					request ? "endpoint rules" : "proxy domain filter");
		if (!request && strcmp(v.rule, "not listed") == 0) {
			snprintf(text, sizeof(text), "--allow-domain %s", h.name);
			cJSON_AddStringToObject(a, "suggested_flag", text);
		}
	}
	if (v.route)
		cJSON_AddStringToObject(a, "credential_route", v.route->name);
	if (v.domain)
		add_rules(a, &v.domain->endpoints);
	if (v.route && !(v.domain && v.domain->endpoints.n))
		add_rules(a, &v.route->endpoints);
	net_rules_free(r);
	return answer_print(o, a);
}

/* Names of this machine, which lead to it by --open-port alone. */
static bool is_loopback(const char *host)
{
	return strcasecmp(host, "localhost") == 0 || str_ends(host, ".localhost") ||
	       str_starts(host, "127.") || str_eq(host, "::1");
}

/* NULL: no rule about ports is for it. */
static const char *direct_rule(const struct policy_network *n, const struct endpoint *e)
{
	unsigned port = (unsigned)e->port;

	if (is_loopback(e->host) && policy_ports_have(&n->open, port))
		return "open_port";
	return policy_ports_have(&n->connect, port) ? "connect_port" : NULL;
}

static int why_direct(const struct why_options *o, const struct endpoint *e, const char *rule)
{
	cJSON *a = answer_new("allowed", "network_allowed");
	char text[512];

	snprintf(text, sizeof(text), "%s:%ld directly, without the proxy (%s)", e->host, e->port,
		 rule);
	cJSON_AddStringToObject(a, "access", text);
	return answer_print(o, a);
}

int why_host(const struct why_options *o, const struct policy *p, struct err *err)
{
	struct endpoint e = {.port = 443};
	char text[512];
	cJSON *a;

	if (parse_host(o->host, &e, err) < 0)
		return -1;
	if (o->port)
		e.port = o->port;
	if ((p->network.mode == POLICY_NET_NAMES || p->net_blocked) && direct_rule(&p->network, &e))
		return why_direct(o, &e, direct_rule(&p->network, &e));
	if (p->network.mode == POLICY_NET_NAMES)
		return why_listed(o, p, &e, err);
	if (!p->net_blocked) {
		a = answer_new("allowed", "network_allowed");
		cJSON_AddStringToObject(a, "access", "any host, any port");
		cJSON_AddStringToObject(
		    a, "details",
		    "Nothing filters the network: addresses of this machine, of private "
		    "networks and of metadata services are in reach, too.");
		return answer_print(o, a);
	}
	a = answer_new("denied", "network_blocked");
	snprintf(text, sizeof(text),
		 "The network is blocked as a whole: %s port %ld can't be reached.", e.host,
		 e.port);
	cJSON_AddStringToObject(a, "details", text);
	/* Against a flag of the same command line another one is no help. */
	if (o->run.net != NET_BLOCKED && !o->self)
		cJSON_AddStringToObject(a, "suggested_flag", "--allow-net");
	return answer_print(o, a);
}
