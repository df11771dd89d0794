/* Where the request socket is: for who listens, and for the broker that connects a program to it.
 */
#include <fcntl.h>
#include <stddef.h>

#include "elevation/requests.h"

int request_socket_address(const char *path, struct sockaddr_un *sa)
{
	_cleanup_free_ char *dir = xstrdup(path);
	char *slash = strrchr(dir, '/');
	int fd;

	errno = EINVAL;
	if (!slash || slash == dir)
		return -1;
	*slash = '\0';
	fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -1;
	*sa = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(sa->sun_path, sizeof(sa->sun_path), "/proc/self/fd/%d/%.60s", fd, slash + 1);
	return fd;
}

bool request_socket_named(const struct elevation *e, const struct call *c)
{
	const struct sockaddr_un *sa = (const void *)&c->addr;
	const size_t before = offsetof(struct sockaddr_un, sun_path);
	size_t n;

	if (!e->cfg.request_socket || !e->cfg.policy->elevation || c->op != OP_CONNECT ||
	    c->addr_len <= before || c->addr_len > sizeof(*sa) || sa->sun_family != AF_UNIX)
		return false;
	n = strnlen(sa->sun_path, c->addr_len - before);
	return n == strlen(e->cfg.request_socket) &&
	       memcmp(sa->sun_path, e->cfg.request_socket, n) == 0;
}

int request_socket_connect(const struct elevation *e, int fd)
{
	struct sockaddr_un sa;
	_cleanup_close_ int dir = request_socket_address(e->cfg.request_socket, &sa);

	if (dir < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return errno;
	return 0;
}
