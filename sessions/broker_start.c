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

#include "common/remark.h"
#include "network/network.h"
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

/* ---- the order of things -------------------------------------------------------------------- */

#ifdef NONO_SANITIZE
/* The leak checker looks at the process by ptrace, which neither a confined broker nor one that is
 * not dumpable allows. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	/* Nor can what runs inside (a shim, nono connect) look at itself. */
	return prctl(PR_GET_DUMPABLE) == 0 || getenv("NONO_TOOL_SANDBOX_SOCKET") ||
	       getenv("NONO_CAP_FILE");
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
	    .changed = broker_requests_changed,
	    .enter = tool_enters,
	    .groups = &b->limits.groups,
	    .data = b,
	};

	return tools_prepare(&cfg, &b->tools, err);
}

/* What the program finds as BROWSER: nono by another name. */
static int make_browser(const struct broker *b, struct err *err)
{
	_cleanup_free_ char *nono = path_real("/proc/self/exe", err);
	_cleanup_free_ char *link = xasprintf("%s/" SESSION_BROWSER, b->rt.tmp);

	if (!policy_opens_urls(&b->plan->policy->network))
		return 0;
	if (!nono || symlink(nono, link) < 0)
		return err_errno(err, errno, "can't make %s", link);
	return 0;
}

static int prepare_proxy(struct broker *b, struct err *err)
{
	const struct proxy_config cfg = {.policy = b->plan->policy,
					 .id = b->plan->id,
					 .ca_file = b->rt.ca_file,
					 .changed = broker_requests_changed,
					 .data = b};

	if (b->plan->policy->network.mode != POLICY_NET_NAMES)
		return 0;
	b->proxy = proxy_new(&cfg);
	return runtime_make_ca(&b->rt, err) < 0 ? -1 : make_browser(b, err);
}

static int start_proxy(struct broker *b, struct err *err)
{
	struct init_msg m;
	int fd = -1, ways = -1;
	uint16_t port;

	if (!b->proxy)
		return 0;
	if (broker_await(b, INIT_LISTEN, &m, &fd, NULL, err) < 0)
		return -1;
	port = (uint16_t)m.value;
	if (policy_opens_urls(&b->plan->policy->network) && b->layers.net_ns &&
	    broker_await(b, INIT_WAYS, &m, &ways, NULL, err) < 0) {
		close(fd);
		return -1;
	}
	return proxy_start(b->proxy, fd, ways, port, !b->layers.net_ns, err);
}

static void say_layers(const struct broker *b)
{
	const struct nono_layers *l = &b->layers;

	if (!broker_remarks(b) || b->o->verbose < 1)
		return;
	remark("Layers: landlock ABI %d, seccomp %s, namespaces%s%s%s%s%s%s%s", l->landlock_abi,
	       l->seccomp ? "on" : "off", l->user_ns ? " user" : "", l->mount_ns ? " mount" : "",
	       l->pid_ns ? " pid" : "", l->ipc_ns ? " ipc" : "", l->net_ns ? " net" : "",
	       l->namespaces_why ? " off: " : "", l->namespaces_why ? l->namespaces_why : "");
	if (b->proxy)
		remark("Network: by name, through the proxy on 127.0.0.1:%u of %s",
		       proxy_port(b->proxy),
		       l->net_ns ? "a network of the session's own"
				 : "the host's network: the filter, Landlock and the supervisor "
				   "hold all else");
	for (char *const *w = policy_spec_warnings(b->spec_owner); *w; w++)
		remark("nono: %s", *w);
}

static int start_recording(struct broker *b, struct err *err)
{
	const struct pty_control m = {.type = PTY_CONTROL_RECORD};
	int fd, r;

	if (!b->o->record)
		return 0;
	if (!b->log || !b->o->terminal)
		return err_usage(
		    err, b->log ? "--record needs a terminal (or --detached)"
				: "--record belongs to a record, and --no-audit makes none");
	fd = audit_log_file(b->log, AUDIT_SCREEN_FILE, err);
	if (fd < 0)
		return -1;
	r = broker_tell_host(b, &m, fd);
	close(fd);
	return r < 0 ? err_set(err, "the screen host does not answer") : 0;
}

