/* What asks: joins the open request for the same thing, or opens one. */
#include "elevation/requests.h"

/* ---- what makes two of them the same ------------------------------------------------ */

static uint64_t hash_text(uint64_t h, const char *s)
{
	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 1099511628211ull;
	return (h ^ 0xff) * 1099511628211ull;
}

static uint64_t hash_ask(const struct ask *a)
{
	uint64_t h =
	    14695981039346656037ull ^ ((uint64_t)a->kind << 16 | a->access << 8 | a->access2);

	return hash_text(hash_text(hash_text(h, a->target), a->target2), a->origin);
}

static bool same(const struct slot *s, uint64_t hash, const struct ask *a)
{
	/* What is shown of a tool is not all that there is to it: each is asked for itself. */
	return !str_eq(a->origin, REQUEST_ORIGIN_TOOL) && s->hash == hash &&
	       (s->state != SLOT_HELD || s->scope != SCOPE_ONCE) && s->r.kind == a->kind &&
	       s->r.access == a->access && s->r.access2 == a->access2 &&
	       str_eq(s->r.target, a->target) && str_eq(s->r.target2, a->target2) &&
	       str_eq(s->r.origin, a->origin);
}

/* ---- opening, with the lock held ---------------------------------------------------- */

static bool rate_take(struct requests *q, uint64_t now)
{
	if (q->rate_ns < now)
		q->rate_ns = now;
	if (q->rate_ns - now > (RATE_BURST - 1) * RATE_INTERVAL_NS)
		return false;
	q->rate_ns += RATE_INTERVAL_NS;
	return true;
}

static struct slot *free_slot(struct requests *q)
{
	for (size_t i = 0; i < REQUESTS_OPEN_MAX; i++)
		if (q->slots[i].state == SLOT_FREE)
			return &q->slots[i];
	return NULL;
}

/* The rule as a person reads it: what it says and who says it. */
static void rule_text(char *out, size_t size, const struct policy_verdict *v)
{
	char text[POLICY_PATH_MAX + 128];

	if (!v->rule)
		snprintf(text, sizeof(text), "nothing grants it (%s)",
			 policy_reason_name(v->reason));
	else
		snprintf(text, sizeof(text), "%s: %s (%s)", v->rule, policy_reason_name(v->reason),
			 v->source ? v->source : "policy");
	copy_text(out, size, text);
}

static void fill(struct elevation *e, struct slot *s, const struct ask *a, uint64_t now)
{
	unsigned timeout_s = a->timeout_s	? a->timeout_s
			     : e->cfg.timeout_s ? e->cfg.timeout_s
						: REQUEST_TIMEOUT_S;
	const char *group;
	struct request *r = &s->r;

	r->kind = a->kind;
	r->state = REQUEST_OPEN;
	r->access = a->access;
	r->access2 = a->access2;
	r->exists = a->exists;
	r->pid = a->pid;
	copy_text(r->target, sizeof(r->target), a->target);
	copy_text(r->target2, sizeof(r->target2), a->target2);
	copy_text(r->asked, sizeof(r->asked), a->asked);
	copy_text(r->program, sizeof(r->program), a->program);
	copy_text(r->reason, sizeof(r->reason), a->reason);
	copy_text(r->origin, sizeof(r->origin), a->origin);
	group = policy_sensitive_group(e->cfg.policy, a->target);
	if (!group && a->target2[0])
		group = policy_sensitive_group(e->cfg.policy, a->target2);
	copy_text(r->group, sizeof(r->group), group ? group : "");
	if (a->rule)
		copy_text(r->rule, sizeof(r->rule), a->rule);
	else
		rule_text(r->rule, sizeof(r->rule), a->verdict);
	copy_text(r->backend, sizeof(r->backend), a->backend ? a->backend : "");
	r->opened_ns = now;
	r->deadline_ns = now + timeout_s * 1000000000ull;
	r->parents[0][0] = '\0';
	r->id[0] = '\0';
	r->waiting = 0;
	s->verdict = *a->verdict;
	s->is_dir = a->is_dir;
	s->is_dir2 = a->is_dir2;
	s->calls = NULL;
	s->calls_end = &s->calls;
	s->n_calls = s->n_conns = 0;
	s->tool = 0;
	s->n_nets = 0;
	r->host[0] = r->method[0] = r->route[0] = '\0';
	r->port = 0;
	if (a->net) {
		copy_text(r->host, sizeof(r->host), a->net->host);
		copy_text(r->method, sizeof(r->method), a->net->method);
		copy_text(r->route, sizeof(r->route), a->net->route);
		r->port = a->net->port;
	}
	s->scope = SCOPE_ONCE;
}

