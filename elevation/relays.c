/*
 * Packets between the program's stand-ins (datagrams.c) and the datagram sockets of the broker's
 * that are connected, or have a name, for them. A packet is looked at, sent on, and only then
 * taken: what a slow listener does not want yet waits in the sender's own socket, and the sender
 * with it, but nobody else. Only a socket with a name gets packets for the program. Addresses and
 * descriptors that come along go no further.
 *
 * Sources: unix(7), epoll(7), recv(2).
 */
#include "elevation/perform.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>

#define RELAYS_MAX  128
#define EVENTS_MAX  16
#define TURN	    16		 /* packets before others have theirs */
#define LAST_TURNS  1024	 /* of TURN, at the end of a session */
#define LAST_NS	    500000000ull /* for all together */
#define PACKET_MAX  (128u * 1024)
#define SEND_BUFFER (PACKET_MAX / 2) /* the kernel doubles it: nothing larger is sent */

enum side { OURS = 0, THEIRS }; /* the stand-in's other end; the datagram socket */

struct relay {
	int fd[2];	  /* by side, -1: free */
	uint32_t seen[2]; /* what epoll watches there */
	bool full[2];	  /* that side takes no more for now */
	bool named;	  /* the datagram socket has a name: packets come, too */
	ino_t stand_in;	  /* the program's end */
};

struct relays {
	pthread_mutex_t lock;
	unsigned n; /* atomic */
	int epoll_fd;
	char *packet;
	struct relay list[RELAYS_MAX];
};

static const struct relay nothing = {.fd = {-1, -1}};

struct relays *relays_new(void)
{
	struct relays *s = xcalloc(1, sizeof(*s));

	pthread_mutex_init(&s->lock, NULL);
	s->epoll_fd = -1;
	for (size_t i = 0; i < RELAYS_MAX; i++)
		s->list[i] = nothing;
	return s;
}

static bool is_free(const struct relay *r)
{
	return r->fd[OURS] < 0;
}

/* ---- who is watched ------------------------------------------------------------------------ */

static int watch_side(struct relays *s, struct relay *r, enum side side, uint32_t want)
{
	struct epoll_event ev = {.events = want, .data.u32 = (uint32_t)(r - s->list) * 2 + side};
	const int op = !r->seen[side] ? EPOLL_CTL_ADD : want ? EPOLL_CTL_MOD : EPOLL_CTL_DEL;

	if (want == r->seen[side])
		return 0;
	if (epoll_ctl(s->epoll_fd, op, r->fd[side], &ev) < 0)
		return -1;
	r->seen[side] = want;
	return 0;
}

static uint32_t wanted(const struct relay *r, enum side side)
{
	const bool reads = side == OURS || r->named;

	return (reads && !r->full[!side] ? EPOLLIN : 0) | (r->full[side] ? EPOLLOUT : 0);
}

/* Where both directions wait there is only the end to be told of, by the one that is full. */
static int watch(struct relays *s, struct relay *r)
{
	return watch_side(s, r, OURS, wanted(r, OURS)) < 0 ||
		       watch_side(s, r, THEIRS, wanted(r, THEIRS)) < 0
		   ? -1
		   : 0;
}

static void relay_close(struct relays *s, struct relay *r)
{
	/* Somebody may hold another descriptor of it for a moment. */
	watch_side(s, r, OURS, 0);
	watch_side(s, r, THEIRS, 0);
	close(r->fd[OURS]);
	close(r->fd[THEIRS]);
	*r = nothing;
	__atomic_sub_fetch(&s->n, 1, __ATOMIC_RELAXED);
}

