/* The list of hosts, entry by entry. */
#include "common/host.h"
#include "policy/network/lists.h"

void network_add_rule(struct policy_endpoints *l, enum policy_net_action action, const char *method,
		      const char *path)
{
	struct policy_endpoint *e;
	char *upper;

	l->v = xrealloc_array(l->v, l->n + 1, sizeof(*l->v));
	e = &l->v[l->n++];
	*e = (struct policy_endpoint){.action = action};
	e->method = upper = xstrdup(method);
	for (; *upper; upper++)
		if (*upper >= 'a' && *upper <= 'z')
			*upper = (char)(*upper - 32);
	e->path = *path == '/' || *path == '*' ? xstrdup(path) : xasprintf("/%s", path);
}

static struct policy_domain *find(struct policy_domains *l, const char *name, uint16_t port)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].port == port && strcmp(l->v[i].name, name) == 0)
			return &l->v[i];
	return NULL;
}

static struct policy_domain *add(struct policy_domains *l, const char *name, uint16_t port,
				 const char *source)
{
	struct policy_domain *d = find(l, name, port);

	if (d)
		return d;
	l->v = xrealloc_array(l->v, l->n + 1, sizeof(*l->v));
	d = &l->v[l->n++];
	*d = (struct policy_domain){.name = xstrdup(name), .port = port, .source = xstrdup(source)};
	return d;
}

/* "HOST", "HOST:PORT", "[V6]:PORT" with wildcards. */
static int parse_name(const char *text, char name[NET_NAME_MAX], uint16_t *port, struct err *err)
{
	const char *colon = text[0] == '[' ? strstr(text, "]:") : strrchr(text, ':');
	char host[NET_NAME_MAX + 8];
	long n;

	*port = 0;
	if (colon && text[0] == '[')
		colon++;
	else if (colon && strchr(text, ':') != colon)
		colon = NULL; /* an IPv6 address */
	if (!colon)
		return net_pattern_parse(text, name, err);
	if (str_to_long(colon + 1, 1, 65535, &n) < 0)
		return err_set(err, "\"%.60s\" is no port", colon + 1);
	*port = (uint16_t)n;
	snprintf(host, sizeof(host), "%.*s", (int)(colon - text), text);
	return net_pattern_parse(host, name, err);
}

int network_add_endpoint(struct policy_domains *l, const char *host, const char *method,
			 const char *path, const char *source, struct err *err)
{
	char name[NET_NAME_MAX];
	struct policy_domain *d;
	uint16_t port;

	if (parse_name(host, name, &port, err) < 0)
		return -1;
	d = add(l, name, port, source);
	d->endpoints.otherwise = POLICY_NET_DENY;
	network_add_rule(&d->endpoints, POLICY_NET_ALLOW, method, path);
	return 0;
}

/* "https://", and then always the port of it. */
static const char *skip_scheme(const char *text, const char **port)
{
	*port = "";
	if (strncasecmp(text, "https://", 8) == 0)
		return text + 8;
	if (strncasecmp(text, "http://", 7) == 0) {
		*port = ":80";
		return text + 7;
	}
	return text;
}

int network_add_domain(struct policy_domains *l, const char *text, const char *source,
		       struct err *err)
{
	/* "GET https://..." */
	size_t word = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ*");
	const char *space = word && text[word] == ' ' ? text + word : NULL, *port, *slash;
	_cleanup_free_ char *method = NULL, *host = NULL;
	char name[NET_NAME_MAX];
	uint16_t number;

	if (space) {
		method = xstrndup(text, (size_t)(space - text));
		text = space + strspn(space, " ");
	}
	text = skip_scheme(text, &port);
	slash = strchr(text, '/');
	host = slash ? xasprintf("%.*s%s", (int)(slash - text), text,
				 memchr(text, ':', (size_t)(slash - text)) ? "" : port)
		     : xasprintf("%s%s", text, strchr(text, ':') ? "" : port);
	if (slash && (slash[1] || method))
		return network_add_endpoint(l, host, method ? method : "*", slash, source, err);
	if (parse_name(host, name, &number, err) < 0)
		return -1;
	add(l, name, number, source);
	return 0;
}
