/* What the files of the proxy's side share. */
#ifndef NONO_CREDENTIALS_PROXY_H
#define NONO_CREDENTIALS_PROXY_H

#include <regex.h>

#include "network/credentials/internal.h"

/* A secret that is kept, or asked for. One a route, but for captures that differ by path. */
struct credential_slot {
	struct credential_slot *next;
	struct credential_route *route;
	char scope[256];
	struct secret value;
	bool list;    /* "name\0value\0" ... */
	bool pending; /* asked for under id */
	uint32_t id;
	uint64_t fetched_ns, good_until_ns; /* CLOCK_MONOTONIC */
	uint64_t failed_ns;
	struct err failure;
	struct credential_want *wants; /* all that were not cancelled */
};

struct credential_route {
	const struct policy_route *policy;
	struct net_host host; /* of the upstream */
	uint16_t port;
	const char *phantom; /* NULL = none */
	size_t phantom_n;
	uint64_t tat_ns; /* pace: theoretical arrival time */
	regex_t scope_regex;
	bool has_scope;
	struct credential_slot *slots;
	size_t n_slots;
};

struct credentials {
	const struct net_config *config;
	struct credential_route *routes; /* as config->network.routes */
	size_t n;
	int keys;  /* socket */
	pid_t pid; /* of the keys process */
	uint32_t last_id;
	struct secret received;
	struct secret room; /* to put one together in; empty between requests */
	struct logins *logins;
	struct credential_page *pages; /* that wait for the keys process */
	unsigned opened;
	uint64_t opened_ns;
};

static inline struct credential_route *credential_route(struct credentials *c,
							const struct policy_route *r)
{
	return &c->routes[r - c->config->network.routes.v];
}

/* How the stand-in arrives. */
const struct policy_injection *credential_phantom_place(const struct policy_route *r);

/* ---- places in a target (target.c) -------------------------------------------------------------
 */

/* A query's parameter: offsets of its value. From *at on; false if there is none. */
struct target_part {
	size_t start, end;	 /* of the value */
	size_t whole, whole_end; /* with name, and the '&' or '?' that is to go with it */
};
bool target_query(const char *target, size_t n, const char *name, struct target_part *out);
/* Where pattern ("/bot{}/") is in the path; {} stands for what is neither '/' nor '?'. Without {}
 * start and end are the same. */
bool target_pattern(const char *target, size_t n, const char *pattern, struct target_part *out);
/* Headers that programs put keys into; ends in NULL. */
extern const char *const credential_key_headers[];
/* -1 if it is none. */
static inline int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}
/* Everything but unreserved characters as %XX. */
int target_escape(struct secret *out, const char *s, size_t n, struct err *err);
/* The other way, '+' being a blank; NUL is an error. */
int target_unescape(struct secret *out, const char *s, size_t n, struct err *err);

/* ---- signatures (sigv4.c) ----------------------------------------------------------------------
 */

struct sigv4 {
	const char *method, *host;
	const char *target;
	size_t target_n;
	const char *region, *service;
	const char *access_key, *secret_key, *token; /* token NULL = none */
	const char *payload;			     /* hash in hex, or UNSIGNED-PAYLOAD */
	time_t now;
	const struct credential_head *head; /* content-type and x-amz-* are signed */
};
/* out: value of Authorization. date: of x-amz-date. */
int sigv4_sign(const struct sigv4 *s, struct buf *out, struct err *err);
void sigv4_date(time_t now, char out[17]);
int credential_inject_aws(const struct credential_route *r, const struct credential_slot *slot,
			  const struct credential_head *head, const char *host, const void *body,
			  size_t body_len, struct err *err);
bool credential_aws_needs_body(const struct credential_route *r,
			       const struct credential_head *head);

/* ---- logins (logins.c) -------------------------------------------------------------------------
 */

struct logins *logins_new(const struct policy_network *n, struct err *err);
void logins_free(struct logins *l);

/* ---- keys (keys.c) -----------------------------------------------------------------------------
 */

#define OPEN_URL_MAX  4096
#define KEYS_OPEN_URL UINT32_MAX /* as route: url is to be opened */
struct keys_request {
	uint32_t id, route;
	struct credential_facts facts;
	uint8_t approved, forward; /* of a page */
	char url[OPEN_URL_MAX];	   /* only sent if it is what is wanted */
};
#define KEYS_REQUEST_SIZE offsetof(struct keys_request, url)
/* Followed by n bytes; of a page with the sockets that listen for its answer. */
struct keys_answer {
	uint32_t id;
	uint8_t ok, list;
	uint32_t ttl_s, n;
	char text[sizeof(((struct err *)0)->msg)];
};
/* May it be opened? As credentials_page_check(). open_url.c */
int credential_url_check(const struct policy_network *n, const char *url, struct err *err);
/* Gives the answer to who waits for the page; false if there is none (any more). */
bool credential_page_answered(struct credentials *c, const struct keys_answer *a, const int fds[2]);
/* In the keys process' worker: starts a browser and leaves it. fds: listening, -1 = not. */
int keys_open_url(const struct policy_network *n, const struct keys_request *q, int fds[2],
		  struct err *err);
/* The process: never returns. */
_Noreturn void keys_main(const struct net_config *c, int sock);

#endif
