/*
 * Init of a session. It holds no descriptor but the sockets to the broker, parses nothing and
 * allocates next to nothing.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>

#include "elevation/elevation.h"
#include "network/network.h"
#include "sessions/init_setup.h"
#include "sessions/tool_wire.h"
#include "sessions/tree.h"

/* What is left when the program itself ended gets this long after SIGHUP and SIGTERM. */
#define LEFTOVER_GRACE_MS 300
#define KILL_AGAIN_MS	  5
#define CUT_GRACE_NS	  1000000000ull

struct init {
	const struct init_config *cfg;
	struct nono_layers *layers;
	int sock, sigfd;
	int maker; /* orders for sockets of this network, -1: none */
	pid_t agent;
	bool agent_gone; /* reported */
	bool ending;	 /* deadline_ns counts */
	uint64_t deadline_ns;
	/* Of a tool. */
	struct relay relay[2];
	bool cut;	   /* ended by somebody: output that nobody takes is not waited for */
	uint64_t until_ns; /* wall time, 0 = none */
	enum tool_over over;
	int status;
	bool told; /* that the program ended */
};

/* ---- the end of the tree ---------------------------------------------------------- */

static void signal_all(const struct init *in, int sig)
{
	if (in->layers->pid_ns)
		kill(-1, sig); /* everything in the namespace but init */
	else
		tree_signal(getpid(), 0, sig);
}

static void kill_all(const struct init *in)
{
	if (in->layers->pid_ns)
		kill(-1, SIGKILL);
	else
		tree_kill(getpid(), 0);
}

static void begin_end(struct init *in, long grace_ms)
{
	uint64_t deadline = clock_mono_ns() + (uint64_t)grace_ms * 1000000u;

	if (in->ending && deadline >= in->deadline_ns)
		return;
	in->deadline_ns = deadline;
	if (grace_ms > 0 && !in->ending) {
		/* Interactive shells ignore SIGTERM and end by SIGHUP; a stopped one needs SIGCONT.
		 */
		signal_all(in, SIGHUP);
		signal_all(in, SIGTERM);
		signal_all(in, SIGCONT);
	}
	in->ending = true;
}

static bool relays_over(const struct init *in)
{
	return relay_over(&in->relay[0]) && relay_over(&in->relay[1]);
}

/* A tool ends when its output is where it belongs. */
static void tell_end(struct init *in)
{
	struct init_msg m = {.type = INIT_EXIT, .value = in->status, .over = in->over};

	if (!in->agent_gone || in->told || !relays_over(in))
		return;
	for (size_t i = 0; i < ARRAY_LEN(in->relay); i++)
		m.stream[i] = in->relay[i].count;
	in->told = true;
	init_send(in->sock, &m, -1);
}

static void tell_stop(struct init *in, int sig)
{
	struct init_msg m = {.type = INIT_STOPPED, .value = sig};

	if (in->sock >= 0)
		init_send(in->sock, &m, -1);
}

/* A child that asked to be traced by its parent is not: it would wait for ever. */
static bool untrace(pid_t pid, int status)
{
	int sig = WSTOPSIG(status);

	return ptrace(PTRACE_DETACH, pid, 0, sig == SIGTRAP ? 0 : sig) == 0;
}

/* Returns false when no child is left. */
static bool reap(struct init *in)
{
	/* Without a terminal nobody could continue it but who stopped it. */
	int status, flags = WNOHANG | __WALL | (in->cfg->tool && in->cfg->terminal ? WUNTRACED : 0);
	pid_t pid;

	while ((pid = waitpid(-1, &status, flags)) > 0) {
		if (WIFSTOPPED(status) && untrace(pid, status)) {
			continue;
		} else if (WIFSTOPPED(status)) {
			if (pid == in->agent)
				tell_stop(in, WSTOPSIG(status));
		} else if (pid == in->agent) {
			in->agent_gone = true;
			in->status = status;
		}
	}
	return pid == 0 || errno != ECHILD;
}

