/*
 * exchange - one request and its answer, on their way between two drivers.
 *
 *   downstream driver           exchange                    upstream driver
 *   (h1_server, h2_server)      decides, injects, relays    (h1_client, h2_client)
 *
 *   exchange_request()      →   ... asks, resolves, connects ...  →  up->start()
 *   exchange_request_data() →                                     →  up->data()
 *   exchange_request_end()  →                                     →  up->end()
 *   down->respond()         ←                                     ←  exchange_response()
 *   down->data()            ←                                     ←  exchange_response_data()
 *   down->end()             ←                                     ←  exchange_response_end()
 *
 * Data that is not taken stays with who offered it: data() and exchange_*_data() return how many
 * bytes they took; who took less calls request_resume() / up->resume() later, and the rest is
 * offered again. Nothing of a body is kept in between, so a slow side slows the other. end() comes
 * after all data was taken. Calls are made from the loop's thread and may come from inside one
 * another: a driver treats every call out of it as the last thing it does, or looks at its state
 * again.
 *
 * Life: the downstream driver makes an exchange and frees it with exchange_free() when its part is
 * over (down->end() or abort() was called and written, or the client is gone). The upstream driver
 * forgets it with the last exchange_response_end(), exchange_failed() or up->cancel().
 */
#ifndef NONO_PROXY_EXCHANGE_H
#define NONO_PROXY_EXCHANGE_H

#include "network/proxy/http.h"
#include "network/proxy/stream.h"

struct proxy;
struct exchange;

struct exchange_down_ops {
	/* x->response and x->response.body say what; interim: 1xx, more heads follow. */
	void (*respond)(struct exchange *x, bool interim);
	size_t (*data)(struct exchange *x, const char *p, size_t n);
	void (*end)(struct exchange *x);
	/* What was given so far goes out now: respond(), data() may keep small pieces together.
	 * end() implies it. */
	void (*flush)(struct exchange *x);
	/* The answer can't be finished: the client must see that it is cut. */
	void (*abort)(struct exchange *x);
	/* More of the request's body may be offered. */
	void (*request_resume)(struct exchange *x);
	/* 101 was sent: hands the connection out (what was read too early put back). NULL: this
	 * driver can't (HTTP/2). */
	struct stream *(*take)(struct exchange *x);
};

struct exchange_up_ops {
	void (*start)(struct exchange *x); /* x->request as it is now */
	size_t (*data)(struct exchange *x, const char *p, size_t n);
	void (*end)(struct exchange *x);
	void (*flush)(struct exchange *x);
	void (*resume)(struct exchange *x);	    /* more of the answer may be offered */
	void (*cancel)(struct exchange *x);	    /* nobody wants the rest; x is forgotten */
	struct stream *(*take)(struct exchange *x); /* after a 101 */
	bool trailers_after_length;		    /* else only after a body in chunks */
};

/* Where requests of a connection go when it is not the proxy's own port: an intercepted tunnel. */
struct exchange_origin {
	struct net_host host;
	uint16_t port;
	uint64_t connection; /* number, for events */
	uint16_t peer_port;
	int32_t pid;
};

struct exchange {
	struct proxy *proxy;
	struct http_head request, response;
	/* After the bodies; filled by a driver before its exchange_*_end(). */
	struct http_head request_trailers, response_trailers;
	const struct exchange_down_ops *down;
	void *down_data;
	const struct exchange_up_ops *up; /* NULL while there is none */
	void *up_data;
	const struct exchange_origin *origin; /* NULL: the proxy's own port */
	uint16_t peer_port;
	uint64_t connection;
	bool http2;
	struct job *job;			 /* what is known and under way about it: job.h */
	bool request_ended, responded, finished; /* finished: down->end() or abort() was called */
	uint64_t bytes_in, bytes_out;		 /* to the agent, from it: bodies */
};

/* ---- called by the downstream driver ---- */

/* Zeroed, on its proxy; the driver sets down, down_data, origin, peer_port, connection, http2, and
 * fills x->request (http_parse_request() or by hand). */
struct exchange *exchange_new(struct proxy *p);
void exchange_request(struct exchange *x);
size_t exchange_request_data(struct exchange *x, const char *p, size_t n);
void exchange_request_end(struct exchange *x);
void exchange_request_flush(struct exchange *x); /* after a round of reading */
/* What came is no request; or its body broke. Both are answered, if that is still possible. */
void exchange_bad_request(struct exchange *x, unsigned status, const char *why);
void exchange_broken_request(struct exchange *x, const char *why);
/* After data() took less: it may be offered again. */
void exchange_down_drained(struct exchange *x);
/* Also when the client is gone: cancels whatever is under way. */
void exchange_free(struct exchange *x);

/* ---- called by the upstream driver ---- */

/* x->response is filled; 1xx may come several times before the answer. */
void exchange_response(struct exchange *x);
size_t exchange_response_data(struct exchange *x, const char *p, size_t n);
void exchange_response_end(struct exchange *x);
void exchange_response_flush(struct exchange *x); /* after a round of reading */
void exchange_up_drained(struct exchange *x);
/* The connection broke. unused: nothing of the answer came, on a connection that had been idle: may
 * be tried again on a fresh one. */
void exchange_failed(struct exchange *x, bool unused, const char *why);

#endif
