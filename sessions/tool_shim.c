/*
 * A shim: nono under the name of a tool. It hands its arguments, environment, folder and
 * descriptors to the broker and waits. Without an answer nothing was started, and it says so: it
 * never runs the program itself.
 */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "sessions/tool_tty.h"

extern char **environ;

static int refuse(const char *name, const char *why)
{
	fprintf(stderr, "nono: tool-sandbox denied %s: %s\n", name, why);
	return TOOL_DENIED;
}

bool tool_shim_name(const char *exec, const char **name)
{
	const char *dir = getenv("NONO_TOOL_SANDBOX_SHIM_DIR"), *base = path_base(exec);
	char given[PATH_MAX], real[PATH_MAX], shims[PATH_MAX];
	size_t n = (size_t)(base - exec);

	if (!dir || !*base || n >= sizeof(given))
		return false;
	*name = base;
	memcpy(given, exec, n);
	given[n] = '\0';
	if (n && given[n - 1] == '/' && n > 1)
		given[n - 1] = '\0';
	if (str_eq(given, dir))
		return true;
	return realpath(*given ? given : ".", real) && realpath(dir, shims) && str_eq(real, shims);
}

/* ---- asking -------------------------------------------------------------------------- */

static int connect_broker(void)
{
	const char *path = getenv("NONO_TOOL_SANDBOX_SOCKET");
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = -1;

	if (!path || !str_copy(sa.sun_path, sizeof(sa.sun_path), path))
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return -1;
	return STEAL_FD(fd);
}

static uint32_t add_all(struct buf *b, char *const *v)
{
	uint32_t n = 0;

	for (; v && v[n] && n < TOOL_STRINGS_MAX; n++)
		buf_add(b, v[n], strlen(v[n]) + 1);
	return n;
}

/* NULL: sent. */
static const char *send_call(int sock, const char *name, char *const *args,
			     const struct tool_terminal *terminal)
{
	_cleanup_(buf_free) struct buf b = {0};
	struct tool_header h = {.magic = TOOL_MAGIC, .terminal = *terminal};
	char cwd[PATH_MAX];
	const int fds[3] = {0, 1, 2};

	if (!getcwd(cwd, sizeof(cwd)) || cwd[0] != '/')
		return "the working directory has no path";
	buf_add(&b, name, strlen(name) + 1);
	buf_add(&b, cwd, strlen(cwd) + 1);
	h.argc = add_all(&b, args);
	h.envc = add_all(&b, environ);
	if (b.len > TOOL_BYTES_MAX)
		return "the arguments and the environment are too long";
	h.bytes = (uint32_t)b.len;
	if (tool_send(sock, &h, sizeof(h), fds, 3) != (ssize_t)sizeof(h) ||
	    write_full(sock, b.data, b.len) < 0)
		return "the session does not take it";
	return NULL;
}

/* ---- waiting ------------------------------------------------------------------------- */

static const int passed_on[] = {SIGINT,	 SIGTERM, SIGHUP,  SIGQUIT, SIGUSR1,
				SIGUSR2, SIGCONT, SIGTSTP, SIGWINCH};

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_LEN(passed_on); i++)
		sigaddset(&set, passed_on[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void send_signal(int sock, int sig)
{
	struct tool_note n = {TOOL_MAGIC, sig};

	(void)send(sock, &n, sizeof(n), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void pass_signals(int sigfd, int sock, struct tool_tty *tty)
{
	struct signalfd_siginfo si;

	while (read(sigfd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		if (si.ssi_pid == (uint32_t)getpid())
			continue; /* for the rest of the job; the tool has it by its terminal */
		if (si.ssi_signo == SIGWINCH && tty->master >= 0) {
			tool_tty_resize(tty);
			continue;
		}
		send_signal(sock, (int)si.ssi_signo);
		/* The tool is no child of ours: it stops, and so do we. With a terminal we are
		 * told. */
		if (si.ssi_signo == SIGTSTP && tty->master < 0)
			raise(SIGSTOP);
	}
}

static int copy_text(int sock, int to, uint32_t n)
{
	char buf[4096];

	while (n) {
		size_t want = n < sizeof(buf) ? n : sizeof(buf);

		if (read_full(sock, buf, want) != (ssize_t)want)
			return -1;
		(void)write_full(to, buf, want);
		n -= (uint32_t)want;
	}
	return 0;
}

/* 1: the end, 0: go on, -1: no answer. */
static int take_reply(int sock, struct tool_reply *r, struct tool_tty *tty)
{
	int fd = -1;
	size_t n_fds, have;
	pid_t pid;
	ssize_t n = tool_recv(sock, r, sizeof(*r), 0, &fd, 1, &n_fds, &pid, NULL);

	have = n > 0 ? (size_t)n : 0;
	if (!have ||
	    (have < sizeof(*r) && read_full(sock, (char *)r + have, sizeof(*r) - have) !=
				      (ssize_t)(sizeof(*r) - have)) ||
	    r->magic != TOOL_MAGIC) {
		if (n_fds)
			close(fd);
		return -1;
	}
	if (n_fds && r->type == TOOL_TERMINAL)
		tool_tty_begin(tty, fd);
	else if (n_fds)
		close(fd);
	if (r->type == TOOL_STOPPED) {
		tool_tty_stop(tty, r->code);
		send_signal(sock, SIGCONT);
	}
	return r->type == TOOL_END;
}

/* As the program died; a core would be of the wrong one. */
static void die_by(int sig)
{
	const struct rlimit none = {0};
	sigset_t set;

	setrlimit(RLIMIT_CORE, &none);
	sigemptyset(&set);
	sigaddset(&set, sig);
	signal(sig, SIG_DFL);
	raise(sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static int await_reply(int sock, const char *name, struct tool_tty *tty)
{
	_cleanup_close_ int sigfd = open_signals();
	struct tool_reply r;
	int end = 0;

	while (!end) {
		struct pollfd p[4] = {{.fd = sock, .events = POLLIN},
				      {.fd = sigfd, .events = POLLIN}};
		int wait = tool_tty_poll(tty, &p[2]);

		if (poll(p, ARRAY_LEN(p), wait) < 0 && errno != EINTR) {
			tool_tty_end(tty);
			return refuse(name, strerror(errno));
		}
		if (p[1].revents)
			pass_signals(sigfd, sock, tty);
		if (tool_tty_step(tty, &p[2]))
			send_signal(sock, SIGTTOU);
		if (p[0].revents)
			end = take_reply(sock, &r, tty);
	}
	tool_tty_end(tty);
	if (end < 0)
		return refuse(name, "the session gave no answer");
	if (copy_text(sock, STDOUT_FILENO, r.out_bytes) < 0 ||
	    copy_text(sock, STDERR_FILENO, r.err_bytes) < 0)
		return TOOL_DENIED;
	if (r.sig > 0 && r.sig < SIGRTMIN)
		die_by(r.sig);
	return r.code & 0xff;
}

/* Before anything is opened, or that would be the tool's input. */
static bool fill_descriptors(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY) != fd)
			return false;
	return true;
}

int tool_shim_main(const char *name, char *const *args)
{
	_cleanup_close_ int sock = -1;
	struct tool_terminal terminal;
	struct tool_tty tty;
	const char *why;

	signal(SIGPIPE, SIG_IGN);
	if (!fill_descriptors())
		return TOOL_DENIED;
	sock = connect_broker();
	if (sock < 0)
		return refuse(name, "the session's tool socket can't be reached");
	tool_tty_open(&tty, &terminal);
	why = send_call(sock, name, args, &terminal);
	return why ? refuse(name, why) : await_reply(sock, name, &tty);
}
