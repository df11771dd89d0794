/* The network of a capability manifest. Members of ours beside the format's: deny_domains,
 * deny_private, upstream_proxy, upstream_bypass, no_proxy, allow_http2, open_urls, logins. */
#include "common/host.h"
#include "policy/manifest/manifest.h"
#include "policy/network/lists.h"

#define LOGINS_MAX 64
#define HOSTS_MAX  4096 /* and as many rules for requests, ports, credentials */

static int bad_why(struct manifest_reader *in, const struct doc *at, const struct err *why)
{
	return manifest_bad(in, at, why->msg);
}

int manifest_list(struct manifest_reader *in, const struct doc *map, const char *name,
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

	if (manifest_list(in, net, "allow_domains", &l) < 0)
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

	if (manifest_check_map(in, e, "host rules") < 0 ||
	    manifest_list(in, e, "rules", &rules) < 0)
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

	if (manifest_list(in, ports, name, &l) < 0)
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

static int read_names(struct manifest_reader *in, const struct doc *map, const char *member,
		      bool hosts, char ***to)
{
	const struct doc *l;
	struct list out = {0};
	struct err why = {0};
	char name[NET_NAME_MAX];
	int rc = manifest_list(in, map, member, &l);

	doc_each(e, rc == 0 ? l : NULL)
	{
		if (e->kind != DOC_STRING || !*e->string)
			rc = manifest_bad(in, e, "must be a list of strings");
		else if (hosts && net_pattern_parse(e->string, name, &why) < 0)
			rc = bad_why(in, e, &why);
		else
			list_add(&out, hosts ? name : e->string);
		if (rc < 0)
			break;
	}
	*to = list_steal(&out);
	return rc;
}

static int read_upstream(struct manifest_reader *in, const struct doc *net)
{
	struct policy_network *n = &in->r->p->network;
	const char *proxy = doc_text(net, "upstream_proxy");
	struct net_host h;
	struct err why = {0};
	uint16_t port = 0;

	if (read_names(in, net, "upstream_bypass", true, &n->upstream_bypass) < 0)
		return -1;
	if (!proxy)
		return doc_get(net, "upstream_proxy") ||
			       (n->upstream_bypass && n->upstream_bypass[0])
			   ? manifest_bad(in, net, "\"upstream_proxy\" is HOST:PORT")
			   : 0;
	if (net_authority_parse(proxy, strlen(proxy), &h, &port, &why) < 0 || !port)
		return manifest_bad(in, net, "\"upstream_proxy\" is HOST:PORT");
	n->upstream_proxy = xstrdup(proxy);
	return 0;
}

static int read_login(struct manifest_reader *in, const struct doc *e)
{
	struct policy_network *n = &in->r->p->network;
	const char *name = doc_text(e, "name"), *url = doc_text(e, "token_url");
	struct policy_login *l;
	struct net_url u;

	if (manifest_check_map(in, e, "name token_url hosts") < 0)
		return -1;
	if (!name || !url || net_url_parse(url, &u, NULL) < 0)
		return manifest_bad(in, e, "needs a \"name\" and a \"token_url\"");
	n->logins = xrealloc_array(n->logins, n->n_logins + 1, sizeof(*n->logins));
	l = &n->logins[n->n_logins++];
	*l = (struct policy_login){.name = xstrdup(name), .token_url = xstrdup(url)};
	return read_names(in, e, "hosts", true, &l->hosts);
}

static int read_limits(struct manifest_reader *in, const struct doc *net)
{
	struct policy_network *n = &in->r->p->network;
	const struct doc *pages = doc_get(net, "open_urls");

	n->deny_private = doc_flag(net, "deny_private", false);
	n->http2 = doc_flag(net, "allow_http2", false);
	n->open_localhost = doc_flag(pages, "allow_localhost", false);
	return manifest_check_map(in, pages, "allow_origins allow_localhost") < 0 ||
		       read_names(in, net, "deny_domains", true, &n->deny) < 0 ||
		       read_names(in, net, "no_proxy", false, &n->no_proxy) < 0 ||
		       read_names(in, pages, "allow_origins", false, &n->open_urls) < 0 ||
		       read_upstream(in, net) < 0 ||
		       manifest_each(in, net, "logins", LOGINS_MAX, read_login) < 0
		   ? -1
		   : 0;
}

int manifest_read_network(struct manifest_reader *in, const struct doc *net)
{
	struct policy_network *n = &in->r->p->network;
	const struct doc *ports = doc_get(net, "ports");

	if (manifest_check_map(
		in, net,
		"mode allow_domains endpoints ports dns deny_domains deny_private upstream_proxy "
		"upstream_bypass no_proxy allow_http2 open_urls logins") < 0 ||
	    manifest_check_map(in, ports, "connect bind localhost") < 0 || set_mode(in, net) < 0 ||
	    read_domains(in, net) < 0 ||
	    manifest_each(in, net, "endpoints", HOSTS_MAX, read_endpoint) < 0 ||
	    read_limits(in, net) < 0 || read_ports(in, ports, "connect", &n->connect) < 0 ||
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

/* ---- writing ----------------------------------------------------------------------------- */

static void add_str(struct buf *out, const char *s)
{
	buf_add_json_str(out, s, strlen(s));
}

static void add_list(struct buf *out, const char *name, char *const *v)
{
	buf_addf(out, ",\"%s\":", name);
	buf_add_json_list(out, v);
}

static void write_host(const struct policy_domain *d, struct buf *out)
{
	char text[POLICY_DOMAIN_TEXT_MAX];

	policy_domain_text(d, text);
	add_str(out, text);
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
		manifest_write_rules(&n->allow.v[i].endpoints, out);
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

static void write_logins(const struct policy_network *n, struct buf *out)
{
	buf_adds(out, ",\"logins\":[");
	for (size_t i = 0; i < n->n_logins; i++) {
		buf_adds(out, i ? ",{\"name\":" : "{\"name\":");
		add_str(out, n->logins[i].name);
		buf_adds(out, ",\"token_url\":");
		add_str(out, n->logins[i].token_url);
		add_list(out, "hosts", n->logins[i].hosts);
		buf_addc(out, '}');
	}
	buf_addc(out, ']');
}

/* What the format has no member for, and what would be wider without. */
static void write_limits(const struct policy_network *n, struct buf *out)
{
	if (n->deny && n->deny[0])
		add_list(out, "deny_domains", n->deny);
	if (n->deny_private)
		buf_adds(out, ",\"deny_private\":true");
	if (n->upstream_proxy) {
		buf_adds(out, ",\"upstream_proxy\":");
		add_str(out, n->upstream_proxy);
		add_list(out, "upstream_bypass", n->upstream_bypass);
	}
	if (n->no_proxy && n->no_proxy[0])
		add_list(out, "no_proxy", n->no_proxy);
	if (n->http2)
		buf_adds(out, ",\"allow_http2\":true");
	if (n->open_localhost || (n->open_urls && n->open_urls[0])) {
		buf_addf(out, ",\"open_urls\":{\"allow_localhost\":%s",
			 n->open_localhost ? "true" : "false");
		add_list(out, "allow_origins", n->open_urls);
		buf_addc(out, '}');
	}
	if (n->n_logins)
		write_logins(n, out);
}

void manifest_write_network(const struct policy *p, struct buf *out)
{
	const struct policy_network *n = &p->network;
	bool names = n->mode == POLICY_NET_NAMES;

	buf_addf(out, ",\"network\":{\"mode\":\"%s\"",
		 p->net_blocked ? "blocked"
		 : names	? "proxy"
				: "unrestricted");
	if (names) {
		write_hosts(n, out);
		write_limits(n, out);
	}
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
