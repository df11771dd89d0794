/*
 * One of everything, and what went wrong in words.
 */
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "network/tls/internal.h"

enum { SECURE_BYTES = 64 * 1024, SECURE_SMALLEST = 32 };

int tls_fail(struct err *err, const char *fmt, ...)
{
	unsigned long e = ERR_peek_last_error();
	const char *reason = e ? ERR_reason_error_string(e) : NULL;
	char what[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	ERR_clear_error();
	return reason ? err_set(err, "%s: %s", what, reason) : err_set(err, "%s", what);
}

static int fill(struct tls *t, const struct net_config *c, const struct tls_options *o,
		struct err *err)
{
	if (trust_read(&t->trust, o, err) < 0)
		return -1;
	if (c->ca_cert && c->ca_key) {
		if (authority_load(&t->authority, c->ca_cert, c->ca_key, err) < 0)
			return -1;
	} else if (authority_make(&t->authority, c->session_id, c->network.ca_days, err) < 0) {
		return -1;
	}
	if (c->ca_bundle && trust_write_bundle(&t->trust, t->authority.pem, c->ca_bundle, err) < 0)
		return err_prefix(err, "the bundle of trusted authorities");
	return contexts_open(t, c, err);
}

struct tls *tls_new(const struct net_config *c, const struct tls_options *o, struct err *err)
{
	struct tls *t = xcalloc(1, sizeof(*t));

	/* Private numbers of keys then lie in locked pages that no dump contains. Where not so much
	 * may be locked they are at least not dumped. */
	if (!CRYPTO_secure_malloc_initialized())
		CRYPTO_secure_malloc_init(SECURE_BYTES, SECURE_SMALLEST);
	if (fill(t, c, o, err) < 0) {
		tls_free(t);
		return NULL;
	}
	return t;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	contexts_free(t);
	resume_free(&t->resume);
	leaves_free(&t->leaves);
	trust_free(&t->trust);
	authority_free(&t->authority);
	free(t);
}

const char *tls_authority_pem(const struct tls *t)
{
	return t->authority.pem;
}

/* ---- what went wrong ---- */

static const struct {
	int reason;
	const char *text;
} alerts[] = {
    {SSL_R_TLSV1_ALERT_UNKNOWN_CA,
     "it does not trust the session's authority (it may use its own list; SSL_CERT_FILE names "
     "ours)"},
    {SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, "it refuses the certificate"},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, "it does not accept the certificate (pinned?)"},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, "it takes the certificate for expired"},
    {SSL_R_UNSUPPORTED_PROTOCOL, "it speaks only versions before TLS 1.2"},
    {SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, "it does not speak TLS 1.2 or later"},
    {SSL_R_WRONG_VERSION_NUMBER, "what it speaks is not TLS"},
    {SSL_R_HTTP_REQUEST, "it speaks plain HTTP"},
    {SSL_R_NO_SHARED_CIPHER, "no cipher in common"},
    {SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, "it wants a client's certificate (tls_cert)"},
    {SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE, "it refuses the handshake"},
    {SSL_R_UNEXPECTED_EOF_WHILE_READING, "it closed the connection"},
};

static bool is_about_certificates(int reason)
{
	return reason == SSL_R_CERTIFICATE_VERIFY_FAILED ||
	       reason == SSL_R_TLSV1_ALERT_UNKNOWN_CA ||
	       reason == SSL_R_SSLV3_ALERT_BAD_CERTIFICATE ||
	       reason == SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN ||
	       reason == SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED;
}

void tls_why(const SSL *ssl, struct err *err, bool *certificate)
{
	unsigned long e = ERR_peek_last_error();
	int reason = e ? ERR_GET_REASON(e) : 0;
	long verified = SSL_get_verify_result(ssl);
	const char *text = NULL;

	*certificate = is_about_certificates(reason);
	ERR_clear_error();
	if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED && verified != X509_V_OK) {
		err_set(err, "its certificate is not good: %s",
			X509_verify_cert_error_string(verified));
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(alerts); i++)
		if (alerts[i].reason == reason)
			text = alerts[i].text;
	if (!text)
		text = e ? ERR_reason_error_string(e) : "it closed the connection";
	err_set(err, "%s", text ? text : "TLS failed");
}
