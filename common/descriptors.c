/* Descriptors over unix sockets (unix(7), cmsg(3)). */
#include "common/common.h"

#include <sys/socket.h>
#include <sys/uio.h>

union descriptors {
	struct cmsghdr align;
	char space[CMSG_SPACE(FDS_MAX * sizeof(int))];
};

ssize_t fds_send(int sock, const struct iovec *v, size_t n_v, const int *fds, size_t n_fds,
		 int flags)
{
	union descriptors control = {0};
	struct msghdr m = {.msg_iov = (struct iovec *)(uintptr_t)v, .msg_iovlen = n_v};
	ssize_t r;

	if (n_fds > FDS_MAX) {
		errno = EINVAL;
		return -1;
	}
	if (n_fds) {
		control.align = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
						 .cmsg_type = SCM_RIGHTS,
						 .cmsg_len = CMSG_LEN(n_fds * sizeof(int))};
		memcpy(CMSG_DATA(&control.align), fds, n_fds * sizeof(int));
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
	}
	do
		r = sendmsg(sock, &m, flags | MSG_NOSIGNAL);
	while (r < 0 && errno == EINTR);
	return r;
}

size_t fds_take(const struct cmsghdr *c, int *fds, size_t max)
{
	size_t n = 0, came;

	if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
		return 0;
	came = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	for (size_t i = 0; i < came; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
		if (n < max)
			fds[n++] = fd;
		else
			close(fd);
	}
	return n;
}

ssize_t fds_recv(int sock, const struct iovec *v, size_t n_v, int *fds, size_t max, size_t *n_fds,
		 int flags)
{
	union descriptors control;
	struct msghdr m = {.msg_iov = (struct iovec *)(uintptr_t)v,
			   .msg_iovlen = n_v,
			   .msg_control = &control,
			   .msg_controllen = sizeof(control)};
	ssize_t r;

	*n_fds = 0;
	do
		r = recvmsg(sock, &m, flags | MSG_CMSG_CLOEXEC);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return r;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		*n_fds += fds_take(c, fds + *n_fds, max - *n_fds);
	return r;
}

int fd_send(int sock, const void *p, size_t n, int fd)
{
	struct iovec v = {(void *)(uintptr_t)p, n};
	ssize_t sent = fds_send(sock, &v, 1, &fd, fd >= 0, 0);

	if (sent < 0)
		return -1;
	while ((size_t)sent < n) { /* the descriptor went with the first byte */
		ssize_t w = send(sock, (const char *)p + sent, n - (size_t)sent, MSG_NOSIGNAL);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -1;
		sent += w;
	}
	return 0;
}

ssize_t fd_recv(int sock, void *p, size_t n, int *fd)
{
	struct iovec v = {p, n};
	size_t n_fds;

	*fd = -1;
	return fds_recv(sock, &v, 1, fd, 1, &n_fds, 0);
}
