/* request_socket - who asks with `nono request`: seam between request_socket.c and request_lines.c.
 */
#ifndef NONO_ELEVATION_REQUEST_SOCKET_H
#define NONO_ELEVATION_REQUEST_SOCKET_H

#include "elevation/engine.h"

#define CONNS_MAX 16

enum conn_state { CONN_FREE = 0, CONN_READING, CONN_RESOLVING, CONN_WAITING };

struct conn {
	enum conn_state state;
	uint64_t id;
	int fd;
	pid_t pid; /* who wrote, 0 = nobody yet */
	uint64_t until_ns;
	char *line; /* REQUEST_LINE_MAX, while reading */
	size_t len;
	char reason[512];
};

struct request_socket {
	int listen_fd;
	uint64_t paused_ns; /* not listened to until then, 0 = it is */
	uint64_t last_id;
	struct conn conns[CONNS_MAX];
};

/* NULL if it is closed. */
struct conn *conn_by_id(const struct elevation *e, uint64_t id);
/* Says the end and closes. why may be NULL. */
void conn_answer(struct conn *c, bool granted, const char *why);

/* The line of c is complete, n bytes: it is looked up by a worker. */
void conn_line(struct elevation *e, struct conn *c, size_t n);
/* What the workers looked up: answered, or asked for. */
void take_resolved(struct elevation *e);

#endif