static void drain_signals(struct init *in)
{
	struct signalfd_siginfo si;

	while (read(in->sigfd, &si, sizeof(si)) == (ssize_t)sizeof(si))
		if (si.ssi_signo == SIGTERM && !in->layers->pid_ns)
			begin_end(in, 0); /* the broker's death (PR_SET_PDEATHSIG) */
}

static void read_socket(struct init *in)
{
	struct init_msg m;
	int fd = -1, r = init_recv(in->sock, &m, &fd, NULL);

	if (fd >= 0)
		close(fd);
	if (r <= 0)
		begin_end(in, 0);
	else if (m.type == INIT_STOP)
		begin_end(in, m.value < 0 ? 0 : m.value);
	else if (m.type == INIT_SIGNAL && !in->agent_gone)
		kill(-in->agent, m.value);
	in->cut |= r <= 0 || m.type == INIT_STOP;
	if (r <= 0) { /* the end of the file would wake us for ever */
		close(in->sock);
		in->sock = -1;
	}
}

static int wait_ms(const struct init *in)
{
	uint64_t now, until = in->ending ? in->deadline_ns : in->until_ns;

	if (!until)
		return -1;
	now = clock_mono_ns();
	if (now >= until)
		return KILL_AGAIN_MS;
	return (int)((until - now) / 1000000u) + 1;
}

static void end_for(struct init *in, enum tool_over why)
{
	if (!in->over && !in->agent_gone)
		in->over = why;
	in->cut = true;
	begin_end(in, 0);
}

static void step_relays(struct init *in, const struct pollfd *p)
{
	const struct command_box *box = in->cfg->tool ? in->cfg->tool->box : NULL;
	uint64_t max = box ? box->resources.max_output_bytes : 0;
	bool stop = false;

	for (size_t i = 0; i < ARRAY_LEN(in->relay); i++)
		stop |= relay_step(&in->relay[i], &p[i]);
	if (stop || (max && in->relay[0].count.total + in->relay[1].count.total > max))
		end_for(in, TOOL_OVER_OUTPUT);
}

static void drop_output(struct init *in)
{
	for (size_t i = 0; i < ARRAY_LEN(in->relay); i++)
		relay_drop(&in->relay[i]);
}

static _Noreturn void serve(struct init *in)
{
	for (;;) {
		struct pollfd p[5] = {{.fd = in->sigfd, .events = POLLIN},
				      {.fd = in->sock, .events = POLLIN},
				      {.fd = -1},
				      {.fd = -1},
				      {.fd = in->maker, .events = POLLIN}};
		bool left = reap(in);

		tell_end(in);
		if (!left && (relays_over(in) || in->sock < 0))
			_exit(0);
		if (in->agent_gone)
			begin_end(in, LEFTOVER_GRACE_MS);
		if (in->until_ns && clock_mono_ns() >= in->until_ns)
			end_for(in, TOOL_OVER_TIME);
		if (in->ending && clock_mono_ns() >= in->deadline_ns)
			kill_all(in);
		if (in->cut && clock_mono_ns() >= in->deadline_ns + CUT_GRACE_NS)
			drop_output(in);
		for (size_t i = 0; i < ARRAY_LEN(in->relay); i++)
			relay_poll(&in->relay[i], &p[2 + i]);
		poll(p, ARRAY_LEN(p), wait_ms(in));
		step_relays(in, &p[2]);
		if (p[0].revents)
			drain_signals(in);
		if (in->sock >= 0 && p[1].revents)
			read_socket(in);
		if (p[4].revents && !elevation_make_sockets(in->maker)) {
			close(in->maker);
			in->maker = -1;
		}
	}
}

/* ---- start --------------------------------------------------------------------------- */

