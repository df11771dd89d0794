/*
 * The session's init and its namespaces. Messages of it and of the program's process that confines
 * itself come in the order of ARCHITECTURE.md; a failure that one of them reports is an error here.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "sessions/broker.h"

#define STEP_TIMEOUT_MS 10000
#define END_TIMEOUT_MS	5000

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
	    .proxy = b->proxy,
	    .proxy_port = b->plan->policy->network.proxy_port,
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
	close(b->rt.tmp_fd);
	if (b->ready_fd >= 0)
		close(b->ready_fd);
	init_main(&cfg, &b->layers);
}

int broker_fork_init(struct broker *b, struct err *err)
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
int broker_await(struct broker *b, enum init_msg_type want, struct init_msg *m, int *fd,
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

int broker_make_spec(struct broker *b, struct err *err)
{
	policy_spec_free(b->spec_owner);
	b->spec_owner = NULL;
	if (policy_set_cap_file(b->plan->policy, b->rt.cap_file, err) < 0 ||
	    (b->proxy && policy_set_ca_file(b->plan->policy, b->rt.ca_file, err) < 0) ||
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
	return broker_fork_init(b, err);
}

/* Once more with a policy that holds without namespaces. */
static int start_without_namespaces(struct broker *b, const char *why, struct err *err)
{
	str_copy(b->why_no_namespaces, sizeof(b->why_no_namespaces), why);
	if (policy_without_namespaces(b->plan->policy, err) < 0 || broker_make_spec(b, err) < 0)
		return -1;
	b->spec.namespaces = NONO_SKIP;
	return start_again(b, err);
}

/* 0: entered; 1: init could not, *m says why; -1: anything else. */
static int await_entered(struct broker *b, struct init_msg *m, struct err *err)
{
	bool enter = false;

	if (broker_await(b, INIT_ENTERED, m, NULL, &enter, err) == 0) {
		b->layers = m->layers;
		return 0;
	}
	return enter ? 1 : -1;
}

/* Namespaces may be refused outright, or be made but not be used (AppArmor on Ubuntu), or be usable
 * but for a new /proc (containers that cover parts of theirs). */
int broker_enter_namespaces(struct broker *b, struct err *err)
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
