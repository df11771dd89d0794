/* The process that takes a session's snapshots. */
#include "sessions/snapshotter.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "common/remark.h"
#include "sandbox/nono.h"
#include "sessions/rollback_keep.h"
#include "sessions/snapshotter_scope.h"
#include "sessions/stop_signals.h"

#define DIR_ENTRIES_MAX 10000

struct taker {
	const struct session_options *o;
	struct rollback_record rec;
	struct rollback_limits limits;
	struct snap_store *store;
	struct snapshotter_answer answer;
	uint64_t deadline_ns; /* of what is being taken, 0 = none */
	FILE *progress;	      /* a terminal, NULL = none */
	bool said;	      /* there is some on it */
	int sock;	      /* where this one may be given up; -1: not now */
	bool first;	      /* ... also by the supervisor's end */
};

struct snap_options rollback_options(const struct rollback_record *r)
{
	return (struct snap_options){.excludes = (const char *const *)r->excludes,
				     .max_dir_entries = DIR_ENTRIES_MAX};
}

/* ---- taking --------------------------------------------------------------------------------- */

/* A supervisor that is gone gives up the first one only: no session comes after it. */
static bool given_up(const struct taker *t)
{
	ssize_t n;
	char c;

	if (t->sock < 0)
		return false;
	n = recv(t->sock, &c, 1, MSG_DONTWAIT);
	return n > 0 || (n == 0 && t->first);
}

static bool on_progress(void *arg, const struct snap_progress *p)
{
	struct taker *t = arg;
	double s = (double)p->elapsed_ns / 1e9;

	if (given_up(t) || (t->deadline_ns && clock_mono_ns() > t->deadline_ns))
		return false;
	if (!t->progress || p->elapsed_ns < 500000000)
		return true;
	t->said = true;
	fprintf(t->progress, "\rsnapshot: %llu files, %.1f MB (%.0f MB/s)   ",
		(unsigned long long)p->files_seen, (double)p->bytes_seen / 1e6,
		(double)p->bytes_read / 1e6 / s);
	fflush(t->progress);
	return true;
}

/* The roots, or some more: more may be NULL. */
static int take(struct taker *t, const char *reason, const char *name, char *const *more,
		struct err *err)
{
	char *const *roots = more ? more : t->rec.roots;
	struct snap_take st = {.roots = (const char *const *)roots,
			       .cached = (const char *const *)t->rec.roots,
			       .options = rollback_options(&t->rec),
			       .session = name ? NULL : t->rec.id,
			       .name = name,
			       .reason = reason};
	struct snap_record r = {0};
	int rc;

	st.options.progress = on_progress;
	st.options.arg = t;
	st.options.settled = str_eq(reason, "end");
	rc = snap_take(t->store, &st, &r, err);
	if (t->said) {
		fputs("\r\033[K", t->progress);
		fflush(t->progress);
	}
	t->said = false;
	if (rc == 0 && !name) {
		snap_hash_hex(t->answer.roots[t->rec.count > 0], &r.tree);
		t->answer.count = t->rec.count = r.number + 1;
		t->answer.files = r.files;
		t->answer.number = r.number;
		snap_hash_hex(t->answer.root, &r.tree);
		if (str_eq(reason, "timer"))
			snapshot_note(t->rec.id, reason, r.number, r.files, &r.tree);
	}
	snap_record_free(&r);
	return rc;
}

static int begin(struct taker *t, struct err *err)
{
	_cleanup_free_ char *state = dir_state();
	const struct session_snapshots *o = &t->o->snapshots;

	if (dir_private(state, err) < 0 || snap_open(&t->store, state, err) < 0)
		return -1;
	if (o->quota)
		snap_set_quota(t->store, o->quota);
	if (o->name && take(t, "start", o->name, NULL, err) < 0)
		return -1;
	if (!o->on)
		return 0;
	if (rollback_record_write(&t->rec, err) == 0 && take(t, "start", NULL, NULL, err) == 0)
		return 0;
	/* There will be no session that it could be about. */
	rollback_record_remove(t->rec.id, NULL);
	if (o->name)
		snap_record_delete(t->store, NULL, 0, o->name, NULL);
	return -1;
}