struct slot *slot_for(struct elevation *e, const struct ask *a, const char **why)
{
	struct requests *q = e->requests;
	uint64_t hash = hash_ask(a), now = clock_mono_ns();
	struct slot *s;

	*why = "the session has ended";
	if (q->stopping)
		return NULL;
	for (size_t i = 0; i < q->n; i++)
		if (same(q->order[i], hash, a))
			return q->order[i];
	*why = "too many requests are open";
	s = free_slot(q);
	if (!s)
		return NULL;
	*why = "too many requests in too short a time";
	if (!rate_take(q, now))
		return NULL;
	fill(e, s, a, now);
	s->hash = hash;
	s->state = SLOT_NEW;
	q->order[q->n++] = s;
	return s;
}

/* ---- stopped calls ------------------------------------------------------------------ */

static enum request_kind kind_of(const struct call *c)
{
	switch (c->op) {
	case OP_OPEN:
		if (!(c->access & NONO_WRITE))
			return REQUEST_READ;
		return c->a.fd >= 0 ? REQUEST_WRITE : REQUEST_CREATE;
	case OP_EXEC:
		return REQUEST_EXEC;
	case OP_CONNECT:
		return REQUEST_SOCKET;
	case OP_BIND:
	case OP_LISTEN:
	case OP_SOCKET:
	case OP_MKDIR:
	case OP_MKNOD:
	case OP_SYMLINK:
		return REQUEST_CREATE;
	case OP_LINK:
		if (c->verdict_of_b)
			return REQUEST_CREATE;
		return c->access & NONO_WRITE ? REQUEST_WRITE : REQUEST_READ;
	case OP_RENAME:
		return REQUEST_RENAME;
	case OP_UNLINK:
	case OP_RMDIR:
		return REQUEST_DELETE;
	case OP_WATCH:
		return REQUEST_READ;
	case OP_TRUNCATE:
	case OP_CHMOD:
	case OP_CHOWN:
	case OP_UTIMES:
	case OP_SETXATTR:
	case OP_REMOVEXATTR:
		break;
	}
	return REQUEST_WRITE;
}

static bool is_dir(const struct place *p)
{
	return p->fd >= 0 && S_ISDIR(p->st.st_mode);
}

/* The first path is what is refused. False: nothing that a person could allow. */
static bool ask_of(const struct elevation *e, const struct call *c, char *address, size_t size,
		   struct ask *a)
{
	const struct place *first = c->verdict_of_b ? &c->b : &c->a;
	const struct place *other = c->verdict_of_b ? &c->a : &c->b;
	struct policy_verdict v;

	*a = (struct ask){
	    .kind = kind_of(c),
	    .target = first->path,
	    .target2 = c->access2 ? other->path : "",
	    .asked = first->asked,
	    .program = c->program,
	    .reason = "",
	    .origin = "call",
	    .access = c->verdict_of_b ? c->access2 : c->access,
	    .exists = first->fd >= 0,
	    .is_dir = is_dir(first),
	    .is_dir2 = is_dir(other),
	    .pid = c->pid,
	    .verdict = &c->verdict,
	};
	if (!c->verdict.grantable || c->op == OP_WATCH) /* programs live without, and try many */
		return false;
	if (c->op == OP_CONNECT && a->target[0] != '/') {
		address_text(c, address, size);
		a->target = a->asked = address;
	}
	if (c->access2 && !c->verdict_of_b) {
		policy_check(e->cfg.policy, c->b.path, c->access2, c->b.fd < 0, &v);
		if (!v.allowed && !v.grantable)
			return false;
		a->access2 = v.allowed ? 0 : c->access2;
	}
	return a->target[0] && a->access;
}

/* A person said no for the session: nobody is asked again. */
static bool denied_before(const struct elevation *e, const struct ask *a)
{
	static const struct policy_verdict never = {.grantable = false};

	return standing_lookup(e->standing, a->target, a->access, &never) == STANDING_DENY ||
	       (a->access2 &&
		standing_lookup(e->standing, a->target2, a->access2, &never) == STANDING_DENY);
}

bool requests_ask(struct elevation *e, struct call *c)
{
	struct requests *q = e->requests;
	char address[512];
	const char *why;
	struct slot *s;
	struct ask a;

	if (!e->cfg.policy->elevation || !ask_of(e, c, address, sizeof(address), &a) ||
	    denied_before(e, &a))
		return false;
	pthread_mutex_lock(&q->lock);
	s = slot_for(e, &a, &why);
	if (s) {
		c->waiting = true;
		c->next = NULL;
		*s->calls_end = c;
		s->calls_end = &c->next;
		s->n_calls++;
	}
	pthread_mutex_unlock(&q->lock);
	if (s)
		elevation_wake(e);
	return s;
}
