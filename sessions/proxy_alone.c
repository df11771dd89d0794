/* The network proxy without a session (nono proxy): for programs that something else confines. */
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "sessions/proxy_link.h"
#include "sessions/runtime.h"

#define BACKLOG 4096

struct alone {
	const struct proxy_alone *o;
	struct proxy *proxy; /* token and stand-ins; no process of its own */
	char *address;	     /* as it stands in URLs */
	char *ca_file;
	uint16_t port;
	pid_t pid;
	int ready, signals;
};

/* ---- the listening socket ------------------------------------------------------------------- */

static bool is_loopback(const struct addrinfo *a)
{
	if (a->ai_family == AF_INET)
		return ntohl(((struct sockaddr_in *)(void *)a->ai_addr)->sin_addr.s_addr) >> 24 ==
		       127;
	return IN6_IS_ADDR_LOOPBACK(&((struct sockaddr_in6 *)(void *)a->ai_addr)->sin6_addr);
}

static int open_listener(struct alone *s, const struct addrinfo *a, struct err *err)
{
	_cleanup_close_ int fd =
	    socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_storage at;
	socklen_t n = sizeof(at);
	int one = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(fd, a->ai_addr, a->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &n) < 0)
		return err_errno(err, errno, "can't listen on port %u of %s", s->o->port,
				 s->o->listen);
	/* The port is at the same place for both families. */
	s->port = ntohs(((struct sockaddr_in *)(void *)&at)->sin_port);
	return STEAL_FD(fd);
}

static int make_listener(struct alone *s, struct err *err)
{
	const struct addrinfo want = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
				      .ai_socktype = SOCK_STREAM};
	struct addrinfo *a = NULL;
	char port[8];
	int fd = -1;

	snprintf(port, sizeof(port), "%u", s->o->port);
	if (getaddrinfo(s->o->listen, port, &want, &a) != 0 || !a)
		return err_usage(err, "--listen '%.100s' is no address of this machine",
				 s->o->listen);
	if (s->o->no_auth && !is_loopback(a))
		err_usage(err,
			  "--no-auth on %.100s would let every machine near use the proxy and its "
			  "credentials: only a loopback address may be without a password",
			  s->o->listen);
	else
		fd = open_listener(s, a, err);
	s->address =
	    a->ai_family == AF_INET6 ? xasprintf("[%s]", s->o->listen) : xstrdup(s->o->listen);
	freeaddrinfo(a);
	return fd;
}

/* ---- the proxy's process -------------------------------------------------------------------- */

static int make_config(const struct alone *s, struct err *err)
{
	const struct proxy_alone *o = s->o;
	_cleanup_(buf_free) struct buf b = {0};
	struct net_config c = {.network = o->policy->network,
			       .ca_bundle = s->ca_file,
			       .ca_cert = (char *)(uintptr_t)o->ca_cert,
			       .ca_key = (char *)(uintptr_t)o->ca_key,
			       .no_auth = o->no_auth,
			       .password = (char *)(uintptr_t)o->password,
			       .max_connections = o->max_connections,
			       .phantoms = s->proxy->phantoms};
	int fd;

	c.log_path = (char *)(uintptr_t)(o->log ? o->log : o->silent ? NULL : "-");
	c.log_text = !o->log;
	str_copy(c.token, sizeof(c.token), s->proxy->token);
	str_copy(c.session_id, sizeof(c.session_id), "proxy");
	net_config_to_json(&c, &b);
	fd = proxy_sealed(&b, err);
	explicit_bzero(b.data, b.len);
	explicit_bzero(c.token, sizeof(c.token));
	return fd;
}

static int start(struct alone *s, int listener, struct err *err)
{
	_cleanup_free_ char *program = proxy_program(err);
	_cleanup_close_ int config = program ? make_config(s, err) : -1, theirs = -1;
	pid_t parent = getpid();
	int ready[2];

	if (config < 0)
		return -1;
	if (pipe2(ready, O_CLOEXEC) < 0)
		return err_errno(err, errno, "can't make a pipe");
	s->ready = ready[0];
	theirs = ready[1];
	s->pid = fork();
	if (s->pid < 0)
		return err_errno(err, errno, "can't start the network proxy");
	if (s->pid == 0)
		proxy_become(program, (const int[]){config, theirs, listener, STDERR_FILENO, -1},
			     parent);
	return 0;
}

