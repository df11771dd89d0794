/* Has the launcher start the program: arguments, environment, descriptors. */
#include <sys/mman.h>
#include <sys/socket.h>

#include "sessions/tool_run.h"

#define STRINGS_MAX (2 * TOOL_BYTES_MAX)

extern char **environ;

static char **make_env(struct run *r)
{
	const struct tools *t = r->t;
	_cleanup_free_ char *id = xasprintf("NONO_SESSION_ID=%s", t->cfg.id);
	_cleanup_free_ char *cap = xasprintf("NONO_CAP_FILE=%s", t->cfg.rt->cap_file);
	_cleanup_free_ char *pwd = xasprintf("PWD=%s", r->call.cwd);
	char *extra[8] = {id, cap, pwd}, **env;
	size_t n = 3, more = 0;

	if (r->verdict.command->can_use.n)
		more = tool_variables(t->shim_dir, t->socket, extra + n);
	env = command_environment(r->verdict.edge, r->call.env, environ, extra);
	while (more)
		free(extra[n + --more]);
	return env;
}

/* revealed: set where a stand-in became its secret; NULL: none does. */
static uint32_t add_all(const struct run *r, struct buf *b, char *const *v, bool *revealed)
{
	uint32_t n = 0;

	/* A few bytes stand for many. */
	for (; v[n] && b->len <= STRINGS_MAX; n++)
		if (!revealed)
			buf_add(b, v[n], strlen(v[n]) + 1);
		else if (capture_reveal(r, v[n], b))
			*revealed = true;
	return n;
}

/* What an intercept rule runs has the rule's arguments; a script gets the caller's. */
static uint32_t add_arguments(struct run *r, struct buf *b)
{
	const struct command_intercept *i = r->verdict.intercept;
	char *const shell[] = {(char *)"sh", (char *)"-c", i ? i->script : NULL, NULL};

	if (!i || (!i->run.n && !i->script))
		return add_all(r, b, r->argv, &r->revealed);
	if (i->run.n)
		return add_all(r, b, i->run.v, NULL);
	return add_all(r, b, shell, NULL) + add_all(r, b, r->argv, &r->revealed);
}

static int make_strings(struct run *r, struct launch *m)
{
	_cleanup_(buf_free) struct buf b = {0};
	_cleanup_close_ int fd = memfd_create("nono tool", MFD_CLOEXEC);
	bool in_env = false;
	int rc;

	r->env = make_env(r);
	if (r->t->captures || r->t->n_secrets) /* a buffer that grows leaves copies behind */
		buf_reserve(&b, STRINGS_MAX + SECRET_MAX + TOOL_BYTES_MAX);
	buf_add(&b, r->call.cwd, strlen(r->call.cwd) + 1);
	m->argc = add_arguments(r, &b);
	m->envc = add_all(r, &b, r->env, &in_env);
	for (size_t i = 0; i < r->t->n_secrets; i++)
		if (r->t->secrets[i].edge == r->verdict.edge)
			m->envc += add_all(r, &b, r->t->secrets[i].v, NULL);
	m->bytes = (uint32_t)b.len;
	/* Without a namespace of their own everybody sees the arguments of all processes. */
	if (r->revealed && !r->t->cfg.pid_namespace) {
		str_copy(r->failure, sizeof(r->failure),
			 "its arguments name a captured secret, and without a pid namespace the "
			 "agent could read them; put it into a variable");
		rc = -1;
	} else if (b.len > STRINGS_MAX) {
		str_copy(r->failure, sizeof(r->failure),
			 "the arguments and the environment are too long");
		rc = -1;
	} else {
		rc = fd < 0 ? -1 : write_full(fd, b.data, b.len);
	}
	if (b.data && (r->revealed || in_env || r->t->n_secrets))
		explicit_bzero(b.data, b.cap);
	return rc < 0 ? -1 : STEAL_FD(fd);
}

static int make_sockets(int sock[2], int gate[2])
{
	int on = 1;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sock) < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, gate) < 0 ||
	    setsockopt(sock[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ||
	    setsockopt(gate[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0) {
		close(sock[0]);
		close(sock[1]);
		return -1;
	}
	return 0;
}

static uint32_t runs_instead(const struct run *r)
{
	const struct command_intercept *i = r->verdict.intercept;

	return i && (i->run.n || i->script) ? (uint32_t)(i - r->verdict.command->intercepts)
					    : LAUNCH_ITSELF;
}

static int tell_launcher(struct run *r)
{
	const struct command_policies *all = r->t->cfg.policy->commands;
	const struct policy_command *c = r->verdict.command;
	struct launch m = {.kind = LAUNCH_TOOL,
			   .command = (uint32_t)(c - all->v),
			   .edge = (uint32_t)(r->verdict.edge - c->edges),
			   .intercept = runs_instead(r),
			   .held = run_limits_held(r),
			   .terminal = r->header.terminal};
	_cleanup_close_ int strings = make_strings(r, &m);
	int sock[2], gate[2], fds[LAUNCH_FDS];
	ssize_t n;

	if (strings < 0 || make_sockets(sock, gate) < 0)
		return -1;
	if (r->capture_fd >= 0)
		m.terminal.fds &= (uint8_t) ~(1u << STDOUT_FILENO);
	memcpy(fds, r->fds, sizeof(r->fds));
	fds[3] = sock[1];
	fds[4] = gate[1];
	fds[5] = strings;
	n = tool_send(r->t->launcher_fd, &m, sizeof(m), fds, LAUNCH_FDS);
	close(sock[1]);
	close(gate[1]);
	r->init_fd = sock[0];
	r->gate_fd = gate[0];
	return n == (ssize_t)sizeof(m) ? 0 : -1;
}

void run_start(struct run *r)
{
	struct err err = {0};
	int failed;

	/* Nothing is started that the log could not record. */
	if (r->t->log && audit_failed(r->t->log)) {
		conn_refuse(r, "the log can't be written", "the log can't be written");
		return;
	}
	if (r->verdict.intercept && r->verdict.intercept->action == ACTION_CAPTURE &&
	    capture_open(r) < 0) {
		conn_refuse(r, "could not be started", strerror(errno));
		return;
	}
	if (run_limits_make(r, &err) < 0) {
		conn_refuse(r, "could not be started", err.msg);
		return;
	}
	failed = tell_launcher(r);
	while (r->n_fds) /* the tool's alone: its end is their end */
		close(r->fds[--r->n_fds]);
	if (failed < 0) {
		conn_refuse(r, "could not be started",
			    r->failure[0] ? r->failure : "the launcher does not answer");
		return;
	}
	r->state = RUN_STARTED;
	run_log(r, true, false, 0, NULL);
	run_follow(r);
}
