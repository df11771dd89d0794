/*
 * A shim: nono under the name of a tool. It hands its arguments, environment, folder and
 * descriptors to the broker and waits. Without an answer nothing was started, and it says so: it
 * never runs the program itself.
 */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "sessions/tool_wire.h"

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
static const char *send_call(int sock, const char *name, char *const *args)
{
	_cleanup_(buf_free) struct buf b = {0};
	struct tool_header h = {.magic = TOOL_MAGIC};
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

static void pass_signals(int sigfd, int sock)
{
	struct signalfd_siginfo si;

	while (read(sigfd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		struct tool_note n = {TOOL_MAGIC, (int32_t)si.ssi_signo};

		(void)send(sock, &n, sizeof(n), MSG_NOSIGNAL | MSG_DONTWAIT);
		/* The tool is no child of ours: it stops, and so do we. */
		if (si.ssi_signo == SIGTSTP)
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

static int await_reply(int sock, const char *name)
{
	_cleanup_close_ int sigfd = open_signals();
	struct pollfd p[2] = {{.fd = sock, .events = POLLIN}, {.fd = sigfd, .events = POLLIN}};
	struct tool_reply r;

	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return refuse(name, strerror(errno));
		if (p[1].revents)
			pass_signals(sigfd, sock);
		if (p[0].revents)
			break;
	}
	if (read_full(sock, &r, sizeof(r)) != (ssize_t)sizeof(r) || r.magic != TOOL_MAGIC)
		return refuse(name, "the session gave no answer");
	if (copy_text(sock, STDOUT_FILENO, r.out_bytes) < 0 ||
	    copy_text(sock, STDERR_FILENO, r.err_bytes) < 0)
		return TOOL_DENIED;
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
	const char *why;

	signal(SIGPIPE, SIG_IGN);
	if (!fill_descriptors())
		return TOOL_DENIED;
	sock = connect_broker();
	if (sock < 0)
		return refuse(name, "the session's tool socket can't be reached");
	why = send_call(sock, name, args);
	return why ? refuse(name, why) : await_reply(sock, name);
}
