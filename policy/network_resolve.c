/* From profile and flags to what a session may reach. */
#include "common/host.h"
#include "policy/network_lists.h"
#include "policy/resolve.h"

static bool some(const char *const *v)
{
	return v && *v;
}

static bool flags_ask(const struct policy_input *in)
{
	return some(in->allow_domain) || some(in->deny_domain) || in->network_profile ||
	       some(in->credential) || some(in->allow_endpoint) || in->upstream_proxy ||
	       some(in->upstream_bypass) || in->proxy_port || in->http2 || in->ca_days;
}

/* "credentials.keystore" names routes; of where their secrets are kept there is one kind anyway. */
static bool is_route(const struct entry *e)
{
	return !str_eq(e->text, "system") && !str_eq(e->text, "keyring");
}

static bool keystore_routes(const struct profile *p)
{
	for (size_t i = 0; i < p->keystore.n; i++)
		if (is_route(&p->keystore.v[i]))
			return true;
	return false;
}

static bool profile_lists(const struct profile *p)
{
	return p->allow_domain.said || p->endpoints.n || p->net_credentials.n ||
	       keystore_routes(p) || (p->network_profile && *p->network_profile);
}

/* What is a limit on an open network. */
static bool profile_limits(const struct profile *p)
{
	return p->deny_domain.n || p->deny_cloud_metadata == SAID_YES || p->upstream_proxy;
}

/* ---- hosts ---------------------------------------------------------------------------- */

struct adding {
	struct policy_domains *to;
	struct err *err;
	int rc;
};

static void add_listed(void *data, const char *host, const char *source)
{
	struct adding *a = data;
	struct err why = {0};

	/* What a tool's settings say is not ours to refuse the start for. */
	if (network_add_domain(a->to, host, source, &why) < 0 &&
	    !str_eq(source, "group:package_registries"))
		a->rc = err_set(a->err, "%s", why.msg);
}

static int take_profile(struct policy_network *n, const char *name, const char *home,
			struct err *err)
{
	struct adding a = {&n->allow, err, 0};
	_cleanup_(buf_free) struct buf known = {0};

	if (!name || !*name)
		return 0;
	n->profile = xstrdup(name);
	if (network_profile_hosts(name, home, add_listed, &a))
		return a.rc;
	for (size_t i = 0; network_profile_name(i); i++)
		buf_addf(&known, "%s%s", i ? ", " : "", network_profile_name(i));
	return err_usage(err, "no network profile is called \"%.60s\": there are %s", name,
			 known.data);
}

static int in_flag(const char *flag, const char *text, struct err *err)
{
	char why[sizeof(err->msg)];

	str_copy(why, sizeof(why), err->msg);
	return err_usage(err, "%s %.100s: %.500s", flag, text, why);
}

static int in_member(const char *member, const char *label, struct err *err)
{
	char why[sizeof(err->msg)];

	str_copy(why, sizeof(why), err->msg);
	return err_usage(err, "%s: %s: %.500s", label ? label : "profile", member, why);
}

static bool has_endpoints(const struct profile *p, const char *domain)
{
	for (size_t i = 0; i < p->endpoints.n; i++)
		if (str_eq(p->endpoints.v[i].domain, domain))
			return true;
	return false;
}

static int take_hosts(struct policy_network *n, const struct policy_input *in,
		      const struct profile *p, struct err *err)
{
	const char *const *v;

	for (size_t i = 0; i < p->endpoints.n; i++) {
		const struct endpoint *e = &p->endpoints.v[i];

		if (network_add_endpoint(&n->allow, e->domain, e->method, e->path, "profile", err) <
		    0)
			return in_member("network.allow_domain", e->place.label, err);
	}
	for (size_t i = 0; i < p->allow_domain.n; i++) {
		const struct entry *e = &p->allow_domain.v[i];

		if (!has_endpoints(p, e->text) &&
		    network_add_domain(&n->allow, e->text, "profile", err) < 0)
			return in_member("network.allow_domain", e->place.label, err);
	}
	for (v = in->allow_domain; v && *v; v++)
		if (network_add_domain(&n->allow, *v, "user", err) < 0)
			return in_flag("--allow-domain", *v, err);
	return 0;
}

static int add_denied(struct list *l, const char *text, struct err *err)
{
	char name[NET_NAME_MAX];

	if (net_pattern_parse(text, name, err) < 0)
		return -1;
	list_add(l, name);
	return 0;
}

static int take_denies(struct policy_network *n, const struct policy_input *in,
		       const struct profile *p, struct err *err)
{
	struct list l = {0};
	int rc = 0;

	for (size_t i = 0; i < p->deny_domain.n && rc == 0; i++)
		if (add_denied(&l, p->deny_domain.v[i].text, err) < 0)
			rc = in_member("network.deny_domain", p->deny_domain.v[i].place.label, err);
	for (const char *const *v = in->deny_domain; v && *v && rc == 0; v++)
		if (add_denied(&l, *v, err) < 0)
			rc = in_flag("--deny-domain", *v, err);
	n->deny = list_steal(&l);
	return rc;
}

