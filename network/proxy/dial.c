/*
 * A connection to a host that was allowed: its name resolved, every address checked, several of
 * them tried a moment after one another (RFC 8305), through the upstream proxy where there is one,
 * TLS on top where it is asked for.
 */
#include "network/proxy/dial.h"
#include "network/proxy/tls_stream.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#define STAGGER_MS 250

static struct dial *of_limit(struct deadline *d)
{
	return (struct dial *)(void *)((char *)d - offsetof(struct dial, limit));
}

static struct dial *of_stagger(struct deadline *d)
{
	return (struct dial *)(void *)((char *)d - offsetof(struct dial, stagger));
}

static void clean(struct dial *d)
{
	resolve_cancel(&d->resolve);
	deadline_clear(d->proxy, &d->stagger);
	deadline_clear(d->proxy, &d->limit);
	for (size_t i = 0; i < DIAL_TRIES; i++) {
		stream_close(d->tries[i].stream);
		d->tries[i].stream = NULL;
	}
	buf_free(&d->in);
	buf_free(&d->out);
	d->in = d->out = (struct buf){0};
	d->running = false;
}

void dial_cancel(struct dial *d)
{
	if (!d->running)
		return;
	clean(d);
	stream_close(d->stream);
	d->stream = NULL;
}

void dial_fail(struct dial *d, unsigned status, const char *category, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(d->reason, sizeof(d->reason), fmt, ap);
	va_end(ap);
	d->status = status;
	d->category = category;
	dial_cancel(d);
	d->done(d, NULL);
}

void dial_finish(struct dial *d)
{
	struct stream *s = STEAL_PTR(d->stream);

	stream_watch(s, 0);
	clean(d);
	d->done(d, s);
}

static void on_limit(struct deadline *t)
{
	struct dial *d = of_limit(t);

	dial_fail(d, 504, "upstream_connect_failed", "no connection to %s:%u within %d seconds",
		  d->host.name, d->port, PROXY_CONNECT_MS / 1000);
}

/* ---- TLS ---- */

static void on_handshake(struct stream *s, _unused_ unsigned what)
{
	struct dial *d = s->data;
	struct err err;
	bool certificate;

	switch (tls_stream_handshake(s, &err, &certificate)) {
	case 1:
		dial_finish(d);
		return;
	case 0:
		stream_watch(s, STREAM_READ);
		return;
	default:
		dial_fail(d, 502, "upstream_connect_failed", "TLS with %s: %s", d->host.name,
			  err.msg);
	}
}

static void start_tls(struct dial *d)
{
	struct err err;
	SSL *ssl = d->proxy->tls
		       ? tls_client(d->proxy->tls, &d->host, d->port, d->route, d->http2, &err)
		       : NULL;

	if (!ssl) {
		dial_fail(d, 502, "upstream_connect_failed", "TLS with %s: %s", d->host.name,
			  d->proxy->tls ? err.msg : "not set up");
		return;
	}
	tls_stream_start(d->stream, ssl);
	d->stream->ready = on_handshake;
	on_handshake(d->stream, STREAM_WRITE);
}

void dial_connected(struct dial *d)
{
	if (d->tls)
		start_tls(d);
	else
		dial_finish(d);
}

/* ---- connecting ---- */

static void try_next(struct dial *d, int last_error);

static void on_connected(struct stream *s, _unused_ unsigned what)
{
	struct dial_try *t = s->data;
	struct dial *d = t->dial;
	int code = 0;
	socklen_t n = sizeof(code);

	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &code, &n) < 0)
		code = errno;
	if (code) {
		t->stream = NULL;
		stream_close(s);
		try_next(d, code);
		return;
	}
	const struct resolved_address *a = &d->addresses.v[t->address];
	inet_ntop(a->family, a->bytes, d->address, sizeof(d->address));
	t->stream = NULL;
	for (size_t i = 0; i < DIAL_TRIES; i++) {
		stream_close(d->tries[i].stream);
		d->tries[i].stream = NULL;
	}
	deadline_clear(d->proxy, &d->stagger);
	d->stream = s;
	s->data = d;
	stream_watch(s, 0);
	if (d->through_proxy)
		dial_ask_proxy(d);
	else
		dial_connected(d);
}

