/* What the rules about requests say, of hosts and of credential routes. */
#include "network/rules.h"

struct request {
	const char *method;
	char path[8192];  /* normal, as it goes to the host */
	char below[8192]; /* of a route: below its upstream's path */
	bool clear;	  /* path could be made normal */
};

static bool matches(const struct policy_endpoint *e, const struct request *q, bool route)
{
	if (!str_eq(e->method, "*") && strcmp(e->method, q->method) != 0)
		return false;
	return net_path_matches(e->path, q->path) || (route && net_path_matches(e->path, q->below));
}

static const struct policy_endpoint *first_of(const struct policy_endpoints *l,
					      enum policy_net_action action, bool agreed,
					      const struct request *q, bool route)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].action == action && l->v[i].agreed == agreed &&
		    matches(&l->v[i], q, route))
			return &l->v[i];
	return NULL;
}

/* Narrows v: a place with rules must allow it as well. */
static void apply(const struct policy_endpoints *l, const struct request *q, bool route,
		  struct net_verdict *v)
{
	static const struct {
		enum policy_net_action action;
		bool agreed;
	} order[] = {{POLICY_NET_DENY, false},
		     {POLICY_NET_ALLOW, true},
		     {POLICY_NET_APPROVE, false},
		     {POLICY_NET_ALLOW, false}};
	static const char *const words[] = {"allowed", "asked for", "denied"};
	const struct policy_endpoint *e = NULL;
	enum policy_net_action action = l->otherwise;

	if (!l->n && l->otherwise == POLICY_NET_ALLOW)
		return;
	if (!q->clear) {
		v->action = POLICY_NET_DENY;
		v->category = "endpoint_policy";
		str_copy(v->rule, sizeof(v->rule), "the path can be read in two ways");
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(order) && !e; i++)
		if ((e = first_of(l, order[i].action, order[i].agreed, q, route)))
			action = order[i].action;
	if (action == POLICY_NET_ALLOW) {
		if (v->action == POLICY_NET_ALLOW)
			v->endpoint = e;
		return;
	}
	/* A denial is not made a question by the other place. */
	if (v->action == POLICY_NET_DENY)
		return;
	v->action = action;
	v->endpoint = e;
	v->backend = e ? e->backend : l->otherwise_backend;
	v->timeout_s = e ? e->timeout_s : l->otherwise_timeout_s;
	v->category = "endpoint_policy";
	if (e)
		snprintf(v->rule, sizeof(v->rule), "%s: %s %.250s", words[action], e->method,
			 e->path);
	else
		str_copy(v->rule, sizeof(v->rule), "no rule is for this request");
}

static void make_request(struct request *q, const char *method, const char *path, size_t n)
{
	q->method = method;
	q->below[0] = '\0';
	q->clear = net_path_normal(path, n, q->path, sizeof(q->path)) == 0;
}

static bool below(const char *base, const char *path, const char **rest)
{
	size_t n = strlen(base);

	if (strncmp(path, base, n) != 0 || (path[n] && path[n] != '/'))
		return false;
	*rest = path[n] ? path + n : "/";
	return true;
}

/* The route whose upstream it is, the longest path first. */
static const struct policy_route *route_for(const struct net_rules *r, const struct net_host *h,
					    uint16_t port, struct request *q)
{
	const struct target *best = NULL;
	const char *rest = NULL;

	for (size_t i = 0; i < r->n_targets && q->clear; i++) {
		const struct target *t = &r->targets[i];
		const char *at;

		if (!t->route || t->port != port || !rules_same_host(&t->host, h) ||
		    !below(t->path, q->path, &at))
			continue;
		if (!best || strlen(t->path) > strlen(best->path)) {
			best = t;
			rest = at;
		}
	}
	if (!best)
		return NULL;
	str_copy(q->below, sizeof(q->below), rest);
	return best->route;
}

void net_check_request(const struct net_rules *r, const struct net_host *h, uint16_t port,
		       const char *method, const char *path, size_t path_len, struct net_verdict *v)
{
	struct request q;

	net_check_host(r, h, port, v);
	if (v->action != POLICY_NET_ALLOW)
		return;
	make_request(&q, method, path, path_len);
	v->route = r->policy->intercept_off ? NULL : route_for(r, h, port, &q);
	if (v->domain)
		apply(&v->domain->endpoints, &q, false, v);
	else if (!v->route && r->policy->mode == POLICY_NET_NAMES && !rules_granted(r, h, port)) {
		const struct target *t = rules_target(r, h, port);

		/* The host is there for its route alone. */
		if (t && t->route) {
			v->action = POLICY_NET_DENY;
			v->category = "endpoint_policy";
			snprintf(v->rule, sizeof(v->rule), "outside of the route %s",
				 t->route->name);
		}
	}
	if (v->route)
		apply(&v->route->endpoints, &q, true, v);
}

const struct policy_route *net_route_find(const struct net_rules *r, const char *name, size_t n)
{
	for (size_t i = 0; i < r->policy->routes.n; i++) {
		const struct policy_route *route = &r->policy->routes.v[i];

		if (strlen(route->name) == n && memcmp(route->name, name, n) == 0)
			return route;
	}
	return NULL;
}

void net_check_route(const struct net_rules *r, const struct policy_route *route,
		     const char *method, const char *path, size_t path_len, struct net_verdict *v)
{
	struct request q;
	struct net_url u;
	size_t n;

	*v = (struct net_verdict){.action = POLICY_NET_ALLOW, .route = route};
	snprintf(v->rule, sizeof(v->rule), "credential route: %s", route->name);
	make_request(&q, method, path, path_len);
	if (q.clear && net_url_parse(route->upstream, &u, NULL) == 0) {
		str_copy(q.below, sizeof(q.below), q.path);
		n = strlen(u.path);
		if (n && u.path[n - 1] == '/')
			n--;
		if (snprintf(q.path, sizeof(q.path), "%.*s%s", (int)n, u.path, q.below) >=
		    (int)sizeof(q.path))
			q.clear = false;
		if (rules_denied(r, &u.host, v))
			return;
	}
	apply(&route->endpoints, &q, true, v);
}
