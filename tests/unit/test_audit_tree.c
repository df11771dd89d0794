/* Merkle proofs against a tree computed as RFC 6962 2.1 defines it, for every size up to 70. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "audit/tree.h"

#define SIZES 70u

static struct hash leaves[SIZES];

static struct hash root_of(const struct hash *v, uint64_t n)
{
	uint8_t b[65] = {1};
	uint64_t k = 1;
	struct hash l, r, h;

	if (n == 1)
		return v[0];
	while (2 * k < n)
		k *= 2;
	l = root_of(v, k);
	r = root_of(v + k, n - k);
	memcpy(b + 1, l.b, 32);
	memcpy(b + 33, r.b, 32);
	SHA256(b, sizeof(b), h.b);
	return h;
}

static int setup(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < SIZES; i++)
		leaves[i] = tree_ledger_leaf(&i, sizeof(i));
	return 0;
}

static void feed(struct tree_prover *p, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		tree_prover_leaf(p, &leaves[i]);
}

static void test_roots(void **state)
{
	struct tree t = {.scheme = TREE_LEDGER};

	(void)state;
	for (uint64_t n = 1; n <= SIZES; n++) {
		struct hash want = root_of(leaves, n), got;
		tree_append(&t, &leaves[n - 1]);
		got = tree_root(&t);
		assert_true(hash_equal(&want, &got));
	}
}

static void test_inclusion(void **state)
{
	struct tree_prover p;

	(void)state;
	for (uint64_t n = 1; n <= SIZES; n++) {
		struct hash root = root_of(leaves, n);
		for (uint64_t m = 0; m < n; m++) {
			tree_prove_inclusion(&p, TREE_LEDGER, m, n);
			feed(&p, n);
			assert_true(
			    tree_check_inclusion(TREE_LEDGER, m, n, &leaves[m], &p.proof, &root));
			/* Another place, leaf, scheme, size, or a changed or missing step. */
			assert_false(
			    tree_check_inclusion(TREE_LEDGER, n, n, &leaves[m], &p.proof, &root));
			assert_false(n > 1 && tree_check_inclusion(TREE_LEDGER, (m + 1) % n, n,
								   &leaves[m], &p.proof, &root));
			assert_false(n > 1 && tree_check_inclusion(TREE_LOG, m, n, &leaves[m],
								   &p.proof, &root));
			if (!p.proof.n)
				continue;
			p.proof.v[m % p.proof.n].b[3] ^= 4;
			assert_false(
			    tree_check_inclusion(TREE_LEDGER, m, n, &leaves[m], &p.proof, &root));
			p.proof.v[m % p.proof.n].b[3] ^= 4;
			p.proof.n--;
			assert_false(
			    tree_check_inclusion(TREE_LEDGER, m, n, &leaves[m], &p.proof, &root));
		}
	}
}

static void test_consistency(void **state)
{
	struct tree_prover p;

	(void)state;
	for (uint64_t n = 1; n <= SIZES; n++) {
		struct hash root = root_of(leaves, n);
		for (uint64_t m = 1; m <= n; m++) {
			struct hash old = root_of(leaves, m), wrong = old;
			tree_prove_consistency(&p, TREE_LEDGER, m, n);
			feed(&p, n);
			assert_true(
			    tree_check_consistency(TREE_LEDGER, m, n, &old, &p.proof, &root));
			wrong.b[0] ^= 1;
			assert_false(
			    tree_check_consistency(TREE_LEDGER, m, n, &wrong, &p.proof, &root));
			assert_false(
			    tree_check_consistency(TREE_LEDGER, m, n, &old, &p.proof, &wrong));
			assert_false(
			    tree_check_consistency(TREE_LEDGER, 0, n, &old, &p.proof, &root));
			if (!p.proof.n)
				continue;
			p.proof.v[m % p.proof.n].b[9] ^= 1;
			assert_false(
			    tree_check_consistency(TREE_LEDGER, m, n, &old, &p.proof, &root));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_roots),
	    cmocka_unit_test(test_inclusion),
	    cmocka_unit_test(test_consistency),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
