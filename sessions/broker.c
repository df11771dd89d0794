/* The broker's loop: init, program, elevation, signals, and the end of them all. */
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "sessions/broker.h"
#include "sessions/names.h"
#include "sessions/tree.h"

#define STOP_GRACE_MS 10000 /* SIGTERM to the broker */

static void session_over(struct broker *b);

/* ---- the program -------------------------------------------------------------------------- */

static void tell_ready(struct broker *b)
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
static void on_gate(uv_poll_t *h, int status, int events)
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

/* Before the table goes away with the engine; what others still do counts until then. */
static void keep_denials(struct broker *b)
{
	struct violation_list l;

	if (!b->elevation)
		return;
	elevation_violations(b->elevation, &l);
	cJSON_Delete(b->denials);
	b->denials = denials_json(b->plan->policy, l.v, l.n, &b->denials_total);
	free(l.v);
}

static void agent_ended(struct broker *b, int status)
{
	struct pty_control m = {.type = PTY_CONTROL_EXITED};

	if (b->agent_gone)
		return;
	b->agent_gone = true;
	keep_denials(b);
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
	session_over(b);
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

/* ---- the end
 * -------------------------------------------------------------------------------------- */

static void on_linger(uv_timer_t *t)
{
	broker_linger(t->data);
}

/* After the end the last screen stays as long as someone looks at it, and for a moment when
 * someone may just be coming. */
void broker_linger(struct broker *b)
{
	uint64_t now = clock_mono_ns();

	if (!b->over || b->closing)
		return;
	if (b->host_pid > 0 && broker_watched(b) && !b->stopping)
		return;
	if (b->host_pid > 0 && !b->stopping && now < b->expect_until_ns) {
		uv_timer_start(&b->linger_timer, on_linger,
			       (b->expect_until_ns - now) / 1000000u + 1, 0);
		return;
	}
	broker_close_down(b);
}

void broker_recorded(struct broker *b)
{
	cJSON *o;

	b->over = true;
	uv_timer_stop(&b->linger_timer);
	snapshotter_end(b->snapshotter, b->exit_code);
	broker_log_snapshots(b, true);
	if (b->log && b->o->snapshots.on)
		audit_log_snapshots(b->log, b->snapshotter->count, b->snapshotter->roots[0],
				    b->snapshotter->roots[1]);
	audit_log_close(STEAL_PTR(b->log), b->exit_code, NULL);
	broker_write_record(b, NULL);
	name_retire(b->name, b->plan->id);
	tell_ready(b);
	if (control_server_subscribers(b->control)) {
		o = cJSON_CreateObject();
		cJSON_AddStringToObject(o, "event", "ended");
		cJSON_AddNumberToObject(o, "exit_code", b->exit_code);
		cJSON_AddItemToObject(o, "status", broker_status_json(b, true));
		control_server_broadcast(b->control, o);
	}
	broker_linger(b);
}

/* No process of the session is left. Clients are served while the last snapshot is taken. */
static void session_over(struct broker *b)
{
	if (b->over || b->ending)
		return;
	/* Both sockets may end at once; whether exec failed is told by the other one. */
	if (!b->executed && !b->failure.msg[0])
		on_gate(&b->gate_poll, 0, UV_READABLE);
	proxy_end(b->proxy);
	if (!b->layers.pid_ns)
		tree_kill(getpid(), b->host_pid); /* init may have been killed */
	uv_timer_stop(&b->stop_timer);
	uv_timer_stop(&b->sample_timer);
	uv_timer_stop(&b->look_timer);
	uv_timer_stop(&b->wall_timer);
	uv_poll_stop(&b->elevation_poll);
	uv_timer_stop(&b->elevation_timer);
	if (b->approver.fd >= 0)
		uv_poll_stop(&b->approver_poll);
	keep_denials(b);
	tools_end(b->tools);
	elevation_stop(STEAL_PTR(b->elevation));
	if (b->failure.msg[0] && !b->executed) {
		broker_close_down(b);
		return; /* broker_end() removes the record */
	}
	b->ending = true;
	broker_take_last(b);
}

void broker_close_down(struct broker *b)
{
	uv_handle_t *const handles[] = {
	    (uv_handle_t *)&b->init_poll,     (uv_handle_t *)&b->gate_poll,
	    (uv_handle_t *)&b->host_poll,     (uv_handle_t *)&b->elevation_poll,
	    (uv_handle_t *)&b->signal_poll,   (uv_handle_t *)&b->elevation_timer,
	    (uv_handle_t *)&b->status_timer,  (uv_handle_t *)&b->sample_timer,
	    (uv_handle_t *)&b->stop_timer,    (uv_handle_t *)&b->linger_timer,
	    (uv_handle_t *)&b->look_timer,    (uv_handle_t *)&b->wall_timer,
	    (uv_handle_t *)&b->startup_timer, (uv_handle_t *)&b->approver_poll,
	    (uv_handle_t *)&b->snapshot_poll, (uv_handle_t *)&b->before_timer,
	};

	if (b->closing)
		return;
	b->closing = true;
	proxy_end(b->proxy);
	tools_end(b->tools);
	control_server_close(b->control, 500);
	for (size_t i = 0; i < ARRAY_LEN(handles); i++)
		if (handles[i]->type != UV_UNKNOWN_HANDLE)
			uv_close(handles[i], NULL);
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
	    watch(b, &b->gate_poll, b->gate_fd, on_gate, err) < 0 ||
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
			tell_ready(b);
	}
	uv_loop_close(&b->loop);
	control_server_free(b->control);
	broker_before_free(b);
	return b->over ? b->exit_code : -1;
}
