/*
 * starter - the process that starts sessions for the front end. It is forked before there is a
 * loop, threads and open connections: libuv closes descriptors by number in every fork of a process
 * that has used it, and a session's broker comes from a fork without exec.
 */
#ifndef NONO_TUI_STARTER_H
#define NONO_TUI_STARTER_H

#include "sessions/sessions.h"

struct starter {
	int fd; /* -1: none */
	pid_t pid;
};
struct start_request {
	char profile[4096]; /* "" = default only */
	char dir[4096], command[1024];
	char name[SESSION_NAME_MAX]; /* "" = made up */
	int cols, rows;
};
int starter_begin(struct starter *s, struct err *err);
/* Starts a session and waits until it can be attached to. */
int starter_start(struct starter *s, const struct start_request *r, char id[SESSION_ID_LEN + 1],
		  struct err *err);
void starter_end(struct starter *s);

/* Words of a command line with quotes, nothing else a shell would do; strv_free(). */
char **words_split(const char *line, struct err *err);
/* An existing directory as typed, "~" understood; caller frees. */
char *start_directory(const char *typed, struct err *err);

#endif
