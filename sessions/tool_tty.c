#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/ioctl.h>

#include "sessions/tool_tty.h"

#define TICK_MS	     200 /* is it in the foreground? has somebody left the keys? */
#define HOLD_BACK_NS 300000000ull
#define REST_MS	     200 /* for the last bytes */

/* ---- what the caller has ----------------------------------------------------------------------
 */

void tool_terminal_from(struct tool_terminal *say, const struct termios *t,
			const struct winsize *size)
{
	say->cols = size->ws_col;
	say->rows = size->ws_row;
	say->iflag = t->c_iflag;
	say->oflag = t->c_oflag;
	say->cflag = t->c_cflag;
	say->lflag = t->c_lflag;
	for (size_t i = 0; i < ARRAY_LEN(say->cc) && i < NCCS; i++)
		say->cc[i] = t->c_cc[i];
}

void tool_terminal_to(const struct tool_terminal *say, struct termios *t, struct winsize *size)
{
	*size = (struct winsize){.ws_col = say->cols, .ws_row = say->rows};
	t->c_iflag = say->iflag;
	t->c_oflag = say->oflag;
	/* Its speed and size of characters are the kernel's to say. */
	t->c_cflag = (t->c_cflag & ~(tcflag_t)HUPCL) | (say->cflag & HUPCL);
	t->c_lflag = say->lflag;
	for (size_t i = 0; i < ARRAY_LEN(say->cc) && i < NCCS; i++)
		t->c_cc[i] = say->cc[i];
}

static bool in_front(const struct tool_tty *t)
{
	pid_t front = tcgetpgrp(t->tty);

	return front == getpgrp();
}

/* In the background: what is set now is the shell's own, while it reads a line. */
static void make_plain(struct termios *t)
{
	t->c_iflag |= ICRNL | IXON;
	t->c_oflag |= OPOST | ONLCR;
	t->c_lflag |= ICANON | ECHO | ECHOE | ECHOK | ISIG | IEXTEN;
}

/* By its own name: what is locked is this terminal, and not every session's /dev/tty. */
static int open_own(const int *which)
{
	int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

	for (int i = 0; fd >= 0 && i < 3; i++) {
		int own = which[i] ? fcntl(i, F_DUPFD_CLOEXEC, 3) : -1;

		/* Read and written, whatever the shell opened it for. */
		if (own >= 0 && (fcntl(own, F_GETFL) & O_ACCMODE) == O_RDWR) {
			close(fd);
			return own;
		}
		if (own >= 0)
			close(own);
	}
	return fd;
}

void tool_tty_open(struct tool_tty *t, struct tool_terminal *say)
{
	struct winsize size = {0};
	int probe = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC), which[3] = {0};
	unsigned device = 0;

	*t = (struct tool_tty){.tty = -1, .master = -1, .since_ns = clock_mono_ns()};
	*say = (struct tool_terminal){0};
	if (probe < 0)
		return;
	/* The terminal's number, whichever name it was opened by. */
	if (ioctl(probe, TIOCGDEV, &device) == 0)
		for (int i = 0; i < 3; i++) {
			unsigned other;

			which[i] = isatty(i) && ioctl(i, TIOCGDEV, &other) == 0 && other == device;
		}
	close(probe);
	t->tty = open_own(which);
	if (t->tty < 0 || tcgetattr(t->tty, &t->before) < 0) {
		if (t->tty >= 0)
			close(t->tty);
		t->tty = -1;
		return;
	}
	ioctl(t->tty, TIOCGWINSZ, &size);
	t->sent = t->before;
	if (!in_front(t))
		make_plain(&t->sent);
	t->eager = which[1];
	t->mine = (t->sent.c_lflag & ICANON) && (which[0] || which[1] || which[2]);
	tool_terminal_from(say, &t->sent, &size);
	say->on = 1;
	for (int i = 0; i < 3; i++)
		say->fds |= which[i] ? 1u << i : 0;
}

/* ---- whose keys -------------------------------------------------------------------------------
 */

static void give_back(struct tool_tty *t, const struct termios *as)
{
	if (t->raw && in_front(t))
		tcsetattr(t->tty, TCSADRAIN, as);
	t->raw = false;
	if (t->has_keys)
		flock(t->tty, LOCK_UN);
	t->has_keys = false;
}

/* The tool has switched the echo or lines off. */
static bool asks(const struct tool_tty *t)
{
	struct termios now;

	return tcgetattr(t->master, &now) == 0 &&
	       ((t->sent.c_lflag & ~now.c_lflag) & (ICANON | ECHO));
}

/* Of several tools in a pipe one reads the keys: the one that draws, else who comes first. */
static void want_keys(struct tool_tty *t)
{
	struct termios raw;

	if (!in_front(t)) {
		give_back(t, &t->before);
		return;
	}
	/* What asks need not wait for what draws. */
	if (!t->has_keys && !asks(t) &&
	    (!t->mine || (!t->eager && clock_mono_ns() < t->since_ns + HOLD_BACK_NS)))
		return;
	if (!t->has_keys && flock(t->tty, LOCK_EX | LOCK_NB) < 0)
		return;
	t->has_keys = true;
	if (t->raw)
		return;
	/* As it is for this job: a shell that reads a line has other modes. */
	if (tcgetattr(t->tty, &t->before) < 0)
		return;
	raw = t->before;
	cfmakeraw(&raw);
	t->raw = tcsetattr(t->tty, TCSADRAIN, &raw) == 0;
}

