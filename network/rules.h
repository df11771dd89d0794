/*
 * rules - what the files of the rules share. rules.c: making them, hosts and addresses;
 * rules_requests.c: requests.
 */
#ifndef NONO_NETWORK_RULES_H
#define NONO_NETWORK_RULES_H

#include "network/network.h"

struct target { /* of a route or login, where TLS is looked into */
	struct net_host host;
	uint16_t port;
	const struct policy_route *route; /* NULL: a login's */
	char path[512];			  /* of the upstream, without a slash at its end */
};

struct granted {
	char name[NET_NAME_MAX];
	uint16_t port;
};

struct net_rules {
	const struct policy_network *policy;
	const struct policy_domain **by_name;
	size_t n_names;
	struct target *targets;
	size_t n_targets;
	struct granted *granted;
	size_t n_granted;
	char (*denied)[NET_NAME_MAX]; /* for the session, by a person */
	size_t n_denied;
	bool denies_all; /* more than have room were denied */
};

static inline bool rules_same_host(const struct net_host *a, const struct net_host *b)
{
	return strcmp(a->name, b->name) == 0;
}
/* The first that leads there, NULL = none. */
const struct target *rules_target(const struct net_rules *r, const struct net_host *h,
				  uint16_t port);
/* By an answer, for the session. */
bool rules_granted(const struct net_rules *r, const struct net_host *h, uint16_t port);
/* Whatever lists it; *v says why. */
bool rules_denied(const struct net_rules *r, const struct net_host *h, struct net_verdict *v);

#endif
