/*
 * Sockets of IP. Where the session has a network of its own, all of that is its own. Where it
 * shares the host's, the broker's own look at the address holds: it connects, binds and listens by
 * itself, to the proxy and the ports that were granted. The kernel's rules let the program do none
 * of it.
 *
 * Sources: connect(2), bind(2), listen(2), ip(7), ipv6(7).
 */
#include "elevation/perform.h"

#include <netinet/in.h>

bool inet_filtered(const struct elevation *e)
{
	return e->cfg.policy->net_blocked || e->cfg.policy->network.mode == POLICY_NET_NAMES;
}

static bool is_inet(const struct sockaddr_storage *a)
{
	return a->ss_family == AF_INET || a->ss_family == AF_INET6;
}

/* 0: none, which no rule names. */
static unsigned port_of(const struct sockaddr_storage *a)
{
	if (a->ss_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)a)->sin_port);
	return a->ss_family == AF_INET6 ? ntohs(((const struct sockaddr_in6 *)a)->sin6_port) : 0;
}

/* An address that nothing but this machine reaches. */
static bool is_loopback(const struct sockaddr_storage *addr)
{
	const struct sockaddr_in *in = (const void *)addr;
	const struct in6_addr *a = &((const struct sockaddr_in6 *)addr)->sin6_addr;

	if (addr->ss_family == AF_INET)
		return ntohl(in->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	if (addr->ss_family != AF_INET6)
		return false;
	if (IN6_IS_ADDR_V4MAPPED(a))
		return a->s6_addr[12] == IN_LOOPBACKNET;
	return IN6_IS_ADDR_LOOPBACK(a);
}

/* This machine. "Any" is that, too, for who connects. */
static bool is_here(const struct sockaddr_storage *addr)
{
	const struct sockaddr_in *in = (const void *)addr;
	const struct sockaddr_in6 *in6 = (const void *)addr;

	if (addr->ss_family == AF_INET && in->sin_addr.s_addr == INADDR_ANY)
		return true;
	if (addr->ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr))
		return true;
	return is_loopback(addr);
}

static bool to_proxy(const struct elevation *e, const struct sockaddr_storage *a)
{
	unsigned port = __atomic_load_n(&e->proxy_port, __ATOMIC_RELAXED);

	return port && port_of(a) == port && is_here(a);
}

/* ---- may it? ------------------------------------------------------------------------------- */

static const char *refusal(const struct elevation *e)
{
	return e->cfg.policy->net_blocked ? "network off" : "not through the proxy";
}

static enum connect_verdict on_host(struct elevation *e, struct call *c)
{
	const struct policy_network *n = &e->cfg.policy->network;
	unsigned port = port_of(&c->addr);

	if (to_proxy(e, &c->addr))
		return connect_allow(c, "system");
	if (is_here(&c->addr) && policy_ports_have(&n->open, port))
		return connect_allow(c, "open_port");
	if (policy_ports_have(&n->connect, port))
		return connect_allow(c, "connect_port");
	return connect_refuse(c, refusal(e));
}

enum connect_verdict inet_decide_connect(struct elevation *e, struct call *c)
{
	int err = 0;

	if (!inet_filtered(e))
		return connect_allow(c, "profile");
	_cleanup_close_ int fd = socket_take(e, c, &err);
	if (fd < 0)
		return connect_refuse(c, "socket out of reach");
	if (!socket_in_own_network(fd))
		return on_host(e, c);
	return is_here(&c->addr) ? connect_allow(c, "system") : connect_refuse(c, refusal(e));
}

/* The answer to a login in the user's browser comes to a port of this machine, which is chosen
 * before the page is opened. */
static bool awaits_login(const struct policy_network *n, const struct sockaddr_storage *a)
{
	return policy_names_urls(n) && is_loopback(a) &&
	       (!port_of(a) || port_of(a) >= IPPORT_RESERVED);
}

/* A socket that listens without a name of its own gets a port that nobody granted: it is refused.
 */
enum connect_verdict inet_decide_bind(struct elevation *e, struct call *c)
{
	const struct policy_network *n = &e->cfg.policy->network;
	int err = 0;

	if (!inet_filtered(e))
		return connect_allow(c, "profile");
	_cleanup_close_ int fd = socket_take(e, c, &err);
	if (fd < 0)
		return connect_allow(c, "system"); /* the errno is all it gets */
	if (c->op == OP_LISTEN) {
		c->addr_len = sizeof(c->addr);
		if (getsockname(fd, (struct sockaddr *)&c->addr, &c->addr_len) < 0)
			c->addr_len = 0;
	}
	if (!c->addr_len || !is_inet(&c->addr) || socket_in_own_network(fd))
		return connect_allow(c, "system");
	if (policy_ports_have(&n->listen, port_of(&c->addr)))
		return connect_allow(c, "listen_port");
	if (is_here(&c->addr) && policy_ports_have(&n->open, port_of(&c->addr)))
		return connect_allow(c, "open_port");
	if (awaits_login(n, &c->addr))
		return connect_allow(c, "open_urls");
	return connect_refuse(c, "this port may not be listened on");
}

/* ---- done by the broker -------------------------------------------------------------------- */

void inet_bind(const struct elevation *e, struct call *c, struct answer *out)
{
	_cleanup_close_ int fd = socket_take(e, c, &out->err);

	if (fd >= 0 && bind(fd, (const struct sockaddr *)&c->addr, c->addr_len) < 0)
		out->err = errno;
}

static bool same_name(const struct call *c, int fd)
{
	struct sockaddr_storage a = {0};
	socklen_t n = sizeof(a);

	return getsockname(fd, (struct sockaddr *)&a, &n) == 0 && n == c->addr_len &&
	       memcmp(&a, &c->addr, n) == 0;
}

/* The number may mean another socket than the one that was looked at. */
void listen_perform(const struct elevation *e, struct call *c, struct answer *out)
{
	_cleanup_close_ int fd = socket_take(e, c, &out->err);

	if (fd < 0)
		return;
	if (socket_option(fd, SO_DOMAIN) < 0)
		out->err = ENOTSOCK;
	else if (!same_name(c, fd))
		out->err = EACCES;
	else if (listen(fd, (int)c->args[1]) < 0)
		out->err = errno;
}

void inet_connected(const struct elevation *e, const struct call *c, int fd)
{
	struct sockaddr_storage a = {0};
	socklen_t n = sizeof(a);

	if (to_proxy(e, &c->addr) && getsockname(fd, (struct sockaddr *)&a, &n) == 0)
		peers_note(e->peers, port_of(&a), c->pid, c->program);
}