/* The tool's terminal is in a mode that programs use which want each key. */
static bool wants_each_key(const struct tool_tty *t)
{
	struct termios now;

	return (t->sent.c_lflag & ICANON) && tcgetattr(t->master, &now) == 0 &&
	       !(now.c_lflag & ICANON);
}

/* Keys that mean a signal mean it for the whole job, not for the tool alone; its own terminal
 * signals the tool. */
static void signal_job(const struct tool_tty *t, const char *keys, size_t n)
{
	struct termios now;

	if (tcgetattr(t->master, &now) < 0 || !(now.c_lflag & ISIG))
		return;
	for (size_t i = 0; i < n; i++) {
		if (!keys[i])
			continue;
		if ((unsigned char)keys[i] == now.c_cc[VINTR])
			kill(0, SIGINT);
		else if ((unsigned char)keys[i] == now.c_cc[VQUIT])
			kill(0, SIGQUIT);
	}
}

/* ---- bytes ------------------------------------------------------------------------------------
 */

/* False: nothing more will come. */
static bool pass_output(struct tool_tty *t)
{
	char buf[8192];
	ssize_t n = read(t->master, buf, sizeof(buf));

	if (n > 0)
		(void)write_full(t->tty, buf, (size_t)n);
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static void take_keys(struct tool_tty *t)
{
	ssize_t n;

	if (!in_front(t)) /* or it would stop us */
		return;
	n = read(t->tty, t->keys, sizeof(t->keys));
	if (n <= 0)
		return;
	t->n_keys = (size_t)n;
	signal_job(t, t->keys, t->n_keys);
}

static void pass_keys(struct tool_tty *t)
{
	ssize_t n = write(t->master, t->keys, t->n_keys);

	if (n < 0 && errno != EAGAIN && errno != EINTR)
		t->n_keys = 0;
	if (n <= 0)
		return;
	t->n_keys -= (size_t)n;
	memmove(t->keys, t->keys + n, t->n_keys);
}

/* ---- its life ---------------------------------------------------------------------------------
 */

void tool_tty_begin(struct tool_tty *t, int fd)
{
	if (t->tty < 0 || t->master >= 0) {
		close(fd);
		return;
	}
	t->master = fd;
	fd_set_nonblock(fd, true);
	want_keys(t);
}

int tool_tty_poll(struct tool_tty *t, struct pollfd p[2])
{
	p[0] = p[1] = (struct pollfd){.fd = -1};
	if (t->master < 0 || t->over)
		return -1;
	want_keys(t);
	t->held = t->held && !in_front(t);
	if (t->held)
		return TICK_MS;
	p[0] =
	    (struct pollfd){.fd = t->master, .events = (short)(POLLIN | (t->n_keys ? POLLOUT : 0))};
	if (t->has_keys && !t->n_keys)
		p[1] = (struct pollfd){.fd = t->tty, .events = POLLIN};
	return TICK_MS;
}

bool tool_tty_step(struct tool_tty *t, const struct pollfd p[2])
{
	if (t->master < 0 || t->held)
		return false;
	/* Before a byte of it is shown. */
	t->held = !in_front(t) && wants_each_key(t);
	if (t->held)
		return true;
	if (p[1].revents)
		take_keys(t);
	if (t->n_keys)
		pass_keys(t);
	/* No echo of what is typed as soon as the question is seen. */
	if (p[0].revents & POLLIN)
		want_keys(t);
	/* Its end: init is gone, and so will be the broker's silence. */
	if ((p[0].revents & (POLLIN | POLLHUP | POLLERR)) && !pass_output(t))
		t->over = true;
	return false;
}

void tool_tty_resize(struct tool_tty *t)
{
	struct winsize size;

	if (t->master >= 0 && ioctl(t->tty, TIOCGWINSZ, &size) == 0)
		ioctl(t->master, TIOCSWINSZ, &size);
}

/* As the kernel does: nothing stops that nobody could continue. */
static void stop_self(int sig)
{
	sigset_t one, before;

	if (sig == SIGSTOP) {
		raise(sig);
		return;
	}
	sigemptyset(&one);
	sigaddset(&one, sig);
	signal(sig, SIG_DFL);
	kill(0, sig);
	sigprocmask(SIG_UNBLOCK, &one, &before); /* here */
	sigprocmask(SIG_SETMASK, &before, NULL);
}

void tool_tty_stop(struct tool_tty *t, int by)
{
	int sig = by == SIGSTOP ? SIGSTOP : SIGTSTP;

	while (t->master >= 0 && !t->held && pass_output(t))
		if (poll(&(struct pollfd){.fd = t->master, .events = POLLIN}, 1, 10) <= 0)
			break;
	t->held = false;
	do {
		give_back(t, &t->before);
		stop_self(sig);
		sig = SIGTTIN;
	} while (t->master >= 0 && !in_front(t) && wants_each_key(t) && tcgetpgrp(t->tty) > 0 &&
		 getsid(0) != getpid());
	t->since_ns = clock_mono_ns();
	tool_tty_resize(t);
}

void tool_tty_end(struct tool_tty *t)
{
	struct termios now = t->before;

	if (t->master < 0)
		return;
	/* What it changed stays so, as if it had been this one. */
	if (tcgetattr(t->master, &now) < 0 || memcmp(&now, &t->sent, sizeof(now)) == 0)
		now = t->before;
	now.c_cflag = t->before.c_cflag;
	while (poll(&(struct pollfd){.fd = t->master, .events = POLLIN}, 1, REST_MS) > 0)
		if (!pass_output(t))
			break;
	give_back(t, &now);
	close(t->master);
	t->master = -1;
}
