/* The end of what a session may reach. */
#include "policy/policy.h"

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
