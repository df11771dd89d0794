/* control_conn - one client of the control protocol, between control_conn.c and control_server.c.
 */
#ifndef NONO_SESSIONS_CONTROL_CONN_H
#define NONO_SESSIONS_CONTROL_CONN_H

#include "sessions/control.h"
#include "sessions/frames.h"

struct out_frame {
	struct out_frame *next;
	size_t len, sent;
	int fd; /* goes with the first byte */
	char data[];
};

struct control_client {
	struct control_server *server;
	struct control_client *next;
	uv_poll_t poll;
	uv_timer_t hello_timer;
	int handles; /* open uv handles */
	int fd;
	struct frame_reader in;
	struct out_frame *head, **tail;
	size_t queued;
	struct control_peer peer;
	bool known, subscribed, dying, finishing;
};

struct control_server {
	struct control_config cfg;
	uv_poll_t listen;
	uv_timer_t close_timer;
	int handles;
	int listen_fd;
	struct control_client *clients;
	unsigned n_clients;
	bool closing;
};

/* Closed; freed when its handles are. */
void control_conn_drop(struct control_client *c);
void control_conn_hello_timeout(uv_timer_t *t);
/* What is waited for: to read, and to write while something is queued. */
void control_conn_events(struct control_client *c);
/* fd (-1: none) is taken over. A client that takes nothing is dropped. */
void control_conn_send(struct control_client *c, const char *json, int fd);
/* The last handle may have been the client's. */
void control_server_maybe_done(struct control_server *s);

#endif
