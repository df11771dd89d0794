/*
 * network - names, rules about them, and how broker and proxy talk. What is declared here is pure:
 * no sockets, no TLS; the proxy itself is a program of its own (network/proxy/, nono-proxy), so
 * that what parses hostile bytes holds no power but the network, and nono starts without libssl.
 *
 * Thread-safe unless it says otherwise; the rules do not change after they were made, except by
 * net_rules_allow() and net_rules_deny(), which the caller serialises.
 */
#ifndef NONO_NETWORK_H
#define NONO_NETWORK_H

#include "common/host.h"
#include "policy/network/network.h"

/* ---- rules ---------------------------------------------------------------------------------- */

/* Compiled: looked up by name without walking the list. Borrows the policy. */
struct net_rules;
struct net_rules *net_rules_new(const struct policy_network *n);
void net_rules_free(struct net_rules *r);

struct net_verdict {
	enum policy_net_action action;
	bool intercept; /* requests must be looked at: CONNECT alone does not get it further */
	const struct policy_domain *domain;	/* that decided, NULL = none is for it */
	const struct policy_endpoint *endpoint; /* that decided */
	const struct policy_route *route;	/* credentials go to it */
	const char *backend;			/* of an APPROVE: who is asked, NULL = as ever */
	unsigned timeout_s;			/* of an APPROVE; 0 = as configured */
	char rule[320];	      /* in words: "not listed", "denied: *.evil.com", "metadata service" */
	const char *category; /* of the reference: "host_denied", "endpoint_policy", NULL */
};
/* May host:port be connected to? Before its name is resolved. An unlisted host: DENY, or APPROVE
 * when the policy asks. */
void net_check_host(const struct net_rules *r, const struct net_host *h, uint16_t port,
		    struct net_verdict *v);
/* May this address, which the host's name led to, be used? named: by its address in the list. */
bool net_check_address(const struct net_rules *r, const struct net_host *h, int family,
		       const void *address, char *rule, size_t size);
/* May this request be made there? path as it stands in the request, without or with its query. */
void net_check_request(const struct net_rules *r, const struct net_host *h, uint16_t port,
		       const char *method, const char *path, size_t path_len,
		       struct net_verdict *v);
/* The same for a reverse route by name. */
const struct policy_route *net_route_find(const struct net_rules *r, const char *name, size_t n);
void net_check_route(const struct net_rules *r, const struct policy_route *route,
		     const char *method, const char *path, size_t path_len, struct net_verdict *v);
/* From now on allowed: an answer for the session. */
void net_rules_allow(struct net_rules *r, const struct net_host *h, uint16_t port);
/* From now on denied, at all ports, whatever lists it. After 1,024 of them every host is. */
void net_rules_deny(struct net_rules *r, const struct net_host *h);

/* ---- the proxy's configuration --------------------------------------------------------------- */

/* All that the proxy is told, as JSON in a sealed memory file on descriptor NET_FD_CONFIG. */
struct net_config {
	struct policy_network network;
	char token[65]; /* of the session: password of the proxy, hexadecimal */
	char session_id[40];
	bool check_peer; /* the listener is on the host's network: ask the broker who connects */
	char
	    *ca_bundle; /* file that gets the system's authorities and the session's; NULL = none */
	char *ca_cert, *ca_key;	  /* instead of one made for the session (nono proxy) */
	bool no_auth;		  /* nono proxy --no-auth */
	char *password;		  /* nono proxy --pass: instead of the token */
	unsigned max_connections; /* 0 = default */
	unsigned head_ms;	  /* for a request's head, from its first byte; 0 = default */
	char *log_path;		  /* nono proxy: a file, or "-" for stderr; NULL = no log */
	bool log_text;		  /* lines to read instead of JSON */
	char *resolver;		  /* "ADDRESS:PORT,..." instead of what resolv.conf says; NULL */
	/* "ROUTE=phantom": the stand-in that the agent got; made by whoever starts the proxy. */
	char **phantoms;
};
void net_config_free(struct net_config *c);
void net_config_to_json(const struct net_config *c, struct buf *out);
int net_config_parse(const char *json, size_t n, struct net_config *out, struct err *err);
/* The network part alone: what the cap file tells (no secrets, no phantoms), and nono why --self
 * reads. */
