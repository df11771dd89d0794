/*
 * What a session may reach over the network, resolved: plain data, made by policy_resolve(), judged
 * by network/ (rules), carried out by the proxy. Strings are owned by the struct unless it says
 * otherwise; NULL = not said. Lists of strings end in NULL and may be NULL.
 */
#ifndef NONO_POLICY_NETWORK_H
#define NONO_POLICY_NETWORK_H

#include "common/common.h"

enum policy_net_mode {
	POLICY_NET_OPEN = 0, /* nothing is looked at */
	POLICY_NET_BLOCKED,  /* nothing at all */
	POLICY_NET_NAMES,    /* through the proxy, to what is listed; an empty list lists nothing */
};

enum policy_net_action { POLICY_NET_ALLOW = 0, POLICY_NET_APPROVE, POLICY_NET_DENY };

/* A request of HTTP. Of the rules of one place the first of DENY, then of what was agreed to for
 * good, then of APPROVE, then of ALLOW that matches decides. */
struct policy_endpoint {
	enum policy_net_action action;
	char *method; /* upper case, "*" = any */
	char *path;   /* glob of the path alone: * = one segment or a part of it, ** = any number */
	char *reason, *backend; /* of an APPROVE */
	unsigned timeout_s;	/* of an APPROVE; 0 = as configured */
	bool agreed;		/* of an ALLOW: a person's "always", before APPROVE */
};
struct policy_endpoints {
	struct policy_endpoint *v;
	size_t n;
	/* For what no rule matches. With no rules at all: everything is allowed. */
	enum policy_net_action otherwise;
	char *otherwise_backend; /* of an APPROVE */
	unsigned otherwise_timeout_s;
};

/* One entry of the list of hosts. */
struct policy_domain {
	char *name;    /* canonical (network.h): "api.example.com", "*.example.com" (below it, not
			  itself), an address, or "*" */
	uint16_t port; /* 0 = any */
	char *source;  /* "user", "profile", "group:llm_apis", "session" */
	struct policy_endpoints endpoints; /* n > 0: TLS is intercepted to look at requests */
};
#define POLICY_DOMAIN_TEXT_MAX 272
/* As lists write it: with its port, if it has one. */
void policy_domain_text(const struct policy_domain *d, char out[POLICY_DOMAIN_TEXT_MAX]);
struct policy_domains {
	struct policy_domain *v;
	size_t n;
};

enum policy_inject {
	POLICY_INJECT_HEADER = 0,
	POLICY_INJECT_PATH,
	POLICY_INJECT_QUERY,
	POLICY_INJECT_BASIC
};
const char *
policy_inject_name(enum policy_inject m); /* "header", "url_path", ...; NULL past them */
struct policy_injection {
	enum policy_inject mode;
	char *header;			       /* "Authorization" */
	char *format;			       /* "Bearer {}" */
	char *path_pattern, *path_replacement; /* with {} */
	char *query;			       /* name of the parameter */
};

/* A credential route: requests to upstream get the secret, the agent has a stand-in (phantom). */
struct policy_route {
	char *name;	/* [a-z0-9_-]+ */
	char *source;	/* "built-in", "profile" */
	char *upstream; /* "https://api.openai.com/v1"; http only to loopback */
	char *key;	/* reference of the secret: account, env://, file://, cmd://, ...; NULL with
			   oauth, aws */
	struct {
		char *token_url, *client_id, *client_secret, *scope; /* id and secret: references */
	} oauth;						     /* token_url NULL = none */
	struct {
		bool on;
		char *profile, *region, *service;
	} aws;
	struct policy_injection inject, phantom; /* phantom: how the stand-in arrives */
	char *env_var;				 /* gets the stand-in: "OPENAI_API_KEY" */
	char *base_url_var; /* gets the reverse route's address: "OPENAI_BASE_URL"; NULL = none */
	struct policy_endpoints endpoints;
	unsigned per_minute, burst, max_delay_s; /* per_minute 0 = no limit */
	char *tls_ca, *tls_cert, *tls_key;	 /* files */
};
struct policy_routes {
	struct policy_route *v;
	size_t n;
};
/* The routes that are part of nono: false if there is none of that name. *out: copies, as any
 * route's. */
bool policy_builtin_route(const char *name, struct policy_route *out);
const char *policy_builtin_route_name(size_t i); /* NULL past the end */
void policy_route_free(struct policy_route *r);	 /* what is in it */

/* A login of the agent itself, by OAuth: what its token endpoint hands out stays with the proxy,
 * and the agent gets stand-ins. Requests to these hosts are looked at. */
struct policy_login {
	char *name;
	char *token_url; /* "https://auth.example.com/oauth/token" */
	char **hosts;	 /* where tokens are used, beside the token endpoint's own */
};
/* Appends those of that name that are part of nono to *v, which has n; how many. */
size_t policy_builtin_logins(const char *name, struct policy_login **v, size_t n);
void policy_login_free(struct policy_login *l); /* what is in it */

/* cmd://NAME: a program that prints the secret, run outside. */
struct policy_capture {
	char *name;
	char **command;
	unsigned timeout_s, ttl_s;
	bool stdin_json; /* gets the request as JSON */
	bool json;	 /* prints {"headers": {...}} or {"value": ...} */
	char **headers;	 /* that it may set */
	char *cache_path_regex;
};

struct policy_ports { /* ranges, both ends included */
	struct policy_port_range {
		uint16_t first, last;
	} * v;
	size_t n;
};
bool policy_ports_have(const struct policy_ports *p, unsigned port);

struct policy_network {
	enum policy_net_mode mode;
	struct policy_domains allow;
	char **deny;	   /* canonical names, "*." too; looked at before allow */
	bool deny_private; /* RFC 1918, ULA, CGNAT, loopback by name (metadata and link-local always
			      are) */
	bool ask;	   /* elevation: what is not listed becomes a request */
	struct policy_routes routes;
	struct policy_capture *captures;
	size_t n_captures;
	struct policy_login *logins;
	size_t n_logins;
	char *upstream_proxy;	/* HOST:PORT */
	char **upstream_bypass; /* hosts that go direct */
	char **no_proxy;	/* for NO_PROXY; such hosts can't be reached but on this machine */
	struct policy_ports open, listen,
	    connect; /* see --open-port, --listen-port, --allow-connect-port */
	bool http2;
	uint16_t proxy_port; /* 0 = any */
	unsigned ca_days;    /* 0 = 1 */
	bool intercept_off;  /* tls_intercept: false */
	char **open_urls;    /* origins that may be opened in the user's browser */
	bool open_localhost;
	char *profile; /* name of the network profile, for the record */
};
void policy_network_free(struct policy_network *n); /* what is in it */

/* Pages are named that may be opened in the user's browser; or may be asked for. */
static inline bool policy_names_urls(const struct policy_network *n)
{
	return n->open_localhost || (n->open_urls && n->open_urls[0]);
}
static inline bool policy_opens_urls(const struct policy_network *n)
{
	return n->ask || policy_names_urls(n);
}

/* True if something of it needs ports of the host: then the session shares the host's network, and
 * Landlock, the filter and the broker hold it. */
bool policy_network_needs_host(const struct policy_network *n);

#endif
