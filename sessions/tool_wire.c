/* The messages of the tool sandbox: their form, and descriptors that come along. */
#include <sys/socket.h>

#include "sessions/tool_wire.h"

#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76 /* Linux 6.5 */
#endif
#ifndef SCM_PIDFD
#define SCM_PIDFD 4
#endif

bool tool_header_ok(const struct tool_header *h)
{
	return h->magic == TOOL_MAGIC && h->bytes >= 2 && h->bytes <= TOOL_BYTES_MAX &&
	       h->argc <= TOOL_STRINGS_MAX && h->envc <= TOOL_STRINGS_MAX;
}

/* The next string; NULL if none is left. */
static char *next(char **at, const char *end)
{
	char *s = *at, *nul = s < end ? memchr(s, '\0', (size_t)(end - s)) : NULL;

	if (!nul)
		return NULL;
	*at = nul + 1;
	return s;
}

static char **next_list(char **at, const char *end, uint32_t n)
{
	char **v = xcalloc((size_t)n + 1, sizeof(*v));

	for (uint32_t i = 0; i < n; i++) {
		v[i] = next(at, end);
		if (v[i])
			continue;
		free(v);
		return NULL;
	}
	return v;
}

int tool_call_parse(const struct tool_header *h, char *bytes, struct tool_call *out)
{
	char *at = bytes;
	const char *end = bytes + h->bytes;

	*out = (struct tool_call){.bytes = bytes};
	/* Each string takes a byte at least: the numbers can't be larger than the text. */
	if ((uint64_t)h->argc + h->envc + 2 > h->bytes)
		return -1;
	out->name = next(&at, end);
	out->cwd = next(&at, end);
	if (!out->name || !out->cwd)
		return -1;
	out->args = next_list(&at, end, h->argc);
	out->env = out->args ? next_list(&at, end, h->envc) : NULL;
	return out->env && at == end ? 0 : -1;
}

void tool_call_free(struct tool_call *c)
{
	free(c->bytes);
	free(c->args);
	free(c->env);
	*c = (struct tool_call){0};
}

ssize_t tool_send(int sock, const void *p, size_t n, const int *fds, size_t n_fds)
{
	struct iovec v = {(void *)(uintptr_t)p, n};

	return fds_send(sock, &v, 1, fds, n_fds, 0);
}

void tool_want_pidfd(int sock)
{
	int on = 1;

	(void)setsockopt(sock, SOL_SOCKET, SO_PASSPIDFD, &on, sizeof(on));
}

static void take_pidfd(struct cmsghdr *c, int *pidfd)
{
	int fd;

	if (c->cmsg_len != CMSG_LEN(sizeof(fd)))
		return;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	if (fd < 0) /* an errno */
		return;
	if (pidfd && *pidfd < 0)
		*pidfd = fd;
	else
		close(fd);
}

ssize_t tool_recv(int sock, void *p, size_t n, int flags, int *fds, size_t max, size_t *n_fds,
		  pid_t *pid, int *pidfd)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(FDS_MAX * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred)) +
			   CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = p, .iov_len = n};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};
	struct ucred cred;
	ssize_t r;

	*n_fds = 0;
	*pid = 0;
	if (pidfd)
		*pidfd = -1;
	do
		r = recvmsg(sock, &msg, flags | MSG_CMSG_CLOEXEC);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return r;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SCM_RIGHTS) {
			*n_fds += fds_take(c, fds + *n_fds, max - *n_fds);
		} else if (c->cmsg_type == SCM_PIDFD) {
			take_pidfd(c, pidfd);
		} else if (c->cmsg_type == SCM_CREDENTIALS &&
			   c->cmsg_len == CMSG_LEN(sizeof(cred))) {
			memcpy(&cred, CMSG_DATA(c), sizeof(cred));
			*pid = cred.uid == getuid() ? cred.pid : 0;
		}
	}
	return r;
}
