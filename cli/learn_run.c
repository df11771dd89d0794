/*
 * A session in a child of this process: whoever supervises one gives up what is needed to start
 * another, and a front end leaves a loop behind.
 */
#include "cli/learn.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "tui/tui.h"

#define STOP_MS 3000

struct report {
	int result;
	char id[SESSION_ID_LEN + 1];
	struct err err;
};

static void on_named(void *data, const char id[SESSION_ID_LEN + 1])
{
	struct report r = {.result = -2};

	memcpy(r.id, id, sizeof(r.id));
	(void)write_full(*(int *)data, &r, sizeof(r));
}

static void terminal_size(struct session_options *so)
{
	struct winsize ws;

	so->cols = 80;
	so->rows = 24;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col && ws.ws_row) {
		so->cols = ws.ws_col < PTY_COLS_MAX ? ws.ws_col : PTY_COLS_MAX;
		so->rows = ws.ws_row < PTY_ROWS_MAX ? ws.ws_row : PTY_ROWS_MAX;
	}
}

static int in_front_end(struct session_options *so, int fd, struct err *err)
{
	struct tui_options t = {.own = true};
	char id[SESSION_ID_LEN + 1];

	terminal_size(so);
	so->named = NULL;
	if (session_start(so, id, err) < 0)
		return -1;
	on_named(&fd, id);
	t.attach = id;
	return tui_main(&t);
}

static _Noreturn void in_child(struct learn_run *l, int fd)
{
	struct report r = {0};

	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	if (l->to_stderr)
		dup2(STDERR_FILENO, STDOUT_FILENO);
	l->so.named = on_named;
	l->so.data = &fd;
	r.result = l->so.terminal ? in_front_end(&l->so, fd, &r.err) : session_run(&l->so, &r.err);
	fflush(NULL);
	(void)write_full(fd, &r, sizeof(r));
	_exit(0);
}

static void stop(const char *id)
{
	struct session_client *c = session_connect(id, NULL, NULL);
	cJSON *args = cJSON_CreateObject();

	cJSON_AddNumberToObject(args, "timeout_ms", STOP_MS);
	if (c)
		cJSON_Delete(session_client_call(c, "stop", args, NULL, CALL_TIMEOUT_MS, NULL));
	else
		cJSON_Delete(args);
	session_client_free(c);
}

/* Reads what the child reports until it has nothing more to say. */
static void follow(struct learn_run *l, int fd, struct report *last)
{
	uint64_t deadline = clock_mono_ns() + (uint64_t)l->timeout_s * 1000000000u;
	struct report r;

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		uint64_t now = clock_mono_ns();
		bool timed = l->timeout_s && !l->timed_out;
		int ms = !timed ? -1 : now >= deadline ? 0 : (int)((deadline - now) / 1000000u) + 1;
		int n = poll(&p, 1, ms);

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0 && timed && l->id[0]) {
			l->timed_out = true;
			stop(l->id);
			continue;
		}
		if (n == 0) /* not even started: a little more */
			deadline = clock_mono_ns() + 100000000u;
		else if (read_full(fd, &r, sizeof(r)) != (ssize_t)sizeof(r))
			return;
		else if (r.result == -2)
			memcpy(l->id, r.id, sizeof(l->id));
		else
			*last = r;
	}
}

int learn_run(struct learn_run *l, struct err *err)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, old_int, old_quit;
	struct report last = {.result = -1};
	int pair[2];
	pid_t pid;

	l->id[0] = '\0';
	l->running = l->timed_out = false;
	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_errno(err, errno, "can't make a pipe");
	fflush(NULL);
	sigaction(SIGINT, &ignore, &old_int);
	sigaction(SIGQUIT, &ignore, &old_quit);
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		in_child(l, pair[1]);
	}
	close(pair[1]);
	if (pid > 0) {
		follow(l, pair[0], &last);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	close(pair[0]);
	sigaction(SIGINT, &old_int, NULL);
	sigaction(SIGQUIT, &old_quit, NULL);
	if (pid < 0)
		return err_errno(err, errno, "can't fork");
	if (last.result < 0) {
		if (last.err.msg[0])
			*err = last.err;
		else
			err_set(err, "the program's session ended unexpectedly");
		return -1;
	}
	return 0;
}
