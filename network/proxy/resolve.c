/*
 * Names to addresses with c-ares. The hosts file is read before there are no files anymore; the
 * name asked for is the name that was judged: no search list.
 */
#include "network/proxy/proxy.h"

#include <ares.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <strings.h>

#define HOSTS_FILE_MAX (4u << 20)
#define SOCKETS	       16

struct host_line {
	struct resolved_address address;
	char *name;
};
struct watched {
	struct resolver *resolver;
	uv_poll_t *poll; /* freed by its close callback */
	ares_socket_t fd;
};
struct resolver {
	struct proxy *proxy;
	ares_channel channel;
	uv_timer_t timer;
	struct watched sockets[SOCKETS];
	struct host_line *hosts;
	size_t n_hosts;
};
struct resolve_query {
	struct resolve *resolve; /* NULL: cancelled */
};

/* ---- the hosts file ---- */

static bool parse_address(const char *s, struct resolved_address *out)
{
	out->family = strchr(s, ':') ? AF_INET6 : AF_INET;
	return inet_pton(out->family, s, out->bytes) == 1;
}

static void add_host(struct resolver *r, const struct resolved_address *a, const char *name)
{
	r->hosts = xrealloc_array(r->hosts, r->n_hosts + 1, sizeof(*r->hosts));
	r->hosts[r->n_hosts++] = (struct host_line){*a, xstrdup(name)};
}

static void read_hosts(struct resolver *r)
{
	_cleanup_free_ char *text = file_read("/etc/hosts", HOSTS_FILE_MAX, NULL, NULL);
	char *line_save = NULL;

	for (char *line = text ? strtok_r(text, "\n", &line_save) : NULL; line;
	     line = strtok_r(NULL, "\n", &line_save)) {
		struct resolved_address a = {0};
		char *save = NULL, *word;

		line[strcspn(line, "#")] = '\0';
		word = strtok_r(line, " \t\r", &save);
		if (!word || !parse_address(word, &a))
			continue;
		while ((word = strtok_r(NULL, " \t\r", &save)))
			add_host(r, &a, word);
	}
}

/* RFC 6761: never asked of anybody. */
static bool is_localhost(const char *name)
{
	return !strcasecmp(name, "localhost") || str_ends(name, ".localhost");
}

static void from_hosts(const struct resolver *r, const char *name, struct resolved *out)
{
	for (size_t i = 0; i < r->n_hosts && out->n < RESOLVED_MAX; i++)
		if (!strcasecmp(r->hosts[i].name, name))
			out->v[out->n++] = r->hosts[i].address;
	if (!out->n && is_localhost(name)) {
		out->v[0].family = AF_INET;
		memcpy(out->v[0].bytes, "\x7f\0\0\1", 4);
		out->v[1].family = AF_INET6;
		memcpy(out->v[1].bytes, &in6addr_loopback, 16);
		out->n = 2;
	}
}

/* ---- c-ares on the loop ---- */

static void on_poll(uv_poll_t *h, int status, int events)
{
	struct watched *w = h->data;
	ares_socket_t read_fd = ARES_SOCKET_BAD, write_fd = ARES_SOCKET_BAD;

	if (status < 0 || (events & UV_READABLE))
		read_fd = w->fd;
	if (status < 0 || (events & UV_WRITABLE))
		write_fd = w->fd;
	ares_process_fd(w->resolver->channel, read_fd, write_fd);
}

