/* A process that does nothing but wait for our end, and restores the terminal if we did not. */
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "tui/term.h"

/* CAN ends a sequence that was cut in the middle. Modes off, pen and cursor as they were, the
 * title back, the normal screen. */
const char term_leave_sequence[] =
    "\030\033[?2026l\033[<u\033[?2004l\033[?1004l\033[?1003l\033[?1002l\033[?1006l\033[?2031l"
    "\033]8;;\033\\\033[m\033[?7h\033[0 q\033[?25h\033[?1049l\033[23;0t";

static void restore(const struct terminal *t)
{
	struct termios now;

	if (t->shared >= 0)
		fcntl(t->fd, F_SETFL, t->shared);
	if (tcgetattr(t->fd, &now) || (now.c_lflag & ICANON))
		return; /* gone, or somebody else's already */
	if (write_full(t->fd, term_leave_sequence, strlen(term_leave_sequence)))
		return;
	tcsetattr(t->fd, TCSAFLUSH, &t->saved);
}

static void keep_two(int low, int high)
{
	if (low > 0)
		close_range(0, (unsigned)low - 1, 0);
	if (high > low + 1)
		close_range((unsigned)low + 1, (unsigned)high - 1, 0);
	close_range((unsigned)high + 1, ~0u, 0);
}

static void guard(const struct terminal *t, int fd)
{
	char word;

	setsid(); /* a signal to our process group must not take the guard along */
	prctl(PR_SET_NAME, "nono-terminal");
	keep_two(fd < t->fd ? fd : t->fd, fd < t->fd ? t->fd : fd);
	for (;;) {
		ssize_t got = read(fd, &word, 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got == 0)
			restore(t);
		_exit(0);
	}
}

int term_guard_start(struct terminal *t, struct err *err)
{
	sigset_t all, before;
	int fds[2], code;

	if (pipe2(fds, O_CLOEXEC))
		return err_errno(err, errno, "pipe");
	/* Blocked before there is a guard: we may be killed, and the terminal's group hung up,
	 * before it has run at all. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	t->guard_pid = fork();
	code = errno;
	if (t->guard_pid != 0)
		sigprocmask(SIG_SETMASK, &before, NULL);
	if (t->guard_pid < 0) {
		close(fds[0]);
		close(fds[1]);
		return err_errno(err, code, "fork");
	}
	if (t->guard_pid == 0) {
		close(fds[1]);
		guard(t, fds[0]);
	}
	close(fds[0]);
	t->guard_fd = fds[1];
	return 0;
}

void term_guard_end(struct terminal *t)
{
	if (t->guard_fd < 0)
		return;
	(void)write_full(t->guard_fd, "q", 1);
	close(t->guard_fd);
	t->guard_fd = -1;
	while (waitpid(t->guard_pid, NULL, 0) < 0 && errno == EINTR)
		;
}
