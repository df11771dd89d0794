/* SHA-256 and HMAC without EVP. */
#include <string.h>

#include "common/digest.h"

void digest_sha256(const void *p, size_t n, unsigned char out[SHA256_DIGEST_LENGTH])
{
	SHA256_CTX c;

	SHA256_Init(&c);
	SHA256_Update(&c, p, n);
	SHA256_Final(out, &c);
	explicit_bzero(&c, sizeof(c));
}

/* One of HMAC's two passes: the key, padded with one byte, goes before what is hashed. */
static void keyed(const unsigned char key[SHA256_CBLOCK], unsigned char pad, const void *p,
		  size_t n, unsigned char out[SHA256_DIGEST_LENGTH])
{
	unsigned char block[SHA256_CBLOCK];
	SHA256_CTX c;

	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = key[i] ^ pad;
	SHA256_Init(&c);
	SHA256_Update(&c, block, sizeof(block));
	SHA256_Update(&c, p, n);
	SHA256_Final(out, &c);
	explicit_bzero(block, sizeof(block));
	explicit_bzero(&c, sizeof(c));
}

void digest_hmac_sha256(const void *key, size_t key_n, const void *p, size_t n,
			unsigned char out[SHA256_DIGEST_LENGTH])
{
	unsigned char block[SHA256_CBLOCK] = {0};

	if (key_n > sizeof(block))
		digest_sha256(key, key_n, block);
	else if (key_n)
		memcpy(block, key, key_n);
	keyed(block, 0x36, p, n, out);
	keyed(block, 0x5c, out, SHA256_DIGEST_LENGTH, out);
	explicit_bzero(block, sizeof(block));
}

void digest_hex(const unsigned char *p, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 15];
	}
	out[2 * n] = '\0';
}
