/*
 * h2_server - HTTP/2 from a client: what its two parts share. h2_server.c: connections and what
 * comes on them; h2_server_write.c: answers.
 */
#ifndef NONO_PROXY_H2_SERVER_H
#define NONO_PROXY_H2_SERVER_H

#include "network/proxy/h2.h"

struct h2_server;

struct h2_request {
	struct h2_request *next, **prev;
	struct h2_server *server;
	int32_t id;
	struct exchange *x;
	struct buf in; /* of the request's body: not taken yet, at most a window */
	bool in_ended; /* the client has sent all */
	bool too_large, begun, told_end;
	struct h2_body out;
	bool responded, closed, resume;
};

struct h2_server {
	struct h2_server *next, **prev;
	struct h2_link link;
	struct exchange_origin *origin;
	struct h2_request *requests;
	struct deadline deadline;
	uint16_t peer_port;
	uint64_t connection;
	uint64_t idle_at_ms;
	unsigned idle_frames;
};

/* ---- h2_server.c ---- */

void h2_server_later(struct h2_server *c); /* from the loop, soon */
void h2_server_push(struct h2_server *c);
void h2_server_alive(struct h2_server *c); /* something happened: the deadline moves */

/* ---- h2_server_write.c ---- */

extern const struct exchange_down_ops h2_server_ops;

#endif
