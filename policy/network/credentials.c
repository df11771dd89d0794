/* The credential routes that profile and flags put to use, and what their requests may be. */
#include "policy/network/lists.h"
#include "policy/resolve.h"

/* "credentials.keystore" names routes; of where their secrets are kept there is one kind anyway. */
static bool is_route(const struct entry *e)
{
	return !str_eq(e->text, "system") && !str_eq(e->text, "keyring");
}

bool network_keystore_routes(const struct profile *p)
{
	for (size_t i = 0; i < p->keystore.n; i++)
		if (is_route(&p->keystore.v[i]))
			return true;
	return false;
}

static struct policy_route *find_route(struct policy_network *n, const char *name)
{
	for (size_t i = 0; i < n->routes.n; i++)
		if (str_eq(n->routes.v[i].name, name))
			return &n->routes.v[i];
	return NULL;
}

static int add_route(struct policy_network *n, const struct profile *p, const char *name,
		     struct err *err)
{
	const struct entry *custom = entries_find(&p->custom_credentials, name);
	struct policy_route r;

	if (find_route(n, name))
		return 0;
	if (custom) {
		int rc = network_custom_route(name, &custom->place, &r, err);
		if (rc < 0) {
			policy_route_free(&r);
			return rc;
		}
	} else if (!policy_builtin_route(name, &r)) {
		return err_usage(err,
				 "no credential route is called \"%.60s\": built in are openai, "
				 "anthropic, gemini, google-ai, github and gitlab; others stand in "
				 "the profile's network.custom_credentials",
				 name);
	}
	n->routes.v = xrealloc_array(n->routes.v, n->routes.n + 1, sizeof(*n->routes.v));
	n->routes.v[n->routes.n++] = r;
	return 0;
}

struct service_rule {
	char *name, *method;
	const char *path;
};

static void service_rule_free(struct service_rule *r)
{
	free(r->name);
	free(r->method);
}

/* SERVICE:METHOD:PATH */
static bool split_service_rule(const char *text, struct service_rule *out)
{
	const char *a = strchr(text, ':'), *b = a ? strchr(a + 1, ':') : NULL;

	if (!b || b == a + 1 || a == text || !b[1])
		return false;
	*out = (struct service_rule){.name = xstrndup(text, (size_t)(a - text)),
				     .method = xstrndup(a + 1, (size_t)(b - a - 1)),
				     .path = b + 1};
	return true;
}

/* What somebody decided for good; of a route that is not in use it says nothing. */
static int add_decisions(struct policy_network *n, const struct entries *list, bool approved,
			 struct err *err)
{
	for (size_t i = 0; i < list->n; i++) {
		_cleanup_(service_rule_free) struct service_rule s = {0};
		struct policy_route *r;

		if (!split_service_rule(list->v[i].text, &s))
			return err_usage(err,
					 "%s: network.%s: \"%.100s\" is not written "
					 "ROUTE:METHOD:PATH",
					 list->v[i].place.label,
					 approved ? "approved_endpoints" : "refused_endpoints",
					 list->v[i].text);
		r = find_route(n, s.name);
		if (!r)
			continue;
		network_add_rule(&r->endpoints, approved ? POLICY_NET_ALLOW : POLICY_NET_DENY,
				 s.method, s.path);
		r->endpoints.v[r->endpoints.n - 1].agreed = approved;
	}
	return 0;
}

static int add_endpoint(struct policy_network *n, const char *text, struct err *err)
{
	_cleanup_(service_rule_free) struct service_rule s = {0};
	struct policy_route *r;

	if (!split_service_rule(text, &s))
		return err_usage(
		    err,
		    "--allow-endpoint %.100s: it is written SERVICE:METHOD:PATH, as in "
		    "openai:POST:/v1/chat/completions, or HOST:PORT/PATH",
		    text);
	r = find_route(n, s.name);
	if (!r)
		return err_usage(err, "--allow-endpoint %.100s: --credential %s is not in use",
				 text, s.name);
	network_add_rule(&r->endpoints, POLICY_NET_ALLOW, s.method, s.path);
	r->endpoints.otherwise = POLICY_NET_DENY;
	return 0;
}

static int take_captures(struct policy_network *n, const struct profile *p, struct err *err)
{
	n->captures = xcalloc(p->credential_capture.n + 1, sizeof(*n->captures));
	for (size_t i = 0; i < p->credential_capture.n; i++) {
		const struct entry *e = &p->credential_capture.v[i];

		n->n_captures++;
		if (network_capture(e->text, &e->place, &n->captures[i], err) < 0)
			return -1;
	}
	return 0;
}

int network_take_credentials(struct policy_network *n, const struct policy_input *in,
			     const struct profile *p, struct err *err)
{
	const char *const *v;

	for (size_t i = 0; i < p->net_credentials.n; i++)
		if (add_route(n, p, p->net_credentials.v[i].text, err) < 0)
			return -1;
	for (size_t i = 0; i < p->keystore.n; i++)
		if (is_route(&p->keystore.v[i]) && add_route(n, p, p->keystore.v[i].text, err) < 0)
			return network_in_member("credentials.keystore",
						 p->keystore.v[i].place.label, err);
	for (v = in->credential; v && *v; v++)
		if (add_route(n, p, *v, err) < 0)
			return -1;
	for (v = in->allow_endpoint; v && *v; v++)
		if (!network_endpoint_of_host(*v) && add_endpoint(n, *v, err) < 0)
			return -1;
	if (add_decisions(n, &p->approved_endpoints, true, err) < 0 ||
	    add_decisions(n, &p->refused_endpoints, false, err) < 0)
		return -1;
	return take_captures(n, p, err);
}

/* "credentials.proxy_mode": secrets go into requests, or, if it is off, into variables. */
int network_check_proxy_mode(const struct profile *p, struct err *err)
{
	const struct entry *e;

	if (p->proxy_mode == SAID_YES && p->env_credentials.n) {
		e = &p->env_credentials.v[0];
		return doc_error(e->place.label, e->place.at, err,
				 "env_credentials put a secret into the program's environment, and "
				 "credentials.proxy_mode keeps all of them outside: only one of "
				 "both");
	}
	if (p->proxy_mode == SAID_NO && network_keystore_routes(p)) {
		e = &p->keystore.v[0];
		return doc_error(
		    e->place.label, e->place.at, err,
		    "credentials.keystore names routes of the proxy, and proxy_mode is "
		    "off: write env_credentials for secrets in variables");
	}
	return 0;
}
