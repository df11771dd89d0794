/*
 * The start of a session, in the order that ARCHITECTURE.md gives. While init makes its namespaces
 * the broker does what needs no answer from it.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "sessions/broker.h"
#include "sessions/names.h"
#include "sessions/registry.h"
#include "sessions/tree.h"

#define STEP_TIMEOUT_MS 10000
#define END_TIMEOUT_MS	5000

/* ---- signals ---------------------------------------------------------------------- */

static int take_signals(struct broker *b, struct err *err)
{
	static const int stop[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP};
	static const int forward[] = {SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT, SIGTSTP};
	struct sigaction old;
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_LEN(stop); i++)
		sigaddset(&set, stop[i]);
	for (size_t i = 0; b->foreground && i < ARRAY_LEN(forward); i++)
		sigaddset(&set, forward[i]);
	if (sigprocmask(SIG_BLOCK, &set, &b->old_mask) < 0)
		return err_errno(err, errno, "can't block signals");
	sigaction(SIGPIPE, NULL, &old);
	b->sigpipe_ignored = old.sa_handler == SIG_IGN;
	signal(SIGPIPE, SIG_IGN);
	b->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return b->signal_fd < 0 ? err_errno(err, errno, "can't make a signal descriptor") : 0;
}

/* ---- init --------------------------------------------------------------------------- */

static int make_pair(int pair[2], struct err *err)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_errno(err, errno, "can't make a socket pair");
	return 0;
}

static _Noreturn void in_init(struct broker *b, int sock, int gate)
{
	struct init_config cfg = {
	    .spec = &b->spec,
	    .policy = b->plan->policy,
	    .argv = b->plan->argv,
	    .secrets = b->plan->secrets,
	    .program = b->plan->program,
	    .id = b->plan->id,
	    .tmp = b->rt.tmp,
	    .request_socket = b->plan->policy->elevation ? b->rt.request_socket : NULL,
	    .tool_socket = b->plan->policy->commands ? b->rt.tool_socket : NULL,
	    .shim_dir = b->rt.shim_dir,
	    .terminal = b->o->terminal,
	    .cols = b->o->cols,
	    .rows = b->o->rows,
	    .sock = sock,
	    .gate = gate,
	    .sigpipe_ignored = b->sigpipe_ignored,
	    .max_processes =
		b->limits.held[LIMIT_PROCESSES] == HOLD_WATCH ? b->limits.want.processes : 0,
	};

	if (b->foreground)
		cfg.mask = b->old_mask;
	else
		sigemptyset(&cfg.mask);
	close(b->init_fd);
	close(b->gate_fd);
	close(b->signal_fd);
	close(b->rt.listen_fd);
	close(b->rt.cap_fd);
	if (b->ready_fd >= 0)
		close(b->ready_fd);
	init_main(&cfg, &b->layers);
}

