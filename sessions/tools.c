/* The tool sandbox as a whole: what is made for it, its socket, its end. */
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "sessions/credentials.h"
#include "sessions/proxy_link.h"
#include "sessions/tool_run.h"

#define PAUSE_MS 1000 /* after accept() found no descriptor free */

/* ---- before the session runs
 * --------------------------------------------------------------------- */

/* A link for each command: what it leads to is nono, which looks at the name it was called by. */
static int make_shims(struct tools *t, struct err *err)
{
	const struct command_policies *all = t->cfg.policy->commands;
	_cleanup_free_ char *nono = realpath("/proc/self/exe", NULL);

	if (!nono || mkdir(t->shim_dir, 0700) < 0)
		return err_errno(err, errno, "can't make %s", t->shim_dir);
	for (size_t i = 0; i < all->n; i++) {
		_cleanup_free_ char *path = xasprintf("%s/%s", t->shim_dir, all->v[i].name);
		if (symlink(nono, path) < 0)
			return err_errno(err, errno, "can't make %s", path);
	}
	return 0;
}

/* Now, as those of the agent: later the broker reaches neither keyring nor files. */
static int load_secrets(struct tools *t, const struct command_edge *e, struct err *err)
{
	struct edge_secrets s = {.edge = e};

	if (!e->policy->env_credentials)
		return 0;
	if (env_credentials_load(e->policy->env_credentials, &s.v, err) < 0)
		return -1;
	t->secrets = xrealloc_array(t->secrets, t->n_secrets + 1, sizeof(*t->secrets));
	t->secrets[t->n_secrets++] = s;
	return 0;
}

static int prepare_edge(struct tools *t, size_t command, size_t edge, struct err *err)
{
	struct policy *p = t->cfg.policy->commands->v[command].edges[edge].policy;
	_cleanup_free_ char *tmp = launcher_tmp(t->tmp, command, edge);

	if (!p)
		return 0;
	if (load_secrets(t, &t->cfg.policy->commands->v[command].edges[edge], err) < 0)
		return -1;
	if (!t->cfg.namespaces && policy_without_namespaces(p, err) < 0)
		return -1;
	return policy_set_tmp(p, tmp, p->private_tmp && t->cfg.namespaces, err);
}

static bool needs_proxy(const struct command_policies *all)
{
	for (size_t i = 0; i < all->n; i++)
		for (size_t k = 0; k < all->v[i].n_edges; k++) {
			const struct policy *p = all->v[i].edges[k].policy;

			if (p && p->network.mode == POLICY_NET_NAMES)
				return true;
		}
	return false;
}

static int find_proxy(struct tools *t, struct err *err)
{
	if (!needs_proxy(t->cfg.policy->commands))
		return 0;
	t->proxy_program = proxy_program(err);
	return t->proxy_program ? 0 : -1;
}

static int prepare_edges(struct tools *t, struct err *err)
{
	const struct command_policies *all = t->cfg.policy->commands;

	if (mkdir(t->tmp, 0700) < 0)
		return err_errno(err, errno, "can't make %s", t->tmp);
	for (size_t i = 0; i < all->n; i++)
		for (size_t k = 0; k < all->v[i].n_edges; k++)
			if (prepare_edge(t, i, k, err) < 0)
				return -1;
	return 0;
}

static _Noreturn void in_launcher(struct tools *t, int sock)
{
	struct launcher_config cfg = {
	    .policy = t->cfg.policy,
	    .id = t->cfg.id,
	    .tmp = t->tmp,
	    .namespaces = t->cfg.namespaces,
	    .pid_namespace = t->cfg.pid_namespace,
	    .proxy = t->proxy_program,
	};

	for (int fd = 0; fd < 3; fd++) /* or a caller's descriptor gets such a number */
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			_exit(1);
	cfg.sock = fcntl(sock, F_DUPFD_CLOEXEC, 3);
	/* What the broker holds is not for tools: their inits are forked from this process. */
	if (cfg.sock < 0 || nono_close_descriptors(cfg.sock) < 0)
		_exit(1);
	launcher_main(&cfg);
}

static int fork_launcher(struct tools *t, struct err *err)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_errno(err, errno, "can't make a socket pair");
	t->launcher_pid = fork();
	if (t->launcher_pid == 0)
		in_launcher(t, pair[1]);
	close(pair[1]);
	t->launcher_fd = pair[0];
	return t->launcher_pid < 0 ? err_errno(err, errno, "can't start the launcher") : 0;
}

