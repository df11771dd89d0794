/*
 * HTTP/2 to an upstream server: its answers.
 */
#include "network/proxy/h2_client.h"

void h2_client_fail(struct h2_call *r, const char *why)
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

void h2_client_offer(struct h2_call *r)
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

static int on_begin_headers(_unused_ nghttp2_session *ng, const nghttp2_frame *frame, void *data)
{
	if (frame->hd.type == NGHTTP2_HEADERS)
		h2_client_begin_head(data, frame->hd.stream_id);
	return 0;
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
		h2_client_fail(r, "the answer's head is too large");
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

	h2_link_frame(&c->link, frame->hd.stream_id);
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
		   size_t n, void *data)
{
	struct h2_call *r = call_of(ng, id);
	struct h2_client *c = data;
	size_t took = 0;

	c->link.moved = true;
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

	h2_link_stream_over(&c->link, id);
	if (!r)
		return 0;
	r->closed = true;
	r->refused = code == NGHTTP2_REFUSED_STREAM;
	r->failed = !r->in_ended;
	c->link.work = true;
	return 0;
}

/* ---- the session ---- */

nghttp2_session *h2_client_session(struct h2_client *c)
{
	nghttp2_mem wiping = h2_wiping_memory();
	static const struct h2_calls calls = {on_begin_headers, on_header, on_frame, on_data,
					      on_closed};
	nghttp2_session_callbacks *cb;
	nghttp2_session *ng = NULL;
	nghttp2_option *o;

	if (h2_link_setup(&calls, &cb, &o) < 0)
		return NULL;
	nghttp2_option_set_peer_max_concurrent_streams(o, H2_STREAMS);
	nghttp2_session_client_new3(&ng, cb, c, o, &wiping);
	nghttp2_option_del(o);
	nghttp2_session_callbacks_del(cb);
	return ng;
}
