/* Hosts, endpoints and pages that a person must agree to: asked for by the broker, for the network
 * proxy.
 */
#include "elevation/requests.h"

#define ACCESS NONO_WRITE /* what such decisions are kept under: they know no other */

static const struct policy_verdict grantable = {
    .reason = POLICY_NOT_GRANTED, .source = "network", .grantable = true};

static bool is_endpoint(const struct net_ask *a)
{
	return a->method[0] && a->path[0];
}

static void host_target(const char *host, uint16_t port, char *out, size_t size)
{
	snprintf(out, size, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, port);
}

static void target_of(const struct net_ask *a, char *out, size_t size)
{
	char host[300];

	if (a->url) {
		str_copy(out, size, a->url);
		return;
	}
	host_target(a->host, a->port, host, sizeof(host));
	if (is_endpoint(a))
		snprintf(out, size, "%s %s%s", a->method, host, a->path);
	else
		str_copy(out, size, host);
}

const char *request_path(const struct request *r)
{
	const char *path = strchr(r->target, '/');

	return path ? path : "";
}

void request_origin(const struct request *r, char *out, size_t size)
{
	const char *host = strstr(r->target, "://");
	size_t n = host ? (size_t)(host - r->target) + 3 : 0;

	n += strcspn(r->target + n, "/");
	snprintf(out, size, "%.*s", (int)n, r->target);
}

static int wait_for(struct elevation *e, const struct ask *ask, uint64_t id, struct err *err)
{
	struct requests *q = e->requests;
	const char *why;
	struct slot *s;

	pthread_mutex_lock(&q->lock);
	s = slot_for(e, ask, &why);
	if (s && s->n_nets == REQUESTS_NETS_MAX) {
		s = NULL;
		why = "too many wait for the same answer";
	}
	if (s)
		s->nets[s->n_nets++] = id;
	pthread_mutex_unlock(&q->lock);
	if (!s)
		return err_set(err, "%s", why);
	elevation_wake(e);
	return 0;
}

int elevation_ask_net(struct elevation *e, const struct net_ask *a, uint64_t id, struct err *err)
{
	char target[2048];
	const struct ask ask = {
	    .kind = a->url	     ? REQUEST_URL
		    : is_endpoint(a) ? REQUEST_ENDPOINT
				     : REQUEST_HOST,
	    .target = target,
	    .target2 = "",
	    .asked = target,
	    .program = a->program,
	    .reason = a->reason,
	    .origin = a->of_tool ? REQUEST_ORIGIN_TOOL : "network",
	    .access = ACCESS,
	    .exists = true,
	    .pid = a->pid,
	    .verdict = &grantable,
	    .rule = a->rule,
	    .timeout_s = a->timeout_s,
	    .backend = a->backend,
	    .net = a,
	};

	target_of(a, target, sizeof(target));
	if (a->of_tool)
		return wait_for(e, &ask, id, err);
	switch (standing_lookup(e->standing, target, ACCESS, &grantable)) {
	case STANDING_ALLOW:
		return 1;
	case STANDING_DENY:
		return err_set(err, "denied for this session");
	case STANDING_NONE:
		break;
	}
	/* Requests that are marked so are asked for anyway. */
	if (!e->cfg.policy->elevation && ask.kind != REQUEST_ENDPOINT)
		return err_set(err, "nobody is asked in this session");
	return wait_for(e, &ask, id, err);
}

/* Without anybody who waits the request ends at the next look. */
void elevation_drop_net(struct elevation *e, uint64_t id)
{
	struct requests *q = e->requests;

	pthread_mutex_lock(&q->lock);
	for (size_t i = 0; i < q->n; i++) {
		struct slot *s = q->order[i];

		for (unsigned k = 0; k < s->n_nets; k++)
			if (s->nets[k] == id)
				s->nets[k--] = s->nets[--s->n_nets];
	}
	pthread_mutex_unlock(&q->lock);
	elevation_wake(e);
}

void elevation_denied_net(struct elevation *e, const char *target, const char *program,
			  const char *rule, bool may_grant)
{
	__atomic_add_fetch(&e->denied, 1, __ATOMIC_RELAXED);
	violations_note(e->violations, target, "host", ACCESS, program, NULL, rule, "network",
			may_grant && e->cfg.policy->elevation, clock_real_ns());
	__atomic_store_n(&e->changed, true, __ATOMIC_RELAXED);
	elevation_wake(e);
}

void elevation_proxy_gone(struct elevation *e)
{
	__atomic_store_n(&e->proxy_port, 0, __ATOMIC_RELAXED);
}

int elevation_decide_host(struct elevation *e, const char *host, uint16_t port, bool allow,
			  const char *by, struct err *err)
{
	char id[REQUEST_ID_LEN + 1], target[300];
	struct audit_decision_event ev = {
	    .request_id = id,
	    .kind = request_kind_name(REQUEST_HOST),
	    .path = target,
	    .access = "connect",
	    .backend = "person",
	    .scope = "session",
	    .by = by,
	    .program = "",
	    .granted = allow,
	    .deny_reason = allow ? NULL : "a person said no",
	    .host = host,
	    .port = port,
	    .method = "",
	    .route = "",
	};

	host_target(host, port, target, sizeof(target));
	random_hex(id, 4);
	if (!audit_failed(e->cfg.log))
		audit_emit_decision(e->cfg.log, &ev);
	if (audit_failed(e->cfg.log) || audit_flush(e->cfg.log) < 0)
		return err_set(err, "the log can't be written, so nothing is decided");
	return standing_add(e->standing, target, ACCESS, allow, false, err);
}
