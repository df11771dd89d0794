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

/* The socket of ours that c names, NULL if none. */
static const char *named(const struct elevation *e, const struct call *c)
{
	const struct sockaddr_un *sa = (const void *)&c->addr;
	const size_t before = offsetof(struct sockaddr_un, sun_path);
	const char *const ours[] = {e->cfg.policy->elevation ? e->cfg.request_socket : NULL,
				    e->cfg.tool_socket};
	size_t n;

	if (c->op != OP_CONNECT || c->addr_len <= before || c->addr_len > sizeof(*sa) ||
	    sa->sun_family != AF_UNIX)
		return NULL;
	n = strnlen(sa->sun_path, c->addr_len - before);
	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		if (ours[i] && n == strlen(ours[i]) && memcmp(sa->sun_path, ours[i], n) == 0)
			return ours[i];
	return NULL;
}

bool request_socket_named(const struct elevation *e, const struct call *c)
{
	return named(e, c);
}

int request_socket_connect(const struct elevation *e, const struct call *c, int fd)
{
	const char *path = named(e, c);
	struct sockaddr_un sa;
	_cleanup_close_ int dir = path ? request_socket_address(path, &sa) : -1;

	if (dir < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return errno ? errno : ECONNREFUSED;
	return 0;
}
