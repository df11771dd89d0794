/* Has the launcher start the program, and follows it to its end. */
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "sessions/proxy.h"
#include "sessions/tool_run.h"
#include "sessions/tree.h"

#define STRINGS_MAX (2 * TOOL_BYTES_MAX)

extern char **environ;

/* ---- the end of the program ---------------------------------------------------------------------
 */

static void end_text(const struct run *r, const struct init_msg *m, char *out, size_t size)
{
	const struct command_box *b = &r->verdict.edge->box;
	const char *name = r->verdict.command->name;

	out[0] = '\0';
	if (m->over == TOOL_OVER_TIME) {
		snprintf(out, size, "nono: tool-sandbox ended %s: it ran for %llu s\n", name,
			 (unsigned long long)b->resources.wall_time_seconds);
		return;
	}
	if (run_limits_killed(r)) {
		snprintf(out, size, "nono: tool-sandbox ended %s: more than %llu bytes of memory\n",
			 name, (unsigned long long)b->resources.memory_bytes);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(m->stream); i++) {
		const struct command_stream *s = &b->stream[i];
		if (!m->stream[i].exceeded || s->on_limit == LIMIT_TRUNCATE)
			continue;
		snprintf(out, size, "nono: tool-sandbox %s %s: more than %llu bytes on %s\n",
			 s->on_limit == LIMIT_DENY ? "denied" : "ended", name,
			 (unsigned long long)s->max_bytes, i ? "stderr" : "stdout");
	}
	if (!out[0] && m->over == TOOL_OVER_OUTPUT)
		snprintf(out, size, "nono: tool-sandbox ended %s: more than %llu bytes of output\n",
			 name, (unsigned long long)b->resources.max_output_bytes);
}

static bool withheld(const struct run *r, const struct init_msg *m)
{
	for (size_t i = 0; i < ARRAY_LEN(m->stream); i++)
		if (m->stream[i].exceeded && r->verdict.edge->box.stream[i].on_limit == LIMIT_DENY)
			return true;
	return false;
}

/* A program that failed has printed no secret, whatever it printed: nobody gets that. */
static int ended_captured(struct run *r, const struct init_msg *m, int code, char *out, size_t size,
			  char *text, size_t text_size)
{
	const char *why = capture_end(r, out, size);

	if (why) {
		snprintf(text, text_size, "nono: tool-sandbox denied %s: %s\n",
			 r->verdict.command->name, why);
		code = TOOL_DENIED;
	}
	if (code || m->over)
		out[0] = '\0';
	return code;
}

static void ended(struct run *r, const struct init_msg *m)
{
	int code = WIFSIGNALED(m->value) ? 128 + WTERMSIG(m->value) : WEXITSTATUS(m->value);
	char text[512], out[128] = "";

	if (r->told)
		return;
	r->told = true;
	if (!r->executed && r->failure[0]) {
		conn_refuse(r, "could not be started", r->failure);
		return;
	}
	r->ended_by = WIFSIGNALED(m->value) && !m->over ? WTERMSIG(m->value) : 0;
	end_text(r, m, text, sizeof(text));
	if (withheld(r, m))
		code = TOOL_DENIED;
	if (r->capture_fd >= 0)
		code = ended_captured(r, m, code, out, sizeof(out), text, sizeof(text));
	if (code == TOOL_DENIED)
		r->ended_by = 0;
	run_log(r, true, true, code, m);
	conn_reply(r, code, out, text);
}

/* ---- its process
 * ---------------------------------------------------------------------------------- */

static void on_elevation(uv_poll_t *h, int status, int events)
{
	struct run *r = h->data;

	(void)status;
	(void)events;
	if (r->elevation)
		elevation_dispatch(r->elevation);
}

void run_fail(struct run *r, const char *why)
{
	if (!r->failure[0])
		str_copy(r->failure, sizeof(r->failure), why);
	run_stop(r);
}

static int serve(struct run *r, int listener, struct err *err)
{
	struct elevation_config cfg = {
	    .policy = r->verdict.edge->policy,
	    .log = r->t->log,
	    .notify_fd = listener,
	    .init_pid = r->init_pid,
	    .session_id = r->t->cfg.id,
	    .session = r->t->elevation,
	    .tool = r->verdict.command->name,
	    .hide_arguments = r->revealed,
	    .tool_socket = r->verdict.command->can_use.n ? r->t->socket : NULL,
	    .proxy_port = r->proxy ? proxy_port(r->proxy) : 0,
	    .events = {.changed = r->t->cfg.changed, .data = r->t->cfg.data},
	};

	if (elevation_start(&cfg, &r->elevation, err) < 0)
		return -1;
	run_watch(r, &r->gate_elevation, elevation_fd(r->elevation), UV_READABLE, on_elevation);
	return 0;
}

static void on_init(uv_poll_t *h, int status, int events);

/* After the session's: those of the run lie inside of them, or beside. */
static int enter_groups(struct run *r, pid_t program, struct err *err)
{
	struct nono_error ne = {0};

	return nono_groups_enter(&r->groups, program, &ne) < 0 ? err_set(err, "%s", ne.msg) : 0;
}

