/* The supervisor's side of the process that takes a session's snapshots. */
#include "sessions/snapshotter.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "sessions/snapshot_taker.h"
#include "sessions/snapshotter_scope.h"
#include "sessions/stop_signals.h"

static int settle(struct snapshotter *s, const struct snapshotter_answer *a, struct err *err)
{
	s->count = a->count;
	s->files = a->files;
	memcpy(s->roots, a->roots, sizeof(s->roots));
	if (a->ok)
		return 0;
	if (err) {
		*err = a->err;
		err->msg[sizeof(err->msg) - 1] = '\0';
	}
	return -1;
}

/* For the first or the last one; what was said of others is of no use any more. */
static int await(struct snapshotter *s, struct err *err)
{
	while (!s->ended) {
		if (read_full(s->fd, &s->end, sizeof(s->end)) != (ssize_t)sizeof(s->end))
			return err_set(err, "the process that takes snapshots ended");
		s->ended = s->end.serial == 0;
	}
	return settle(s, &s->end, err);
}

int snapshotter_before(struct snapshotter *s, const struct snapshotter_order *o)
{
	return send(s->fd, o, sizeof(*o), MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof(*o) ? 0
											      : -1;
}

int snapshotter_next(struct snapshotter *s, struct snapshotter_answer *out)
{
	ssize_t n = s->ended ? 0 : recv(s->fd, out, sizeof(*out), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n != (ssize_t)sizeof(*out))
		return -1;
	if (out->serial)
		return 1;
	s->end = *out;
	s->ended = true;
	return -1;
}

/* Whoever waits for the first one may give it up: by a signal, read from signals, or by its end. */
static int await_first(struct snapshotter *s, int starter, int signals, struct err *err)
{
	struct signalfd_siginfo si;
	struct pollfd p[2] = {{.fd = s->fd, .events = POLLIN},
			      {.fd = starter, .events = POLLRDHUP}};

	if (starter < 0)
		p[1] = (struct pollfd){.fd = signals, .events = POLLIN};
	while (poll(p, 2, -1) < 0 ? errno == EINTR : !p[0].revents) {
		if (!p[1].revents)
			continue;
		if (starter >= 0 || read(signals, &si, sizeof(si)) == (ssize_t)sizeof(si))
			(void)send(s->fd, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (starter >= 0)
			p[1].fd = -1;
	}
	return await(s, err);
}

static int fork_taker(struct taker *t, int starter, int signals, const sigset_t *mask,
		      struct snapshotter *out, struct err *err)
{
	int pair[2], r;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_errno(err, errno, "can't make a socket pair");
	pid = fork();
	if (pid == 0) { /* twice: it is not below the supervisor, whose end ends all that is */
		sigprocmask(SIG_SETMASK, mask, NULL);
		pid = fork();
		if (pid == 0)
			taker_run(t, pair[1]);
		_exit(pid < 0);
	}
	close(pair[1]);
	out->fd = pair[0];
	if (pid < 0)
		return err_errno(err, errno, "can't fork");
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	r = await_first(out, starter, signals, err);
	out->ended = false;
	return r;
}

/* Signals that give it up are held back before anything is begun. */
static int take_first(struct taker *t, int starter, struct snapshotter *out, struct err *err)
{
	sigset_t mask;
	int signals = -1, r;

	if (starter < 0)
		signals = stop_signals(&mask);
	else
		sigprocmask(SIG_SETMASK, NULL, &mask);
	r = fork_taker(t, starter, signals, &mask, out, err);
	if (signals >= 0)
		close(signals);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	return r;
}

int snapshotter_start(const struct session_options *o, const struct snapshotter_job *job,
		      int starter, struct snapshotter *out, struct err *err)
{
	struct taker t = {.sock = -1, .o = o};
	const struct policy *p = job->policy;
	int r;

	*out = (struct snapshotter){.fd = -1};
	if (!o->snapshots.on && !o->snapshots.name)
		return 0;
	if (rollback_limits_load(&t.limits, err) < 0) {
		rollback_limits_free(&t.limits);
		return -1;
	}
	out->max = t.limits.snapshots;
	if (o->snapshots.on && !p->rollback_not_before && (t.limits.requests || p->rollback_before))
		out->before_s = t.limits.wait_s;
	str_copy(t.rec.id, sizeof(t.rec.id), job->id);
	if (job->place->path) {
		t.rec.store = xstrdup(job->place->path);
		str_copy(t.rec.store_id, sizeof(t.rec.store_id), job->place->id);
	}
	time_rfc3339(t.rec.started, clock_real_ns());
	t.rec.roots = session_roots(p);
	t.rec.excludes = session_excludes(&o->snapshots, p);
	t.rec.command = (char **)job->command;
	r = t.rec.roots[0] ? take_first(&t, starter, out, err)
			   : err_usage(err, "there is nothing to keep: the program may write "
					    "nothing of yours (--allow DIR)");
	t.rec.command = NULL;
	rollback_record_free(&t.rec);
	rollback_limits_free(&t.limits);
	if (out->fd >= 0 && (r < 0 || !o->snapshots.on))
		close(STEAL_FD(out->fd));
	return r < 0 ? err_prefix(err, "snapshot") : 0;
}

bool snapshotter_last(struct snapshotter *s, int exit_code)
{
	struct snapshotter_order o = {.exit_code = exit_code};

	if (s->fd < 0 || s->last)
		return s->fd >= 0;
	s->last = true;
	return write_full(s->fd, &o, sizeof(o)) == 0;
}

void snapshotter_cancel(struct snapshotter *s)
{
	if (s->fd >= 0 && s->last)
		(void)send(s->fd, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void snapshotter_end(struct snapshotter *s, int exit_code)
{
	struct err err = {0};

	if (s->fd < 0)
		return;
	s->kept = snapshotter_last(s, exit_code) && await(s, &err) == 0;
	if (!s->kept)
		dprintf(2, "nono: warning: the snapshot at the end: %s\n",
			err.msg[0] ? err.msg : "the process that takes snapshots ended");
	close(STEAL_FD(s->fd));
}
