/*
 * Leaves that were made, by name: signing one takes longer than the rest of a handshake.
 */
#include "network/tls/internal.h"

size_t tls_hash(const char *s, size_t seed)
{
	uint64_t h = 0xcbf29ce484222325u ^ seed;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3u;
	return (size_t)(h ^ h >> 32);
}

X509 *leaves_get(struct leaves *l, const struct authority *a, const struct net_host *h,
		 struct err *err)
{
	struct leaf *set = l->v[tls_hash(h->name, 0) % LEAF_SETS], *oldest = set;
	X509 *cert;

	for (size_t i = 0; i < LEAF_WAYS; i++) {
		struct leaf *e = &set[i];

		if (e->cert && strcmp(e->name, h->name) == 0) {
			e->used = ++l->clock;
			return e->cert;
		}
		if (e->used < oldest->used)
			oldest = e;
	}
	cert = authority_leaf(a, h, err);
	if (!cert)
		return NULL;
	X509_free(oldest->cert);
	oldest->cert = cert;
	oldest->used = ++l->clock;
	str_copy(oldest->name, sizeof(oldest->name), h->name);
	return cert;
}

void leaves_free(struct leaves *l)
{
	for (size_t i = 0; i < LEAF_SETS; i++)
		for (size_t j = 0; j < LEAF_WAYS; j++)
			X509_free(l->v[i][j].cert);
	memset(l, 0, sizeof(*l));
}