/* The program is confined, and waits for whom it is supervised by. */
static void ready(struct run *r, pid_t program, int listener)
{
	struct err err = {0};

	if (!r->init_pid || (run_needs_proxy(r) && !r->proxy))
		on_init(&r->init_poll, 0, UV_READABLE); /* what init said before */
	if (run_needs_proxy(r) && !r->proxy && !r->closing && !r->failure[0])
		on_init(&r->init_poll, 0, UV_READABLE);
	if (r->closing)
		return;
	if (listener < 0 || !r->init_pid || program <= 0 || r->failure[0]) {
		if (listener >= 0)
			close(listener);
		run_fail(r, "nobody supervises it");
		return;
	}
	r->confined = true;
	if (serve(r, listener, &err) < 0 || r->t->cfg.enter(r->t->cfg.data, program, &err) < 0 ||
	    enter_groups(r, program, &err) < 0 || run_go(r, &err) < 0)
		run_fail(r, err.msg[0] ? err.msg : "it ended before it began");
}

static void on_gate(uv_poll_t *h, int status, int events)
{
	struct run *r = h->data;
	struct init_msg m;
	pid_t program = 0;
	int fd = -1, got = status < 0 ? 0 : init_recv(r->gate_fd, &m, &fd, &program);

	(void)events;
	if (got == 1 && m.type == INIT_READY) {
		ready(r, program, fd);
		return;
	}
	if (fd >= 0)
		close(fd);
	uv_poll_stop(h);
	if (got == 1 && m.type == INIT_FAILED)
		str_copy(r->failure, sizeof(r->failure), m.text);
	else
		r->executed = r->elevation != NULL && got == 0 && !r->failure[0];
}

static void on_init(uv_poll_t *h, int status, int events)
{
	struct run *r = h->data;
	struct init_msg m;
	pid_t pid = 0;
	int fd = -1, got = status < 0 ? 0 : init_recv(r->init_fd, &m, &fd, &pid);

	(void)events;
	if (got == 1 && m.type == INIT_LISTEN && fd >= 0) {
		struct err err = {0};

		if (run_proxy_start(r, fd, (uint16_t)m.value, !r->own_network, &err) < 0)
			run_fail(r, err.msg);
		return;
	}
	if (got == 1 && m.type == INIT_PTY && fd >= 0)
		conn_tell(r, TOOL_TERMINAL, 0, fd);
	if (got == 1 && m.type == INIT_STOPPED)
		conn_tell(r, TOOL_STOPPED, m.value, -1);
	if (fd >= 0)
		close(fd);
	if (got == 1 && (m.type == INIT_PTY || m.type == INIT_STOPPED))
		return;
	if (got == 1 && m.type == INIT_ENTERED) {
		struct proc_stat st;

		r->own_network = m.layers.net_ns;
		r->private_tmp = m.layers.private_tmp;
		r->init_pid = pid;
		r->init_start = proc_stat_read(pid, &st) == 0 ? st.start_time : 0;
		return;
	}
	if (got == 1 && m.type == INIT_FAILED) {
		str_copy(r->failure, sizeof(r->failure), m.text);
		return;
	}
	if (got == 1 && m.type == INIT_EXIT) {
		/* Whether it was executed is told by the gate, which may not have been read. */
		if (r->gate_fd >= 0 && !r->executed && !r->failure[0])
			on_gate(&r->gate_poll, 0, UV_READABLE);
		ended(r, &m);
		return;
	}
	/* Nothing of it is left. */
	if (!r->told) {
		m = (struct init_msg){.value = SIGKILL};
		if (!r->executed && !r->failure[0])
			str_copy(r->failure, sizeof(r->failure), "it ended before it began");
		ended(r, &m);
	}
	run_unwatch(r, h);
	run_unwatch(r, &r->gate_elevation);
	run_proxy_end(r);
	run_limits_end(r);
	elevation_stop(STEAL_PTR(r->elevation));
	close(STEAL_FD(r->init_fd));
	r->init_pid = 0; /* somebody else may get the number */
	if (r->state == RUN_OVER || r->fd < 0)
		run_close(r);
}

/* ---- signals
 * --------------------------------------------------------------------------------------- */

static void tell_init(struct run *r, uint32_t type, int value)
{
	struct init_msg m = {.type = type, .value = value};

	if (r->init_fd >= 0)
		(void)init_send(r->init_fd, &m, -1);
}

void run_stop(struct run *r)
{
	tell_init(r, INIT_STOP, STOP_GRACE_MS);
}

void run_signal(struct run *r, int sig)
{
	static const int known[] = {SIGINT,  SIGTERM, SIGHUP,  SIGQUIT,	 SIGUSR1,
				    SIGUSR2, SIGCONT, SIGTSTP, SIGWINCH, SIGTTOU};

	for (size_t i = 0; i < ARRAY_LEN(known) && r->state == RUN_STARTED; i++)
		if (known[i] == sig) /* SIGTSTP is nothing to an orphaned group */
			tell_init(r, INIT_SIGNAL,
				  sig == SIGTSTP && !r->header.terminal.on ? SIGSTOP : sig);
}

/* ---- start
 * ------------------------------------------------------------------------------------------ */

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
	run_watch(r, &r->init_poll, r->init_fd, UV_READABLE, on_init);
	run_watch(r, &r->gate_poll, r->gate_fd, UV_READABLE, on_gate);
	capture_watch(r);
}
