/* Ways into a session: in the background, in place, confined without a supervisor. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "sessions/broker.h"
#include "sessions/detach.h"
#include "sessions/hooks.h"
#include "sessions/registry.h"
#include "sessions/shield.h"
#include "sessions/sink.h"
#include "sessions/stop_signals.h"

#define READY_TIMEOUT_S	   30
#define SNAPSHOT_TIMEOUT_S 600

extern char **environ;

/* Nobody sees the secrets of a command line in what is kept. */
static int start_snapshotter(const struct session_options *o, const struct plan *plan, int starter,
			     struct snapshotter *out, struct err *err)
{
	struct audit_redaction *redaction = NULL;
	char **command = NULL;
	int r = -1;

	*out = (struct snapshotter){.fd = -1};
	if (!o->snapshots.on && !o->snapshots.name)
		return 0;
	if (audit_redaction_load(&redaction, err) == 0) {
		command = audit_redact_command(redaction, plan->argv);
		r = snapshotter_start(o,
				      &(struct snapshotter_job){.policy = plan->policy,
								.id = plan->id,
								.command = command,
								.place = &plan->place},
				      starter, out, err);
	}
	strv_free(command);
	audit_redaction_free(redaction);
	return r;
}

/* ---- in place ------------------------------------------------------------------------ */

int session_run(const struct session_options *o, struct err *err)
{
	struct snapshotter snapshotter;
	struct hook_keeper keeper;
	struct broker *b;
	struct plan plan;
	struct shield shield;
	int code = -1;

	if (plan_make(o, &plan, err) < 0)
		return -1;
	if (shield_open(&shield, err) < 0) {
		plan_free(&plan);
		return -1;
	}
	if (start_snapshotter(o, &plan, -1, &snapshotter, err) < 0 ||
	    sink_process_start(o, plan.id, err) < 0 ||
	    hooks_keeper_start(plan.policy, plan.id, &keeper, err) < 0) {
		snapshotter_end(&snapshotter, 127);
		shield_close(&shield);
		plan_free(&plan);
		return -1;
	}
	b = xcalloc(1, sizeof(*b));
	b->o = o;
	b->plan = &plan;
	b->snapshotter = &snapshotter;
	b->foreground = true;
	b->ready_fd = -1;
	if (broker_start(b, err) == 0) {
		code = broker_loop(b);
		broker_end(b);
		if (code < 0 && err)
			*err = b->failure;
		sigprocmask(SIG_SETMASK, &b->old_mask, NULL);
	}
	free(b);
	snapshotter_end(&snapshotter, code < 0 ? 127 : code);
	hooks_after(&keeper, code < 0 ? 127 : code);
	shield_close(&shield);
	plan_free(&plan);
	return code;
}

/* ---- in the background ------------------------------------------------------------------ */

