/*
 * The keys process: asks sources for secrets, for the proxy. It takes fixed-size requests that name
 * a route by its index, and forks a worker for each, so that one that waits (a keyring that asks
 * for its password) holds up no other. Of what the agent wrote it only hands bounded strings on to
 * the commands of the profile.
 */
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "network/credentials/proxy.h"

#define WORKERS_MAX 16
#define KEYS_FD	    3

extern char **environ;

struct worker {
	pid_t pid;
	int pidfd;
	uint32_t id;
};
struct keys {
	const struct net_config *config;
	pid_t self;
	int sock;
	struct worker workers[WORKERS_MAX];
	size_t n;
};

/* ---- workers
 * ------------------------------------------------------------------------------------- */

static int answer_with(int sock, struct keys_answer *a, const struct secret *s, const int *fds,
		       size_t n_fds)
{
	struct iovec v[2] = {{a, sizeof(*a)}, {s ? s->data : NULL, s ? s->len : 0}};

	a->n = s ? (uint32_t)s->len : 0;
	return fds_send(sock, v, s && s->len ? 2 : 1, fds, n_fds, 0) < 0 ? -1 : 0;
}

static int answer(int sock, struct keys_answer *a, const struct secret *s)
{
	return answer_with(sock, a, s, NULL, 0);
}

static int fetch(const struct net_config *c, const struct keys_request *q, struct secret *s,
		 struct keys_answer *a, struct err *err)
{
	const struct policy_route *r = &c->network.routes.v[q->route];
	bool list = false;
	int done;

	if (r->aws.on) {
		list = true;
		done = credential_load_aws(r, s, &a->ttl_s, err);
	} else if (r->oauth.token_url) {
		done = credential_load_oauth(r, &c->network, s, &a->ttl_s, err);
	} else if (r->key) {
		done = credential_load(r->key, &c->network, &q->facts, s, &a->ttl_s, &list, err);
	} else {
		done = err_set(err, "the route %s names no credential", r->name);
	}
	a->list = list;
	return done;
}

static _Noreturn void work_on_page(const struct keys *k, const struct keys_request *q)
{
	struct keys_answer a = {.id = q->id};
	int fds[2] = {-1, -1};
	struct err err = {0};
	size_t n;

	a.ok = keys_open_url(&k->config->network, q, fds, &err) == 0;
	str_copy(a.text, sizeof(a.text), a.ok ? "" : err.msg);
	n = !a.ok || fds[0] < 0 ? 0 : fds[1] < 0 ? 1 : 2;
	_exit(answer_with(k->sock, &a, NULL, fds, n) < 0);
}

static _Noreturn void work(const struct keys *k, const struct keys_request *q)
{
	struct keys_answer a = {.id = q->id};
	struct secret s = {0};
	struct err err = {0};
	int sent;

	if (q->route == KEYS_OPEN_URL)
		work_on_page(k, q);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* It was gone before that: its socket must not live on here. */
	if (getppid() != k->self)
		_exit(1);
	a.ok = fetch(k->config, q, &s, &a, &err) == 0;
	str_copy(a.text, sizeof(a.text), a.ok ? "" : err.msg);
	if (s.len > SECRET_MAX) {
		a.ok = 0;
		str_copy(a.text, sizeof(a.text), "the credential is too large");
	}
	sent = answer(k->sock, &a, a.ok ? &s : NULL);
	secret_free(&s);
	_exit(sent < 0);
}

static void fail(struct keys *k, uint32_t id, const char *why)
{
	struct keys_answer a = {.id = id};

	str_copy(a.text, sizeof(a.text), why);
	answer(k->sock, &a, NULL);
}

static void start(struct keys *k, const struct keys_request *q)
{
	struct worker *w = &k->workers[k->n];
	pid_t pid = fork();

	if (pid == 0)
		work(k, q);
	*w = (struct worker){pid, -1, q->id};
	if (pid > 0)
		w->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pid > 0 && w->pidfd >= 0) {
		k->n++;
		return;
	}
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	fail(k, q->id, "no process to get the credential with");
}

static void reap(struct keys *k, size_t i)
{
	struct worker w = k->workers[i];
	int status = 0;

	while (waitpid(w.pid, &status, 0) < 0 && errno == EINTR)
		;
	close(w.pidfd);
	k->workers[i] = k->workers[--k->n];
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail(k, w.id, "getting the credential failed");
}

/* ---- the process
 * ----------------------------------------------------------------------------------- */

/* What it was started with may hold secrets: not where /proc shows it, not in pages that are
 * swapped or dumped. The commands that it runs get it as it was. */
static void hide_environment(void)
{
	size_t n = 0, size = 1;
	char *text, **v;

	for (; environ[n]; n++)
		size += strlen(environ[n]) + 1;
	v = xcalloc(n + 1, sizeof(*v));
	text = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (text == MAP_FAILED)
		_exit(1);
	mlock(text, size);
	madvise(text, size, MADV_DONTDUMP);
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(environ[i]);

		v[i] = memcpy(text, environ[i], len + 1);
		text += len + 1;
		explicit_bzero(environ[i], len);
	}
	environ = v;
}

static void prepare(int sock)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_NAME, "nono-keys");
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	signal(SIGINT, SIG_IGN); /* of the terminal; it ends with the proxy */
	if (dup2(sock, KEYS_FD) < 0 || fd_set_cloexec(KEYS_FD, true) < 0 ||
	    close_range(KEYS_FD + 1, ~0u, 0) < 0)
		_exit(1);
	hide_environment();
}

static bool valid(const struct keys *k, struct keys_request *q, ssize_t n)
{
	bool open_url = n == (ssize_t)sizeof(*q) && q->route == KEYS_OPEN_URL &&
			memchr(q->url, 0, sizeof(q->url));

	return (open_url ||
		(n == (ssize_t)KEYS_REQUEST_SIZE && q->route < k->config->network.routes.n)) &&
	       memchr(q->facts.host, 0, sizeof(q->facts.host)) &&
	       memchr(q->facts.method, 0, sizeof(q->facts.method)) &&
	       memchr(q->facts.path, 0, sizeof(q->facts.path)) &&
	       memchr(q->facts.session, 0, sizeof(q->facts.session));
}

static void take(struct keys *k)
{
	struct keys_request q = {0};
	ssize_t n = recv(k->sock, &q, sizeof(q), MSG_TRUNC);

	if (n < 0 && errno == EINTR)
		return;
	/* The proxy is gone, or is none anymore. Workers and what they run go with this process. */
	if (n <= 0 || !valid(k, &q, n))
		_exit(n != 0);
	start(k, &q);
}

_Noreturn void keys_main(const struct net_config *c, int sock)
{
	struct keys k = {.config = c, .self = getpid(), .sock = KEYS_FD};

	prepare(sock);
	for (;;) {
		struct pollfd p[1 + WORKERS_MAX] = {
		    {.fd = k.n < WORKERS_MAX ? k.sock : -1, .events = POLLIN}};
		size_t n = k.n;

		for (size_t i = 0; i < n; i++)
			p[1 + i] = (struct pollfd){.fd = k.workers[i].pidfd, .events = POLLIN};
		if (poll(p, 1 + n, -1) < 0)
			continue;
		for (size_t i = n; i-- > 0;)
			if (p[1 + i].revents)
				reap(&k, i);
		if (p[0].revents)
			take(&k);
	}
}