static int fork_init(struct broker *b, struct err *err)
{
	struct nono_error ne = {0};
	int sock[2], gate[2], on = 1;

	if (make_pair(sock, err) < 0)
		return -1;
	if (make_pair(gate, err) < 0) {
		close(sock[0]);
		close(sock[1]);
		return -1;
	}
	setsockopt(gate[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
	b->init_fd = sock[0];
	b->gate_fd = gate[0];
	b->layers = (struct nono_layers){0};
	b->init_pid = nono_fork(&b->spec, &b->layers, &ne);
	if (b->init_pid == 0)
		in_init(b, sock[1], gate[1]);
	close(sock[1]);
	close(gate[1]);
	if (b->init_pid < 0) {
		b->init_pid = 0;
		return err_set(err, "%s", ne.msg);
	}
	return 0;
}

/* The next message from init or the program's process. A failure that one of them reports is an
 * error here; *enter tells that it was nono_enter()'s. */
static int await(struct broker *b, enum init_msg_type want, struct init_msg *m, int *fd,
		 bool *enter, struct err *err)
{
	struct pollfd p[2] = {{.fd = b->init_fd, .events = POLLIN},
			      {.fd = b->gate_fd, .events = POLLIN}};
	bool gone = false, from_gate = want == INIT_READY;

	for (;;) {
		int r = poll(p, 2, STEP_TIMEOUT_MS);
		int from;
		if (r < 0 && errno == EINTR)
			continue;
		if (r == 0)
			return err_set(err, "the session did not start within %d s",
				       STEP_TIMEOUT_MS / 1000);
		if (r < 0)
			return err_errno(err, errno, "poll");
		/* A reason is more telling than an end; but the program's process may be quicker
		 * than we are, and what init said before it comes first. */
		from = p[1].revents && (from_gate || !(p[0].revents & POLLIN)) ? 1 : 0;
		r = init_recv(p[from].fd, m, fd, from == 1 ? &b->agent_pid : NULL);
		if (r < 0)
			return err_errno(err, errno, "can't talk to the session's init");
		if (r == 0) {
			p[from].fd = -1;
			if (gone || from == 0)
				return err_set(err, "the session's init ended unexpectedly");
			gone = true;
			continue;
		}
		if (m->type == INIT_FAILED) {
			if (enter)
				*enter = m->enter;
			err_set(err, "%s", m->text);
			err->code = m->value;
			return -1;
		}
		if (m->type == want)
			return 0;
		if (fd && *fd >= 0)
			close(*fd);
		if (m->type == INIT_EXIT)
			continue; /* the program's process failed: its own word follows or came */
		return err_set(err, "unexpected message %u from the session's init", m->type);
	}
}

/* Closing the socket makes init kill everything below and end; one that does not is killed. */
void broker_reap_init(struct broker *b)
{
	_cleanup_close_ int pidfd = -1;
	struct pollfd p = {.events = POLLIN};

	if (b->init_pid <= 0)
		return;
	if (b->init_fd >= 0) {
		close(b->init_fd);
		b->init_fd = -1;
	}
	if (waitpid(b->init_pid, NULL, WNOHANG) == 0) {
		pidfd = (int)syscall(SYS_pidfd_open, b->init_pid, 0);
		p.fd = pidfd;
		if (pidfd < 0 || poll(&p, 1, END_TIMEOUT_MS) <= 0)
			kill(b->init_pid, SIGKILL);
		waitpid(b->init_pid, NULL, 0);
	}
	b->init_pid = 0;
}

static int make_spec(struct broker *b, struct err *err)
{
	policy_spec_free(b->spec_owner);
	b->spec_owner = NULL;
	if (policy_set_cap_file(b->plan->policy, b->rt.cap_file, err) < 0 ||
	    policy_spec_new(b->plan->policy, true, b->rt.tmp, &b->spec_owner, err) < 0)
		return -1;
	b->spec = *policy_spec_get(b->spec_owner);
	return 0;
}

static int start_again(struct broker *b, struct err *err)
{
	broker_reap_init(b);
	if (b->gate_fd >= 0)
		close(b->gate_fd);
	b->gate_fd = -1;
	return fork_init(b, err);
}

/* Once more with a policy that holds without namespaces. */
static int start_without_namespaces(struct broker *b, const char *why, struct err *err)
{
	str_copy(b->why_no_namespaces, sizeof(b->why_no_namespaces), why);
	if (policy_without_namespaces(b->plan->policy, err) < 0 || make_spec(b, err) < 0)
		return -1;
	b->spec.namespaces = NONO_SKIP;
	return start_again(b, err);
}

/* 0: entered; 1: init could not, *m says why; -1: anything else. */
static int await_entered(struct broker *b, struct init_msg *m, struct err *err)
{
	bool enter = false;

	if (await(b, INIT_ENTERED, m, NULL, &enter, err) == 0) {
		b->layers = m->layers;
		return 0;
	}
	return enter ? 1 : -1;
}

/* Namespaces may be refused outright, or be made but not be used (AppArmor on Ubuntu), or be usable
 * but for a new /proc (containers that cover parts of theirs). */
static int enter_namespaces(struct broker *b, struct err *err)
{
	bool asked = b->spec.namespaces != NONO_SKIP;
	struct init_msg m;
	int r = 1;

	if (b->layers.mount_ns) {
		r = await_entered(b, &m, err);
		if (r > 0 && m.layers.proc_refused && !b->spec.no_pid_namespace) {
			b->spec.no_pid_namespace = true;
			r = start_again(b, err) < 0 ? -1 : await_entered(b, &m, err);
		}
		if (r <= 0)
			return r;
		if (b->spec.namespaces != NONO_AUTO ||
		    start_without_namespaces(b, err->msg, err) < 0)
			return -1;
	} else if (b->spec.namespaces == NONO_AUTO &&
		   start_without_namespaces(b, b->layers.namespaces_why, err) < 0) {
		return -1;
	}
	if (await_entered(b, &m, err) != 0)
		return -1;
	b->layers.namespaces_why = asked ? b->why_no_namespaces : "switched off for this run";
	return 0;
}

/* ---- screen host --------------------------------------------------------------------- */

static _Noreturn void in_host(struct broker *b, int control_fd)
{
	struct pty_host_config cfg = {.cols = b->o->cols, .rows = b->o->rows, .scrollback = 10000};
	sigset_t none;
	int master, control;

	prctl(PR_SET_NAME, "nono: screen");
	/* High numbers first, so that neither dup2 lands on the other. */
	master = fcntl(b->master_fd, F_DUPFD, 10);
	control = fcntl(control_fd, F_DUPFD, 10);
	if (master < 0 || control < 0 || dup2(master, 3) < 0 || dup2(control, 4) < 0)
		_exit(1);
	close_range(5, ~0u, 0);
	cfg.master_fd = 3;
	cfg.control_fd = 4;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_DUMPABLE, 0);
	_exit(pty_host_main(&cfg));
}

static int start_host(struct broker *b, struct err *err)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_errno(err, errno, "can't make a socket pair");
	pid = fork();
	if (pid == 0)
		in_host(b, pair[1]);
	close(pair[1]);
	close(b->master_fd); /* the host's alone: its end is the terminal's end */
	b->master_fd = -1;
	if (pid < 0) {
		close(pair[0]);
		return err_errno(err, errno, "can't start the screen host");
	}
	b->host_pid = pid;
	b->host_fd = pair[0];
	return fd_set_nonblock(b->host_fd, true);
}

