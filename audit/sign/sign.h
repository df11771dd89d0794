/*
 * sign - nono-sign, the one program of the audit log that links OpenSSL's signatures: keys, DSSE
 * envelopes in Sigstore's bundle form, RFC 3161 time stamps. It is started by nono, by name of what
 * it shall do, and reads its input from standard input:
 *
 *   serve [URI]  a socket as standard input; messages of a 4-byte length (big endian) and text: in:
 * the key in PEM (empty with a URI), out: {"key_id","public_key","algorithm"} or {"error"}; then
 * each statement in, its bundle or {"error"} out, until the socket ends verify       in:
 * {"bundle","public_key","expected"}, out: what was found, as JSON stamp URL [CA]  in: bytes to be
 * stamped, out: the server's answer (DER); with CA (PEM) checked check CA FILE   in: the bytes,
 * FILE: the answer; exit code 0 when it holds
 */
#ifndef NONO_AUDIT_SIGN_H
#define NONO_AUDIT_SIGN_H

#include "common/common.h"

#include <cjson/cJSON.h>
#include <openssl/evp.h>

#define SIGN_INPUT_MAX (4u << 20)

struct key {
	EVP_PKEY *pkey;
	char id[65];	  /* SHA-256 of the public key's DER */
	char *public_b64; /* DER of SubjectPublicKeyInfo in base64 */
};
void key_free(struct key *k);
/* ECDSA P-256 or Ed25519; anything else is refused. */
int key_from_pem(struct key *k, const char *pem, size_t n, bool private, struct err *err);
int key_from_uri(struct key *k, const char *uri, struct err *err); /* pkcs11:... */
EVP_PKEY *engine_key(const char *uri); /* the same by OpenSSL's engine pkcs11; NULL: no such key */
int key_from_public_b64(struct key *k, const char *b64, struct err *err);

char *base64(const void *p, size_t n);
/* Bytes, -1 if it is none. Caller frees *out. */
ssize_t unbase64(const char *s, unsigned char **out);

int dsse_sign(const struct key *k, const char *statement, size_t n, struct buf *bundle,
	      struct err *err);
/* The whole answer of "verify". */
cJSON *dsse_verify(const cJSON *in);

int stamp_get(const char *url, const char *ca, const void *data, size_t n, struct buf *answer,
	      struct err *err);
int stamp_check(const char *ca, const void *data, size_t n, const void *answer, size_t answer_n,
		struct err *err);

/* "what: OpenSSL's reason" */
int openssl_error(struct err *err, const char *what);

#endif
