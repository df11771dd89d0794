/*
 * The authority of a session: a key that never leaves this process, a certificate for a day, and
 * the leaves that it signs.
 */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <sys/stat.h>

#include "network/tls/internal.h"

enum { DAY = 24 * 60 * 60, BACKDATED = 5 * 60, SERIAL_BYTES = 16, FILE_MAX = 1 << 20 };

static void cleanup_x509(X509 **x)
{
	X509_free(*x);
}
static void cleanup_bio(BIO **b)
{
	BIO_free_all(*b);
}
#define _cleanup_x509_ _cleanup_(cleanup_x509)
#define _cleanup_bio_  _cleanup_(cleanup_bio)

static int add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *e;
	X509V3_CTX v3;
	int ok;

	X509V3_set_ctx(&v3, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &v3, nid, value);
	if (!e)
		return -1;
	ok = X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
	return ok ? 0 : -1;
}

static int set_serial(X509 *x)
{
	unsigned char bytes[SERIAL_BYTES];
	BIGNUM *n;
	int ok;

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return -1;
	bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40); /* positive, never short */
	n = BN_bin2bn(bytes, sizeof(bytes), NULL);
	ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));
	BN_free(n);
	return ok ? 0 : -1;
}

static int add_name(X509_NAME *name, const char *field, const char *value)
{
	return X509_NAME_add_entry_by_txt(name, field, MBSTRING_ASC, (const unsigned char *)value,
					  -1, -1, 0) == 1
		   ? 0
		   : -1;
}

static char *to_pem(X509 *x)
{
	_cleanup_bio_ BIO *b = BIO_new(BIO_s_mem());
	char *p;
	long n;

	if (!b || !PEM_write_bio_X509(b, x))
		return NULL;
	n = BIO_get_mem_data(b, &p);
	return xstrndup(p, (size_t)n);
}