int tools_prepare(const struct tools_config *cfg, struct tools **out, struct err *err)
{
	struct tools *t;

	*out = NULL;
	if (!cfg->policy->commands || !cfg->policy->commands->n)
		return 0;
	t = xcalloc(1, sizeof(*t));
	t->cfg = *cfg;
	t->listen_fd = t->launcher_fd = -1;
	t->shim_dir = xstrdup(cfg->rt->shim_dir);
	t->socket = xstrdup(cfg->rt->tool_socket);
	t->tmp = xstrdup(cfg->rt->tool_tmp);
	tools_limits_prepare(t);
	if (make_shims(t, err) == 0 && prepare_edges(t, err) == 0 && find_proxy(t, err) == 0 &&
	    fork_launcher(t, err) == 0) {
		*out = t;
		return 0;
	}
	tools_free(t);
	return -1;
}

int tools_open(struct tools *t, struct err *err)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	_cleanup_close_ int dir = open(t->cfg.rt->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const char *name = path_base(t->socket);
	int on = 1;

	if (strlen(t->socket) >= sizeof(sa.sun_path))
		return err_set(err, "the path of the tool socket is too long: %s", t->socket);
	snprintf(sa.sun_path, sizeof(sa.sun_path), "/proc/self/fd/%d/%s", dir, name);
	/* Credentials also come with what is written before the connection is accepted. */
	if (dir < 0 || fd < 0 || setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || fchmodat(dir, name, 0600, 0) < 0 ||
	    listen(fd, RUNS_MAX) < 0)
		return err_errno(err, errno, "can't make %s", t->socket);
	t->listen_fd = STEAL_FD(fd);
	return 0;
}

/* ---- serving
 * -------------------------------------------------------------------------------------- */

static void on_connection(uv_poll_t *h, int status, int events);

static void on_pause_over(uv_timer_t *h)
{
	struct tools *t = h->data;

	uv_poll_start(&t->listen_poll, UV_READABLE, on_connection);
}

static void on_connection(uv_poll_t *h, int status, int events)
{
	struct tools *t = h->data;
	int fd, on = 1;

	(void)status;
	(void)events;
	fd = accept4(t->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED))
		return;
	if (fd < 0) {
		uv_poll_stop(h);
		uv_timer_start(&t->pause, on_pause_over, PAUSE_MS, 0);
		return;
	}
	if (t->n_runs >= RUNS_MAX || setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
		close(fd);
	else
		tool_want_pidfd(fd), conn_new(t, fd);
}

int tools_serve(struct tools *t, uv_loop_t *loop, struct elevation *e, struct audit_log *log,
		pid_t init_pid, struct err *err)
{
	int r;

	t->loop = loop;
	t->elevation = e;
	t->log = log;
	t->init_pid = init_pid;
	r = uv_poll_init(loop, &t->listen_poll, t->listen_fd);
	if (r < 0)
		return err_set(err, "can't watch the tool socket: %s", uv_strerror(r));
	uv_timer_init(loop, &t->pause);
	t->listen_poll.data = t->pause.data = t;
	t->serving = true;
	uv_poll_start(&t->listen_poll, UV_READABLE, on_connection);
	return 0;
}

void tools_reaped(struct tools *t, pid_t pid)
{
	if (t && t->launcher_pid == pid)
		t->launcher_pid = 0;
}

/* ---- the end
 * -------------------------------------------------------------------------------------- */

void tools_end(struct tools *t)
{
	if (!t || t->ended)
		return;
	t->ended = true;
	while (t->runs)
		run_close(t->runs);
	if (t->serving) {
		uv_close((uv_handle_t *)&t->listen_poll, NULL);
		uv_close((uv_handle_t *)&t->pause, NULL);
	}
	/* The tools' inits die with it (PR_SET_PDEATHSIG), should their sockets not be enough. */
	if (t->launcher_pid > 0)
		kill(t->launcher_pid, SIGKILL);
	t->launcher_pid = 0;
	t->elevation = NULL;
	t->log = NULL;
}

void tools_free(struct tools *t)
{
	if (!t)
		return;
	if (t->launcher_pid > 0)
		kill(t->launcher_pid, SIGKILL);
	if (t->listen_fd >= 0)
		close(t->listen_fd);
	if (t->launcher_fd >= 0)
		close(t->launcher_fd);
	for (size_t i = 0; i < t->n_kept; i++)
		buf_free(&t->kept[i].key);
	free(t->kept);
	captures_free(t->captures);
	for (size_t i = 0; i < t->n_secrets; i++)
		env_credentials_free(t->secrets[i].v);
	free(t->secrets);
	free(t->shim_dir);
	free(t->socket);
	free(t->tmp);
	free(t->proxy_program);
	free(t);
}
