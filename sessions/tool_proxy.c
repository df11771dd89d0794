/*
 * A tool that may reach hosts by name has a network proxy of its own, with rules, token, authority
 * and stand-ins of its own: what the agent's proxy lets pass is nothing to it, and the reverse.
 * Init listens inside the tool's network, the launcher starts the proxy outside of it, and the tool
 * waits with its exec until that serves.
 */
#include <fcntl.h>
#include <sys/mman.h>

#include "sessions/proxy_link.h"
#include "sessions/sessions.h"
#include "sessions/tool_run.h"

#define READY_TIME_MS 10000
#define BUNDLE_MAX    (8u << 20)

bool run_needs_proxy(const struct run *r)
{
	return r->verdict.edge->policy->network.mode == POLICY_NET_NAMES;
}

/* ---- its end --------------------------------------------------------------------------------- */

void run_proxy_end(struct run *r)
{
	if (!r->proxy)
		return;
	run_net_end(r);
	run_unwatch(r, &r->proxy_poll);
	proxy_end(r->proxy);
	proxy_release(STEAL_PTR(r->proxy));
	unlink(r->ca_file);
	unlink(r->ca_copy);
}

/* ---- what the tool gets of it ---------------------------------------------------------------- */

static size_t add_variables(const struct run *r, struct buf *b)
{
	size_t n = proxy_variables(r->proxy, proxy_port(r->proxy), NULL);
	char **v = xcalloc(n + 1, sizeof(*v));

	proxy_variables(r->proxy, proxy_port(r->proxy), v);
	for (size_t i = 0; i < n; i++)
		buf_add(b, v[i], strlen(v[i]) + 1);
	strv_free(v);
	if (!r->browser_as)
		return n;
	buf_addf(b, "BROWSER=%s", r->browser_as);
	buf_addc(b, '\0');
	return n + 1;
}

/* The bundle is copied: the tool finds it among its own files. */
static int make_more(const struct run *r, struct err *err)
{
	_cleanup_(buf_free) struct buf b = {0};
	_cleanup_free_ char *bundle = NULL;
	_cleanup_close_ int fd = memfd_create("nono tool network", MFD_CLOEXEC);
	struct tool_more m = {0};
	size_t n = 0;

	bundle = file_read(r->ca_file, BUNDLE_MAX, &n, err);
	if (!bundle)
		return -1;
	buf_add(&b, &m, sizeof(m));
	m.n_vars = (uint32_t)add_variables(r, &b);
	m.var_bytes = (uint32_t)(b.len - sizeof(m));
	m.file_bytes = (uint32_t)n;
	buf_add(&b, bundle, n);
	if (!str_copy(m.file, sizeof(m.file), r->ca_as))
		return err_set(err, "the path is too long: %s", r->ca_as);
	memcpy(b.data, &m, sizeof(m));
	n = b.len;
	if (fd < 0 || write_full(fd, b.data, n) < 0)
		return err_errno(err, errno, "can't pass on the network's variables");
	explicit_bzero(b.data, n);
	return STEAL_FD(fd);
}

int run_go(struct run *r, struct err *err)
{
	struct init_msg go = {.type = INIT_GO};
	_cleanup_close_ int more = -1;

	if (run_needs_proxy(r)) {
		if (!r->proxy || !r->proxy_ready || !r->confined)
			return 0; /* later */
		if (proxy_serve(r->proxy, r->t->loop, r->elevation, r->t->log, err) < 0)
			return -1;
		more = make_more(r, err);
		if (more < 0)
			return -1;
	}
	return init_send(r->gate_fd, &go, more);
}

/* ---- its start ------------------------------------------------------------------------------- */

static void on_proxy(uv_poll_t *h, int status, int events)
{
	struct run *r = h->data;
	struct err err = {0};
	int heard =
	    status < 0 ? err_set(&err, "the network proxy is gone") : proxy_hear(r->proxy, &err);

	(void)events;
	if (heard == 0)
		return;
	run_unwatch(r, h);
	uv_timer_stop(&r->timer);
	r->proxy_ready = heard > 0;
	if (heard < 0 || (r->confined && run_go(r, &err) < 0))
		run_fail(r, err.msg[0] ? err.msg : "it ended before it began");
}

