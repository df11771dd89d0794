/*
 * The settings of TLS on both sides: towards the agent, and upstream with and without the files of
 * a route.
 */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "network/tls/internal.h"

enum { CA_FILE_MAX = 1 << 20 };

static const unsigned char alpn_h1[] = "\x08http/1.1";
static const unsigned char alpn_both[] = "\x02h2\x08http/1.1";

/* Bounded reading, no buffers kept by idle connections, writes that may be cut anywhere. */
static void common_settings(SSL_CTX *ctx)
{
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
				     SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				  SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_read_ahead(ctx, 1);
}

/* ---- towards the agent ---- */

/* What both sides know; the client's order does not matter. The SSL's own data says if h2 may be.
 */
static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_n,
		       const unsigned char *in, unsigned in_n, void *arg)
{
	bool h2 = SSL_get_app_data(ssl) != NULL;
	const unsigned char *ours = h2 ? alpn_both : alpn_h1;
	unsigned ours_n = (h2 ? sizeof(alpn_both) : sizeof(alpn_h1)) - 1;

	(void)arg;
	/* Nothing in common: as if the client had not asked. A client that insists notices. */
	if (SSL_select_next_proto((unsigned char **)out, out_n, ours, ours_n, in, in_n) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *server_context(struct err *err)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (!ctx) {
		tls_fail(err, "cannot set up TLS");
		return NULL;
	}
	common_settings(ctx);
	SSL_CTX_set_alpn_select_cb(ctx, choose_alpn, NULL);
	/* Tickets only: nothing is kept here for a client. One is enough. */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 1);
	SSL_CTX_set_max_early_data(ctx, 0);
	return ctx;
}

/* A ticket for one host does not open another. */
static int bind_session(SSL *ssl, const struct net_host *h, uint16_t port)
{
	unsigned char id[SSL_MAX_SSL_SESSION_ID_LENGTH];
	unsigned n = 0;
	char place[NET_NAME_MAX + 8];
	int len = snprintf(place, sizeof(place), "%s:%u", h->name, port);

	if (EVP_Digest(place, (size_t)len, id, &n, EVP_sha256(), NULL) != 1)
		return -1;
	return SSL_set_session_id_context(ssl, id, n) == 1 ? 0 : -1;
}

SSL *tls_server(struct tls *t, const struct net_host *h, uint16_t port, bool h2, struct err *err)
{
	X509 *leaf = leaves_get(&t->leaves, &t->authority, h, err);
	SSL *ssl;

	if (!leaf)
		return NULL;
	ssl = SSL_new(t->server);
	if (!ssl || SSL_use_cert_and_key(ssl, leaf, t->authority.leaf_key, NULL, 1) != 1 ||
	    bind_session(ssl, h, port) < 0) {
		SSL_free(ssl);
		tls_fail(err, "cannot answer as %s", h->name);
		return NULL;
	}
	SSL_set_app_data(ssl, h2 ? t : NULL);
	SSL_set_accept_state(ssl);
	return ssl;
}

/* ---- upstream ---- */

/* Where a client's SSL leads, for the cache of sessions; held in its data. */
struct place {
	uint16_t port, context;
	char name[NET_NAME_MAX];
};

static void free_place(void *parent, void *p, CRYPTO_EX_DATA *ad, int i, long argl, void *argp)
{
	(void)parent, (void)ad, (void)i, (void)argl, (void)argp;
	free(p);
}

static int keep_session(SSL *ssl, SSL_SESSION *session)
{
	struct tls *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	struct place *p = SSL_get_ex_data(ssl, t->place_index);

	if (!p || SSL_get_verify_result(ssl) != X509_V_OK)
		return 0;
	resume_put(&t->resume, p->name, p->port, p->context, session);
	return 1;
}

static SSL_CTX *client_context(struct tls *t, struct err *err)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (!ctx) {
		tls_fail(err, "cannot set up TLS");
		return NULL;
	}
	common_settings(ctx);
	SSL_CTX_set_app_data(ctx, t);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_session_cache_mode(ctx,
				       SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
	SSL_CTX_sess_set_new_cb(ctx, keep_session);
	return ctx;
}

static int load_client_certificate(SSL_CTX *ctx, const struct policy_route *r, struct err *err)
{
	const char *key = r->tls_key ? r->tls_key : r->tls_cert;

	if (SSL_CTX_use_certificate_chain_file(ctx, r->tls_cert) != 1)
		return tls_fail(err, "route %s: %s: no client certificate in PEM form", r->name,
				r->tls_cert);
	if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		return tls_fail(err, "route %s: %s: not the key of %s", r->name, key, r->tls_cert);
	return 0;
}

