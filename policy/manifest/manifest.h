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

/* network.c. A list, not too long; NULL and null are none. */
int manifest_list(struct manifest_reader *in, const struct doc *map, const char *name,
		  const struct doc **out);
/* The network first. */
int manifest_read_network(struct manifest_reader *in, const struct doc *net);
/* credentials.c */
int manifest_read_credential(struct manifest_reader *in, const struct doc *e);
void manifest_write_network(const struct policy *p, struct buf *out);
void manifest_write_rules(const struct policy_endpoints *l, struct buf *out); /* those that allow */
void manifest_write_credentials(const struct policy *p, struct buf *out);

#endif
