/*
 * HTTP/2 to a client: the answer, and an exchange's other calls to its downstream side.
 */
#include "network/proxy/h2_server.h"

static ssize_t next_piece(nghttp2_session *ng, _unused_ int32_t id, uint8_t *p, size_t n,
			  uint32_t *flags, nghttp2_data_source *source, _unused_ void *data)
{
	struct h2_request *r = source->ptr;
	size_t got = h2_body_get(&r->out, p, n);

	if (r->out.held && h2_body_left(&r->out) <= H2_BODY / 2)
		h2_server_later(r->server);
	if (r->out.ended && !h2_body_left(&r->out)) {
		h2_body_last(ng, r->id, &r->x->response_trailers, flags);
		return (ssize_t)got;
	}
	if (!got) {
		r->out.deferred = true;
		return NGHTTP2_ERR_DEFERRED;
	}
	return (ssize_t)got;
}

static void go_on_with(struct h2_request *r)
{
	if (!r->out.deferred || r->closed)
		return;
	r->out.deferred = false;
	nghttp2_session_resume_data(r->server->link.ng, r->id);
}

static void down_respond(struct exchange *x, bool interim)
{
	struct h2_request *r = x->down_data;
	nghttp2_data_provider body = {.source.ptr = r, .read_callback = next_piece};
	nghttp2_session *ng = r->server->link.ng;
	struct h2_fields f;
	int rc;

	if (r->closed)
		return;
	h2_fields_response(&f, &x->response);
	if (interim) {
		nghttp2_submit_headers(ng, NGHTTP2_FLAG_NONE, r->id, NULL, f.v, f.n, NULL);
		return;
	}
	r->responded = true;
	/* What is left of the request's body is taken and thrown away: not all clients understand
	 * a stream that is reset with no error. */
	rc = nghttp2_submit_response(ng, r->id, f.v, f.n,
				     x->response.body == HTTP_BODY_NONE ? NULL : &body);
	if (rc < 0)
		nghttp2_submit_rst_stream(ng, NGHTTP2_FLAG_NONE, r->id, NGHTTP2_INTERNAL_ERROR);
}

static size_t down_data(struct exchange *x, const char *p, size_t n)
{
	struct h2_request *r = x->down_data;
	size_t took;

	if (r->closed || r->server->link.dead)
		return n;
	h2_server_alive(r->server);
	took = h2_body_put(&r->out, p, n);
	go_on_with(r);
	if (took < n)
		h2_server_push(r->server);
	return took;
}

static void down_flush(struct exchange *x)
{
	struct h2_request *r = x->down_data;

	h2_server_push(r->server);
}

static void down_end(struct exchange *x)
{
	struct h2_request *r = x->down_data;

	r->out.ended = true;
	go_on_with(r);
	/* The rest of the request is thrown away. */
	r->resume = true;
	h2_server_later(r->server);
	h2_server_push(r->server);
}

static void down_abort(struct exchange *x)
{
	struct h2_request *r = x->down_data;

	if (!r->closed)
		nghttp2_submit_rst_stream(r->server->link.ng, NGHTTP2_FLAG_NONE, r->id,
					  NGHTTP2_INTERNAL_ERROR);
	h2_server_push(r->server);
}

static void down_resume(struct exchange *x)
{
	struct h2_request *r = x->down_data;

	if (!r->in.len && !r->in_ended)
		return;
	r->resume = true;
	h2_server_later(r->server);
	h2_server_push(r->server);
}

const struct exchange_down_ops h2_server_ops = {
    .respond = down_respond,
    .data = down_data,
    .end = down_end,
    .flush = down_flush,
    .abort = down_abort,
    .request_resume = down_resume,
};
