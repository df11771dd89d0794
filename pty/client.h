/* What the files of a client share. One thread. */
#ifndef NONO_PTY_CLIENT_H
#define NONO_PTY_CLIENT_H

#include "pty/delta.h"

struct pty_client {
	int fd; /* -1: none, for pty_client_feed() alone */
	struct picture picture;
	struct buf in, out;
	struct pty_client_events ev;
	bool broken;
	bool held; /* what it has to say waits for pty_client_on_writable() */
};

/* Begins a frame of at most n bytes; false if the host takes nothing any more. */
bool client_begin(struct pty_client *c, enum frame_type type, size_t n, size_t *at);
void client_finish(struct pty_client *c, size_t at);

#endif
