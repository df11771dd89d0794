/*
 * writer - makes one new pack: several threads put objects in, each with a packer of its own.
 * Nothing of it is seen before writer_finish().
 */
#ifndef NONO_SNAPSHOTS_WRITER_H
#define NONO_SNAPSHOTS_WRITER_H

#include "snapshots/store.h"

struct writer;
struct packer;

/* The caller holds the store's lock until it is finished or freed. */
struct writer *writer_new(struct snap_store *s);
/* Gives the pack its name, durably, if there is anything in it; the store knows it then. All
 * packers flushed. */
int writer_finish(struct writer *w, struct err *err);
void snap_writer_free(struct writer *w); /* without finish: nothing is left */
uint64_t writer_bytes(struct writer *w);

struct packer *packer_new(struct writer *w);
void packer_free(struct packer *p);
/* Room for n bytes (at most CHUNK_MAX) right where they will be packed: fill it and pass it to
 * packer_put. Valid until the next call with p. */
uint8_t *packer_room(struct packer *p, size_t n, struct err *err);
/* Puts an object in, if neither the store nor this pack has it. base: what it probably resembles,
 * may be NULL. */
int packer_put(struct packer *p, enum object_kind kind, const struct snap_hash *h, const void *data,
	       size_t n, const struct snap_hash *base, struct err *err);
/* The next object, if it is a whole chunk, is what fd has at an offset: the pack may share it. fd
 * is borrowed for that call. */
void packer_from(struct packer *p, int fd, uint64_t at);
int packer_flush(struct packer *p, struct err *err);
/* Puts it in even if the store has a copy (that is to be dropped). */
int packer_put_again(struct packer *p, enum object_kind kind, const struct snap_hash *h,
		     const void *data, size_t n, struct err *err);
/* Copies a block as it is; entries: its objects that are to be kept. */
int writer_copy_block(struct writer *w, struct pack *from, uint64_t at,
		      const struct pack_entry *entries, size_t count, struct err *err);
bool writer_has(struct writer *w, const struct snap_hash *h);

#endif
