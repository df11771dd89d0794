/* The last steps before the program: terminal, descriptors, confinement, exec. */
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "sessions/init.h"
#include "sessions/limits.h"
#include "sessions/names.h"
#include "sessions/proxy.h"

extern char **environ;

static _Noreturn void fail(const struct init_config *cfg, int code, const char *fmt, ...)
    _printf_(3, 4);
static _Noreturn void fail(const struct init_config *cfg, int code, const char *fmt, ...)
{
	struct init_msg m = {.type = INIT_FAILED, .value = code};
	size_t n;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(m.text, sizeof(m.text), fmt, ap);
	va_end(ap);
	n = strlen(m.text);
	if (code)
		snprintf(m.text + n, sizeof(m.text) - n, ": %s", strerror(code));
	init_send(cfg->gate, &m, -1);
	_exit(126);
}

/* Variables that describe the terminal around us, not the one that the program gets. */
static bool is_outer_terminal(const char *var)
{
	static const char *const names[] = {
	    "TMUX=",  "TMUX_PANE=",  "STY=",	    "WINDOW=",	    "COLUMNS=",
	    "LINES=", "WINDOWID=",   "TERMCAP=",    "TERM_PROGRAM", "TERM_SESSION_ID=",
	    "KITTY_", "WEZTERM_",    "WT_SESSION=", "WT_PROFILE_",  "VTE_VERSION=",
	    "ITERM_", "ALACRITTY_",  "GHOSTTY_",    "KONSOLE_",	    "GNOME_TERMINAL_",
	    "ZELLIJ", "LC_TERMINAL", "COLORTERM=",  "TERMINFO=",    "COLORFGBG=",
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_starts(var, names[i]))
			return true;
	return false;
}

static char **inherited(bool terminal, const struct proxy *proxy)
{
	size_t n = 0, k = 0;
	char **v;

	while (environ[n])
		n++;
	v = xcalloc(n + 1, sizeof(*v));
	for (size_t i = 0; i < n; i++)
		if ((!terminal || !is_outer_terminal(environ[i])) &&
		    !str_starts(environ[i], "NONO_REQUEST_SOCKET=") && /* of a session around us */
		    !str_starts(environ[i], "NONO_TOOL_SANDBOX_") &&
		    !(proxy && proxy_hides(proxy, environ[i])))
			v[k++] = environ[i];
	return v;
}

size_t tool_variables(const char *shim_dir, const char *tool_socket, char **extra)
{
	const char *path = getenv("PATH");

	if (!tool_socket)
		return 0;
	extra[0] = xasprintf("PATH=%s:%s", shim_dir, path ? path : "/usr/local/bin:/usr/bin:/bin");
	extra[1] = xasprintf("NONO_TOOL_SANDBOX_SHIM_DIR=%s", shim_dir);
	extra[2] = xasprintf("NONO_TOOL_SANDBOX_SOCKET=%s", tool_socket);
	return 3;
}

/* The broker made it; only the namespaces that came out decide where the temporary directory is. */
static char **tool_environment(const struct tool_start *t, const char *tmp)
{
	size_t n = 0;
	char **v;

	while (t->env[n])
		n++;
	v = xcalloc(n + 2, sizeof(*v));
	memcpy(v, t->env, n * sizeof(*v));
	v[n] = xasprintf("TMPDIR=%s", tmp);
	return v;
}

#define EXTRA_MAX 24 /* variables that every session gets */

static char **environment(const struct init_config *cfg, const struct nono_layers *layers)
{
	const char *tmp = layers->private_tmp ? "/tmp" : cfg->tmp;
	size_t n_secrets = strv_count(cfg->secrets), n = 0;
	size_t n_proxy = cfg->proxy ? proxy_variables(cfg->proxy, cfg->proxy_port, NULL) : 0;
	char **extra = xcalloc(EXTRA_MAX + n_secrets + n_proxy + 1, sizeof(*extra));

	if (cfg->tool)
		return tool_environment(cfg->tool, tmp);

	extra[n++] = xasprintf("NONO_CAP_FILE=%s",
			       cfg->policy->cap_in_tmp ? POLICY_CAP_IN_TMP : cfg->policy->cap_file);
	extra[n++] = xasprintf("NONO_SESSION_ID=%s", cfg->id);
	extra[n++] = xasprintf("TMPDIR=%s", tmp);
	extra[n++] = xasprintf("PWD=%s", cfg->policy->workdir);
	if (cfg->request_socket)
		extra[n++] = xasprintf("NONO_REQUEST_SOCKET=%s", cfg->request_socket);
	n += tool_variables(cfg->shim_dir, cfg->tool_socket, extra + n);
	if (cfg->proxy)
		n += proxy_variables(cfg->proxy, cfg->proxy_port, extra + n);
	if (cfg->proxy && policy_opens_urls(&cfg->policy->network))
		extra[n++] = xasprintf("BROWSER=%s/" SESSION_BROWSER, tmp);
	if (cfg->terminal) {
		extra[n++] = xstrdup("TERM=xterm-256color");
		extra[n++] = xstrdup("COLORTERM=truecolor");
		extra[n++] = xstrdup("TERM_PROGRAM=nono");
		extra[n++] = xstrdup("TERM_PROGRAM_VERSION=" NONO_VERSION);
	}
	/* What was injected wins. */
	for (size_t i = 0; i < n_secrets; i++)
		extra[n++] = cfg->secrets[i];
	return policy_environment(cfg->policy, inherited(cfg->terminal, cfg->proxy), extra);
}

