/*
 * network - names, rules about them, and how broker and proxy talk. What is declared here is pure:
 * no sockets, no TLS; the proxy itself is a program of its own (network/proxy/, nono-proxy), so
 * that what parses hostile bytes holds no power but the network, and nono starts without libssl.
 *
 * Thread-safe unless it says otherwise; the rules do not change after they were made, except by
 * net_rules_allow(), which the caller serialises.
 */
#ifndef NONO_NETWORK_H
#define NONO_NETWORK_H

#include "common/common.h"
#include "policy/network.h"

/* ---- names ---------------------------------------------------------------------------------- */

#define NET_NAME_MAX 254 /* with the NUL: RFC 1035 2.3.4 without the trailing dot */

/* A host as rules see it: ASCII letters small, no trailing dot; addresses as inet_ntop(3) writes
 * them, IPv4-mapped IPv6 as IPv4. */
struct net_host {
	char name[NET_NAME_MAX];
	bool is_address;
	int family; /* AF_INET, AF_INET6 of an address */
	unsigned char address[16];
};
/* Refuses what could mean one thing to us and another to a resolver or server: bytes outside of
 * letters, digits, '-', '.', '_'; empty labels; addresses in octal, hexadecimal, short or integer
 * form; zone ids; percent-escapes. Names outside ASCII must come as punycode. Brackets of IPv6 are
 * taken. */
int net_host_parse(const char *s, size_t n, struct net_host *out, struct err *err);
/* "host", "host:port", "[v6]:port"; *port stays if there is none. */
int net_authority_parse(const char *s, size_t n, struct net_host *out, uint16_t *port,
			struct err *err);
/* "scheme://host[:port][/path]"; path points into s. No user info, no fragment. */
struct net_url {
	char scheme[8]; /* "http", "https", "ws", "wss" */
	struct net_host host;
	uint16_t port;	  /* the scheme's if none is written */
	const char *path; /* "/..." or "" */
};
int net_url_parse(const char *s, struct net_url *out, struct err *err);
/* A name as lists write it ("Example.com", "*.example.com", ".example.com", "*"), made canonical.
 */
int net_pattern_parse(const char *s, char out[NET_NAME_MAX], struct err *err);
bool net_pattern_matches(const char *pattern, const char *name);

enum net_address_kind {
	NET_ADDRESS_PUBLIC = 0,
	NET_ADDRESS_LOOPBACK,
	NET_ADDRESS_PRIVATE,	/* RFC 1918, 6598, ULA, benchmark, documentation */
	NET_ADDRESS_LINK_LOCAL, /* 169.254/16, fe80::/10, and the clouds' metadata addresses: never
				 */
	NET_ADDRESS_INVALID,	/* unspecified, multicast, broadcast, reserved: never */
};
/* address: 4 or 16 bytes. Embedded IPv4 (mapped, 6to4, NAT64, Teredo) is looked at as well. */
enum net_address_kind net_address_kind(int family, const void *address);

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

/* Percent-escapes of unreserved letters decoded once, "." and ".." and "//" resolved, query cut
 * off. -1 if it is ambiguous (escaped '/', '\', NUL, '%', "..;", control characters): such a
 * request is refused where rules are about paths. RFC 3986 6.2.2. */
int net_path_normal(const char *path, size_t n, char *out, size_t size);
bool net_path_matches(const char *glob, const char *path);

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
	char *log_path;		  /* for -v of nono proxy: a file, or "-" for stderr; NULL */
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
int net_policy_parse(const char *json, size_t n, struct policy_network *out, struct err *err);

#define NET_FD_CONFIG 3
#define NET_FD_BROKER 4 /* SOCK_SEQPACKET; absent for nono proxy */
#define NET_FD_LISTEN 5 /* listening TCP socket, perhaps of another network namespace */

/* ---- broker and proxy -------------------------------------------------------------------------
 */

enum net_msg_type {
	NET_READY = 1, /* proxy: serves; port. Or FAILED with text */
	NET_FAILED,
	NET_EVENT,    /* proxy: something happened; goes to the log. Never lost: the proxy takes no
			 more    work while the socket is full */
	NET_ASK,      /* proxy: waits for an answer to id; event holds what for */
	NET_DROP,     /* proxy: nobody waits for id any more */
	NET_WHO,      /* proxy: whose is the connection from peer_port? id */
	NET_OPEN_URL, /* (later) */
	NET_ANSWER = 64, /* broker: to ASK: granted, scope */
	NET_PEER,	 /* broker: to WHO: pid, 0 = not the session's */
	NET_ALLOW,	 /* broker: host:port is allowed from now on */
	NET_QUIT,
};

enum net_mode { NET_MODE_CONNECT = 0, NET_MODE_INTERCEPT, NET_MODE_REVERSE, NET_MODE_FORWARD };
enum net_decision {
	NET_ALLOWED = 0,
	NET_DENIED,
	NET_APPROVE_REQUESTED,
	NET_APPROVE_GRANTED,
	NET_APPROVE_DENIED,
	NET_APPROVE_TIMEOUT,
	NET_APPROVE_ERROR,
};

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
	char text[512];		/* FAILED; ANSWER: why not */
};
/* True if every string ends and every word is in its range: first thing after recv. */
bool net_msg_valid(const struct net_msg *m, size_t n);
const char *
net_mode_name(enum net_mode m); /* "connect", "connect_intercept", "reverse", "external"... */
const char *net_decision_name(enum net_decision d); /* "allow", "deny", "approve_requested", ... */

#endif
