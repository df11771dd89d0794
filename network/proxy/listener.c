/*
 * Clients come in. Nobody is let in while there are too many, the broker's socket is full, or
 * descriptors are short; on the host's network the broker says whose a connection is.
 */
#include "network/proxy/proxy.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#define ACCEPT_ROUND	64
#define ACCEPT_PAUSE_MS 100
#define WHO_MS		5000

struct newcomer {
	struct proxy *proxy;
	struct who who;
	struct deadline deadline;
	int fd;
	uint16_t port;
};

static void let_in(struct proxy *p, int fd, uint16_t peer_port)
{
	int one = 1, idle = 60;
	struct stream *s;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	/* A client whose machine vanished is noticed even in a silent tunnel. */
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	s = stream_open(&p->loop, fd, NULL);
	if (!s) {
		p->connections--;
		return;
	}
	h1_server_start(p, s, NULL, peer_port, ++p->next_connection);
}

static void on_who(struct who *w, int32_t pid)
{
	struct newcomer *n = w->data;
	struct proxy *p = n->proxy;

	deadline_clear(p, &n->deadline);
	if (pid > 0) {
		let_in(p, n->fd, n->port);
	} else {
		close(n->fd);
		p->connections--;
		listener_update(p);
	}
	free(n);
}

static void on_no_answer(struct deadline *d)
{
	struct newcomer *n =
	    (struct newcomer *)(void *)((char *)d - offsetof(struct newcomer, deadline));

	who_drop(&n->who);
	on_who(&n->who, 0);
}

static void check(struct proxy *p, int fd, uint16_t port)
{
	struct newcomer *n = xcalloc(1, sizeof(*n));

	*n = (struct newcomer){.proxy = p, .fd = fd, .port = port};
	n->who.answered = on_who;
	n->who.data = n;
	deadline_set(p, &n->deadline, WHO_MS, on_no_answer);
	who_start(p, &n->who, port);
}

static void on_again(struct deadline *d)
{
	struct proxy *p =
	    (struct proxy *)(void *)((char *)d - offsetof(struct proxy, accept_again));

	listener_update(p);
}

static uint16_t port_of(const struct sockaddr_storage *a)
{
	if (a->ss_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)(const void *)a)->sin_port);
	if (a->ss_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)(const void *)a)->sin6_port);
	return 0;
}

static void on_listener(uv_poll_t *h, _unused_ int status, _unused_ int events)
{
	struct proxy *p = h->data;

	for (int i = 0; i < ACCEPT_ROUND && p->listening; i++) {
		struct sockaddr_storage from;
		socklen_t n = sizeof(from);
		int fd = accept4(p->listen_fd, (struct sockaddr *)&from, &n,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			    errno == ENOMEM) {
				deadline_set(p, &p->accept_again, ACCEPT_PAUSE_MS, on_again);
				listener_update(p);
			}
			return;
		}
		p->connections++;
		if (p->config->check_peer)
			check(p, fd, port_of(&from));
		else
			let_in(p, fd, port_of(&from));
		listener_update(p);
	}
}

void listener_update(struct proxy *p)
{
	bool on = p->listen_fd >= 0 && p->connections < p->max_connections && !link_full(p) &&
		  !p->accept_again.prev;

	if (on == p->listening)
		return;
	p->listening = on;
	if (on)
		uv_poll_start(&p->listener, UV_READABLE, on_listener);
	else
		uv_poll_stop(&p->listener);
}

int listener_start(struct proxy *p, struct err *err)
{
	int rc = uv_poll_init(&p->loop.uv, &p->listener, p->listen_fd);

	if (rc < 0)
		return err_set(err, "Watching the listening socket: %s", uv_strerror(rc));
	p->listener.data = p;
	listener_update(p);
	return 0;
}
