/*
 * job - all that is known and under way about one exchange, and its way through:
 *
 *   target.c   whom it is for, and who asks
 *   decide.c   rules, a person's answer
 *   route.c    credentials
 *   upstream.c a tunnel, or a connection upstream
 *   relay.c    the bytes of both ways
 *   answer.c   what the proxy itself answers; events
 *   deny.c     its end when its host is denied meanwhile
 */
#ifndef NONO_PROXY_JOB_H
#define NONO_PROXY_JOB_H

#include "network/proxy/proxy.h"

struct job {
	struct exchange *x;
	struct net_event event;
	uint64_t started_ns;
	struct net_host host;
	uint16_t port;
	bool tls, connect;
	const struct policy_route *route; /* whose credentials go in; NULL = none */
	size_t route_prefix;		  /* bytes of the target that are upstream's own path */
	bool by_route;			  /* reverse: the stand-in is the authentication */
	struct net_verdict verdict;
	bool host_granted; /* by a person: no rule is for it */
	struct ask ask;
	bool asking;
	struct dial dial;
	struct credential_want want;
	bool wanting, have_secret, injected;
	struct deadline pause;
	/* A body that is needed whole: for a signature, or a login. */
	bool collect;
	struct buf body;
	size_t body_sent;
	const struct policy_login *login;
	struct secret login_body; /* what is sent instead of body */
	struct buf login_answer;
	char *url; /* that is to be opened in the user's browser */
	struct credential_page page;
	bool told, ended; /* events */
	bool retried, answered;
};

/* Fills host, port, tls, route, x->request.target for upstream. False: it was answered. */
bool job_target(struct job *j);
bool job_wants_open_url(const struct job *j);
bool job_open_url(struct job *j);
/* Then: calls job_allowed(), at once or later, or answers. */
void job_decide(struct job *j);
void job_allowed(struct job *j);
/* Calls job_connect(), at once or later, or answers. */
void job_credentials(struct job *j);
/* The stand-in of a route is checked and taken out. False: answered. */
bool job_check_phantom(struct job *j);
void job_collect(struct job *j);       /* the body is wanted whole */
void job_body_complete(struct job *j); /* it is there */
/* Can the request's trailers go where it goes? What can't be passed on is refused, not dropped: it
 * may be what the body is checked by. False: it was answered. */
bool job_trailers_fit(struct job *j);
void job_forget_credentials(struct job *j);
void job_connect(struct job *j);
/* Whatever is under way for it: a question, a dial, a secret, the exchange upstream. */
void job_stop(struct job *j);

/* An answer of the proxy's own; closes a connection whose request is not read to its end. */
void job_answer(struct job *j, unsigned status, const char *fmt, ...) _printf_(3, 4);
/* header: "Name: value" more, NULL = none. */
void job_answer_with(struct job *j, unsigned status, const char *name, const char *value,
		     const char *fmt, ...) _printf_(5, 6);
void job_deny(struct job *j, const char *category, const char *fmt, ...) _printf_(3, 4);
void job_tell(struct job *j);  /* the decision */
void job_ended(struct job *j); /* the end; only once */

/* TLS towards the client of an allowed CONNECT; takes s and copies the event. */
void intercept_start(struct proxy *p, struct stream *s, const struct job *j);

#endif
