/* The broker's loop: init, program, elevation, signals. broker_over.c has the end of them all. */
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "sessions/broker.h"
#include "sessions/names.h"
#include "sessions/tree.h"

#define STOP_GRACE_MS 10000 /* SIGTERM to the broker */

/* ---- the program -------------------------------------------------------------------------- */

void broker_tell_ready(struct broker *b)
{
	struct err none = {0};

	if (b->ready_fd < 0)
		return;
	/* Nobody there any more to take the session's id: it is not left to itself. */
	if (write_full(b->ready_fd, &none, sizeof(none)) < 0)
		broker_stop(b, 0);
	close(b->ready_fd);
	b->ready_fd = -1;
}

/* The gate closes by itself when exec succeeds; a message on it means that it did not. */
void broker_on_gate(uv_poll_t *h, int status, int events)
{
	struct broker *b = h->data;
	struct init_msg m;
	int r = status < 0 ? 0 : init_recv(b->gate_fd, &m, NULL, NULL);

	(void)events;
	uv_poll_stop(&b->gate_poll);
	if (r == 1 && m.type == INIT_FAILED) {
		err_set(&b->failure, "%s", m.text);
		return; /* init tells the end of the process next */
	}
	if (r < 0)
		err_errno(&b->failure, errno, "can't tell whether the program started");
	b->executed = r == 0;
}

static void agent_ended(struct broker *b, int status)
{
	struct pty_control m = {.type = PTY_CONTROL_EXITED};

	if (b->agent_gone)
		return;
	b->agent_gone = true;
	broker_keep_denials(b);
	b->exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	broker_limits_at_end(b, WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	m.arg0 = b->exit_code;
	broker_tell_host(b, &m, -1);
}

static void on_init(uv_poll_t *h, int status, int events)
{
	struct broker *b = h->data;
	struct init_msg m;
	int fd = -1, r = status < 0 ? 0 : init_recv(b->init_fd, &m, &fd, NULL);

	(void)events;
	if (fd >= 0)
		close(fd);
	if (r == 1) {
		if (m.type == INIT_EXIT)
			agent_ended(b, m.value);
		return;
	}
	/* Init is gone, and everything with it; killed, if it said nothing before. */
	uv_poll_stop(&b->init_poll);
	if (!b->agent_gone)
		broker_reap_init(b); /* what it leaves dies while it is being reaped */
	agent_ended(b, SIGKILL);
	broker_session_over(b);
}

/* ---- signals --------------------------------------------------------------------------------- */

static void kill_hard(struct broker *b)
{
	if (b->init_pid > 0)
		kill(b->init_pid, SIGKILL);
	if (!b->layers.pid_ns)
		tree_kill(getpid(), b->host_pid);
}

static void on_stop_timeout(uv_timer_t *t)
{
	kill_hard(t->data);
}

void broker_end_program(struct broker *b, int ms)
{
	struct init_msg m = {.type = INIT_STOP, .value = ms};

	if (init_send(b->init_fd, &m, -1) < 0)
		kill_hard(b);
	/* Init does it all; this is for an init that is stuck. */
	uv_timer_start(&b->stop_timer, on_stop_timeout, (uint64_t)ms + 2000, 0);
}

void broker_stop(struct broker *b, int ms)
{
	b->stopping = true;
	if (b->over)
		broker_linger(b);
	else if (!b->ending)
		broker_end_program(b, ms);
	else if (ms == 0)
		snapshotter_cancel(b->snapshotter);
}

static void reap_children(struct broker *b)
{
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
		if (pid == b->init_pid)
			b->init_pid = 0;
		if (pid == b->host_pid)
			b->host_pid = 0;
		tools_reaped(b->tools, pid);
		proxy_reaped(b->proxy, pid);
		if (pid == b->approver.pid)
			b->approver.pid = 0;
	}
}

/* A key of the terminal goes to the whole group, a kill to the program alone: what would have
 * happened without us. */
static void forward(struct broker *b, const struct signalfd_siginfo *si)
{
	int sig = (int)si->ssi_signo;
	pid_t to = si->ssi_code == SI_KERNEL ? -b->agent_pid : b->agent_pid;

	if (b->ending && !b->over && (sig == SIGINT || sig == SIGTERM || sig == SIGQUIT))
		snapshotter_cancel(b->snapshotter);
	if (b->agent_pid <= 1 || b->agent_gone)
		return;
	/* The program's group is an orphaned one, for which SIGTSTP does nothing. */
	kill(to, sig == SIGTSTP ? SIGSTOP : sig);
	if (sig == SIGTSTP)
		raise(SIGSTOP);
}

