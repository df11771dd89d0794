/*
 * The way back of a login in the user's browser: its answer comes to a port of this machine, and
 * the program that waits for it listens in the session's own network. Sockets of that network were
 * made when the session was (network.h, NET_FD_WAYS); here they are connected, one for each
 * connection of the browser, and used again.
 */
#include "network/proxy/proxy.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define LISTENERS_MAX 4
#define CONNECT_MS    5000

struct callback_way {
	int fd;
	int family;
	bool busy;
};

/* Of one port. */
struct callback_port {
	struct callbacks *all;
	uint16_t port;
	int fds[2];
	uv_poll_t polls[2];
	unsigned n, open; /* sockets; those that libuv still holds */
	struct deadline deadline;
	char site[NET_NAME_MAX]; /* the login is its */
};

struct callbacks {
	struct proxy *proxy;
	struct callback_way ways[NET_WAYS];
	size_t n;
	struct callback_port *ports[LISTENERS_MAX];
};

/* A connection that is not through yet. */
struct arrival {
	struct callbacks *all;
	struct stream *outer, *inner;
	struct callback_way *way;
	struct deadline deadline;
	uint16_t port;
	char site[NET_NAME_MAX];
};

/* ---- sockets of the session's network ---- */

void callback_start(struct proxy *p, int fd)
{
	char byte;
	struct iovec v = {&byte, 1};
	int fds[NET_WAYS];
	struct callbacks *all;
	size_t n_fds;

	if (fds_recv(fd, &v, 1, fds, NET_WAYS, &n_fds, MSG_DONTWAIT) <= 0 || !n_fds)
		return;
	all = xcalloc(1, sizeof(*all));
	all->proxy = p;
	all->n = n_fds;
	for (size_t i = 0; i < all->n; i++) {
		struct callback_way *w = &all->ways[i];
		socklen_t n = sizeof(w->family);

		w->fd = fds[i];
		w->busy = getsockopt(w->fd, SOL_SOCKET, SO_DOMAIN, &w->family, &n) < 0;
	}
	p->callbacks = all;
}

bool callback_possible(const struct proxy *p)
{
	return p->callbacks;
}

static struct callback_way *free_way(struct callbacks *all, int family)
{
	for (size_t i = 0; i < all->n; i++)
		if (!all->ways[i].busy && all->ways[i].family == family)
			return &all->ways[i];
	return NULL;
}

/* Unconnected, whatever was with it. */
static void give_back(void *data)
{
	struct callback_way *w = data;
	struct sockaddr none = {.sa_family = AF_UNSPEC};

	if (connect(w->fd, &none, sizeof(none)) == 0)
		w->busy = false;
}

/* ---- one connection ---- */

static void on_refused(struct arrival *a);

static void forget(struct arrival *a)
{
	deadline_clear(a->all->proxy, &a->deadline);
	free(a);
}

static void give_up(struct arrival *a)
{
	struct proxy *p = a->all->proxy;

	stream_close(a->inner);
	if (a->way)
		give_back(a->way);
	stream_close(a->outer);
	forget(a);
	p->connections--;
	listener_update(p);
}

static void on_late(struct deadline *d)
{
	give_up((struct arrival *)(void *)((char *)d - offsetof(struct arrival, deadline)));
}

static void through(struct arrival *a)
{
	struct proxy *p = a->all->proxy;
	struct net_event e = {.mode = NET_MODE_CALLBACK,
			      .port = a->port,
			      .connection = ++p->next_connection,
			      .time_ns = clock_real_ns()};
	struct tunnel *t;

	str_copy(e.host, sizeof(e.host), "localhost");
	snprintf(e.rule, sizeof(e.rule), "the answer to a login at %s", a->site);
	link_event(p, &e);
	/* The session's program is the agent's side, though it was called. */
	t = tunnel_start(p, a->inner, a->outer, &e, clock_mono_ns(), NULL);
	tunnel_on_end(t, give_back, a->way);
	forget(a);
}

static void on_connect(struct stream *s, _unused_ unsigned what)
{
	struct arrival *a = s->data;
	socklen_t n = sizeof(int);
	int code = 0;

	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &code, &n) < 0 || code)
		on_refused(a);
	else
		through(a);
}

