/* RFC 3161: a time-stamp server says that some bytes existed at a time. */
#include "audit/sign/sign.h"

#include <curl/curl.h>
#include <openssl/bio.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/ts.h>

#define ANSWER_MAX (256u << 10)

static TS_REQ *make_request(const void *data, size_t n)
{
	unsigned char sum[SHA256_DIGEST_LENGTH];
	TS_REQ *req = TS_REQ_new();
	TS_MSG_IMPRINT *imprint = TS_MSG_IMPRINT_new();
	X509_ALGOR *algo = X509_ALGOR_new();
	ASN1_INTEGER *nonce = ASN1_INTEGER_new();
	uint64_t random;

	SHA256(data, n, sum);
	RAND_bytes((unsigned char *)&random, sizeof(random));
	X509_ALGOR_set0(algo, OBJ_nid2obj(NID_sha256), V_ASN1_NULL, NULL);
	ASN1_INTEGER_set_uint64(nonce, random >> 1);
	TS_MSG_IMPRINT_set_algo(imprint, algo);
	TS_MSG_IMPRINT_set_msg(imprint, sum, sizeof(sum));
	TS_REQ_set_version(req, 1);
	TS_REQ_set_msg_imprint(req, imprint);
	TS_REQ_set_nonce(req, nonce);
	TS_REQ_set_cert_req(req, 1);
	X509_ALGOR_free(algo);
	TS_MSG_IMPRINT_free(imprint);
	ASN1_INTEGER_free(nonce);
	return req;
}

static size_t take(char *p, size_t size, size_t n, void *data)
{
	struct buf *b = data;

	if (n > ANSWER_MAX - b->len || size != 1)
		return 0;
	buf_add(b, p, n);
	return n;
}

static int post(const char *url, const void *data, size_t n, struct buf *answer, struct err *err)
{
	CURL *c = curl_easy_init();
	struct curl_slist *h = curl_slist_append(NULL, "Content-Type: application/timestamp-query");
	char reason[CURL_ERROR_SIZE] = "";
	long status = 0;
	CURLcode r;

	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, h);
	curl_easy_setopt(c, CURLOPT_POSTFIELDS, data);
	curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, (long)n);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, answer);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, 30L);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, reason);
	r = curl_easy_perform(c);
	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	curl_slist_free_all(h);
	curl_easy_cleanup(c);
	if (r != CURLE_OK)
		return err_set(err, "the time-stamp server: %s",
			       reason[0] ? reason : curl_easy_strerror(r));
	if (status != 200)
		return err_set(err, "the time-stamp server answers with status %ld", status);
	return 0;
}

static TS_RESP *parse(const void *answer, size_t n)
{
	const unsigned char *p = answer;

	return d2i_TS_RESP(NULL, &p, (long)n);
}

/* req: what was asked; NULL: the bytes alone. */
static int verify(TS_RESP *resp, TS_REQ *req, const char *ca, const void *data, size_t n,
		  struct err *err)
{
	TS_VERIFY_CTX *c = req ? TS_REQ_to_TS_VERIFY_CTX(req, NULL) : TS_VERIFY_CTX_new();
	X509_STORE *store = X509_STORE_new();
	int flags = TS_VFY_VERSION | TS_VFY_SIGNER | TS_VFY_SIGNATURE, ok;

	if (!req) {
		TS_VERIFY_CTX_set_data(c, BIO_new_mem_buf(data, (int)n));
		flags |= TS_VFY_DATA;
	} else {
		flags |= TS_VFY_IMPRINT | TS_VFY_NONCE;
	}
	TS_VERIFY_CTX_set_flags(c, flags);
	ok = X509_STORE_load_file(store, ca) == 1;
	TS_VERIFY_CTX_set_store(c, store);
	ok = ok && TS_RESP_verify_response(c, resp) == 1;
	TS_VERIFY_CTX_free(c);
	return ok ? 0 : openssl_error(err, "the time stamp does not hold");
}

int stamp_get(const char *url, const char *ca, const void *data, size_t n, struct buf *answer,
	      struct err *err)
{
	TS_REQ *req = make_request(data, n);
	unsigned char *der = NULL;
	int len = i2d_TS_REQ(req, &der), r = -1;
	TS_RESP *resp = NULL;

	if (len <= 0) {
		openssl_error(err, "the time-stamp request can't be made");
	} else if (post(url, der, (size_t)len, answer, err) == 0) {
		resp = parse(answer->data, answer->len);
		if (!resp || !TS_RESP_get_token(resp))
			openssl_error(err, "the time-stamp server refuses");
		else
			r = ca ? verify(resp, req, ca, NULL, 0, err) : 0;
	}
	OPENSSL_free(der);
	TS_REQ_free(req);
	TS_RESP_free(resp);
	return r;
}

int stamp_check(const char *ca, const void *data, size_t n, const void *answer, size_t answer_n,
		struct err *err)
{
	TS_RESP *resp = parse(answer, answer_n);
	int r = resp ? verify(resp, NULL, ca, data, n, err)
		     : openssl_error(err, "it is no answer of a time-stamp server");

	TS_RESP_free(resp);
	return r;
}
