/* Ports that the command line and profiles name. */
#include "policy/network/network.h"

bool policy_ports_have(const struct policy_ports *p, unsigned port)
{
	for (size_t i = 0; i < p->n; i++)
		if (port >= p->v[i].first && port <= p->v[i].last)
			return true;
	return false;
}

bool policy_network_needs_host(const struct policy_network *n)
{
	return n->open.n || n->listen.n || n->connect.n;
}