static void take_terminal(const struct init_config *cfg, int slave)
{
	if (ioctl(slave, TIOCSCTTY, 0) < 0)
		fail(cfg, errno, "can't take the terminal");
	for (int fd = 0; fd < 3; fd++)
		if (dup2(slave, fd) < 0)
			fail(cfg, errno, "can't pass on the terminal");
}

/* A job of init's session, in the foreground. */
static void take_front(const struct init_config *cfg, int slave)
{
	if (setpgid(0, 0) < 0 || tcsetpgrp(slave, getpid()) < 0)
		fail(cfg, errno, "can't take the terminal");
}

/* 0-2 must exist, or the first file that the program opens becomes its output. */
static void fill_descriptors(const struct init_config *cfg)
{
	for (int fd = 0; fd < 3; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		if (open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY) != fd)
			fail(cfg, errno, "can't open /dev/null");
	}
}

static void set_limit(const struct init_config *cfg, int what, uint64_t n)
{
	struct rlimit l = {.rlim_cur = n, .rlim_max = n};

	if (n && setrlimit((__rlimit_resource_t)what, &l) < 0)
		fail(cfg, errno, "can't set a limit of %llu", (unsigned long long)n);
}

/* What belongs to a tool: its caller's descriptors, its limits. */
static void become_tool(const struct init_config *cfg, const struct nono_layers *layers,
			const int ends[2])
{
	const unsigned held = cfg->tool->held;
	const struct command_resources *r = &cfg->tool->box->resources;

	for (int fd = 0; fd < 3; fd++) {
		int from = fd && ends[fd - 1] >= 0 ? ends[fd - 1] : cfg->tool->fds[fd];
		if (dup2(from, fd) < 0)
			fail(cfg, errno, "can't pass on descriptors");
	}
	if (!(held & (1u << NONO_LIMIT_MEMORY)))
		set_limit(cfg, RLIMIT_AS, r->memory_bytes);
	set_limit(cfg, RLIMIT_CPU, r->cpu_seconds);
	if (r->max_processes && !(held & (1u << NONO_LIMIT_PROCESSES))) {
		if (!limits_rlimit_counts(layers))
			fail(cfg, 0,
			     "nothing holds max_processes here: that takes a control group, "
			     "or a user namespace for a user that is not root");
		set_limit(cfg, RLIMIT_NPROC, r->max_processes + 1); /* init is one */
	}
	set_limit(cfg, RLIMIT_FSIZE, r->max_file_size_bytes);
}

static void default_signals(const struct init_config *cfg)
{
	/* A background session inherits nothing; a program run in place gets what it would have
	 * got. */
	if (cfg->terminal || cfg->tool) {
		for (int sig = 1; sig < SIGRTMIN; sig++)
			signal(sig, SIG_DFL);
	} else {
		signal(SIGPIPE, cfg->sigpipe_ignored ? SIG_IGN : SIG_DFL);
	}
}

/* Init is one of those that are counted. */
static void limit_processes(const struct init_config *cfg, const struct nono_layers *layers)
{
	rlim_t n = cfg->max_processes + 1;
	struct rlimit r = {n, n};

	if (cfg->max_processes && limits_rlimit_counts(layers) && setrlimit(RLIMIT_NPROC, &r) < 0)
		fail(cfg, errno, "can't limit the number of processes");
}

static void run_program(const struct init_config *cfg, char *const *env)
{
	size_t argc = 0;
	char **sh;

	execve(cfg->program, cfg->argv, env);
	if (errno != ENOEXEC)
		return;
	/* A script without "#!": as every shell and execvp(3) do. */
	while (cfg->argv[argc])
		argc++;
	sh = xcalloc(argc + 2, sizeof(*sh));
	sh[0] = xstrdup("/bin/sh");
	sh[1] = xstrdup(cfg->program);
	for (size_t i = 1; i < argc; i++)
		sh[i + 1] = cfg->argv[i];
	execve(sh[0], sh, env);
}

