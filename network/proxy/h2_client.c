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
	destroy((struct h2_client *)(void *)((char *)d - offsetof(struct h2_client, deadline)),
		"the server was silent for too long");
}

static void set_deadline(struct h2_client *c)
{
	deadline_set(c->link.proxy, &c->deadline,
		     c->calls ? PROXY_IDLE_MS : PROXY_UPSTREAM_IDLE_S * 1000, on_deadline);
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

/* ---- the answer ---- */

static void fail(struct h2_call *r, const char *why)
{
	struct exchange *x = h2_client_forget(r);

	if (x)
		exchange_failed(x, r->refused, why);
}

static void tell_end(struct h2_call *r)
{
	struct exchange *x;

	if (!r->in_ended || r->in.len || !r->head_done)
		return;
	x = h2_client_forget(r);
	/* It answered before it had all. */
	if (!r->closed && !r->out.ended)
		nghttp2_submit_rst_stream(r->client->link.ng, NGHTTP2_FLAG_NONE, r->id,
					  NGHTTP2_CANCEL);
	if (x)
		exchange_response_end(x);
}

static void consume(struct h2_call *r, size_t n)
{
	if (n && !r->closed)
		nghttp2_session_consume_stream(r->client->link.ng, r->id, n);
}

static void offer(struct h2_call *r)
{
	bool any = false;

	while (r->x && r->in.len) {
		size_t took = exchange_response_data(r->x, r->in.data, r->in.len);

		buf_consume(&r->in, took);
		consume(r, took);
		if (!took)
			break;
		any = true;
	}
	if (r->x && any)
		exchange_response_flush(r->x);
	tell_end(r);
}

static struct h2_call *call_of(nghttp2_session *ng, int32_t id)
{
	return nghttp2_session_get_stream_user_data(ng, id);
}

static int on_header(nghttp2_session *ng, const nghttp2_frame *frame, const uint8_t *name,
		     size_t name_n, const uint8_t *value, size_t value_n, _unused_ uint8_t flags,
		     _unused_ void *data)
{
	struct h2_call *r = call_of(ng, frame->hd.stream_id);

	if (!r || !r->x || r->too_large || frame->hd.type != NGHTTP2_HEADERS)
		return 0;
	if (h2_field_add(r->head_done ? &r->x->response_trailers : &r->x->response, name, name_n,
			 value, value_n) < 0)
		r->too_large = true;
	return 0;
}

/* A head is complete. */
static void answered(struct h2_call *r)
{
	struct exchange *x = r->x;
	bool interim = x->response.status < 200;

	if (r->too_large || x->response.status == 101) {
		nghttp2_submit_rst_stream(r->client->link.ng, NGHTTP2_FLAG_NONE, r->id,
					  NGHTTP2_CANCEL);
		fail(r, "the answer's head is too large");
		return;
	}
	h2_response_complete(&x->response, r->in_ended, http_text_is(x->request.method, "HEAD"));
	r->head_done = !interim;
	exchange_response(x);
	if (interim && r->x)
		http_head_clear(&r->x->response);
}

static int on_frame(nghttp2_session *ng, const nghttp2_frame *frame, void *data)
{
	struct h2_client *c = data;
	struct h2_call *r;

	if (frame->hd.type == NGHTTP2_GOAWAY)
		h2_client_retire(c);
	if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
		return 0;
	r = call_of(ng, frame->hd.stream_id);
	if (!r || !r->x)
		return 0;
	if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
		r->in_ended = true;
	if (frame->hd.type == NGHTTP2_HEADERS && !r->head_done)
		answered(r);
	tell_end(r);
	return 0;
}

static int on_data(nghttp2_session *ng, _unused_ uint8_t flags, int32_t id, const uint8_t *p,
		   size_t n, _unused_ void *data)
{
	struct h2_call *r = call_of(ng, id);
	size_t took = 0;

	nghttp2_session_consume_connection(ng, n);
	if (!r || !r->x) {
		nghttp2_session_consume_stream(ng, id, n);
		return 0;
	}
	if (!r->in.len)
		took = exchange_response_data(r->x, (const char *)p, n);
	consume(r, took);
	buf_add(&r->in, p + took, n - took);
	return 0;
}

static int on_closed(nghttp2_session *ng, int32_t id, uint32_t code, void *data)
{
	struct h2_client *c = data;
	struct h2_call *r = call_of(ng, id);

	if (!r)
		return 0;
	r->closed = true;
	r->refused = code == NGHTTP2_REFUSED_STREAM;
	r->failed = !r->in_ended;
	c->link.work = true;
	return 0;
}

/* ---- the connection ---- */

static nghttp2_session *new_session(struct h2_client *c)
{
	nghttp2_mem wiping = h2_wiping_memory();
	nghttp2_session_callbacks *cb;
	nghttp2_session *ng = NULL;
	nghttp2_option *o;

	if (nghttp2_session_callbacks_new(&cb) < 0)
		return NULL;
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_closed);
	if (nghttp2_option_new(&o) == 0) {
		nghttp2_option_set_no_auto_window_update(o, 1);
		nghttp2_option_set_max_outbound_ack(o, 100);
		nghttp2_option_set_peer_max_concurrent_streams(o, H2_STREAMS);
		nghttp2_session_client_new3(&ng, cb, c, o, &wiping);
		nghttp2_option_del(o);
	}
	nghttp2_session_callbacks_del(cb);
	return ng;
}

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
			offer(r);
		}
		if (r->x && h2_body_drained(&r->out))
			exchange_up_drained(r->x);
		if (r->x && r->closed && (r->failed || r->refused))
			fail(r, why_closed(r));
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
	set_deadline(c);
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
	c->link.ng = new_session(c);
	if (!c->link.ng || h2_link_settings(&c->link, false) < 0)
		abort(); /* no memory */
	set_deadline(c);
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
