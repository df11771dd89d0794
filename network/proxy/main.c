/*
 * nono-proxy: the only road out of a session. Told what to do on descriptor 3; serves what comes to
 * the listening socket on 5; talks with the broker on 4, or writes lines where there is none (nono
 * proxy). All files are read before it confines itself.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "network/proxy/proxy.h"
#include "network/tls/tls.h"
#include "sandbox/nono.h"

#define CONFIG_MAX (8u << 20)
#define SWEEP_MS   5000

static bool is_a(int fd, mode_t type)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == type;
}

static int read_config(struct net_config *c, struct err *err)
{
	struct stat st;
	_cleanup_free_ char *text = NULL;
	ssize_t n;
	int rc;

	if (fstat(NET_FD_CONFIG, &st) < 0 || st.st_size <= 0 || st.st_size > CONFIG_MAX)
		return err_usage(err, "nono-proxy is started by nono, with its configuration on "
				      "descriptor 3");
	text = xcalloc(1, (size_t)st.st_size + 1);
	n = read_full(NET_FD_CONFIG, text, (size_t)st.st_size);
	if (n < 0)
		return err_errno(err, errno, "Reading the configuration");
	rc = net_config_parse(text, (size_t)n, c, err);
	explicit_bzero(text, (size_t)st.st_size);
	close(NET_FD_CONFIG);
	return rc;
}

static void more_descriptors(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur < l.rlim_max) {
		l.rlim_cur = l.rlim_max > 65536 ? 65536 : l.rlim_max;
		setrlimit(RLIMIT_NOFILE, &l);
	}
}

static unsigned connections_limit(const struct net_config *c)
{
	struct rlimit l;
	unsigned max = c->max_connections ? c->max_connections : PROXY_CONNECTIONS;

	/* Two sockets each, and some for names and pipes. */
	if (getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur > 128 && max > (l.rlim_cur - 64) / 2)
		max = (unsigned)((l.rlim_cur - 64) / 2);
	return max;
}

static uint16_t listening_port(int fd)
{
	struct sockaddr_storage a;
	socklen_t n = sizeof(a);

	if (getsockname(fd, (struct sockaddr *)&a, &n) < 0)
		return 0;
	if (a.ss_family == AF_INET)
		return ntohs(((struct sockaddr_in *)(void *)&a)->sin_port);
	return ntohs(((struct sockaddr_in6 *)(void *)&a)->sin6_port);
}

struct running {
	struct proxy p;
	struct net_config config;
	uv_poll_t keys;
	uv_timer_t sweep;
};

static void on_keys(uv_poll_t *h, _unused_ int status, _unused_ int events)
{
	struct proxy *p = h->data;

	credentials_dispatch(p->credentials);
	/* It ended, and its descriptor is closed: the number is another's from now on. */
	if (credentials_fd(p->credentials) < 0)
		uv_poll_stop(h);
}

static void on_sweep(uv_timer_t *t)
{
	credentials_sweep(((struct proxy *)t->data)->credentials);
}

static int start_credentials(struct running *r, struct err *err)
{
	struct proxy *p = &r->p;
	int fd, rc;

	fd = credentials_fd(p->credentials);
	if (fd < 0)
		return 0;
	rc = uv_poll_init(&p->loop.uv, &r->keys, fd);
	if (rc < 0)
		return err_set(err, "Watching the keys process: %s", uv_strerror(rc));
	r->keys.data = r->sweep.data = p;
	uv_poll_start(&r->keys, UV_READABLE, on_keys);
	uv_timer_init(&p->loop.uv, &r->sweep);
	uv_timer_start(&r->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
	return 0;
}

static int open_log(const struct net_config *c, FILE **out, struct err *err)
{
	if (!c->log_path)
		return 0;
	*out = !strcmp(c->log_path, "-") ? stderr : fopen(c->log_path, "ae");
	return *out ? 0 : err_errno(err, errno, "Opening the log %s", c->log_path);
}

/* Everything that needs files, processes or rights. */
static int start(struct running *r, bool broker, struct err *err)
{
	struct proxy *p = &r->p;
	struct tls_options tls = {.user_ca_file = getenv("SSL_CERT_FILE")};
	struct nono_error confined;
	FILE *log = NULL;

	if (read_config(&r->config, err) < 0 || open_log(&r->config, &log, err) < 0)
		return -1;
	p->config = &r->config;
	/* First: the keys process has nothing of what follows. */
	p->credentials = credentials_start(&r->config, err);
	if (!p->credentials)
		return -1;
	if (stream_loop_init(&p->loop, err) < 0 ||
	    link_start(p, broker ? NET_FD_BROKER : -1, log, err) < 0)
		return -1;
	p->rules = net_rules_new(&r->config.network);
	p->max_connections = connections_limit(&r->config);
	p->scratch = xcalloc(1, PROXY_SCRATCH);
	p->tls = tls_new(&r->config, &tls, err);
	if (!p->tls)
		return -1;
	if (resolver_start(p, r->config.resolver, err) < 0 || start_credentials(r, err) < 0)
		return -1;
	p->port = listening_port(p->listen_fd);
	if (nono_confine_proxy(&confined) < 0)
		return err_set(err, "%s", confined.msg);
	deadline_start(p);
	return listener_start(p, err);
}

static void say_ready(struct proxy *p, bool pipe)
{
	struct net_msg m = {.type = NET_READY, .port = p->port};

	link_send(p, &m);
	if (pipe) {
		(void)!write(NET_FD_BROKER, "", 1);
		close(NET_FD_BROKER);
	}
}

static void say_failed(bool broker, const struct err *err)
{
	struct net_msg m = {.type = NET_FAILED};

	str_copy(m.text, sizeof(m.text), err->msg);
	if (broker)
		(void)!send(NET_FD_BROKER, &m, sizeof(m), MSG_NOSIGNAL);
	else
		fprintf(stderr, "nono-proxy: %s\n", err->msg);
}

int main(void)
{
	struct running *r = xcalloc(1, sizeof(*r));
	bool broker = is_a(NET_FD_BROKER, S_IFSOCK), pipe = is_a(NET_FD_BROKER, S_IFIFO);
	struct err err = {0};

	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_DUMPABLE, 0);
	umask(077);
	more_descriptors();
	r->p.listen_fd = NET_FD_LISTEN;
	r->p.link.fd = -1;
	if (!is_a(NET_FD_LISTEN, S_IFSOCK))
		err_usage(&err, "nono-proxy is started by nono, with a listening socket on "
				"descriptor 5");
	else if (fd_set_nonblock(NET_FD_LISTEN, true) < 0)
		err_errno(&err, errno, "Using the listening socket");
	/* Whatever else was left open is not its business. */
	close_range(NET_FD_WAYS + 1, ~0u, 0);
	if (broker && is_a(NET_FD_WAYS, S_IFSOCK))
		callback_start(&r->p, NET_FD_WAYS);
	close(NET_FD_WAYS);
	for (int fd = NET_FD_CONFIG; fd <= NET_FD_LISTEN; fd++)
		fd_set_cloexec(fd, true);
	if (err.msg[0] || start(r, broker, &err) < 0) {
		say_failed(broker, &err);
		return err.cls == ERR_USAGE ? 2 : 1;
	}
	say_ready(&r->p, pipe);
	uv_run(&r->p.loop.uv, UV_RUN_DEFAULT);
	/* The kernel takes the rest; secrets are wiped. */
	credentials_free(r->p.credentials);
	return r->p.failure[0] ? 1 : 0;
}
