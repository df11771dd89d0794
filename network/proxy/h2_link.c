/*
 * nghttp2 on a stream. It is never called from inside itself: what happens in its callbacks is sent
 * when they are over.
 */
#include "network/proxy/h2.h"

enum { ROUND = 8, FRAMES = 64 << 10, BACKLOG = 256 << 10, FRAME_HEAD = 9, FRAME_MAX = 16384 };

int h2_link_setup(const struct h2_calls *calls, nghttp2_session_callbacks **cb, nghttp2_option **o)
{
	if (nghttp2_session_callbacks_new(cb) < 0)
		return -1;
	if (nghttp2_option_new(o) < 0) {
		nghttp2_session_callbacks_del(*cb);
		return -1;
	}
	nghttp2_session_callbacks_set_on_begin_headers_callback(*cb, calls->begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(*cb, calls->header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(*cb, calls->frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(*cb, calls->data);
	nghttp2_session_callbacks_set_on_stream_close_callback(*cb, calls->closed);
	nghttp2_option_set_no_auto_window_update(*o, 1);
	nghttp2_option_set_max_outbound_ack(*o, 100);
	return 0;
}

void h2_link_frame(struct h2_link *l, int32_t id)
{
	l->moved = true;
	if (l->head_id < 0 || l->head_id == id)
		l->head_id = 0;
}

void h2_link_stream_over(struct h2_link *l, int32_t id)
{
	if (l->head_id != id)
		return;
	l->head_id = 0;
	l->moved = true;
}

void h2_link_pull(struct h2_link *l)
{
	struct proxy *p = l->proxy;

	for (int i = 0; i < ROUND && !l->dead; i++) {
		ssize_t n = stream_read(l->stream, p->scratch, PROXY_SCRATCH), used;

		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			l->dead = true;
			l->why = "the connection was closed";
			return;
		}
		l->inside++;
		used = nghttp2_session_mem_recv(l->ng, (const uint8_t *)p->scratch, (size_t)n);
		l->inside--;
		if (used != n) {
			l->dead = true;
			l->why = used < 0 ? nghttp2_strerror((int)used) : "it is not HTTP/2";
			return;
		}
		if (n < PROXY_SCRATCH / 8)
			return;
	}
}

static void wipe(struct h2_link *l)
{
	if (l->secret && l->out.cap)
		explicit_bzero(l->out.data, l->out.cap);
	l->secret = false;
}

static void take(struct h2_link *l, const uint8_t *p, size_t n)
{
	bool head = n > FRAME_HEAD && (p[3] == NGHTTP2_HEADERS || p[3] == NGHTTP2_CONTINUATION);

	/* A buffer that grows leaves a copy of what is in it. */
	if (l->keys)
		buf_reserve(&l->out, FRAMES + FRAME_HEAD + FRAME_MAX - l->out.len);
	buf_add(&l->out, p, n);
	if (!l->keys || !head)
		return;
	l->secret = true;
	/* nghttp2's buffer of the frame, which it uses again and does not look at anymore. */
	explicit_bzero((void *)(uintptr_t)p, n);
}

/* As many frames as make a good write. */
static void collect(struct h2_link *l)
{
	while (l->out.len < FRAMES) {
		const uint8_t *p;
		ssize_t n;

		l->inside++;
		n = nghttp2_session_mem_send(l->ng, &p);
		l->inside--;
		if (n < 0) {
			l->dead = true;
			l->why = nghttp2_strerror((int)n);
		}
		if (n <= 0)
			return;
		take(l, p, (size_t)n);
	}
}

void h2_link_push(struct h2_link *l)
{
	if (l->inside)
		return;
	for (;;) {
		ssize_t n;

		collect(l);
		if (!l->out.len) {
			wipe(l);
			break;
		}
		n = stream_write(l->stream, l->out.data, l->out.len);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			l->dead = true;
			l->why = "the connection was closed";
			return;
		}
		buf_consume(&l->out, (size_t)n);
	}
	if (!nghttp2_session_want_read(l->ng) && !nghttp2_session_want_write(l->ng)) {
		l->dead = true;
		l->why = "HTTP/2 was misused";
	}
}

void h2_link_watch(struct h2_link *l, bool reading)
{
	unsigned what = 0;

	if (reading && !l->dead && l->out.len < BACKLOG)
		what |= STREAM_READ;
	if (l->out.len)
		what |= STREAM_WRITE;
	if (l->dead || l->work)
		what |= STREAM_SOON;
	stream_watch(l->stream, what);
}

void h2_link_close(struct h2_link *l)
{
	nghttp2_session_del(l->ng);
	stream_close(l->stream);
	wipe(l);
	buf_free(&l->out);
}

int h2_link_settings(struct h2_link *l, bool server)
{
	nghttp2_settings_entry v[] = {
	    {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, H2_STREAM_WINDOW},
	    {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HTTP_HEAD_MAX},
	    {server ? NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS : NGHTTP2_SETTINGS_ENABLE_PUSH,
	     server ? H2_STREAMS : 0},
	};

	if (nghttp2_submit_settings(l->ng, NGHTTP2_FLAG_NONE, v, ARRAY_LEN(v)) < 0)
		return -1;
	return nghttp2_session_set_local_window_size(l->ng, NGHTTP2_FLAG_NONE, 0, H2_WINDOW) < 0
		   ? -1
		   : 0;
}

/* ---- bodies ---- */

size_t h2_body_put(struct h2_body *b, const char *p, size_t n)
{
	if (!b->p && n)
		b->p = xrealloc_array(NULL, H2_BODY, 1);
	if (b->at && b->len + n > H2_BODY) {
		memmove(b->p, b->p + b->at, b->len - b->at);
		b->len -= b->at;
		b->at = 0;
	}
	if (n > H2_BODY - b->len) {
		n = H2_BODY - b->len;
		b->held = true;
	}
	if (n)
		memcpy(b->p + b->len, p, n);
	b->len += (uint32_t)n;
	return n;
}

size_t h2_body_get(struct h2_body *b, void *p, size_t n)
{
	if (n > h2_body_left(b))
		n = h2_body_left(b);
	if (n)
		memcpy(p, b->p + b->at, n);
	b->at += (uint32_t)n;
	if (b->at == b->len)
		b->at = b->len = 0;
	return n;
}

bool h2_body_drained(struct h2_body *b)
{
	if (!b->held || h2_body_left(b) > H2_BODY / 2)
		return false;
	b->held = false;
	return true;
}

void h2_body_last(nghttp2_session *ng, int32_t id, const struct http_head *trailers,
		  uint32_t *flags)
{
	struct h2_fields f;

	*flags |= NGHTTP2_DATA_FLAG_EOF;
	if (!trailers || !trailers->n)
		return;
	h2_fields_trailers(&f, trailers);
	if (nghttp2_submit_trailer(ng, id, f.v, f.n) == 0)
		*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
}

void h2_body_free(struct h2_body *b)
{
	free(b->p);
	*b = (struct h2_body){0};
}