static void on_late(uv_timer_t *t)
{
	run_fail(t->data, "its network proxy was not ready in time");
}

/* BROWSER of the tool: nono by another name, in its own temporary directory. What a call before
 * this one left there under that name is the tool's own business. */
static int make_browser(struct run *r, const char *tmp, struct err *err)
{
	_cleanup_free_ char *nono = path_real("/proc/self/exe", err), *link = NULL;

	if (!policy_opens_urls(&r->verdict.edge->policy->network))
		return 0;
	link = xasprintf("%s/" SESSION_BROWSER, tmp);
	if (!nono || (symlink(nono, link) < 0 && errno != EEXIST))
		return err_errno(err, errno, "can't make %s", link);
	r->browser_as = xasprintf("%s/" SESSION_BROWSER, r->private_tmp ? "/tmp" : tmp);
	return 0;
}

/* In the edge's temporary directory. */
static int make_names(struct run *r, struct err *err)
{
	const struct command_policies *all = r->t->cfg.policy->commands;
	const struct policy_command *c = r->verdict.command;
	_cleanup_free_ char *tmp =
	    launcher_tmp(r->t->tmp, (size_t)(c - all->v), (size_t)(r->verdict.edge - c->edges));
	char name[17];

	random_hex(name, 8);
	r->ca_file = xasprintf("%s/ca-%llu.pem", r->t->cfg.rt->dir, (unsigned long long)r->id);
	r->ca_copy = xasprintf("%s/.nono-ca-%s.pem", tmp, name);
	r->ca_as = xasprintf("%s/.nono-ca-%s.pem", r->private_tmp ? "/tmp" : tmp, name);
	return make_browser(r, tmp, err);
}

static int tell_launcher(struct run *r, int listener, uint16_t port, bool shared, struct err *err)
{
	struct launch m = {.kind = LAUNCH_PROXY};
	int fds[3], all[LAUNCH_PROXY_FDS];
	ssize_t n;

	if (proxy_make(r->proxy, port, shared, fds, err) < 0)
		return -1;
	all[0] = fds[PROXY_FD_CONFIG];
	all[1] = fds[PROXY_FD_SOCKET];
	all[2] = listener;
	all[3] = fds[PROXY_FD_STDERR];
	all[4] = r->ways_fd;
	n = tool_send(r->t->launcher_fd, &m, sizeof(m), all,
		      r->ways_fd < 0 ? LAUNCH_PROXY_FDS - 1 : LAUNCH_PROXY_FDS);
	if (r->ways_fd >= 0)
		close(STEAL_FD(r->ways_fd));
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	return n == (ssize_t)sizeof(m) ? 0 : err_set(err, "the launcher does not answer");
}

int run_proxy_start(struct run *r, int fd, uint16_t port, bool shared, struct err *err)
{
	_cleanup_close_ int listener = fd, made = -1;
	struct proxy_config cfg = {.policy = r->verdict.edge->policy,
				   .id = r->t->cfg.id,
				   .ask = run_net_ask,
				   .drop = run_net_drop,
				   .asks = r,
				   .changed = r->t->cfg.changed,
				   .data = r->t->cfg.data};

	if (r->proxy || !run_needs_proxy(r))
		return err_set(err, "it listens for no reason");
	if (make_names(r, err) < 0)
		return -1;
	made = open(r->ca_file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (made < 0)
		return err_errno(err, errno, "can't make %s", r->ca_file);
	cfg.ca_file = r->ca_file;
	cfg.ca_as = r->ca_as;
	r->proxy = proxy_new(&cfg);
	if (tell_launcher(r, listener, port, shared, err) < 0)
		return -1;
	run_watch(r, &r->proxy_poll, r->proxy->fd, UV_READABLE, on_proxy);
	uv_timer_start(&r->timer, on_late, READY_TIME_MS, 0);
	return 0;
}
