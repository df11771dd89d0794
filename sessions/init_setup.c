/* What init makes before the program exists. */
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>

#include "network/network.h"
#include "sessions/init_setup.h"
#include "sessions/tool_wire.h"

_Noreturn void init_fail(const struct init_config *cfg, const struct nono_layers *layers,
			 bool enter, int code, const char *text)
{
	struct init_msg m = {.type = INIT_FAILED, .value = code, .enter = enter, .layers = *layers};

	str_copy(m.text, sizeof(m.text), text);
	init_send(cfg->sock, &m, -1);
	_exit(1);
}

int init_open_pty(const struct init_config *cfg, int *slave, char *why, size_t size)
{
	struct winsize ws = {.ws_col = (unsigned short)cfg->cols,
			     .ws_row = (unsigned short)cfg->rows};
	int flags = O_RDWR | O_NOCTTY | O_CLOEXEC, unlock = 0;
	/* Inside a mount namespace with a devpts of its own both names lead there. */
	int master = open("/dev/ptmx", flags);
	struct termios t;

	if (master < 0)
		master = open("/dev/pts/ptmx", flags);
	if (master < 0) {
		snprintf(why, size, "can't open a terminal (/dev/ptmx): %s", strerror(errno));
		return -1;
	}
	*slave = ioctl(master, TIOCSPTLCK, &unlock) < 0 ? -1 : ioctl(master, TIOCGPTPEER, flags);
	if (*slave < 0) {
		snprintf(why, size, "can't open the terminal's other side: %s", strerror(errno));
		close(master);
		return -1;
	}
	if (tcgetattr(*slave, &t) == 0 && cfg->tool) {
		tool_terminal_to(cfg->tool->terminal, &t, &ws);
		tcsetattr(*slave, TCSANOW, &t);
	}
	ioctl(master, TIOCSWINSZ, &ws);
	if (!cfg->tool && tcgetattr(*slave, &t) == 0) {
		t.c_iflag |= IUTF8;
		tcsetattr(*slave, TCSANOW, &t);
	}
	return master;
}

/* The program's group must have a parent in its session, or the kernel stops nothing of it: here
 * init leads the session. It blocks all signals, so that the terminal's are nothing to it. */
int init_lend_terminal(const struct init_config *cfg, int slave)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	if (setsid() < 0 || ioctl(slave, TIOCSCTTY, 0) < 0)
		return -1;
	for (unsigned i = 0; i < 3; i++)
		if (cfg->tool->terminal->fds & (1u << i) && dup2(slave, cfg->tool->fds[i]) < 0)
			return -1;
	return 0;
}

/* Made here, inside the session's network and before its program exists. */
void init_open_proxy_socket(struct init_config *cfg, const struct nono_layers *layers)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons(cfg->proxy_port),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct init_msg m = {.type = INIT_LISTEN};
	socklen_t n = sizeof(a);
	char why[256];

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, n) < 0 || listen(fd, 4096) < 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &n) < 0) {
		int code = errno;

		snprintf(why, sizeof(why),
			 "can't listen on port %u of 127.0.0.1 for the network "
			 "proxy: %s%s",
			 cfg->proxy_port, strerror(code),
			 code == EADDRINUSE ? " (--proxy-port chooses another one)" : "");
		init_fail(cfg, layers, false, code, why);
	}
	cfg->proxy_port = ntohs(a.sin_port);
	m.value = cfg->proxy_port;
	if (init_send(cfg->sock, &m, fd) < 0)
		_exit(1);
	close(fd);
}

/* Sockets of this network, which lead to what the program will listen at. */
void init_send_ways(const struct init_config *cfg, const struct nono_layers *layers)
{
	struct iovec v = {"", 1};
	struct init_msg way = {.type = INIT_WAYS};
	int fds[NET_WAYS], pair[2];
	size_t n = 0;

	for (size_t i = 0; i < NET_WAYS; i++) { /* IPv6 may be switched off */
		int fd = socket(i < NET_WAYS / 2 ? AF_INET : AF_INET6,
				SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

		if (fd >= 0)
			fds[n++] = fd;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ||
	    fds_send(pair[0], &v, 1, fds, n, 0) < 0)
		init_fail(cfg, layers, false, errno,
			  "can't make sockets for the answers to logins");
	if (init_send(cfg->sock, &way, pair[1]) < 0)
		_exit(1);
	close(pair[0]);
	close(pair[1]);
	while (n)
		close(fds[--n]);
}

int init_send_maker(const struct init_config *cfg, const struct nono_layers *layers)
{
	struct init_msg m = {.type = INIT_SOCKETS};
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		init_fail(cfg, layers, false, errno, "can't make a socket pair");
	if (init_send(cfg->sock, &m, pair[1]) < 0)
		_exit(1);
	close(pair[1]);
	return pair[0];
}
