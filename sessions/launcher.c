#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "sessions/launcher.h"
#include "sessions/proxy_link.h"
#include "sessions/tool_wire.h"

struct launcher {
	const struct launcher_config *cfg;
	struct policy_spec *specs[COMMANDS_MAX * 4]; /* made at the first use */
	size_t n_specs;
};

char *launcher_tmp(const char *tmp, size_t command, size_t edge)
{
	return xasprintf("%s/%zu.%zu", tmp, command, edge);
}

/* Says why nothing comes, in the place where init would. */
static void refuse(int sock, const char *text)
{
	struct init_msg m = {.type = INIT_FAILED};

	str_copy(m.text, sizeof(m.text), text);
	init_send(sock, &m, -1);
}

static struct policy_spec **spec_slot(struct launcher *l, const struct launch *m)
{
	const struct command_policies *c = l->cfg->policy->commands;
	size_t at = m->edge;

	for (size_t i = 0; i < m->command; i++)
		at += c->v[i].n_edges;
	return at < ARRAY_LEN(l->specs) ? &l->specs[at] : NULL;
}

static const struct command_edge *edge_of(const struct launcher *l, const struct launch *m)
{
	const struct command_policies *c = l->cfg->policy->commands;

	if (m->command >= c->n || m->edge >= c->v[m->command].n_edges)
		return NULL;
	return &c->v[m->command].edges[m->edge];
}

/* NULL: no such program. */
static const char *program_of(const struct launcher *l, const struct launch *m)
{
	const struct policy_command *c = &l->cfg->policy->commands->v[m->command];

	if (m->intercept == LAUNCH_ITSELF)
		return c->path;
	return m->intercept < c->n_intercepts ? c->intercepts[m->intercept].path : NULL;
}

static int get_spec(struct launcher *l, const struct launch *m, struct nono_spec *out,
		    struct err *err)
{
	const struct command_edge *e = edge_of(l, m);
	struct policy_spec **slot = e && e->policy ? spec_slot(l, m) : NULL;
	_cleanup_free_ char *tmp = launcher_tmp(l->cfg->tmp, m->command, m->edge);

	if (!slot || !program_of(l, m))
		return err_set(err, "no such tool");
	if (!*slot && ((mkdir(tmp, 0700) < 0 && errno != EEXIST) ||
		       policy_spec_new(e->policy, true, tmp, slot, err) < 0))
		return err->msg[0] ? -1 : err_errno(err, errno, "can't make %s", tmp);
	*out = *policy_spec_get(*slot);
	out->namespaces = l->cfg->namespaces ? NONO_REQUIRE : NONO_SKIP;
	out->no_pid_namespace = !l->cfg->pid_namespace;
	return 0;
}

/* The strings are the broker's: well-formed, or it is not our broker. */
static char **read_list(char **at, const char *end, uint32_t n)
{
	char **v = xcalloc((size_t)n + 1, sizeof(*v));

	for (uint32_t i = 0; i < n; i++) {
		char *nul = *at < end ? memchr(*at, '\0', (size_t)(end - *at)) : NULL;
		if (!nul)
			_exit(1);
		v[i] = *at;
		*at = nul + 1;
	}
	return v;
}

static _Noreturn void in_tool(struct launcher *l, const struct launch *m, int *fds,
			      const struct nono_spec *spec, struct nono_layers *layers)
{
	const struct command_edge *e = edge_of(l, m);
	_cleanup_free_ char *tmp = launcher_tmp(l->cfg->tmp, m->command, m->edge);
	char *bytes = mmap(NULL, m->bytes, PROT_READ, MAP_PRIVATE, fds[5], 0), *at = bytes;
	struct tool_start tool = {.fds = {fds[0], fds[1], fds[2]},
				  .box = &e->box,
				  .terminal = &m->terminal,
				  .held = m->held};
	struct init_config cfg = {
	    .spec = spec,
	    .policy = e->policy,
	    .program = program_of(l, m),
	    .id = l->cfg->id,
	    .tmp = tmp,
	    .tool = &tool,
	    .terminal = m->terminal.on,
	    .cols = m->terminal.cols,
	    .rows = m->terminal.rows,
	    .listens = e->policy->network.mode == POLICY_NET_NAMES,
	    .sock = fds[3],
	    .gate = fds[4],
	};

	if (bytes == MAP_FAILED)
		_exit(1);
	signal(SIGCHLD, SIG_DFL);
	prctl(PR_SET_DUMPABLE, 1); /* or it may not map its user in a namespace of its own */
	close(l->cfg->sock);
	close(fds[5]);
	tool.cwd = read_list(&at, bytes + m->bytes, 1)[0];
	cfg.argv = read_list(&at, bytes + m->bytes, m->argc);
	tool.env = read_list(&at, bytes + m->bytes, m->envc);
	sigemptyset(&cfg.mask);
	init_main(&cfg, layers);
}

static void launch(struct launcher *l, const struct launch *m, int *fds)
{
	struct nono_layers layers = {0};
	struct nono_error ne = {0};
	struct nono_spec spec;
	struct err err = {0};
	pid_t pid;

	if (get_spec(l, m, &spec, &err) < 0) {
		refuse(fds[3], err.msg);
		return;
	}
	pid = nono_fork(&spec, &layers, &ne);
	if (pid == 0)
		in_tool(l, m, fds, &spec, &layers);
	if (pid < 0)
		refuse(fds[3], ne.msg);
}

/* Outside of the tool's namespaces: it is what leads out of them. */
static void launch_proxy(const struct launcher *l, const int *fds, size_t n)
{
	const int all[] = {fds[0], fds[1], fds[2], fds[3], n < LAUNCH_PROXY_FDS ? -1 : fds[4]};
	pid_t parent = getpid();

	if (l->cfg->proxy && fork() == 0)
		proxy_become(l->cfg->proxy, all, parent);
}

_Noreturn void launcher_main(const struct launcher_config *cfg)
{
	static struct launcher l;
	sigset_t none;

	l.cfg = cfg;
	prctl(PR_SET_NAME, "nono: launcher");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_DUMPABLE, 0);
	signal(SIGCHLD, SIG_IGN); /* they report themselves */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (;;) {
		int fds[LAUNCH_FDS];
		size_t n_fds;
		pid_t from;
		struct launch m;
		ssize_t n =
		    tool_recv(cfg->sock, &m, sizeof(m), 0, fds, LAUNCH_FDS, &n_fds, &from, NULL);

		if (n <= 0)
			_exit(0);
		if (n != (ssize_t)sizeof(m))
			_exit(1);
		if (m.kind == LAUNCH_TOOL && n_fds == LAUNCH_FDS)
			launch(&l, &m, fds);
		else if (m.kind == LAUNCH_PROXY &&
			 (n_fds == LAUNCH_PROXY_FDS || n_fds == LAUNCH_PROXY_FDS - 1))
			launch_proxy(&l, fds, n_fds);
		for (size_t i = 0; i < n_fds; i++)
			close(fds[i]);
	}
}
