/* The broker's loop: init, program, screen host, elevation, clients, signals. */
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "sessions/broker.h"
#include "sessions/names.h"
#include "sessions/tree.h"

#define STOP_GRACE_MS	10000 /* SIGTERM to the broker */
#define STATUS_EVERY_MS 50
#define SAMPLE_EVERY_MS 500

static void close_down(struct broker *b);
static void session_over(struct broker *b);

/* ---- status ------------------------------------------------------------------------ */

static void fill_activity(struct broker *b, struct activity_input *in, char *request, size_t size)
{
	const struct request *const *open;
	size_t n = 0;

	*in = (struct activity_input){
	    .init_pid = b->init_pid,
	    .agent_pid = b->agent_pid,
	    .terminal = b->o->terminal,
	    .exited = b->agent_gone,
	    .exit_code = b->exit_code,
	    .report = b->have_report ? &b->report : NULL,
	    .started_ns = b->started_ns,
	};
	open = b->elevation ? elevation_requests(b->elevation, &n) : NULL;
	in->requests_open = n;
	if (n) {
		char target[64];
		text_printable(target, sizeof(target), open[0]->target, strlen(open[0]->target));
		snprintf(request, size, "%s %s", request_kind_name(open[0]->kind), target);
		in->request = request;
	}
}

static void add_u64(cJSON *o, const char *name, uint64_t v)
{
	char text[32];

	if (v < (1ull << 53)) {
		cJSON_AddNumberToObject(o, name, (double)v);
		return;
	}
	snprintf(text, sizeof(text), "%llu", (unsigned long long)v);
	cJSON_AddStringToObject(o, name, text);
}

cJSON *broker_status_json(struct broker *b, bool sample)
{
	struct elevation_counts counts = {0};
	struct activity_input in;
	uint64_t events = 0, denials = 0;
	cJSON *o = cJSON_CreateObject();
	char request[96], evidence[96];
	enum session_activity words;

	fill_activity(b, &in, request, sizeof(request));
	/* Between samples the words alone are looked at: they cost nothing. */
	if (sample || activity_from_words(&in, &words, evidence, sizeof(evidence)))
		activity_sample(&b->activity, &in);
	if (b->elevation)
		elevation_counts(b->elevation, &counts);
	if (b->log)
		audit_counts(b->log, &events, &denials);
	cJSON_AddStringToObject(o, "activity", session_activity_name(b->activity.now));
	cJSON_AddStringToObject(o, "evidence", b->activity.evidence);
	add_u64(o, "since_ns", b->activity.since_ns);
	add_u64(o, "events", events);
	add_u64(o, "denied", counts.denied);
	add_u64(o, "granted", counts.granted);
	add_u64(o, "requests_open", in.requests_open);
	cJSON_AddNumberToObject(o, "clients", b->have_report ? b->report.clients : 0);
	cJSON_AddStringToObject(o, "title", b->have_report ? b->report.title : "");
	if (b->agent_gone)
		cJSON_AddNumberToObject(o, "exit_code", b->exit_code);
	else
		cJSON_AddNullToObject(o, "exit_code");
	return o;
}

static void send_status(struct broker *b, bool sample)
{
	cJSON *o;
	char *text;

	b->status_dirty = false;
	if (!b->control || !control_server_subscribers(b->control))
		return;
	o = broker_status_json(b, sample);
	cJSON_AddStringToObject(o, "event", "status");
	text = cJSON_PrintUnformatted(o);
	if (!text || str_eq(text, b->last_status)) {
		cJSON_Delete(o);
		free(text);
		return;
	}
	free(b->last_status);
	b->last_status = text;
	control_server_broadcast(b->control, o);
}

static void on_status_timer(uv_timer_t *t)
{
	send_status(t->data, false);
}

static void on_sample_timer(uv_timer_t *t)
{
	send_status(t->data, true);
}

void broker_touch(struct broker *b)
{
	if (b->status_dirty || b->closing || !b->control || !control_server_subscribers(b->control))
		return;
	b->status_dirty = true;
	uv_timer_start(&b->status_timer, on_status_timer, STATUS_EVERY_MS, 0);
}

/* A session that nobody watches costs nothing: /proc is read for subscribers only. */
static void on_clients_changed(void *data)
{
	struct broker *b = data;
	unsigned watching = control_server_subscribers(b->control);

	if (b->closing)
		return;
	/* Who is new gets a first status without waiting for a change. */
	free(STEAL_PTR(b->last_status));
	if (!watching || b->agent_gone)
		uv_timer_stop(&b->sample_timer);
	else if (!uv_is_active((uv_handle_t *)&b->sample_timer))
		uv_timer_start(&b->sample_timer, on_sample_timer, 0, SAMPLE_EVERY_MS);
	else
		broker_touch(b);
}

/* ---- screen host ---------------------------------------------------------------------- */

int broker_tell_host(struct broker *b, const struct pty_control *m, int fd)
{
	if (b->host_fd < 0)
		return -1;
	return fd_send(b->host_fd, m, sizeof(*m), fd);
}

static bool watched(const struct broker *b)
{
	return b->have_report && b->report.clients > 0;
}

