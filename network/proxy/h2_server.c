/*
 * HTTP/2 from a client, inside an intercepted tunnel. Each stream is an exchange of its own, judged
 * as any other. Exchanges are freed from the loop only: whoever calls in may still hold them.
 */
#include "network/proxy/h2_server.h"

/* Frames that bring nothing forward, as many as a busy client may send at once and each second. */
#define IDLE_FRAMES	   1000
#define IDLE_FRAMES_SECOND 100

static void on_ready(struct stream *s, unsigned what);

/* ---- life ---- */

static void free_request(struct h2_request *r)
{
	*r->prev = r->next;
	if (r->next)
		r->next->prev = r->prev;
	r->server->link.moved = true;
	exchange_free(r->x);
	buf_free(&r->in);
	h2_body_free(&r->out);
	free(r);
}

static void destroy(struct h2_server *c)
{
	struct proxy *p = c->link.proxy;

	while (c->requests)
		free_request(c->requests);
	deadline_clear(p, &c->deadline);
	*c->prev = c->next;
	if (c->next)
		c->next->prev = c->prev;
	h2_link_close(&c->link);
	free(c->origin);
	free(c);
	p->connections--;
	listener_update(p);
}

static void on_deadline(struct deadline *d)
{
	destroy((struct h2_server *)(void *)((char *)d - offsetof(struct h2_server, deadline)));
}

/* Bytes that drip in are no reason to wait longer: heads have their time. */
void h2_server_alive(struct h2_server *c)
{
	if (!c->link.head_id)
		deadline_set(c->link.proxy, &c->deadline,
			     c->requests ? PROXY_IDLE_MS : PROXY_KEEP_MS, on_deadline);
}

static void begin_head(struct h2_server *c, int32_t id)
{
	c->link.head_id = id;
	deadline_set(c->link.proxy, &c->deadline, proxy_head_ms(c->link.proxy), on_deadline);
}

/* From the loop, soon. */
void h2_server_later(struct h2_server *c)
{
	c->link.work = true;
}

void h2_server_push(struct h2_server *c)
{
	if (c->link.inside)
		return;
	h2_link_push(&c->link);
	h2_link_watch(&c->link, !link_full(c->link.proxy));
}

/* ---- the request ---- */

static void tell_end(struct h2_request *r)
{
	if (!r->in_ended || r->in.len || r->told_end)
		return;
	r->told_end = true;
	exchange_request_end(r->x);
}

static void consume(struct h2_request *r, size_t n)
{
	if (n && !r->closed)
		nghttp2_session_consume_stream(r->server->link.ng, r->id, n);
}

/* Offers what was kept. */
static void offer(struct h2_request *r)
{
	bool any = false;

	while (r->in.len) {
		size_t took = exchange_request_data(r->x, r->in.data, r->in.len);

		buf_consume(&r->in, took);
		consume(r, took);
		if (!took)
			break;
		any = true;
	}
	if (any)
		exchange_request_flush(r->x);
	tell_end(r);
}

static struct h2_request *request_of(nghttp2_session *ng, int32_t id)
{
	return nghttp2_session_get_stream_user_data(ng, id);
}

static int on_begin_headers(nghttp2_session *ng, const nghttp2_frame *frame, void *data)
{
	struct h2_server *c = data;
	struct h2_request *r;

	if (frame->hd.type != NGHTTP2_HEADERS)
		return 0;
	begin_head(c, frame->hd.stream_id);
	if (frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	r = xcalloc(1, sizeof(*r));
	r->server = c;
	r->id = frame->hd.stream_id;
	r->x = exchange_new(c->link.proxy);
	r->x->down = &h2_server_ops;
	r->x->down_data = r;
	r->x->origin = c->origin;
	r->x->peer_port = c->peer_port;
	r->x->connection = c->connection;
	r->x->http2 = true;
	r->next = c->requests;
	r->prev = &c->requests;
	if (r->next)
		r->next->prev = &r->next;
	c->requests = r;
	return nghttp2_session_set_stream_user_data(ng, r->id, r) < 0 ? NGHTTP2_ERR_CALLBACK_FAILURE
								      : 0;
}

static int on_header(nghttp2_session *ng, const nghttp2_frame *frame, const uint8_t *name,
		     size_t name_n, const uint8_t *value, size_t value_n, _unused_ uint8_t flags,
		     _unused_ void *data)
{
	struct h2_request *r = request_of(ng, frame->hd.stream_id);

	if (r && !r->too_large &&
	    h2_field_add(r->begun ? &r->x->request_trailers : &r->x->request, name, name_n, value,
			 value_n) < 0)
		r->too_large = true;
	return 0;
}

static void begin(struct h2_request *r)
{
	const char *why;

	r->begun = true;
	if (r->too_large)
		exchange_bad_request(r->x, 431, "the head is too large");
	else if (h2_request_complete(&r->x->request, r->in_ended, &why) < 0)
		exchange_bad_request(r->x, 400, why);
	else
		exchange_request(r->x);
}

/* Nobody needs many of these. False: too many came. */
static bool idle_frame(struct h2_server *c)
{
	uint64_t now = proxy_now_ms(c->link.proxy), more;

	more = (now - c->idle_at_ms) * IDLE_FRAMES_SECOND / 1000;
	if (more) {
		c->idle_frames = more > c->idle_frames ? 0 : c->idle_frames - (unsigned)more;
		c->idle_at_ms = now;
	}
	return ++c->idle_frames < IDLE_FRAMES;
}

static bool brings_nothing(const nghttp2_frame *frame)
{
	switch (frame->hd.type) {
	case NGHTTP2_RST_STREAM:
	case NGHTTP2_PING:
	case NGHTTP2_SETTINGS:
	case NGHTTP2_PRIORITY:
		return true;
	case NGHTTP2_DATA:
		return !frame->hd.length && !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM);
	default:
		return false;
	}
}

