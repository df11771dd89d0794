#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "tui/term_guard.h"

/* CAN ends a sequence that was cut in the middle. Modes off, pen and cursor as they were, the
 * title back, the normal screen. */
const char term_leave_sequence[] =
    "\030\033[?2026l\033[<u\033[?2004l\033[?1004l\033[?1003l\033[?1002l\033[?1006l\033[?2031l"
    "\033]8;;\033\\\033[m\033[?7h\033[0 q\033[?25h\033[?1049l\033[23;0t";

static void restore(const struct term_guard *g)
{
	struct termios now;

	if (g->shared >= 0)
		fcntl(g->tty, F_SETFL, g->shared);
	if (tcgetattr(g->tty, &now) || (now.c_lflag & ICANON))
		return; /* gone, or somebody else's already */
	if (write_full(g->tty, term_leave_sequence, strlen(term_leave_sequence)))
		return;
	tcsetattr(g->tty, TCSAFLUSH, &g->saved);
}

static void keep_two(int low, int high)
{
	if (low > 0)
		close_range(0, (unsigned)low - 1, 0);
	if (high > low + 1)
		close_range((unsigned)low + 1, (unsigned)high - 1, 0);
	close_range((unsigned)high + 1, ~0u, 0);
}

static void guard(const struct term_guard *g, int fd)
{
	char word;

	setsid(); /* a signal to our process group must not take the guard along */
	prctl(PR_SET_NAME, "nono-terminal");
	keep_two(fd < g->tty ? fd : g->tty, fd < g->tty ? g->tty : fd);
	for (;;) {
		ssize_t got = read(fd, &word, 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got == 0)
			restore(g);
		_exit(0);
	}
}

int term_guard_start(struct term_guard *g, struct err *err)
{
	sigset_t all, before;
	int fds[2], code;

	if (pipe2(fds, O_CLOEXEC))
		return err_errno(err, errno, "pipe");
	/* Blocked before there is a guard: we may be killed, and the terminal's group hung up,
	 * before it has run at all. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	g->pid = fork();
	code = errno;
	if (g->pid != 0)
		sigprocmask(SIG_SETMASK, &before, NULL);
	if (g->pid < 0) {
		close(fds[0]);
		close(fds[1]);
		return err_errno(err, code, "fork");
	}
	if (g->pid == 0) {
		close(fds[1]);
		guard(g, fds[0]);
	}
	close(fds[0]);
	g->fd = fds[1];
	return 0;
}

void term_guard_end(struct term_guard *g)
{
	if (g->fd < 0)
		return;
	(void)write_full(g->fd, "q", 1);
	close(g->fd);
	g->fd = -1;
	while (waitpid(g->pid, NULL, 0) < 0 && errno == EINTR)
		;
}