static int open_signals(void)
{
	sigset_t set;

	sigfillset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* A pipe where the output has a limit. The program's ends are left in ends, -1 where it has its
 * caller's own. */
static int open_relays(struct init *in, int ends[2])
{
	const struct command_box *box = in->cfg->tool->box;

	for (int i = 0; i < 2; i++) {
		int pair[2];

		if (!box->stream[i].max_bytes && !box->resources.max_output_bytes)
			continue;
		if (relay_prepare() < 0 || pipe2(pair, O_CLOEXEC) < 0)
			return -1;
		in->relay[i].limit = box->stream[i];
		in->relay[i].from = pair[0];
		in->relay[i].to = in->cfg->tool->fds[i + 1];
		ends[i] = pair[1];
	}
	if (box->resources.wall_time_seconds)
		in->until_ns = clock_mono_ns() + box->resources.wall_time_seconds * 1000000000ull;
	return 0;
}

_Noreturn void init_main(const struct init_config *given, struct nono_layers *layers)
{
	struct init_config copy = *given, *cfg = &copy;
	struct init in = {
	    .cfg = cfg, .layers = layers, .sock = cfg->sock, .sigfd = -1, .maker = -1};
	int ends[2] = {-1, -1};
	struct init_msg m = {.type = INIT_ENTERED};
	struct nono_error ne = {0};
	int slave = -1;

	prctl(PR_SET_NAME, "nono: init");
	if (nono_enter(cfg->spec, layers, &ne) < 0)
		init_fail(cfg, layers, true, ne.code, ne.msg);
	m.layers = *layers;
	if (init_send(cfg->sock, &m, -1) < 0)
		_exit(1);
	/* A tool's proxy starts when the listening socket comes. */
	if (cfg->listens && layers->net_ns && policy_opens_urls(&cfg->policy->network))
		init_send_ways(cfg, layers);
	if (cfg->proxy || cfg->listens)
		init_open_proxy_socket(cfg, layers);
	if (cfg->proxy && layers->net_ns && policy_opens_urls(&cfg->policy->network))
		init_send_ways(cfg, layers);
	if (layers->net_ns)
		in.maker = init_send_maker(cfg, layers);
	if (cfg->terminal) {
		char why[256];
		int master = init_open_pty(cfg, &slave, why, sizeof(why));
		if (master < 0)
			init_fail(cfg, layers, false, errno, why);
		m.type = INIT_PTY;
		if (init_send(cfg->sock, &m, master) < 0)
			_exit(1);
		close(master);
		if (cfg->tool && init_lend_terminal(cfg, slave) < 0)
			init_fail(cfg, layers, false, errno, "can't take the terminal");
	}
	if (nono_drop_capabilities(&ne) < 0)
		init_fail(cfg, layers, false, ne.code, ne.msg);
	if (!layers->pid_ns && prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		init_fail(cfg, layers, false, errno,
			  "can't become the reaper of the session's processes");
	in.sigfd = open_signals();
	if (in.sigfd < 0)
		init_fail(cfg, layers, false, errno, "can't make a signal descriptor");
	/* In a pid namespace our end is everybody's end; else everything below must be killed
	 * first. */
	prctl(PR_SET_PDEATHSIG, layers->pid_ns ? SIGKILL : SIGTERM);
	in.relay[0].from = in.relay[1].from = -1;
	if (cfg->tool && open_relays(&in, ends) < 0)
		init_fail(cfg, layers, false, errno, "can't make a pipe");
	in.agent = fork();
	if (in.agent < 0)
		init_fail(cfg, layers, false, errno, "can't fork");
	if (in.agent == 0)
		agent_main(cfg, layers, slave, ends);
	prctl(PR_SET_DUMPABLE, 0);
	/* Who reads or writes at the other end must see the program's end, not ours. */
	for (int i = 0; i < 2; i++) {
		if (ends[i] >= 0)
			close(ends[i]);
		else if (cfg->tool)
			close(cfg->tool->fds[i + 1]);
	}
	if (cfg->tool)
		close(cfg->tool->fds[0]);
	/* A tool's terminal is there for as long as its tree. */
	if (slave >= 0 && !cfg->tool)
		close(slave);
	close(cfg->gate);
	serve(&in);
}
