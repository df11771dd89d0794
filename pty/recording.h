/*
 * recording - what a terminal was given, with times: written by the screen host into a descriptor
 * that it got, read again for a replay. A file of frames (below), native byte order; a torn last
 * frame is the end.
 */
#ifndef NONO_PTY_RECORDING_H
#define NONO_PTY_RECORDING_H

#include "pty/pty.h"

#define RECORDING_BYTES_MAX (256ull << 20)

struct recorder {
	int fd; /* -1: nothing is recorded */
	uint64_t left;
};
void recorder_start(struct recorder *r, int fd, int cols, int rows); /* takes fd */
void recorder_stop(struct recorder *r);
void recorder_output(struct recorder *r, const void *p, size_t n);
void recorder_size(struct recorder *r, int cols, int rows);

#endif
