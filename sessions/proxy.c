/* The proxy's process: made, awaited, ended. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "network/credentials/credentials.h"
#include "sessions/proxy_link.h"

#define PROGRAM	      "nono-proxy"
#define READY_MS      10000
#define END_MS	      1000
#define STDERR_BYTES  4096
#define FIRST_FREE_FD 16

/* ---- what it is told ------------------------------------------------------------------------ */

static void make_phantoms(struct proxy *p)
{
	const struct policy_routes *r = &p->cfg.policy->network.routes;

	p->phantoms = xcalloc(r->n + 1, sizeof(*p->phantoms));
	for (size_t i = 0; i < r->n; i++) {
		char phantom[PHANTOM_MAX];

		credential_phantom(&r->v[i], phantom);
		p->phantoms[i] = xasprintf("%s=%s", r->v[i].name, phantom);
	}
}

struct proxy *proxy_new(const struct proxy_config *cfg)
{
	struct proxy *p = xcalloc(1, sizeof(*p));

	p->cfg = *cfg;
	p->fd = p->err_fd = -1;
	random_hex(p->token, 32);
	make_phantoms(p);
	return p;
}

static void wipe(char **v)
{
	for (; v && *v; v++)
		explicit_bzero(*v, strlen(*v));
}

void proxy_free(struct proxy *p)
{
	if (!p)
		return;
	if (p->pid > 0) {
		kill(p->pid, SIGKILL);
		waitpid(p->pid, NULL, 0);
	}
	if (p->fd >= 0)
		close(p->fd);
	if (p->err_fd >= 0)
		close(p->err_fd);
	wipe(p->phantoms);
	strv_free(p->phantoms);
	explicit_bzero(p->token, sizeof(p->token));
	free(p->hosts.v);
	buf_free(&p->out);
	free(p);
}

