/*
 * The rules' word, and where they want one, a person's.
 */
#include "network/proxy/job.h"

static void denied(struct job *j)
{
	const struct net_verdict *v = &j->verdict;
	const char *method = j->event.method;
	/* No entry of the list allows what is refused for good, or by a person. */
	bool may = str_eq(v->rule, "not listed");

	str_copy(j->event.rule, sizeof(j->event.rule), v->rule);
	if (v->endpoint || (v->category && !strcmp(v->category, "endpoint_policy")))
		job_deny(j, v->category ? v->category : "endpoint_policy",
			 "%s %s%s is not allowed (%s). --allow-endpoint can allow it", method,
			 j->event.host, j->event.path, v->rule);
	else
		job_deny(j, v->category ? v->category : "host_denied",
			 "%s:%u is not allowed (%s)%s%s%s", j->event.host, j->port, v->rule,
			 may ? ". --allow-domain " : "", may ? j->event.host : "",
			 may ? " can allow it" : "");
}

static void next(struct job *j);

/* Not about the host: that is allowed. */
static bool about_request(const struct job *j)
{
	return j->verdict.category && str_eq(j->verdict.category, "endpoint_policy");
}

static void on_answer(struct ask *a)
{
	struct job *j = a->data;

	j->asking = false;
	j->event.decision = (uint8_t)a->decision;
	if (a->decision == NET_APPROVE_GRANTED) {
		j->host_granted = !about_request(j);
		job_allowed(j);
		return;
	}
	str_copy(j->event.reason, sizeof(j->event.reason), a->why);
	job_deny(j, about_request(j) ? "endpoint_policy" : "host_denied", "%s %s%s was denied%s%s",
		 j->event.method, j->event.host, j->event.path, *a->why ? ": " : "", a->why);
}

/* Who agrees must have seen all of the path: an answer would else be for every one that begins like
 * it, or differs in what was not printable. */
static bool shown_whole(const struct job *j)
{
	const struct http_text *t = &j->x->request.target;
	size_t from = j->by_route ? j->route_prefix : 0, n = from;

	while (n < t->n && t->p[n] != '?' && t->p[n] != '#')
		n++;
	return n - from == strlen(j->event.path) &&
	       memcmp(t->p + from, j->event.path, n - from) == 0;
}

static void ask(struct job *j)
{
	struct proxy *p = j->x->proxy;
	const struct policy_endpoint *e = j->verdict.endpoint;

	if (about_request(j) && !shown_whole(j)) {
		str_copy(j->verdict.rule, sizeof(j->verdict.rule),
			 "its path can't be shown as a whole to anyone");
		denied(j);
		return;
	}
	str_copy(j->event.rule, sizeof(j->event.rule), j->verdict.rule);
	if (p->link.fd < 0) { /* nobody to ask */
		denied(j);
		return;
	}
	if (about_request(j)) {
		str_copy(j->event.category, sizeof(j->event.category), "endpoint_policy");
		if (j->verdict.route)
			str_copy(j->event.route, sizeof(j->event.route), j->verdict.route->name);
	}
	if (e && e->reason)
		str_copy(j->event.reason, sizeof(j->event.reason), e->reason);
	j->event.decision = NET_APPROVE_REQUESTED;
	j->event.time_ns = clock_real_ns();
	j->asking = true;
	j->ask = (struct ask){.answered = on_answer, .data = j};
	ask_start(p, &j->ask, &j->event, j->verdict.timeout_s, j->verdict.backend);
}

static void next(struct job *j)
{
	struct net_verdict *v = &j->verdict;

	switch (v->action) {
	case POLICY_NET_ALLOW:
		job_allowed(j);
		break;
	case POLICY_NET_APPROVE:
		ask(j);
		break;
	case POLICY_NET_DENY:
	default:
		denied(j);
	}
}

void job_decide(struct job *j)
{
	struct exchange *x = j->x;
	const struct net_rules *r = x->proxy->rules;
	struct net_verdict *v = &j->verdict;

	*v = (struct net_verdict){0};
	if (j->by_route) {
		/* What the route's rules are about is the path below it. */
		struct http_text t = x->request.target;

		net_check_route(r, j->route, j->event.method, t.p + j->route_prefix,
				t.n - j->route_prefix, v);
		next(j);
		return;
	}
	if (!x->origin)
		net_check_host(r, &j->host, j->port, v);
	if (!j->connect && v->action == POLICY_NET_ALLOW) {
		*v = (struct net_verdict){0};
		net_check_request(r, &j->host, j->port, j->event.method, x->request.target.p,
				  x->request.target.n, v);
	}
	str_copy(j->event.rule, sizeof(j->event.rule), v->rule);
	next(j);
}
