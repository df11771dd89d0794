/*
 * Unix datagram sockets. With a real one a program could send to any name, since each message may
 * carry an address that no filter sees. It gets a stand-in: one end of a pair of seqpacket sockets,
 * whose messages the kernel sends to the other end alone, whatever address they carry. A stand-in
 * that is not connected has no other end. On connect and on bind the broker does that with a
 * datagram socket of its own and puts another stand-in in the place of the program's, whose packets
 * it passes on (relays.c). What is sent to an address is judged like connect, and sent by the
 * broker.
 *
 * A stand-in is known by its peer's credentials, which are those of who made it, the broker or the
 * session's init (session_sockets.c), and stay so. (The same is true of what a program accepted
 * from a connection that the broker made for another: there too it says nothing but that a call is
 * judged.)
 *
 * Sources: unix(7), socket(7), sendto(2), sendmmsg(2), seccomp_unotify(2).
 */
#include "elevation/engine.h"
#include "elevation/perform.h"

#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <sys/syscall.h>

#define MESSAGE_MAX 65536u
#define PIECES_MAX  1024u /* as the kernel */
#define PATIENCE_MS 1000  /* of a worker, for a listener that is busy */

bool datagram_stands_in(const struct elevation *e, int fd)
{
	struct ucred peer;
	socklen_t n = sizeof(peer);

	return socket_option(fd, SO_DOMAIN) == AF_UNIX &&
	       socket_option(fd, SO_TYPE) == SOCK_SEQPACKET &&
	       getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 &&
	       (peer.pid == getpid() || (session_has_network(e) && peer.pid == e->cfg.init_pid));
}

bool datagram_wanted(const struct elevation *e)
{
	return e->cfg.policy->n_unix_sockets || e->cfg.policy->elevation;
}

/* ---- making -------------------------------------------------------------------------------- */

static int make_pair(const struct elevation *e, const struct call *c, int pair[2])
{
	const int type = (int)c->args[1], protocol = (int)c->args[2];
	int err;

	if (protocol && protocol != PF_UNIX)
		return EPROTONOSUPPORT;
	if (type & ~(SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK))
		return EINVAL;
	err = session_pair(e, pair);
	if (!err && (type & SOCK_NONBLOCK) &&
	    (fcntl(pair[0], F_SETFL, O_NONBLOCK) < 0 || fcntl(pair[1], F_SETFL, O_NONBLOCK) < 0)) {
		err = errno;
		close(pair[0]);
		close(pair[1]);
	}
	return err;
}

void datagram_socket(const struct elevation *e, const struct call *c, struct answer *out)
{
	int pair[2];

	out->err = make_pair(e, c, pair);
	if (out->err)
		return;
	close(pair[1]);
	out->fd = pair[0];
	out->cloexec = (int)c->args[1] & SOCK_CLOEXEC;
}

void datagram_pair(const struct elevation *e, const struct call *c, struct answer *out)
{
	const bool cloexec = (int)c->args[1] & SOCK_CLOEXEC;
	int numbers[2] = {-1, -1}, pair[2];

	/* Whether it can be told must be known before the program has them. */
	if (memory_write(e, c, c->args[3], numbers, sizeof(numbers)) < 0) {
		out->err = EFAULT;
		return;
	}
	out->err = make_pair(e, c, pair);
	if (out->err)
		return;
	for (int i = 0; i < 2 && !out->err; i++) {
		numbers[i] = call_give(e, c, pair[i], cloexec);
		out->err = numbers[i] < 0 ? errno : 0;
	}
	close(pair[0]);
	close(pair[1]);
	if (!out->err && memory_write(e, c, c->args[3], numbers, sizeof(numbers)) < 0)
		out->err = EFAULT;
}

/* ---- reaching ------------------------------------------------------------------------------ */

struct target {
	struct sockaddr_storage addr;
	socklen_t n;
	bool of_host; /* a name of the host's network */
};

/* What was judged, as the broker may use it; 0 or an errno. */
static int target_of(const struct elevation *e, const struct call *c, struct target *t)
{
	struct sockaddr_un *path = (struct sockaddr_un *)&t->addr;

	*t = (struct target){.addr = c->addr, .n = c->addr_len};
	if (!call_has_path(c)) {
		t->of_host = abstract_granted(e, c);
		return t->of_host || session_has_network(e) ? 0 : EACCES;
	}
	if (c->a.err || c->a.fd < 0)
		return c->a.err ? c->a.err : ENOENT;
	if (!S_ISSOCK(c->a.st.st_mode))
		return ECONNREFUSED;
	*path = (struct sockaddr_un){.sun_family = AF_UNIX};
	fd_path(path->sun_path, c->a.fd);
	t->n = sizeof(*path);
	return 0;
}

/* A datagram socket of the broker's, connected to what was judged; -1 with *err. */
static int reach(const struct elevation *e, const struct target *t, int *err)
{
	_cleanup_close_ int fd = t->of_host
				     ? socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)
				     : session_datagram(e, err);

	if (fd < 0 && t->of_host)
		*err = errno;
	else if (fd >= 0)
		*err = connect(fd, (const struct sockaddr *)&t->addr, t->n) < 0 ? errno : 0;
	return *err ? -1 : STEAL_FD(fd);
}

/* theirs takes the place of the program's fd. */
static void hand_over(const struct call *c, int fd, int theirs, struct answer *out)
{
	const int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || ((flags & O_NONBLOCK) && fcntl(theirs, F_SETFL, O_NONBLOCK) < 0)) {
		close(theirs);
		out->err = EACCES;
		return;
	}
	out->fd = theirs;
	out->cloexec = socket_closes_on_exec(c);
	out->in_place = true;
}