static X509 *self_signed(EVP_PKEY *key, const char *session_id, unsigned days)
{
	_cleanup_x509_ X509 *x = X509_new();
	char title[64];
	X509_NAME *name;

	snprintf(title, sizeof(title), "nono session %.40s", session_id);
	if (!x || !X509_set_version(x, X509_VERSION_3) || set_serial(x) < 0 ||
	    !X509_gmtime_adj(X509_getm_notBefore(x), -BACKDATED) ||
	    !X509_time_adj_ex(X509_getm_notAfter(x), (int)days, 0, NULL) ||
	    !X509_set_pubkey(x, key))
		return NULL;
	name = X509_get_subject_name(x);
	if (add_name(name, "O", "nono") < 0 || add_name(name, "CN", title) < 0 ||
	    !X509_set_issuer_name(x, name))
		return NULL;
	if (add_extension(x, x, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") < 0 ||
	    add_extension(x, x, NID_key_usage, "critical,keyCertSign,cRLSign") < 0 ||
	    add_extension(x, x, NID_ext_key_usage, "serverAuth") < 0 ||
	    add_extension(x, x, NID_subject_key_identifier, "hash") < 0 ||
	    !X509_sign(x, key, EVP_sha256()))
		return NULL;
	return STEAL_PTR(x);
}

int authority_make(struct authority *a, const char *session_id, unsigned days, struct err *err)
{
	a->key = EVP_EC_gen("P-256");
	a->leaf_key = EVP_EC_gen("P-256");
	if (!a->key || !a->leaf_key)
		return tls_fail(err, "cannot make the keys of the session's authority");
	a->cert = self_signed(a->key, session_id, days ? days : 1);
	if (!a->cert || !(a->pem = to_pem(a->cert)))
		return tls_fail(err, "cannot make the certificate of the session's authority");
	return 0;
}

/* ---- files ---- */

static int no_passphrase(char *buf, int size, int rw, void *data)
{
	(void)buf, (void)size, (void)rw, (void)data;
	return -1;
}

int authority_load(struct authority *a, const char *cert_file, const char *key_file,
		   struct err *err)
{
	_cleanup_free_ char *cert = NULL;
	_cleanup_bio_ BIO *in = NULL;
	struct stat st;

	cert = file_read(cert_file, FILE_MAX, NULL, err);
	if (!cert)
		return -1;
	in = BIO_new_mem_buf(cert, -1);
	a->cert = in ? PEM_read_bio_X509(in, NULL, no_passphrase, NULL) : NULL;
	if (!a->cert)
		return tls_fail(err, "%s: no certificate in PEM form", cert_file);
	if (X509_check_ca(a->cert) != 1)
		return err_usage(err, "%s: not a certificate of an authority (CA:TRUE)", cert_file);
	if (stat(key_file, &st) < 0)
		return err_errno(err, errno, "cannot open %s", key_file);
	if (st.st_mode & S_IRWXO)
		return err_usage(err, "%s: others may read it; chmod 600 it first", key_file);
	BIO_free_all(in);
	in = BIO_new_file(key_file, "r");
	a->key = in ? PEM_read_bio_PrivateKey(in, NULL, no_passphrase, NULL) : NULL;
	if (!a->key)
		return tls_fail(err, "%s: no private key in PEM form without a passphrase",
				key_file);
	if (X509_check_private_key(a->cert, a->key) != 1)
		return tls_fail(err, "%s is not the key of %s", key_file, cert_file);
	if (X509_cmp_current_time(X509_get0_notAfter(a->cert)) <= 0)
		return err_usage(err, "%s: expired", cert_file);
	a->leaf_key = EVP_EC_gen("P-256");
	if (!a->leaf_key || !(a->pem = to_pem(a->cert)))
		return tls_fail(err, "cannot use %s", cert_file);
	return 0;
}

void authority_free(struct authority *a)
{
	X509_free(a->cert);
	EVP_PKEY_free(a->key);
	EVP_PKEY_free(a->leaf_key);
	free(a->pem);
	memset(a, 0, sizeof(*a));
}

/* ---- leaves ---- */

/* An exact name or address. Built by hand: the text form would take commas in a name for more. */
static int add_alt_name(X509 *x, const struct net_host *h, bool critical)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	GENERAL_NAME *one = GENERAL_NAME_new();
	ASN1_STRING *value;
	const void *bytes = h->is_address ? (const void *)h->address : h->name;
	int n = h->is_address ? (h->family == AF_INET ? 4 : 16) : (int)strlen(h->name), ok = 0;

	value = h->is_address ? (ASN1_STRING *)ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();
	if (!names || !one || !value || !ASN1_STRING_set(value, bytes, n)) {
		GENERAL_NAME_free(one);
		ASN1_STRING_free(value);
	} else {
		GENERAL_NAME_set0_value(one, h->is_address ? GEN_IPADD : GEN_DNS, value);
		if (sk_GENERAL_NAME_push(names, one))
			ok = X509_add1_ext_i2d(x, NID_subject_alt_name, names, critical,
					       X509V3_ADD_DEFAULT);
		else
			GENERAL_NAME_free(one);
	}
	GENERAL_NAMES_free(names);
	return ok == 1 ? 0 : -1;
}

static int fill_leaf(X509 *x, const struct authority *a, const struct net_host *h)
{
	bool has_subject = strlen(h->name) <= ub_common_name;

	if (!X509_set_version(x, X509_VERSION_3) || set_serial(x) < 0 ||
	    !X509_set1_notBefore(x, X509_get0_notBefore(a->cert)) ||
	    !X509_set1_notAfter(x, X509_get0_notAfter(a->cert)) ||
	    !X509_set_pubkey(x, a->leaf_key) ||
	    !X509_set_issuer_name(x, X509_get_subject_name(a->cert)))
		return -1;
	if (has_subject && add_name(X509_get_subject_name(x), "CN", h->name) < 0)
		return -1;
	/* RFC 5280 4.2.1.6: critical if it is the only name. */
	if (add_alt_name(x, h, !has_subject) < 0)
		return -1;
	if (add_extension(x, a->cert, NID_basic_constraints, "critical,CA:FALSE") < 0 ||
	    add_extension(x, a->cert, NID_key_usage, "critical,digitalSignature") < 0 ||
	    add_extension(x, a->cert, NID_ext_key_usage, "serverAuth") < 0 ||
	    add_extension(x, a->cert, NID_subject_key_identifier, "hash") < 0 ||
	    add_extension(x, a->cert, NID_authority_key_identifier, "keyid") < 0)
		return -1;
	return X509_sign(x, a->key, EVP_sha256()) ? 0 : -1;
}

X509 *authority_leaf(const struct authority *a, const struct net_host *h, struct err *err)
{
	_cleanup_x509_ X509 *x = X509_new();

	if (!x || fill_leaf(x, a, h) < 0) {
		tls_fail(err, "cannot make a certificate for %s", h->name);
		return NULL;
	}
	return STEAL_PTR(x);
}
