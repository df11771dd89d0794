/* The network and the credentials of a capability manifest. */
#include "common/host.h"
#include "policy/manifest/manifest.h"
#include "policy/network_lists.h"

#define HOSTS_MAX 4096 /* and as many rules for requests, ports, credentials */

static int bad_why(struct manifest_reader *in, const struct doc *at, const struct err *why)
{
	return manifest_bad(in, at, why->msg);
}

/* A list, not too long; NULL and null are none. */
static int list_of(struct manifest_reader *in, const struct doc *map, const char *name,
		   const struct doc **out)
{
	const struct doc *l = doc_get(map, name);

	*out = l && l->kind != DOC_NULL ? l : NULL;
	if (*out && (l->kind != DOC_LIST || l->count > HOSTS_MAX))
		return manifest_bad(in, l, "must be a list, of 4,096 entries at most");
	return 0;
}

static int read_domains(struct manifest_reader *in, const struct doc *net)
{
	const struct doc *l;
	struct err why = {0};

	if (list_of(in, net, "allow_domains", &l) < 0)
		return -1;
	doc_each(e, l)
	{
		if (e->kind != DOC_STRING)
			return manifest_bad(in, e, "must be a list of strings");
		if (network_add_domain(&in->r->p->network.allow, e->string, "manifest", &why) < 0)
			return bad_why(in, e, &why);
	}
	return 0;
}

static int read_endpoint(struct manifest_reader *in, const struct doc *e)
{
	const char *host = doc_text(e, "host");
	const struct doc *rules;
	struct err why = {0};

	if (manifest_check_map(in, e, "host rules") < 0 || list_of(in, e, "rules", &rules) < 0)
		return -1;
	if (!host || !rules || !rules->count)
		return manifest_bad(in, e, "needs a \"host\" and \"rules\" for its requests");
	doc_each(rule, rules)
	{
		const char *method = doc_text(rule, "method"), *path = doc_text(rule, "path");

		if (manifest_check_map(in, rule, "method path") < 0)
			return -1;
		if (!path)
			return manifest_bad(in, rule, "needs a \"path\"");
		if (network_add_endpoint(&in->r->p->network.allow, host, method ? method : "*",
					 path, "manifest", &why) < 0)
			return bad_why(in, e, &why);
	}
	return 0;
}

static int read_ports(struct manifest_reader *in, const struct doc *ports, const char *name,
		      struct policy_ports *to)
{
	const struct doc *l;

	if (list_of(in, ports, name, &l) < 0)
		return -1;
	doc_each(e, l)
	{
		if (e->kind != DOC_INT || e->integer < 1 || e->integer > 65535)
			return manifest_bad(in, e, "must be a port, from 1 to 65535");
		to->v = xrealloc_array(to->v, to->n + 1, sizeof(*to->v));
		to->v[to->n++] =
		    (struct policy_port_range){(uint16_t)e->integer, (uint16_t)e->integer};
	}
	return 0;
}

static int set_mode(struct manifest_reader *in, const struct doc *net)
{
	const char *mode = doc_text(net, "mode");
	struct policy *p = in->r->p;

	if (!net || str_eq(mode, "blocked")) /* who says nothing gets nothing */
		p->network.mode = POLICY_NET_BLOCKED;
	else if (str_eq(mode, "proxy"))
		p->network.mode = POLICY_NET_NAMES;
	else if (!str_eq(mode, "unrestricted"))
		return manifest_bad(in, net, "\"mode\" is blocked, proxy or unrestricted");
	p->net_blocked = p->network.mode == POLICY_NET_BLOCKED;
	p->network.ask = p->elevation;
	return 0;
}

int manifest_read_network(struct manifest_reader *in, const struct doc *net)
{
	struct policy_network *n = &in->r->p->network;
	const struct doc *ports = doc_get(net, "ports");

	if (manifest_check_map(in, net, "mode allow_domains endpoints ports dns") < 0 ||
	    manifest_check_map(in, ports, "connect bind localhost") < 0 || set_mode(in, net) < 0 ||
	    read_domains(in, net) < 0 ||
	    manifest_each(in, net, "endpoints", HOSTS_MAX, read_endpoint) < 0 ||
	    read_ports(in, ports, "connect", &n->connect) < 0 ||
	    read_ports(in, ports, "bind", &n->listen) < 0 ||
	    read_ports(in, ports, "localhost", &n->open) < 0)
		return -1;
	if (n->allow.n && n->mode != POLICY_NET_NAMES)
		return manifest_bad(in, net,
				    "\"allow_domains\" and \"endpoints\" go with the mode proxy");
	if (n->mode == POLICY_NET_BLOCKED)
		manifest_beyond(in, net, "dns", "network.dns of a blocked network");
	return 0;
}

