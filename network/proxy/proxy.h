/*
 * The proxy's own parts, as its files see one another. All run on one loop, in one thread.
 */
#ifndef NONO_PROXY_PROXY_H
#define NONO_PROXY_PROXY_H

#include "network/network.h"
#include "network/proxy/exchange.h"
#include "network/proxy/stream.h"

#define PROXY_SCRATCH	      (256u << 10)
#define PROXY_CONNECTIONS     4096
#define PROXY_HEAD_MS	      30000	    /* for a head, from its first byte */
#define PROXY_KEEP_MS	      120000	    /* between requests */
#define PROXY_IDLE_MS	      (3600 * 1000) /* of a tunnel, or a body that stands still */
#define PROXY_HALF_CLOSED_MS  (300 * 1000)
#define PROXY_CONNECT_MS      20000
#define PROXY_UPSTREAM_IDLE_S 50

struct ares_channeldata;
struct h1_server;
struct h1_client;
struct h2_server;
struct h2_client;
struct tunnel;
struct callbacks;

/* ---- deadlines: coarse, many, cheap to move (deadline.c) ---- */

struct deadline {
	struct deadline *next, **prev; /* NULL prev: not set */
	uint64_t at_ms;
	void (*expired)(struct deadline *d);
};

struct link_message;
struct link {
	int fd; /* -1: no broker */
	uv_poll_t poll;
	bool polling_write;
	struct link_message *first, **last; /* could not be sent yet */
	uint32_t next_id;
	struct ask *asks;
	struct who *whos;
	FILE *log; /* without a broker */
};

struct proxy {
	struct stream_loop loop;
	struct net_config *config;
	struct net_rules *rules;
	struct credentials *credentials; /* NULL: no routes */
	struct tls *tls;
	struct link link;
	struct resolver *resolver;
	struct deadline *deadlines, *deadline_cursor;
	uv_timer_t tick;
	uv_poll_t listener;
	int listen_fd;
	uint16_t port;
	bool listening;
	struct deadline accept_again;
	struct h1_server *servers, *held; /* held: while the link is full */
	struct h2_server *h2_servers;
	struct h2_client *h2_clients; /* that take one more request */
	struct tunnel *tunnels;
	struct callbacks *callbacks; /* NULL: no way back into the session's network */
	struct pooled *pool;
	unsigned pool_n;
	unsigned connections, max_connections;
	uint64_t next_connection;
	char *scratch; /* PROXY_SCRATCH bytes for one read and what is done with it at once */
	char failure[256];
};

static inline uint64_t proxy_now_ms(const struct proxy *p)
{
	return uv_now(&p->loop.uv);
}
static inline uint64_t proxy_head_ms(const struct proxy *p)
{
	return p->config->head_ms ? p->config->head_ms : PROXY_HEAD_MS;
}
void deadline_start(struct proxy *p); /* the clock */
void deadline_set(struct proxy *p, struct deadline *d, uint64_t in_ms,
		  void (*expired)(struct deadline *d));
void deadline_clear(struct proxy *p, struct deadline *d);

/* ---- the broker (link.c) ---- */

/* fd -1: events go to log, which may be NULL. */
int link_start(struct proxy *p, int fd, FILE *log, struct err *err);
void link_send(struct proxy *p, const struct net_msg *m);
/* Into the log of a proxy that has no broker (log.c). */
void log_event(FILE *log, bool text, const struct net_event *e);
void link_event(struct proxy *p, const struct net_event *e);
static inline bool link_full(const struct proxy *p)
{
	return p->link.first;
}
/* A question that waits for an answer; cancelled with ask_drop(). */
struct ask {
	struct ask *next, **prev;
	uint32_t id;
	struct proxy *proxy;
	struct deadline deadline;
	enum net_decision decision; /* GRANTED, DENIED, TIMEOUT, ERROR */
	char why[256];
	void (*answered)(struct ask *a);
	void *data;
};
/* backend: who is to be asked, NULL = as ever. */
void ask_start(struct proxy *p, struct ask *a, const struct net_event *e, unsigned timeout_s,
	       const char *backend);
void ask_drop(struct ask *a);
struct who {
	struct who *next, **prev;
	uint32_t id;
	struct proxy *proxy;
	void (*answered)(struct who *w, int32_t pid);
	void *data;
};
void who_start(struct proxy *p, struct who *w, uint16_t peer_port);
void who_drop(struct who *w);

/* ---- names (resolve.c) ---- */

