/*
 * HTTP/1.1 to an upstream server: one exchange after the other on a connection.
 */
#include "network/proxy/proxy.h"

#define ROUND	8 /* reads before others get their turn */
#define SMALL	16384
#define OUT_MAX 65536

struct h1_client {
	struct proxy *proxy;
	struct stream *stream;
	struct pool_key key;
	char address[48];
	struct exchange *x; /* NULL: waits in the pool */
	struct buf in;	    /* read and not used: a part of a head, or what was not taken */
	struct buf out;	    /* to be written */
	size_t scanned;
	struct http_chunks chunks;
	uint64_t left; /* HTTP_BODY_LENGTH */
	enum http_body body;
	bool in_body, held; /* held: the other side takes no more */
	bool request_chunked, request_ended, upload_stopped;
	bool reused, any_byte, ending;
	struct deadline deadline;
};

static void on_ready(struct stream *s, unsigned what);

struct h1_client *h1_client_new(struct proxy *p, struct stream *s, const struct pool_key *key,
				const char *address)
{
	struct h1_client *c = xcalloc(1, sizeof(*c));

	c->proxy = p;
	c->stream = s;
	c->key = *key;
	str_copy(c->address, sizeof(c->address), address);
	s->data = c;
	s->ready = on_ready;
	return c;
}

const struct pool_key *h1_client_key(const struct h1_client *c)
{
	return &c->key;
}

const char *h1_client_address(const struct h1_client *c)
{
	return c->address;
}

void h1_client_close(struct h1_client *c)
{
	if (!c->x)
		pool_forget(c->proxy, c);
	deadline_clear(c->proxy, &c->deadline);
	stream_close(c->stream);
	buf_free(&c->in);
	buf_free(&c->out);
	free(c);
}

static void broken(struct h1_client *c, const char *why)
{
	struct exchange *x = c->x;
	bool unused = c->reused && !c->any_byte;

	if (x) {
		x->up = NULL;
		x->up_data = NULL;
	}
	c->x = x; /* the pool does not know it */
	h1_client_close(c);
	if (x)
		exchange_failed(x, unused, why);
}

static void on_silent(struct deadline *d)
{
	struct h1_client *c =
	    (struct h1_client *)(void *)((char *)d - offsetof(struct h1_client, deadline));

	broken(c, "the server was silent for too long");
}

static void watch(struct h1_client *c)
{
	unsigned what = 0;

	if (!c->held)
		what |= STREAM_READ;
	if (c->out.len || c->upload_stopped)
		what |= STREAM_WRITE;
	stream_watch(c->stream, what);
}

/* ---- the request ---- */

static void flush(struct h1_client *c)
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
	if (!c->out.len && c->out.cap > 16384) {
		buf_free(&c->out);
		c->out = (struct buf){0};
	}
}

static void up_start(struct exchange *x)
{
	struct h1_client *c = x->up_data;
	c->request_chunked = x->request.body == HTTP_BODY_CHUNKED;
	http_write_request(&x->request, x->request.upgrade ? HTTP_UPGRADE : HTTP_KEEP, &c->out);
	deadline_set(c->proxy, &c->deadline, PROXY_IDLE_MS, on_silent);
}

/* Pieces of the body that follow one another closely go out in one write; larger ones go from where
 * they are. */
static size_t send_plain(struct h1_client *c, const char *p, size_t n)
{
	ssize_t sent;

	if (c->out.len && n <= SMALL && c->out.len < OUT_MAX) {
		buf_add(&c->out, p, n);
		flush(c);
		return n;
	}
	flush(c);
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

		buf_addf(&c->out, "%zx\r\n", part);
		buf_add(&c->out, p + taken, part);
		buf_add(&c->out, "\r\n", 2);
		taken += part;
		flush(c);
	}
	return taken;
}

static size_t up_data(struct exchange *x, const char *p, size_t n)
{
	struct h1_client *c = x->up_data;
	size_t sent;

	if (c->ending)
		return n; /* it does not listen anymore */
	deadline_set(c->proxy, &c->deadline, PROXY_IDLE_MS, on_silent);
	sent = c->request_chunked ? send_chunks(c, p, n) : send_plain(c, p, n);
	c->upload_stopped = sent < n;
	watch(c);
	return sent;
}

static void up_flush(struct exchange *x)
{
	struct h1_client *c = x->up_data;

	flush(c);
	watch(c);
}

static void up_end(struct exchange *x)
{
	struct h1_client *c = x->up_data;

	if (c->request_chunked && !c->ending)
		buf_adds(&c->out, "0\r\n\r\n");
	c->request_ended = true;
	up_flush(x);
}

