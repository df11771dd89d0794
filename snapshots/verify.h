/* verify - what checking found, for naming and repairing. */
#ifndef NONO_SNAPSHOTS_VERIFY_H
#define NONO_SNAPSHOTS_VERIFY_H

#include "snapshots/gc.h"

struct verify {
	struct snap_store *s;
	bool repair;
	snap_damage_fn *fn;
	void *arg;
	struct snap_verified *out;
	struct hashset bad;   /* copies that are damaged; key: copy_key() */
	struct hashset lost;  /* objects without a good copy */
	struct hashset fixed; /* of these, put in again */
	struct hashset clean; /* directories with nothing damaged below */
	bool *damaged;	      /* packs */
	struct writer *w;     /* with repair */
	struct packer *k;
	struct err *err;
};
/* Checks every byte of a pack; true if it is whole. */
bool verify_pack(struct verify *v, size_t index);
struct snap_hash copy_key(const struct pack *p, const struct pack_entry *e);
/* Follows one record. */
int verify_record(struct verify *v, const char *session, const struct snap_record *r);
/* Puts the lost object back from a file of the live tree; false if that has other content now. */
bool repair_file(struct verify *v, const char *path, const struct snap_entry *e);
/* Takes in packs without a readable end, with what is whole of their blocks. */
void repair_salvage(struct snap_store *s);
void verify_tell(struct verify *v, const struct snap_damage *d);

#endif
