/* verify - what checking found, for naming and repairing. */
#ifndef NONO_SNAPSHOTS_VERIFY_H
#define NONO_SNAPSHOTS_VERIFY_H

#include "snapshots/gc.h"

struct verify {
	struct snap_store *s;
	const struct snap_check *o;
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
struct snap_hash copy_key(const struct pack *p, const struct pack_entry *e);

/* ---- verify_pack.c: some blocks of a pack that follow each other */

struct verify_unit {
	struct pack *pack;
	const struct pack_entry *entries; /* all of the pack, by block */
	size_t from, to;		  /* of these; whole blocks */
};
struct finding {
	uint64_t at;
	const char *what;
};
struct findings {
	uint64_t objects, bytes; /* looked at */
	struct finding *v;
	size_t n, cap;
	struct snap_hash *bad; /* objects of which the copy in this pack is damaged */
	size_t bad_n, bad_cap;
};
/* Checks every byte of it; what lies at the pack's ends too. Changes nothing of v: several threads
 * do this at once, each with a reader of its own. */
void verify_unit(struct verify *v, struct reader *r, const struct verify_unit *u,
		 struct findings *f);
void findings_free(struct findings *f);

/* ---- verify_threads.c */

/* All packs, with two threads or more; what is found is told in order of the packs and their bytes.
 * Fills damaged, bad, and lost with every object that has a bad copy. */
int verify_packs(struct verify *v, struct err *err);

/* ---- verify.c, repair.c, salvage.c */

/* Follows one record. */
int verify_record(struct verify *v, const char *session, const struct snap_record *r);
/* Puts the lost object back from a file of the live tree; false if that has other content now. */
bool repair_file(struct verify *v, const char *path, const struct snap_entry *e);
/* Takes in packs without a readable end, with what is whole of their blocks. */
void repair_salvage(struct snap_store *s);
void verify_tell(struct verify *v, const struct snap_damage *d);

#endif
