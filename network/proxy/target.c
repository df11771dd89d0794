/*
 * Whom a request is for, and whether who asks may ask at all.
 */
#include "network/proxy/job.h"

#include <openssl/evp.h>
#include <strings.h>

/* Text of a request in an event: printable ASCII, cut, without its query. */
static void note(char *to, size_t size, struct http_text t)
{
	size_t n = 0;

	for (size_t i = 0; i < t.n && t.p[i] != '?' && t.p[i] != '#'; i++) {
		if (n + 4 >= size) {
			memcpy(to + n, "...", 3);
			n += 3;
			break;
		}
		to[n++] = t.p[i] > ' ' && t.p[i] < 0x7f ? t.p[i] : '?';
	}
	to[n] = '\0';
}

/* ---- the proxy's own password ---- */

static bool authorized(struct job *j)
{
	struct proxy *p = j->x->proxy;
	const struct net_config *c = p->config;
	const struct http_text *v = http_get(&j->x->request, "Proxy-Authorization", 0);
	const char *want = c->password ? c->password : c->token;
	unsigned char plain[512];
	bool ok = false;

	if (c->no_auth)
		return true;
	if (v && v->n > 6 && v->n < 600 && !strncasecmp(v->p, "Basic ", 6) &&
	    !http_get(&j->x->request, "Proxy-Authorization", 1)) {
		size_t n = v->n - 6, pad = 0;
		int got;

		while (pad < 2 && pad < n && v->p[v->n - 1 - pad] == '=')
			pad++;
		got = n % 4 ? -1 : EVP_DecodeBlock(plain, (const unsigned char *)v->p + 6, (int)n);
		if (got > (int)pad) {
			const char *colon = memchr(plain, ':', (size_t)got - pad);

			if (colon) {
				size_t user = (size_t)(colon - (const char *)plain) + 1;

				ok = secret_equal(colon + 1, (size_t)got - pad - user, want,
						  strlen(want));
			}
		}
		OPENSSL_cleanse(plain, sizeof(plain));
	}
	str_copy(j->event.auth_mechanism, sizeof(j->event.auth_mechanism), "proxy_authorization");
	str_copy(j->event.auth_outcome, sizeof(j->event.auth_outcome), ok ? "succeeded" : "failed");
	if (ok)
		return true;
	j->event.decision = NET_DENIED;
	str_copy(j->event.category, sizeof(j->event.category), "authentication_failed");
	str_copy(j->event.reason, sizeof(j->event.reason),
		 v ? "wrong proxy password" : "no Proxy-Authorization");
	job_answer_with(j, 407, "Proxy-Authenticate", "Basic realm=\"nono\"",
			"this proxy serves one session and wants its token; programs find it in "
			"HTTPS_PROXY");
	return false;
}

/* ---- forms of a target ---- */

static void set_host(struct job *j, const struct net_host *h, uint16_t port)
{
	j->host = *h;
	j->port = port;
	str_copy(j->event.host, sizeof(j->event.host), h->name);
	j->event.port = port;
}

/* The Host that upstream gets is made of what was judged, whatever came. */
static int set_host_header(struct job *j)
{
	char text[NET_NAME_MAX + 16];
	bool v6 = j->host.is_address && j->host.family == AF_INET6;

	if (j->port == (j->tls ? 443 : 80))
		snprintf(text, sizeof(text), v6 ? "[%s]" : "%s", j->host.name);
	else
		snprintf(text, sizeof(text), v6 ? "[%s]:%u" : "%s:%u", j->host.name, j->port);
	http_remove(&j->x->request, "Host");
	return http_add_str(&j->x->request, "Host", text);
}

static bool bad(struct job *j, unsigned status, const char *why)
{
	j->event.decision = NET_DENIED;
	job_answer(j, status, "%s", why);
	return false;
}

static bool connect_target(struct job *j)
{
	struct http_text t = j->x->request.target;
	struct net_host host;
	uint16_t port = 0;
	struct err err;

	j->event.mode = NET_MODE_CONNECT;
	j->connect = true;
	if (!authorized(j))
		return false;
	if (net_authority_parse(t.p, t.n, &host, &port, &err) < 0 || !port)
		return bad(j, 400, port || err.msg[0] ? err.msg : "CONNECT wants HOST:PORT");
	if (j->x->request.body != HTTP_BODY_NONE)
		return bad(j, 400, "CONNECT with a body");
	set_host(j, &host, port);
	return true;
}

