/*
 * The server end of `nono request`: a listening unix socket in the session's runtime directory. A
 * program of the session connects (the broker does that for it, see connect.c), writes one line,
 * and waits for one:
 *
 *     {"access":"read|write|readwrite","path":"/...","reason":"..."}
 *     {"result":"granted"}    {"result":"denied","why":"..."}
 *
 * Who asks is told by the kernel with each message (SCM_CREDENTIALS), since the one who connected
 * is the broker itself. request_lines.c has what becomes of a line.
 */
#include <fcntl.h>
#include <sys/epoll.h>

#include "elevation/request_socket.h"
#include "elevation/requests.h"

#define LINE_TIMEOUT_NS 5000000000ull
#define PAUSE_NS	1000000000ull /* after accept() found no descriptor free */

/* ---- connections -------------------------------------------------------------------- */

static void conn_close(struct conn *c)
{
	if (c->state == CONN_FREE)
		return;
	close(c->fd);
	free(c->line);
	*c = (struct conn){.fd = -1};
}

struct conn *conn_by_id(const struct elevation *e, uint64_t id)
{
	struct request_socket *s = e->requests->socket;

	for (size_t i = 0; s && i < CONNS_MAX; i++)
		if (s->conns[i].state != CONN_FREE && s->conns[i].id == id)
			return &s->conns[i];
	return NULL;
}

static void say(int fd, bool granted, const char *why)
{
	_cleanup_(buf_free) struct buf b = {0};

	buf_adds(&b, granted ? "{\"result\":\"granted\"" : "{\"result\":\"denied\"");
	if (why) {
		buf_adds(&b, ",\"why\":");
		buf_add_json_str(&b, why, strlen(why));
	}
	buf_adds(&b, "}\n");
	/* It fits into an empty socket buffer; who filled that goes without. */
	(void)send(fd, b.data, b.len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void conn_answer(struct conn *c, bool granted, const char *why)
{
	say(c->fd, granted, why);
	conn_close(c);
}

void request_socket_answer(struct elevation *e, uint64_t id, bool granted, const char *why)
{
	struct conn *c = conn_by_id(e, id);

	if (c)
		conn_answer(c, granted, why);
}

bool request_socket_waits(const struct elevation *e, uint64_t id)
{
	return conn_by_id(e, id);
}

/* ---- reading ------------------------------------------------------------------------ */

/* Bytes and who wrote them. Descriptors that come along are not taken. */
static ssize_t recv_from(int fd, void *p, size_t n, pid_t *pid)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct iovec iov = {.iov_base = p, .iov_len = n};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};
	ssize_t got = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = got > 0 ? CMSG_FIRSTHDR(&msg) : NULL;
	struct ucred cred;

	*pid = 0;
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS &&
	    c->cmsg_len == CMSG_LEN(sizeof(cred))) {
		memcpy(&cred, CMSG_DATA(c), sizeof(cred));
		*pid = cred.uid == getuid() ? cred.pid : 0;
	}
	return got;
}

static void conn_read(struct elevation *e, struct conn *c)
{
	char extra[64], *end;
	bool reading = c->state == CONN_READING;
	pid_t pid;
	ssize_t n = recv_from(c->fd, reading ? c->line + c->len : extra,
			      reading ? REQUEST_LINE_MAX - c->len : sizeof(extra), &pid);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* One line and no more; one who asks. */
	if (n <= 0 || !reading || (c->pid && c->pid != pid)) {
		conn_close(c);
		return;
	}
	if (!c->pid && (pid <= 0 || !process_inside(e, pid))) {
		conn_answer(c, false, "only programs of the session may ask");
		return;
	}
	c->pid = pid;
	c->len += (size_t)n;
	end = memchr(c->line + c->len - (size_t)n, '\n', (size_t)n);
	if (end)
		conn_line(e, c, (size_t)(end - c->line));
	else if (c->len == REQUEST_LINE_MAX)
		conn_answer(c, false, "the request is too long");
}

