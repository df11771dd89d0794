#include "audit/hash.h"

#define DOMAIN_LEAF    "nono.audit.event.alpha\n"
#define DOMAIN_CHAIN   "nono.audit.chain.alpha\n"
#define DOMAIN_MERKLE  "nono.audit.merkle.alpha\n"
#define DOMAIN_SESSION "nono.audit.session-digest.alpha\n"
#define DOMAIN_LEDGER  "nono.audit.ledger.chain.alpha\n"

static struct hash hash_parts(const char *domain, const struct hash *first, const void *p, size_t n)
{
	struct hash h;
	SHA256_CTX c;

	SHA256_Init(&c);
	SHA256_Update(&c, domain, strlen(domain));
	if (first)
		SHA256_Update(&c, first->b, HASH_SIZE);
	SHA256_Update(&c, p, n);
	SHA256_Final(h.b, &c);
	return h;
}

struct hash hash_leaf(const void *event, size_t n)
{
	return hash_parts(DOMAIN_LEAF, NULL, event, n);
}

struct hash hash_chain(const struct hash *before, const struct hash *leaf)
{
	return hash_parts(DOMAIN_CHAIN, before, leaf->b, HASH_SIZE);
}

struct hash hash_node(const struct hash *left, const struct hash *right)
{
	return hash_parts(DOMAIN_MERKLE, left, right->b, HASH_SIZE);
}

void hash_append(struct hash_state *st, const struct hash *leaf)
{
	struct hash chain = hash_chain(&st->chain, leaf);

	hash_append_known(st, leaf, &chain);
}

void hash_append_known(struct hash_state *st, const struct hash *leaf, const struct hash *chain)
{
	struct hash carry = *leaf;
	unsigned i = 0;

	st->chain = *chain;
	for (; st->count >> i & 1; i++)
		carry = hash_node(&st->level[i], &carry);
	st->level[i] = carry;
	st->count++;
}

struct hash hash_merkle_root(const struct hash_state *st)
{
	struct hash acc;
	bool have = false;

	if (st->count == 0) {
		SHA256_CTX c;
		SHA256_Init(&c);
		SHA256_Final(acc.b, &c);
		return acc;
	}
	for (unsigned i = 0; i < 64; i++) {
		if (!(st->count >> i & 1))
			continue;
		acc = have ? hash_node(&st->level[i], &acc) : st->level[i];
		have = true;
	}
	return acc;
}

struct hash hash_session(const void *json, size_t n)
{
	return hash_parts(DOMAIN_SESSION, NULL, json, n);
}

struct hash hash_ledger(const struct hash *before, const void *json, size_t n)
{
	return hash_parts(DOMAIN_LEDGER, before, json, n);
}

void hash_hex(char out[HASH_HEX], const struct hash *h)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < HASH_SIZE; i++) {
		out[2 * i] = digits[h->b[i] >> 4];
		out[2 * i + 1] = digits[h->b[i] & 15];
	}
	out[2 * HASH_SIZE] = '\0';
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

int hash_from_hex(struct hash *h, const char *hex, size_t n)
{
	if (n != 2 * HASH_SIZE)
		return -1;
	for (size_t i = 0; i < HASH_SIZE; i++) {
		int hi = hex_value(hex[2 * i]), lo = hex_value(hex[2 * i + 1]);
		if (hi < 0 || lo < 0)
			return -1;
		h->b[i] = (uint8_t)(hi << 4 | lo);
	}
	return 0;
}

bool hash_equal(const struct hash *a, const struct hash *b)
{
	return memcmp(a->b, b->b, HASH_SIZE) == 0;
}