/* ---- audit, record ---------------------------------------------------------------------- */

cJSON *layers_json(const struct nono_layers *l)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddNumberToObject(o, "landlock_abi", l->landlock_abi);
	cJSON_AddBoolToObject(o, "seccomp", l->seccomp);
	cJSON_AddBoolToObject(o, "notify", l->notify);
	cJSON_AddBoolToObject(o, "caps_dropped", l->caps_dropped);
	cJSON_AddBoolToObject(o, "no_new_privs", l->no_new_privs);
	cJSON_AddBoolToObject(o, "user_ns", l->user_ns);
	cJSON_AddBoolToObject(o, "mount_ns", l->mount_ns);
	cJSON_AddBoolToObject(o, "pid_ns", l->pid_ns);
	cJSON_AddBoolToObject(o, "net_ns", l->net_ns);
	cJSON_AddBoolToObject(o, "ipc_ns", l->ipc_ns);
	cJSON_AddBoolToObject(o, "private_tmp", l->private_tmp);
	if (l->namespaces_why)
		cJSON_AddStringToObject(o, "namespaces_why", l->namespaces_why);
	return o;
}

static char **writable_grants(const struct policy *p)
{
	char **v = xcalloc(p->n_grants + 1, sizeof(*v));
	size_t n = 0;

	for (size_t i = 0; i < p->n_grants; i++)
		if (p->grants[i].access & NONO_WRITE)
			v[n++] = xstrdup(p->grants[i].path);
	return v;
}

/* While the program's process confines itself. */
static int prepare_log(struct broker *b, char *const *command, struct err *err)
{
	const struct policy *p = b->plan->policy;
	char **tracked = writable_grants(p);
	struct audit_session_info info = {
	    .session_id = b->plan->id,
	    .command = command,
	    .executable = b->plan->program,
	    .profile = p->profile_name,
	    .workdir = p->workdir,
	    .tracked_paths = tracked,
	    .tool_sandbox = b->tools != NULL,
	};
	int r = audit_log_prepare(&info, &b->log, err);

	strv_free(tracked);
	return r;
}

static int begin_log(struct broker *b, const struct buf *policy_text, struct err *err)
{
	cJSON *layers = layers_json(&b->layers);
	_cleanup_free_ char *layers_text = cJSON_PrintUnformatted(layers);

	cJSON_Delete(layers);
	return audit_log_begin(b->log, layers_text, policy_text->data, err);
}