static int on_frame(nghttp2_session *ng, const nghttp2_frame *frame, void *data)
{
	struct h2_server *c = data;
	struct h2_request *r = NULL;

	h2_link_frame(&c->link, frame->hd.stream_id);
	if (brings_nothing(frame) && !idle_frame(c)) {
		nghttp2_session_terminate_session(ng, NGHTTP2_ENHANCE_YOUR_CALM);
		return 0;
	}
	if (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA)
		r = request_of(ng, frame->hd.stream_id);
	if (!r)
		return 0;
	if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
		r->in_ended = true;
	if (frame->hd.type == NGHTTP2_HEADERS && !r->begun)
		begin(r);
	else if (r->too_large && !r->told_end)
		exchange_broken_request(r->x, "the trailers are too large");
	tell_end(r);
	return 0;
}

static int on_data(nghttp2_session *ng, _unused_ uint8_t flags, int32_t id, const uint8_t *p,
		   size_t n, void *data)
{
	struct h2_request *r = request_of(ng, id);
	struct h2_server *c = data;
	size_t took = 0;

	c->link.moved = true;
	/* The window of the connection is everybody's; that of the stream is the body's. */
	nghttp2_session_consume_connection(ng, n);
	if (!r) {
		nghttp2_session_consume_stream(ng, id, n);
		return 0;
	}
	if (!r->in.len)
		took = exchange_request_data(r->x, (const char *)p, n);
	consume(r, took);
	buf_add(&r->in, p + took, n - took);
	return 0;
}

static int on_closed(nghttp2_session *ng, int32_t id, _unused_ uint32_t code, void *data)
{
	struct h2_request *r = request_of(ng, id);
	struct h2_server *c = data;

	h2_link_stream_over(&c->link, id);
	if (r) {
		r->closed = true;
		h2_server_later(c);
	}
	return 0;
}

/* ---- the connection ---- */

static nghttp2_session *new_session(struct h2_server *c)
{
	static const struct h2_calls calls = {on_begin_headers, on_header, on_frame, on_data,
					      on_closed};
	nghttp2_session_callbacks *cb;
	nghttp2_session *ng = NULL;
	nghttp2_option *o;

	if (h2_link_setup(&calls, &cb, &o) < 0)
		return NULL;
	nghttp2_option_set_no_closed_streams(o, 1);
	nghttp2_session_server_new2(&ng, cb, c, o);
	nghttp2_option_del(o);
	nghttp2_session_callbacks_del(cb);
	return ng;
}

/* What had to wait until no call is in the air. */
static void work(struct h2_server *c)
{
	struct h2_request *r, *next;

	c->link.work = false;
	for (r = c->requests; r; r = next) {
		next = r->next;
		if (r->closed) {
			free_request(r);
			continue;
		}
		if (r->resume) {
			r->resume = false;
			offer(r);
		}
		if (h2_body_drained(&r->out))
			exchange_down_drained(r->x);
	}
}

static void on_ready(struct stream *s, unsigned what)
{
	struct h2_server *c = s->data;
	struct proxy *p = c->link.proxy;

	if ((what & STREAM_READ) && !link_full(p)) {
		h2_link_pull(&c->link);
		for (struct h2_request *r = c->requests; r; r = r->next)
			if (!r->in_ended && r->begun)
				exchange_request_flush(r->x);
	}
	h2_link_push(&c->link);
	/* Twice: what is freed or drained now may be followed by more of it. */
	for (int i = 0; i < 2 && c->link.work && !c->link.dead; i++) {
		work(c);
		h2_link_push(&c->link);
	}
	if (c->link.dead) {
		destroy(c);
		return;
	}
	if (c->link.moved || (what & STREAM_WRITE))
		h2_server_alive(c);
	c->link.moved = false;
	h2_link_watch(&c->link, !link_full(p));
}

void h2_server_go_on(struct proxy *p)
{
	for (struct h2_server *c = p->h2_servers; c; c = c->next)
		h2_link_watch(&c->link, !link_full(p));
}

void h2_server_start(struct proxy *p, struct stream *s, const struct exchange_origin *origin,
		     uint16_t peer_port, uint64_t connection)
{
	struct h2_server *c = xcalloc(1, sizeof(*c));

	c->link.proxy = p;
	c->link.stream = s;
	c->origin = xcalloc(1, sizeof(*origin));
	*c->origin = *origin;
	c->peer_port = peer_port;
	c->connection = connection;
	c->idle_at_ms = proxy_now_ms(p);
	c->next = p->h2_servers;
	c->prev = &p->h2_servers;
	if (c->next)
		c->next->prev = &c->next;
	p->h2_servers = c;
	s->data = c;
	s->ready = on_ready;
	c->link.ng = new_session(c);
	if (!c->link.ng || h2_link_settings(&c->link, true) < 0) {
		destroy(c);
		return;
	}
	begin_head(c, -1);
	h2_server_push(c);
}
