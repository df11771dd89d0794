/*
 * Plain sockets as streams, and what all streams share.
 */
#include "network/proxy/stream.h"

#include <sys/socket.h>

static ssize_t plain_read(struct stream *s, void *p, size_t n)
{
	ssize_t got = stream_raw_read(s, p, n);

	s->read_needs = STREAM_READ;
	return got;
}

static ssize_t plain_write(struct stream *s, const void *p, size_t n)
{
	ssize_t sent = stream_raw_write(s, p, n);

	s->write_needs = STREAM_WRITE;
	return sent;
}

static int plain_shut(struct stream *s)
{
	return shutdown(s->fd, SHUT_WR);
}

static void plain_free(struct stream *s)
{
	(void)s;
}

static const struct stream_ops plain = {plain_read, plain_write, plain_shut, NULL, plain_free};

/* ---- streams with bytes that poll(2) does not see ---- */

static void not_soon(struct stream *s)
{
	if (!s->soon_prev)
		return;
	*s->soon_prev = s->soon_next;
	if (s->soon_next)
		s->soon_next->soon_prev = s->soon_prev;
	s->soon_prev = NULL;
}

/* Bytes that no wait for the socket would tell of. */
static bool hidden(const struct stream *s)
{
	return !s->dry && (s->back.p || s->below.p || (s->ops->pending && s->ops->pending(s)));
}

static void on_idle(uv_idle_t *h)
{
	struct stream_loop *l = h->data;
	struct stream *round = l->soon;

	/* Those that come in meanwhile are for the next round. */
	l->soon = NULL;
	if (round)
		round->soon_prev = &round;
	while (round) {
		struct stream *s = round;

		unsigned what = 0;

		not_soon(s);
		if (s->watching & STREAM_SOON)
			what |= STREAM_WRITE;
		if ((s->watching & STREAM_READ) && hidden(s))
			what |= STREAM_READ;
		if (what)
			s->ready(s, what);
	}
	if (!l->soon)
		uv_idle_stop(h);
}

static void soon(struct stream *s)
{
	struct stream_loop *l = s->poll.loop->data;

	if (s->soon_prev)
		return;
	s->soon_next = l->soon;
	s->soon_prev = &l->soon;
	if (l->soon)
		l->soon->soon_prev = &s->soon_next;
	l->soon = s;
	uv_idle_start(&l->idle, on_idle);
}

int stream_loop_init(struct stream_loop *l, struct err *err)
{
	int rc = uv_loop_init(&l->uv);

	if (rc < 0)
		return err_set(err, "Starting an event loop: %s", uv_strerror(rc));
	l->uv.data = l;
	l->soon = NULL;
	uv_idle_init(&l->uv, &l->idle);
	l->idle.data = l;
	return 0;
}

void stream_loop_close(struct stream_loop *l)
{
	uv_close((uv_handle_t *)&l->idle, NULL);
	uv_run(&l->uv, UV_RUN_NOWAIT);
	uv_loop_close(&l->uv);
}

/* ---- opening, closing ---- */

struct stream *stream_open(struct stream_loop *loop, int fd, struct err *err)
{
	struct stream *s = xcalloc(1, sizeof(*s));
	int rc = uv_poll_init(&loop->uv, &s->poll, fd);

	if (rc < 0) {
		close(fd);
		free(s);
		err_set(err, "Watching a socket: %s", uv_strerror(rc));
		return NULL;
	}
	s->ops = &plain;
	s->fd = fd;
	s->poll.data = s;
	s->read_needs = STREAM_READ;
	s->write_needs = STREAM_WRITE;
	return s;
}

static void on_closed(uv_handle_t *h)
{
	struct stream *s = h->data;

	free(s->back.p);
	free(s->below.p);
	free(s);
}

void stream_close(struct stream *s)
{
	if (!s || s->closed)
		return;
	s->closed = true;
	not_soon(s);
	s->ops->free(s);
	/* libuv forgets the descriptor here; only then may its number be used again. */
	uv_close((uv_handle_t *)&s->poll, on_closed);
	close(s->fd);
	s->fd = -1;
}