static void make_record(struct broker *b, char *const *command)
{
	const struct policy *p = b->plan->policy;
	char started[TIME_STR_MAX], ns[32];
	uint64_t now = clock_real_ns();
	cJSON *o = cJSON_CreateObject(), *argv;

	time_rfc3339(started, now);
	snprintf(ns, sizeof(ns), "%llu", (unsigned long long)now);
	cJSON_AddStringToObject(o, "session_id", b->plan->id);
	cJSON_AddStringToObject(o, "name", b->name);
	cJSON_AddNumberToObject(o, "supervisor_pid", getpid());
	cJSON_AddNumberToObject(o, "child_pid", b->agent_pid);
	cJSON_AddStringToObject(o, "started", started);
	cJSON_AddNumberToObject(o, "started_epoch", (double)proc_start_time(getpid()));
	cJSON_AddStringToObject(o, "status", "running");
	cJSON_AddStringToObject(o, "attachment", "detached");
	cJSON_AddNullToObject(o, "exit_code");
	argv = cJSON_AddArrayToObject(o, "command");
	for (size_t i = 0; command[i]; i++)
		cJSON_AddItemToArray(argv, cJSON_CreateString(command[i]));
	if (p->profile_name)
		cJSON_AddStringToObject(o, "profile", p->profile_name);
	else
		cJSON_AddNullToObject(o, "profile");
	cJSON_AddStringToObject(o, "workdir", p->workdir);
	cJSON_AddStringToObject(o, "network", p->net_blocked ? "blocked" : "allowed");
	cJSON_AddNullToObject(o, "rollback_session");
	cJSON_AddBoolToObject(o, "terminal", b->o->terminal);
	cJSON_AddBoolToObject(o, "audit", !b->o->no_audit);
	if (b->o->policy.observe)
		cJSON_AddTrueToObject(o, "observe");
	cJSON_AddItemToObject(o, "layers", layers_json(&b->layers));
	cJSON_AddStringToObject(o, "started_ns", ns);
	cJSON_AddNumberToObject(o, "child_epoch", (double)proc_start_time(b->agent_pid));
	cJSON_AddStringToObject(o, "runtime_dir", b->rt.dir);
	cJSON_AddStringToObject(o, "tmp", b->rt.tmp);
	b->record = o;
}

int broker_write_record(struct broker *b, struct err *err)
{
	bool attached = b->have_report && b->report.clients > 0;
	cJSON *o = b->record;

	cJSON_ReplaceItemInObjectCaseSensitive(
	    o, "attachment", cJSON_CreateString(attached ? "attached" : "detached"));
	cJSON_ReplaceItemInObjectCaseSensitive(
	    o, "status", cJSON_CreateString(b->agent_gone ? "exited" : "running"));
	cJSON_ReplaceItemInObjectCaseSensitive(
	    o, "exit_code", b->agent_gone ? cJSON_CreateNumber(b->exit_code) : cJSON_CreateNull());
	if (b->denials) {
		cJSON_DeleteItemFromObjectCaseSensitive(o, "denials");
		cJSON_DeleteItemFromObjectCaseSensitive(o, "denials_total");
		cJSON_AddItemToObject(o, "denials", STEAL_PTR(b->denials));
		cJSON_AddNumberToObject(o, "denials_total", (double)b->denials_total);
	}
	if (registry_write(b->plan->id, o, err) < 0)
		return -1;
	b->recorded = true;
	return 0;
}

/* What the program can read about its own limits (NONO_CAP_FILE). */
static int write_cap_file(struct broker *b, const struct buf *text, struct err *err)
{
	if (write_full(b->rt.cap_fd, text->data, text->len) < 0)
		return err_errno(err, errno, "can't write %s", b->rt.cap_file);
	close(STEAL_FD(b->rt.cap_fd));
	return 0;
}

/* ---- the order of things -------------------------------------------------------------------- */

#ifdef NONO_SANITIZE
/* The leak checker looks at the process by ptrace, which neither a confined broker nor one that is
 * not dumpable allows. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	/* Nor can a shim look at itself: it is inside. */
	return prctl(PR_GET_DUMPABLE) == 0 || getenv("NONO_TOOL_SANDBOX_SOCKET");
}
#endif

/* From here on the broker itself holds less: before its threads exist, so that they inherit it. */
static int confine_self(struct err *err)
{
	struct nono_error ne = {0};

	if (nono_drop_capabilities(&ne) < 0 || nono_confine_supervisor(&ne) < 0)
		return err_set(err, "%s", ne.msg);
	prctl(PR_SET_DUMPABLE, 0);
	return 0;
}

