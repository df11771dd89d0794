/*
 * HTTP/1.1 from a client: heads and bodies of its requests, one after another.
 */
#include "network/proxy/h1_server.h"

static struct exchange *make_exchange(struct h1_server *c)
{
	struct exchange *x = exchange_new(c->proxy);

	x->down = &h1_server_ops;
	x->down_data = c;
	x->origin = c->origin;
	x->peer_port = c->peer_port;
	x->connection = c->connection;
	c->x = x;
	c->state = BUSY;
	c->answer_begun = c->answer_held = c->answer_over = c->over = false;
	c->body_held = false;
	return x;
}

/* A head that is none: answered, and nothing more is read as requests. */
static void refuse_head(struct h1_server *c, unsigned status, const char *why)
{
	struct exchange *x = c->x ? c->x : make_exchange(c);

	c->keep = false;
	c->in_body = false;
	x->request.minor = 1;
	exchange_bad_request(x, status, why);
}

/* A complete head at p. */
static void begin(struct h1_server *c, const char *p, size_t n)
{
	struct exchange *x = make_exchange(c);
	struct err err;
	unsigned status;

	if (http_parse_request(&x->request, p, n, &status, &err) < 0) {
		refuse_head(c, status, err.msg);
		return;
	}
	c->keep = x->request.keep_alive;
	c->body = x->request.body;
	c->left = x->request.length;
	c->chunks = (struct http_chunks){.trailers = &c->trailers};
	buf_clear(&c->trailers);
	c->in_body = c->body == HTTP_BODY_CHUNKED || (c->body == HTTP_BODY_LENGTH && c->left);
	h1_server_deadline(c, PROXY_IDLE_MS);
}

static void request_over(struct h1_server *c)
{
	c->in_body = false;
	exchange_request_end(c->x);
}

/* Offers what is there of the body. False: no more for now. */
static bool feed_body(struct h1_server *c, const char **p, size_t *n)
{
	const char *data = *p;
	size_t data_n = *n, taken;

	if (c->answer_begun || c->dead) { /* nobody wants it: thrown away */
		*n = 0;
		return false;
	}
	if (c->body == HTTP_BODY_CHUNKED) {
		int rc = http_chunks_next(&c->chunks, p, n, &data, &data_n);

		if (rc < 0) {
			*n = 0;
			c->keep = false;
			exchange_broken_request(c->x,
						"the chunks of the request's body are broken");
			return false;
		}
		if (rc == 2 && http_trailers_parse(&c->x->request_trailers, c->trailers.data,
						   c->trailers.len) < 0) {
			*n = 0;
			c->keep = false;
			exchange_broken_request(c->x, "the request's trailers are broken");
			return false;
		}
		if (rc == 2)
			request_over(c);
		if (rc != 1)
			return false;
		taken = exchange_request_data(c->x, data, data_n);
		if (taken < data_n) {
			size_t back = data_n - taken;

			http_chunks_untake(&c->chunks, back);
			*p -= back;
			*n += back;
			c->body_held = true;
		}
		return !c->body_held;
	}
	if (data_n > c->left)
		data_n = (size_t)c->left;
	taken = exchange_request_data(c->x, data, data_n);
	c->left -= taken;
	*p += taken;
	*n -= taken;
	if (!c->left)
		request_over(c);
	else if (taken < data_n)
		c->body_held = true;
	return !c->body_held && *n;
}

/* p, n: what came, c->in is empty or p is in it. Uses what it can; returns what is left. */
static size_t use(struct h1_server *c, const char *p, size_t n)
{
	while (n && c->state != LINGER && !c->dead) {
		if (c->state == HEAD) {
			if (link_full(c->proxy))
				return n; /* no new work */
			if (!c->scanned && n >= 2 && p[0] == '\r' && p[1] == '\n') {
				p += 2; /* RFC 9112 2.2: after the last one's body */
				n -= 2;
				continue;
			}
			ssize_t end = http_head_end(p, n, &c->scanned);

			if (end < 0 || (size_t)end > HTTP_HEAD_MAX || (!end && n > HTTP_HEAD_MAX)) {
				refuse_head(c, end < 0 ? 400 : 431,
					    end < 0 ? "a line end or control character is out of "
						      "place"
						    : "the head is larger than 65536 bytes");
				return 0;
			}
			if (!end)
				return n;
			c->scanned = 0;
			begin(c, p, (size_t)end);
			p += end;
			n -= (size_t)end;
			if (c->over || c->dead)
				return c->keep ? n : 0;
			/* It may be taken out of our hands by this, so what is left is kept first:
			 * the caller does. */
			return n;
		}
		if (!c->in_body || c->over)
			return n;
		if (!feed_body(c, &p, &n))
			return n;
	}
	return c->state == LINGER || c->dead ? 0 : n;
}

bool h1_server_take_in(struct h1_server *c, const char *p, size_t n)
{
	for (;;) {
		enum h1_state before = c->state;
		bool from_in = p == c->in.data;
		size_t left = use(c, p, n);

		if (from_in)
			buf_consume(&c->in, n - left);
		else if (left)
			buf_add(&c->in, p + (n - left), left);
		if (before == HEAD && c->state == BUSY && !c->over && !c->dead) {
			/* A new request: decided upon with nothing of ours in the air. */
			struct stream *s = c->stream;

			c->reading = false;
			exchange_request(c->x);
			if (s->closed || s->data != c || s->ready != h1_server_ready)
				return false;
			c->reading = true;
			if (!c->in_body && !c->over && !c->dead)
				exchange_request_end(c->x);
			if (s->closed || s->data != c || s->ready != h1_server_ready)
				return false;
		} else if (c->state == before) {
			break;
		}
		if (!c->in.len || c->over || c->dead || (c->state == BUSY && !c->in_body))
			break;
		p = c->in.data;
		n = c->in.len;
	}
	if (!c->in.len && c->in.cap) {
		buf_free(&c->in);
		c->in = (struct buf){0};
	}
	return true;
}