void stream_reset(struct stream *s)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};

	if (!s || s->closed)
		return;
	setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	stream_close(s);
}

void stream_layer(struct stream *s, const struct stream_ops *ops, void *layer)
{
	s->ops = ops;
	s->layer = layer;
	s->below = s->back;
	s->back = (struct stream_back){0};
}

/* ---- waiting ---- */

static unsigned needs(const struct stream *s, unsigned what)
{
	unsigned n = 0;

	if (what & STREAM_READ)
		n |= s->read_needs;
	if (what & STREAM_WRITE)
		n |= s->write_needs;
	return n;
}

static void on_poll(uv_poll_t *h, int status, int events)
{
	struct stream *s = h->data;
	unsigned now = 0, what = 0;

	/* An error shows in the next read or write. */
	if (status < 0)
		events = UV_READABLE | UV_WRITABLE;
	if (events & UV_READABLE)
		now |= STREAM_READ;
	if (events & UV_WRITABLE)
		now |= STREAM_WRITE;
	if ((s->watching & STREAM_READ) && (s->read_needs & now))
		what |= STREAM_READ;
	if ((s->watching & STREAM_WRITE) && (s->write_needs & now))
		what |= STREAM_WRITE;
	if (what)
		s->ready(s, what);
}

void stream_watch(struct stream *s, unsigned what)
{
	unsigned n, events = 0;

	if (s->closed)
		return;
	s->watching = (uint8_t)what;
	if ((what & STREAM_SOON) || ((what & STREAM_READ) && hidden(s)))
		soon(s);
	else
		not_soon(s);
	n = needs(s, what);
	if (n & STREAM_READ)
		events |= UV_READABLE;
	if (n & STREAM_WRITE)
		events |= UV_WRITABLE;
	if (events == s->polling)
		return;
	s->polling = (uint8_t)events;
	if (events)
		uv_poll_start(&s->poll, (int)events, on_poll);
	else
		uv_poll_stop(&s->poll);
}

/* ---- the socket ---- */

void stream_unread(struct stream *s, const void *p, size_t n)
{
	struct stream_back *b = &s->back;
	size_t left = b->len - b->at;
	char *all;

	if (!n)
		return;
	all = xrealloc_array(NULL, n + left, 1);
	memcpy(all, p, n);
	s->dry = false;
	if (left)
		memcpy(all + n, b->p + b->at, left);
	free(b->p);
	*b = (struct stream_back){.p = all, .len = n + left};
}

static size_t look_back(const struct stream_back *b, void *p, size_t n)
{
	size_t left = b->len - b->at;

	if (n > left)
		n = left;
	if (n)
		memcpy(p, b->p + b->at, n);
	return n;
}

ssize_t stream_take_back(struct stream_back *b, void *p, size_t n)
{
	size_t had = look_back(b, p, n);

	b->at += had;
	if (b->at == b->len) {
		free(b->p);
		*b = (struct stream_back){0};
	}
	return (ssize_t)had;
}

ssize_t stream_raw_read(struct stream *s, void *p, size_t n)
{
	ssize_t got;

	if (s->below.p)
		return stream_take_back(&s->below, p, n);
	do
		got = recv(s->fd, p, n, MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	return got;
}

ssize_t stream_raw_write(struct stream *s, const void *p, size_t n)
{
	ssize_t sent;

	do
		sent = send(s->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent;
}

ssize_t stream_raw_peek(struct stream *s, void *p, size_t n)
{
	size_t had = look_back(&s->back, p, n);
	ssize_t got;

	if (had == n)
		return (ssize_t)had;
	do
		got = recv(s->fd, (char *)p + had, n - had, MSG_DONTWAIT | MSG_PEEK);
	while (got < 0 && errno == EINTR);
	if (had)
		return (ssize_t)had + (got > 0 ? got : 0);
	return got;
}