/* ---- credentials ------------------------------------------------------------------------ */

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
		    "openai:POST:/v1/chat/completions",
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

static int take_credentials(struct policy_network *n, const struct policy_input *in,
			    const struct profile *p, struct err *err)
{
	const char *const *v;

	for (size_t i = 0; i < p->net_credentials.n; i++)
		if (add_route(n, p, p->net_credentials.v[i].text, err) < 0)
			return -1;
	for (size_t i = 0; i < p->keystore.n; i++)
		if (is_route(&p->keystore.v[i]) && add_route(n, p, p->keystore.v[i].text, err) < 0)
			return in_member("credentials.keystore", p->keystore.v[i].place.label, err);
	for (v = in->credential; v && *v; v++)
		if (add_route(n, p, *v, err) < 0)
			return -1;
	for (v = in->allow_endpoint; v && *v; v++)
		if (add_endpoint(n, *v, err) < 0)
			return -1;
	if (add_decisions(n, &p->approved_endpoints, true, err) < 0 ||
	    add_decisions(n, &p->refused_endpoints, false, err) < 0)
		return -1;
	return take_captures(n, p, err);
}

/* ---- the rest ----------------------------------------------------------------------------- */

static int add_ports(struct policy_ports *to, const char *text, const char *what, struct err *err)
{
	const char *dash = strchr(text, '-');
	_cleanup_free_ char *first = dash ? xstrndup(text, (size_t)(dash - text)) : xstrdup(text);
	long from, last;

	if (str_to_long(first, 1, 65535, &from) < 0)
		return err_usage(err, "%s: \"%.60s\" is no port", what, text);
	last = from;
	if (dash && (str_to_long(dash + 1, 1, 65535, &last) < 0 || last < from))
		return err_usage(err, "%s: \"%.60s\" is no range of ports", what, text);
	to->v = xrealloc_array(to->v, to->n + 1, sizeof(*to->v));
	to->v[to->n++] = (struct policy_port_range){(uint16_t)from, (uint16_t)last};
	return 0;
}

static int take_ports(struct policy_network *n, const struct policy_input *in,
		      const struct profile *p, struct err *err)
{
	const struct {
		struct policy_ports *to;
		const struct entries *from;
		const char *const *flags;
		const char *what;
	} all[] = {
	    {&n->open, &p->open_port, in->open_port, "open_port"},
	    {&n->open, &p->open_port_range, NULL, "open_port_range"},
	    {&n->listen, &p->listen_port, in->listen_port, "listen_port"},
	    {&n->listen, &p->listen_port_range, NULL, "listen_port_range"},
	    {&n->connect, &p->connect_port, in->connect_port, "connect_port"},
	};

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		for (size_t k = 0; k < all[i].from->n; k++)
			if (add_ports(all[i].to, all[i].from->v[k].text, all[i].what, err) < 0)
				return -1;
		for (const char *const *v = all[i].flags; v && *v; v++)
			if (add_ports(all[i].to, *v, all[i].what, err) < 0)
				return -1;
	}
	return 0;
}

static char **both(const struct entries *l, const char *const *more)
{
	struct list out = {0};

	for (size_t i = 0; i < l->n; i++)
		list_add(&out, l->v[i].text);
	for (; more && *more; more++)
		list_add(&out, *more);
	return list_steal(&out);
}

static int take_upstream(struct policy_network *n, const struct policy_input *in,
			 const struct profile *p, struct err *err)
{
	const char *proxy = in->upstream_proxy ? in->upstream_proxy : p->upstream_proxy;
	struct net_host h;
	uint16_t port = 0;

	n->upstream_bypass = both(&p->upstream_bypass, in->upstream_bypass);
	if (n->upstream_bypass && !proxy)
		return err_usage(err, "--upstream-bypass needs --upstream-proxy");
	for (char **b = n->upstream_bypass; b && *b; b++) {
		char name[NET_NAME_MAX];

		if (net_pattern_parse(*b, name, err) < 0)
			return in_flag("--upstream-bypass", *b, err);
		free(*b);
		*b = xstrdup(name);
	}
	if (!proxy)
		return 0;
	if (strncasecmp(proxy, "http://", 7) == 0)
		proxy += 7;
	if (net_authority_parse(proxy, strcspn(proxy, "/"), &h, &port, err) < 0 || !port) {
		if (!port && !err->msg[0])
			err_set(err, "a port is missing");
		return in_flag("--upstream-proxy", proxy, err);
	}
	n->upstream_proxy = xstrndup(proxy, strcspn(proxy, "/"));
	return 0;
}

static void take_open_urls(struct policy_network *n, const struct profile *p)
{
	const struct doc *origins = doc_get(p->open_urls.at, "allow_origins");
	struct list l = {0};

	doc_each(one, origins)
	{
		if (one->kind == DOC_STRING)
			list_add(&l, one->string);
	}
	n->open_urls = list_steal(&l);
	n->open_localhost = doc_flag(p->open_urls.at, "allow_localhost", false);
}

