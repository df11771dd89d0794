/*
 * writer - turns events into lines of the log: sequence, chain, Merkle tree, and appending so that
 * the file only ever holds whole lines followed by at most one torn one, which the next write
 * replaces. Not thread-safe: the caller holds a lock.
 */
#ifndef NONO_AUDIT_WRITER_H
#define NONO_AUDIT_WRITER_H

#include "audit/hash.h"

struct writer {
	int fd;
	uint64_t offset; /* bytes of whole lines in the file */
	struct hash_state state;
	struct buf event; /* the event being made */
	struct buf out;	  /* lines that are hashed but not in the file yet */
	int err;	  /* errno of the last write, 0 if it went well */
};

/* The line of the event in w->event; empties it. */
void writer_line(struct writer *w);
/* Everything in out goes to the file. -1: kept for the next try. */
int writer_write(struct writer *w);
void writer_free(struct writer *w); /* does not close fd */

#endif