static int open_socket(const struct resolved_address *a, uint16_t port)
{
	struct sockaddr_storage addr = {.ss_family = (sa_family_t)a->family};
	socklen_t n;
	int one = 1;
	_cleanup_close_ int fd = socket(a->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (a->family == AF_INET) {
		struct sockaddr_in *in = (void *)&addr;

		in->sin_port = htons(port);
		memcpy(&in->sin_addr, a->bytes, 4);
		n = sizeof(*in);
	} else {
		struct sockaddr_in6 *in6 = (void *)&addr;

		in6->sin6_port = htons(port);
		memcpy(&in6->sin6_addr, a->bytes, 16);
		n = sizeof(*in6);
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	if (connect(fd, (struct sockaddr *)&addr, n) < 0 && errno != EINPROGRESS)
		return -1;
	return STEAL_FD(fd);
}

static void on_stagger(struct deadline *t)
{
	try_next(of_stagger(t), 0);
}

static uint16_t port_to_dial(const struct dial *d)
{
	const char *colon;
	long port = 0;

	if (!d->through_proxy)
		return d->port;
	colon = strrchr(d->proxy->config->network.upstream_proxy, ':');
	return colon && !str_to_long(colon + 1, 1, 65535, &port) ? (uint16_t)port : 0;
}

static void try_next(struct dial *d, int last_error)
{
	struct dial_try *slot = NULL;
	bool busy = false;

	for (size_t i = 0; i < DIAL_TRIES; i++) {
		if (d->tries[i].stream)
			busy = true;
		else
			slot = &d->tries[i];
	}
	while (slot && d->next < d->addresses.n) {
		size_t at = d->next++;
		int fd = open_socket(&d->addresses.v[at], port_to_dial(d));

		if (fd < 0) {
			last_error = errno;
			continue;
		}
		struct stream *s = stream_open(&d->proxy->loop, fd, NULL);
		if (!s) {
			last_error = EMFILE;
			continue;
		}
		*slot = (struct dial_try){d, s, at};
		s->data = slot;
		s->ready = on_connected;
		stream_watch(s, STREAM_WRITE);
		if (d->next < d->addresses.n)
			deadline_set(d->proxy, &d->stagger, STAGGER_MS, on_stagger);
		return;
	}
	if (!busy)
		dial_fail(d, 502, "upstream_connect_failed", "connecting to %s%s:%u: %s",
			  d->through_proxy ? "the upstream proxy for " : "", d->host.name, d->port,
			  strerror(last_error ? last_error : ECONNREFUSED));
}

/* Who was asked about "localhost" or an address knows that it is this machine. */
static bool granted_local(const struct dial *d, const struct resolved_address *a)
{
	return d->granted && (d->host.is_address || !strcmp(d->host.name, "localhost")) &&
	       net_address_kind(a->family, a->bytes) == NET_ADDRESS_LOOPBACK;
}

/* Takes what the rules refuse out of the addresses. */
static void check_addresses(struct dial *d)
{
	size_t kept = 0;

	for (size_t i = 0; i < d->addresses.n; i++) {
		const struct resolved_address *a = &d->addresses.v[i];

		if (net_check_address(d->proxy->rules, &d->host, a->family, a->bytes, d->rule,
				      sizeof(d->rule)) ||
		    granted_local(d, a))
			d->addresses.v[kept++] = *a;
	}
	d->addresses.n = kept;
}

static void on_resolved(struct resolve *r, const struct resolved *a, const char *why)
{
	struct dial *d = r->data;

	if (why) {
		dial_fail(d, 502, "upstream_connect_failed", "resolving %s: %s", d->host.name, why);
		return;
	}
	d->addresses = *a;
	if (!d->through_proxy)
		check_addresses(d);
	if (!d->addresses.n) {
		dial_fail(d, 403, "host_denied", "%s leads to an address that is refused: %s",
			  d->host.name, d->rule);
		return;
	}
	d->rule[0] = '\0';
	try_next(d, 0);
}

void dial_start(struct proxy *p, struct dial *d)
{
	struct net_host via = d->host;
	struct err err;

	d->proxy = p;
	d->running = true;
	d->next = 0;
	d->resolve.done = on_resolved;
	d->resolve.data = d;
	d->through_proxy = dial_goes_through_proxy(p, &d->host);
	deadline_set(p, &d->limit, PROXY_CONNECT_MS, on_limit);
	if (d->through_proxy) {
		const char *to = p->config->network.upstream_proxy;
		uint16_t port = 0;

		if (net_authority_parse(to, strlen(to), &via, &port, &err) < 0) {
			dial_fail(d, 502, "external_proxy_rejected", "upstream proxy: %s", err.msg);
			return;
		}
	}
	if (via.is_address) {
		struct resolved one = {.n = 1, .v[0].family = via.family};

		memcpy(one.v[0].bytes, via.address, 16);
		on_resolved(&d->resolve, &one, NULL);
		return;
	}
	resolve_start(p, via.name, &d->resolve);
}
