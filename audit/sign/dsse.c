/* DSSE envelopes (secure-systems-lab, protocol version 1) in Sigstore's bundle form. */
#include "audit/sign/sign.h"

#define PAYLOAD_TYPE "application/vnd.in-toto+json"
#define MEDIA_TYPE   "application/vnd.dev.sigstore.bundle.v0.3+json"

/* What is signed. */
static void pae(struct buf *b, const char *type, const void *payload, size_t n)
{
	buf_addf(b, "DSSEv1 %zu %s %zu ", strlen(type), type, n);
	buf_add(b, payload, n);
}

static const EVP_MD *digest_of(const struct key *k)
{
	return EVP_PKEY_is_a(k->pkey, "ED25519") ? NULL : EVP_sha256();
}

static int sign_bytes(const struct key *k, const struct buf *b, unsigned char **sig, size_t *n,
		      struct err *err)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	int ok = c && EVP_DigestSignInit(c, NULL, digest_of(k), NULL, k->pkey) == 1 &&
		 EVP_DigestSign(c, NULL, n, (const unsigned char *)b->data, b->len) == 1;

	*sig = ok ? xcalloc(1, *n) : NULL;
	ok = ok && EVP_DigestSign(c, *sig, n, (const unsigned char *)b->data, b->len) == 1;
	EVP_MD_CTX_free(c);
	return ok ? 0 : openssl_error(err, "it can't be signed");
}

static bool bytes_hold(const struct key *k, const struct buf *b, const unsigned char *sig, size_t n)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	bool ok = c && EVP_DigestVerifyInit(c, NULL, digest_of(k), NULL, k->pkey) == 1 &&
		  EVP_DigestVerify(c, sig, n, (const unsigned char *)b->data, b->len) == 1;

	EVP_MD_CTX_free(c);
	return ok;
}

int dsse_sign(const struct key *k, const char *statement, size_t n, struct buf *bundle,
	      struct err *err)
{
	_cleanup_(buf_free) struct buf b = {0};
	_cleanup_free_ unsigned char *sig = NULL;
	_cleanup_free_ char *payload = base64(statement, n), *sig64 = NULL;
	size_t sig_n = 0;

	pae(&b, PAYLOAD_TYPE, statement, n);
	if (sign_bytes(k, &b, &sig, &sig_n, err) < 0)
		return -1;
	sig64 = base64(sig, sig_n);
	buf_addf(bundle,
		 "{\"mediaType\":\"" MEDIA_TYPE "\",\"verificationMaterial\":{\"publicKey\":"
		 "{\"hint\":\"%s\"},\"tlogEntries\":[]},\"dsseEnvelope\":{\"payload\":\"%s\","
		 "\"payloadType\":\"" PAYLOAD_TYPE
		 "\",\"signatures\":[{\"sig\":\"%s\",\"keyid\":\"%s\"}]}}\n",
		 k->id, payload, sig64, k->id);
	return 0;
}

static const char *text(const cJSON *o, const char *key)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, key));

	return s ? s : "";
}

static int verify(const cJSON *in, const struct key *k, cJSON *out, struct err *err)
{
	const cJSON *env = cJSON_GetObjectItemCaseSensitive(
	    cJSON_GetObjectItemCaseSensitive(in, "bundle"), "dsseEnvelope");
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(env, "signatures"), *one;
	_cleanup_free_ unsigned char *payload = NULL;
	_cleanup_(buf_free) struct buf b = {0};
	ssize_t n = unbase64(text(env, "payload"), &payload);
	bool good = false, named = false;

	if (n <= 0 || memchr(payload, 0, (size_t)n) || !cJSON_IsArray(list))
		return err_set(err, "the bundle is damaged");
	pae(&b, text(env, "payloadType"), payload, (size_t)n);
	cJSON_ArrayForEach(one, list)
	{
		_cleanup_free_ unsigned char *sig = NULL;
		ssize_t sig_n = unbase64(text(one, "sig"), &sig);
		if (sig_n <= 0 || !bytes_hold(k, &b, sig, (size_t)sig_n))
			continue;
		good = true;
		named = named || str_eq(text(one, "keyid"), k->id);
	}
	cJSON_ReplaceItemInObjectCaseSensitive(out, "signature_verified", cJSON_CreateBool(good));
	cJSON_ReplaceItemInObjectCaseSensitive(out, "key_id_matches", cJSON_CreateBool(named));
	if (!good)
		return err_set(err, "no signature of the bundle is by this key");
	if (!str_eq(text(env, "payloadType"), PAYLOAD_TYPE))
		return err_set(err, "what is signed is no in-toto statement");
	payload[n] = '\0';
	cJSON_AddStringToObject(out, "payload", (const char *)payload);
	return 0;
}

cJSON *dsse_verify(const cJSON *in)
{
	cJSON *out = cJSON_CreateObject();
	struct key k = {0}, expected = {0};
	const char *pinned = text(in, "expected");
	struct err err = {0};
	int r;

	cJSON_AddFalseToObject(out, "signature_verified");
	cJSON_AddFalseToObject(out, "key_id_matches");
	r = key_from_public_b64(&k, text(in, "public_key"), &err);
	if (*pinned && r == 0)
		r = key_from_pem(&expected, pinned, strlen(pinned), false, &err);
	if (*pinned && r == 0) {
		bool same = EVP_PKEY_eq(k.pkey, expected.pkey) == 1;
		cJSON_AddBoolToObject(out, "expected_public_key_matches", same);
		if (!same)
			r = err_set(&err, "it was signed with another key than the one given");
	}
	if (k.id[0])
		cJSON_AddStringToObject(out, "key_id", k.id);
	if (k.pkey && verify(in, &k, out, r < 0 ? NULL : &err) < 0)
		r = -1;
	if (r < 0)
		cJSON_AddStringToObject(out, "verification_error", err.msg);
	key_free(&k);
	key_free(&expected);
	return out;
}
