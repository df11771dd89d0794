/*
 * tree - Merkle trees over any number of leaves in bounded memory, with proofs as of RFC 6962 2.1.
 *
 * Two schemes of the same shape: a session's log (nodes as hash.h says), and the ledger, as RFC
 * 6962 has it: leaf = H(0 | line without its newline), node = H(1 | left | right).
 */
#ifndef NONO_AUDIT_TREE_H
#define NONO_AUDIT_TREE_H

#include "audit/hash.h"

enum tree_scheme { TREE_LOG = 0, TREE_LEDGER };

/* A binary counter: level[i] is the root of 2^i leaves where bit i of count is set. */
struct tree {
	enum tree_scheme scheme;
	uint64_t count;
	struct hash level[64];
};
struct hash tree_ledger_leaf(const void *line, size_t n);
void tree_append(struct tree *t, const struct hash *leaf);
struct hash tree_root(const struct tree *t); /* of nothing: H("") */

/* ---- proofs: made in one pass over the leaves ------------------------------------------------ */

#define TREE_PROOF_MAX 66
struct tree_proof {
	size_t n;
	struct hash v[TREE_PROOF_MAX];
};
struct tree_prover {
	struct tree_proof proof; /* complete when all leaves were given */
	struct {
		uint64_t from, to;
	} range[TREE_PROOF_MAX];	  /* proof.v[i] is the root of these leaves */
	size_t order[TREE_PROOF_MAX], at; /* by place */
	struct tree acc;
	uint64_t next;
};
/* That leaf m is in the tree of n leaves (m < n). */
void tree_prove_inclusion(struct tree_prover *p, enum tree_scheme scheme, uint64_t m, uint64_t n);
/* That the tree of n leaves begins with the tree of m (0 < m <= n). */
void tree_prove_consistency(struct tree_prover *p, enum tree_scheme scheme, uint64_t m, uint64_t n);
void tree_prover_leaf(struct tree_prover *p, const struct hash *leaf); /* each, in order */

bool tree_check_inclusion(enum tree_scheme scheme, uint64_t m, uint64_t n, const struct hash *leaf,
			  const struct tree_proof *proof, const struct hash *root);
bool tree_check_consistency(enum tree_scheme scheme, uint64_t m, uint64_t n, const struct hash *old,
			    const struct tree_proof *proof, const struct hash *root);

#endif