/* The caller may be a program with a loop, threads and handlers of its own: nothing of it stays. */
static _Noreturn void in_broker(const struct session_options *o, const struct plan *plan,
				int ready_fd)
{
	struct broker *b = xcalloc(1, sizeof(*b));
	struct snapshotter snapshotter = {.fd = -1};
	struct hook_keeper keeper = {-1};
	struct err err = {0};
	sigset_t none;
	int code;

	for (int sig = 1; sig < SIGRTMIN; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	detach_descriptors(ready_fd);
	fcntl(ready_fd, F_SETFD, FD_CLOEXEC);
	b->o = o;
	b->plan = plan;
	b->ready_fd = ready_fd;
	b->snapshotter = &snapshotter;
	if (chdir("/") < 0 || start_snapshotter(o, plan, ready_fd, &snapshotter, &err) < 0 ||
	    sink_process_start(o, plan->id, &err) < 0 ||
	    hooks_keeper_start(plan->policy, plan->id, &keeper, &err) < 0 ||
	    broker_start(b, &err) < 0) {
		if (!err.msg[0])
			err_errno(&err, errno, "can't enter /");
		write_full(ready_fd, &err, sizeof(err));
		snapshotter_end(&snapshotter, 127);
		hooks_after(&keeper, 127);
		_exit(1);
	}
	code = broker_loop(b);
	if (code < 0)
		err = b->failure;
	ready_fd = b->ready_fd;
	broker_end(b);
	/* After everything was removed: whoever waits may look. */
	if (ready_fd >= 0) {
		if (!err.msg[0])
			err_set(&err, "the program ended before it was started");
		write_full(ready_fd, &err, sizeof(err));
	}
	snapshotter_end(&snapshotter, code < 0 ? 127 : code);
	hooks_after(&keeper, code < 0 ? 127 : code);
	_exit(0);
}

/* Twice forked, so that the broker is nobody's zombie. Returns the socket on which the
 * broker reports. */
static int fork_broker(const struct session_options *o, const struct plan *plan, struct err *err)
{
	int ready[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ready) < 0)
		return err_errno(err, errno, "can't make a socket pair");
	pid = fork();
	if (pid < 0) {
		err_errno(err, errno, "can't fork");
		close(ready[0]);
		close(ready[1]);
		return -1;
	}
	if (pid == 0) {
		if (setsid() < 0)
			_exit(1);
		pid = fork();
		if (pid != 0)
			_exit(pid < 0);
		close(ready[0]);
		in_broker(o, plan, ready[1]);
	}
	close(ready[1]);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return ready[0];
}

static int await_ready(int fd, int stop_fd, unsigned timeout_s, struct err *err)
{
	uint64_t deadline = clock_mono_ns() + timeout_s * 1000000000ull;
	struct pollfd p[2] = {{.fd = fd, .events = POLLIN}, {.fd = stop_fd, .events = POLLIN}};
	struct err answer;
	int r;

	do {
		uint64_t now = clock_mono_ns();
		r = poll(p, 2, now < deadline ? (int)((deadline - now) / 1000000u) : 0);
		if (r > 0 && p[1].revents) {
			struct signalfd_siginfo si;

			shutdown(fd, SHUT_WR); /* the broker sees it while it waits */
			(void)!read(stop_fd, &si, sizeof(si));
			p[1].fd = -1;
		}
	} while (r < 0 ? errno == EINTR : r > 0 && !p[0].revents);
	if (r <= 0)
		return err_set(err, "the session did not start within %u s", timeout_s);
	if (read_full(fd, &answer, sizeof(answer)) != (ssize_t)sizeof(answer))
		return err_set(err, "the session's broker ended while it was starting");
	if (!answer.msg[0])
		return 0;
	if (err)
		*err = answer;
	return -1;
}

/* Signals that give the start up; -1 where they are the caller's own business. */
static int catch_stops(const struct session_options *o, sigset_t *old)
{
	sigprocmask(SIG_SETMASK, NULL, old);
	return o->progress_tty[0] ? stop_signals(old) : -1;
}

static unsigned ready_timeout(const struct session_options *o)
{
	bool snapshot = o->snapshots.on || o->snapshots.name;

	return o->ready_timeout_s ? o->ready_timeout_s
	       : snapshot	  ? SNAPSHOT_TIMEOUT_S
				  : READY_TIMEOUT_S;
}

int session_start(const struct session_options *o, char id[SESSION_ID_LEN + 1], struct err *err)
{
	struct plan plan;
	sigset_t old;
	int fd, r, stop_fd;

	if (plan_make(o, &plan, err) < 0)
		return -1;
	stop_fd = catch_stops(o, &old);
	memcpy(id, plan.id, sizeof(plan.id));
	fd = fork_broker(o, &plan, err);
	r = fd < 0 ? -1 : await_ready(fd, stop_fd, ready_timeout(o), err);
	if (fd >= 0)
		close(fd);
	if (stop_fd >= 0)
		close(stop_fd);
	sigprocmask(SIG_SETMASK, &old, NULL);
	plan_free(&plan);
	return r;
}
