/*
 * h1_server - HTTP/1.1 from a client: what its three parts share. h1_server.c: a connection's life
 * and its loop; h1_server_read.c: requests; h1_server_write.c: answers.
 */
#ifndef NONO_PROXY_H1_SERVER_H
#define NONO_PROXY_H1_SERVER_H

#include "network/proxy/proxy.h"

enum h1_state {
	HEAD = 0, /* waits for a request, or has a part of its head */
	BUSY,	  /* an exchange is under way */
	LINGER,	  /* all is said; what still comes is thrown away, so that it is heard */
};

struct h1_server {
	struct h1_server *next, **prev;		  /* of the proxy's */
	struct h1_server *held_next, **held_prev; /* NULL: not held back */
	struct proxy *proxy;
	struct stream *stream;
	struct exchange_origin *origin;
	struct exchange *x;
	struct deadline deadline;
	struct buf in, out;
	size_t scanned;
	enum h1_state state;
	struct http_chunks chunks;
	struct buf trailers; /* of the request, as they came */
	uint64_t left;
	enum http_body body, answer_body;
	bool in_body, body_held; /* of the request; held: the other side takes no more */
	bool answer_begun, answer_held, answer_over, keep;
	bool reading; /* a call from inside read_some() goes on there */
	bool dead, peer_gone, over;
	uint16_t peer_port;
	uint64_t connection;
};

/* ---- h1_server.c ---- */

/* The stream's callback while it is this driver's. */
void h1_server_ready(struct stream *s, unsigned what);
void h1_server_deadline(struct h1_server *c, uint64_t ms);
/* Enough of requests that have to wait. */
bool h1_server_ahead(const struct h1_server *c);
/* What to wait for, by the state. */
void h1_server_watch(struct h1_server *c);
/* Everything but the stream. */
void h1_server_dispose(struct h1_server *c);

/* ---- h1_server_write.c ---- */

extern const struct exchange_down_ops h1_server_ops;
/* An error is not acted upon here: who calls is in the middle of something. */
void h1_server_flush(struct h1_server *c);

/* ---- h1_server_read.c ---- */

/* Uses what came; the rest is in c->in. False: c is gone. */
bool h1_server_take_in(struct h1_server *c, const char *p, size_t n);

#endif
