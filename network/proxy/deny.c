/*
 * What a denial of a host ends: tunnels that lead there, and requests at whatever point they are,
 * an answer that is still coming among them.
 */
#include "network/proxy/h1_server.h"
#include "network/proxy/h2_server.h"
#include "network/proxy/job.h"

static void cut(struct exchange *x, const char *host, const char *why)
{
	struct job *j = x ? x->job : NULL;

	if (!x || x->finished || !str_eq(j->event.host, host))
		return;
	job_stop(j);
	j->event.decision = NET_DENIED;
	str_copy(j->event.category, sizeof(j->event.category), "host_denied");
	str_copy(j->event.reason, sizeof(j->event.reason), why);
	job_answer(j, 403, "%s: %s", host, why);
}

void deny_host(struct proxy *p, const char *host, const char *why)
{
	tunnel_end_host(p, host, why);
	/* Connections are freed from the loop only, so that the lists stay as they are. */
	for (struct h1_server *c = p->servers; c; c = c->next)
		cut(c->x, host, why);
	for (struct h2_server *c = p->h2_servers; c; c = c->next)
		for (struct h2_request *r = c->requests; r; r = r->next)
			cut(r->x, host, why);
}
