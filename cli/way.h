/* From inside a session to its network proxy, for nono's own commands. */
#ifndef NONO_CLI_WAY_H
#define NONO_CLI_WAY_H

#include <netinet/in.h>

#include "cli/cli.h"

#define WAY_HEAD_MAX 8192

struct way {
	struct sockaddr_in addr;
	char auth[512]; /* base64 of "user:password" */
};

/* By the variables that programs of a session have; what: the command, for the error. */
int way_find(struct way *w, const char *what, struct err *err);
/* A connection to it. */
int way_connect(const struct way *w, struct err *err);
/* The head of its answer; what follows is left. */
int way_read_head(int fd, char head[WAY_HEAD_MAX], struct err *err);

#endif