static int say_ready(struct alone *s, struct err *err)
{
	size_t n = proxy_variables(s->proxy, s->port, NULL);
	char **v = xcalloc(n + 1, sizeof(*v));
	int rc;

	proxy_variables(s->proxy, s->port, v);
	rc = s->o->ready(s->o->data, v, s->port, err);
	for (size_t i = 0; i < n; i++)
		explicit_bzero(v[i], strlen(v[i]));
	strv_free(v);
	return rc;
}

/* It said why on standard error. */
static int ended(struct alone *s, bool served, struct err *err)
{
	int status = 0;

	while (waitpid(s->pid, &status, 0) < 0 && errno == EINTR)
		;
	s->pid = 0;
	if (WIFSIGNALED(status))
		return err_set(err, "the network proxy was ended by signal %d", WTERMSIG(status));
	return err_set(err,
		       served ? "the network proxy ended with %d"
			      : "the network proxy did not start (%d)",
		       WEXITSTATUS(status));
}

static int serve(struct alone *s, struct err *err)
{
	bool served = false;

	for (;;) {
		struct pollfd p[] = {{.fd = s->ready, .events = POLLIN},
				     {.fd = s->signals, .events = POLLIN}};
		char byte;

		if (poll(p, ARRAY_LEN(p), -1) < 0 && errno != EINTR)
			return err_errno(err, errno, "poll");
		if (p[0].revents && read(s->ready, &byte, 1) == 1) {
			served = true;
			if (say_ready(s, err) < 0)
				return -1;
		} else if (p[0].revents) {
			close(s->ready); /* closed by it, after it said so or at its end */
			s->ready = -1;
			if (!served)
				return ended(s, served, err);
		}
		if (p[1].revents) {
			struct signalfd_siginfo si;

			if (read(s->signals, &si, sizeof(si)) != (ssize_t)sizeof(si))
				continue;
			if (si.ssi_signo != SIGCHLD)
				return 0;
			if (waitpid(s->pid, NULL, WNOHANG | WNOWAIT) != 0)
				return ended(s, served, err);
		}
	}
}

static int open_signals(sigset_t *before, struct err *err)
{
	static const int which[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD};
	sigset_t set;
	int fd;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_LEN(which); i++)
		sigaddset(&set, which[i]);
	sigprocmask(SIG_BLOCK, &set, before);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? err_errno(err, errno, "signalfd") : fd;
}

static void end(struct alone *s)
{
	if (s->pid > 0) {
		kill(s->pid, SIGKILL); /* it has nothing to put away */
		waitpid(s->pid, NULL, 0);
	}
	if (s->ca_file)
		unlink(s->ca_file);
	if (s->ready >= 0)
		close(s->ready);
	if (s->signals >= 0)
		close(s->signals);
	proxy_free(s->proxy);
	free(s->ca_file);
	free(s->address);
}

int proxy_alone(const struct proxy_alone *o, struct err *err)
{
	struct alone s = {.o = o, .ready = -1, .signals = -1};
	_cleanup_close_ int listener = make_listener(&s, err), ca = -1;
	struct proxy_config cfg = {.policy = o->policy,
				   .address = s.address,
				   .password = o->password,
				   .no_auth = o->no_auth};
	sigset_t before;
	int rc = -1;

	if (listener >= 0)
		ca = runtime_proxy_ca_file(&s.ca_file, err);
	if (ca >= 0) {
		o->policy->ca_file = xstrdup(s.ca_file); /* where proxy_variables() reads it */
		s.proxy = proxy_new(&cfg);
		s.signals = open_signals(&before, err);
		if (s.signals >= 0 && start(&s, listener, err) == 0)
			rc = serve(&s, err);
		sigprocmask(SIG_SETMASK, &before, NULL);
	}
	end(&s);
	return rc;
}
