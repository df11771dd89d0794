/*
 * HTTP/1.1 to an upstream server: one exchange after the other on a connection.
 */
#include "network/proxy/h1_client.h"

struct h1_client *h1_client_new(struct proxy *p, struct stream *s, const struct pool_key *key,
				const char *address)
{
	struct h1_client *c = xcalloc(1, sizeof(*c));

	c->proxy = p;
	c->stream = s;
	c->key = *key;
	str_copy(c->address, sizeof(c->address), address);
	s->data = c;
	s->ready = h1_client_ready;
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
	h1_client_wipe(c);
	buf_free(&c->in);
	buf_free(&c->out);
	buf_free(&c->trailers);
	free(c);
}

void h1_client_broken(struct h1_client *c, const char *why)
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

	h1_client_broken(c, c->in_head ? "the answer's head took too long"
				       : "the server was silent for too long");
}

void h1_client_watch(struct h1_client *c)
{
	unsigned what = 0;

	if (!c->held)
		what |= STREAM_READ;
	if (c->out.len || c->upload_stopped)
		what |= STREAM_WRITE;
	stream_watch(c->stream, what);
}

/* An answer may be long in coming; once it has begun, its head has its time, however it drips. */
void h1_client_alive(struct h1_client *c)
{
	bool head = !c->in_body && c->in.len;

	if (!head || !c->in_head)
		deadline_set(c->proxy, &c->deadline, head ? proxy_head_ms(c->proxy) : PROXY_IDLE_MS,
			     on_silent);
	c->in_head = head;
}

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
	c->in_body = c->in_head = c->held = c->request_ended = c->upload_stopped = c->ending =
	    false;
	x->up = &h1_client_ops;
	x->up_data = c;
}

/* The answer is complete. */
void h1_client_ended(struct h1_client *c)
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
		buf_free(&c->trailers);
		c->in = c->out = c->trailers = (struct buf){0};
		stream_watch(c->stream, STREAM_READ);
		pool_put(c->proxy, c);
	} else {
		h1_client_close(c);
	}
	exchange_response_end(x);
}

void h1_client_ready(struct stream *s, unsigned what)
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

		h1_client_flush(c);
		if (!c->out.len && stopped) {
			c->upload_stopped = false;
			exchange_up_drained(c->x);
			if (s->closed || s->data != c || s->ready != h1_client_ready)
				return;
		}
		if (!(what & STREAM_READ)) {
			h1_client_watch(c);
			return;
		}
	}
	h1_client_read_some(c);
}
