/*
 * Bytes both ways. An idle tunnel owns no buffer: what is read goes through the loop's scratch
 * memory, and much of it through a pipe (splice(2)) that is borrowed while bytes are in it.
 */
#include "network/proxy/proxy.h"
#include "network/proxy/tls_stream.h"

#include <fcntl.h>
#include <sys/socket.h>

#define ROUND	    4
#define PIPE_SIZE   (1 << 20)
#define SPLICE_FROM 32768 /* bytes in one read, and a pipe is worth it */

struct way {
	struct stream *from, *to;
	uint64_t bytes;
	struct buf kept; /* read, not written yet */
	int pipe[2];	 /* -1: none */
	size_t piped;
	bool bulk, eof, shut;
};
struct tunnel {
	struct tunnel *next, **prev;
	struct proxy *proxy;
	struct way out, in; /* from the agent, to it */
	struct deadline deadline;
	struct net_event *event;
	uint64_t started_ns;
	void (*ended)(void *data); /* NULL: nobody wants to know */
	void *ended_data;
	char *sni_host; /* a ClientHello must be for it; NULL: judged */
};

static void close_pipe(struct way *w)
{
	if (w->pipe[0] >= 0) {
		close(w->pipe[0]);
		close(w->pipe[1]);
	}
	w->pipe[0] = w->pipe[1] = -1;
}

static void end(struct tunnel *t, bool reset)
{
	struct proxy *p = t->proxy;
	struct net_event *e = t->event;

	e->ended = 1;
	e->bytes_in = t->in.bytes;
	e->bytes_out = t->out.bytes;
	e->time_ns = clock_real_ns();
	e->duration_us = (clock_mono_ns() - t->started_ns) / 1000;
	link_event(p, e);
	(reset ? stream_reset : stream_close)(t->out.from);
	(reset ? stream_reset : stream_close)(t->out.to);
	close_pipe(&t->in);
	close_pipe(&t->out);
	buf_free(&t->in.kept);
	buf_free(&t->out.kept);
	deadline_clear(p, &t->deadline);
	*t->prev = t->next;
	if (t->next)
		t->next->prev = t->prev;
	if (t->ended)
		t->ended(t->ended_data);
	free(e);
	free(t->sni_host);
	free(t);
	p->connections--;
	listener_update(p);
}

static void on_idle(struct deadline *d)
{
	struct tunnel *t = (struct tunnel *)(void *)((char *)d - offsetof(struct tunnel, deadline));

	str_copy(t->event->reason, sizeof(t->event->reason), "nothing came for too long");
	end(t, true);
}

void tunnel_end_host(struct proxy *p, const char *name, const char *why)
{
	struct tunnel *t, *next;

	for (t = p->tunnels; t; t = next) {
		next = t->next;
		if (strcmp(t->event->host, name) != 0)
			continue;
		t->event->decision = NET_DENIED;
		str_copy(t->event->reason, sizeof(t->event->reason), why);
		end(t, true);
	}
}

static void moved(struct tunnel *t, struct way *w, size_t n)
{
	w->bytes += n;
	t->deadline.at_ms = proxy_now_ms(t->proxy) +
			    (t->in.eof || t->out.eof ? PROXY_HALF_CLOSED_MS : PROXY_IDLE_MS);
}

enum flow { BLOCKED, FLOWS, BROKEN };

/* Writes what is kept or in the pipe. FLOWS: all of it. */
static enum flow write_kept(struct tunnel *t, struct way *w)
{
	while (w->kept.len) {
		ssize_t n = stream_write(w->to, w->kept.data, w->kept.len);

		if (n < 0)
			return errno == EAGAIN ? BLOCKED : BROKEN;
		buf_consume(&w->kept, (size_t)n);
		moved(t, w, (size_t)n);
	}
	if (w->kept.cap) {
		buf_free(&w->kept);
		w->kept = (struct buf){0};
	}
	while (w->piped) {
		ssize_t n = splice(w->pipe[0], NULL, w->to->fd, NULL, w->piped,
				   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 && errno == EAGAIN ? BLOCKED : BROKEN;
		w->piped -= (size_t)n;
		moved(t, w, (size_t)n);
	}
	return FLOWS;
}

/* The client's first bytes, kept until they say whose server they want. True: go on. */
static bool judge(struct tunnel *t, struct way *w)
{
	struct tls_hello hello;
	struct net_host host;
	bool agrees;

	switch (tls_hello_read(w->kept.data, w->kept.len, &hello)) {
	case TLS_HELLO_MORE:
		return w->kept.len <= 2 * TLS_HELLO_MAX;
	case TLS_HELLO_NOT:
		agrees = true;
		break;
	case TLS_HELLO_IS:
		agrees = !net_host_parse(t->sni_host, strlen(t->sni_host), &host, NULL) &&
			 tls_hello_agrees(&hello, &host);
		break;
	default:
		agrees = false;
	}
	if (agrees) {
		free(t->sni_host);
		t->sni_host = NULL;
		return true;
	}
	t->event->decision = NET_DENIED;
	str_copy(t->event->category, sizeof(t->event->category), "host_denied");
	str_copy(t->event->reason, sizeof(t->event->reason),
		 "the TLS inside names another host than the tunnel");
	return false;
}

static enum flow read_hello(struct tunnel *t, struct way *w)
{
	ssize_t n = stream_read(w->from, t->proxy->scratch, TLS_HELLO_MAX);

