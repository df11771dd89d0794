/* Programs that know secrets: run without a shell, bounded in time and output. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "network/credentials/internal.h"

/* It is a session and process group of its own, and ends with us. */
static _Noreturn void become(const struct credential_run *r, pid_t parent, int in, int out)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(126);
	setsid();
	for (char *const *e = r->env; e && *e; e++)
		putenv(*e);
	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0)
		_exit(126);
	execvp(r->argv[0], r->argv);
	_exit(errno == ENOENT ? 127 : 126);
}

/* A pipe holds SECRET_MAX bytes without a reader. */
static int make_input(const struct credential_run *r)
{
	int p[2];

	if (!r->input)
		return open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (r->input_n > SECRET_MAX || pipe2(p, O_CLOEXEC | O_NONBLOCK) < 0)
		return -1;
	if (write_full(p[1], r->input, r->input_n) < 0 || fd_set_nonblock(p[0], false) < 0) {
		close(p[0]);
		p[0] = -1;
	}
	close(p[1]);
	return p[0];
}

/* Reads until the end. -1: too long (ETIME), too much (EFBIG), or an error. */
static int read_output(int fd, struct secret *out, uint64_t deadline)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	for (;;) {
		uint64_t now = clock_mono_ns();
		ssize_t r;
		int ready =
		    now >= deadline ? 0 : poll(&p, 1, (int)((deadline - now) / 1000000u) + 1);

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready == 0)
			errno = ETIME;
		if (ready <= 0)
			return -1;
		r = read(fd, out->data + out->len, SECRET_MAX + 1 - out->len);
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0) {
			out->data[out->len] = '\0';
			return (int)r;
		}
		out->len += (size_t)r;
		if (out->len > SECRET_MAX) {
			errno = EFBIG;
			return -1;
		}
	}
}

static int failed(const struct credential_run *r, int code, struct err *err)
{
	if (code == ETIME)
		return err_set(err, "%s: '%s' did not answer within %u s", r->what, r->argv[0],
			       r->timeout_s);
	if (code == EFBIG)
		return err_set(err, "%s: larger than %d bytes", r->what, SECRET_MAX);
	return err_errno(err, code, "%s: can't run '%s'", r->what, r->argv[0]);
}

int credential_run(const struct credential_run *r, struct secret *out, int *status, struct err *err)
{
	_cleanup_close_ int in = -1, from = -1, to = -1;
	int pipe_fd[2], code = 0, word = 0;
	pid_t self = getpid(), pid;

	out->len = 0;
	if (secret_reserve(out, SECRET_MAX + 1, err) < 0)
		return -1;
	in = make_input(r);
	if (in < 0 || pipe2(pipe_fd, O_CLOEXEC) < 0)
		return failed(r, errno, err);
	from = pipe_fd[0];
	to = pipe_fd[1];
	pid = fork();
	if (pid == 0)
		become(r, self, in, to);
	close(STEAL_FD(to));
	if (pid < 0)
		return failed(r, errno, err);
	if (read_output(from, out, clock_mono_ns() + (uint64_t)r->timeout_s * 1000000000u) < 0) {
		code = errno;
		/* Its group, which it may not have made yet. */
		kill(-pid, SIGKILL);
		kill(pid, SIGKILL);
	}
	while (waitpid(pid, &word, 0) < 0 && errno == EINTR)
		;
	if (code)
		return failed(r, code, err);
	*status = WIFEXITED(word) ? WEXITSTATUS(word) : 128 + WTERMSIG(word);
	return 0;
}

char *credential_helper(const char *name, struct err *err)
{
	static const char *const places[] = {"", "../libexec/nono/"};
	_cleanup_free_ char *self = path_real("/proc/self/exe", err);

	for (size_t i = 0; self && i < ARRAY_LEN(places); i++) {
		_cleanup_free_ char *path =
		    xasprintf("%.*s%s%s", (int)(path_base(self) - self), self, places[i], name);

		if (access(path, X_OK) == 0)
			return STEAL_PTR(path);
	}
	if (self)
		err_set(err, "%s is missing: it belongs beside nono or into ../libexec/nono", name);
	return NULL;
}