static void dial(struct arrival *a, int family)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET,
				 .sin_port = htons(a->port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
				  .sin6_port = htons(a->port),
				  .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	bool six = family == AF_INET6;
	int fd;

	a->way = free_way(a->all, family);
	fd = a->way ? fcntl(a->way->fd, F_DUPFD_CLOEXEC, 0) : -1;
	a->inner = fd >= 0 ? stream_open(&a->all->proxy->loop, fd, NULL) : NULL;
	if (!a->inner) {
		a->way = NULL;
		give_up(a);
		return;
	}
	a->way->busy = true;
	a->inner->data = a;
	a->inner->ready = on_connect;
	if (connect(fd, six ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4,
		    six ? sizeof(v6) : sizeof(v4)) < 0 &&
	    errno != EINPROGRESS) {
		on_refused(a);
		return;
	}
	stream_watch(a->inner, STREAM_WRITE);
}

/* It may listen at the other address. */
static void on_refused(struct arrival *a)
{
	bool last = a->way->family == AF_INET6;

	stream_close(STEAL_PTR(a->inner));
	give_back(STEAL_PTR(a->way));
	if (last)
		give_up(a);
	else
		dial(a, AF_INET6);
}

static void arrive(struct callback_port *port, int fd)
{
	struct proxy *p = port->all->proxy;
	struct arrival *a = xcalloc(1, sizeof(*a));

	a->all = port->all;
	a->port = port->port;
	str_copy(a->site, sizeof(a->site), port->site);
	p->connections++;
	deadline_set(p, &a->deadline, CONNECT_MS, on_late);
	a->outer = stream_open(&p->loop, fd, NULL);
	if (a->outer)
		dial(a, AF_INET);
	else
		give_up(a);
}

/* ---- a port ---- */

static void on_port(uv_poll_t *h, _unused_ int status, _unused_ int events)
{
	struct callback_port *port = h->data;
	struct proxy *p = port->all->proxy;

	for (unsigned i = 0; i < port->n; i++) {
		int fd = accept4(port->fds[i], NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0)
			continue;
		if (p->connections < p->max_connections && !link_full(p))
			arrive(port, fd);
		else
			close(fd);
	}
}

static void on_closed(uv_handle_t *h)
{
	struct callback_port *port = h->data;

	if (--port->open)
		return;
	free(port);
}

static void stop(struct callback_port *port)
{
	struct callbacks *all = port->all;

	for (size_t i = 0; i < LISTENERS_MAX; i++)
		if (all->ports[i] == port)
			all->ports[i] = NULL;
	deadline_clear(all->proxy, &port->deadline);
	for (unsigned i = 0; i < port->n; i++) {
		uv_close((uv_handle_t *)&port->polls[i], on_closed);
		close(port->fds[i]);
	}
}

static void on_over(struct deadline *d)
{
	stop(
	    (struct callback_port *)(void *)((char *)d - offsetof(struct callback_port, deadline)));
}

/* Where the new one goes: in place of the one that is over first. */
static struct callback_port **place(struct callbacks *all)
{
	struct callback_port **at = &all->ports[0];

	for (size_t i = 0; i < LISTENERS_MAX; i++) {
		if (!all->ports[i])
			return &all->ports[i];
		if (all->ports[i]->deadline.at_ms < (*at)->deadline.at_ms)
			at = &all->ports[i];
	}
	stop(*at);
	return at;
}

bool callback_renew(struct proxy *p, uint16_t number)
{
	for (size_t i = 0; p->callbacks && i < LISTENERS_MAX; i++) {
		struct callback_port *port = p->callbacks->ports[i];

		if (!port || port->port != number)
			continue;
		deadline_set(p, &port->deadline, CALLBACK_MS, on_over);
		return true;
	}
	return false;
}

void callback_listen(struct proxy *p, uint16_t number, const int fds[2], const char *site)
{
	struct callback_port *port = xcalloc(1, sizeof(*port));

	port->all = p->callbacks;
	port->port = number;
	str_copy(port->site, sizeof(port->site), site);
	for (size_t i = 0; i < 2; i++) {
		uv_poll_t *poll = &port->polls[port->n];

		if (fds[i] < 0)
			continue;
		if (uv_poll_init(&p->loop.uv, poll, fds[i]) < 0) {
			close(fds[i]);
			continue;
		}
		poll->data = port;
		uv_poll_start(poll, UV_READABLE, on_port);
		port->fds[port->n++] = fds[i];
	}
	port->open = port->n;
	if (!port->n) {
		free(port);
		return;
	}
	*place(p->callbacks) = port;
	deadline_set(p, &port->deadline, CALLBACK_MS, on_over);
}
