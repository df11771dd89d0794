/*
 * Unix datagram sockets. With a real one a program could send to any name, since each message may
 * carry an address that no filter sees. It gets a stand-in: one end of a pair of seqpacket sockets,
 * whose messages the kernel sends to the other end alone, whatever address they carry. A stand-in
 * that is not connected has no other end. On connect the broker connects a datagram socket of its
 * own and puts another stand-in in the place of the program's, whose packets it passes on
 * (relays.c). sendto with an address is judged like connect, and done by the broker.
 *
 * A stand-in is known by its peer's credentials, which are the broker's and stay so. (The same is
 * true of what a program accepted from a connection that the broker made for another: there too
 * it says nothing but that a call is judged.)
 *
 * Sources: unix(7), socket(7), sendto(2), seccomp_unotify(2).
 */
#include "elevation/engine.h"
#include "elevation/perform.h"

#include <fcntl.h>
#include <poll.h>

#define MESSAGE_MAX 65536u
#define PATIENCE_MS 1000 /* of a worker, for a listener that is busy */

bool datagram_stands_in(int fd)
{
	struct ucred peer;
	socklen_t n = sizeof(peer);

	return socket_option(fd, SO_DOMAIN) == AF_UNIX &&
	       socket_option(fd, SO_TYPE) == SOCK_SEQPACKET &&
	       getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 && peer.pid == getpid();
}

bool datagram_wanted(const struct elevation *e)
{
	return e->cfg.policy->n_unix_sockets || e->cfg.policy->elevation;
}

void datagram_socket(const struct call *c, struct answer *out)
{
	const int type = (int)c->args[1], protocol = (int)c->args[2];
	int pair[2];

	if (protocol && protocol != PF_UNIX) {
		out->err = EPROTONOSUPPORT;
	} else if (type & ~(SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK)) {
		out->err = EINVAL;
	} else if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | (type & SOCK_NONBLOCK), 0,
			      pair) < 0) {
		out->err = errno;
	} else {
		close(pair[1]);
		out->fd = pair[0];
		out->cloexec = type & SOCK_CLOEXEC;
	}
}

/* A datagram socket of the broker's, connected to what was judged; -1 with *err. */
static int reach(const struct elevation *e, const struct call *c, int *err)
{
	struct sockaddr_un path = {.sun_family = AF_UNIX};
	const void *addr = &path;
	socklen_t n = sizeof(path);
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0) {
		*err = errno;
		return -1;
	}
	if (call_has_path(c)) {
		*err = c->a.err			    ? c->a.err
		       : c->a.fd < 0		    ? ENOENT
		       : !S_ISSOCK(c->a.st.st_mode) ? ECONNREFUSED
						    : 0;
		fd_path(path.sun_path, c->a.fd);
	} else {
		/* The broker's names are the host's: there only what was granted. */
		*err = abstract_granted(e, c) ? 0 : EACCES;
		addr = &c->addr;
		n = c->addr_len;
	}
	if (!*err && connect(fd, addr, n) < 0)
		*err = errno;
	return *err ? -1 : STEAL_FD(fd);
}

void datagram_connect(const struct elevation *e, const struct call *c, int fd, struct answer *out)
{
	const int flags = fcntl(fd, F_GETFL);
	_cleanup_close_ int to = reach(e, c, &out->err);
	_cleanup_close_ int theirs = -1;

	if (to < 0)
		return;
	out->err = relays_add(e, to, &theirs);
	if (out->err)
		return;
	STEAL_FD(to);
	if (flags < 0 || ((flags & O_NONBLOCK) && fcntl(theirs, F_SETFL, O_NONBLOCK) < 0)) {
		out->err = EACCES;
		return;
	}
	out->fd = STEAL_FD(theirs);
	out->cloexec = socket_closes_on_exec(c);
	out->in_place = true;
}

static bool may_wait(const struct call *c, int fd)
{
	return !((int)c->args[3] & MSG_DONTWAIT) && !(fcntl(fd, F_GETFL) & O_NONBLOCK);
}

void datagram_send(const struct elevation *e, const struct call *c, int fd, struct answer *out)
{
	const size_t size = (size_t)c->args[2];
	_cleanup_close_ int to = -1;
	_cleanup_free_ void *message = NULL;
	ssize_t n;

	if (size > MESSAGE_MAX) {
		out->err = EMSGSIZE;
		return;
	}
	message = malloc(size + 1);
	if (!message || (size && memory_read(c, c->args[1], message, size) < 0)) {
		out->err = message ? EFAULT : ENOBUFS;
		return;
	}
	to = reach(e, c, &out->err);
	if (to < 0)
		return;
	n = send(to, message, size, MSG_NOSIGNAL);
	if (n < 0 && errno == EAGAIN && may_wait(c, fd)) {
		struct pollfd p = {.fd = to, .events = POLLOUT};

		(void)poll(&p, 1, PATIENCE_MS);
		n = send(to, message, size, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			errno = ENOBUFS;
	}
	if (n < 0)
		out->err = errno;
	else
		out->val = n;
}
