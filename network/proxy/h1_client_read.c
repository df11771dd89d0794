/*
 * HTTP/1.1 to an upstream server: its answers.
 */
#include "network/proxy/h1_client.h"

#define ROUND 8 /* reads before others get their turn */

enum step { MORE, AGAIN, GONE, STOP };

/* A piece of the body; what is not taken stays in *p. */
static enum step body(struct h1_client *c, const char **p, size_t *n)
{
	struct exchange *x = c->x;
	const char *data = *p;
	size_t data_n = *n, taken;
	int rc;

	switch (c->body) {
	case HTTP_BODY_LENGTH:
		if (data_n > c->left)
			data_n = (size_t)c->left;
		taken = data_n ? exchange_response_data(x, data, data_n) : 0;
		c->left -= taken;
		*p += taken;
		*n -= taken;
		if (!c->left) {
			if (*n) /* more than it said */
				c->x->response.keep_alive = false;
			*n = 0;
			h1_client_ended(c);
			return GONE;
		}
		break;
	case HTTP_BODY_CHUNKED:
		rc = http_chunks_next(&c->chunks, p, n, &data, &data_n);
		if (rc == 2 && http_trailers_parse(&x->response_trailers, c->trailers.data,
						   c->trailers.len) < 0)
			rc = -1;
		if (rc < 0) {
			h1_client_broken(c, "the chunks of the answer's body are broken");
			return GONE;
		}
		if (rc == 2) {
			if (*n)
				c->x->response.keep_alive = false;
			*n = 0;
			h1_client_ended(c);
			return GONE;
		}
		if (!rc)
			return MORE;
		taken = exchange_response_data(x, data, data_n);
		if (taken < data_n) {
			size_t back = data_n - taken;

			http_chunks_untake(&c->chunks, back);
			*p -= back;
			*n += back;
			c->held = true;
			return STOP;
		}
		return *n ? AGAIN : MORE;
	case HTTP_BODY_TO_END:
	case HTTP_BODY_NONE:
	default:
		taken = exchange_response_data(x, data, data_n);
		*p += taken;
		*n -= taken;
		break;
	}
	if (taken < data_n) {
		c->held = true;
		return STOP;
	}
	return *n ? AGAIN : MORE;
}

static enum step head(struct h1_client *c, const char **p, size_t *n)
{
	struct exchange *x = c->x;
	struct err err;
	ssize_t end = http_head_end(*p, *n, &c->scanned);

	if (end < 0 || (!end && *n > HTTP_HEAD_MAX)) {
		h1_client_broken(c, end < 0 ? "what the server answers is not HTTP"
					    : "the answer's head is too large");
		return GONE;
	}
	if (!end)
		return MORE;
	c->scanned = 0;
	if (http_parse_response(&x->response, *p, (size_t)end,
				http_text_is(x->request.method, "HEAD"), &err) < 0) {
		char why[160];

		snprintf(why, sizeof(why), "the server's answer: %.120s", err.msg);
		h1_client_broken(c, why);
		return GONE;
	}
	*p += end;
	*n -= (size_t)end;
	if (x->response.status == 101) {
		/* The rest is another protocol's; up_take() puts it back. */
		buf_clear(&c->in);
		buf_add(&c->in, *p, *n);
		*n = 0;
		exchange_response(x);
		return GONE;
	}
	if (x->response.status < 200) {
		exchange_response(x);
		return c->x == x && x->up_data == c ? (*n ? AGAIN : MORE) : GONE;
	}
	c->in_body = true;
	c->body = x->response.body;
	c->left = x->response.length;
	c->chunks = (struct http_chunks){.trailers = &c->trailers};
	buf_clear(&c->trailers);
	exchange_response(x);
	if (x->up_data != c)
		return GONE;
	if (c->body == HTTP_BODY_NONE || (c->body == HTTP_BODY_LENGTH && !c->left)) {
		if (*n)
			x->response.keep_alive = false;
		*n = 0;
		h1_client_ended(c);
		return GONE;
	}
	return *n ? AGAIN : MORE;
}

/* What is there is used as far as it goes; the rest goes to c->in. False: c is gone. */
static bool use(struct h1_client *c, const char *p, size_t n)
{
	bool from_in = p == c->in.data;
	size_t all = n;
	enum step s = AGAIN;

	while (s == AGAIN)
		s = c->in_body ? body(c, &p, &n) : head(c, &p, &n);
	if (s == GONE)
		return false;
	if (from_in)
		buf_consume(&c->in, all - n);
	else if (n)
		buf_add(&c->in, p, n);
	if (!c->in.len && c->in.cap) {
		buf_free(&c->in);
		c->in = (struct buf){0};
	}
	return true;
}

void h1_client_read_some(struct h1_client *c)
{
	struct proxy *p = c->proxy;

	for (int i = 0; i < ROUND && !c->held; i++) {
		ssize_t n = stream_read(c->stream, p->scratch, PROXY_SCRATCH);

		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0) {
			if (!n && c->in_body && c->body == HTTP_BODY_TO_END && !c->in.len)
				h1_client_ended(c);
			else
				h1_client_broken(c, n ? strerror(errno)
						      : "the server closed the connection");
			return;
		}
		c->any_byte = true;
		if (c->in.len) {
			buf_add(&c->in, p->scratch, (size_t)n);
			if (!use(c, c->in.data, c->in.len))
				return;
		} else if (!use(c, p->scratch, (size_t)n)) {
			return;
		}
		h1_client_alive(c);
		if ((size_t)n < PROXY_SCRATCH)
			break;
	}
	struct exchange *x = c->x;
	h1_client_watch(c);
	exchange_response_flush(x);
}
