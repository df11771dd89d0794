/*
 * What the list of hosts and the routes say. Lists are sorted once; a
 * name is looked up as it is and as "*." before each of its dots.
 */
#include <arpa/inet.h>

#include "network/rules.h"

#define SESSION_MAX 1024 /* hosts that answers allowed, and such that they denied */

/* ---- making them ------------------------------------------------------------------------ */

static int compare_domains(const void *a, const void *b)
{
	const struct policy_domain *x = *(const struct policy_domain *const *)a;
	const struct policy_domain *y = *(const struct policy_domain *const *)b;
	int r = strcmp(x->name, y->name);

	/* With a port before without. */
	return r ? r : (int)y->port - (int)x->port;
}

static void add_target(struct net_rules *r, const char *url, const struct policy_route *route)
{
	struct target t = {.route = route};
	struct net_url u;
	size_t n;

	if (net_url_parse(url, &u, NULL) < 0)
		return; /* refused when the policy was made */
	t.host = u.host;
	t.port = u.port;
	str_copy(t.path, sizeof(t.path), u.path);
	n = strlen(t.path);
	if (n && t.path[n - 1] == '/')
		t.path[n - 1] = '\0';
	r->targets[r->n_targets++] = t;
}

static void add_login(struct net_rules *r, const struct policy_login *l)
{
	add_target(r, l->token_url, NULL);
	for (char **h = l->hosts; h && *h; h++) {
		struct target t = {.port = 443};

		if (net_authority_parse(*h, strlen(*h), &t.host, &t.port, NULL) == 0)
			r->targets[r->n_targets++] = t;
	}
}

struct net_rules *net_rules_new(const struct policy_network *n)
{
	struct net_rules *r = xcalloc(1, sizeof(*r));
	size_t targets = n->routes.n;

	r->policy = n;
	r->by_name = xcalloc(n->allow.n + 1, sizeof(*r->by_name));
	for (size_t i = 0; i < n->allow.n; i++)
		r->by_name[r->n_names++] = &n->allow.v[i];
	qsort(r->by_name, r->n_names, sizeof(*r->by_name), compare_domains);
	for (size_t i = 0; i < n->n_logins; i++) {
		targets++;
		for (char **h = n->logins[i].hosts; h && *h; h++)
			targets++;
	}
	r->targets = xcalloc(targets + 1, sizeof(*r->targets));
	for (size_t i = 0; i < n->routes.n; i++)
		add_target(r, n->routes.v[i].upstream, &n->routes.v[i]);
	for (size_t i = 0; i < n->n_logins; i++)
		add_login(r, &n->logins[i]);
	r->granted = xcalloc(SESSION_MAX, sizeof(*r->granted));
	return r;
}

void net_rules_free(struct net_rules *r)
{
	if (!r)
		return;
	free(r->by_name);
	free(r->targets);
	free(r->granted);
	free(r->denied);
	free(r);
}

/* ---- hosts ------------------------------------------------------------------------------- */

static const struct policy_domain *find_name(const struct net_rules *r, const char *name,
					     uint16_t port)
{
	size_t from = 0, to = r->n_names;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (strcmp(r->by_name[mid]->name, name) < 0)
			from = mid + 1;
		else
			to = mid;
	}
	for (; from < r->n_names && strcmp(r->by_name[from]->name, name) == 0; from++)
		if (!r->by_name[from]->port || r->by_name[from]->port == port)
			return r->by_name[from];
	return NULL;
}

/* The entry that says most: the name itself, then what is below the longest. */
static const struct policy_domain *find_domain(const struct net_rules *r, const struct net_host *h,
					       uint16_t port)
{
	const struct policy_domain *d = find_name(r, h->name, port);
	char pattern[NET_NAME_MAX + 2];

	for (const char *dot = h->is_address ? NULL : strchr(h->name, '.'); !d && dot;
	     dot = strchr(dot + 1, '.')) {
		snprintf(pattern, sizeof(pattern), "*%s", dot);
		d = find_name(r, pattern, port);
	}
	return d ? d : find_name(r, "*", port);
}

const struct target *rules_target(const struct net_rules *r, const struct net_host *h,
				  uint16_t port)
{
	for (size_t i = 0; i < r->n_targets; i++)
		if (r->targets[i].port == port && rules_same_host(&r->targets[i].host, h))
			return &r->targets[i];
	return NULL;
}

bool rules_granted(const struct net_rules *r, const struct net_host *h, uint16_t port)
{
	for (size_t i = 0; i < r->n_granted; i++)
		if ((!r->granted[i].port || r->granted[i].port == port) &&
		    strcmp(r->granted[i].name, h->name) == 0)
			return true;
	return false;
}

/* Services that give machines in clouds their credentials. */
static bool is_metadata(const struct net_host *h)
{
	static const char *const names[] = {"metadata.google.internal",
					    "metadata.azure.internal",
					    "metadata.goog",
					    "metadata",
					    "instance-data",
					    "instance-data.ec2.internal"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(h->name, names[i]) == 0)
			return true;
	return false;
}

static void deny(struct net_verdict *v, const char *rule)
{
	v->action = POLICY_NET_DENY;
	v->category = "host_denied";
	str_copy(v->rule, sizeof(v->rule), rule);
}

