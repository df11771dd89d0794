/*
 * connect (bind.c: bind). The broker takes the program's socket (pidfd_getfd) and uses its own copy
 * of the address. A path socket is connected through the O_PATH descriptor that was checked. Which
 * sockets belong to the session says sockets_own.c. A server sees the broker as its peer
 * (SO_PEERCRED): the same user, another process.
 *
 * Sources: connect(2), unix(7), ip(7), pidfd_open(2), pidfd_getfd(2).
 */
#include "elevation/perform.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/pidfd.h>
#include <sys/syscall.h>

#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL /* Linux 6.9 */
#endif
#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

/* ---- the program's socket ------------------------------------------------------------------ */

/* The thread may have a descriptor table of its own; kernels before 6.9 only know its process. */
int socket_take(const struct elevation *e, const struct call *c, int *err)
{
	_cleanup_close_ int pidfd = pidfd_open(c->tid, PIDFD_THREAD);
	int fd;

	if (pidfd < 0 && errno == EINVAL)
		pidfd = pidfd_open(c->pid, 0);
	fd = pidfd < 0 ? -1 : pidfd_getfd(pidfd, c->sockfd, 0);
	if (fd < 0) {
		*err = errno == EBADF || errno == EMFILE ? errno : EACCES;
		return -1;
	}
	/* The number may mean another process by now. */
	if (!call_valid(e, c)) {
		close(fd);
		*err = EACCES;
		return -1;
	}
	return fd;
}

int socket_option(int fd, int name)
{
	int value = -1;
	socklen_t n = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &n) < 0 ? -1 : value;
}

/* Does the socket live in a network namespace that is not the broker's? Then all there is the
 * session's. */
bool socket_in_own_network(int fd)
{
	_cleanup_close_ int mine = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint64_t a = 0, b = 0;
	socklen_t na = sizeof(a), nb = sizeof(b);

	return mine >= 0 && getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &a, &na) == 0 &&
	       getsockopt(mine, SOL_SOCKET, SO_NETNS_COOKIE, &b, &nb) == 0 && a != b;
}

/* ---- may it? ------------------------------------------------------------------------------- */

enum connect_verdict connect_refuse(struct call *c, const char *rule)
{
	c->verdict =
	    (struct policy_verdict){.reason = POLICY_NOT_GRANTED, .source = "system", .rule = rule};
	return CONNECT_DENIED;
}

enum connect_verdict connect_allow(struct call *c, const char *source)
{
	c->verdict = (struct policy_verdict){
	    .allowed = true, .reason = POLICY_GRANTED_PATH, .source = source};
	return CONNECT_ALLOWED;
}

/* A decision about a folder says nothing about the sockets in it. */
static enum standing decided(struct elevation *e, const struct call *c, unsigned access)
{
	struct policy_verdict v = c->verdict;

	v.reason = POLICY_PROTECTED_PATH;
	return standing_lookup(e->standing, c->a.path, access, &v);
}

static enum connect_verdict decide_path(struct elevation *e, struct call *c)
{
	const unsigned access = c->access ? c->access : NONO_WRITE;

	if (request_socket_named(e, c))
		return connect_allow(c, "system");
	/* Nothing there to connect to: the errno is all it gets. */
	if (c->a.err || c->a.fd < 0 || !S_ISSOCK(c->a.st.st_mode))
		return connect_allow(c, "system");
	policy_check(e->cfg.policy, c->a.path, access, false, &c->verdict);
	if (c->verdict.reason == POLICY_OWN_STATE)
		return CONNECT_DENIED;
	if (own_has_file(e->own, &c->a))
		return connect_allow(c, "session");
	if (!c->a.anonymous && policy_unix_socket(e->cfg.policy, c->a.path))
		return connect_allow(c, "profile");
	if (c->a.anonymous)
		return connect_refuse(c, "socket without a path");
	/* That its file may be written says nothing about who listens. */
	if (c->verdict.allowed)
		c->verdict = (struct policy_verdict){
		    .reason = POLICY_NOT_GRANTED, .grantable = true, .source = ""};
	if (!c->verdict.grantable)
		return CONNECT_DENIED;
	switch (decided(e, c, access)) {
	case STANDING_ALLOW:
		c->granted = true;
		return CONNECT_ALLOWED;
	case STANDING_DENY:
		return CONNECT_DENIED;
	default:
		return CONNECT_ASK;
	}
}