static void linger_or_close(struct broker *b);

static void on_linger(uv_timer_t *t)
{
	linger_or_close(t->data);
}

/* After the end the last screen stays as long as someone looks at it, and for a moment when
 * someone may just be coming. */
static void linger_or_close(struct broker *b)
{
	uint64_t now = clock_mono_ns();

	if (!b->over || b->closing)
		return;
	if (b->host_pid > 0 && watched(b) && !b->stopping)
		return;
	if (b->host_pid > 0 && !b->stopping && now < b->expect_until_ns) {
		uv_timer_start(&b->linger_timer, on_linger,
			       (b->expect_until_ns - now) / 1000000u + 1, 0);
		return;
	}
	close_down(b);
}

static void on_report(struct broker *b, const struct pty_report *r)
{
	bool before = watched(b);

	b->report = *r;
	/* The other end parses hostile bytes: nothing of what it says is taken on trust. */
	b->report.title[sizeof(r->title) - 1] = '\0';
	b->report.state_app[sizeof(r->state_app) - 1] = '\0';
	b->report.state_kind[sizeof(r->state_kind) - 1] = '\0';
	b->report.state_msg[sizeof(r->state_msg) - 1] = '\0';
	text_printable(b->report.title, sizeof(b->report.title), r->title,
		       strnlen(r->title, sizeof(r->title) - 1));
	text_printable(b->report.state_kind, sizeof(b->report.state_kind), r->state_kind,
		       strnlen(r->state_kind, sizeof(r->state_kind) - 1));
	b->have_report = true;
	if (watched(b) != before) {
		if (before)
			b->expect_until_ns = 0; /* has come and gone */
		broker_write_record(b, NULL);
		linger_or_close(b);
	}
	broker_touch(b);
}

static void host_gone(struct broker *b)
{
	struct audit_event ev = {
	    .kind = AUDIT_TERMINAL,
	    .decision = AUDIT_DENIED,
	    .time_ns = clock_real_ns(),
	    .pid = b->host_pid,
	    .op = "screen_host_died",
	    .target = "",
	};

	uv_poll_stop(&b->host_poll);
	b->have_report = false;
	if (b->over) {
		close_down(b);
		return;
	}
	/* Nobody can see or type any more: the program is not left to itself. */
	if (!b->agent_gone) {
		audit_emit(b->log, &ev);
		broker_stop(b, 0);
	}
}

static void on_host(uv_poll_t *h, int status, int events)
{
	struct broker *b = h->data;
	struct pty_report r;
	ssize_t n;

	(void)events;
	n = status < 0 ? 0
		       : recv(b->host_fd, b->report_bytes + b->report_got,
			      sizeof(b->report_bytes) - b->report_got, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		host_gone(b);
		return;
	}
	b->report_got += (size_t)n;
	if (b->report_got < sizeof(r))
		return;
	memcpy(&r, b->report_bytes, sizeof(r));
	b->report_got = 0;
	on_report(b, &r);
}

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
		linger_or_close(b);
	else
		broker_end_program(b, ms);
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

/* No process of the session is left. */
static void session_over(struct broker *b)
{
	cJSON *o;

	if (b->over)
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
		close_down(b);
		return; /* broker_end() removes the record */
	}
	b->over = true;
	snapshotter_end(b->snapshotter, b->exit_code);
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
	linger_or_close(b);
}

static void close_down(struct broker *b)
{
	uv_handle_t *const handles[] = {
	    (uv_handle_t *)&b->init_poll,     (uv_handle_t *)&b->gate_poll,
	    (uv_handle_t *)&b->host_poll,     (uv_handle_t *)&b->elevation_poll,
	    (uv_handle_t *)&b->signal_poll,   (uv_handle_t *)&b->elevation_timer,
	    (uv_handle_t *)&b->status_timer,  (uv_handle_t *)&b->sample_timer,
	    (uv_handle_t *)&b->stop_timer,    (uv_handle_t *)&b->linger_timer,
	    (uv_handle_t *)&b->look_timer,    (uv_handle_t *)&b->wall_timer,
	    (uv_handle_t *)&b->startup_timer, (uv_handle_t *)&b->approver_poll,
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
	uv_timer_t *const timers[] = {&b->elevation_timer, &b->status_timer, &b->sample_timer,
				      &b->stop_timer,	   &b->linger_timer, &b->look_timer,
				      &b->wall_timer,	   &b->startup_timer};
	struct control_config control = {
	    .loop = &b->loop,
	    .listen_fd = b->rt.listen_fd,
	    .token = b->rt.token,
	    .call = broker_call,
	    .hello = broker_hello,
	    .changed = on_clients_changed,
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
	    watch(b, &b->host_poll, b->host_fd, on_host, err) < 0 ||
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
	broker_watch_startup(b);
	dispatch_elevation(b);
	broker_start_limits(b);
	while (uv_run(&b->loop, UV_RUN_ONCE)) {
		if (b->executed && b->ready_fd >= 0)
			tell_ready(b);
	}
	uv_loop_close(&b->loop);
	control_server_free(b->control);
	return b->over ? b->exit_code : -1;
}
