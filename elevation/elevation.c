/* The gate as a whole: start, end, the pool of calls, counters. */
#include "elevation/engine.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define CHANGED_NS   50000000ull
#define DESCRIPTORS  4096 /* calls that wait hold four each */
#define END_SIGNAL   (SIGRTMAX - 2)
#define NOTIFY_STACK (512u * 1024)
#define EXEC_TEXT    20000u /* more only with many secrets */

/* ---- the pool of calls -------------------------------------------------------------------------
 */

static int pool_start(struct elevation *e, struct err *err)
{
	void *p = mmap(NULL, CALLS_MAX * sizeof(struct call), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return err_errno(err, errno, "can't reserve memory for stopped calls");
	e->pool = p;
	return 0;
}

struct call *call_new(struct elevation *e)
{
	struct call *c;

	pthread_mutex_lock(&e->pool_lock);
	c = e->free_calls;
	if (c)
		e->free_calls = c->next;
	else if (e->pool_used < CALLS_MAX)
		c = &e->pool[e->pool_used++];
	pthread_mutex_unlock(&e->pool_lock);
	if (!c)
		return NULL;
	place_init(&c->a);
	place_init(&c->b);
	c->next = NULL;
	c->program[0] = c->text[0] = '\0';
	c->waiting = c->granted = c->verdict_of_b = c->has_times = false;
	c->verdict = (struct policy_verdict){.source = ""};
	c->value = NULL;
	c->pid = c->ppid = 0;
	c->op = OP_OPEN;
	c->name = "unknown";
	c->addr_len = 0;
	c->access = c->access2 = 0;
	c->sockfd = -1;
	c->flags = 0;
	return c;
}

void call_done(struct elevation *e, struct call *c)
{
	place_close(&c->a);
	place_close(&c->b);
	pthread_mutex_lock(&e->pool_lock);
	c->next = e->free_calls;
	e->free_calls = c;
	pthread_mutex_unlock(&e->pool_lock);
}

/* ---- start --------------------------------------------------------------------------------------
 */

static int open_wake(struct elevation *e, struct err *err)
{
	struct epoll_event ev = {.events = EPOLLIN};

	e->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	e->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (e->epoll_fd < 0 || e->wake_fd < 0)
		return err_errno(err, errno, "can't make descriptors for the gate");
	ev.data.fd = e->wake_fd;
	if (epoll_ctl(e->epoll_fd, EPOLL_CTL_ADD, e->wake_fd, &ev) < 0)
		return err_errno(err, errno, "can't make descriptors for the gate");
	return 0;
}

/* As many as it may: an ordinary shell allows 1024. */
static void allow_descriptors(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur >= DESCRIPTORS)
		return;
	l.rlim_cur = l.rlim_max < DESCRIPTORS ? l.rlim_max : DESCRIPTORS;
	(void)setrlimit(RLIMIT_NOFILE, &l);
}

static void nothing(int sig)
{
	(void)sig; /* it ends a RECV */
}

static int start_thread(struct elevation *e, struct err *err)
{
	struct sigaction act = {.sa_handler = nothing};
	sigset_t most, old;
	pthread_attr_t attr;
	int r;

	sigemptyset(&act.sa_mask);
	if (sigaction(END_SIGNAL, &act, NULL) < 0)
		return err_errno(err, errno, "can't prepare the notify thread's end");
	sigfillset(&most);
	sigdelset(&most, END_SIGNAL);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, NOTIFY_STACK);
	pthread_sigmask(SIG_SETMASK, &most, &old);
	pthread_mutex_lock(&e->pool_lock);
	r = pthread_create(&e->thread, &attr, notify_main, e);
	e->have_thread = r == 0;
	pthread_mutex_unlock(&e->pool_lock);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return r ? err_errno(err, r, "can't start the notify thread") : 0;
}

static int start(struct elevation *e, struct err *err)
{
	pthread_mutex_init(&e->pool_lock, NULL);
	e->standing = standing_new();
	e->violations = e->cfg.session ? e->cfg.session->violations : violations_new();
	e->workers = workers_new(e);
	allow_descriptors();
	e->views = view_cache_new();
	e->quick = quick_new();
	e->rules = rules_new();
	buf_reserve(&e->exec_text, EXEC_TEXT);
	e->closed = closed_new(e->cfg.policy);
	e->own = own_sockets_new();
	e->relays = relays_new();
	e->sockets = session_sockets_new();
	e->pointers = pointers_new();
	e->peers = peers_new();
	if (!e->peers)
		return err_errno(err, errno, "can't reserve memory for connections");
	if (pool_start(e, err) < 0 || open_wake(e, err) < 0 || requests_start(e, err) < 0)
		return -1;
	return start_thread(e, err);
}