static void on_timer(uv_timer_t *t)
{
	ares_process_fd(((struct resolver *)t->data)->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

static void free_poll(uv_handle_t *h)
{
	free(h);
}

static struct watched *find_socket(struct resolver *r, ares_socket_t fd)
{
	struct watched *unused = NULL;

	for (size_t i = 0; i < SOCKETS; i++) {
		if (r->sockets[i].poll && r->sockets[i].fd == fd)
			return &r->sockets[i];
		if (!r->sockets[i].poll)
			unused = &r->sockets[i];
	}
	return unused;
}

static void on_socket(void *data, ares_socket_t fd, int readable, int writable)
{
	struct resolver *r = data;
	struct watched *w = find_socket(r, fd);

	if (!w)
		return; /* the query runs into its timeout */
	if (!readable && !writable) {
		if (w->poll)
			uv_close((uv_handle_t *)w->poll, free_poll);
		w->poll = NULL;
		return;
	}
	if (!w->poll) {
		uv_poll_t *poll = xcalloc(1, sizeof(*poll));

		if (uv_poll_init(&r->proxy->loop.uv, poll, fd) < 0) {
			free(poll);
			return;
		}
		*w = (struct watched){r, poll, fd};
		poll->data = w;
	}
	uv_poll_start(w->poll, (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0),
		      on_poll);
}

int resolver_start(struct proxy *p, const char *servers, struct err *err)
{
	struct resolver *r = xcalloc(1, sizeof(*r));
	struct ares_options o = {.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES,
				 .timeout = 2000,
				 .tries = 3,
				 .lookups = (char *)"b",
				 .sock_state_cb = on_socket,
				 .sock_state_cb_data = r};
	int rc = ares_library_init(ARES_LIB_INIT_ALL);

	r->proxy = p;
	p->resolver = r;
	if (!rc)
		rc = ares_init_options(&r->channel, &o,
				       ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
					   ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB);
	if (!rc && servers)
		rc = ares_set_servers_ports_csv(r->channel, servers);
	if (rc)
		return err_set(err, "Starting the resolver: %s", ares_strerror(rc));
	uv_timer_init(&p->loop.uv, &r->timer);
	r->timer.data = r;
	read_hosts(r);
	return 0;
}

void resolver_stop(struct proxy *p)
{
	struct resolver *r = p->resolver;

	if (!r)
		return;
	if (r->channel) {
		ares_destroy(r->channel);
		uv_close((uv_handle_t *)&r->timer, NULL);
		uv_run(&p->loop.uv, UV_RUN_NOWAIT);
	}
	for (size_t i = 0; i < r->n_hosts; i++)
		free(r->hosts[i].name);
	free(r->hosts);
	free(r);
	p->resolver = NULL;
}

/* ---- queries ---- */

static void on_answer(void *data, int status, _unused_ int timeouts, struct ares_addrinfo *info)
{
	struct resolve_query *q = data;
	struct resolve *r = q->resolve;
	struct resolved out = {0};

	free(q);
	for (struct ares_addrinfo_node *n = info ? info->nodes : NULL; n && out.n < RESOLVED_MAX;
	     n = n->ai_next) {
		struct resolved_address *a = &out.v[out.n];

		a->family = n->ai_family;
		if (n->ai_family == AF_INET)
			memcpy(a->bytes, &((struct sockaddr_in *)(void *)n->ai_addr)->sin_addr, 4);
		else if (n->ai_family == AF_INET6)
			memcpy(a->bytes, &((struct sockaddr_in6 *)(void *)n->ai_addr)->sin6_addr,
			       16);
		else
			continue;
		out.n++;
	}
	if (info)
		ares_freeaddrinfo(info);
	if (!r)
		return;
	r->query = NULL;
	r->done(r, &out, status ? ares_strerror(status) : out.n ? NULL : "no address");
}

void resolve_start(struct proxy *p, const char *name, struct resolve *r)
{
	struct resolver *resolver = p->resolver;
	struct ares_addrinfo_hints hints = {
	    .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = ARES_AI_NOSORT};
	struct resolved known = {0};

	from_hosts(resolver, name, &known);
	if (known.n) {
		r->done(r, &known, NULL);
		return;
	}
	struct resolve_query *q = xcalloc(1, sizeof(*q));
	q->resolve = r;
	r->query = q;
	if (!uv_is_active((uv_handle_t *)&resolver->timer))
		uv_timer_start(&resolver->timer, on_timer, 250, 250);
	ares_getaddrinfo(resolver->channel, name, NULL, &hints, on_answer, q);
}

void resolve_cancel(struct resolve *r)
{
	if (r->query)
		r->query->resolve = NULL;
	r->query = NULL;
}