static bool absolute_target(struct job *j)
{
	struct http_head *r = &j->x->request;
	struct net_url url;
	struct err err;

	j->event.mode = NET_MODE_FORWARD;
	if (!authorized(j))
		return false;
	if (net_url_parse(r->target.p, &url, &err) < 0)
		return bad(j, 400, err.msg);
	j->tls = !strcmp(url.scheme, "https") || !strcmp(url.scheme, "wss");
	set_host(j, &url.host, url.port);
	if (*url.path == '/')
		r->target = http_copy(r, url.path, strlen(url.path));
	else if (*url.path)
		r->target = (struct http_text){NULL, 0};
	else
		r->target = http_text_is(r->method, "OPTIONS") ? http_copy(r, "*", 1)
							       : http_copy(r, "/", 1);
	if (!r->target.p)
		return bad(j, 400, "the URL's path can't be read");
	note(j->event.path, sizeof(j->event.path), r->target);
	return set_host_header(j) == 0 || bad(j, 431, "too many headers");
}

/* "/ROUTE/rest" on the proxy's own port. */
static bool route_target(struct job *j)
{
	struct proxy *p = j->x->proxy;
	struct http_head *r = &j->x->request;
	const char *name = r->target.p + 1;
	size_t n = strcspn(name, "/?#");
	const char *rest = name + n;
	struct net_url url;
	struct err err;

	j->event.mode = NET_MODE_REVERSE;
	j->route = n ? net_route_find(p->rules, name, n) : NULL;
	if (!j->route) {
		note(j->event.path, sizeof(j->event.path), r->target);
		return bad(j, 404, "no credential route of that name; --credential NAME adds one");
	}
	str_copy(j->event.route, sizeof(j->event.route), j->route->name);
	if (net_url_parse(j->route->upstream, &url, &err) < 0)
		return bad(j, 502, err.msg);
	j->tls = !strcmp(url.scheme, "https");
	j->by_route = true;
	set_host(j, &url.host, url.port);

	_cleanup_(buf_free) struct buf path = {0};
	size_t prefix = strcspn(url.path, "?#");
	while (prefix && url.path[prefix - 1] == '/')
		prefix--;
	buf_add(&path, url.path, prefix);
	j->route_prefix = prefix;
	if (*rest != '/')
		buf_addc(&path, '/');
	buf_adds(&path, rest);
	note(j->event.path, sizeof(j->event.path), (struct http_text){rest, strlen(rest)});
	if (!*j->event.path)
		str_copy(j->event.path, sizeof(j->event.path), "/");
	r->target = http_copy(r, path.data, path.len);
	if (!r->target.p || set_host_header(j) < 0)
		return bad(j, 431, "the request is too large");
	return true;
}

/* Inside an intercepted tunnel: it goes where the tunnel leads and says so. */
static bool origin_target(struct job *j)
{
	struct exchange *x = j->x;
	struct http_head *r = &x->request;
	const struct exchange_origin *o = x->origin;
	const struct http_text *host = http_get(r, "Host", 0);
	struct http_text authority = r->authority.n ? r->authority : host ? *host : r->authority;
	struct net_host said;
	uint16_t port = 443;

	j->event.mode = NET_MODE_INTERCEPT;
	j->event.intercepted = 1;
	j->tls = true;
	set_host(j, &o->host, o->port);
	note(j->event.path, sizeof(j->event.path), r->target);
	if (http_text_is(r->method, "CONNECT"))
		return bad(j, 405, "CONNECT inside a tunnel");
	if (r->target.n && r->target.p[0] != '/' && !http_text_is(r->target, "*")) {
		struct net_url url;

		if (net_url_parse(r->target.p, &url, NULL) < 0 || *url.path != '/' ||
		    strcmp(url.host.name, o->host.name) != 0 || url.port != o->port)
			return bad(j, 421, "the request is for another host than the tunnel");
		r->target = http_copy(r, url.path, strlen(url.path));
	}
	if (authority.n) {
		if (net_authority_parse(authority.p, authority.n, &said, &port, NULL) < 0 ||
		    strcmp(said.name, o->host.name) != 0 || port != o->port) {
			str_copy(j->event.category, sizeof(j->event.category), "host_denied");
			return bad(j, 421, "the request is for another host than the tunnel");
		}
	}
	if (r->authority.n && host &&
	    (r->authority.n != host->n || strncasecmp(r->authority.p, host->p, host->n) != 0))
		return bad(j, 421, ":authority and Host disagree");
	return set_host_header(j) == 0 || bad(j, 431, "too many headers");
}

bool job_target(struct job *j)
{
	struct http_head *r = &j->x->request;

	note(j->event.method, sizeof(j->event.method), r->method);
	if (j->x->origin)
		return origin_target(j);
	if (http_text_is(r->method, "CONNECT"))
		return connect_target(j);
	if (job_wants_open_url(j))
		return authorized(j) && job_open_url(j);
	if (r->target.p[0] == '/')
		return route_target(j);
	if (r->target.p[0] == '*') {
		j->event.mode = NET_MODE_FORWARD;
		return bad(j, 400, "'*' is no target for a proxy");
	}
	return absolute_target(j);
}
