/*
 * HTTP/1.1 from a client: on the proxy's own port, or inside an intercepted tunnel.
 */
#include "network/proxy/proxy.h"

#include <sys/socket.h>

#define ROUND	  8
#define AHEAD_MAX 65536 /* of further requests, while one is being answered */
#define LINGER_MS 2000
#define SMALL	  16384
#define OUT_MAX	  65536

enum state {
	HEAD = 0, /* waits for a request, or has a part of its head */
	BUSY,	  /* an exchange is under way */
	LINGER,	  /* all is said; what still comes is thrown away, so that it is heard */
};

struct h1_server {
	struct h1_server *next, **prev;		  /* of the proxy's */
	struct h1_server *held_next, **held_prev; /* NULL: not held back */
	struct proxy *proxy;
	struct stream *stream;
	struct exchange_origin *origin;
	struct exchange *x;
	struct deadline deadline;
	struct buf in, out;
	size_t scanned;
	enum state state;
	struct http_chunks chunks;
	uint64_t left;
	enum http_body body, answer_body;
	bool in_body, body_held; /* of the request; held: the other side takes no more */
	bool answer_begun, answer_held, answer_over, keep;
	bool reading; /* a call from inside read_some() goes on there */
	bool dead, peer_gone, over;
	uint16_t peer_port;
	uint64_t connection;
};

static void on_ready(struct stream *s, unsigned what);
static void go_on(struct h1_server *c);

static void unhold(struct h1_server *c)
{
	if (!c->held_prev)
		return;
	*c->held_prev = c->held_next;
	if (c->held_next)
		c->held_next->held_prev = c->held_prev;
	c->held_prev = NULL;
}

/* Everything but the stream. */
static void dispose(struct h1_server *c)
{
	struct proxy *p = c->proxy;

	unhold(c);
	deadline_clear(p, &c->deadline);
	*c->prev = c->next;
	if (c->next)
		c->next->prev = c->prev;
	if (c->x)
		exchange_free(c->x);
	buf_free(&c->in);
	buf_free(&c->out);
	free(c->origin);
	free(c);
}

static void destroy(struct h1_server *c)
{
	struct proxy *p = c->proxy;

	stream_close(c->stream);
	dispose(c);
	p->connections--;
	listener_update(p);
}

static void on_deadline(struct deadline *d)
{
	struct h1_server *c =
	    (struct h1_server *)(void *)((char *)d - offsetof(struct h1_server, deadline));

	destroy(c);
}

static void set_deadline(struct h1_server *c, uint64_t ms)
{
	deadline_set(c->proxy, &c->deadline, ms, on_deadline);
}

/* Enough of requests that have to wait. */
static bool ahead(const struct h1_server *c)
{
	return c->state == BUSY && c->in.len >= AHEAD_MAX;
}

static void watch(struct h1_server *c)
{
	unsigned what = 0;

	if (c->dead || c->state == LINGER)
		what = STREAM_READ;
	else if (!c->body_held && !c->peer_gone && !ahead(c) && !c->held_prev)
		what = STREAM_READ;
	if (!c->dead && (c->out.len || c->answer_held))
		what |= STREAM_WRITE;
	else if (c->dead || c->over)
		what |= STREAM_SOON;
	stream_watch(c->stream, what);
}

/* ---- writing ---- */

/* An error is not acted upon here: who calls is in the middle of something. */
static void flush(struct h1_server *c)
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

