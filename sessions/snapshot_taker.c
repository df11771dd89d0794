/* The process that takes a session's snapshots. */
#include "sessions/snapshot_taker.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "common/remark.h"
#include "sandbox/nono.h"
#include "sessions/rollback_store.h"
#include "sessions/snapshotter_scope.h"

#define DIR_ENTRIES_MAX 10000

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
static int take_in(struct taker *t, struct snap_store *store, const char *reason, const char *name,
		   char *const *more, struct err *err)
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
	rollback_store_apart(store);
	rc = snap_take(store, &st, &r, err);
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

static int take(struct taker *t, const char *reason, char *const *more, struct err *err)
{
	return take_in(t, t->store, reason, NULL, more, err);
}

/* Named ones are no session's: wherever its own are, they lie together. */
static int take_named(struct taker *t, const char *name, struct err *err)
{
	struct snap_store *store = NULL;
	int r = rollback_store_state(&store, err);

	if (r == 0 && t->o->snapshots.quota)
		snap_set_quota(store, t->o->snapshots.quota);
	if (r == 0)
		r = take_in(t, store, "start", name, NULL, err);
	snap_close(store);
	return r;
}

static void drop_named(const char *name)
{
	struct snap_store *store = NULL;

	if (rollback_store_state(&store, NULL) == 0)
		snap_record_delete(store, NULL, 0, name, NULL);
	snap_close(store);
}

static int begin_own(struct taker *t, struct err *err)
{
	if (rollback_store_of(&t->rec, &t->store, err) < 0)
		return -1;
	if (t->o->snapshots.quota)
		snap_set_quota(t->store, t->o->snapshots.quota);
	if (rollback_record_write(&t->rec, err) == 0 && take(t, "start", NULL, err) == 0)
		return 0;
	/* There will be no session that it could be about. */
	snap_session_remove(t->store, t->rec.id, NULL);
	rollback_record_remove(t->rec.id, NULL);
	return -1;
}

static int begin(struct taker *t, struct err *err)
{
	const struct session_snapshots *o = &t->o->snapshots;

	if (o->name && take_named(t, o->name, err) < 0)
		return -1;
	if (!o->on || begin_own(t, err) == 0)
		return 0;
	if (o->name)
		drop_named(o->name);
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
	rc = clock_mono_ns() > o->deadline_ns ? -1 : take(t, "request", roots, err);
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
			take(t, "timer", NULL, &err);
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
	t->answer.ok = err->code != ECANCELED && take(t, "end", NULL, err) == 0;
	if (!t->answer.ok && err->code == ECANCELED)
		err_set(err, "given up; kept before it: %u (nono rollback show %.8s)", t->rec.count,
			t->rec.id);
}

void taker_run(struct taker *t, int sock)
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
	if (rollback_keep(&t->limits, false, NULL, NULL, &t->answer.err) < 0)
		remark("nono: warning: old snapshots: %s", t->answer.err.msg);
	_exit(!t->answer.ok);
}
