/*
 * nono connect: a connection by name out of a session, for programs that know no proxies. Run as
 * ssh's ProxyCommand: the standard input and output are the connection.
 *
 * Sources: RFC 9110 9.3.6 (CONNECT), RFC 7617 (Basic).
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "cli/way.h"
#include "network/network.h"

#define CHUNK	   65536
#define BODY_MAX   2048
#define TIMEOUT_MS 5000 /* for the rest of an answer that says no */

/* ---- asking ------------------------------------------------------------------------------------
 */

/* What it says in the body: why not, and which flag would help. */
static int say_refusal(int fd, int status, const char *target, struct err *err)
{
	char body[BODY_MAX], shown[2 * BODY_MAX];
	struct pollfd p = {.fd = fd, .events = POLLIN};
	size_t n = 0;
	ssize_t r;

	while (n < sizeof(body) - 1 && poll(&p, 1, TIMEOUT_MS) > 0 &&
	       (r = read(fd, body + n, sizeof(body) - 1 - n)) > 0)
		n += (size_t)r;
	while (n && (body[n - 1] == '\n' || body[n - 1] == '\r'))
		n--;
	text_printable(shown, sizeof(shown), body, n);
	if (n) /* it names the target, and itself, which the message does, too */
		return err_set(err, "%s", str_starts(shown, "nono: ") ? shown + 6 : shown);
	if (status == 407)
		return err_set(err,
			       "%s: the network proxy does not know the session's token "
			       "(HTTPS_PROXY was changed)",
			       target);
	return err_set(err, "%s: the network proxy refused it (%d)", target, status);
}

static int ask(int fd, const struct way *w, const char *target, struct err *err)
{
	_cleanup_free_ char *head = xcalloc(1, WAY_HEAD_MAX);
	_cleanup_free_ char *request = xasprintf("CONNECT %s HTTP/1.1\r\nHost: %s\r\n"
						 "Proxy-Authorization: Basic %s\r\n\r\n",
						 target, target, w->auth);
	int status;

	if (write_full(fd, request, strlen(request)) < 0)
		return err_errno(err, errno, "can't write to the network proxy");
	if (way_read_head(fd, head, err) < 0)
		return -1;
	if (sscanf(head, "HTTP/1.%*1[01] %3d", &status) != 1)
		return err_set(err, "the network proxy's answer is not HTTP");
	return status / 100 == 2 ? 0 : say_refusal(fd, status, target, err);
}

/* ---- passing on --------------------------------------------------------------------------------
 */

struct half {
	int from, to;
	char *data;
	size_t at, n;
	bool ended, told; /* no more comes; and the other side knows */
};

static void end_half(struct half *h)
{
	if (!h->ended || h->n || h->told)
		return;
	h->told = true;
	if (shutdown(h->to, SHUT_WR) < 0)
		close(h->to);
}

/* -1: the reader is gone. */
static int step(struct half *h, short from, short to)
{
	ssize_t r;

	if (!h->n && !h->ended && from) {
		r = read(h->from, h->data, CHUNK);
		if (r < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		h->ended = r <= 0;
		h->at = 0;
		h->n = r > 0 ? (size_t)r : 0;
	}
	if (h->n && to) {
		r = write(h->to, h->data + h->at, h->n);
		if (r < 0 && errno != EAGAIN && errno != EINTR)
			return -1;
		h->at += r > 0 ? (size_t)r : 0;
		h->n -= r > 0 ? (size_t)r : 0;
	}
	end_half(h);
	return 0;
}

/* Ends with the connection; that nobody writes any more does not end what still comes. */
static int relay(int fd, struct err *err)
{
	struct half out = {.from = STDIN_FILENO, .to = fd, .data = xcalloc(1, CHUNK)};
	struct half in = {.from = fd, .to = STDOUT_FILENO, .data = xcalloc(1, CHUNK)};
	int rc = 0;

	while (rc == 0 && !in.told) {
		struct pollfd p[4] = {
		    {.fd = out.n || out.ended ? -1 : out.from, .events = POLLIN},
		    {.fd = out.n ? out.to : -1, .events = POLLOUT},
		    {.fd = in.n || in.ended ? -1 : in.from, .events = POLLIN},
		    {.fd = in.n ? in.to : -1, .events = POLLOUT},
		};

		if (poll(p, ARRAY_LEN(p), -1) < 0 && errno != EINTR)
			rc = err_errno(err, errno, "poll");
		else if (step(&in, p[2].revents, p[3].revents) < 0)
			break; /* nobody reads any more */
		else if (step(&out, p[0].revents, p[1].revents) < 0)
			out.ended = true, out.n = 0, out.told = true;
	}
	free(out.data);
	free(in.data);
	return rc;
}

static int connect_run(struct cli *cli, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int fd = -1;
	struct net_host host;
	struct way way;
	uint16_t port = 0;
	char target[NET_NAME_MAX + 16];

	if (way_find(&way, "nono connect", err) < 0)
		return -1;
	text =
	    xasprintf(strchr(cli->args[0], ':') ? "[%s]:%s" : "%s:%s", cli->args[0], cli->args[1]);
	if (net_authority_parse(text, strlen(text), &host, &port, err) < 0 || !port) {
		if (err)
			err->cls = ERR_USAGE;
		return -1;
	}
	snprintf(target, sizeof(target), strchr(host.name, ':') ? "[%s]:%u" : "%s:%u", host.name,
		 port);
	fd = way_connect(&way, err);
	if (fd < 0)
		return -1;
	if (ask(fd, &way, target, err) < 0)
		return -1;
	fd_set_nonblock(fd, true);
	return relay(fd, err);
}

const struct command command_connect = {
    .name = "connect",
    .group = GROUP_REQUESTS,
    .usage = "HOST PORT",
    .summary = "Connect by name, from inside a session",
    .details =
	"For programs that know no proxies: the standard input and output are the connection, "
	"which\n"
	"the session's network proxy makes, if the host is in its list. git's ssh uses it by "
	"itself\n"
	"(GIT_SSH_COMMAND); for others:\n\n"
	"  ssh -o ProxyCommand='nono connect %h %p' host\n\n"
	"Ends when the other side does. Exit code 1 says that the connection was refused.\n",
    .min_args = 2,
    .max_args = 2,
    .arg = "a host and a port",
    .run = connect_run,
};