#define RESOLVED_MAX 16
struct resolved {
	size_t n;
	struct resolved_address {
		int family;
		unsigned char bytes[16];
	} v[RESOLVED_MAX];
};
struct resolve {
	struct resolve_query *query; /* NULL: not under way */
	/* why: NULL if it went well. */
	void (*done)(struct resolve *r, const struct resolved *a, const char *why);
	void *data;
};
/* Before confinement: reads resolv.conf and hosts. servers: "ADDRESS:PORT" instead, or NULL. */
int resolver_start(struct proxy *p, const char *servers, struct err *err);
void resolver_stop(struct proxy *p);
/* done may be called before it returns. */
void resolve_start(struct proxy *p, const char *name, struct resolve *r);
void resolve_cancel(struct resolve *r);

/* ---- connections upstream (dial.c, pool.c) ---- */

#define DIAL_TRIES 3 /* connects at the same time */
struct dial {
	struct proxy *proxy;
	struct net_host host;
	uint16_t port;
	bool tls;			  /* on top, with the certificate checked */
	bool http2;			  /* offer it */
	bool granted;			  /* by a person, under this name: it may be this machine */
	const struct policy_route *route; /* its authorities and certificate */
	/* s: connected, or NULL: status and what follows say why not. */
	void (*done)(struct dial *d, struct stream *s);
	void *data;
	char address[48]; /* that was taken */
	unsigned status;
	const char *category;
	char rule[320], reason[256];
	bool through_proxy;
	/* private */
	bool running;
	struct resolve resolve;
	struct resolved addresses;
	size_t next;
	struct dial_try {
		struct dial *dial;
		struct stream *stream;
		size_t address;
	} tries[DIAL_TRIES];
	struct deadline stagger, limit;
	struct stream *stream; /* connected; CONNECT or TLS under way */
	struct buf in, out;
};
void dial_start(struct proxy *p, struct dial *d);
void dial_cancel(struct dial *d);
bool dial_goes_through_proxy(const struct proxy *p, const struct net_host *h);

/* Connections that wait for the next request, by where they lead. */
struct pool_key {
	struct net_host host;
	uint16_t port;
	bool tls;
	const struct policy_route *route;
};
struct h1_client *pool_get(struct proxy *p, const struct pool_key *key);
void pool_put(struct proxy *p, struct h1_client *c);
void pool_forget(struct proxy *p, struct h1_client *c); /* it closed */

struct h1_client *h1_client_new(struct proxy *p, struct stream *s, const struct pool_key *key,
				const char *address);
const struct pool_key *h1_client_key(const struct h1_client *c);
const char *h1_client_address(const struct h1_client *c);
bool h1_client_idle(struct h1_client *c); /* open, and nothing came that nobody asked for */
void h1_client_attach(struct h1_client *c, struct exchange *x); /* sets x->up */
void h1_client_close(struct h1_client *c);

/* ---- connections of clients ---- */

int listener_start(struct proxy *p, struct err *err);
void listener_update(struct proxy *p); /* after connections, or the link, changed */

/* origin: copied, NULL for the proxy's own port. Takes s. */
void h1_server_start(struct proxy *p, struct stream *s, const struct exchange_origin *origin,
		     uint16_t peer_port, uint64_t connection);
void h1_server_go_on(struct proxy *p); /* those that were held back */

/* Bytes both ways until both ends are through. Takes both streams and the event, which is sent with
 * the counts. sni_host: a ClientHello in what the client sends must be for it, NULL = no matter. */
struct tunnel *tunnel_start(struct proxy *p, struct stream *client, struct stream *server,
			    const struct net_event *event, uint64_t started_ns,
			    const char *sni_host);
/* Ends those that lead to this host. */
void tunnel_end_host(struct proxy *p, const char *name, const char *why);
/* The same, and the requests that are on their way there (deny.c). */
void deny_host(struct proxy *p, const char *host, const char *why);
/* Called when it is over, its streams closed. */
void tunnel_on_end(struct tunnel *t, void (*ended)(void *data), void *data);

/* ---- answers to logins, from the user's browser into the session (callback.c) ---- */

#define CALLBACK_MS (10 * 60 * 1000) /* how long a port leads into the session */
/* Takes the sockets out of fd (NET_FD_WAYS). */
void callback_start(struct proxy *p, int fd);
bool callback_possible(const struct proxy *p);
/* The port leads there already, and does for longer now. */
bool callback_renew(struct proxy *p, uint16_t port);
/* Takes fds, listening at the port; -1 = none. site: for the log. */
void callback_listen(struct proxy *p, uint16_t port, const int fds[2], const char *site);

#endif
