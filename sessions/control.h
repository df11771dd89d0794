/*
 * control - the server end of the control protocol: who may speak, frames, queues, broadcast.
 * What the operations do is the owner's business (struct control_config.call). Loop thread only.
 */
#ifndef NONO_SESSIONS_CONTROL_H
#define NONO_SESSIONS_CONTROL_H

#include <cjson/cJSON.h>
#include <uv.h>

#include "common/common.h"

#define CONTROL_CLIENTS_MAX 256
#define CONTROL_QUEUE_MAX   (4u << 20) /* bytes unread by a client, then it is dropped */
#define CONTROL_HELLO_MAX   4096u      /* longest frame before the token was shown */
#define CONTROL_HELLO_MS    2000

struct control_peer {
	pid_t pid;
	char role[32]; /* what the client calls itself: "tui", "cli"; printable */
};

struct control_config {
	uv_loop_t *loop;
	int listen_fd;	   /* taken over */
	const char *token; /* borrowed */
	/* Answers one operation: the object (seq and ok are added), or NULL with *err. *fd, if set,
	 * travels with the answer and is closed afterwards. */
	cJSON *(*call)(void *data, const struct control_peer *peer, const char *op,
		       const cJSON *args, int *fd, struct err *err);
	cJSON *(*hello)(void *data);
	void (*changed)(void *data); /* number of clients or subscribers */
	void *data;
};

struct control_server;
int control_server_new(const struct control_config *cfg, struct control_server **out,
		       struct err *err);
/* To every subscriber; event is deleted. */
void control_server_broadcast(struct control_server *s, cJSON *event);
unsigned control_server_clients(const struct control_server *s); /* that showed the token */
unsigned control_server_subscribers(const struct control_server *s);
/* Accepts nobody from now on; clients are closed once their queue is empty or ms have passed. */
void control_server_close(struct control_server *s, unsigned ms);
bool control_server_closed(const struct control_server *s);
/* After the loop has run to its end. */
void control_server_free(struct control_server *s);

/* A client by descriptor (taken over) instead of accept(); known = has shown the token. For tests
 * and fuzzing. NULL if there are too many. */
struct control_client;
struct control_client *control_server_add(struct control_server *s, int fd, bool known);
/* Bytes as if received; -1: the client was dropped and must not be used any more. */
int control_client_feed(struct control_client *c, const void *p, size_t n);

/* Same length of time wherever they differ. */
bool token_equal(const char *a, const char *b, size_t n);

#endif
