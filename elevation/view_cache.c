/*
 * What is kept of the threads that call: a descriptor of each, its /proc folder, its program. The
 * notify thread alone uses it; others look afresh.
 *
 * A number may come to mean another thread, so an entry counts only while its pidfd lives: as long
 * as a thread exists its number is not given away again.
 *
 * Sources: pidfd_open(2), pidfd_send_signal(2), proc(5).
 */
#include "elevation/engine.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define SETS	     16
#define WAYS	     4 /* two descriptors each */
#define ENTRIES	     (SETS * WAYS)
#define FD_OWN	     64	    /* what the supervisor holds besides, about */
#define SWEPT	     2	    /* entries that are looked at when a new one comes */
#define PIDFD_THREAD O_EXCL /* Linux 6.9 */
#define UNSURE_NS    2000000000ull
#define TRUST_NS     2000000ull /* no number comes round again that fast */

enum { NUMBERS_HOST = 1, NUMBERS_OWN };

struct view_cache {
	pthread_mutex_t lock; /* of what follows */
	int root;
	int numbers;	   /* atomic: NUMBERS_*, 0 = not looked yet */
	bool short_of_fds; /* atomic: some thread found none left */
	/* Notify thread only: */
	unsigned sets; /* in use: no more descriptors than may be spared */
	unsigned hand; /* the next entry to be swept */
	uint64_t clock;
	struct proc entries[ENTRIES];
};

/* At most half of what the limit leaves. */
static unsigned sets_for_limit(void)
{
	struct rlimit l;
	rlim_t sets;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur <= FD_OWN)
		return 1;
	sets = (l.rlim_cur - FD_OWN) / 2 / (2 * WAYS);
	return sets < 1 ? 1 : sets < SETS ? (unsigned)sets : SETS;
}

struct view_cache *view_cache_new(void)
{
	struct view_cache *v = xcalloc(1, sizeof(*v));

	pthread_mutex_init(&v->lock, NULL);
	v->root = -1;
	v->sets = sets_for_limit();
	for (size_t i = 0; i < ENTRIES; i++)
		v->entries[i].pidfd = v->entries[i].dir = -1;
	return v;
}

static void forget(struct proc *p)
{
	if (p->pidfd >= 0)
		close(p->pidfd);
	if (p->dir >= 0)
		close(p->dir);
	p->pidfd = p->dir = -1;
	p->tid = 0;
}

void view_cache_free(struct view_cache *v)
{
	if (!v)
		return;
	for (size_t i = 0; i < ENTRIES; i++)
		forget(&v->entries[i]);
	if (v->root >= 0)
		close(v->root);
	pthread_mutex_destroy(&v->lock);
	free(v);
}