bool rules_denied(const struct net_rules *r, const struct net_host *h, struct net_verdict *v)
{
	if (is_metadata(h)) {
		deny(v, "metadata service: never");
		return true;
	}
	if (h->is_address) {
		enum net_address_kind k = net_address_kind(h->family, h->address);

		if (k == NET_ADDRESS_LINK_LOCAL || k == NET_ADDRESS_INVALID) {
			deny(v, k == NET_ADDRESS_INVALID ? "no address of a host"
							 : "link-local or metadata: never");
			return true;
		}
	}
	if (r->denies_all) {
		deny(v, "too many hosts were denied in this session: now all are");
		return true;
	}
	for (size_t i = 0; i < r->n_denied; i++)
		if (str_eq(r->denied[i], h->name)) {
			deny(v, "denied for the session");
			return true;
		}
	for (char **d = r->policy->deny; d && *d; d++) {
		if (!net_pattern_matches(*d, h->name))
			continue;
		deny(v, "");
		snprintf(v->rule, sizeof(v->rule), "denied: %s", *d);
		return true;
	}
	return false;
}

void net_check_host(const struct net_rules *r, const struct net_host *h, uint16_t port,
		    struct net_verdict *v)
{
	const struct policy_network *n = r->policy;
	const struct target *t;
	char text[POLICY_DOMAIN_TEXT_MAX];

	*v = (struct net_verdict){.action = POLICY_NET_DENY};
	if (n->mode == POLICY_NET_BLOCKED) {
		deny(v, "network off");
		return;
	}
	if (rules_denied(r, h, v))
		return;
	if (n->mode == POLICY_NET_OPEN) {
		v->action = POLICY_NET_ALLOW;
		str_copy(v->rule, sizeof(v->rule), "network open");
		return;
	}
	v->domain = find_domain(r, h, port);
	t = n->intercept_off ? NULL : rules_target(r, h, port);
	v->intercept = t || (v->domain && v->domain->endpoints.n);
	if (v->domain && v->domain->endpoints.n && n->intercept_off && port == 443) {
		deny(v, "has rules about requests, but TLS is not looked into (tls_intercept)");
		v->category = "connect_bypasses_l7";
		return;
	}
	if (v->domain) {
		v->action = POLICY_NET_ALLOW;
		policy_domain_text(v->domain, text);
		snprintf(v->rule, sizeof(v->rule), "allowed: %s", text);
	} else if (t) {
		v->action = POLICY_NET_ALLOW;
		v->route = t->route;
		snprintf(v->rule, sizeof(v->rule), "%s: %s",
			 t->route ? "credential route" : "login",
			 t->route ? t->route->name : t->host.name);
	} else if (rules_granted(r, h, port)) {
		v->action = POLICY_NET_ALLOW;
		str_copy(v->rule, sizeof(v->rule), "allowed for the session");
	} else {
		deny(v, "not listed");
		if (n->ask)
			v->action = POLICY_NET_APPROVE;
	}
}

/* A name that means this machine, said by the list itself. */
static bool named_local(const struct net_rules *r, const struct net_host *h)
{
	bool local =
	    h->is_address || strcmp(h->name, "localhost") == 0 || str_ends(h->name, ".localhost");

	if (!local)
		return false;
	for (size_t i = 0; i < r->n_names; i++)
		if (strcmp(r->by_name[i]->name, h->name) == 0)
			return true;
	for (size_t i = 0; i < r->n_targets; i++)
		if (rules_same_host(&r->targets[i].host, h))
			return true;
	for (size_t i = 0; i < r->n_granted; i++)
		if (strcmp(r->granted[i].name, h->name) == 0)
			return true; /* for which port was asked before */
	return r->policy->mode == POLICY_NET_OPEN;
}

bool net_check_address(const struct net_rules *r, const struct net_host *h, int family,
		       const void *address, char *rule, size_t size)
{
	const char *why = NULL;

	switch (net_address_kind(family, address)) {
	case NET_ADDRESS_PUBLIC:
		break;
	case NET_ADDRESS_LOOPBACK:
		if (!named_local(r, h))
			why = "leads to this machine, which is not listed by that name";
		break;
	case NET_ADDRESS_PRIVATE:
		if (r->policy->deny_private && !(h->is_address && find_name(r, h->name, 0)))
			why = "leads to a private network";
		break;
	case NET_ADDRESS_LINK_LOCAL:
		why = "leads to a link-local address or metadata service: never";
		break;
	case NET_ADDRESS_INVALID:
	default:
		why = "leads to no address of a host";
	}
	str_copy(rule, size, why ? why : "");
	return !why;
}

void net_rules_allow(struct net_rules *r, const struct net_host *h, uint16_t port)
{
	struct granted *g;

	for (size_t i = 0; i < r->n_denied; i++)
		if (str_eq(r->denied[i], h->name)) {
			str_copy(r->denied[i], NET_NAME_MAX, r->denied[--r->n_denied]);
			break;
		}
	if (rules_granted(r, h, port) || r->n_granted == SESSION_MAX)
		return;
	g = &r->granted[r->n_granted++];
	str_copy(g->name, sizeof(g->name), h->name);
	g->port = port;
}

void net_rules_deny(struct net_rules *r, const struct net_host *h)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->n_granted; i++)
		if (!str_eq(r->granted[i].name, h->name))
			r->granted[kept++] = r->granted[i];
	r->n_granted = kept;
	for (size_t i = 0; i < r->n_denied; i++)
		if (str_eq(r->denied[i], h->name))
			return;
	/* Better none than the one that was to be closed. */
	if (r->n_denied == SESSION_MAX) {
		r->denies_all = true;
		return;
	}
	r->denied = xrealloc_array(r->denied, r->n_denied + 1, sizeof(*r->denied));
	str_copy(r->denied[r->n_denied++], NET_NAME_MAX, h->name);
}
