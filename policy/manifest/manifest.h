/*
 * manifest - what reading and writing capability manifests share. Internal to the room.
 */
#ifndef NONO_POLICY_MANIFEST_H
#define NONO_POLICY_MANIFEST_H

#include "common/document.h"
#include "policy/resolve.h"

#define MANIFEST_VERSION "0.1.0"

struct manifest_reader {
	struct resolver *r;
	const struct document *d;
	struct list unenforced;
};

int manifest_bad(struct manifest_reader *in, const struct doc *at, const char *what);
/* A map with no members but these (blanks between them); NULL is fine. */
int manifest_check_map(struct manifest_reader *in, const struct doc *map, const char *members);
int manifest_each(struct manifest_reader *in, const struct doc *map, const char *name, size_t max,
		  int (*one)(struct manifest_reader *in, const struct doc *e));
/* The member is beyond this version if it says anything. */
void manifest_beyond(struct manifest_reader *in, const struct doc *map, const char *name,
		     const char *called);

/* network.c; the network first */
int manifest_read_network(struct manifest_reader *in, const struct doc *net);
int manifest_read_credential(struct manifest_reader *in, const struct doc *e);
void manifest_write_network(const struct policy *p, struct buf *out);
void manifest_write_credentials(const struct policy *p, struct buf *out);

#endif