static void take_intercept(struct policy_network *n, const struct profile *p)
{
	const struct doc *d = p->tls_intercept.at, *on = doc_get(d, "enabled");

	n->intercept_off = on && on->kind == DOC_BOOL && !on->boolean;
}

static bool conflict(const struct policy_input *in, const struct profile *p, struct err *err)
{
	const char *with = NULL;

	if (!flags_ask(in))
		return false;
	if (in->block_net == 1)
		with = "--block-net (nothing can be reached then)";
	else if (in->block_net == 0)
		with = "--allow-net (everything can be reached then)";
	else if (p->block_net == SAID_YES)
		with = "a profile that blocks the network";
	if (with)
		err_usage(err,
			  "options about hosts, credentials and the proxy can't be used together "
			  "with %s",
			  with);
	return with != NULL;
}

/* "credentials.proxy_mode": secrets go into requests, or, if it is off, into variables. */
static int check_proxy_mode(const struct profile *p, struct err *err)
{
	const struct entry *e;

	if (p->proxy_mode == SAID_YES && p->env_credentials.n) {
		e = &p->env_credentials.v[0];
		return doc_error(e->place.label, e->place.at, err,
				 "env_credentials put a secret into the program's environment, and "
				 "credentials.proxy_mode keeps all of them outside: only one of "
				 "both");
	}
	if (p->proxy_mode == SAID_NO && keystore_routes(p)) {
		e = &p->keystore.v[0];
		return doc_error(
		    e->place.label, e->place.at, err,
		    "credentials.keystore names routes of the proxy, and proxy_mode is "
		    "off: write env_credentials for secrets in variables");
	}
	return 0;
}

static int take_all(struct policy *p, const struct policy_input *in, const struct profile *prof,
		    struct err *err)
{
	struct policy_network *n = &p->network;
	const char *name = in->network_profile ? in->network_profile : prof->network_profile;

	n->ask = p->elevation;
	n->http2 = in->http2 || prof->allow_http2 == SAID_YES;
	n->proxy_port = in->proxy_port;
	n->ca_days = in->ca_days;
	n->no_proxy = both(&prof->no_proxy, NULL);
	take_intercept(n, prof);
	if (take_profile(n, name, p->home, err) < 0 || take_hosts(n, in, prof, err) < 0 ||
	    take_denies(n, in, prof, err) < 0 || take_credentials(n, in, prof, err) < 0 ||
	    take_upstream(n, in, prof, err) < 0)
		return -1;
	/* Only limits: all the rest is open. */
	if (!profile_lists(prof) && !some(in->allow_domain) && !in->network_profile &&
	    !some(in->credential))
		return network_add_domain(&n->allow, "*", "default", err);
	return 0;
}

int network_take(struct policy *p, const struct policy_input *in, const struct profile *prof,
		 struct err *err)
{
	struct policy_network *n = &p->network;

	if (in->tool)
		return commands_network(p, in, err);
	if (conflict(in, prof, err) || check_proxy_mode(prof, err) < 0)
		return -1;
	take_open_urls(n, prof);
	if (take_ports(n, in, prof, err) < 0)
		return -1;
	p->net_blocked = in->block_net >= 0 ? in->block_net : prof->block_net == SAID_YES;
	if (p->net_blocked)
		n->mode = POLICY_NET_BLOCKED;
	else if (in->block_net == 0 || (in->observe && !flags_ask(in)))
		n->mode = POLICY_NET_OPEN;
	else if (flags_ask(in) || profile_lists(prof) || profile_limits(prof))
		n->mode = POLICY_NET_NAMES;
	if (n->mode != POLICY_NET_NAMES)
		return 0;
	return take_all(p, in, prof, err);
}

/* ---- the end of it ----------------------------------------------------------------------- */

static void free_endpoints(struct policy_endpoints *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].method);
		free(l->v[i].path);
		free(l->v[i].reason);
		free(l->v[i].backend);
	}
	free(l->v);
}

static void free_capture(struct policy_capture *c)
{
	free(c->name);
	strv_free(c->command);
	strv_free(c->headers);
	free(c->cache_path_regex);
}

void policy_network_free(struct policy_network *n)
{
	for (size_t i = 0; i < n->allow.n; i++) {
		free(n->allow.v[i].name);
		free(n->allow.v[i].source);
		free_endpoints(&n->allow.v[i].endpoints);
	}
	for (size_t i = 0; i < n->routes.n; i++)
		policy_route_free(&n->routes.v[i]);
	for (size_t i = 0; i < n->n_captures; i++)
		free_capture(&n->captures[i]);
	for (size_t i = 0; i < n->n_logins; i++) {
		free(n->logins[i].name);
		free(n->logins[i].token_url);
		strv_free(n->logins[i].hosts);
	}
	free(n->allow.v);
	free(n->routes.v);
	free(n->captures);
	free(n->logins);
	strv_free(n->deny);
	strv_free(n->upstream_bypass);
	strv_free(n->no_proxy);
	strv_free(n->open_urls);
	free(n->open.v);
	free(n->listen.v);
	free(n->connect.v);
	free(n->upstream_proxy);
	free(n->profile);
	*n = (struct policy_network){0};
}
