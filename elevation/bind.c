/*
 * bind: of unix sockets to a path or an abstract name, of others by connect_inet.c.
 *
 * Sources: bind(2), unix(7).
 */
#include "elevation/perform.h"

#include <fcntl.h>

/* The socket keeps for ever the name that bind was given, and programs read it (getsockname). The
 * program's own spelling is used where it must lead to the directory that was checked: the broker
 * sees the same directory there, without links, and nobody but the broker can change the way. */
static bool leads_there(const struct elevation *e, const struct place *p, const char *path)
{
	char dir[POLICY_PATH_MAX], real[POLICY_PATH_MAX];
	struct policy_verdict v;
	struct stat st;
	char *slash;

	if (path[0] != '/' || path_clean(dir, sizeof(dir), path) < 0 || strcmp(dir, p->path) != 0)
		return false;
	slash = strrchr(dir, '/');
	*(slash == dir ? slash + 1 : slash) = '\0';
	for (slash = dir; slash; slash = strchr(slash + 1, '/')) {
		char end = *slash;

		if (slash != dir) {
			*slash = '\0';
			policy_check(e->cfg.policy, dir, NONO_WRITE, false, &v);
			*slash = end;
			if (v.allowed && v.route == POLICY_KERNEL)
				return false;
		}
	}
	policy_check(e->cfg.policy, dir, NONO_WRITE, false, &v);
	if (v.allowed && v.route == POLICY_KERNEL)
		return false;
	_cleanup_close_ int fd = open(dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat want;
	if (fd < 0 || fstat(fd, &st) < 0 || fstat(p->parent, &want) < 0 ||
	    st.st_ino != want.st_ino || st.st_dev != want.st_dev)
		return false;
	char link[FD_PATH_MAX];
	fd_path(link, fd);
	ssize_t n = readlink(link, real, sizeof(real) - 1);
	return n > 0 && (size_t)n == strlen(dir) && memcmp(real, dir, (size_t)n) == 0;
}

static void bind_address(const struct elevation *e, const struct call *c, struct sockaddr_un *a)
{
	*a = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (leads_there(e, &c->a, c->a.asked) &&
	    str_copy(a->sun_path, sizeof(a->sun_path), c->a.asked))
		return;
	if (leads_there(e, &c->a, c->a.path) &&
	    str_copy(a->sun_path, sizeof(a->sun_path), c->a.path))
		return;
	if (snprintf(a->sun_path, sizeof(a->sun_path), "/proc/self/fd/%d/%.200s", c->a.parent,
		     c->a.name) >= (int)sizeof(a->sun_path))
		a->sun_path[0] = '\0';
}

/* The file gets the socket's own mode, less the program's umask. */
static void adopt(const struct elevation *e, const struct call *c, int sock)
{
	_cleanup_close_ int fd = openat(c->a.parent, c->a.name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	char path[FD_PATH_MAX];
	struct stat st, of_socket;
	mode_t mode;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISSOCK(st.st_mode) || fstat(sock, &of_socket) < 0)
		return;
	mode = of_socket.st_mode & 0777 & ~c->umask;
	fd_path(path, fd);
	if ((st.st_mode & 0777) == mode || fchmodat(AT_FDCWD, path, mode, 0) == 0)
		own_add_file(e->own, fd);
}

int socket_bind_path(const struct elevation *e, struct call *c, int fd)
{
	struct sockaddr_un a;
	int err = c->a.err;

	if (!err && c->a.fd >= 0)
		err = EADDRINUSE;
	if (!err)
		err = place_named(&c->a);
	if (err)
		return err;
	own_names_alone(e->own);
	bind_address(e, c, &a);
	if (!a.sun_path[0])
		err = ENAMETOOLONG;
	else if (bind(fd, (struct sockaddr *)&a,
		      (socklen_t)(ADDRESS_NAME + strlen(a.sun_path) + 1)) < 0)
		err = errno;
	own_names_done(e->own);
	if (!err)
		adopt(e, c, fd);
	return err;
}

void bind_perform(const struct elevation *e, struct call *c, struct answer *out)
{
	int err = 0;
	_cleanup_close_ int fd = c->addr.ss_family == AF_UNIX ? socket_take(e, c, &err) : -1;

	*out = (struct answer){.fd = -1};
	if (fd >= 0 && datagram_stands_in(e, fd)) {
		datagram_bind(e, c, fd, out);
		return;
	}
	if (address_is_path(c) && c->verdict.allowed && c->verdict.route == POLICY_KERNEL) {
		own_expect_file(e->own, &c->a);
		out->cont = true;
		return;
	}
	if (!address_is_path(c) && !address_is_abstract(c)) {
		if (address_is_inet(c) && inet_filtered(e))
			inet_bind(e, c, out);
		else
			out->cont = true;
		return;
	}
	if (fd < 0) {
		out->err = err;
	} else if (socket_option(fd, SO_DOMAIN) != AF_UNIX) {
		out->err = socket_option(fd, SO_DOMAIN) < 0 ? ENOTSOCK : EAFNOSUPPORT;
	} else if (address_is_path(c)) {
		out->err = socket_bind_path(e, c, fd);
	} else if (bind(fd, (const struct sockaddr *)&c->addr, c->addr_len) < 0) {
		out->err = errno;
	} else {
		own_add_abstract(e->own, fd, address_unix(c)->sun_path + 1,
				 c->addr_len - ADDRESS_NAME - 1);
	}
}