static void on_opened(void *data, const struct request *r)
{
	struct broker *b = data;
	cJSON *o;

	if (b->control && control_server_subscribers(b->control)) {
		o = broker_request_json(b, r);
		cJSON_AddStringToObject(o, "event", "request");
		control_server_broadcast(b->control, o);
	}
	broker_touch(b);
}

static void on_closed(void *data, const struct request *r, const char *by)
{
	static const char *const states[] = {"open", "granted", "denied", "expired"};
	struct broker *b = data;
	cJSON *o;

	if (b->control && control_server_subscribers(b->control)) {
		o = cJSON_CreateObject();
		cJSON_AddStringToObject(o, "event", "answered");
		cJSON_AddStringToObject(o, "id", r->id);
		cJSON_AddStringToObject(o, "state", states[r->state]);
		cJSON_AddStringToObject(o, "by", by ? by : "");
		control_server_broadcast(b->control, o);
	}
	broker_touch(b);
}

static void on_changed(void *data)
{
	broker_touch(data);
}

static void on_tool(void *data, uint64_t cookie, bool granted, enum request_scope scope,
		    const char *why)
{
	struct broker *b = data;

	tools_answered(b->tools, cookie, granted, scope, why);
}

/* What the supervisor itself looks after it looks for in the agent's tree alone. */
static int tool_enters(void *data, pid_t program, struct err *err)
{
	static const enum limit shared[] = {LIMIT_MEMORY, LIMIT_PROCESSES, LIMIT_CPU};
	struct broker *b = data;
	struct nono_error ne = {0};

	for (size_t i = 0; i < ARRAY_LEN(shared); i++) {
		enum hold h = b->limits.held[shared[i]];
		if (h == HOLD_RLIMIT || h == HOLD_WATCH)
			return err_set(err,
				       "the session's limit of %s can't be held for tools here: "
				       "that takes control groups",
				       limit_name(shared[i]));
	}
	if (nono_groups_enter(&b->limits.groups, program, &ne) < 0)
		return err_set(err, "%s", ne.msg);
	return 0;
}

static int prepare_tools(struct broker *b, struct err *err)
{
	const struct tools_config cfg = {
	    .policy = b->plan->policy,
	    .rt = &b->rt,
	    .id = b->plan->id,
	    .namespaces = b->layers.mount_ns,
	    .pid_namespace = b->layers.pid_ns,
	    .changed = on_changed,
	    .enter = tool_enters,
	    .data = b,
	};

	return tools_prepare(&cfg, &b->tools, err);
}

static int start_elevation(struct broker *b, int listener, struct err *err)
{
	struct elevation_config cfg = {
	    .policy = b->plan->policy,
	    .log = b->log,
	    .notify_fd = listener,
	    .init_pid = b->init_pid,
	    .session_id = b->plan->id,
	    .request_socket = b->rt.request_socket,
	    .tool_socket = b->tools ? b->rt.tool_socket : NULL,
	    .events = {.opened = on_opened,
		       .closed = on_closed,
		       .changed = on_changed,
		       .tool = on_tool,
		       .data = b},
	};

	return elevation_start(&cfg, &b->elevation, err);
}

static void say_layers(const struct broker *b)
{
	const struct nono_layers *l = &b->layers;

	if (!b->foreground || b->o->verbose < 1 || b->o->silent)
		return;
	fprintf(stderr, "Layers: landlock ABI %d, seccomp %s, namespaces%s%s%s%s%s%s%s\n",
		l->landlock_abi, l->seccomp ? "on" : "off", l->user_ns ? " user" : "",
		l->mount_ns ? " mount" : "", l->pid_ns ? " pid" : "", l->ipc_ns ? " ipc" : "",
		l->net_ns ? " net" : "", l->namespaces_why ? " off: " : "",
		l->namespaces_why ? l->namespaces_why : "");
	for (char *const *w = policy_spec_warnings(b->spec_owner); *w; w++)
		fprintf(stderr, "nono: %s\n", *w);
}

