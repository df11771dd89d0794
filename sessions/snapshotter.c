/* The process that takes a session's snapshots. */
#include "sessions/snapshotter.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "common/remark.h"
#include "sandbox/nono.h"
#include "sessions/rollback_keep.h"

#define DIR_ENTRIES_MAX 10000

struct answer {
	bool ok;
	unsigned count;
	uint64_t files;
	char roots[2][SNAP_HASH_HEX];
	struct err err;
};

struct taker {
	const struct session_options *o;
	struct rollback_record rec;
	struct rollback_limits limits;
	struct snap_store *store;
	struct answer answer;
	bool quiet, said; /* progress is on the terminal */
	int sock;	  /* where the last one may be given up; -1: not now */
};

/* ---- what is left out ----------------------------------------------------------------------- */

/* Made by tools from what is kept, large, and made again. */
static const char *const automatic[] = {
    "target",	     "node_modules", "__pycache__", ".venv",	  "venv",    ".tox",
    "dist",	     "build",	     ".next",	    ".nuxt",	  ".gradle", ".mypy_cache",
    ".pytest_cache", ".cache",	     ".turbo",	    ".terraform", NULL};
static const char *const vcs[] = {".git", ".hg", ".svn", ".jj", ".bzr", NULL};

static bool in_list(const char *const *v, const char *s)
{
	for (; v && *v; v++)
		if (str_eq(*v, s))
			return true;
	return false;
}

/* A pattern of the command line in the language of .gitignore: with a slash it may begin anywhere.
 */
static char *pattern(const char *p)
{
	if (!strchr(p, '/'))
		return xstrdup(p);
	return xasprintf(p[0] == '/' ? "**%s" : "**/%s", p);
}

/* The same of a folder. */
static char *folder(const char *name)
{
	_cleanup_free_ char *p = pattern(name);

	return str_ends(p, "/") ? STEAL_PTR(p) : xasprintf("%s/", p);
}

static char **excludes(const struct session_snapshots *o, const struct policy *p)
{
	size_t max = ARRAY_LEN(automatic) + ARRAY_LEN(vcs) + 1, n = 0;
	char *const *lists[] = {p->rollback_patterns, p->rollback_globs};
	char **v;

	for (const char *const *i = o->exclude; i && *i; i++)
		max++;
	for (size_t l = 0; l < ARRAY_LEN(lists); l++)
		for (char *const *i = lists[l]; i && *i; i++)
			max++;
	for (char *const *i = p->skipdirs; i && *i; i++)
		max++;
	for (const char *const *i = o->skip_dirs; i && *i; i++)
		max++;
	v = xcalloc(max, sizeof(*v));
	for (size_t i = 0; automatic[i] && !o->all; i++)
		if (!in_list(o->include, automatic[i]))
			v[n++] = xasprintf("%s/", automatic[i]);
	for (char *const *i = p->skipdirs; i && *i; i++)
		v[n++] = folder(*i);
	for (const char *const *i = o->skip_dirs; i && *i; i++)
		v[n++] = folder(*i);
	for (size_t l = 0; l < ARRAY_LEN(lists); l++)
		for (char *const *i = lists[l]; i && *i; i++)
			v[n++] = pattern(*i);
	for (const char *const *i = o->exclude; i && *i; i++)
		v[n++] = pattern(*i);
	/* Last, so that nothing takes them back. */
	for (size_t i = 0; vcs[i]; i++)
		v[n++] = xasprintf("%s/", vcs[i]);
	return v;
}

struct snap_options rollback_options(const struct rollback_record *r)
{
	return (struct snap_options){.excludes = (const char *const *)r->excludes,
				     .max_dir_entries = DIR_ENTRIES_MAX};
}

/* ---- what is kept --------------------------------------------------------------------------- */

static bool is_own(const struct policy_grant *g)
{
	return (g->access & NONO_WRITE) && !g->glob && !g->device && !g->listing &&
	       !str_eq(g->source, "system") && !str_starts(g->source, "group:") &&
	       !path_under("/dev", g->path) && !path_under("/proc", g->path);
}

/* The user's own trees that may be written, none below another. */
static char **own_roots(const struct policy *p)
{
	char **v = xcalloc(p->n_grants + 1, sizeof(*v));
	size_t n = 0;

	for (size_t i = 0; i < p->n_grants; i++) {
		const struct policy_grant *g = &p->grants[i];
		bool covered = !is_own(g);
		for (size_t k = 0; k < p->n_grants && !covered; k++) {
			const struct policy_grant *o = &p->grants[k];
			covered = k != i && is_own(o) &&
				  (str_eq(o->path, g->path)
				       ? k < i
				       : !o->is_file && path_under(o->path, g->path));
		}
		if (!covered)
			v[n++] = xstrdup(g->path);
	}
	return v;
}