static _Noreturn void bad_more(const struct init_config *cfg)
{
	fail(cfg, errno, "can't take what the tool's network needs");
}

/* A file of the tool's own, made with the tool's own rights. */
static void make_file(const struct init_config *cfg, const struct tool_more *m, const char *text)
{
	int fd = open(m->file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 || write_full(fd, text, m->file_bytes) < 0)
		fail(cfg, errno, "can't make %s", m->file);
	close(fd);
}

static bool names_same(const char *a, const char *b)
{
	size_t n = strcspn(a, "=");

	return strncmp(a, b, n + 1) == 0;
}

/* What is added wins. */
static char **add_variables(char **env, char *const *more, size_t n_more)
{
	size_t n = 0, kept = 0;
	char **v;

	while (env[n])
		n++;
	v = xcalloc(n + n_more + 1, sizeof(*v));
	for (size_t i = 0; i < n; i++) {
		bool over = false;

		for (size_t k = 0; k < n_more && !over; k++)
			over = names_same(more[k], env[i]);
		if (!over)
			v[kept++] = env[i];
	}
	memcpy(v + kept, more, n_more * sizeof(*v));
	return v;
}

/* The broker's: well-formed, or it is not our broker. */
static char **tool_take_more(const struct init_config *cfg, int fd, char **env)
{
	struct tool_more m;
	char *text, **vars, *at, *end;

	if (pread(fd, &m, sizeof(m), 0) != (ssize_t)sizeof(m) ||
	    !memchr(m.file, '\0', sizeof(m.file)) || m.n_vars > m.var_bytes)
		bad_more(cfg);
	text = xcalloc(1, (size_t)m.var_bytes + m.file_bytes + 1);
	if (lseek(fd, sizeof(m), SEEK_SET) < 0 ||
	    read_full(fd, text, (size_t)m.var_bytes + m.file_bytes) !=
		(ssize_t)((size_t)m.var_bytes + m.file_bytes))
		bad_more(cfg);
	close(fd);
	vars = xcalloc((size_t)m.n_vars + 1, sizeof(*vars));
	at = text;
	end = text + m.var_bytes;
	for (uint32_t i = 0; i < m.n_vars; i++) {
		char *nul = at < end ? memchr(at, '\0', (size_t)(end - at)) : NULL;

		if (!nul)
			bad_more(cfg);
		vars[i] = at;
		at = nul + 1;
	}
	if (m.file[0])
		make_file(cfg, &m, end);
	return add_variables(env, vars, m.n_vars);
}

_Noreturn void agent_main(const struct init_config *cfg, struct nono_layers *layers, int slave,
			  const int ends[2])
{
	const char *cwd = cfg->tool ? cfg->tool->cwd : cfg->policy->workdir;
	struct rlimit no_core = {0};
	struct init_msg m = {.type = INIT_READY};
	struct nono_spec spec = *cfg->spec;
	struct nono_error ne = {0};
	int listener = -1, more = -1;
	char **env;

	prctl(PR_SET_PDEATHSIG, SIGKILL); /* of init, should it be killed */
	if (cfg->tool && slave >= 0)
		take_front(cfg, slave);
	else if (setsid() < 0)
		fail(cfg, errno, "can't make a session");
	else if (slave >= 0)
		take_terminal(cfg, slave);
	if (cfg->tool)
		become_tool(cfg, layers, ends);
	fill_descriptors(cfg);
	if (chdir(cwd) < 0)
		fail(cfg, errno, "can't enter the working directory %s", cwd);
	setrlimit(RLIMIT_CORE, &no_core);
	limit_processes(cfg, layers);
	env = environment(cfg, layers);
	default_signals(cfg);
	if (nono_close_descriptors(cfg->gate) < 0)
		fail(cfg, errno, "can't close descriptors");
	fcntl(cfg->gate, F_SETFD, FD_CLOEXEC);
	sigprocmask(SIG_SETMASK, &cfg->mask, NULL);
	prctl(PR_SET_NAME, path_base(cfg->program));
	spec.listener_socket = cfg->gate;
	if (nono_confine(&spec, layers, &listener, &ne) < 0)
		fail(cfg, 0, "%s", ne.msg);
	/* The broker reads the arguments of the exec from our memory. */
	prctl(PR_SET_DUMPABLE, 1);
	m.layers = *layers;
	if (init_send(cfg->gate, &m, listener) < 0)
		_exit(126);
	if (listener >= 0)
		close(listener);
	/* Nothing may run before the broker serves. */
	if (init_recv(cfg->gate, &m, &more, NULL) != 1 || m.type != INIT_GO)
		_exit(126);
	if (more >= 0)
		env = tool_take_more(cfg, more, env);
	run_program(cfg, env);
	fail(cfg, errno, "can't execute %s", cfg->program);
}
