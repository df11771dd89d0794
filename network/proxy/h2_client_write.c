/*
 * HTTP/2 to an upstream server: the request, and an exchange's other calls to its upstream side.
 */
#include "network/proxy/h2_client.h"

static ssize_t next_piece(nghttp2_session *ng, _unused_ int32_t id, uint8_t *p, size_t n,
			  uint32_t *flags, nghttp2_data_source *source, _unused_ void *data)
{
	struct h2_call *r = source->ptr;
	size_t got = h2_body_get(&r->out, p, n);

	if (r->out.held && h2_body_left(&r->out) <= H2_BODY / 2)
		r->client->link.work = true;
	if (r->out.ended && !h2_body_left(&r->out))
		h2_body_last(ng, r->id, r->x ? &r->x->request_trailers : NULL, flags);
	else if (!got) {
		r->out.deferred = true;
		return NGHTTP2_ERR_DEFERRED;
	}
	return (ssize_t)got;
}

static void go_on_with(struct h2_call *r)
{
	if (!r->out.deferred || r->closed)
		return;
	r->out.deferred = false;
	nghttp2_session_resume_data(r->client->link.ng, r->id);
}

static void up_start(struct exchange *x)
{
	struct h2_call *r = x->up_data;
	nghttp2_data_provider body = {.source.ptr = r, .read_callback = next_piece};
	struct h2_fields f;

	r->client->link.keys |= x->request.secret;
	http_head_clear(&x->response);
	http_head_clear(&x->response_trailers);
	/* Only who can take trailers asks for them. */
	h2_fields_request(&f, &x->request, x->http2 || x->request.wants_trailers);
	r->out.ended = x->request.body == HTTP_BODY_NONE;
	r->id = nghttp2_submit_request(r->client->link.ng, NULL, f.v, f.n,
				       x->request.body == HTTP_BODY_NONE ? NULL : &body, r);
	if (r->id < 0) {
		/* It has no numbers left. Said from the loop: who calls still needs us. */
		h2_client_retire(r->client);
		r->closed = r->refused = true;
		r->client->link.work = true;
	}
}

static size_t up_data(struct exchange *x, const char *p, size_t n)
{
	struct h2_call *r = x->up_data;
	size_t took;

	if (r->closed)
		return n; /* it does not listen anymore */
	took = h2_body_put(&r->out, p, n);
	go_on_with(r);
	if (took < n)
		h2_client_push(r->client);
	return took;
}

static void up_flush(struct exchange *x)
{
	h2_client_push(((struct h2_call *)x->up_data)->client);
}

static void up_end(struct exchange *x)
{
	struct h2_call *r = x->up_data;

	r->out.ended = true;
	go_on_with(r);
	h2_client_push(r->client);
}

static void up_resume(struct exchange *x)
{
	struct h2_call *r = x->up_data;

	r->resume = true;
	r->client->link.work = true;
	h2_client_push(r->client);
}

static void up_cancel(struct exchange *x)
{
	struct h2_call *r = x->up_data;
	struct h2_client *c = r->client;

	h2_client_forget(r);
	if (!r->closed)
		nghttp2_submit_rst_stream(c->link.ng, NGHTTP2_FLAG_NONE, r->id, NGHTTP2_CANCEL);
	c->link.work = true;
	h2_client_push(c);
}

/* Never called: an upgrade is not sent over HTTP/2, and 101 is no answer in it. */
static struct stream *up_take(_unused_ struct exchange *x)
{
	return NULL;
}

const struct exchange_up_ops h2_client_ops = {
    .start = up_start,
    .data = up_data,
    .end = up_end,
    .flush = up_flush,
    .resume = up_resume,
    .cancel = up_cancel,
    .take = up_take,
    .trailers_after_length = true,
};