int elevation_start(const struct elevation_config *cfg, struct elevation **out, struct err *err)
{
	struct elevation *e = xcalloc(1, sizeof(*e));

	e->cfg = *cfg;
	e->notify_fd = cfg->notify_fd;
	e->proxy_port = cfg->proxy_port;
	e->epoll_fd = e->wake_fd = -1;
	if (start(e, err) < 0) {
		elevation_stop(e);
		return -1;
	}
	*out = e;
	return 0;
}

/* ---- end ----------------------------------------------------------------------------------------
 */

/* A signal that comes just before the RECV is lost: another one follows. */
static void end_thread(struct elevation *e)
{
	struct timespec until;

	if (!e->have_thread)
		return;
	do {
		pthread_kill(e->thread, END_SIGNAL);
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 2000000;
		if (until.tv_nsec >= 1000000000) {
			until.tv_nsec -= 1000000000;
			until.tv_sec++;
		}
	} while (pthread_timedjoin_np(e->thread, NULL, &until) == ETIMEDOUT);
	e->have_thread = false;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void elevation_stop(struct elevation *e)
{
	if (!e)
		return;
	requests_stop(e);
	__atomic_store_n(&e->stopping, true, __ATOMIC_RELAXED);
	end_thread(e);
	workers_stop(e->workers);
	pointers_flush(e);
	requests_stop(e); /* what came meanwhile */
	relays_free(e->relays);
	session_sockets_free(e->sockets);
	if (e->cfg.socket_maker > 0)
		close(e->cfg.socket_maker);
	requests_free(e);
	workers_free(e->workers);
	close_fd(e->notify_fd);
	close_fd(e->wake_fd);
	close_fd(e->epoll_fd);
	quick_free(e->quick);
	rules_free(e->rules);
	closed_free(e->closed);
	own_sockets_free(e->own);
	pointers_free(e->pointers);
	peers_free(e->peers);
	view_cache_free(e->views);
	if (!e->cfg.session)
		violations_free(e->violations);
	standing_free(e->standing);
	buf_free(&e->exec_text);
	if (e->pool)
		munmap(e->pool, CALLS_MAX * sizeof(struct call));
	pthread_mutex_destroy(&e->pool_lock);
	free(e);
}

/* ---- the loop's side
 * ----------------------------------------------------------------------------- */

int elevation_fd(const struct elevation *e)
{
	return e->epoll_fd;
}

void elevation_wake(struct elevation *e)
{
	const uint64_t one = 1;

	if (write(e->wake_fd, &one, sizeof(one)) < 0)
		return; /* full: it is awake */
}

/* Tells of moved counters, not too often. ms until then, -1: nothing to tell. */
static int tell_changed(struct elevation *e)
{
	uint64_t now = clock_mono_ns();

	if (!__atomic_load_n(&e->changed, __ATOMIC_RELAXED))
		return -1;
	if (now - e->told_ns < CHANGED_NS)
		return (int)((e->told_ns + CHANGED_NS - now) / 1000000) + 1;
	__atomic_store_n(&e->changed, false, __ATOMIC_RELAXED);
	e->told_ns = now;
	if (e->cfg.events.changed)
		e->cfg.events.changed(e->cfg.events.data);
	return -1;
}

int elevation_dispatch(struct elevation *e)
{
	uint64_t n;
	int ms, changed_ms;

	if (read(e->wake_fd, &n, sizeof(n)) < 0)
		n = 0;
	relays_dispatch(e->relays);
	ms = requests_dispatch(e);
	changed_ms = tell_changed(e);
	return ms < 0 || (changed_ms >= 0 && changed_ms < ms) ? changed_ms : ms;
}

void elevation_counts(const struct elevation *e, struct elevation_counts *out)
{
	*out = (struct elevation_counts){
	    .calls = __atomic_load_n(&e->calls, __ATOMIC_RELAXED),
	    .denied = __atomic_load_n(&e->denied, __ATOMIC_RELAXED),
	    .granted = __atomic_load_n(&e->granted, __ATOMIC_RELAXED),
	    .requests_open = __atomic_load_n(&e->requests_open, __ATOMIC_RELAXED),
	    .requests_total = __atomic_load_n(&e->requests_total, __ATOMIC_RELAXED),
	};
}