/* Small pieces are kept until flush(), so that head and beginning go out in one write. */
static size_t send_chunks(struct h1_server *c, const char *p, size_t n)
{
	size_t taken = 0;

	while (taken < n) {
		size_t part = n - taken < OUT_MAX ? n - taken : OUT_MAX;

		if (c->out.len >= OUT_MAX)
			flush(c);
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
	flush(c);
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
	set_deadline(c, PROXY_IDLE_MS);
	sent = c->answer_body == HTTP_BODY_CHUNKED ? send_chunks(c, p, n) : send_plain(c, p, n);
	c->answer_held = sent < n;
	if (c->answer_held || c->dead)
		watch(c);
	return sent;
}

static void down_flush(struct exchange *x)
{
	struct h1_server *c = x->down_data;

	flush(c);
	watch(c);
}

/* The answer is written, or will be: the next request, or the end. */
static void finish(struct h1_server *c)
{
	c->over = true;
	flush(c);
	if (!c->reading)
		watch(c); /* on_ready() goes on: the caller still holds the exchange */
}

static void down_end(struct exchange *x)
{
	struct h1_server *c = x->down_data;

	if (c->answer_body == HTTP_BODY_CHUNKED)
		buf_adds(&c->out, "0\r\n\r\n");
	finish(c);
}

static void down_abort(struct exchange *x)
{
	struct h1_server *c = x->down_data;
	struct linger now = {.l_onoff = 1};

	flush(c);
	setsockopt(c->stream->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	c->dead = true;
	watch(c);
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
	watch(c);
}

static struct stream *down_take(struct exchange *x)
{
	struct h1_server *c = x->down_data;
	struct stream *s = c->stream;

	flush(c);
	if (c->out.len || c->dead)
		return NULL;
	stream_watch(s, 0);
	stream_unread(s, c->in.data, c->in.len);
	c->x = NULL; /* the caller's from now on */
	dispose(c);
	return s;
}

static const struct exchange_down_ops ops = {
    .respond = down_respond,
    .data = down_data,
    .end = down_end,
    .flush = down_flush,
    .abort = down_abort,
    .request_resume = down_resume,
    .take = down_take,
};

/* ---- reading ---- */

static struct exchange *make_exchange(struct h1_server *c)
{
	struct exchange *x = exchange_new(c->proxy);

	x->down = &ops;
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
	c->chunks = (struct http_chunks){0};
	c->in_body = c->body == HTTP_BODY_CHUNKED || (c->body == HTTP_BODY_LENGTH && c->left);
	set_deadline(c, PROXY_IDLE_MS);
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

/* Uses what came; the rest is in c->in. False: c is gone. */
static bool take_in(struct h1_server *c, const char *p, size_t n)
{
	for (;;) {
		enum state before = c->state;
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
			if (s->closed || s->data != c || s->ready != on_ready)
				return false;
			c->reading = true;
			if (!c->in_body && !c->over && !c->dead)
				exchange_request_end(c->x);
			if (s->closed || s->data != c || s->ready != on_ready)
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

static void linger(struct h1_server *c)
{
	c->state = LINGER;
	buf_clear(&c->in);
	stream_shut(c->stream);
	set_deadline(c, LINGER_MS);
}

/* After whatever happened: the answer's end, a dead client, the next request. */
static void go_on(struct h1_server *c)
{
	for (;;) {
		if (c->dead) {
			destroy(c);
			return;
		}
		if (!c->over)
			break;
		flush(c);
		if (c->dead)
			continue;
		if (c->out.len)
			break;
		exchange_free(STEAL_PTR(c->x));
		c->over = false;
		if (!c->keep || c->in_body) {
			if (c->peer_gone) {
				destroy(c);
				return;
			}
			linger(c);
			break;
		}
		c->state = HEAD;
		set_deadline(c, c->in.len ? PROXY_HEAD_MS : PROXY_KEEP_MS);
		if (c->in.len) {
			c->reading = true;
			if (!take_in(c, c->in.data, c->in.len))
				return;
			c->reading = false;
		}
		if (c->peer_gone && c->state == HEAD) {
			destroy(c);
			return;
		}
	}
	if (c->state == HEAD && c->in.len && link_full(c->proxy) && !c->held_prev) {
		c->held_next = c->proxy->held;
		c->held_prev = &c->proxy->held;
		if (c->held_next)
			c->held_next->held_prev = &c->held_next;
		c->proxy->held = c;
	}
	watch(c);
}

void h1_server_go_on(struct proxy *p)
{
	while (p->held && !link_full(p)) {
		struct h1_server *c = p->held;

		unhold(c);
		stream_unread(c->stream, c->in.data, c->in.len);
		buf_clear(&c->in);
		c->scanned = 0;
		watch(c);
	}
}

static void read_some(struct h1_server *c)
{
	struct proxy *p = c->proxy;

	for (int i = 0; i < ROUND; i++) {
		ssize_t n = stream_read(c->stream, p->scratch, PROXY_SCRATCH);

		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0) {
			/* Half-closed or gone: one can't tell. What it asked for is not paid for
			 * any longer than it listens; an answer that is complete still goes out. */
			if (!n && c->over) {
				c->peer_gone = true;
				c->keep = false;
				break;
			}
			destroy(c);
			return;
		}
		if (c->state == LINGER)
			continue;
		if (c->state == HEAD && !c->in.len)
			set_deadline(c, PROXY_HEAD_MS);
		bool ok;
		c->reading = true;
		if (c->in.len) {
			buf_add(&c->in, p->scratch, (size_t)n);
			ok = c->over || take_in(c, c->in.data, c->in.len);
		} else {
			ok = take_in(c, p->scratch, (size_t)n);
		}
		if (!ok)
			return;
		c->reading = false;
		if (c->over || c->dead || c->body_held || ahead(c) || (size_t)n < PROXY_SCRATCH)
			break;
	}
	if (c->x && c->in_body && !c->over)
		exchange_request_flush(c->x);
	go_on(c);
}

static void on_ready(struct stream *s, unsigned what)
{
	struct h1_server *c = s->data;

	if (c->dead) {
		destroy(c);
		return;
	}
	if (what & STREAM_WRITE) {
		flush(c);
		if (!c->out.len && c->answer_held && !c->dead) {
			c->answer_held = false;
			exchange_down_drained(c->x);
		}
		if (c->over || c->dead || !(what & STREAM_READ)) {
			go_on(c);
			return;
		}
	}
	read_some(c);
}

void h1_server_start(struct proxy *p, struct stream *s, const struct exchange_origin *origin,
		     uint16_t peer_port, uint64_t connection)
{
	struct h1_server *c = xcalloc(1, sizeof(*c));

	c->proxy = p;
	c->stream = s;
	c->peer_port = peer_port;
	c->connection = connection;
	if (origin) {
		c->origin = xcalloc(1, sizeof(*origin));
		*c->origin = *origin;
	}
	c->next = p->servers;
	c->prev = &p->servers;
	if (c->next)
		c->next->prev = &c->next;
	p->servers = c;
	s->data = c;
	s->ready = on_ready;
	set_deadline(c, PROXY_HEAD_MS);
	watch(c);
}