/* ---- the answer ---- */

static void up_resume(struct exchange *x)
{
	struct h1_client *c = x->up_data;

	if (!c->held)
		return;
	c->held = false;
	/* What was kept comes again from the loop: who calls is in the middle of something. */
	stream_unread(c->stream, c->in.data, c->in.len);
	buf_clear(&c->in);
	watch(c);
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

static const struct exchange_up_ops ops = {
    .start = up_start,
    .data = up_data,
    .end = up_end,
    .flush = up_flush,
    .resume = up_resume,
    .cancel = up_cancel,
    .take = up_take,
};

bool h1_client_idle(struct h1_client *c)
{
	char byte;

	return stream_read(c->stream, &byte, 1) < 0 && errno == EAGAIN;
}

void h1_client_attach(struct h1_client *c, struct exchange *x)
{
	c->reused = c->any_byte = false;
	if (c->scanned == SIZE_MAX) { /* came out of the pool */
		c->reused = true;
		c->scanned = 0;
	}
	c->x = x;
	c->in_body = c->held = c->request_ended = c->upload_stopped = c->ending = false;
	x->up = &ops;
	x->up_data = c;
}

/* The answer is complete. */
static void ended(struct h1_client *c)
{
	struct exchange *x = c->x;
	bool keep = x->response.keep_alive && c->request_ended && !c->out.len && !c->ending &&
		    c->body != HTTP_BODY_TO_END && !c->in.len;

	x->up = NULL;
	x->up_data = NULL;
	deadline_clear(c->proxy, &c->deadline);
	if (keep) {
		c->x = NULL;
		c->scanned = SIZE_MAX;
		buf_free(&c->in);
		buf_free(&c->out);
		c->in = c->out = (struct buf){0};
		stream_watch(c->stream, STREAM_READ);
		pool_put(c->proxy, c);
	} else {
		h1_client_close(c);
	}
	exchange_response_end(x);
}

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
			ended(c);
			return GONE;
		}
		break;
	case HTTP_BODY_CHUNKED:
		rc = http_chunks_next(&c->chunks, p, n, &data, &data_n);
		if (rc < 0) {
			broken(c, "the chunks of the answer's body are broken");
			return GONE;
		}
		if (rc == 2) {
			if (*n)
				c->x->response.keep_alive = false;
			*n = 0;
			ended(c);
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
		broken(c, end < 0 ? "what the server answers is not HTTP"
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
		broken(c, why);
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
	c->chunks = (struct http_chunks){0};
	exchange_response(x);
	if (x->up_data != c)
		return GONE;
	if (c->body == HTTP_BODY_NONE || (c->body == HTTP_BODY_LENGTH && !c->left)) {
		if (*n)
			x->response.keep_alive = false;
		*n = 0;
		ended(c);
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

static void read_some(struct h1_client *c)
{
	struct proxy *p = c->proxy;

	for (int i = 0; i < ROUND && !c->held; i++) {
		ssize_t n = stream_read(c->stream, p->scratch, PROXY_SCRATCH);

		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0) {
			if (!n && c->in_body && c->body == HTTP_BODY_TO_END && !c->in.len)
				ended(c);
			else
				broken(c, n ? strerror(errno) : "the server closed the connection");
			return;
		}
		c->any_byte = true;
		deadline_set(p, &c->deadline, PROXY_IDLE_MS, on_silent);
		if (c->in.len) {
			buf_add(&c->in, p->scratch, (size_t)n);
			if (!use(c, c->in.data, c->in.len))
				return;
		} else if (!use(c, p->scratch, (size_t)n)) {
			return;
		}
		if ((size_t)n < PROXY_SCRATCH)
			break;
	}
	struct exchange *x = c->x;
	watch(c);
	exchange_response_flush(x);
}

static void on_ready(struct stream *s, unsigned what)
{
	struct h1_client *c = s->data;

	if (!c->x) { /* in the pool: it closed, or says what nobody asked; or TLS has a word */
		if (h1_client_idle(c))
			stream_watch(s, STREAM_READ);
		else
			h1_client_close(c);
		return;
	}
	if (what & STREAM_WRITE) {
		bool stopped = c->upload_stopped;

		flush(c);
		if (!c->out.len && stopped) {
			c->upload_stopped = false;
			exchange_up_drained(c->x);
			if (s->closed || s->data != c || s->ready != on_ready)
				return;
		}
		if (!(what & STREAM_READ)) {
			watch(c);
			return;
		}
	}
	read_some(c);
}
