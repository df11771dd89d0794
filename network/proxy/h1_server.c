/*
 * HTTP/1.1 from a client: on the proxy's own port, or inside an intercepted tunnel.
 */
#include "network/proxy/h1_server.h"

#define ROUND	  8
#define AHEAD_MAX 65536 /* of further requests, while one is being answered */
#define LINGER_MS 2000

static void unhold(struct h1_server *c)
{
	if (!c->held_prev)
		return;
	*c->held_prev = c->held_next;
	if (c->held_next)
		c->held_next->held_prev = c->held_prev;
	c->held_prev = NULL;
}

void h1_server_dispose(struct h1_server *c)
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
	buf_free(&c->trailers);
	free(c->origin);
	free(c);
}

static void destroy(struct h1_server *c)
{
	struct proxy *p = c->proxy;

	stream_close(c->stream);
	h1_server_dispose(c);
	p->connections--;
	listener_update(p);
}

static void on_deadline(struct deadline *d)
{
	struct h1_server *c =
	    (struct h1_server *)(void *)((char *)d - offsetof(struct h1_server, deadline));

	destroy(c);
}

void h1_server_deadline(struct h1_server *c, uint64_t ms)
{
	deadline_set(c->proxy, &c->deadline, ms, on_deadline);
}

bool h1_server_ahead(const struct h1_server *c)
{
	return c->state == BUSY && c->in.len >= AHEAD_MAX;
}

void h1_server_watch(struct h1_server *c)
{
	unsigned what = 0;

	if (c->dead || c->state == LINGER)
		what = STREAM_READ;
	else if (!c->body_held && !c->peer_gone && !h1_server_ahead(c) && !c->held_prev)
		what = STREAM_READ;
	if (!c->dead && (c->out.len || c->answer_held))
		what |= STREAM_WRITE;
	else if (c->dead || c->over)
		what |= STREAM_SOON;
	stream_watch(c->stream, what);
}

static void linger(struct h1_server *c)
{
	c->state = LINGER;
	buf_clear(&c->in);
	stream_shut(c->stream);
	h1_server_deadline(c, LINGER_MS);
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
		h1_server_flush(c);
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
		h1_server_deadline(c, c->in.len ? proxy_head_ms(c->proxy) : PROXY_KEEP_MS);
		if (c->in.len) {
			c->reading = true;
			if (!h1_server_take_in(c, c->in.data, c->in.len))
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
	h1_server_watch(c);
}

void h1_server_go_on(struct proxy *p)
{
	while (p->held && !link_full(p)) {
		struct h1_server *c = p->held;

		unhold(c);
		stream_unread(c->stream, c->in.data, c->in.len);
		buf_clear(&c->in);
		c->scanned = 0;
		h1_server_watch(c);
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
			h1_server_deadline(c, proxy_head_ms(c->proxy));
		bool ok;
		c->reading = true;
		if (c->in.len) {
			buf_add(&c->in, p->scratch, (size_t)n);
			ok = c->over || h1_server_take_in(c, c->in.data, c->in.len);
		} else {
			ok = h1_server_take_in(c, p->scratch, (size_t)n);
		}
		if (!ok)
			return;
		c->reading = false;
		if (c->over || c->dead || c->body_held || h1_server_ahead(c) ||
		    (size_t)n < PROXY_SCRATCH)
			break;
	}
	if (c->x && c->in_body && !c->over)
		exchange_request_flush(c->x);
	go_on(c);
}

void h1_server_ready(struct stream *s, unsigned what)
{
	struct h1_server *c = s->data;

	if (c->dead) {
		destroy(c);
		return;
	}
	if (what & STREAM_WRITE) {
		h1_server_flush(c);
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
	s->ready = h1_server_ready;
	h1_server_deadline(c, proxy_head_ms(c->proxy));
	h1_server_watch(c);
}