void datagram_connect(const struct elevation *e, const struct call *c, int fd, struct answer *out)
{
	bool named;
	_cleanup_close_ int own = relays_socket(e, fd, &named), to = -1;
	struct target t;
	int theirs;

	out->err = target_of(e, c, &t);
	if (out->err)
		return;
	if (named) {
		out->err = connect(own, (const struct sockaddr *)&t.addr, t.n) < 0 ? errno : 0;
		return;
	}
	to = reach(e, &t, &out->err);
	if (to < 0)
		return;
	out->err = relays_add(e, to, false, &theirs);
	if (out->err)
		return;
	STEAL_FD(to);
	hand_over(c, fd, theirs, out);
}

bool datagram_may_bind(const struct elevation *e, const struct call *c)
{
	return session_has_network(e) || abstract_granted(e, c);
}

void datagram_bind(const struct elevation *e, struct call *c, int fd, struct answer *out)
{
	bool named;
	_cleanup_close_ int old = relays_socket(e, fd, &named);
	_cleanup_close_ int made = old < 0 ? session_datagram(e, &out->err) : -1;
	const int to = old < 0 ? made : old;
	int theirs;

	if (to < 0)
		return;
	if (named)
		out->err = EINVAL;
	else if (call_has_path(c))
		out->err = socket_bind_path(e, c, to);
	else if (!datagram_may_bind(e, c))
		out->err = EACCES;
	else if (bind(to, (const struct sockaddr *)&c->addr, c->addr_len) < 0)
		out->err = errno;
	if (out->err)
		return;
	if (old >= 0) {
		relays_named(e, fd);
		return;
	}
	out->err = relays_add(e, made, true, &theirs);
	if (out->err)
		return;
	STEAL_FD(made);
	hand_over(c, fd, theirs, out);
}

/* ---- sending to an address ----------------------------------------------------------------- */

struct message {
	char *data;
	size_t n;
	int flags;
};

static void message_free(struct message *m)
{
	free(m->data);
}

static int gather(const struct call *c, const struct iovec *v, size_t n, struct message *m)
{
	size_t total = 0;

	for (size_t i = 0; i < n; i++) {
		if (v[i].iov_len > MESSAGE_MAX - total)
			return EMSGSIZE;
		total += v[i].iov_len;
	}
	m->data = malloc(total + 1);
	if (!m->data)
		return ENOBUFS;
	for (size_t i = 0; i < n; i++) {
		if (v[i].iov_len && memory_read(c, (uint64_t)(uintptr_t)v[i].iov_base,
						m->data + m->n, v[i].iov_len) < 0)
			return EFAULT;
		m->n += v[i].iov_len;
	}
	return 0;
}

/* Read anew: what is sent is the program's affair, where to was judged. */
static int load_message(const struct call *c, struct message *m)
{
	const struct iovec plain = {(void *)(uintptr_t)c->args[1], (size_t)c->args[2]};
	_cleanup_free_ struct iovec *v = NULL;
	struct msghdr h;

	m->flags = (int)c->args[c->nr == SYS_sendmsg ? 2 : 3];
	if (c->nr == SYS_sendto)
		return gather(c, &plain, 1, m);
	if (memory_read(c, c->args[1], &h, sizeof(h)) < 0)
		return EFAULT;
	if (h.msg_controllen)
		return EOPNOTSUPP; /* descriptors go no further */
	if (h.msg_iovlen > PIECES_MAX)
		return EMSGSIZE;
	v = calloc(h.msg_iovlen + 1, sizeof(*v));
	if (!v)
		return ENOBUFS;
	if (h.msg_iovlen &&
	    memory_read(c, (uint64_t)(uintptr_t)h.msg_iov, v, h.msg_iovlen * sizeof(*v)) < 0)
		return EFAULT;
	return gather(c, v, h.msg_iovlen, m);
}

static ssize_t send_patiently(const struct message *m, int to, bool may_wait)
{
	struct pollfd p = {.fd = to, .events = POLLOUT};
	ssize_t n = send(to, m->data, m->n, MSG_NOSIGNAL);

	if (n >= 0 || errno != EAGAIN || !may_wait)
		return n;
	(void)poll(&p, 1, PATIENCE_MS);
	n = send(to, m->data, m->n, MSG_NOSIGNAL);
	if (n < 0 && errno == EAGAIN)
		errno = ENOBUFS;
	return n;
}

/* Of sendmmsg the first message: the program sees that it was one, and comes again. */
static void told_sent(const struct elevation *e, const struct call *c, ssize_t n,
		      struct answer *out)
{
	const unsigned len = (unsigned)n;

	out->val = n;
	if (c->nr != SYS_sendmmsg)
		return;
	out->val = 1;
	if (memory_write(e, c, c->args[1] + offsetof(struct mmsghdr, msg_len), &len, sizeof(len)) <
	    0)
		out->err = EFAULT;
}

void datagram_send(const struct elevation *e, const struct call *c, int fd, struct answer *out)
{
	_cleanup_(message_free) struct message m = {0};
	bool named;
	_cleanup_close_ int own = relays_socket(e, fd, &named), to = -1;
	struct target t;
	ssize_t n;

	out->err = target_of(e, c, &t);
	if (!out->err)
		out->err = load_message(c, &m);
	if (out->err)
		return;
	if (named && !t.of_host) {
		/* Its own name goes along, so that it may be answered. */
		n = sendto(own, m.data, m.n, MSG_NOSIGNAL, (const struct sockaddr *)&t.addr, t.n);
	} else {
		to = reach(e, &t, &out->err);
		if (to < 0)
			return;
		n = send_patiently(&m, to,
				   !(m.flags & MSG_DONTWAIT) && !(fcntl(fd, F_GETFL) & O_NONBLOCK));
	}
	if (n < 0)
		out->err = errno;
	else
		told_sent(e, c, n, out);
}
