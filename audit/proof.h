/*
 * proof - what shows, without the log and the ledger, that an event is in them and that a later
 * ledger has kept an earlier one. All of it is JSON; the members are named in proof.c.
 */
#ifndef NONO_AUDIT_PROOF_H
#define NONO_AUDIT_PROOF_H

#include "audit/store.h"
#include "audit/tree.h"

#include <cjson/cJSON.h>

#define PROOF_MAX_BYTES (4u << 20)

/* The ledger as it was at one time. */
struct checkpoint {
	uint64_t size;
	struct hash root, head;
	char time[TIME_STR_MAX];
};
int checkpoint_now(struct checkpoint *c, struct err *err);
cJSON *checkpoint_json(const struct checkpoint *c);
int checkpoint_parse(struct checkpoint *c, const char *json, size_t n, struct err *err);
int checkpoint_read(struct checkpoint *c, const char *path, struct err *err);

/* at: the ledger that the proof is about, NULL = the present one. NULL with err. */
cJSON *proof_of_event(const char *id, uint64_t sequence, const struct checkpoint *at,
		      struct err *err);
cJSON *proof_since(const struct checkpoint *old, struct err *err);

/* Any of the two, and that it is about the ledger of the checkpoint (may be NULL). said: what was
 * shown, for a person. -1: it does not hold, err says why. */
int proof_check(const char *json, size_t n, const struct checkpoint *at, struct buf *said,
		struct err *err);

#endif
