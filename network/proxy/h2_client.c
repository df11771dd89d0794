/*
 * HTTP/2 to an upstream server: many exchanges at a time on one connection.
 */
#include "network/proxy/h2_client.h"

static void on_ready(struct stream *s, unsigned what);

/* ---- life ---- */

void h2_client_retire(struct h2_client *c)
{
	if (!c->prev)
		return;
	*c->prev = c->next;
	if (c->next)
		c->next->prev = c->prev;
	c->prev = NULL;
}

struct exchange *h2_client_forget(struct h2_call *r)
{
	struct exchange *x = r->x;

	r->x = NULL;
	if (x) {
		x->up = NULL;
		x->up_data = NULL;
	}
	return x;
}

static void free_call(struct h2_call *r)
{
	*r->prev = r->next;
	if (r->next)
		r->next->prev = r->prev;
	r->client->n_calls--;
	r->client->link.moved = true;
	buf_free(&r->in);
	h2_body_free(&r->out);
	free(r);
}

static bool is_whole(const struct h2_call *r)
{
	return r->x && r->in_ended && r->head_done;
}

/* A connection that is over has no more for its calls; those whose answer is here whole stay. */
static void fail_calls(struct h2_client *c, bool all, const char *why)
{
	struct h2_call *r, *next;

	for (r = c->calls; r; r = next) {
		struct exchange *x;
		bool unused = r->reused && !r->head_done;

		next = r->next;
		if (!all && is_whole(r))
			continue;
		x = h2_client_forget(r);
		free_call(r);
		if (x)
			exchange_failed(x, unused, why);
	}
}

static void destroy(struct h2_client *c, const char *why)
{
	h2_client_retire(c);
	fail_calls(c, true, why);
	deadline_clear(c->link.proxy, &c->deadline);
	h2_link_close(&c->link);
	free(c);
}

static void on_deadline(struct deadline *d)
{
	struct h2_client *c =
	    (struct h2_client *)(void *)((char *)d - offsetof(struct h2_client, deadline));

	destroy(c, c->link.head_id ? "the answer's head took too long"
				   : "the server was silent for too long");
}

/* Bytes that drip in are no reason to wait longer: heads have their time. */
static void set_deadline(struct h2_client *c)
{
	if (!c->link.head_id)
		deadline_set(c->link.proxy, &c->deadline,
			     c->calls ? PROXY_IDLE_MS : PROXY_UPSTREAM_IDLE_S * 1000, on_deadline);
}

void h2_client_begin_head(struct h2_client *c, int32_t id)
{
	c->link.head_id = id;
	deadline_set(c->link.proxy, &c->deadline, proxy_head_ms(c->link.proxy), on_deadline);
}

void h2_client_push(struct h2_client *c)
{
	if (c->link.inside)
		return;
	if (c->ended) {
		stream_watch(c->link.stream, c->link.work ? STREAM_SOON : 0);
		return;
	}
	h2_link_push(&c->link);
	h2_link_watch(&c->link, true);
}

void h2_client_attach(struct h2_client *c, struct exchange *x)
{
	struct h2_call *r = xcalloc(1, sizeof(*r));

	r->client = c;
	r->reused = c->used;
	c->used = true;
	r->x = x;
	r->next = c->calls;
	r->prev = &c->calls;
	if (r->next)
		r->next->prev = &r->next;
	c->calls = r;
	c->n_calls++;
	x->up = &h2_client_ops;
	x->up_data = r;
	set_deadline(c);
}

/* ---- the connection ---- */

static const char *why_closed(const struct h2_call *r)
{
	return r->refused ? "the server refused the stream" : "the server broke the stream off";
}

/* What had to wait until no call is in the air. */
static void work(struct h2_client *c)
{
	struct h2_call *r, *next;

	c->link.work = false;
	for (r = c->calls; r; r = next) {
		if (r->x && r->resume) {
			r->resume = false;
			h2_client_offer(r);
		}
		if (r->x && h2_body_drained(&r->out))
			exchange_up_drained(r->x);
		if (r->x && r->closed && (r->failed || r->refused))
			h2_client_fail(r, why_closed(r));
		next = r->next;
		if (!r->x && r->closed)
			free_call(r);
	}
}

/* The connection is over: what came of answers that are whole is still given out. */
static void hand_out(struct h2_client *c)
{
	c->ended = true;
	h2_client_retire(c);
	work(c);
	fail_calls(c, false, c->link.why ? c->link.why : "the server closed the connection");
	if (c->calls)
		h2_client_push(c);
	else
		destroy(c, NULL);
}

static void on_ready(struct stream *s, unsigned what)
{
	struct h2_client *c = s->data;

	if (c->ended) {
		hand_out(c);
		return;
	}
	if (what & STREAM_READ) {
		h2_link_pull(&c->link);
		for (struct h2_call *r = c->calls; r; r = r->next)
			if (r->x && r->head_done)
				exchange_response_flush(r->x);
	}
	h2_link_push(&c->link);
	for (int i = 0; i < 2 && c->link.work && !c->link.dead; i++) {
		work(c);
		h2_link_push(&c->link);
	}
	if (c->link.dead || (!c->prev && !c->calls)) {
		hand_out(c);
		return;
	}
	if (c->link.moved || (what & STREAM_WRITE))
		set_deadline(c);
	c->link.moved = false;
	h2_link_watch(&c->link, true);
}

struct h2_client *h2_client_new(struct proxy *p, struct stream *s, const struct pool_key *key,
				const char *address)
{
	struct h2_client *c = xcalloc(1, sizeof(*c));

	c->link.proxy = p;
	c->link.stream = s;
	c->key = *key;
	str_copy(c->address, sizeof(c->address), address);
	c->next = p->h2_clients;
	c->prev = &p->h2_clients;
	if (c->next)
		c->next->prev = &c->next;
	p->h2_clients = c;
	s->data = c;
	s->ready = on_ready;
	c->link.ng = h2_client_session(c);
	if (!c->link.ng || h2_link_settings(&c->link, false) < 0)
		abort(); /* no memory */
	h2_client_begin_head(c, -1);
	h2_client_push(c);
	return c;
}

static bool leads_to(const struct pool_key *a, const struct pool_key *b)
{
	return a->port == b->port && a->tls == b->tls && a->route == b->route &&
	       strcmp(a->host.name, b->host.name) == 0;
}

struct h2_client *h2_client_find(struct proxy *p, const struct pool_key *key)
{
	for (struct h2_client *c = p->h2_clients; c; c = c->next) {
		uint32_t max = nghttp2_session_get_remote_settings(
		    c->link.ng, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);

		if (!c->link.dead && leads_to(&c->key, key) && c->n_calls < H2_STREAMS &&
		    c->n_calls < max && nghttp2_session_check_request_allowed(c->link.ng))
			return c;
	}
	return NULL;
}

const char *h2_client_address(const struct h2_client *c)
{
	return c->address;
}