static void begin_first(struct taker *t, int sock)
{
	struct err *err = &t->answer.err;
	const char *tty = t->o->progress_tty;

	if (tty[0]) {
		int fd = open(tty, O_WRONLY | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
		t->progress = fd >= 0 && isatty(fd) ? fdopen(fd, "w") : NULL;
	} else if (!t->o->silent && isatty(STDERR_FILENO)) {
		t->progress = stderr;
	}
	t->sock = sock;
	t->first = true;
	t->answer.ok = begin(t, err) == 0;
	if (!t->answer.ok && err->code == ECANCELED) {
		err_set(err, "given up; nothing was started, nothing is kept");
		err->cls = ERR_INTERRUPTED;
	}
	t->first = false;
	t->sock = -1;
	if (t->progress && t->progress != stderr)
		fclose(t->progress);
	t->progress = NULL;
}

/* A state that came too late is none of before. */
static int take_in_time(struct taker *t, const struct snapshotter_order *o, char *const *roots,
			struct err *err)
{
	unsigned count = t->rec.count;
	int rc;

	t->deadline_ns = o->deadline_ns;
	rc = clock_mono_ns() > o->deadline_ns ? -1 : take(t, "request", NULL, roots, err);
	t->deadline_ns = 0;
	if (clock_mono_ns() <= o->deadline_ns)
		return rc;
	if (rc == 0) {
		snap_record_delete(t->store, t->rec.id, t->answer.number, NULL, NULL);
		t->answer.count = t->rec.count = count;
	}
	return err_set(err, "it would have come too late");
}

static void take_before(struct taker *t, const struct snapshotter_order *o, int sock)
{
	_cleanup_(before_roots_free) char **roots = NULL;
	struct snapshotter_answer *a = &t->answer;

	a->serial = o->serial;
	a->left_out[0] = '\0';
	a->err = (struct err){0};
	a->full = t->rec.count >= t->limits.snapshots;
	if (!a->full)
		roots = before_roots(t->rec.roots, o, a->left_out, sizeof(a->left_out));
	a->ok = roots && take_in_time(t, o, roots, &a->err) == 0;
	if (a->ok)
		rollback_record_write(&t->rec, NULL);
	write_full(sock, a, sizeof(*a));
	a->serial = 0;
	a->err = (struct err){0};
}

/* Until the supervisor says that all is over, or is gone. */
static int serve(struct taker *t, int sock)
{
	unsigned interval = t->o->snapshots.interval_s;
	uint64_t next = clock_mono_ns() + interval * 1000000000ull;
	struct pollfd p = {.fd = sock, .events = POLLIN};
	struct snapshotter_order o;
	struct err err = {0};
	int r;

	for (;;) {
		uint64_t now = clock_mono_ns();
		int wait = interval ? (now < next ? (int)((next - now) / 1000000) + 1 : 0) : -1;
		r = poll(&p, 1, wait);
		if (r < 0 && errno != EINTR)
			return -1;
		if (r > 0) {
			if (read_full(sock, &o, sizeof(o)) != (ssize_t)sizeof(o))
				return -1;
			if (!o.serial)
				return o.exit_code;
			take_before(t, &o, sock);
			continue;
		}
		if (r == 0 && t->rec.count >= t->limits.snapshots) {
			interval = 0; /* room for the last one */
		} else if (r == 0) {
			take(t, "timer", NULL, NULL, &err);
			rollback_record_write(&t->rec, NULL);
			next = clock_mono_ns() + interval * 1000000000ull;
		}
	}
}

static void take_last(struct taker *t, int sock)
{
	struct err *err = &t->answer.err;

	t->sock = sock;
	if (given_up(t))
		err->code = ECANCELED;
	t->answer.ok = err->code != ECANCELED && take(t, "end", NULL, NULL, err) == 0;
	if (!t->answer.ok && err->code == ECANCELED)
		err_set(err, "given up; kept before it: %u (nono rollback show %.8s)", t->rec.count,
			t->rec.id);
}

static _Noreturn void in_taker(struct taker *t, int sock)
{
	prctl(PR_SET_NAME, "nono: snapshots");
	prctl(PR_SET_DUMPABLE, 0);
	if (setsid() < 0 || nono_close_descriptors(sock) < 0)
		_exit(1);
	signal(SIGPIPE, SIG_IGN);
	t->rec.pid = getpid();
	t->rec.pid_epoch = proc_start_time(getpid());
	begin_first(t, sock);
	if (write_full(sock, &t->answer, sizeof(t->answer)) < 0 || !t->answer.ok ||
	    !t->o->snapshots.on)
		_exit(!t->answer.ok);
	t->rec.exit_code = serve(t, sock);
	take_last(t, sock);
	time_rfc3339(t->rec.ended, clock_real_ns());
	if (rollback_record_write(&t->rec, &t->answer.err) < 0)
		t->answer.ok = false;
	write_full(sock, &t->answer, sizeof(t->answer));
	/* Nobody waits for this. */
	if (rollback_keep(t->store, &t->limits, false, NULL, NULL, &t->answer.err) < 0)
		remark("nono: warning: old snapshots: %s", t->answer.err.msg);
	_exit(!t->answer.ok);
}

/* ---- the supervisor's side ------------------------------------------------------------------ */

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

/* Whoever waits for the first one may give it up. */
static int await_first(struct snapshotter *s, int starter, struct err *err)
{
	struct signalfd_siginfo si;
	sigset_t old;
	int fd = starter < 0 ? stop_signals(&old) : -1, r;
	struct pollfd p[2] = {{.fd = s->fd, .events = POLLIN},
			      {.fd = starter, .events = POLLRDHUP}};

	if (starter < 0)
		p[1] = (struct pollfd){.fd = fd, .events = POLLIN};
	while (poll(p, 2, -1) < 0 ? errno == EINTR : !p[0].revents) {
		if (!p[1].revents)
			continue;
		if (starter >= 0 || read(fd, &si, sizeof(si)) == (ssize_t)sizeof(si))
			(void)send(s->fd, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (starter >= 0)
			p[1].fd = -1;
	}
	r = await(s, err);
	if (fd >= 0)
		close(fd);
	if (starter < 0)
		sigprocmask(SIG_SETMASK, &old, NULL);
	return r;
}

static int fork_taker(struct taker *t, int starter, struct snapshotter *out, struct err *err)
{
	int pair[2], r;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_errno(err, errno, "can't make a socket pair");
	pid = fork();
	if (pid == 0) { /* twice: it is not below the supervisor, whose end ends all that is */
		pid = fork();
		if (pid == 0)
			in_taker(t, pair[1]);
		_exit(pid < 0);
	}
	close(pair[1]);
	out->fd = pair[0];
	if (pid < 0)
		return err_errno(err, errno, "can't fork");
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	r = await_first(out, starter, err);
	out->ended = false;
	return r;
}

int snapshotter_start(const struct session_options *o, const struct policy *p, const char *id,
		      char *const *argv, int starter, struct snapshotter *out, struct err *err)
{
	struct taker t = {.sock = -1, .o = o};
	int r;

	*out = (struct snapshotter){.fd = -1};
	if (!o->snapshots.on && !o->snapshots.name)
		return 0;
	if (rollback_limits_load(&t.limits, err) < 0)
		return -1;
	out->max = t.limits.snapshots;
	if (o->snapshots.on && !p->rollback_not_before && (t.limits.requests || p->rollback_before))
		out->before_s = t.limits.wait_s;
	str_copy(t.rec.id, sizeof(t.rec.id), id);
	time_rfc3339(t.rec.started, clock_real_ns());
	t.rec.roots = session_roots(p);
	t.rec.excludes = session_excludes(&o->snapshots, p);
	t.rec.command = (char **)argv;
	r = t.rec.roots[0] ? fork_taker(&t, starter, out, err)
			   : err_usage(err, "there is nothing to keep: the program may write "
					    "nothing of yours (--allow DIR)");
	t.rec.command = NULL;
	rollback_record_free(&t.rec);
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
