/* The network of a tool: its own hosts and ports, whatever the agent's are. */
#include "common/host.h"
#include "policy/commands/decode.h"
#include "policy/network/lists.h"
#include "policy/resolve.h"

/* ---- as a profile says it ------------------------------------------------------------------- */

/* As a text that network_add_domain() takes. */
static int take_endpoint(const struct decoder *d, const struct doc *at, const char *domain,
			 struct words *to)
{
	const struct doc *method = doc_get(at, "method"), *path = doc_get(at, "path");
	_cleanup_free_ char *text = NULL, *upper = NULL;

	if (at->kind != DOC_MAP || !path || path->kind != DOC_STRING || !*path->string ||
	    (method && (method->kind != DOC_STRING || !*method->string)))
		return doc_error(d->label, at, d->err,
				 "an endpoint is a map with \"method\" and \"path\"");
	doc_each(m, at)
	{
		if (m != method && m != path)
			return doc_error(d->label, m, d->err,
					 "an endpoint has \"method\" and \"path\", not \"%.64s\"",
					 m->name);
	}
	upper = xstrdup(method ? method->string : "*");
	for (char *c = upper; *c; c++)
		if (*c >= 'a' && *c <= 'z')
			*c = (char)(*c - 'a' + 'A');
	text =
	    xasprintf("%s %s%s%s", upper, domain, path->string[0] == '/' ? "" : "/", path->string);
	words_add(to, text);
	return 0;
}

static int take_narrowed(const struct decoder *d, const struct doc *at, struct words *to)
{
	const struct doc *domain = doc_get(at, "domain"), *endpoints = doc_get(at, "endpoints");

	if (!domain || domain->kind != DOC_STRING || !*domain->string)
		return doc_error(d->label, at, d->err, "an entry needs a \"domain\"");
	doc_each(m, at)
	{
		if (m != domain && m != endpoints)
			return doc_error(d->label, m, d->err,
					 "an entry has \"domain\" and \"endpoints\", not \"%.64s\"",
					 m->name);
	}
	if (endpoints && decode_kind(d, endpoints, DOC_LIST) < 0)
		return -1;
	if (!endpoints || !endpoints->count)
		words_add(to, domain->string);
	doc_each(one, endpoints)
	{
		if (take_endpoint(d, one, domain->string, to) < 0)
			return -1;
	}
	return 0;
}

static int take_domains(const struct decoder *d, const struct doc *v, void *to)
{
	struct command_network *n = to;
	struct policy_domains tried = {0};
	struct policy_network only = {0};
	struct err why = {0};

	words_free(&n->domains);
	n->names = true;
	if (decode_kind(d, v, DOC_LIST) < 0)
		return -1;
	doc_each(item, v)
	{
		size_t first = n->domains.n;
		int rc = 0;

		if (item->kind == DOC_MAP && take_narrowed(d, item, &n->domains) < 0)
			return -1;
		if (item->kind != DOC_MAP && item->kind != DOC_STRING)
			return doc_error(d->label, item, d->err,
					 "allow_domain holds hosts, or {domain, endpoints}");
		if (item->kind == DOC_STRING)
			words_add(&n->domains, item->string);
		for (size_t i = first; i < n->domains.n && rc == 0; i++)
			rc = network_add_domain(&tried, n->domains.v[i], "", &why);
		if (rc < 0) {
			only.allow = tried;
			policy_network_free(&only);
			return doc_error(d->label, item, d->err, "%.400s", why.msg);
		}
	}
	only.allow = tried;
	policy_network_free(&only);
	return 0;
}

static int take_ports(const struct decoder *d, const struct doc *v, void *to)
{
	struct policy_ports *ports = to;

	free(STEAL_PTR(ports->v));
	ports->n = 0;
	if (decode_kind(d, v, DOC_LIST) < 0)
		return -1;
	doc_each(item, v)
	{
		if (item->kind != DOC_INT || item->integer < 1 || item->integer > 65535)
			return doc_error(d->label, item, d->err, "%s holds ports, 1 to 65535",
					 v->name);
		ports->v = xrealloc_array(ports->v, ports->n + 1, sizeof(*ports->v));
		ports->v[ports->n++] =
		    (struct policy_port_range){(uint16_t)item->integer, (uint16_t)item->integer};
	}
	return 0;
}

#define NET(member) offsetof(struct command_network, member)
int decode_box_network(const struct decoder *d, const struct doc *v, void *to)
{
	static const struct decode_row rows[] = {
	    {"allow_all", decode_bool, NET(all)},
	    {"allow_domain", take_domains, 0},
	    {"tcp_connect_ports", take_ports, NET(connect)},
	    {"tcp_bind_ports", take_ports, NET(bind)},
	    {0},
	};
	struct command_network *n = to;

	if (decode_map(d, v, rows, to, "network") < 0)
		return -1;
	if (n->all && (n->domains.n || n->connect.n || n->bind.n))
		return doc_error(d->label, v, d->err,
				 "allow_all leaves nothing for allow_domain and ports to say");
	return 0;
}

void box_network_free(struct command_network *n)
{
	words_free(&n->domains);
	free(n->connect.v);
	free(n->bind.v);
}

/* ---- as it is held -------------------------------------------------------------------------- */

static struct policy_ports copy_ports(const struct policy_ports *from)
{
	struct policy_ports to = {xcalloc(from->n + 1, sizeof(*to.v)), from->n};

	if (from->n)
		memcpy(to.v, from->v, from->n * sizeof(*to.v));
	return to;
}

/* Of a tool's own: nobody is asked for others. */
static void copy_pages(struct policy_network *n, const struct policy_input *in)
{
	const struct policy_network *session = &in->tool_for->network;
	const struct command_box *b = in->tool;
	struct list l = {0};

	for (char *const *o = session->open_urls; b->open_session && o && *o; o++)
		list_add(&l, *o);
	for (size_t i = 0; i < b->open_origins.n; i++)
		list_add(&l, b->open_origins.v[i]);
	n->open_urls = list_steal(&l);
	n->open_localhost = b->open_localhost || (b->open_session && session->open_localhost);
}

int commands_network(struct policy *p, const struct policy_input *in, struct err *err)
{
	const struct command_network *from = &in->tool->net;
	struct policy_network *n = &p->network;
	bool names;

	if (from->all)
		return 0; /* POLICY_NET_OPEN */
	n->connect = copy_ports(&from->connect);
	n->listen = copy_ports(&from->bind);
	names = from->names || box_has_routes(in->tool_for->commands, in->tool) ||
		box_opens_urls(in->tool);
	copy_pages(n, in);
	p->net_blocked = !names;
	n->mode = names ? POLICY_NET_NAMES : POLICY_NET_BLOCKED;
	for (size_t i = 0; i < from->domains.n; i++)
		if (network_add_domain(&n->allow, from->domains.v[i], "profile", err) < 0)
			return -1;
	return tool_credentials_network(n, in, err);
}
