/*
 * h1_client - HTTP/1.1 to an upstream server: what its three parts share. h1_client.c: a
 * connection's life; h1_client_write.c: requests; h1_client_read.c: answers.
 */
#ifndef NONO_PROXY_H1_CLIENT_H
#define NONO_PROXY_H1_CLIENT_H

#include "network/proxy/proxy.h"

struct h1_client {
	struct proxy *proxy;
	struct stream *stream;
	struct pool_key key;
	char address[48];
	struct exchange *x; /* NULL: waits in the pool */
	struct buf in;	    /* read and not used: a part of a head, or what was not taken */
	struct buf out;	    /* to be written */
	size_t scanned;
	struct http_chunks chunks;
	struct buf trailers; /* of the answer, as they came */
	uint64_t left;	     /* HTTP_BODY_LENGTH */
	enum http_body body;
	bool in_body, held; /* held: the other side takes no more */
	bool request_chunked, request_ended, upload_stopped;
	bool reused, any_byte, ending;
	bool in_head; /* a part of an answer's head is there: the deadline stands */
	bool secret;  /* out had a key in it: wiped when it is empty */
	struct deadline deadline;
};

/* ---- h1_client.c ---- */

void h1_client_ready(struct stream *s, unsigned what);
/* The connection is of no use anymore; c is gone. */
void h1_client_broken(struct h1_client *c, const char *why);
void h1_client_alive(struct h1_client *c); /* something happened: the deadline moves */
void h1_client_watch(struct h1_client *c);
void h1_client_ended(struct h1_client *c); /* the answer is complete */

/* ---- h1_client_write.c ---- */

extern const struct exchange_up_ops h1_client_ops;
void h1_client_flush(struct h1_client *c);
void h1_client_wipe(struct h1_client *c);

/* ---- h1_client_read.c ---- */

void h1_client_read_some(struct h1_client *c);

#endif
