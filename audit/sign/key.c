#include "audit/sign/sign.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/store.h>
#include <openssl/x509.h>

int openssl_error(struct err *err, const char *what)
{
	char reason[200];
	unsigned long e = ERR_peek_last_error();

	if (!e)
		return err_set(err, "%s", what);
	ERR_error_string_n(e, reason, sizeof(reason));
	return err_set(err, "%s: %s", what, reason);
}

void key_free(struct key *k)
{
	EVP_PKEY_free(k->pkey);
	free(k->public_b64);
}

char *base64(const void *p, size_t n)
{
	char *s = xcalloc(n / 3 + 1, 4 + 1);

	EVP_EncodeBlock((unsigned char *)s, p, (int)n);
	return s;
}

ssize_t unbase64(const char *s, unsigned char **out)
{
	size_t n = strlen(s);
	int len;

	*out = NULL;
	if (n == 0 || n % 4 || n > SIGN_INPUT_MAX)
		return -1;
	*out = xcalloc(n / 4 + 1, 3);
	len = EVP_DecodeBlock(*out, (const unsigned char *)s, (int)n);
	if (len < 0)
		return -1;
	return len - (s[n - 1] == '=') - (s[n - 2] == '=');
}

/* What is signed with, and what it is called. */
static int key_ready(struct key *k, struct err *err)
{
	unsigned char *der = NULL, sum[SHA256_DIGEST_LENGTH];
	char group[32] = "";
	int n;

	if (EVP_PKEY_is_a(k->pkey, "EC"))
		EVP_PKEY_get_group_name(k->pkey, group, sizeof(group), NULL);
	if (!EVP_PKEY_is_a(k->pkey, "ED25519") && !str_eq(group, "prime256v1") &&
	    !str_eq(group, "P-256"))
		return err_set(err, "the key is neither ECDSA P-256 nor Ed25519");
	n = i2d_PUBKEY(k->pkey, &der);
	if (n <= 0)
		return openssl_error(err, "the key has no public part");
	SHA256(der, (size_t)n, sum);
	for (size_t i = 0; i < sizeof(sum); i++)
		snprintf(k->id + 2 * i, 3, "%02x", sum[i]);
	k->public_b64 = base64(der, (size_t)n);
	OPENSSL_free(der);
	return 0;
}

/* No key asks for a password here: nobody could type one. */
static int no_password(char *buf, int size, int rwflag, void *data)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)data;
	return -1;
}

int key_from_pem(struct key *k, const char *pem, size_t n, bool private, struct err *err)
{
	BIO *b = BIO_new_mem_buf(pem, (int)n);

	*k = (struct key){0};
	k->pkey = private ? PEM_read_bio_PrivateKey(b, NULL, no_password, NULL)
			  : PEM_read_bio_PUBKEY(b, NULL, no_password, NULL);
	BIO_free(b);
	if (!k->pkey)
		return openssl_error(err, private ? "it holds no private key in PEM"
						  : "it holds no public key in PEM");
	return key_ready(k, err);
}

/* By a provider of OpenSSL. */
static EVP_PKEY *provider_key(const char *uri)
{
	OSSL_STORE_CTX *s = OSSL_STORE_open(uri, NULL, NULL, NULL, NULL);
	EVP_PKEY *key = NULL;

	while (s && !key && !OSSL_STORE_eof(s)) {
		OSSL_STORE_INFO *i = OSSL_STORE_load(s);
		if (i && OSSL_STORE_INFO_get_type(i) == OSSL_STORE_INFO_PKEY)
			key = OSSL_STORE_INFO_get1_PKEY(i);
		OSSL_STORE_INFO_free(i);
		if (!i && OSSL_STORE_error(s))
			break;
	}
	OSSL_STORE_close(s);
	return key;
}

int key_from_uri(struct key *k, const char *uri, struct err *err)
{
	*k = (struct key){.pkey = provider_key(uri)};
	if (!k->pkey)
		k->pkey = engine_key(uri);
	if (k->pkey)
		return key_ready(k, err);
	return openssl_error(
	    err, "no private key can be had by the URI (that takes a pkcs11 provider in "
		 "openssl.cnf or the engine pkcs11, the token, and its PIN by pin-source)");
}

int key_from_public_b64(struct key *k, const char *b64, struct err *err)
{
	unsigned char *der;
	ssize_t n = unbase64(b64, &der);
	const unsigned char *p = der;

	*k = (struct key){0};
	if (n > 0)
		k->pkey = d2i_PUBKEY(NULL, &p, n);
	free(der);
	if (!k->pkey)
		return openssl_error(err, "the public key is damaged");
	return key_ready(k, err);
}