static int start_signer(struct broker *b, struct err *err)
{
	if (!b->plan->sign_key)
		return 0;
	if (b->o->no_audit)
		return err_usage(err, "--audit-sign-key signs a record, and --no-audit makes none");
	return signer_start(b->plan->sign_key, b->plan->policy, &b->signer, err);
}

static int start_steps(struct broker *b, char *const *command, struct err *err)
{
	_cleanup_(buf_free) struct buf policy_text = {0};
	struct init_msg m;
	int listener = -1;

	if (b->plan->policy->namespaces == NONO_SKIP &&
	    policy_without_namespaces(b->plan->policy, err) < 0)
		return -1;
	if (prepare_proxy(b, err) < 0)
		return -1;
	if (limits_prepare(&b->limits, &b->plan->limits, b->plan->id, b->rt.dir, err) < 0 ||
	    broker_make_spec(b, err) < 0 || broker_fork_init(b, err) < 0 ||
	    broker_enter_namespaces(b, err) < 0 || start_proxy(b, err) < 0)
		return -1;
	if (b->layers.net_ns && broker_await(b, INIT_SOCKETS, &m, &b->sockets_fd, NULL, err) < 0)
		return -1;
	if (policy_set_tmp(b->plan->policy, b->rt.tmp, b->layers.private_tmp, err) < 0)
		return -1;
	if (b->o->terminal &&
	    (broker_await(b, INIT_PTY, &m, &b->master_fd, NULL, err) < 0 || start_host(b, err) < 0))
		return -1;
	if (prepare_tools(b, err) < 0 ||
	    approver_start(b->plan->policy, b->plan->id, &b->approver, err) < 0 ||
	    start_signer(b, err) < 0 || confine_self(err) < 0 ||
	    (!b->o->no_audit && broker_prepare_log(b, command, err) < 0) ||
	    start_recording(b, err) < 0)
		return -1;
	policy_to_json(b->plan->policy, &policy_text);
	net_policy_add(&b->plan->policy->network, &policy_text);
	if (broker_write_cap_file(b, &policy_text, err) < 0)
		return -1;
	if (broker_await(b, INIT_READY, &m, &listener, NULL, err) < 0)
		return -1;
	m.layers.namespaces_why = b->layers.namespaces_why;
	b->layers = m.layers;
	if (listener < 0)
		return err_set(err, "the kernel gave no notify descriptor");
	if (policy_modes_held(&b->plan->policy->modes, &b->layers, err) < 0)
		return -1;
	if (limits_enter(&b->limits, b->agent_pid, &b->layers, err) < 0)
		return -1;
	if ((b->log && broker_begin_log(b, &policy_text, err) < 0) ||
	    broker_start_elevation(b, listener, err) < 0 ||
	    (b->tools && tools_open(b->tools, err) < 0))
		return -1;
	broker_log_snapshots(b, false);
	if (b->proxy && proxy_await(b->proxy, err) < 0)
		return -1;
	broker_make_record(b, command);
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
	b->sockets_fd = b->init_fd = b->gate_fd = b->master_fd = b->host_fd = b->signal_fd =
	    b->approver.fd = -1;
	b->rt.listen_fd = b->rt.cap_fd = b->rt.tmp_fd = b->signer.fd = -1;
	prctl(PR_SET_NAME, "nono: broker");
	/* Should init be killed, what it leaves comes to us and not to the system's init. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (take_signals(b, err) == 0 && runtime_create(b->plan->id, &b->rt, err) == 0 &&
	    name_take(b->o->name, b->plan->id, getpid(), b->name, err) == 0) {
		r = audit_redaction_load(&b->redaction, err);
		if (r == 0 && (r = audit_limits_load(&b->audit_limits, err)) < 0)
			err->cls = ERR_USAGE;
		if (r == 0) {
			command = audit_redact_command(b->redaction, b->plan->argv);
			r = start_steps(b, command, err);
		}
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
	proxy_free(STEAL_PTR(b->proxy));
	tools_free(STEAL_PTR(b->tools));
	approver_stop(&b->approver);
	if (b->elevation)
		elevation_stop(b->elevation);
	if (b->log) /* only when the start failed late: the attempt stays in the record */
		audit_log_close(b->log, 127, NULL);
	signer_stop(&b->signer);
	audit_redaction_free(b->redaction);
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
	broker_keep_records(b);
}
