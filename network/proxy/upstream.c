/*
 * The way of a request that is allowed: a tunnel, or a connection to its host, a kept one or a new
 * one.
 */
#include "network/proxy/h2.h"
#include "network/proxy/job.h"
#include "network/proxy/tls_stream.h"

static void dial_failed(struct job *j)
{
	struct dial *d = &j->dial;

	str_copy(j->event.address, sizeof(j->event.address), d->address);
	if (*d->rule)
		str_copy(j->event.rule, sizeof(j->event.rule), d->rule);
	if (d->category)
		str_copy(j->event.category, sizeof(j->event.category), d->category);
	text_printable(j->event.reason, sizeof(j->event.reason), d->reason, strlen(d->reason));
	if (d->status == 403)
		j->event.decision = NET_DENIED;
	job_answer(j, d->status, "%s", d->reason);
}

/* ---- tunnels ---- */

static void establish(struct job *j, struct stream *server)
{
	struct exchange *x = j->x;
	struct proxy *p = x->proxy;
	struct stream *client;

	http_head_clear(&x->response);
	x->response.status = 200;
	x->responded = true;
	j->event.status = 200;
	x->down->respond(x, false);
	client = x->down->take(x);
	if (!client) {
		stream_close(server);
		x->finished = true;
		x->down->abort(x);
		return;
	}
	if (server)
		tunnel_start(p, client, server, &j->event, j->started_ns, j->host.name);
	else
		intercept_start(p, client, j);
	j->ended = true; /* by the one or the other */
	exchange_free(x);
}

static void on_tunnel_dialled(struct dial *d, struct stream *s)
{
	struct job *j = d->data;

	if (!s) {
		dial_failed(j);
		return;
	}
	str_copy(j->event.address, sizeof(j->event.address), d->address);
	establish(j, s);
}

static void connect_tunnel(struct job *j)
{
	struct proxy *p = j->x->proxy;

	if (j->verdict.intercept && !j->host_granted) {
		if (p->config->network.intercept_off || !p->tls) {
			job_deny(j, "connect_bypasses_l7",
				 "%s has rules about requests, and TLS is not opened here "
				 "(tls_intercept)",
				 j->host.name);
			return;
		}
		establish(j, NULL);
		return;
	}
	j->dial = (struct dial){.host = j->host,
				.port = j->port,
				.granted = j->host_granted,
				.done = on_tunnel_dialled,
				.data = j};
	dial_start(p, &j->dial);
}

/* ---- requests ---- */

/* x->up is there. */
static void begin(struct job *j, const char *address)
{
	struct exchange *x = j->x;

	str_copy(j->event.address, sizeof(j->event.address), address);
	x->up->start(x);
	if (j->collect) {
		exchange_up_drained(x);
		return;
	}
	if (x->request_ended) {
		if (job_trailers_fit(j))
			x->up->end(x);
		return;
	}
	x->up->flush(x);
	if (x->up)
		x->down->request_resume(x);
}

static struct pool_key key_of(const struct job *j)
{
	return (struct pool_key){
	    .host = j->host, .port = j->port, .tls = j->tls, .route = j->route};
}

static void begin_h1(struct job *j, struct h1_client *c)
{
	h1_client_attach(c, j->x);
	begin(j, h1_client_address(c));
}

static void begin_h2(struct job *j, struct h2_client *c)
{
	h2_client_attach(c, j->x);
	begin(j, h2_client_address(c));
}

static void on_dialled(struct dial *d, struct stream *s)
{
	struct job *j = d->data;
	struct pool_key key = key_of(j);
	struct proxy *p = j->x->proxy;

	if (!s)
		dial_failed(j);
	else if (d->tls && tls_is_h2(tls_stream_ssl(s)))
		begin_h2(j, h2_client_new(p, s, &key, d->address));
	else
		begin_h1(j, h1_client_new(p, s, &key, d->address));
}

void job_connect(struct job *j)
{
	struct proxy *p = j->x->proxy;
	struct pool_key key = key_of(j);
	/* A WebSocket takes a whole connection. */
	bool h2 = p->config->network.http2 && j->tls && !j->x->request.upgrade;
	struct h2_client *shared = h2 ? h2_client_find(p, &key) : NULL;
	struct h1_client *c = shared || j->retried ? NULL : pool_get(p, &key);

	if (shared) {
		begin_h2(j, shared);
		return;
	}
	if (c) {
		begin_h1(j, c);
		return;
	}
	j->dial = (struct dial){.host = j->host,
				.port = j->port,
				.tls = j->tls,
				.http2 = h2,
				.granted = j->host_granted,
				.route = j->route,
				.done = on_dialled,
				.data = j};
	dial_start(p, &j->dial);
}

static bool repeatable(const struct exchange *x)
{
	static const char *const methods[] = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"};

	if (x->request.body != HTTP_BODY_NONE)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(methods); i++)
		if (http_text_is(x->request.method, methods[i]))
			return true;
	return false;
}

void exchange_failed(struct exchange *x, bool unused, const char *why)
{
	struct job *j = x->job;

	if (unused && !j->retried && repeatable(x)) {
		j->retried = true;
		job_connect(j);
		return;
	}
	str_copy(j->event.category, sizeof(j->event.category), "upstream_connect_failed");
	text_printable(j->event.reason, sizeof(j->event.reason), why, strlen(why));
	job_answer(j, 502, "%s: %s", j->host.name, why);
}

void job_allowed(struct job *j)
{
	job_tell(j);
	if (j->connect)
		connect_tunnel(j);
	else
		job_credentials(j);
}
