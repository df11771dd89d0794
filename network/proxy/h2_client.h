/*
 * h2_client - HTTP/2 to an upstream server: what its three parts share. h2_client.c: connections;
 * h2_client_write.c: requests; h2_client_read.c: answers.
 */
#ifndef NONO_PROXY_H2_CLIENT_H
#define NONO_PROXY_H2_CLIENT_H

#include "network/proxy/h2.h"

struct h2_call {
	struct h2_call *next, **prev;
	struct h2_client *client;
	int32_t id;
	struct exchange *x; /* NULL: nobody wants it anymore */
	struct h2_body out; /* of the request */
	struct buf in;	    /* of the answer's body: not taken yet, at most a window */
	bool head_done, in_ended, too_large;
	bool closed, resume, failed, refused, reused;
};

struct h2_client {
	struct h2_client *next, **prev; /* of the proxy's, NULL prev: takes no more requests */
	struct h2_link link;
	struct pool_key key;
	char address[48];
	struct h2_call *calls;
	unsigned n_calls;
	struct deadline deadline;
	bool used;
	bool ended; /* the connection is over; only whole answers are left to be given out */
};

/* ---- h2_client.c ---- */

void h2_client_retire(struct h2_client *c); /* takes no more requests */
void h2_client_push(struct h2_client *c);
/* The exchange is over for this side. */
struct exchange *h2_client_forget(struct h2_call *r);

/* The head of a stream, or the connection's first frame (-1), has its time from now on. */
void h2_client_begin_head(struct h2_client *c, int32_t id);

/* ---- h2_client_read.c ---- */

nghttp2_session *h2_client_session(struct h2_client *c); /* NULL: no memory */
/* Gives out what was kept of the answer's body, and its end. */
void h2_client_offer(struct h2_call *r);
void h2_client_fail(struct h2_call *r, const char *why);

/* ---- h2_client_write.c ---- */

extern const struct exchange_up_ops h2_client_ops;

#endif