/* ---- taking --------------------------------------------------------------------------------- */

/* A supervisor that is gone gives nothing up. */
static bool given_up(int sock)
{
	char c;

	return sock >= 0 && recv(sock, &c, 1, MSG_DONTWAIT) > 0;
}

static bool on_progress(void *arg, const struct snap_progress *p)
{
	struct taker *t = arg;
	double s = (double)p->elapsed_ns / 1e9;

	if (given_up(t->sock))
		return false;
	if (t->quiet || p->elapsed_ns < 500000000)
		return true;
	t->said = true;
	fprintf(stderr, "\rsnapshot: %llu files, %.1f MB (%.0f MB/s)   ",
		(unsigned long long)p->files_seen, (double)p->bytes_seen / 1e6,
		(double)p->bytes_read / 1e6 / s);
	return true;
}

static int take(struct taker *t, const char *reason, const char *name, struct err *err)
{
	struct snap_take st = {.roots = (const char *const *)t->rec.roots,
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
	if (t->said)
		fputs("\r\033[K", stderr);
	t->said = false;
	if (rc == 0 && !name) {
		snap_hash_hex(t->answer.roots[t->rec.count > 0], &r.tree);
		t->answer.count = t->rec.count = r.number + 1;
		t->answer.files = r.files;
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
	if (o->name && take(t, "start", o->name, err) < 0)
		return -1;
	if (!o->on)
		return 0;
	return rollback_record_write(&t->rec, err) < 0 || take(t, "start", NULL, err) < 0 ? -1 : 0;
}

/* Until the supervisor says that all is over, or is gone. */
static int serve(struct taker *t, int sock)
{
	unsigned interval = t->o->snapshots.interval_s;
	uint64_t next = clock_mono_ns() + interval * 1000000000ull;
	struct pollfd p = {.fd = sock, .events = POLLIN};
	struct err err = {0};
	int code, r;

	for (;;) {
		uint64_t now = clock_mono_ns();
		int wait = interval ? (now < next ? (int)((next - now) / 1000000) + 1 : 0) : -1;
		r = poll(&p, 1, wait);
		if (r < 0 && errno != EINTR)
			return -1;
		if (r > 0)
			break;
		if (r == 0 && t->rec.count >= t->limits.snapshots) {
			interval = 0; /* room for the last one */
		} else if (r == 0) {
			take(t, "timer", NULL, &err);
			rollback_record_write(&t->rec, NULL);
			next = clock_mono_ns() + interval * 1000000000ull;
		}
	}
	return read_full(sock, &code, sizeof(code)) == (ssize_t)sizeof(code) ? code : -1;
}

static void take_last(struct taker *t, int sock)
{
	struct err *err = &t->answer.err;

	t->sock = sock;
	if (given_up(sock))
		err->code = ECANCELED;
	t->answer.ok = err->code != ECANCELED && take(t, "end", NULL, err) == 0;
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
	t->answer.ok = begin(t, &t->answer.err) == 0;
	if (write_full(sock, &t->answer, sizeof(t->answer)) < 0 || !t->answer.ok ||
	    !t->o->snapshots.on)
		_exit(!t->answer.ok);
	t->quiet = true;
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

static int await(struct snapshotter *s, struct err *err)
{
	struct answer a;

	if (read_full(s->fd, &a, sizeof(a)) != (ssize_t)sizeof(a))
		return err_set(err, "the process that takes snapshots ended");
	a.err.msg[sizeof(a.err.msg) - 1] = '\0';
	s->count = a.count;
	s->files = a.files;
	memcpy(s->roots, a.roots, sizeof(s->roots));
	if (a.ok)
		return 0;
	if (err)
		*err = a.err;
	return -1;
}

static int fork_taker(struct taker *t, struct snapshotter *out, struct err *err)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
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
	return await(out, err);
}

int snapshotter_start(const struct session_options *o, const struct policy *p, const char *id,
		      char *const *argv, bool quiet, struct snapshotter *out, struct err *err)
{
	struct taker t = {.sock = -1, .o = o, .quiet = quiet || !isatty(STDERR_FILENO)};
	int r;

	*out = (struct snapshotter){.fd = -1};
	if (!o->snapshots.on && !o->snapshots.name)
		return 0;
	if (rollback_limits_load(&t.limits, err) < 0)
		return -1;
	str_copy(t.rec.id, sizeof(t.rec.id), id);
	time_rfc3339(t.rec.started, clock_real_ns());
	t.rec.roots = own_roots(p);
	t.rec.excludes = excludes(&o->snapshots, p);
	t.rec.command = (char **)argv;
	r = t.rec.roots[0] ? fork_taker(&t, out, err)
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
	if (s->fd < 0 || s->last)
		return s->fd >= 0;
	s->last = true;
	return write_full(s->fd, &exit_code, sizeof(exit_code)) == 0;
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