int view_root(struct elevation *e, pid_t tid)
{
	struct view_cache *v = e->views;
	char path[40];
	int fd = __atomic_load_n(&v->root, __ATOMIC_ACQUIRE);

	if (fd >= 0)
		return fd;
	pthread_mutex_lock(&v->lock);
	fd = v->root;
	if (fd < 0) {
		snprintf(path, sizeof(path), "/proc/%d/root", (int)tid);
		fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		__atomic_store_n(&v->root, fd, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&v->lock);
	return fd;
}

bool view_host_numbers(struct elevation *e, pid_t tid)
{
	struct view_cache *v = e->views;
	struct stat theirs, ours;
	int root, known = __atomic_load_n(&v->numbers, __ATOMIC_RELAXED);

	if (!known) {
		root = view_root(e, tid);
		if (root < 0 || fstatat(root, "proc", &theirs, AT_SYMLINK_NOFOLLOW) < 0 ||
		    stat("/proc", &ours) < 0)
			return true; /* with those more is refused */
		known = theirs.st_dev == ours.st_dev ? NUMBERS_HOST : NUMBERS_OWN;
		__atomic_store_n(&v->numbers, known, __ATOMIC_RELAXED);
	}
	return known == NUMBERS_HOST;
}

bool view_process_inside(struct elevation *e, const struct proc *p, pid_t pid)
{
	if (pid == p->ns_pid)
		return true;
	if (!view_host_numbers(e, p->tid)) /* all but the session's init, the first there */
		return pid > 1;
	return process_inside(e, pid);
}

static bool alive(struct proc *p, uint64_t now_ns)
{
	if (now_ns - p->seen_ns < TRUST_NS)
		return true;
	p->seen_ns = now_ns;
	return syscall(SYS_pidfd_send_signal, p->pidfd, 0, NULL, 0) == 0;
}

/* Entries of what has ended go, a few at a time. */
static void sweep(struct view_cache *v)
{
	for (unsigned i = 0; i < SWEPT; i++) {
		struct proc *p = &v->entries[v->hand++ % (v->sets * WAYS)];

		if (p->tid && syscall(SYS_pidfd_send_signal, p->pidfd, 0, NULL, 0) < 0)
			forget(p);
	}
}

static void forget_all(struct view_cache *v)
{
	for (size_t i = 0; i < ENTRIES; i++)
		forget(&v->entries[i]);
}

static void look_up_program(struct proc *p)
{
	ssize_t n = readlinkat(p->dir, "exe", p->program, sizeof(p->program) - 1);

	p->program[n > 0 ? n : 0] = '\0';
}

static int open_pidfd(pid_t tid)
{
	int fd = (int)syscall(SYS_pidfd_open, tid, PIDFD_THREAD);

	/* Before Linux 6.9 only whole processes have one. */
	return fd < 0 && errno == EINVAL ? (int)syscall(SYS_pidfd_open, tid, 0) : fd;
}

static int fill(struct proc *p, pid_t tid)
{
	struct proc_numbers n;
	char path[32];

	*p = (struct proc){.tid = tid, .pidfd = open_pidfd(tid), .dir = -1};
	snprintf(path, sizeof(path), "/proc/%d", (int)tid);
	p->dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (p->dir < 0 || process_numbers(p->dir, &n) < 0) {
		int code = errno;

		forget(p);
		errno = code;
		return -1;
	}
	p->pid = n.pid;
	p->ppid = n.ppid;
	p->ns_pid = n.ns_pid;
	p->ns_tid = n.ns_tid;
	look_up_program(p);
	return 0;
}

static bool out_of_fds(int code)
{
	return code == EMFILE || code == ENFILE;
}

bool is_notify_thread(const struct elevation *e)
{
	return e->have_thread && pthread_equal(e->thread, pthread_self());
}

bool view_spare(struct elevation *e, int code)
{
	if (!out_of_fds(code))
		return false;
	if (is_notify_thread(e))
		forget_all(e->views);
	else
		__atomic_store_n(&e->views->short_of_fds, true, __ATOMIC_RELAXED);
	return true;
}

static struct proc *cached(struct view_cache *v, pid_t tid, uint64_t now_ns)
{
	struct proc *set = &v->entries[((unsigned)tid % v->sets) * WAYS], *oldest = set;

	for (size_t i = 0; i < WAYS; i++) {
		struct proc *p = &set[i];

		if (p->tid == tid) {
			/* Without a pidfd nothing says that it is still the same. */
			if (p->pidfd >= 0 && alive(p, now_ns)) {
				p->used = ++v->clock;
				return p;
			}
			oldest = p;
			break;
		}
		if (p->used < oldest->used)
			oldest = p;
	}
	forget(oldest);
	sweep(v);
	if (fill(oldest, tid) < 0) {
		if (!out_of_fds(errno))
			return NULL;
		forget_all(v);
		if (fill(oldest, tid) < 0)
			return NULL;
	}
	oldest->used = ++v->clock;
	oldest->seen_ns = now_ns;
	return oldest;
}

struct proc *proc_get(struct elevation *e, pid_t tid, struct proc *own)
{
	struct proc *p;
	uint64_t now_ns;

	if (!is_notify_thread(e))
		return fill(own, tid) < 0 ? NULL : own;
	if (__atomic_load_n(&e->views->short_of_fds, __ATOMIC_RELAXED) &&
	    __atomic_exchange_n(&e->views->short_of_fds, false, __ATOMIC_RELAXED))
		forget_all(e->views);
	now_ns = clock_mono_ns();
	p = cached(e->views, tid, now_ns);
	if (p && (p->stale || now_ns < p->unsure_ns)) {
		look_up_program(p);
		p->stale = false;
	}
	return p;
}

void proc_put(struct proc *p, struct proc *own)
{
	if (p == own)
		forget(own);
}

void proc_exec(struct elevation *e, struct proc *p)
{
	struct view_cache *v = e->views;

	/* The next call of this very thread comes after it. */
	p->stale = true;
	/* Of several threads the one that calls exec becomes the first one, whose number is known
	 * with the old program; until then that one may go on calling. */
	if (p->pid != p->tid)
		for (size_t i = 0; i < ENTRIES; i++)
			if (v->entries[i].tid == p->pid)
				v->entries[i].unsure_ns = clock_mono_ns() + UNSURE_NS;
}
