#include "audit/tree.h"

static struct hash node(enum tree_scheme scheme, const struct hash *left, const struct hash *right)
{
	uint8_t b[1 + 2 * HASH_SIZE] = {1};
	struct hash h;

	if (scheme == TREE_LOG)
		return hash_node(left, right);
	memcpy(b + 1, left->b, HASH_SIZE);
	memcpy(b + 1 + HASH_SIZE, right->b, HASH_SIZE);
	digest_sha256(b, sizeof(b), h.b);
	return h;
}

struct hash tree_ledger_leaf(const void *line, size_t n)
{
	struct hash h;
	SHA256_CTX c;

	SHA256_Init(&c);
	SHA256_Update(&c, "", 1);
	SHA256_Update(&c, line, n);
	SHA256_Final(h.b, &c);
	return h;
}

void tree_append(struct tree *t, const struct hash *leaf)
{
	struct hash carry = *leaf;
	unsigned i = 0;

	for (; t->count >> i & 1; i++)
		carry = node(t->scheme, &t->level[i], &carry);
	t->level[i] = carry;
	t->count++;
}

struct hash tree_root(const struct tree *t)
{
	struct hash acc;
	bool have = false;

	digest_sha256((const uint8_t *)"", 0, acc.b);
	for (unsigned i = 0; i < 64; i++) {
		if (!(t->count >> i & 1))
			continue;
		acc = have ? node(t->scheme, &t->level[i], &acc) : t->level[i];
		have = true;
	}
	return acc;
}

/* ---- proofs ---------------------------------------------------------------------------------- */

/* The largest power of two below n (n >= 2). */
static uint64_t split(uint64_t n)
{
	return 1ull << (63 - __builtin_clzll(n - 1));
}

static void add_range(struct tree_prover *p, uint64_t from, uint64_t to)
{
	p->range[p->proof.n].from = from;
	p->range[p->proof.n].to = to;
	p->proof.n++;
}

/* Found from the root to the leaf; a proof is read from the leaf to the root. */
static void ready(struct tree_prover *p, enum tree_scheme scheme)
{
	size_t n = p->proof.n;

	for (size_t i = 0; i < n / 2; i++) {
		__typeof__(p->range[0]) t = p->range[i];
		p->range[i] = p->range[n - 1 - i];
		p->range[n - 1 - i] = t;
	}
	for (size_t i = 0; i < n; i++) {
		size_t k = i;
		for (; k > 0 && p->range[p->order[k - 1]].from > p->range[i].from; k--)
			p->order[k] = p->order[k - 1];
		p->order[k] = i;
	}
	p->acc.scheme = scheme;
}

void tree_prove_inclusion(struct tree_prover *p, enum tree_scheme scheme, uint64_t m, uint64_t n)
{
	uint64_t from = 0;

	memset(p, 0, sizeof(*p));
	while (n > 1) {
		uint64_t k = split(n);
		if (m < k) {
			add_range(p, from + k, from + n);
			n = k;
		} else {
			add_range(p, from, from + k);
			from += k;
			m -= k;
			n -= k;
		}
	}
	ready(p, scheme);
}

void tree_prove_consistency(struct tree_prover *p, enum tree_scheme scheme, uint64_t m, uint64_t n)
{
	uint64_t from = 0;

	memset(p, 0, sizeof(*p));
	while (m < n) {
		uint64_t k = split(n);
		if (m <= k) {
			add_range(p, from + k, from + n);
			n = k;
		} else {
			add_range(p, from, from + k);
			from += k;
			m -= k;
			n -= k;
		}
	}
	if (from) /* else it is the old root itself, which whoever checks has */
		add_range(p, from, from + n);
	ready(p, scheme);
}

void tree_prover_leaf(struct tree_prover *p, const struct hash *leaf)
{
	uint64_t i = p->next++;
	size_t at;

	if (p->at == p->proof.n)
		return;
	at = p->order[p->at];
	if (i < p->range[at].from)
		return;
	tree_append(&p->acc, leaf);
	if (i + 1 < p->range[at].to)
		return;
	p->proof.v[at] = tree_root(&p->acc);
	p->acc.count = 0;
	p->at++;
}

/* ---- checking: RFC 9162 2.1.3.2 and 2.1.4.2 -------------------------------------------------- */

bool tree_check_inclusion(enum tree_scheme scheme, uint64_t m, uint64_t n, const struct hash *leaf,
			  const struct tree_proof *proof, const struct hash *root)
{
	struct hash r = *leaf;
	uint64_t fn = m, sn = n - 1;

	if (m >= n)
		return false;
	for (size_t i = 0; i < proof->n; i++) {
		if (sn == 0)
			return false;
		if (!(fn & 1) && fn != sn) {
			r = node(scheme, &r, &proof->v[i]);
		} else {
			r = node(scheme, &proof->v[i], &r);
			while (!(fn & 1) && fn) {
				fn >>= 1;
				sn >>= 1;
			}
		}
		fn >>= 1;
		sn >>= 1;
	}
	return sn == 0 && hash_equal(&r, root);
}

bool tree_check_consistency(enum tree_scheme scheme, uint64_t m, uint64_t n, const struct hash *old,
			    const struct tree_proof *proof, const struct hash *root)
{
	uint64_t fn = m - 1, sn = n - 1;
	struct hash fr, sr;
	size_t i = 0;

	if (m == 0 || m > n)
		return false;
	if (m == n)
		return proof->n == 0 && hash_equal(old, root);
	while (fn & 1) {
		fn >>= 1;
		sn >>= 1;
	}
	if ((m & (m - 1)) == 0)
		fr = *old;
	else if (proof->n)
		fr = proof->v[i++];
	else
		return false;
	sr = fr;
	for (; i < proof->n; i++) {
		const struct hash *c = &proof->v[i];
		if (sn == 0)
			return false;
		if ((fn & 1) || fn == sn) {
			fr = node(scheme, c, &fr);
			sr = node(scheme, c, &sr);
			while (!(fn & 1) && fn) {
				fn >>= 1;
				sn >>= 1;
			}
		} else {
			sr = node(scheme, &sr, c);
		}
		fn >>= 1;
		sn >>= 1;
	}
	return sn == 0 && hash_equal(&fr, old) && hash_equal(&sr, root);
}
