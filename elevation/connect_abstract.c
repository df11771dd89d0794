/*
 * Abstract sockets: names of a network namespace. In a namespace of its own all of them are the
 * session's. What a grant names is the host's: there the broker connects a socket of its own and
 * puts it in the place of the program's, which could never reach it. Where the session shares the
 * host's namespace the program's own socket is connected; the Landlock scope, which closes these
 * names to the program, does not bind the broker.
 *
 * Sources: unix(7), network_namespaces(7), seccomp_unotify(2), proc_pid_fdinfo(5).
 */
#include "elevation/perform.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>

#define NAME_BYTES 107
#define NAME_AT	   (offsetof(struct sockaddr_un, sun_path) + 1)

static const char *name_of(const struct call *c, size_t *n)
{
	*n = c->addr_len - NAME_AT;
	return ((const struct sockaddr_un *)&c->addr)->sun_path + 1;
}

bool abstract_granted(const struct elevation *e, const struct call *c)
{
	char entry[sizeof(struct sockaddr_un) + 2];
	size_t n;
	const char *name = name_of(c, &n);

	if (!n || n > NAME_BYTES || memchr(name, '\0', n))
		return false;
	entry[0] = '@';
	memcpy(entry + 1, name, n);
	entry[n + 1] = '\0';
	return policy_unix_socket(e->cfg.policy, entry);
}

enum connect_verdict abstract_decide(struct elevation *e, struct call *c)
{
	int err = 0;
	_cleanup_close_ int fd = socket_take(e, c, &err);
	size_t n;
	const char *name = name_of(c, &n);

	if (fd < 0)
		return connect_refuse(c, "socket out of reach");
	if (abstract_granted(e, c))
		return connect_allow(c, "profile");
	if (socket_in_own_network(fd) || own_has_abstract(e->own, name, n))
		return connect_allow(c, "session");
	return connect_refuse(c, "abstract socket outside of the session");
}

bool socket_closes_on_exec(const struct call *c)
{
	char path[64], line[128];
	unsigned flags;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", (int)c->tid, c->sockfd);
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "flags: %o", &flags) == 1)
			return flags & O_CLOEXEC;
	return true;
}

static int replace(const struct elevation *e, const struct call *c, int theirs, struct answer *out)
{
	struct sockaddr_un peer;
	socklen_t n = sizeof(peer);
	const int flags = fcntl(theirs, F_GETFL), type = socket_option(theirs, SO_TYPE);
	_cleanup_close_ int fd = -1;
	int err;

	if (getpeername(theirs, (struct sockaddr *)&peer, &n) == 0)
		return EISCONN;
	fd = flags < 0 || type < 0 ? -1 : socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	/* What it says may be read by whoever listens there, as from any other client. */
	if (fd < 0 || ((flags & O_NONBLOCK) && fcntl(fd, F_SETFL, O_NONBLOCK) < 0))
		return EACCES;
	err = connect_patiently(e, c, fd, &c->addr, c->addr_len);
	if (err)
		return err;
	out->fd = STEAL_FD(fd);
	out->cloexec = socket_closes_on_exec(c);
	out->in_place = true;
	return 0;
}

void abstract_connect(const struct elevation *e, const struct call *c, int fd, struct answer *out)
{
	size_t n;
	const char *name = name_of(c, &n);

	if (socket_option(fd, SO_DOMAIN) != AF_UNIX)
		out->err = EAFNOSUPPORT;
	else if (socket_in_own_network(fd) && abstract_granted(e, c))
		out->err = replace(e, c, fd, out);
	/* The number may mean another socket than when it was decided. */
	else if (socket_in_own_network(fd) || abstract_granted(e, c) ||
		 own_has_abstract(e->own, name, n))
		out->err = connect_patiently(e, c, fd, &c->addr, c->addr_len);
	else
		out->err = EACCES;
}