static int open_route(struct tls *t, struct client_context *c, const struct policy_route *r,
		      struct err *err)
{
	c->route = r;
	if (r->tls_ca) {
		size_t n;
		_cleanup_free_ char *text = file_read(r->tls_ca, CA_FILE_MAX, &n, err);

		if (!text)
			return err_prefix(err, "route %s", r->name);
		if (!tls_pem_certificates(text, n, &c->ca))
			return err_usage(err, "route %s: %s: no certificates in PEM form", r->name,
					 r->tls_ca);
	}
	c->ctx = client_context(t, err);
	if (!c->ctx)
		return -1;
	return r->tls_cert ? load_client_certificate(c->ctx, r, err) : 0;
}

int contexts_open(struct tls *t, const struct net_config *c, struct err *err)
{
	const struct policy_routes *routes = &c->network.routes;

	t->place_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, free_place);
	t->clients = xcalloc(routes->n + 1, sizeof(*t->clients));
	t->n_clients = 1;
	t->server = server_context(err);
	if (!t->server || t->place_index < 0)
		return -1;
	t->clients[0].ctx = client_context(t, err);
	if (!t->clients[0].ctx)
		return -1;
	for (size_t i = 0; i < routes->n; i++) {
		const struct policy_route *r = &routes->v[i];

		if ((r->tls_ca || r->tls_cert) &&
		    open_route(t, &t->clients[t->n_clients++], r, err) < 0)
			return -1;
	}
	return 0;
}

void contexts_free(struct tls *t)
{
	SSL_CTX_free(t->server);
	for (size_t i = 0; i < t->n_clients; i++) {
		SSL_CTX_free(t->clients[i].ctx);
		buf_free(&t->clients[i].ca);
	}
	free(t->clients);
}

/* Parsing a system's authorities takes a while: when the first connection needs them. */
static int trust(struct tls *t, struct client_context *c)
{
	X509_STORE *store;

	if (c->trusts)
		return 0;
	if (c->ca.len) {
		store = trust_store_with(&t->trust, c->ca.data, c->ca.len);
	} else {
		store = trust_store(&t->trust);
		if (store)
			X509_STORE_up_ref(store);
	}
	if (!store)
		return -1;
	SSL_CTX_set_cert_store(c->ctx, store);
	c->trusts = true;
	return 0;
}

static int expect_host(SSL *ssl, const struct net_host *h)
{
	if (h->is_address)
		return X509_VERIFY_PARAM_set1_ip(SSL_get0_param(ssl), h->address,
						 h->family == AF_INET ? 4 : 16) == 1
			   ? 0
			   : -1;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (SSL_set1_host(ssl, h->name) != 1 || SSL_set_tlsext_host_name(ssl, h->name) != 1)
		return -1;
	return 0;
}

static int lead_to(struct tls *t, SSL *ssl, const struct net_host *h, uint16_t port,
		   uint16_t context)
{
	struct place *p = xcalloc(1, sizeof(*p));
	SSL_SESSION *old;

	*p = (struct place){.port = port, .context = context};
	str_copy(p->name, sizeof(p->name), h->name);
	if (SSL_set_ex_data(ssl, t->place_index, p) != 1) {
		free(p);
		return -1;
	}
	old = resume_get(&t->resume, h->name, port, context);
	return !old || SSL_set_session(ssl, old) == 1 ? 0 : -1;
}

SSL *tls_client(struct tls *t, const struct net_host *h, uint16_t port,
		const struct policy_route *route, bool h2, struct err *err)
{
	size_t i = t->n_clients - 1;
	const unsigned char *alpn = h2 ? alpn_both : alpn_h1;
	unsigned alpn_n = (h2 ? sizeof(alpn_both) : sizeof(alpn_h1)) - 1;
	SSL *ssl;

	while (i > 0 && t->clients[i].route != route)
		i--;
	ssl = trust(t, &t->clients[i]) == 0 ? SSL_new(t->clients[i].ctx) : NULL;
	if (!ssl || expect_host(ssl, h) < 0 || lead_to(t, ssl, h, port, (uint16_t)i) < 0 ||
	    SSL_set_alpn_protos(ssl, alpn, alpn_n) != 0) {
		SSL_free(ssl);
		tls_fail(err, "cannot set up TLS to %s", h->name);
		return NULL;
	}
	SSL_set_connect_state(ssl);
	return ssl;
}

bool tls_is_h2(const SSL *ssl)
{
	const unsigned char *p;
	unsigned n;

	SSL_get0_alpn_selected(ssl, &p, &n);
	return n == 2 && memcmp(p, "h2", 2) == 0;
}
