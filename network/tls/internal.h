/*
 * What the files of network/tls/ share.
 */
#ifndef NONO_TLS_INTERNAL_H
#define NONO_TLS_INTERNAL_H

#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "network/tls/tls.h"

/* ---- authority.c: keys and certificates ---- */

struct authority {
	X509 *cert;
	EVP_PKEY *key;	    /* in locked pages where the system lets us */
	EVP_PKEY *leaf_key; /* one for all leaves: they live and die together */
	char *pem;
};
int authority_make(struct authority *a, const char *session_id, unsigned days, struct err *err);
int authority_load(struct authority *a, const char *cert_file, const char *key_file,
		   struct err *err);
void authority_free(struct authority *a);
X509 *authority_leaf(const struct authority *a, const struct net_host *h, struct err *err);

/* ---- leaves.c: leaves by name, at most LEAVES of them ---- */

enum { LEAF_SETS = 128, LEAF_WAYS = 4 };
struct leaf {
	char name[NET_NAME_MAX];
	X509 *cert;
	uint64_t used;
};
struct leaves {
	struct leaf v[LEAF_SETS][LEAF_WAYS];
	uint64_t clock;
};
/* Borrowed until the next call. */
X509 *leaves_get(struct leaves *l, const struct authority *a, const struct net_host *h,
		 struct err *err);
void leaves_free(struct leaves *l);

/* ---- trust.c: what is trusted upstream, and the bundle for the agent ---- */

struct trust {
	struct buf pem; /* the system's and the user's */
	X509_STORE *store;
};
int trust_read(struct trust *t, const struct tls_options *o, struct err *err);
int trust_write_bundle(const struct trust *t, const char *authority_pem, const char *path,
		       struct err *err);
/* Parsed when it is needed for the first time; borrowed. */
X509_STORE *trust_store(struct trust *t);
/* A store of what is in t and in pem besides. */
X509_STORE *trust_store_with(struct trust *t, const char *pem, size_t n);
void trust_free(struct trust *t);

/* ---- resume.c: sessions of upstream connections ---- */

enum { RESUME_SETS = 64, RESUME_WAYS = 4 };
struct resume_entry {
	char name[NET_NAME_MAX];
	uint16_t port, context;
	uint64_t used;
	SSL_SESSION *session;
};
struct resume {
	struct resume_entry v[RESUME_SETS][RESUME_WAYS];
	uint64_t clock;
};
SSL_SESSION *resume_get(struct resume *r, const char *name, uint16_t port, uint16_t context);
/* Takes the session. */
void resume_put(struct resume *r, const char *name, uint16_t port, uint16_t context,
		SSL_SESSION *session);
void resume_free(struct resume *r);

size_t tls_hash(const char *s, size_t seed); /* FNV-1a */

/* ---- contexts.c ---- */

/* One for each route that has files of its own; [0] is everybody else's. */
struct client_context {
	const struct policy_route *route;
	SSL_CTX *ctx;
	struct buf ca; /* what is in route->tls_ca */
	bool trusts;   /* its store was filled */
};
struct tls {
	struct authority authority;
	struct leaves leaves;
	struct trust trust;
	struct resume resume;
	SSL_CTX *server;
	struct client_context *clients;
	size_t n_clients;
	int place_index; /* of an SSL's data: where it leads */
};
int contexts_open(struct tls *t, const struct net_config *c, struct err *err);
void contexts_free(struct tls *t);

/* Appends OpenSSL's last error and empties its queue; -1. */
int tls_fail(struct err *err, const char *fmt, ...) _printf_(2, 3);

#endif
