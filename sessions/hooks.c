/* Scripts around a session. */
#include "sessions/hooks.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "sandbox/nono.h"

#define ENV_FILE_MAX (256u << 10)

extern char **environ;

struct script {
	const char *path, *type, *id, *workdir;
	const char *env_file; /* NULL: none */
	const int *exit_code; /* NULL: none */
	unsigned timeout_s;
};

/* ---- one script --------------------------------------------------------------------------- */

static _Noreturn void in_script(const struct script *s)
{
	char *argv[] = {(char *)s->path, NULL}, code[16];
	int null = open("/dev/null", O_RDONLY);
	sigset_t none;

	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	/* What it prints is not the program's output. */
	if (null < 0 || dup2(null, 0) < 0 || dup2(2, 1) < 0 || nono_close_descriptors(-1) < 0 ||
	    chdir(s->workdir) < 0)
		_exit(126);
	setenv("NONO_SESSION_ID", s->id, 1);
	setenv("NONO_WORKDIR", s->workdir, 1);
	setenv("NONO_HOOK_TYPE", s->type, 1);
	if (s->env_file)
		setenv("NONO_ENV_FILE", s->env_file, 1);
	if (s->exit_code) {
		snprintf(code, sizeof(code), "%d", *s->exit_code);
		setenv("NONO_EXIT_CODE", code, 1);
	}
	execve(s->path, argv, environ);
	_exit(126);
}

/* Its exit code; -1 with err if it did not end by itself. */
static int run(const struct script *s, struct err *err)
{
	_cleanup_close_ int pidfd = -1;
	struct pollfd p = {.events = POLLIN};
	unsigned timeout = s->timeout_s ? s->timeout_s : HOOK_TIMEOUT_S;
	pid_t pid = fork();
	int status = 0, r;

	if (pid < 0)
		return err_errno(err, errno, "can't fork");
	if (pid == 0)
		in_script(s);
	pidfd = p.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	do
		r = poll(&p, 1, pidfd < 0 ? 0 : (int)timeout * 1000);
	while (r < 0 && errno == EINTR);
	/* It leads a session of its own: what it started goes with it. */
	if (r <= 0)
		kill(-pid, SIGKILL);
	if (r <= 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r <= 0)
		return err_set(err, "the script %s did not end within %u s", s->path, timeout);
	if (WIFSIGNALED(status))
		return err_set(err, "the script %s was ended by signal %d", s->path,
			       WTERMSIG(status));
	return WEXITSTATUS(status);
}

/* ---- before ------------------------------------------------------------------------------- */

static int take_line(const char *line, char **vars, size_t *n, struct err *err)
{
	const char *eq = strchr(line, '=');
	_cleanup_free_ char *name = eq ? xstrndup(line, (size_t)(eq - line)) : NULL;

	if (!*line || *line == '#')
		return 0;
	if (!eq || !policy_env_settable(name))
		return err_set(err,
			       "session_hooks.before: \"%.80s\" in $NONO_ENV_FILE is no NAME=value "
			       "that may be set",
			       line);
	vars[(*n)++] = xstrdup(line);
	return 0;
}

static char **read_vars(const char *path, struct err *err)
{
	size_t n = 0, lines = 1;
	_cleanup_free_ char *text = file_read(path, ENV_FILE_MAX, NULL, err);
	char **vars, *save = NULL;

	if (!text)
		return NULL;
	for (const char *c = text; *c; c++)
		lines += *c == '\n';
	vars = xcalloc(lines + 1, sizeof(*vars));
	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		if (take_line(l, vars, &n, err) == 0)
			continue;
		strv_free(vars);
		return NULL;
	}
	return vars;
}

static int before_with_file(const struct policy *p, const char *id, const char *file, char ***vars,
			    struct err *err)
{
	struct script s = {.path = p->before.script,
			   .type = "before",
			   .id = id,
			   .workdir = p->workdir,
			   .env_file = file,
			   .timeout_s = p->before.timeout_s};
	int code = run(&s, err);

	if (code > 0)
		return err_set(err, "the script %s ended with exit code %d", s.path, code);
	if (code < 0)
		return -1;
	*vars = read_vars(file, err);
	return *vars ? 0 : -1;
}

int hooks_before(const struct policy *p, const char *id, char ***vars, struct err *err)
{
	_cleanup_free_ char *runtime = NULL, *file = NULL;
	int fd, r;

	*vars = NULL;
	if (policy_hook_check(p, &p->after, NULL, err) < 0)
		return err_prefix(err, "session_hooks.after");
	if (!p->before.script)
		return 0;
	if (policy_hook_check(p, &p->before, NULL, err) < 0)
		return err_prefix(err, "session_hooks.before");
	runtime = dir_runtime();
	if (dir_private(runtime, err) < 0)
		return -1;
	file = xasprintf("%s/hook-%s.env", runtime, id);
	fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_errno(err, errno, "can't make %s", file);
	close(fd);
	r = before_with_file(p, id, file, vars, err);
	unlink(file);
	return r < 0 ? err_prefix(err, "session_hooks.before") : 0;
}

/* ---- after ---------------------------------------------------------------------------------- */

/* Changed while the session ran: it is not the script that was looked at. */
static int check_unchanged(const struct policy *p, const unsigned char was[32], struct err *err)
{
	unsigned char is[32];

	if (policy_hook_check(p, &p->after, is, err) < 0)
		return -1;
	return memcmp(was, is, sizeof(is)) == 0
		   ? 0
		   : err_set(err, "the script %s was changed while the session ran: it is not run",
			     p->after.script);
}

static _Noreturn void in_keeper(const struct policy *p, const char *id, int sock,
				const unsigned char was[32])
{
	struct script s = {.path = p->after.script,
			   .type = "after",
			   .id = id,
			   .workdir = p->workdir,
			   .timeout_s = p->after.timeout_s};
	struct err err = {0};
	int code;

	prctl(PR_SET_NAME, "nono: hooks");
	prctl(PR_SET_DUMPABLE, 0);
	setsid();
	if (nono_close_descriptors(sock) < 0)
		_exit(1);
	if (read_full(sock, &code, sizeof(code)) != (ssize_t)sizeof(code))
		code = -1; /* the supervisor was killed */
	s.exit_code = &code;
	code = check_unchanged(p, was, &err) < 0 ? -1 : run(&s, &err);
	if (code > 0)
		err_set(&err, "the script %s ended with exit code %d", s.path, code);
	if (code != 0)
		dprintf(2, "nono: warning: session_hooks.after: %s\n", err.msg);
	_exit(code != 0);
}

int hooks_keeper_start(const struct policy *p, const char *id, struct hook_keeper *k,
		       struct err *err)
{
	unsigned char was[32];
	int pair[2];
	pid_t pid;

	k->fd = -1;
	if (!p->after.script)
		return 0;
	if (policy_hook_check(p, &p->after, was, err) < 0)
		return err_prefix(err, "session_hooks.after");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_errno(err, errno, "can't make a socket pair");
	pid = fork();
	if (pid == 0) { /* twice: it is not below the supervisor, whose end ends all that is */
		pid = fork();
		if (pid == 0)
			in_keeper(p, id, pair[1], was);
		_exit(pid < 0);
	}
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return err_errno(err, errno, "can't fork");
	}
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	k->fd = pair[0];
	return 0;
}

void hooks_after(struct hook_keeper *k, int exit_code)
{
	char end;

	if (k->fd < 0)
		return;
	if (write_full(k->fd, &exit_code, sizeof(exit_code)) == 0)
		read_full(k->fd, &end, 1); /* it closes its end when it is done */
	close(k->fd);
	k->fd = -1;
}
