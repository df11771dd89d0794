/* Sources: pty(7), tty_ioctl(4), fork(2). */
#include "sessions/shield.h"
#include "common/remark.h"
#include "pty/pty.h"
#include "sandbox/nono.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>

#define LAST_MS 2000 /* for the last bytes; whoever holds the terminal longer goes without */

/* ---- the process that filters -------------------------------------------------------------- */

static volatile sig_atomic_t resized;

static void on_resize(int sig)
{
	(void)sig;
	resized = 1;
}

static void copy_size(int tty, int master)
{
	struct winsize size;

	resized = 0;
	if (ioctl(tty, TIOCGWINSZ, &size) == 0)
		ioctl(master, TIOCSWINSZ, &size);
}

static void filter_all(int master, int tty)
{
	char in[16384], out[sizeof(in) + PTY_FILTER_MORE];
	struct pty_filter f = {0};

	for (;;) {
		ssize_t n = read(master, in, sizeof(in));

		if (resized)
			copy_size(tty, master);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) /* EIO: nobody has it open any more */
			return;
		n = (ssize_t)pty_filter(&f, in, (size_t)n, out);
		if (write_full(tty, out, (size_t)n) < 0)
			return;
	}
}

/* It is in the user's foreground group, and outlives what ends that. */
static void take_signals(void)
{
	static const int ignored[] = {SIGINT, SIGQUIT, SIGTSTP, SIGTTOU, SIGHUP, SIGTERM, SIGPIPE};
	struct sigaction sa = {.sa_handler = on_resize};
	sigset_t none;

	for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
		signal(ignored[i], SIG_IGN);
	sigaction(SIGWINCH, &sa, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void in_relay(int master, int tty, int done)
{
	const int want[] = {master, tty, done};
	struct nono_error err = {0};
	int high[3];

	prctl(PR_SET_NAME, "nono: output");
	prctl(PR_SET_DUMPABLE, 0);
	for (size_t i = 0; i < 3; i++)
		if ((high[i] = fcntl(want[i], F_DUPFD, 10)) < 0)
			_exit(1);
	for (int i = 0; i < 3; i++)
		if (dup2(high[i], i) < 0)
			_exit(1);
	close_range(3, ~0u, 0);
	take_signals();
	if (nono_confine_helper(&err) < 0 || write(2, "", 1) != 1)
		_exit(1);
	copy_size(1, 0);
	filter_all(0, 1);
	_exit(0);
}

/* Not a child of ours: what the session leaves behind is killed by who is whose child. */
static int start_relay(int master, int tty, int done, struct err *err)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		pid = fork();
		if (pid == 0)
			in_relay(master, tty, done);
		_exit(pid < 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0)
		return err_errno(err, pid < 0 ? errno : EAGAIN,
				 "can't start the process that filters the terminal's output");
	return 0;
}

/* ---- descriptors --------------------------------------------------------------------------- */

static int replace(struct shield *s, int fd, int by, struct err *err)
{
	s->saved[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 10);
	if (s->saved[fd] < 0 || dup2(by, fd) < 0)
		return err_errno(err, errno, "can't replace descriptor %d", fd);
	return 0;
}

static bool same_terminal(int a, int b)
{
	unsigned x, y;

	return ioctl(a, TIOCGDEV, &x) == 0 && ioctl(b, TIOCGDEV, &y) == 0 && x == y;
}

/* By its own name, else as the controlling terminal, which is open to whoever has it (su(1) leaves
 * the name to the user before). */
static int open_to_read(void)
{
	int fd = open("/proc/self/fd/0", O_RDONLY | O_NOCTTY | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);
	if (fd >= 0 && !same_terminal(fd, 0)) {
		close(fd);
		fd = -1;
		errno = EACCES;
	}
	return fd;
}

/* Not for writing: not even by whom it is passed on to. */
static int own_input(struct shield *s, struct err *err)
{
	_cleanup_close_ int fd = open_to_read();

	if (fd < 0) {
		remark("nono: the terminal is another user's (%s): the program has no input from "
		       "it",
		       strerror(errno));
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	}
	return fd < 0 ? err_errno(err, errno, "can't open /dev/null") : replace(s, 0, fd, err);
}

static int open_pair(int like, int *master, int *slave, struct err *err)
{
	struct termios t;
	char name[64];

	*master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	*slave = -1;
	if (*master >= 0 && grantpt(*master) == 0 && unlockpt(*master) == 0 &&
	    ptsname_r(*master, name, sizeof(name)) == 0)
		*slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (*slave < 0)
		return err_errno(err, errno, "can't make a terminal for the program's output");
	if (tcgetattr(like, &t) == 0) {
		t.c_oflag &= ~(tcflag_t)OPOST; /* the user's own does that */
		t.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(*slave, TCSANOW, &t);
	}
	return 0;
}

static int own_output(struct shield *s, const bool *tty, struct err *err)
{
	int like = tty[1] ? 1 : 2, pair[2];
	_cleanup_close_ int master = -1, slave = -1, done = -1;
	char ready;

	if (open_pair(like, &master, &slave, err) < 0)
		return -1;
	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_errno(err, errno, "can't make a pipe");
	s->relay = pair[0];
	done = pair[1];
	if (start_relay(master, like, done, err) < 0)
		return -1;
	close(STEAL_FD(done));
	if (read(s->relay, &ready, 1) != 1)
		return err_set(err, "the process that filters the terminal's output did not start");
	for (int fd = 1; fd < 3; fd++)
		if (tty[fd] && replace(s, fd, slave, err) < 0)
			return -1;
	return 0;
}

int shield_open(struct shield *s, struct err *err)
{
	const bool tty[] = {isatty(0), isatty(1), isatty(2)};

	*s = (struct shield){.saved = {-1, -1, -1}, .relay = -1};
	if (((tty[1] || tty[2]) && own_output(s, tty, err) < 0) ||
	    (tty[0] && own_input(s, err) < 0)) {
		shield_close(s);
		return -1;
	}
	return 0;
}

void shield_close(struct shield *s)
{
	struct pollfd p = {.fd = s->relay, .events = POLLIN};

	for (int fd = 0; fd < 3; fd++)
		if (s->saved[fd] >= 0) {
			fflush(fd == 1 ? stdout : stderr);
			dup2(s->saved[fd], fd);
			close(s->saved[fd]);
		}
	if (s->relay >= 0) {
		poll(&p, 1, LAST_MS); /* the end of it */
		close(s->relay);
	}
	*s = (struct shield){.saved = {-1, -1, -1}, .relay = -1};
}
