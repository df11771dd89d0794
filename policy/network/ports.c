/* Ports that the command line and profiles name, alone or with a host. */
#include "policy/network/network.h"

bool policy_ports_have(const struct policy_ports *p, unsigned port)
{
	for (size_t i = 0; i < p->n; i++)
		if (port >= p->v[i].first && port <= p->v[i].last)
			return true;
	return false;
}

void policy_domain_text(const struct policy_domain *d, char out[POLICY_DOMAIN_TEXT_MAX])
{
	const char *form = strchr(d->name, ':') ? "[%s]:%u" : "%s:%u"; /* an IPv6 address */

	if (d->port)
		snprintf(out, POLICY_DOMAIN_TEXT_MAX, form, d->name, d->port);
	else
		str_copy(out, POLICY_DOMAIN_TEXT_MAX, d->name);
}

bool policy_network_needs_host(const struct policy_network *n)
{
	return n->open.n || n->listen.n || n->connect.n;
}
