/*
 * Frames of HTTP/2 from a client: a request that is taken must be, written for a server of
 * HTTP/1.1, one request that reads the same. The connection's preface is put before the input.
 */
#include "network/proxy/h2.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct request {
	struct request *next, **prev;
	struct http_head head;
};

static void same(struct http_text a, struct http_text b)
{
	if (a.n != b.n || (a.n && memcmp(a.p, b.p, a.n) != 0))
		abort();
}

static void written_again(struct http_head *h)
{
	struct http_head again = {0};
	_cleanup_(buf_free) struct buf out = {0};
	size_t from = 0;
	unsigned status;

	http_remove_hop_by_hop(h);
	if (!http_get(h, "Host", 0) && http_add_str(h, "Host", "h") < 0)
		return;
	http_write_request(h, HTTP_KEEP, &out);
	if (http_head_end(out.data, out.len, &from) != (ssize_t)out.len)
		abort();
	if (out.len > HTTP_HEAD_MAX || h->n + 3 > HTTP_HEADERS_MAX)
		return;
	if (!http_parse_request(&again, out.data, out.len, &status, NULL)) {
		same(h->method, again.method);
		same(h->target, again.target);
		if (h->body != again.body || h->length != again.length)
			abort();
	} else if (status < 400) {
		abort();
	}
	http_head_free(&again);
}

static int on_begin(nghttp2_session *ng, const nghttp2_frame *frame, void *data)
{
	struct request *r, **all = data;

	if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	r = xcalloc(1, sizeof(*r));
	r->next = *all;
	r->prev = all;
	if (r->next)
		r->next->prev = &r->next;
	*all = r;
	nghttp2_session_set_stream_user_data(ng, frame->hd.stream_id, r);
	return 0;
}

static void forget(struct request *r)
{
	*r->prev = r->next;
	if (r->next)
		r->next->prev = r->prev;
	http_head_free(&r->head);
	free(r);
}

static void forget_stream(nghttp2_session *ng, int32_t id)
{
	struct request *r = nghttp2_session_get_stream_user_data(ng, id);

	if (!r)
		return;
	nghttp2_session_set_stream_user_data(ng, id, NULL);
	forget(r);
}

static int on_header(nghttp2_session *ng, const nghttp2_frame *frame, const uint8_t *name,
		     size_t name_n, const uint8_t *value, size_t value_n, _unused_ uint8_t flags,
		     _unused_ void *data)
{
	struct request *r = nghttp2_session_get_stream_user_data(ng, frame->hd.stream_id);

	if (r && h2_field_add(&r->head, name, name_n, value, value_n) < 0)
		forget_stream(ng, frame->hd.stream_id);
	return 0;
}

static int on_frame(nghttp2_session *ng, const nghttp2_frame *frame, _unused_ void *data)
{
	struct request *r = NULL;
	const char *why;

	if (frame->hd.type == NGHTTP2_HEADERS)
		r = nghttp2_session_get_stream_user_data(ng, frame->hd.stream_id);
	if (!r)
		return 0;
	if (!h2_request_complete(&r->head, frame->hd.flags & NGHTTP2_FLAG_END_STREAM, &why))
		written_again(&r->head);
	else if (!why)
		abort();
	forget_stream(ng, frame->hd.stream_id);
	return 0;
}

static int on_closed(nghttp2_session *ng, int32_t id, _unused_ uint32_t code, _unused_ void *data)
{
	forget_stream(ng, id);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0";
	nghttp2_session_callbacks *cb;
	struct request *all = NULL;
	nghttp2_session *ng;

	if (nghttp2_session_callbacks_new(&cb) < 0)
		return 0;
	nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_closed);
	if (nghttp2_session_server_new(&ng, cb, &all) == 0) {
		if (nghttp2_session_mem_recv(ng, preface, sizeof(preface)) > 0)
			nghttp2_session_mem_recv(ng, data, size);
		nghttp2_session_del(ng);
	}
	nghttp2_session_callbacks_del(cb);
	while (all)
		forget(all);
	return 0;
}
