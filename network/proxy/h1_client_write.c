/*
 * HTTP/1.1 to an upstream server: the request, and an exchange's other calls to its upstream side.
 */
#include "network/proxy/h1_client.h"

#define SMALL	16384
#define OUT_MAX 65536
#define FRAMING 24 /* of a chunk */

void h1_client_wipe(struct h1_client *c)
{
	if (c->secret && c->out.cap)
		explicit_bzero(c->out.data, c->out.cap);
	c->secret = false;
}

void h1_client_flush(struct h1_client *c)
{
	while (c->out.len) {
		ssize_t n = stream_write(c->stream, c->out.data, c->out.len);

		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			/* It may have answered before it closed. */
			buf_clear(&c->out);
			c->request_ended = true;
			c->ending = true;
			break;
		}
		buf_consume(&c->out, (size_t)n);
	}
	if (!c->out.len && c->secret)
		h1_client_wipe(c);
	if (!c->out.len && c->out.cap > 16384) {
		buf_free(&c->out);
		c->out = (struct buf){0};
	}
}

static void up_start(struct exchange *x)
{
	struct h1_client *c = x->up_data;
	c->request_chunked = x->request.body == HTTP_BODY_CHUNKED;
	c->secret = x->request.secret;
	http_write_request(&x->request, x->request.upgrade ? HTTP_UPGRADE : HTTP_KEEP, &c->out);
	h1_client_alive(c);
}

/* A buffer that grows by itself leaves a copy of what was in it. */
static void make_room(struct h1_client *c, size_t n)
{
	struct buf wider = {0};

	if (!c->secret || n < c->out.cap - c->out.len)
		return;
	buf_reserve(&wider, c->out.len + n);
	buf_add(&wider, c->out.data, c->out.len);
	explicit_bzero(c->out.data, c->out.cap);
	buf_free(&c->out);
	c->out = wider;
}

/* Pieces of the body that follow one another closely go out in one write; larger ones go from where
 * they are. */
static size_t send_plain(struct h1_client *c, const char *p, size_t n)
{
	ssize_t sent;

	if (c->out.len && n <= SMALL && c->out.len < OUT_MAX) {
		make_room(c, n);
		buf_add(&c->out, p, n);
		h1_client_flush(c);
		return n;
	}
	h1_client_flush(c);
	if (c->out.len)
		return 0;
	sent = stream_write(c->stream, p, n);
	if (sent < 0 && errno != EAGAIN) {
		c->ending = true;
		return n;
	}
	return sent < 0 ? 0 : (size_t)sent;
}

static size_t send_chunks(struct h1_client *c, const char *p, size_t n)
{
	size_t taken = 0;

	while (taken < n && c->out.len < OUT_MAX) {
		size_t part = n - taken < OUT_MAX ? n - taken : OUT_MAX;

		make_room(c, part + FRAMING);
		buf_addf(&c->out, "%zx\r\n", part);
		buf_add(&c->out, p + taken, part);
		buf_add(&c->out, "\r\n", 2);
		taken += part;
		h1_client_flush(c);
	}
	return taken;
}

static size_t up_data(struct exchange *x, const char *p, size_t n)
{
	struct h1_client *c = x->up_data;
	size_t sent;

	if (c->ending)
		return n; /* it does not listen anymore */
	h1_client_alive(c);
	sent = c->request_chunked ? send_chunks(c, p, n) : send_plain(c, p, n);
	c->upload_stopped = sent < n;
	h1_client_watch(c);
	return sent;
}

static void up_flush(struct exchange *x)
{
	struct h1_client *c = x->up_data;

	h1_client_flush(c);
	h1_client_watch(c);
}

static void up_end(struct exchange *x)
{
	struct h1_client *c = x->up_data;

	if (c->request_chunked && !c->ending) {
		_cleanup_(buf_free) struct buf last = {0};

		http_write_last_chunk(&x->request_trailers, &last);
		make_room(c, last.len);
		buf_add(&c->out, last.data, last.len);
	}
	c->request_ended = true;
	up_flush(x);
}

static void up_resume(struct exchange *x)
{
	struct h1_client *c = x->up_data;

	if (!c->held)
		return;
	c->held = false;
	/* What was kept comes again from the loop: who calls is in the middle of something. */
	stream_unread(c->stream, c->in.data, c->in.len);
	buf_clear(&c->in);
	h1_client_watch(c);
}

static void up_cancel(struct exchange *x)
{
	struct h1_client *c = x->up_data;

	x->up = NULL;
	x->up_data = NULL;
	h1_client_close(c);
}

static struct stream *up_take(struct exchange *x)
{
	struct h1_client *c = x->up_data;
	struct stream *s = STEAL_PTR(c->stream);

	stream_watch(s, 0);
	stream_unread(s, c->in.data, c->in.len);
	x->up = NULL;
	x->up_data = NULL;
	h1_client_close(c);
	return s;
}

const struct exchange_up_ops h1_client_ops = {
    .start = up_start,
    .data = up_data,
    .end = up_end,
    .flush = up_flush,
    .resume = up_resume,
    .cancel = up_cancel,
    .take = up_take,
};
