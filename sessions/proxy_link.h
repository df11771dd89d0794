/*
 * What the files of the proxy's side in the broker share.
 */
#ifndef NONO_SESSIONS_PROXY_LINK_H
#define NONO_SESSIONS_PROXY_LINK_H

#include "sessions/proxy.h"

#define WHO_MAX	   1024 /* connections whose program is not known yet */
#define HOSTS_MAX  512
#define DENIED_MAX 64

/* ---- hosts (proxy_hosts.c) ---------------------------------------------------------------- */

struct proxy_host {
	uint64_t hash;
	char name[NET_NAME_MAX];
	uint16_t port, status; /* of the last answer, 0 = none */
	uint64_t connections, requests, denied, errors;
	uint64_t bytes_in, bytes_out;
	uint64_t last_ns; /* CLOCK_REALTIME */
	char rule[128];	  /* of the last denial or error */
	char program[256];
};
struct proxy_hosts {
	struct proxy_host *v; /* HOSTS_MAX, touched only when used */
	size_t n;
};
/* Bounded: who was not heard of for longest goes. Allocates once. */
void proxy_hosts_note(struct proxy_hosts *h, const struct net_event *ev, const char *program);

/* ---- all of it ------------------------------------------------------------------------------ */

struct who {
	uint32_t id;
	uint16_t port;
	uint64_t until_ns;
};

struct proxy {
	struct proxy_config cfg;
	char token[65];
	char **phantoms; /* "ROUTE=stand-in" */
	pid_t pid;
	int fd;	    /* to it, -1 = gone */
	int err_fd; /* memory file: what it wrote to its standard error */
	uint16_t port;
	bool shared;
	/* In the loop. */
	uv_loop_t *loop;
	uv_poll_t poll;
	uv_timer_t timer;
	bool watched, ending, released;
	unsigned handles; /* not closed yet */
	struct elevation *elevation;
	struct audit_log *log;
	struct buf out; /* messages that found no room */
	struct who who[WHO_MAX];
	size_t n_who;
	struct proxy_hosts hosts;
	uint64_t denied[DENIED_MAX]; /* connections whose denial is known, by number */
};

/* nono-proxy's path (caller frees), and a file in memory that nobody can change any more: -1 with
 * err. */
char *proxy_program(struct err *err);
int proxy_sealed(const struct buf *b, struct err *err);
/* In a child of parent: is nono-proxy from now on. Its configuration, the socket or pipe to whoever
 * started it, the listening socket, standard error, ways back in (NET_FD_WAYS) or -1. */
_Noreturn void proxy_become(const char *program, const int fds[5], pid_t parent);

/* All but fork and exec: the descriptors (three) that proxy_become() wants, to be closed by the
 * caller, and its end in p. -1 with err. */
int proxy_make(struct proxy *p, uint16_t port, bool shared, int fds[3], struct err *err);
enum { PROXY_FD_CONFIG = 0, PROXY_FD_SOCKET, PROXY_FD_STDERR };
/* After proxy_end(), inside the loop: it goes when its handles are closed. */
void proxy_release(struct proxy *p);
/* One message of a proxy that is not served yet: 1 it is ready, 0 nothing yet, -1 with err. */
int proxy_hear(struct proxy *p, struct err *err);

/* ---- what happened (proxy_events.c) ---- */

#define PROXY_URL_MAX (NET_NAME_MAX + 1024 + 32)
void proxy_event(struct proxy *p, const struct net_event *ev);
/* Of a page, without its query. */
void proxy_url_of(const struct net_event *ev, char *url, size_t size);

/* Takes what is there; false when the other end is gone. */
bool proxy_read(struct proxy *p);
/* It is gone, for whatever reason. */
void proxy_lost(struct proxy *p);

#endif