static int start_steps(struct broker *b, char *const *command, struct err *err)
{
	_cleanup_(buf_free) struct buf policy_text = {0};
	struct init_msg m;
	int listener = -1;

	if (b->plan->policy->namespaces == NONO_SKIP &&
	    policy_without_namespaces(b->plan->policy, err) < 0)
		return -1;
	if (limits_prepare(&b->limits, &b->plan->limits, b->plan->id, b->rt.dir, err) < 0 ||
	    make_spec(b, err) < 0 || fork_init(b, err) < 0 || enter_namespaces(b, err) < 0)
		return -1;
	if (policy_set_tmp(b->plan->policy, b->rt.tmp, b->layers.private_tmp, err) < 0)
		return -1;
	if (b->o->terminal &&
	    (await(b, INIT_PTY, &m, &b->master_fd, NULL, err) < 0 || start_host(b, err) < 0))
		return -1;
	if (prepare_tools(b, err) < 0 || confine_self(err) < 0 ||
	    (!b->o->no_audit && prepare_log(b, command, err) < 0))
		return -1;
	policy_to_json(b->plan->policy, &policy_text);
	if (write_cap_file(b, &policy_text, err) < 0)
		return -1;
	if (await(b, INIT_READY, &m, &listener, NULL, err) < 0)
		return -1;
	m.layers.namespaces_why = b->layers.namespaces_why;
	b->layers = m.layers;
	if (listener < 0)
		return err_set(err, "the kernel gave no notify descriptor");
	if (limits_enter(&b->limits, b->agent_pid, &b->layers, err) < 0)
		return -1;
	if ((b->log && begin_log(b, &policy_text, err) < 0) ||
	    start_elevation(b, listener, err) < 0 || (b->tools && tools_open(b->tools, err) < 0))
		return -1;
	make_record(b, command);
	broker_add_limits(b);
	if (broker_write_record(b, err) < 0)
		return -1;
	say_layers(b);
	broker_say_limits(b);
	m = (struct init_msg){.type = INIT_GO};
	if (init_send(b->gate_fd, &m, -1) < 0)
		return err_errno(err, errno, "can't start the program");
	return 0;
}

int broker_start(struct broker *b, struct err *err)
{
	char **command = NULL;
	int r = -1;

	b->started_ns = clock_mono_ns();
	b->expect_until_ns = b->started_ns + BROKER_LINGER_MS * 1000000ull;
	b->init_fd = b->gate_fd = b->master_fd = b->host_fd = b->signal_fd = -1;
	b->rt.listen_fd = b->rt.cap_fd = -1;
	prctl(PR_SET_NAME, "nono: broker");
	/* Should init be killed, what it leaves comes to us and not to the system's init. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (take_signals(b, err) == 0 && runtime_create(b->plan->id, &b->rt, err) == 0 &&
	    name_take(b->o->name, b->plan->id, getpid(), b->name, err) == 0) {
		command = audit_redact_command(b->plan->argv);
		r = start_steps(b, command, err);
		strv_free(command);
	}
	if (r < 0)
		broker_end(b);
	return r;
}

static void reap_host(struct broker *b)
{
	struct pty_control quit = {.type = PTY_CONTROL_QUIT};

	if (b->host_pid <= 0)
		return;
	if (b->host_fd >= 0)
		fd_send(b->host_fd, &quit, sizeof(quit), -1);
	/* It holds nothing that could be lost. */
	kill(b->host_pid, SIGKILL);
	waitpid(b->host_pid, NULL, 0);
	b->host_pid = 0;
}

void broker_end(struct broker *b)
{
	broker_reap_init(b);
	reap_host(b);
	/* What an init that was killed left to us. */
	while (!b->layers.pid_ns && tree_kill(getpid(), 0) > 0) {
		struct timespec ts = {.tv_nsec = 2000000};
		nanosleep(&ts, NULL);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
	tools_free(STEAL_PTR(b->tools));
	if (b->elevation)
		elevation_stop(b->elevation);
	if (b->log) /* only when the start failed late: the attempt stays in the record */
		audit_log_close(b->log, 127, NULL);
	if (b->recorded && !b->over)
		registry_remove(b->plan->id);
	runtime_remove(b->rt.dir, b->rt.tmp);
	if (b->name[0])
		name_release(b->name, b->plan->id);
	if (b->over)
		name_release(NULL, b->plan->id);
	runtime_free(&b->rt);
	policy_spec_free(b->spec_owner);
	cJSON_Delete(b->record);
	cJSON_Delete(b->denials);
	free(b->last_status);
	if (b->gate_fd >= 0)
		close(b->gate_fd);
	if (b->host_fd >= 0)
		close(b->host_fd);
	if (b->master_fd >= 0)
		close(b->master_fd);
	if (b->signal_fd >= 0)
		close(b->signal_fd);
}
