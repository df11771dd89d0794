#include "snapshots/hash.h"

#include "common/digest.h"

uint64_t hash_sum(const void *data, size_t n)
{
	const uint8_t *p = data;
	uint64_t lane[4] = {1, 2, 3, 4};

	for (; n >= 32; p += 32, n -= 32)
		for (unsigned i = 0; i < 4; i++) {
			uint64_t v;
			memcpy(&v, p + 8 * (size_t)i, 8);
			lane[i] = (lane[i] ^ v) * 0x9e3779b97f4a7c15ull;
			lane[i] ^= lane[i] >> 29;
		}
	for (; n; p++, n--)
		lane[0] = (lane[0] ^ *p) * 0x100000001b3ull;
	for (unsigned i = 1; i < 4; i++)
		lane[0] = (lane[0] ^ lane[i]) * 0x9e3779b97f4a7c15ull + (lane[0] >> 31);
	return lane[0];
}

static struct snap_hash prefixed(uint8_t prefix, const void *p, size_t n)
{
	struct snap_hash h;
	SHA256_CTX c;

	SHA256_Init(&c);
	SHA256_Update(&c, &prefix, 1);
	SHA256_Update(&c, p, n);
	SHA256_Final(h.b, &c);
	return h;
}

struct snap_hash hash_chunk(const void *p, size_t n)
{
	return prefixed(0, p, n);
}

struct snap_hash hash_dir(const void *p, size_t n)
{
	return prefixed(1, p, n);
}

static struct snap_hash hash_pair(const struct snap_hash *l, const struct snap_hash *r)
{
	uint8_t both[2 * SNAP_HASH_SIZE];

	memcpy(both, l->b, SNAP_HASH_SIZE);
	memcpy(both + SNAP_HASH_SIZE, r->b, SNAP_HASH_SIZE);
	return prefixed(1, both, sizeof(both));
}

void hash_tree_add(struct hash_tree *t, const struct snap_hash *leaf)
{
	struct snap_hash carry = *leaf;
	unsigned i = 0;

	for (; t->count >> i & 1; i++)
		carry = hash_pair(&t->level[i], &carry);
	t->level[i] = carry;
	t->count++;
}

struct snap_hash hash_tree_root(const struct hash_tree *t)
{
	struct snap_hash acc;
	bool have = false;

	if (t->count == 0)
		return hash_chunk("", 0);
	for (unsigned i = 0; i < 64; i++) {
		if (!(t->count >> i & 1))
			continue;
		acc = have ? hash_pair(&t->level[i], &acc) : t->level[i];
		have = true;
	}
	return acc;
}

int list_hash(const void *p, size_t n, struct snap_hash *out)
{
	const uint8_t *c = p;
	struct hash_tree t = {0};
	uint64_t size, leaves = 0;

	if (n < 8 + LIST_RUN || (n - 8) % LIST_RUN)
		return -1;
	memcpy(&size, c, 8);
	for (size_t at = 8; at < n; at += LIST_RUN) {
		struct snap_hash h;
		uint32_t count;

		memcpy(&count, c + at, 4);
		memcpy(h.b, c + at + 4, SNAP_HASH_SIZE);
		if (count == 0 || (leaves += count) > LIST_LEAVES_MAX)
			return -1;
		while (count--)
			hash_tree_add(&t, &h);
	}
	if (leaves < 2 || (size + CHUNK_MAX - 1) / CHUNK_MAX != leaves)
		return -1;
	*out = hash_tree_root(&t);
	return 0;
}

int object_hash(enum object_kind kind, const void *p, size_t n, struct snap_hash *out)
{
	switch (kind) {
	case OBJECT_CHUNK:
		*out = hash_chunk(p, n);
		return 0;
	case OBJECT_DIR:
		*out = hash_dir(p, n);
		return 0;
	case OBJECT_LIST:
		return list_hash(p, n, out);
	}
	return -1;
}

void snap_hash_hex(char out[SNAP_HASH_HEX], const struct snap_hash *h)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < SNAP_HASH_SIZE; i++) {
		out[2 * i] = digits[h->b[i] >> 4];
		out[2 * i + 1] = digits[h->b[i] & 15];
	}
	out[SNAP_HASH_HEX - 1] = '\0';
}

int snap_hash_parse(struct snap_hash *h, const char *hex)
{
	static const char digits[] = "0123456789abcdef";

	if (strlen(hex) != SNAP_HASH_HEX - 1)
		return -1;
	for (size_t i = 0; i < SNAP_HASH_SIZE; i++) {
		const char *hi = strchr(digits, hex[2 * i]), *lo = strchr(digits, hex[2 * i + 1]);
		if (!hi || !lo)
			return -1;
		h->b[i] = (uint8_t)((hi - digits) << 4 | (lo - digits));
	}
	return 0;
}

bool snap_hash_equal(const struct snap_hash *a, const struct snap_hash *b)
{
	return memcmp(a->b, b->b, SNAP_HASH_SIZE) == 0;
}
