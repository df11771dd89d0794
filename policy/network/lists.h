/*
 * network_lists - hosts by the name of a list. Internal to the room.
 */
#ifndef NONO_POLICY_NETWORK_LISTS_H
#define NONO_POLICY_NETWORK_LISTS_H

#include "policy/policy.h"
#include "policy/profile.h"

typedef void network_host_fn(void *data, const char *host, const char *source);

/* Calls add for each host of a network profile; false if there is none of that name. */
bool network_profile_hosts(const char *name, const char *home, network_host_fn *add, void *data);
const char *network_profile_name(size_t i); /* NULL past the end */

/* Where the user's tools fetch packages: what npm, pip, cargo, go and apt are set to. Only the
 * user's and the system's settings count: those of a project come with the project. */
void network_registries(const char *home, network_host_fn *add, void *data, const char *source);

/* Adds what says "HOST", "HOST:PORT", "METHOD? https://HOST/PATH-GLOB", "HOST:PORT/PATH". */
int network_add_domain(struct policy_domains *l, const char *text, const char *source,
		       struct err *err);
int network_add_endpoint(struct policy_domains *l, const char *host, const char *method,
			 const char *path, const char *source, struct err *err);
void network_add_rule(struct policy_endpoints *l, enum policy_net_action action, const char *method,
		      const char *path);

/* Of --allow-endpoint: is it "HOST:PORT/PATH", and not "SERVICE:METHOD:PATH"? */
bool network_endpoint_of_host(const char *text);

/* A route of custom_credentials (a map that the schema accepted). */
int network_custom_route(const char *name, const struct place *at, struct policy_route *out,
			 struct err *err);
/* What is not said of a route, as network_custom_route() does; checks it. */
int network_complete_route(struct policy_route *r, struct err *err);
int network_capture(const char *name, const struct place *at, struct policy_capture *out,
		    struct err *err);

/* ---- parts of network_take() ---- */

/* network/hosts.c. The error again, with the option or the member that it is about. */
int network_in_flag(const char *flag, const char *text, struct err *err);
int network_in_member(const char *member, const char *label, struct err *err);
int network_take_profile(struct policy_network *n, const char *name, const char *home,
			 struct err *err);
int network_take_hosts(struct policy_network *n, const struct policy_input *in,
		       const struct profile *p, struct err *err);
int network_take_denies(struct policy_network *n, const struct policy_input *in,
			const struct profile *p, struct err *err);
/* network/credentials.c */
int network_take_credentials(struct policy_network *n, const struct policy_input *in,
			     const struct profile *p, struct err *err);
bool network_keystore_routes(const struct profile *p); /* does credentials.keystore name any? */
int network_check_proxy_mode(const struct profile *p, struct err *err);

/* From profile and flags to p->network and p->net_blocked. */
int network_take(struct policy *p, const struct policy_input *in, const struct profile *prof,
		 struct err *err);

#endif
