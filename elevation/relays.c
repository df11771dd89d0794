/*
 * Packets of the program's stand-ins (datagrams.c) on their way to the sockets that they were
 * connected to. A packet is looked at, sent on, and only then taken: what a slow listener does not
 * want yet waits in the program's own socket, and the program with it, but nobody else. Addresses
 * and descriptors that come along go no further.
 *
 * Sources: unix(7), epoll(7), recv(2).
 */
#include "elevation/perform.h"

#include <poll.h>
#include <sys/epoll.h>

#define RELAYS_MAX  128
#define EVENTS_MAX  16
#define TURN	    16		 /* packets before others have theirs */
#define LAST_TURNS  1024	 /* of TURN, at the end of a session */
#define LAST_NS	    500000000ull /* for all together */
#define PACKET_MAX  (128u * 1024)
#define SEND_BUFFER (PACKET_MAX / 2) /* the kernel doubles it: nothing larger is sent */

struct relay {
	int from, to; /* -1: free */
	bool waiting; /* for the listener: then only that end is watched, else only the other */
};

struct relays {
	pthread_mutex_t lock;
	unsigned n; /* atomic */
	int epoll_fd;
	char *packet;
	struct relay list[RELAYS_MAX];
};

struct relays *relays_new(void)
{
	struct relays *s = xcalloc(1, sizeof(*s));

	pthread_mutex_init(&s->lock, NULL);
	s->epoll_fd = -1;
	for (size_t i = 0; i < RELAYS_MAX; i++)
		s->list[i].from = s->list[i].to = -1;
	return s;
}

/* Also takes it out of the epoll set. */
static void relay_close(struct relays *s, struct relay *r)
{
	close(r->from);
	close(r->to);
	*r = (struct relay){.from = -1, .to = -1};
	__atomic_sub_fetch(&s->n, 1, __ATOMIC_RELAXED);
}

static int watch(struct relays *s, const struct relay *r)
{
	struct epoll_event ev = {.events = r->waiting ? EPOLLOUT : EPOLLIN,
				 .data.u32 = (uint32_t)(r - s->list)};

	return epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, r->waiting ? r->to : r->from, &ev);
}

static void wait_for(struct relays *s, struct relay *r, bool listener)
{
	if (r->waiting == listener)
		return;
	epoll_ctl(s->epoll_fd, EPOLL_CTL_DEL, r->waiting ? r->to : r->from, NULL);
	r->waiting = listener;
	if (watch(s, r) < 0)
		relay_close(s, r);
}

static bool left_alone(const struct relay *r)
{
	struct pollfd p = {.fd = r->from, .events = POLLRDHUP};

	return poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

/* ---- packets ------------------------------------------------------------------------------- */

enum step { STEP_DONE, STEP_EMPTY, STEP_FULL, STEP_OVER };

static enum step pass_one(const struct relays *s, const struct relay *r)
{
	ssize_t n = recv(r->from, s->packet, PACKET_MAX, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? STEP_EMPTY : STEP_OVER;
	if (n == 0 && left_alone(r))
		return STEP_OVER;
	if ((size_t)n <= PACKET_MAX &&
	    send(r->to, s->packet, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		if (errno == EAGAIN || errno == EINTR)
			return STEP_FULL;
		if (errno != EMSGSIZE && errno != ENOBUFS)
			return STEP_OVER; /* nobody listens any more */
	}
	return recv(r->from, s->packet, 1, MSG_DONTWAIT) < 0 ? STEP_OVER : STEP_DONE;
}

/* False: for now there is no more to do. */
static bool turn(struct relays *s, struct relay *r)
{
	for (int i = 0; i < TURN; i++) {
		switch (pass_one(s, r)) {
		case STEP_DONE:
			break;
		case STEP_EMPTY:
			wait_for(s, r, false);
			return false;
		case STEP_FULL:
			wait_for(s, r, true);
			return false;
		case STEP_OVER:
			relay_close(s, r);
			return false;
		}
	}
	wait_for(s, r, false);
	return r->from >= 0;
}

void relays_dispatch(struct relays *s)
{
	struct epoll_event events[EVENTS_MAX];
	int n;

	if (!__atomic_load_n(&s->n, __ATOMIC_RELAXED))
		return;
	pthread_mutex_lock(&s->lock);
	n = epoll_wait(s->epoll_fd, events, EVENTS_MAX, 0);
	for (int i = 0; i < n; i++) {
		struct relay *r = &s->list[events[i].data.u32];

		if (r->from >= 0)
			turn(s, r);
	}
	pthread_mutex_unlock(&s->lock);
}

/* ---- life ---------------------------------------------------------------------------------- */

/* With the lock held. The loop watches the set from the first relay on. */
static int prepare(const struct elevation *e, struct relays *s)
{
	struct epoll_event ev = {.events = EPOLLIN};

	if (s->epoll_fd >= 0)
		return 0;
	_cleanup_close_ int fd = epoll_create1(EPOLL_CLOEXEC);
	ev.data.fd = fd;
	if (fd < 0 || epoll_ctl(e->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0)
		return -1;
	s->packet = xcalloc(1, PACKET_MAX);
	s->epoll_fd = STEAL_FD(fd);
	return 0;
}

/* A free one, or one whose program is gone. */
static struct relay *slot(struct relays *s)
{
	for (size_t i = 0; i < RELAYS_MAX; i++)
		if (s->list[i].from < 0)
			return &s->list[i];
	for (size_t i = 0; i < RELAYS_MAX; i++)
		if (left_alone(&s->list[i])) {
			relay_close(s, &s->list[i]);
			return &s->list[i];
		}
	return NULL;
}

static int add(const struct elevation *e, struct relays *s, int from, int to)
{
	struct relay *r;

	if (prepare(e, s) < 0 || !(r = slot(s)))
		return ENOBUFS;
	*r = (struct relay){.from = from, .to = to};
	if (watch(s, r) < 0) {
		*r = (struct relay){.from = -1, .to = -1};
		return ENOBUFS;
	}
	__atomic_add_fetch(&s->n, 1, __ATOMIC_RELAXED);
	return 0;
}

int relays_add(const struct elevation *e, int to, int *theirs)
{
	const int size = SEND_BUFFER;
	struct relays *s = e->relays;
	int pair[2], err;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return errno;
	if (setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) < 0) {
		err = errno;
	} else {
		pthread_mutex_lock(&s->lock);
		err = add(e, s, pair[1], to);
		pthread_mutex_unlock(&s->lock);
	}
	if (err) {
		close(pair[0]);
		close(pair[1]);
		return err;
	}
	*theirs = pair[0];
	return 0;
}

/* What was sent just before the end; a listener that is busy gets a moment. */
static void finish(struct relays *s, struct relay *r, uint64_t until_ns)
{
	for (int n = 0; r->from >= 0 && n < LAST_TURNS; n++) {
		const uint64_t now = clock_mono_ns();
		struct pollfd p = {.fd = r->to, .events = POLLOUT};

		if (turn(s, r))
			continue;
		if (r->from < 0 || !r->waiting || now >= until_ns)
			return;
		(void)poll(&p, 1, (int)((until_ns - now) / 1000000) + 1);
	}
}

void relays_free(struct relays *s)
{
	const uint64_t until_ns = clock_mono_ns() + LAST_NS;

	if (!s)
		return;
	for (size_t i = 0; i < RELAYS_MAX; i++) {
		finish(s, &s->list[i], until_ns);
		if (s->list[i].from >= 0)
			relay_close(s, &s->list[i]);
	}
	if (s->epoll_fd >= 0)
		close(s->epoll_fd);
	free(s->packet);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
