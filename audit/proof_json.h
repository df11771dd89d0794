/* proof_json - the members of proofs and checkpoints, between proof.c, proof_point.c and
 * proof_check.c. What is read comes from anywhere: -1 where it is not what it should be. */
#ifndef NONO_AUDIT_PROOF_JSON_H
#define NONO_AUDIT_PROOF_JSON_H

#include "audit/proof.h"

#define PROOF_TYPE_EVENT       "nono.audit.proof.v1"
#define PROOF_TYPE_CONSISTENCY "nono.audit.consistency.v1"
#define PROOF_TYPE_CHECKPOINT  "nono.audit.checkpoint.v1"

void proof_add_hash(cJSON *o, const char *key, const struct hash *h);
void proof_add_proof(cJSON *o, const char *key, const struct tree_proof *p);
/* "" if it has none. */
const char *proof_text(const cJSON *o, const char *key);
int proof_take_hash(const cJSON *o, const char *key, struct hash *h);
int proof_take_count(const cJSON *o, const char *key, uint64_t *n);
int proof_take_proof(const cJSON *o, const char *key, struct tree_proof *p);

#endif