static bool left_alone(const struct relay *r)
{
	struct pollfd p = {.fd = r->fd[OURS], .events = POLLRDHUP};

	return poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

/* ---- packets ------------------------------------------------------------------------------- */

enum step { STEP_DONE, STEP_EMPTY, STEP_FULL, STEP_OVER };

/* STEP_DONE: the packet is lost, as any datagram may be. */
static enum step refused(const struct relay *r, enum side from, int err)
{
	if (err == EAGAIN || err == EINTR)
		return STEP_FULL;
	if (err == EMSGSIZE || err == ENOBUFS || (from == OURS && r->named))
		return STEP_DONE;
	return STEP_OVER; /* nobody listens any more */
}

static enum step pass_one(const struct relays *s, const struct relay *r, enum side from)
{
	const int in = r->fd[from], out = r->fd[!from];
	ssize_t n = recv(in, s->packet, PACKET_MAX, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
	enum step step = STEP_DONE;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR || from == THEIRS ? STEP_EMPTY : STEP_OVER;
	if (n == 0 && from == OURS && left_alone(r))
		return STEP_OVER;
	if ((size_t)n <= PACKET_MAX &&
	    send(out, s->packet, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		step = refused(r, from, errno);
	if (step != STEP_DONE)
		return step;
	return recv(in, s->packet, 1, MSG_DONTWAIT) < 0 ? STEP_OVER : STEP_DONE;
}

/* One direction. False: for now there is no more to do. */
static bool turn(struct relays *s, struct relay *r, enum side from)
{
	r->full[!from] = false;
	for (int i = 0; i < TURN; i++) {
		switch (pass_one(s, r, from)) {
		case STEP_DONE:
			break;
		case STEP_EMPTY:
			return false;
		case STEP_FULL:
			r->full[!from] = true;
			return false;
		case STEP_OVER:
			relay_close(s, r);
			return false;
		}
	}
	return true;
}

static bool turn_both(struct relays *s, struct relay *r)
{
	bool more = turn(s, r, OURS);

	if (!is_free(r) && r->named)
		more |= turn(s, r, THEIRS);
	if (!is_free(r) && watch(s, r) < 0)
		relay_close(s, r);
	return more && !is_free(r);
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
		struct relay *r = &s->list[events[i].data.u32 / 2];

		if (!is_free(r))
			turn_both(s, r);
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
		if (is_free(&s->list[i]))
			return &s->list[i];
	for (size_t i = 0; i < RELAYS_MAX; i++)
		if (left_alone(&s->list[i])) {
			relay_close(s, &s->list[i]);
			return &s->list[i];
		}
	return NULL;
}

static int add(const struct elevation *e, struct relays *s, const struct relay *given)
{
	struct relay *r;

	if (prepare(e, s) < 0 || !(r = slot(s)))
		return ENOBUFS;
	*r = *given;
	if (watch(s, r) < 0) {
		watch_side(s, r, OURS, 0);
		*r = nothing;
		return ENOBUFS;
	}
	__atomic_add_fetch(&s->n, 1, __ATOMIC_RELAXED);
	return 0;
}

int relays_add(const struct elevation *e, int to, bool named, int *theirs)
{
	const int size = SEND_BUFFER;
	struct relays *s = e->relays;
	struct stat st;
	int pair[2], err = session_pair(e, pair);

	if (err)
		return err;
	if (setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) < 0 ||
	    fstat(pair[0], &st) < 0) {
		err = errno;
	} else {
		const struct relay r = {.fd = {pair[1], to}, .named = named, .stand_in = st.st_ino};

		pthread_mutex_lock(&s->lock);
		err = add(e, s, &r);
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

/* With the lock held. */
static struct relay *find(struct relays *s, int stand_in)
{
	struct stat st;

	if (fstat(stand_in, &st) < 0)
		return NULL;
	for (size_t i = 0; i < RELAYS_MAX; i++)
		if (!is_free(&s->list[i]) && s->list[i].stand_in == st.st_ino)
			return &s->list[i];
	return NULL;
}

int relays_socket(const struct elevation *e, int stand_in, bool *named)
{
	struct relays *s = e->relays;
	const struct relay *r;
	int fd = -1;

	*named = false;
	pthread_mutex_lock(&s->lock);
	r = find(s, stand_in);
	if (r) {
		*named = r->named;
		fd = fcntl(r->fd[THEIRS], F_DUPFD_CLOEXEC, 3);
	}
	pthread_mutex_unlock(&s->lock);
	return fd;
}

void relays_named(const struct elevation *e, int stand_in)
{
	struct relays *s = e->relays;
	struct relay *r;

	pthread_mutex_lock(&s->lock);
	r = find(s, stand_in);
	if (r) {
		r->named = true;
		if (watch(s, r) < 0)
			relay_close(s, r);
	}
	pthread_mutex_unlock(&s->lock);
}

/* What was sent just before the end; a listener that is busy gets a moment. */
static void finish(struct relays *s, struct relay *r, uint64_t until_ns)
{
	for (int n = 0; !is_free(r) && n < LAST_TURNS; n++) {
		const uint64_t now = clock_mono_ns();
		struct pollfd p = {.fd = r->fd[THEIRS], .events = POLLOUT};

		if (turn(s, r, OURS))
			continue;
		if (is_free(r) || !r->full[THEIRS] || now >= until_ns)
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
		if (!is_free(&s->list[i]))
			relay_close(s, &s->list[i]);
	}
	if (s->epoll_fd >= 0)
		close(s->epoll_fd);
	free(s->packet);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