	if (n < 0)
		return errno == EAGAIN ? BLOCKED : BROKEN;
	if (!n)
		w->eof = true;
	buf_add(&w->kept, t->proxy->scratch, (size_t)n);
	if (n && !judge(t, w))
		return BROKEN;
	return FLOWS;
}

static bool get_pipe(struct way *w)
{
	if (w->pipe[0] >= 0)
		return true;
	if (pipe2(w->pipe, O_NONBLOCK | O_CLOEXEC) < 0) {
		w->pipe[0] = w->pipe[1] = -1;
		return false;
	}
	fcntl(w->pipe[1], F_SETPIPE_SZ, PIPE_SIZE);
	return true;
}

static enum flow read_spliced(struct tunnel *t, struct way *w)
{
	ssize_t n = splice(w->from->fd, NULL, w->pipe[1], NULL, PIPE_SIZE,
			   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? BLOCKED : BROKEN;
	if (!n)
		w->eof = true;
	w->piped = (size_t)n;
	if (n < SPLICE_FROM)
		w->bulk = false;
	return write_kept(t, w);
}

static enum flow read_copied(struct tunnel *t, struct way *w)
{
	char *p = t->proxy->scratch;
	ssize_t n = stream_read(w->from, p, PROXY_SCRATCH), sent;

	if (n < 0)
		return errno == EAGAIN ? BLOCKED : BROKEN;
	if (!n) {
		w->eof = true;
		return FLOWS;
	}
	w->bulk = n >= SPLICE_FROM && stream_is_plain(w->from) && stream_is_plain(w->to) &&
		  !w->from->back.p;
	sent = stream_write(w->to, p, (size_t)n);
	if (sent < 0 && errno != EAGAIN)
		return BROKEN;
	if (sent < 0)
		sent = 0;
	moved(t, w, (size_t)sent);
	if (sent == n)
		return FLOWS;
	buf_add(&w->kept, p + sent, (size_t)(n - sent));
	return BLOCKED;
}

static enum flow pump(struct tunnel *t, struct way *w)
{
	for (int i = 0; i < ROUND; i++) {
		enum flow f = t->sni_host && w == &t->out ? FLOWS : write_kept(t, w);

		if (f != FLOWS)
			return f;
		if (w->eof)
			break;
		if (t->sni_host && w == &t->out)
			f = read_hello(t, w);
		else if (w->bulk && get_pipe(w))
			f = read_spliced(t, w);
		else
			f = read_copied(t, w);
		if (f == BROKEN)
			return BROKEN;
		if (f == BLOCKED)
			break;
	}
	if (!w->piped)
		close_pipe(w);
	if (w->eof && !w->shut && !w->kept.len && !w->piped) {
		w->shut = true;
		stream_shut(w->to);
		moved(t, w, 0);
	}
	return FLOWS;
}

static unsigned wants(const struct tunnel *t, const struct stream *s)
{
	const struct way *from = t->out.from == s ? &t->out : &t->in;
	const struct way *to = t->out.from == s ? &t->in : &t->out;
	bool hello = t->sni_host && from == &t->out;
	unsigned what = 0;

	if (!from->eof && ((!from->kept.len && !from->piped) || hello))
		what |= STREAM_READ;
	if ((to->kept.len && !(t->sni_host && to == &t->out)) || to->piped)
		what |= STREAM_WRITE;
	return what;
}

static void on_ready(struct stream *s, unsigned what)
{
	struct tunnel *t = s->data;
	struct way *from = t->out.from == s ? &t->out : &t->in;
	struct way *to = t->out.from == s ? &t->in : &t->out;

	if (((what & STREAM_READ) && pump(t, from) == BROKEN) ||
	    ((what & STREAM_WRITE) && pump(t, to) == BROKEN)) {
		end(t, true);
		return;
	}
	if (t->in.shut && t->out.shut) {
		end(t, false);
		return;
	}
	stream_watch(t->out.from, wants(t, t->out.from));
	stream_watch(t->out.to, wants(t, t->out.to));
}

void tunnel_on_end(struct tunnel *t, void (*ended)(void *data), void *data)
{
	t->ended = ended;
	t->ended_data = data;
}

struct tunnel *tunnel_start(struct proxy *p, struct stream *client, struct stream *server,
			    const struct net_event *event, uint64_t started_ns,
			    const char *sni_host)
{
	struct tunnel *t = xcalloc(1, sizeof(*t));

	t->proxy = p;
	t->out = (struct way){.from = client, .to = server, .pipe = {-1, -1}};
	t->in = (struct way){.from = server, .to = client, .pipe = {-1, -1}};
	t->event = xcalloc(1, sizeof(*event));
	*t->event = *event;
	t->started_ns = started_ns;
	t->sni_host = sni_host ? xstrdup(sni_host) : NULL;
	t->next = p->tunnels;
	t->prev = &p->tunnels;
	if (t->next)
		t->next->prev = &t->next;
	p->tunnels = t;
	client->data = server->data = t;
	client->ready = server->ready = on_ready;
	deadline_set(p, &t->deadline, PROXY_IDLE_MS, on_idle);
	stream_watch(client, STREAM_READ);
	stream_watch(server, STREAM_READ);
	return t;
}
