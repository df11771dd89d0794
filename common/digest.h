/*
 * digest - SHA-256 and HMAC over it (FIPS 180-4, RFC 2104).
 *
 * On OpenSSL's plain block functions: EVP, which HMAC() and the one-shot SHA256() stand on, would
 * link half a library into nono and cost every start its relocations (test_binary.py looks).
 */
#ifndef NONO_COMMON_DIGEST_H
#define NONO_COMMON_DIGEST_H

#include <stddef.h>

#define OPENSSL_API_COMPAT 0x10100000L
#include <openssl/sha.h>

#define SHA256_HEX (2 * SHA256_DIGEST_LENGTH + 1)

void digest_sha256(const void *p, size_t n, unsigned char out[SHA256_DIGEST_LENGTH]);
void digest_hmac_sha256(const void *key, size_t key_n, const void *p, size_t n,
			unsigned char out[SHA256_DIGEST_LENGTH]);
/* Lower-case digits; out has 2 * n + 1 chars. */
void digest_hex(const unsigned char *p, size_t n, char *out);

#endif
