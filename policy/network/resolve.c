/* From profile and flags to what a session may reach. */
#include "policy/resolve.h"
#include "common/host.h"
#include "policy/network/lists.h"

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

static bool profile_lists(const struct profile *p)
{
	return p->allow_domain.said || p->endpoints.n || p->net_credentials.n ||
	       network_keystore_routes(p) || (p->network_profile && *p->network_profile);
}

/* What is a limit on an open network. */
static bool profile_limits(const struct profile *p)
{
	return p->deny_domain.n || p->deny_cloud_metadata == SAID_YES || p->upstream_proxy;
}

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
			return network_in_flag("--upstream-bypass", *b, err);
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
		return network_in_flag("--upstream-proxy", proxy, err);
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

/* Those that NO_PROXY names: a list of hosts does little for them. */
static void warn_localhost(struct policy *p)
{
	static const char *const names[] = {"localhost", "127.0.0.1", "::1"};
	const struct policy_domains *l = &p->network.allow;

	for (size_t i = 0; i < l->n * ARRAY_LEN(names); i++) {
		const struct policy_domain *d = &l->v[i / ARRAY_LEN(names)];
		char port[8] = "PORT";

		if (strcmp(d->name, names[i % ARRAY_LEN(names)]) != 0 ||
		    (d->port && policy_ports_have(&p->network.open, d->port)))
			continue;
		if (d->port)
			snprintf(port, sizeof(port), "%u", d->port);
		add_warning(p,
			    xasprintf("%s is listed, but most programs do not ask a proxy for it "
				      "(NO_PROXY): --open-port %s lets them reach the machine's",
				      d->name, port));
	}
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
	if (network_take_profile(n, name, p->home, err) < 0 ||
	    network_take_hosts(n, in, prof, err) < 0 || network_take_denies(n, in, prof, err) < 0 ||
	    network_take_credentials(n, in, prof, err) < 0 || take_upstream(n, in, prof, err) < 0)
		return -1;
	warn_localhost(p);
	/* Only limits: all the rest is open. */
	if (!profile_lists(prof) && !some(in->allow_domain) && !in->network_profile &&
	    !some(in->credential) && !some(in->allow_endpoint))
		return network_add_domain(&n->allow, "*", "default", err);
	return 0;
}

int network_take(struct policy *p, const struct policy_input *in, const struct profile *prof,
		 struct err *err)
{
	struct policy_network *n = &p->network;

	if (in->tool)
		return commands_network(p, in, err);
	if (conflict(in, prof, err) || network_check_proxy_mode(prof, err) < 0)
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