/* ---- credentials ------------------------------------------------------------------------- */

static char *copy(const struct doc *map, const char *name)
{
	const char *s = doc_text(map, name);

	return s ? xstrdup(s) : NULL;
}

static int read_inject(struct manifest_reader *in, const struct doc *inject,
		       struct policy_injection *out)
{
	const char *mode = doc_text(inject, "mode");
	const char *known;

	if (manifest_check_map(in, inject,
			       "mode header format path_pattern path_replacement "
			       "query_param_name") < 0)
		return -1;
	for (int i = 0; mode && (known = policy_inject_name((enum policy_inject)i)); i++)
		if (str_eq(mode, known)) {
			out->mode = (enum policy_inject)i;
			mode = NULL;
		}
	if (mode)
		return manifest_bad(in, inject,
				    "\"mode\" is header, url_path, query_param or basic_auth");
	out->header = copy(inject, "header");
	out->format = copy(inject, "format");
	out->path_pattern = copy(inject, "path_pattern");
	out->path_replacement = copy(inject, "path_replacement");
	out->query = copy(inject, "query_param_name");
	return 0;
}

static int read_rules(struct manifest_reader *in, const struct doc *e, struct policy_endpoints *out)
{
	const struct doc *l;

	if (list_of(in, e, "endpoint_rules", &l) < 0)
		return -1;
	doc_each(rule, l)
	{
		const char *method = doc_text(rule, "method"), *path = doc_text(rule, "path");

		if (manifest_check_map(in, rule, "method path") < 0)
			return -1;
		if (!path)
			return manifest_bad(in, rule, "needs a \"path\"");
		network_add_rule(out, POLICY_NET_ALLOW, method ? method : "*", path);
		out->otherwise = POLICY_NET_DENY;
	}
	return 0;
}

static bool taken(const struct policy_routes *l, const char *name)
{
	for (size_t i = 0; i + 1 < l->n; i++) /* the last one is it */
		if (str_eq(l->v[i].name, name))
			return true;
	return false;
}

int manifest_read_credential(struct manifest_reader *in, const struct doc *e)
{
	struct policy_routes *l = &in->r->p->network.routes;
	struct policy_route *r;
	struct err why = {0};

	if (manifest_check_map(in, e, "name upstream source inject env_var endpoint_rules") < 0)
		return -1;
	if (!doc_text(e, "name") || !doc_text(e, "upstream") || !doc_text(e, "source"))
		return manifest_bad(in, e, "needs \"name\", \"upstream\" and \"source\"");
	if (in->r->p->network.mode != POLICY_NET_NAMES)
		return manifest_bad(in, e, "credentials go with the network's mode proxy");
	l->v = xrealloc_array(l->v, l->n + 1, sizeof(*l->v));
	r = &l->v[l->n++];
	*r = (struct policy_route){.name = copy(e, "name"),
				   .source = xstrdup("manifest"),
				   .upstream = copy(e, "upstream"),
				   .key = copy(e, "source"),
				   .env_var = copy(e, "env_var")};
	if (taken(l, r->name))
		return manifest_bad(in, e, "there is a credential of that name already");
	if (read_inject(in, doc_get(e, "inject"), &r->inject) < 0 ||
	    read_inject(in, doc_get(e, "inject"), &r->phantom) < 0 ||
	    read_rules(in, e, &r->endpoints) < 0)
		return -1;
	return network_complete_route(r, &why) < 0 ? bad_why(in, e, &why) : 0;
}

/* ---- writing ----------------------------------------------------------------------------- */

static void add_str(struct buf *out, const char *s)
{
	buf_add_json_str(out, s, strlen(s));
}

static void add_member(struct buf *out, const char *name, const char *value)
{
	if (!value)
		return;
	buf_addf(out, ",\"%s\":", name);
	add_str(out, value);
}