static void on_signal(uv_poll_t *h, int status, int events)
{
	struct broker *b = h->data;
	struct signalfd_siginfo si;

	(void)status;
	(void)events;
	while (read(b->signal_fd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		if (si.ssi_signo == SIGCHLD)
			reap_children(b);
		else if (b->foreground)
			forward(b, &si);
		else
			broker_stop(b, b->stopping ? 0 : STOP_GRACE_MS);
	}
}

/* ---- elevation ----------------------------------------------------------------------------------
 */

static void dispatch_elevation(struct broker *b);

static void on_elevation_timer(uv_timer_t *t)
{
	dispatch_elevation(t->data);
}

static void dispatch_elevation(struct broker *b)
{
	int ms = b->elevation ? elevation_dispatch(b->elevation) : -1;

	if (b->closing)
		return;
	if (ms < 0)
		uv_timer_stop(&b->elevation_timer);
	else
		uv_timer_start(&b->elevation_timer, on_elevation_timer, (uint64_t)ms, 0);
}

static void on_elevation(uv_poll_t *h, int status, int events)
{
	(void)status;
	(void)events;
	dispatch_elevation(h->data);
}

static void on_approver(uv_poll_t *h, int status, int events)
{
	struct broker *b = h->data;

	(void)status;
	(void)events;
	if (broker_take_answer(b))
		return;
	uv_poll_stop(h);
	approver_stop(&b->approver);
}

/* ---- the loop
 * --------------------------------------------------------------------------------------- */

static int watch(struct broker *b, uv_poll_t *h, int fd, uv_poll_cb cb, struct err *err)
{
	int r;

	if (fd < 0)
		return 0;
	r = uv_poll_init(&b->loop, h, fd);
	if (r < 0)
		return err_set(err, "can't watch a descriptor: %s", uv_strerror(r));
	h->data = b;
	uv_poll_start(h, UV_READABLE, cb);
	return 0;
}

static int open_loop(struct broker *b, struct err *err)
{
	uv_timer_t *const timers[] = {&b->elevation_timer, &b->status_timer,  &b->sample_timer,
				      &b->stop_timer,	   &b->linger_timer,  &b->look_timer,
				      &b->wall_timer,	   &b->startup_timer, &b->before_timer};
	struct control_config control = {
	    .loop = &b->loop,
	    .listen_fd = b->rt.listen_fd,
	    .token = b->rt.token,
	    .call = broker_call,
	    .hello = broker_hello,
	    .changed = broker_clients_changed,
	    .data = b,
	};
	int r = uv_loop_init(&b->loop);

	if (r < 0)
		return err_set(err, "can't make an event loop: %s", uv_strerror(r));
	for (size_t i = 0; i < ARRAY_LEN(timers); i++) {
		uv_timer_init(&b->loop, timers[i]);
		timers[i]->data = b;
	}
	if (control_server_new(&control, &b->control, err) < 0)
		return -1;
	b->rt.listen_fd = -1;
	if (watch(b, &b->init_poll, b->init_fd, on_init, err) < 0 ||
	    watch(b, &b->gate_poll, b->gate_fd, broker_on_gate, err) < 0 ||
	    watch(b, &b->host_poll, b->host_fd, broker_on_host, err) < 0 ||
	    watch(b, &b->elevation_poll, elevation_fd(b->elevation), on_elevation, err) < 0 ||
	    watch(b, &b->signal_poll, b->signal_fd, on_signal, err) < 0 ||
	    watch(b, &b->approver_poll, b->approver.fd, on_approver, err) < 0)
		return -1;
	if (b->proxy && proxy_serve(b->proxy, &b->loop, b->elevation, b->log, err) < 0)
		return -1;
	if (b->tools && tools_serve(b->tools, &b->loop, b->elevation, b->log, b->init_pid, err) < 0)
		return -1;
	return 0;
}

int broker_loop(struct broker *b)
{
	if (open_loop(b, &b->failure) < 0)
		return -1; /* the process ends here: broker_end() ends the session */
	if (b->before && broker_watch_snapshots(b) < 0)
		broker_before_free(b); /* none are taken then */
	broker_watch_startup(b);
	dispatch_elevation(b);
	broker_start_limits(b);
	while (uv_run(&b->loop, UV_RUN_ONCE)) {
		if (b->executed && b->ready_fd >= 0)
			broker_tell_ready(b);
	}
	uv_loop_close(&b->loop);
	control_server_free(b->control);
	broker_before_free(b);
	return b->over ? b->exit_code : -1;
}
