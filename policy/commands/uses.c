/* Which credentials the tool of an edge uses, and what its requests with them may be. */
#include "policy/commands/decode.h"
#include "policy/network/lists.h"

static struct command_use *new_use(struct command_box *b, const char *name)
{
	struct command_use *u;

	for (size_t i = 0; i < b->n_uses; i++)
		if (str_eq(b->uses[i].name, name))
			return &b->uses[i];
	b->uses = xrealloc_array(b->uses, b->n_uses + 1, sizeof(*b->uses));
	u = &b->uses[b->n_uses++];
	*u = (struct command_use){.name = xstrdup(name)};
	return u;
}

struct endpoint_as_said {
	char *method, *path, *reason, *backend;
	unsigned timeout_s;
};

static void as_said_free(struct endpoint_as_said *s)
{
	free(s->method);
	free(s->path);
	free(s->reason);
	free(s->backend);
}

#define SAID(member) offsetof(struct endpoint_as_said, member)
static int take_rule(const struct decoder *d, const struct doc *one, struct policy_endpoints *to,
		     enum policy_net_action action)
{
	static const struct decode_row members[] = {
	    {"method", decode_string, SAID(method)},
	    {"path", decode_string, SAID(path)},
	    {"reason", decode_string, SAID(reason)},
	    {"backend", decode_string, SAID(backend)},
	    {"timeout_secs", decode_seconds, SAID(timeout_s)},
	    {0},
	};
	_cleanup_(as_said_free) struct endpoint_as_said s = {0};
	struct policy_endpoint *e;

	if (decode_map(d, one, members, &s, "an endpoint") < 0)
		return -1;
	if (!s.path || !*s.path)
		return doc_error(d->label, one, d->err,
				 "an endpoint is a map with \"method\" and \"path\"");
	network_add_rule(to, action, s.method ? s.method : "*", s.path);
	e = &to->v[to->n - 1];
	e->reason = STEAL_PTR(s.reason);
	e->backend = STEAL_PTR(s.backend);
	e->timeout_s = s.timeout_s;
	return 0;
}

static int take_rules(const struct decoder *d, const struct doc *list, struct policy_endpoints *to,
		      enum policy_net_action action)
{
	if (list && decode_kind(d, list, DOC_LIST) < 0)
		return -1;
	doc_each(one, list)
	{
		if (take_rule(d, one, to, action) < 0)
			return -1;
	}
	return 0;
}

static int take_deny(const struct decoder *d, const struct doc *v, void *to)
{
	return take_rules(d, v, to, POLICY_NET_DENY);
}

static int take_approve(const struct decoder *d, const struct doc *v, void *to)
{
	return take_rules(d, v, to, POLICY_NET_APPROVE);
}

static int take_allow(const struct decoder *d, const struct doc *v, void *to)
{
	return take_rules(d, v, to, POLICY_NET_ALLOW);
}

static int take_decision(const struct decoder *d, const struct doc *v, void *to)
{
	static const char *const names[] = {"deny", "approve", "allow"};
	static const enum policy_net_action as[] = {POLICY_NET_DENY, POLICY_NET_APPROVE,
						    POLICY_NET_ALLOW};
	unsigned n;

	if (decode_choice(d, v, names, ARRAY_LEN(names), &n) < 0)
		return -1;
	((struct policy_endpoints *)to)->otherwise = as[n];
	return 0;
}

#define OTHERWISE(member) offsetof(struct policy_endpoints, member)
static int take_default(const struct decoder *d, const struct doc *v, void *to)
{
	static const struct decode_row members[] = {
	    {"decision", take_decision, 0},
	    {"backend", decode_string, OTHERWISE(otherwise_backend)},
	    {"timeout_secs", decode_seconds, OTHERWISE(otherwise_timeout_s)},
	    {0},
	};

	return v->kind == DOC_STRING ? take_decision(d, v, to)
				     : decode_map(d, v, members, to, "default");
}

static void free_endpoints(struct policy_endpoints *l)
{
	for (size_t k = 0; k < l->n; k++) {
		free(l->v[k].method);
		free(l->v[k].path);
		free(l->v[k].reason);
		free(l->v[k].backend);
	}
	free(l->v);
	free(l->otherwise_backend);
	*l = (struct policy_endpoints){0};
}

static int take_endpoint_policy(const struct decoder *d, const struct doc *v, struct command_use *u)
{
	static const struct decode_row members[] = {
	    {"default", take_default, 0},
	    {"deny", take_deny, 0},
	    {"approve", take_approve, 0},
	    {"allow", take_allow, 0},
	    {0},
	};

	u->narrowed = true;
	free_endpoints(&u->endpoints);
	u->endpoints.otherwise = POLICY_NET_DENY;
	return decode_map(d, v, members, &u->endpoints, "an endpoint policy");
}

int decode_uses(const struct decoder *d, const struct doc *v, void *box)
{
	struct command_box *b = box;

	if (decode_kind(d, v, DOC_LIST) < 0)
		return -1;
	doc_each(item, v)
	{
		const struct doc *name = item->kind == DOC_MAP ? doc_get(item, "name") : item;
		const struct doc *endpoints = doc_get(item, "endpoint_policy");
		struct command_use *u;

		if (!name || name->kind != DOC_STRING)
			return doc_error(d->label, item, d->err,
					 "%s holds names, or {name, endpoint_policy}", v->name);
		u = new_use(b, name->string);
		if (item->kind == DOC_MAP && endpoints && take_endpoint_policy(d, endpoints, u) < 0)
			return -1;
	}
	return 0;
}

void uses_free(struct command_box *b)
{
	for (size_t i = 0; i < b->n_uses; i++) {
		free_endpoints(&b->uses[i].endpoints);
		free(b->uses[i].name);
	}
	free(b->uses);
}