enum connect_verdict connect_decide(struct elevation *e, struct call *c)
{
	if (c->addr_len > sizeof(c->addr))
		return connect_refuse(c, "address too long");
	if (c->addr_len < sizeof(c->addr.ss_family))
		return connect_allow(c, "system"); /* EINVAL */
	switch (c->addr.ss_family) {
	case AF_UNSPEC: /* undoes an earlier connect */
	case AF_NETLINK:
		return connect_allow(c, "system");
	case AF_INET:
	case AF_INET6:
		return inet_decide_connect(e, c);
	case AF_UNIX:
		if (address_is_path(c))
			return decide_path(e, c);
		return address_is_abstract(c) ? abstract_decide(e, c) : connect_allow(c, "system");
	default:
		return connect_refuse(c, "address family");
	}
}

/* ---- connect ------------------------------------------------------------------------------- */

bool connect_blocks(const struct call *c)
{
	/* The socket may be non-blocking: that is not known before it is taken. */
	return address_is_inet(c) || c->addr.ss_family == AF_UNIX;
}

int connect_patiently(const struct elevation *e, const struct call *c, int fd, const void *addr,
		      socklen_t n)
{
	struct interrupt i;
	int r, code;

	interrupt_begin(&i);
	do {
		r = connect(fd, addr, n);
		code = r < 0 ? errno : 0;
	} while (code == EINTR && call_valid(e, c));
	interrupt_end(&i);
	return code;
}

static int connect_path(const struct elevation *e, const struct call *c, int fd)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	if (c->a.err)
		return c->a.err;
	if (c->a.fd < 0)
		return ENOENT;
	if (!S_ISSOCK(c->a.st.st_mode))
		return ECONNREFUSED;
	fd_path(a.sun_path, c->a.fd);
	return connect_patiently(e, c, fd, &a, sizeof(a));
}

void connect_perform(const struct elevation *e, struct call *c, struct answer *out)
{
	_cleanup_close_ int fd = socket_take(e, c, &out->err);

	if (fd < 0)
		return;
	if (socket_option(fd, SO_DOMAIN) < 0) {
		out->err = ENOTSOCK;
	} else if (socket_option(fd, SO_DOMAIN) == AF_UNIX &&
		   socket_option(fd, SO_TYPE) == SOCK_DGRAM) {
		out->err = EACCES; /* the filter lets none be made */
	} else if (call_sends(c)) {
		/* The number may mean another socket by now. */
		out->err = datagram_stands_in(e, fd) ? 0 : EACCES;
		if (!out->err)
			datagram_send(e, c, fd, out);
	} else if (request_socket_named(e, c)) {
		out->err = request_socket_connect(e, c, fd);
	} else if ((address_is_path(c) || address_is_abstract(c)) && datagram_stands_in(e, fd)) {
		datagram_connect(e, c, fd, out);
	} else if (address_is_path(c)) {
		if (socket_option(fd, SO_DOMAIN) != AF_UNIX)
			out->err = EAFNOSUPPORT;
		else
			out->err = connect_path(e, c, fd);
	} else if (address_is_abstract(c)) {
		abstract_connect(e, c, fd, out);
	} else {
		out->err = connect_patiently(e, c, fd, &c->addr, c->addr_len);
		if (address_is_inet(c) && (!out->err || out->err == EINPROGRESS))
			inet_connected(e, c, fd);
	}
}

/* ---- for people ---------------------------------------------------------------------------- */

void address_text(const struct call *c, char *out, size_t size)
{
	const struct sockaddr_in *in = (const void *)&c->addr;
	const struct sockaddr_in6 *in6 = (const void *)&c->addr;
	char name[POLICY_PATH_MAX], text[INET6_ADDRSTRLEN] = "?";
	const char *path = c->a.path[0] ? c->a.path : c->a.asked;
	size_t n;

	if (c->op == OP_SOCKET) {
		snprintf(out, size, "unix datagram socket");
	} else if (c->addr_len < sizeof(c->addr.ss_family)) {
		snprintf(out, size, "no address");
	} else if (c->addr.ss_family == AF_INET) {
		inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
		snprintf(out, size, "%s:%u", text, ntohs(in->sin_port));
	} else if (c->addr.ss_family == AF_INET6) {
		inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text));
		snprintf(out, size, "[%s]:%u", text, ntohs(in6->sin6_port));
	} else if (address_is_path(c)) {
		text_printable(name, sizeof(name), path, strlen(path));
		snprintf(out, size, "unix:%s", name);
	} else if (address_is_abstract(c)) {
		n = c->addr_len - ADDRESS_NAME - 1;
		text_printable(name, sizeof(name), address_unix(c)->sun_path + 1,
			       n < sizeof(address_unix(c)->sun_path) ? n : 0);
		snprintf(out, size, "abstract:%s", name);
	} else {
		snprintf(out, size, "address family %u", c->addr.ss_family);
	}
}
