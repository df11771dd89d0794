/*
 * hash - the scheme "alpha": SHA-256 with a domain line in front of everything that is hashed.
 *
 *   leaf   = H("nono.audit.event.alpha\n"  | event bytes)
 *   chain  = H("nono.audit.chain.alpha\n"  | chain before, or 32 zero bytes | leaf)
 *   node   = H("nono.audit.merkle.alpha\n" | left | right), an odd last node moves up unchanged
 *   ledger = H("nono.audit.ledger.chain.alpha\n"   | link before, or zeros | entry)
 *   digest = H("nono.audit.session-digest.alpha\n" | session)
 */
#ifndef NONO_AUDIT_HASH_H
#define NONO_AUDIT_HASH_H

#include "common/common.h"
#include "common/digest.h"

#define HASH_SIZE 32
#define HASH_HEX  (2 * HASH_SIZE + 1)

struct hash {
	uint8_t b[HASH_SIZE];
};

/*
 * What the lines so far add up to. The Merkle tree is kept as a binary counter: level[i] is the
 * root of a full subtree of 2^i leaves where bit i of count is set, so any number of events
 * takes the same 2 KiB.
 */
struct hash_state {
	uint64_t count;
	struct hash chain; /* zeros while count is 0 */
	struct hash level[64];
};

struct hash hash_leaf(const void *event, size_t n);
struct hash hash_node(const struct hash *left, const struct hash *right);
struct hash hash_chain(const struct hash *before, const struct hash *leaf);
/* Takes one more leaf in; afterwards st->chain is the chain hash of that line. */
void hash_append(struct hash_state *st, const struct hash *leaf);
/* Same, with that chain hash known. */
void hash_append_known(struct hash_state *st, const struct hash *leaf, const struct hash *chain);
struct hash hash_merkle_root(const struct hash_state *st);
struct hash hash_session(const void *json, size_t n);
struct hash hash_ledger(const struct hash *before, const void *json, size_t n);

void hash_hex(char out[HASH_HEX], const struct hash *h);
/* Exactly 64 lower-case digits. */
int hash_from_hex(struct hash *h, const char *hex, size_t n);
bool hash_equal(const struct hash *a, const struct hash *b);

#endif