void net_policy_to_json(const struct policy_network *n, struct buf *out);
/* The same as a member "network" of an object that is there already (policy_to_json()). */
void net_policy_add(const struct policy_network *n, struct buf *policy);
int net_policy_parse(const char *json, size_t n, struct policy_network *out, struct err *err);

#define NET_FD_CONFIG 3
#define NET_FD_BROKER 4 /* SOCK_SEQPACKET; nono proxy: a pipe that gets a byte when it serves */
#define NET_FD_LISTEN 5 /* listening TCP socket, perhaps of another network namespace */
/* Unix socket with one message, or closed: SCM_RIGHTS, NET_WAYS unconnected TCP sockets of the
 * session's network namespace, half of them IPv6: what leads back in, for the answers to logins. */
#define NET_FD_WAYS 6
#define NET_WAYS    8

/* ---- broker and proxy -------------------------------------------------------------------------
 */

enum net_msg_type {
	NET_READY = 1, /* proxy: serves; port. Or FAILED with text */
	NET_FAILED,
	NET_EVENT, /* proxy: something happened; goes to the log. Never lost: the proxy takes no
		      more    work while the socket is full */
	NET_ASK,   /* proxy: waits for an answer to id; event holds what for */
	NET_DROP,  /* proxy: nobody waits for id any more */
	NET_WHO,   /* proxy: whose is the connection from peer_port? id */
	NET_OPEN_URL_UNUSED, /* keeps its number */
	NET_ANSWER = 64,     /* broker: to ASK: granted, scope */
	NET_PEER,	     /* broker: to WHO: pid, 0 = not the session's */
	NET_ALLOW,	     /* broker: host:port is allowed from now on */
	NET_QUIT,
	NET_DENY, /* broker: host is denied from now on; its tunnels and requests end */
};

enum net_mode {
	NET_MODE_CONNECT = 0,
	NET_MODE_INTERCEPT,
	NET_MODE_REVERSE,
	NET_MODE_FORWARD,
	NET_MODE_CALLBACK /* from the user's browser to a program of the session */
};
enum net_decision {
	NET_ALLOWED = 0,
	NET_DENIED,
	NET_APPROVE_REQUESTED,
	NET_APPROVE_GRANTED,
	NET_APPROVE_DENIED,
	NET_APPROVE_TIMEOUT,
	NET_APPROVE_ERROR,
};

#define NET_RULE_OPEN_URL "open_urls" /* the event is about a page for the user's browser */

/* A connection or request, printable ASCII in all strings, NUL-terminated, no secrets (queries are
 * cut or redacted). */
struct net_event {
	uint8_t mode, decision; /* enum net_mode, net_decision */
	uint8_t intercepted, websocket, http2,
	    ended; /* ended: the last word about it: bytes, duration count */
	uint16_t port, peer_port, status;
	uint64_t connection;	      /* number, counted from 1; shared by its requests */
	uint64_t bytes_in, bytes_out; /* to the agent, from the agent */
	uint64_t duration_us;
	uint64_t time_ns; /* CLOCK_REALTIME */
	char host[NET_NAME_MAX];
	char address[48]; /* pinned, "" if none */
	char method[24];
	char path[1024]; /* cut: "..." at its end */
	char route[64];
	char rule[320], reason[256];
	char category[40]; /* denial_category */
	char auth_mechanism[24], auth_outcome[12], injection[16];
};
struct net_msg {
	uint32_t type; /* enum net_msg_type */
	uint32_t id;
	int32_t pid;
	uint16_t port;
	uint8_t granted, scope; /* scope: 0 once, 1 session */
	uint32_t timeout_s;
	struct net_event event; /* EVENT, ASK */
	char text[512];		/* FAILED; ANSWER: why not; ASK: the backend, "" = as ever */
};
/* True if every string ends and every word is in its range: first thing after recv. */
bool net_msg_valid(const struct net_msg *m, size_t n);
const char *
net_mode_name(enum net_mode m); /* "connect", "connect_intercept", "reverse", "external"... */
const char *net_decision_name(enum net_decision d); /* "allow", "deny", "approve_requested", ... */

#endif
