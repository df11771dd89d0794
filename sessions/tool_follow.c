/* Follows a tool from its launch to its end. */
#include <signal.h>

#include "sessions/proxy.h"
#include "sessions/tool_run.h"
#include "sessions/tree.h"

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
	    .socket_maker = r->sockets_fd > 0 ? STEAL_FD(r->sockets_fd) : 0,
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
	if (got == 1 && m.type == INIT_WAYS && fd >= 0 && r->ways_fd < 0) {
		r->ways_fd = fd;
		return;
	}
	if (got == 1 && m.type == INIT_SOCKETS && fd >= 0 && r->sockets_fd < 0) {
		r->sockets_fd = fd;
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
		run_ended(r, &m);
		return;
	}
	/* Nothing of it is left. */
	if (!r->told) {
		m = (struct init_msg){.value = SIGKILL};
		if (!r->executed && !r->failure[0])
			str_copy(r->failure, sizeof(r->failure), "it ended before it began");
		run_ended(r, &m);
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

void run_follow(struct run *r)
{
	run_watch(r, &r->init_poll, r->init_fd, UV_READABLE, on_init);
	run_watch(r, &r->gate_poll, r->gate_fd, UV_READABLE, on_gate);
	capture_watch(r);
}
