/*
 * The client's TLS, ended here: with a certificate of the session's authority, for a host that was
 * allowed by name. What comes out of it is HTTP to be judged request by request.
 */
#include "network/proxy/h2.h"
#include "network/proxy/job.h"
#include "network/proxy/tls_stream.h"

struct intercept {
	struct proxy *proxy;
	struct stream *stream;
	struct deadline deadline;
	struct net_event event;
	struct net_host host;
	uint16_t port;
	uint64_t started_ns;
};

static void end(struct intercept *i, struct stream *give_up)
{
	struct proxy *p = i->proxy;
	struct net_event *e = &i->event;

	e->ended = 1;
	e->time_ns = clock_real_ns();
	e->duration_us = (clock_mono_ns() - i->started_ns) / 1000;
	link_event(p, e);
	deadline_clear(p, &i->deadline);
	if (give_up) {
		stream_close(give_up);
		p->connections--;
		listener_update(p);
	}
	free(i);
}

static void fail(struct intercept *i, const char *why)
{
	str_copy(i->event.category, sizeof(i->event.category), "intercept_handshake_failed");
	text_printable(i->event.reason, sizeof(i->event.reason), why, strlen(why));
	end(i, i->stream);
}

static void on_late(struct deadline *d)
{
	struct intercept *i =
	    (struct intercept *)(void *)((char *)d - offsetof(struct intercept, deadline));

	fail(i, "the client's TLS handshake took too long");
}

static void on_handshake(struct stream *s, _unused_ unsigned what)
{
	struct intercept *i = s->data;
	struct exchange_origin origin = {
	    .host = i->host, .port = i->port, .connection = i->event.connection};
	uint16_t peer_port = i->event.peer_port;
	struct proxy *p = i->proxy;
	struct err err;
	bool certificate;

	switch (tls_stream_handshake(s, &err, &certificate)) {
	case 0:
		stream_watch(s, STREAM_READ);
		return;
	case 1:
		break;
	default:
		fail(i, err.msg);
		return;
	}
	if (!tls_sni_agrees(tls_stream_ssl(s), &i->host)) {
		i->event.decision = NET_DENIED;
		fail(i, "the TLS inside names another host than the tunnel");
		return;
	}
	end(i, NULL);
	if (tls_is_h2(tls_stream_ssl(s)))
		h2_server_start(p, s, &origin, peer_port, origin.connection);
	else
		h1_server_start(p, s, &origin, peer_port, origin.connection);
}

void intercept_start(struct proxy *p, struct stream *s, const struct job *j)
{
	struct intercept *i = xcalloc(1, sizeof(*i));
	struct err err;
	SSL *ssl;

	i->proxy = p;
	i->stream = s;
	i->event = j->event;
	i->event.intercepted = 1;
	i->host = j->host;
	i->port = j->port;
	i->started_ns = j->started_ns;
	s->data = i;
	s->ready = on_handshake;
	ssl = tls_server(p->tls, &j->host, j->port, p->config->network.http2, &err);
	if (!ssl) {
		fail(i, err.msg);
		return;
	}
	tls_stream_start(s, ssl);
	deadline_set(p, &i->deadline, proxy_head_ms(p), on_late);
	stream_watch(s, STREAM_READ);
}