static void write_host(const struct policy_domain *d, struct buf *out)
{
	char port[16] = "";
	_cleanup_free_ char *text = NULL;

	if (d->port)
		snprintf(port, sizeof(port), ":%u", d->port);
	text = d->port && strchr(d->name, ':') ? xasprintf("[%s]%s", d->name, port)
					       : xasprintf("%s%s", d->name, port);
	add_str(out, text);
}

static void write_rules(const struct policy_endpoints *l, struct buf *out)
{
	const char *before = "";

	buf_addc(out, '[');
	for (size_t i = 0; i < l->n; i++) {
		if (l->v[i].action != POLICY_NET_ALLOW)
			continue;
		buf_addf(out, "%s{\"method\":", before);
		add_str(out, l->v[i].method);
		buf_adds(out, ",\"path\":");
		add_str(out, l->v[i].path);
		buf_addc(out, '}');
		before = ",";
	}
	buf_addc(out, ']');
}

static void write_hosts(const struct policy_network *n, struct buf *out)
{
	const char *before = "";

	buf_adds(out, ",\"allow_domains\":[");
	for (size_t i = 0; i < n->allow.n; i++) {
		if (n->allow.v[i].endpoints.n)
			continue;
		buf_adds(out, before);
		write_host(&n->allow.v[i], out);
		before = ",";
	}
	buf_adds(out, "],\"endpoints\":[");
	before = "";
	for (size_t i = 0; i < n->allow.n; i++) {
		if (!n->allow.v[i].endpoints.n)
			continue;
		buf_addf(out, "%s{\"host\":", before);
		write_host(&n->allow.v[i], out);
		buf_adds(out, ",\"rules\":");
		write_rules(&n->allow.v[i].endpoints, out);
		buf_addc(out, '}');
		before = ",";
	}
	buf_addc(out, ']');
}

static void write_ports(const char *name, const struct policy_ports *l, struct buf *out)
{
	const char *before = "";

	buf_addf(out, "\"%s\":[", name);
	for (size_t i = 0; i < l->n; i++)
		for (uint32_t port = l->v[i].first; port <= l->v[i].last; port++) {
			buf_addf(out, "%s%u", before, port);
			before = ",";
		}
	buf_addc(out, ']');
}

void manifest_write_network(const struct policy *p, struct buf *out)
{
	const struct policy_network *n = &p->network;
	bool names = n->mode == POLICY_NET_NAMES;

	buf_addf(out, ",\"network\":{\"mode\":\"%s\"",
		 p->net_blocked ? "blocked"
		 : names	? "proxy"
				: "unrestricted");
	if (names)
		write_hosts(n, out);
	if (n->connect.n || n->listen.n || n->open.n) {
		buf_adds(out, ",\"ports\":{");
		write_ports("connect", &n->connect, out);
		buf_addc(out, ',');
		write_ports("bind", &n->listen, out);
		buf_addc(out, ',');
		write_ports("localhost", &n->open, out);
		buf_addc(out, '}');
	}
	buf_addc(out, '}');
}

/* What is no reference (OAuth, AWS) has no place there: who reads it is told that "source" is
 * missing. */
static void write_route(const struct policy_route *r, struct buf *out)
{
	buf_adds(out, "{\"name\":");
	add_str(out, r->name);
	add_member(out, "upstream", r->upstream);
	add_member(out, "source", r->key);
	buf_addf(out, ",\"inject\":{\"mode\":\"%s\"", policy_inject_name(r->inject.mode));
	add_member(out, "header", r->inject.header);
	add_member(out, "format", r->inject.format);
	add_member(out, "path_pattern", r->inject.path_pattern);
	add_member(out, "path_replacement", r->inject.path_replacement);
	add_member(out, "query_param_name", r->inject.query);
	buf_addc(out, '}');
	add_member(out, "env_var", r->env_var);
	if (r->endpoints.n) {
		buf_adds(out, ",\"endpoint_rules\":");
		write_rules(&r->endpoints, out);
	}
	buf_addc(out, '}');
}

void manifest_write_credentials(const struct policy *p, struct buf *out)
{
	if (!p->network.routes.n)
		return;
	buf_adds(out, ",\"credentials\":[");
	for (size_t i = 0; i < p->network.routes.n; i++) {
		if (i)
			buf_addc(out, ',');
		write_route(&p->network.routes.v[i], out);
	}
	buf_addc(out, ']');
}