/* ---- accepting ---------------------------------------------------------------------- */

static int watch(const struct elevation *e, int fd)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(e->epoll_fd, EPOLL_CTL_ADD, fd, &ev);
}

/* Who connected: the broker for a program that it holds, or a program of the session itself. */
static bool peer_known(const struct elevation *e, int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 && cred.uid == getuid() &&
	       (cred.pid == getpid() || process_inside(e, cred.pid));
}

static void take_conn(struct elevation *e, int fd, uint64_t now)
{
	struct request_socket *s = e->requests->socket;
	struct conn *c = NULL;
	int on = 1;

	for (size_t i = 0; i < CONNS_MAX && !c; i++)
		if (s->conns[i].state == CONN_FREE)
			c = &s->conns[i];
	if (!c || !peer_known(e, fd) ||
	    setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 || watch(e, fd) < 0) {
		say(fd, false, c ? "only programs of the session may ask" : "too many ask at once");
		close(fd);
		return;
	}
	*c = (struct conn){.state = CONN_READING,
			   .id = ++s->last_id,
			   .fd = fd,
			   .until_ns = now + LINE_TIMEOUT_NS,
			   .line = xcalloc(1, REQUEST_LINE_MAX)};
}

static void accept_some(struct elevation *e, uint64_t now)
{
	struct request_socket *s = e->requests->socket;

	if (s->paused_ns && now < s->paused_ns)
		return;
	if (s->paused_ns)
		s->paused_ns = watch(e, s->listen_fd) < 0 ? now + PAUSE_NS : 0;
	for (int i = 0; i < CONNS_MAX; i++) {
		int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0) {
			take_conn(e, fd, now);
			continue;
		}
		if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
			return;
		/* No descriptor free: not asked again at once, for ever. */
		epoll_ctl(e->epoll_fd, EPOLL_CTL_DEL, s->listen_fd, NULL);
		s->paused_ns = now + PAUSE_NS;
		return;
	}
}

int request_socket_dispatch(struct elevation *e)
{
	struct request_socket *s = e->requests->socket;
	uint64_t now = clock_mono_ns(), next;

	if (!s)
		return -1;
	take_resolved(e);
	accept_some(e, now);
	next = s->paused_ns;
	for (size_t i = 0; i < CONNS_MAX; i++) {
		struct conn *c = &s->conns[i];
		if (c->state != CONN_FREE)
			conn_read(e, c);
		if (c->state != CONN_READING)
			continue;
		if (now >= c->until_ns)
			conn_answer(c, false, "the request did not come in time");
		else if (!next || c->until_ns < next)
			next = c->until_ns;
	}
	return !next ? -1 : next <= now ? 0 : (int)((next - now + 999999) / 1000000);
}

/* ---- life --------------------------------------------------------------------------- */

int request_socket_open(struct elevation *e, struct err *err)
{
	const char *path = e->cfg.request_socket;
	struct sockaddr_un sa;
	_cleanup_close_ int dir = request_socket_address(path, &sa);
	_cleanup_close_ int fd = -1;
	struct request_socket *s;
	int on = 1;

	if (dir < 0)
		return err_errno(err, errno, "can't open the directory of %s", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* Credentials also come with what is written before the connection is accepted. */
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    fchmodat(dir, path_base(path), 0600, 0) < 0 || listen(fd, 64) < 0 || watch(e, fd) < 0)
		return err_errno(err, errno, "can't make %s", path);
	s = xcalloc(1, sizeof(*s));
	s->listen_fd = STEAL_FD(fd);
	e->requests->socket = s;
	return 0;
}

void request_socket_close(struct elevation *e)
{
	struct request_socket *s = e->requests->socket;

	if (!s)
		return;
	e->requests->socket = NULL;
	for (size_t i = 0; i < CONNS_MAX; i++)
		conn_close(&s->conns[i]);
	close(s->listen_fd);
	unlink(e->cfg.request_socket);
	free(s);
}
