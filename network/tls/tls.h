/*
 * tls - the session's certificate authority, the leaves that it signs, what is trusted upstream,
 * and a look into a ClientHello. No sockets: an SSL made here gets its bytes from whoever
 * asked for it (network/proxy/tls_stream.h).
 *
 * One struct tls a proxy, on the loop's thread. tls_new() does all that needs files, so it comes
 * before the proxy confines itself; nothing later opens any.
 */
#ifndef NONO_TLS_H
#define NONO_TLS_H

#include <openssl/ssl.h>

#include "common/common.h"
#include "network/network.h"

/* ---- the first bytes of a connection --------------------------------------------------------- */

#define TLS_HELLO_MAX 16384 /* of a ClientHello that is looked at */

enum tls_hello_kind {
	TLS_HELLO_MORE = 0, /* too few bytes to say */
	TLS_HELLO_NOT,	    /* another protocol than TLS */
	TLS_HELLO_BAD,	    /* begins as TLS and then is not a ClientHello, or one too large */
	TLS_HELLO_IS,
};
struct tls_hello {
	char name[256]; /* server_name as it came, "" if there is none or it can't be a name */
	bool has_name;	/* there is a server_name extension */
	bool ech;	/* an encrypted one too (or its GREASE, which looks the same) */
	bool h2;	/* ALPN offers h2 */
	bool early;	/* early_data */
};
/* Pure: p is what came since the beginning of the connection, however it is cut into records.
 * More than 2 * TLS_HELLO_MAX bytes need not be offered. */
enum tls_hello_kind tls_hello_read(const void *p, size_t n, struct tls_hello *out);
/* Does a connection that begins so lead to h? True without a name: then only h's own address or a
 * default server can answer. */
bool tls_hello_agrees(const struct tls_hello *hello, const struct net_host *h);

/* ---- authority, leaves, contexts ------------------------------------------------------------- */

struct tls;

struct tls_options {
	const char *user_ca_file;   /* SSL_CERT_FILE of whoever starts the proxy; NULL */
	const char *system_ca_file; /* NULL: the known places are tried */
};
/* Makes the authority (or loads c->ca_cert and c->ca_key), writes c->ca_bundle, opens what routes
 * name. c is borrowed. */
struct tls *tls_new(const struct net_config *c, const struct tls_options *o, struct err *err);
void tls_free(struct tls *t);
/* The authority's certificate as PEM text. */
const char *tls_authority_pem(const struct tls *t);

/* As the host: for a client that was let through to it by name (or by address). Only call it for
 * hosts that the rules allow. h2: may be agreed on by ALPN. Free with SSL_free(). */
SSL *tls_server(struct tls *t, const struct net_host *h, uint16_t port, bool h2, struct err *err);
/* To the host; its certificate must be for that name. route: with its tls_ca, tls_cert, tls_key;
 * NULL = none. Sessions are resumed. */
SSL *tls_client(struct tls *t, const struct net_host *h, uint16_t port,
		const struct policy_route *route, bool h2, struct err *err);

bool tls_is_h2(const SSL *ssl); /* ALPN said so */
/* SNI of a connection that was accepted: does it name h? None is fine. */
bool tls_sni_agrees(const SSL *ssl, const struct net_host *h);
/* Why it failed, in words for a person; takes OpenSSL's queue of errors. certificate: the other
 * side's was refused (or ours by the other side). */
void tls_why(const SSL *ssl, struct err *err, bool *certificate);

/* ---- text of certificates -------------------------------------------------------------------- */

/* Appends the PEM blocks of certificates in p and nothing else of it; their number. */
size_t tls_pem_certificates(const char *p, size_t n, struct buf *out);

#endif