/* A file in memory that nobody can change any more. */
int proxy_sealed(const struct buf *b, struct err *err)
{
	_cleanup_close_ int fd = memfd_create("nono-proxy", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || write_full(fd, b->data, b->len) < 0 || lseek(fd, 0, SEEK_SET) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
		return err_errno(err, errno, "can't make the network proxy's configuration");
	return STEAL_FD(fd);
}

static int make_config(const struct proxy *p, struct err *err)
{
	_cleanup_(buf_free) struct buf b = {0};
	struct net_config c = {.network = p->cfg.policy->network,
			       .check_peer = p->shared,
			       .ca_bundle = (char *)(uintptr_t)p->cfg.ca_file,
			       .phantoms = p->phantoms};
	int fd;

	str_copy(c.token, sizeof(c.token), p->token);
	str_copy(c.session_id, sizeof(c.session_id), p->cfg.id);
	net_config_to_json(&c, &b);
	fd = proxy_sealed(&b, err);
	explicit_bzero(b.data, b.len);
	explicit_bzero(c.token, sizeof(c.token));
	return fd;
}

/* What it says before it can say it otherwise, and no more than that. */
static int make_stderr(void)
{
	int fd = memfd_create("nono-proxy: messages", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd >= 0 && (ftruncate(fd, STDERR_BYTES) < 0 ||
			fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) < 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* ---- start ---------------------------------------------------------------------------------- */

/* Beside nono (as built), else where it is installed. */
char *proxy_program(struct err *err)
{
	_cleanup_free_ char *self = path_real("/proc/self/exe", err);
	char *slash = self ? strrchr(self, '/') : NULL, *path;

	if (!slash)
		return NULL;
	*slash = '\0';
	path = xasprintf("%s/" PROGRAM, self);
	if (access(path, X_OK) == 0)
		return path;
	free(path);
	path = xasprintf("%s/../libexec/nono/" PROGRAM, self);
	if (access(path, X_OK) == 0)
		return path;
	free(path);
	err_set(err,
		PROGRAM " is missing: it should be beside nono, or in libexec/nono: install it "
			"again");
	return NULL;
}

_Noreturn void proxy_become(const char *program, const int fds[5], pid_t parent)
{
	char *const argv[] = {(char *)(uintptr_t)PROGRAM, NULL};
	static const int as[] = {NET_FD_CONFIG, NET_FD_BROKER, NET_FD_LISTEN, STDERR_FILENO,
				 NET_FD_WAYS};
	sigset_t none;
	int high[5], null;

	setsid(); /* keys of the terminal are not for it */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (size_t i = 0; i < ARRAY_LEN(high); i++) {
		high[i] = fds[i] < 0 ? -1 : fcntl(fds[i], F_DUPFD, FIRST_FREE_FD);
		if (high[i] < 0 && fds[i] >= 0)
			_exit(127);
	}
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		_exit(127);
	for (size_t i = 0; i < ARRAY_LEN(high); i++)
		if (high[i] >= 0 && dup2(high[i], as[i]) < 0)
			_exit(127);
	close_range(high[4] < 0 ? NET_FD_WAYS : NET_FD_WAYS + 1, ~0u, 0);
	for (int sig = 1; sig < SIGRTMIN; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execv(program, argv);
	dprintf(STDERR_FILENO, "can't execute %s: %s", program, strerror(errno));
	_exit(127);
}

int proxy_make(struct proxy *p, uint16_t port, bool shared, int fds[3], struct err *err)
{
	int pair[2];

	fds[PROXY_FD_SOCKET] = fds[PROXY_FD_STDERR] = -1;
	p->port = port;
	p->shared = shared;
	fds[PROXY_FD_CONFIG] = make_config(p, err);
	if (fds[PROXY_FD_CONFIG] < 0)
		return -1;
	p->err_fd = make_stderr();
	fds[PROXY_FD_STDERR] = p->err_fd < 0 ? -1 : fcntl(p->err_fd, F_DUPFD_CLOEXEC, 3);
	if (fds[PROXY_FD_STDERR] < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) {
		err_errno(err, errno, "can't make descriptors for the network proxy");
		for (int i = 0; i < 3; i++)
			if (fds[i] >= 0)
				close(fds[i]);
		return -1;
	}
	p->fd = pair[0];
	fds[PROXY_FD_SOCKET] = pair[1];
	return 0;
}

int proxy_start(struct proxy *p, int listen_fd, int ways_fd, uint16_t port, bool shared,
		struct err *err)
{
	_cleanup_free_ char *program = proxy_program(err);
	_cleanup_close_ int listener = listen_fd, ways = ways_fd;
	pid_t parent = getpid();
	int fds[3];

	if (!program || proxy_make(p, port, shared, fds, err) < 0)
		return -1;
	p->pid = fork();
	if (p->pid == 0)
		proxy_become(program,
			     (const int[]){fds[PROXY_FD_CONFIG], fds[PROXY_FD_SOCKET], listener,
					   fds[PROXY_FD_STDERR], ways},
			     parent);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	return p->pid < 0 ? err_errno(err, errno, "can't start the network proxy") : 0;
}

/* Why it is gone, from its own mouth if possible. */
static int say_gone(struct proxy *p, struct err *err)
{
	char text[512] = "", shown[512];
	ssize_t n = pread(p->err_fd, text, sizeof(text) - 1, 0);
	int status = 0;

	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (p->pid > 0 && waitpid(p->pid, &status, 0) == p->pid)
		p->pid = 0;
	if (text[0])
		return err_set(err, "the network proxy did not start: %s",
			       text_printable(shown, sizeof(shown), text, strlen(text)));
	if (WIFSIGNALED(status))
		return err_set(err, "the network proxy did not start: it was ended by signal %d",
			       WTERMSIG(status));
	return err_set(err, "the network proxy did not start: it ended with %d",
		       WEXITSTATUS(status));
}

int proxy_hear(struct proxy *p, struct err *err)
{
	char shown[600];
	struct net_msg m;
	ssize_t n = recv(p->fd, &m, sizeof(m), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return say_gone(p, err);
	if (!net_msg_valid(&m, (size_t)n))
		return err_set(err, "the network proxy speaks another language: nono and " PROGRAM
				    " are of different versions");
	if (m.type == NET_FAILED)
		return err_set(err, "network proxy: %s",
			       text_printable(shown, sizeof(shown), m.text, strlen(m.text)));
	return m.type == NET_READY;
}

int proxy_await(struct proxy *p, struct err *err)
{
	struct pollfd poll_fd = {.fd = p->fd, .events = POLLIN};
	uint64_t until = clock_mono_ns() + READY_MS * 1000000ull, now;
	int heard;

	while ((now = clock_mono_ns()) < until) {
		if (poll(&poll_fd, 1, (int)((until - now) / 1000000) + 1) < 0 && errno != EINTR)
			return err_errno(err, errno, "poll");
		heard = proxy_hear(p, err);
		if (heard)
			return heard < 0 ? -1 : 0;
	}
	return err_set(err, "the network proxy was not ready within %d s", READY_MS / 1000);
}

uint16_t proxy_port(const struct proxy *p)
{
	return p ? p->port : 0;
}

/* ---- end ------------------------------------------------------------------------------------ */

void proxy_reaped(struct proxy *p, pid_t pid)
{
	if (p && pid == p->pid)
		p->pid = 0;
}

/* What it has still to say belongs into the log. */
void proxy_end(struct proxy *p)
{
	struct net_msg quit = {.type = NET_QUIT};
	uint64_t until = clock_mono_ns() + END_MS * 1000000ull, now;

	if (!p || p->ending)
		return;
	p->ending = true;
	if (p->fd >= 0) {
		struct pollfd poll_fd = {.fd = p->fd, .events = POLLIN};

		if (send(p->fd, &quit, sizeof(quit), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			until = 0;
		while ((now = clock_mono_ns()) < until &&
		       poll(&poll_fd, 1, (int)((until - now) / 1000000) + 1) != 0)
			if (!proxy_read(p))
				break;
	}
	proxy_lost(p);
	if (p->pid > 0) {
		kill(p->pid, SIGKILL);
		waitpid(p->pid, NULL, 0);
		p->pid = 0;
	}
}
