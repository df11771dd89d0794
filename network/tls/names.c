/*
 * Names that a client says in TLS against the host that it was let through to.
 */
#include "network/tls/tls.h"

static bool names(const char *said, const struct net_host *h)
{
	struct net_host named;

	if (net_host_parse(said, strlen(said), &named, NULL) < 0)
		return false;
	return strcmp(named.name, h->name) == 0;
}

bool tls_hello_agrees(const struct tls_hello *hello, const struct net_host *h)
{
	return !hello->has_name || names(hello->name, h);
}

bool tls_sni_agrees(const SSL *ssl, const struct net_host *h)
{
	const char *said = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	return !said || names(said, h);
}
