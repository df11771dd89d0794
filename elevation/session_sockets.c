/*
 * Sockets that the broker hands to the program, or uses for it, live in the session's network: a
 * socket of the host's would tell the names of the host's interfaces (netdevice(7)) and reach its
 * abstract names. The broker can't enter that network; the session's init is in it, and makes them.
 *
 * An order is one byte, the answer one byte with the sockets, or without any where the kernel gave
 * none. Nothing else is ever read there.
 *
 * Sources: unix(7), network_namespaces(7).
 */
#include "elevation/perform.h"

#include <poll.h>

#define ANSWER_MS 5000 /* a busy machine; init does nothing that takes time */

enum { MAKE_PAIR = 'p', MAKE_DATAGRAM = 'd' };

struct session_sockets {
	pthread_mutex_t lock; /* one order at a time */
	bool over;	      /* no answer came */
};

/* ---- init's side --------------------------------------------------------------------------- */

static size_t make(char order, int fds[2])
{
	if (order == MAKE_PAIR)
		return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0 ? 0 : 2;
	fds[0] = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return fds[0] < 0 ? 0 : 1;
}

bool elevation_make_sockets(int fd)
{
	char order;
	ssize_t n = recv(fd, &order, 1, MSG_DONTWAIT);
	struct iovec v = {&order, 1};
	size_t made;
	int fds[2];

	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	made = make(order, fds);
	n = fds_send(fd, &v, 1, fds, made, MSG_DONTWAIT);
	while (made)
		close(fds[--made]);
	return n == 1;
}

/* ---- the broker's side ---------------------------------------------------------------------- */

static size_t take(int fd, int fds[2])
{
	char byte;
	struct iovec v = {&byte, 1};
	size_t n = 0;

	fds_recv(fd, &v, 1, fds, 2, &n, 0);
	return n;
}

/* An answer that comes too late would be taken for the next one's: then no more are asked for. */
static size_t ask(const struct elevation *e, char order, int fds[2])
{
	const int maker = e->cfg.socket_maker;
	struct pollfd p = {.fd = maker, .events = POLLIN};
	size_t n = 0;
	int r;

	pthread_mutex_lock(&e->sockets->lock);
	if (!e->sockets->over && send(maker, &order, 1, MSG_NOSIGNAL) == 1) {
		do
			r = poll(&p, 1, ANSWER_MS);
		while (r < 0 && errno == EINTR);
		if (r > 0)
			n = take(maker, fds);
		e->sockets->over = r <= 0;
	}
	pthread_mutex_unlock(&e->sockets->lock);
	return n;
}

struct session_sockets *session_sockets_new(void)
{
	struct session_sockets *s = xcalloc(1, sizeof(*s));

	pthread_mutex_init(&s->lock, NULL);
	return s;
}

void session_sockets_free(struct session_sockets *s)
{
	if (!s)
		return;
	pthread_mutex_destroy(&s->lock);
	free(s);
}

bool session_has_network(const struct elevation *e)
{
	return e->cfg.socket_maker > 0;
}

int session_pair(const struct elevation *e, int pair[2])
{
	size_t n;

	if (!session_has_network(e))
		return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ? errno : 0;
	n = ask(e, MAKE_PAIR, pair);
	if (n == 1)
		close(pair[0]);
	return n == 2 ? 0 : ENOBUFS;
}

int session_datagram(const struct elevation *e, int *err)
{
	int fds[2];
	size_t n;

	if (!session_has_network(e)) {
		fds[0] = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		*err = fds[0] < 0 ? errno : 0;
		return fds[0];
	}
	n = ask(e, MAKE_DATAGRAM, fds);
	if (n == 2)
		close(fds[1]);
	*err = n ? 0 : ENOBUFS;
	return n ? fds[0] : -1;
}
