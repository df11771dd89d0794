/*
 * HTTP/1.1 to a client: the answer, and an exchange's other calls to its downstream side.
 */
#include "network/proxy/h1_server.h"

#include <sys/socket.h>

#define SMALL	16384
#define OUT_MAX 65536

void h1_server_flush(struct h1_server *c)
{
	while (c->out.len && !c->dead) {
		ssize_t n = stream_write(c->stream, c->out.data, c->out.len);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			c->dead = true;
			buf_clear(&c->out);
			return;
		}
		buf_consume(&c->out, (size_t)n);
	}
	if (!c->out.len && c->out.cap > 16384) {
		buf_free(&c->out);
		c->out = (struct buf){0};
	}
}

static void down_respond(struct exchange *x, bool interim)
{
	struct h1_server *c = x->down_data;
	bool old = x->request.minor == 0;
	enum http_connection how = HTTP_KEEP;

	if (interim) {
		if (!old)
			http_write_response(&x->response, HTTP_KEEP, false, &c->out);
		return;
	}
	c->answer_begun = true;
	c->answer_body = x->response.body;
	if (c->answer_body == HTTP_BODY_CHUNKED || c->answer_body == HTTP_BODY_TO_END) {
		/* A body without a length: chunks, or the connection's end. */
		c->answer_body = x->response.body = old ? HTTP_BODY_TO_END : HTTP_BODY_CHUNKED;
	}
	if (c->in_body)
		c->keep = false; /* the rest of the request is not read */
	if (c->answer_body == HTTP_BODY_TO_END)
		c->keep = false;
	if (x->response.status == 101)
		how = HTTP_UPGRADE;
	else if (!c->keep)
		how = HTTP_CLOSE;
	http_write_response(&x->response, how, old, &c->out);
}

/* Small pieces are kept until h1_server_flush(), so that head and beginning go out in one write. */
static size_t send_chunks(struct h1_server *c, const char *p, size_t n)
{
	size_t taken = 0;

	while (taken < n) {
		size_t part = n - taken < OUT_MAX ? n - taken : OUT_MAX;

		if (c->out.len >= OUT_MAX)
			h1_server_flush(c);
		if (c->out.len >= OUT_MAX)
			break;
		buf_addf(&c->out, "%zx\r\n", part);
		buf_add(&c->out, p + taken, part);
		buf_add(&c->out, "\r\n", 2);
		taken += part;
	}
	return taken;
}

static size_t send_plain(struct h1_server *c, const char *p, size_t n)
{
	ssize_t sent;

	if (c->out.len && n <= SMALL && c->out.len < OUT_MAX) {
		buf_add(&c->out, p, n);
		return n;
	}
	h1_server_flush(c);
	if (c->out.len)
		return 0;
	sent = c->dead ? -1 : stream_write(c->stream, p, n);
	if (sent < 0 && (c->dead || errno != EAGAIN)) {
		c->dead = true;
		return n;
	}
	return sent < 0 ? 0 : (size_t)sent;
}

static size_t down_data(struct exchange *x, const char *p, size_t n)
{
	struct h1_server *c = x->down_data;
	size_t sent;

	if (c->dead)
		return n;
	h1_server_deadline(c, PROXY_IDLE_MS);
	sent = c->answer_body == HTTP_BODY_CHUNKED ? send_chunks(c, p, n) : send_plain(c, p, n);
	c->answer_held = sent < n;
	if (c->answer_held || c->dead)
		h1_server_watch(c);
	return sent;
}

static void down_flush(struct exchange *x)
{
	struct h1_server *c = x->down_data;

	h1_server_flush(c);
	h1_server_watch(c);
}

/* The answer is written, or will be: the next request, or the end. */
static void finish(struct h1_server *c)
{
	c->over = true;
	h1_server_flush(c);
	if (!c->reading)
		h1_server_watch(
		    c); /* h1_server_ready() goes on: the caller still holds the exchange */
}

static void down_end(struct exchange *x)
{
	struct h1_server *c = x->down_data;

	if (c->answer_body == HTTP_BODY_CHUNKED)
		http_write_last_chunk(x->request.wants_trailers ? &x->response_trailers : NULL,
				      &c->out);
	finish(c);
}

static void down_abort(struct exchange *x)
{
	struct h1_server *c = x->down_data;
	struct linger now = {.l_onoff = 1};

	h1_server_flush(c);
	setsockopt(c->stream->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	c->dead = true;
	h1_server_watch(c);
}

static void down_resume(struct exchange *x)
{
	struct h1_server *c = x->down_data;

	if (!c->body_held)
		return;
	c->body_held = false;
	if (c->reading)
		return;
	/* What was kept is offered again from the loop. */
	stream_unread(c->stream, c->in.data, c->in.len);
	buf_clear(&c->in);
	h1_server_watch(c);
}

static struct stream *down_take(struct exchange *x)
{
	struct h1_server *c = x->down_data;
	struct stream *s = c->stream;

	h1_server_flush(c);
	if (c->out.len || c->dead)
		return NULL;
	stream_watch(s, 0);
	stream_unread(s, c->in.data, c->in.len);
	c->x = NULL; /* the caller's from now on */
	h1_server_dispose(c);
	return s;
}

const struct exchange_down_ops h1_server_ops = {
    .respond = down_respond,
    .data = down_data,
    .end = down_end,
    .flush = down_flush,
    .abort = down_abort,
    .request_resume = down_resume,
    .take = down_take,
};
