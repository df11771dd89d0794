/*
 * proxy - the session's way to names: a process of its own (network/network.h) that alone reaches
 * the network for the program. It is started beside the session, before the broker gives up rights,
 * and gets its listening socket from init, out of the session's own network.
 *
 *   proxy_new()    token and stand-ins, before init exists (the program's variables need them)
 *   proxy_start()  fork and exec; proxy_await() it serves
 *   proxy_serve()  in the broker's loop: who connects, what happened, what must be asked
 *   proxy_end()    its last words, then its end
 *
 * It dies: the program has no network. The broker dies: the kernel kills it.
 */
#ifndef NONO_SESSIONS_PROXY_H
#define NONO_SESSIONS_PROXY_H

#include <cjson/cJSON.h>
#include <uv.h>

#include "audit/audit.h"
#include "elevation/elevation.h"
#include "network/network.h"

struct proxy_config {
	const struct policy *policy;
	const char *id;
	const char *ca_file; /* as the proxy finds it */
	const char *ca_as;   /* the same file as the program finds it; NULL = by the policy */
	/* Who is asked in place of the session's people, with the answer by proxy_answered(): as
	 * elevation_ask_net(). NULL: they are. */
	int (*ask)(void *asks, const struct net_ask *a, uint32_t id, struct err *err);
	void (*drop)(void *asks, uint32_t id); /* nobody waits for it any more */
	void *asks;
	const char *address;  /* that programs find it at, NULL = 127.0.0.1 */
	const char *password; /* instead of the token: no secret of a session; NULL */
	bool no_auth;
	void (*changed)(void *data); /* counters moved */
	void *data;
};

struct proxy;
struct proxy *proxy_new(const struct proxy_config *cfg);
void proxy_free(struct proxy *p);

/* proxy_env.c: what the program gets, for the one port that is known by now. extra NULL: only how
 * many; else strings of the caller's. */
size_t proxy_variables(const struct proxy *p, uint16_t port, char **extra);
/* The program does not inherit this: a secret that has a stand-in. */
bool proxy_hides(const struct proxy *p, const char *var);

/* listen_fd is taken over. shared: it is on the host's network, where others can connect, too. */
int proxy_start(struct proxy *p, int listen_fd, int ways_fd, uint16_t port, bool shared,
		struct err *err);
int proxy_await(struct proxy *p, struct err *err);
uint16_t proxy_port(const struct proxy *p);

int proxy_serve(struct proxy *p, uv_loop_t *loop, struct elevation *e, struct audit_log *log,
		struct err *err);
/* The answer to elevation_ask_net(). */
void proxy_answered(struct proxy *p, uint64_t id, bool granted, enum request_scope scope,
		    const char *why);
/* A host is allowed from now on. */
void proxy_allow(struct proxy *p, const char *host, uint16_t port);
/* The same the other way, for all its ports; what leads there ends. */
void proxy_deny(struct proxy *p, const char *host, uint16_t port);
/* A child of the broker was reaped. */
void proxy_reaped(struct proxy *p, pid_t pid);
void proxy_end(struct proxy *p);

/* ---- without a session (proxy_alone.c) ------------------------------------------------------- */

struct proxy_alone {
	struct policy *policy; /* gets the file of authorities */
	const char *listen;    /* address of this machine */
	uint16_t port;	       /* 0 = any */
	const char *password;  /* NULL = one is made */
	bool no_auth;
	unsigned max_connections;
	const char *ca_cert, *ca_key; /* files (PEM), NULL = made */
	const char *log; /* file for lines of JSON, "-" = standard error; NULL = lines to
			    read, on standard error */
	bool silent;	 /* no lines to read */
	/* It serves: variables as "NAME=value", NULL-terminated. -1 ends it. */
	int (*ready)(void *data, char *const *variables, uint16_t port, struct err *err);
	void *data;
};
/* Serves until SIGINT, SIGTERM or SIGHUP, or until the proxy ends. 0, or -1 with err. */
int proxy_alone(const struct proxy_alone *o, struct err *err);

/* Hosts and what went there: array, most recent first. */
cJSON *proxy_hosts_json(const struct proxy *p);

#endif
