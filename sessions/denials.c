/*
 * What was refused, for people who ask when the session is over: one entry a target, neighbours
 * folded into their directory, with the flag that would grant it. Made by the broker (it has the
 * policy), kept in the record, read by whoever tells.
 */
#include "sessions/broker.h"

#define FOLD_MIN 3

struct entry {
	struct session_denial d;
	const struct violation *v;
	unsigned access; /* enum nono_access that is missing */
	size_t age;	 /* place in the table: the newest is the last */
	size_t dir;	 /* length of the directory in the path */
	bool path, offer_together, dropped;
};

static const char *access_text(unsigned access)
{
	return access & NONO_EXEC		  ? "exec"
	       : !(access & NONO_WRITE)		  ? "read"
	       : access & (NONO_READ | NONO_EXEC) ? "readwrite"
						  : "write";
}

/* What a person may be offered must be what they read. */
static bool plain(const char *target, const char *shown)
{
	return str_eq(target, shown) &&
	       strlen(target) + 1 < sizeof(((struct violation *)0)->target);
}

static bool suppressed(const struct policy *p, const char *path)
{
	for (char **s = p->suppress_save; s && *s; s++)
		if (path_under(*s, path))
			return true;
	return false;
}

/* What the profile does not want to read of (diagnostics.suppress_system_services). */
static bool unwanted(const struct policy *p, const struct violation *v)
{
	bool is_socket = v->target[0] != '/' || str_eq(v->op, "connect");

	for (char **s = p->suppress_services; s && *s && is_socket; s++)
		if (str_eq(*s, v->op) || str_eq(*s, v->target))
			return true;
	return false;
}

/* Settings of the kernel that many programs try to write at every start: no reason for anything. */
static bool is_noise(const char *path, unsigned access, const struct policy_verdict *v)
{
	return (access & NONO_WRITE) && !v->grantable &&
	       (path_under("/proc", path) || path_under("/sys", path));
}

/* By the policy, access by access: what is missing of what was asked for. */
static unsigned missing(const struct policy *p, const char *path, unsigned access,
			struct policy_verdict *v)
{
	unsigned lacks = 0;

	for (unsigned bit = NONO_READ; bit <= NONO_EXEC; bit <<= 1) {
		struct policy_verdict one;

		if (!(access & bit))
			continue;
		policy_check(p, path, bit, false, &one);
		if (one.allowed)
			continue;
		lacks |= bit;
		*v = one;
	}
	return lacks;
}

static void judge_path(struct entry *e, const struct policy *p)
{
	struct session_denial *d = &e->d;
	struct policy_verdict v = {.allowed = true};
	char rule[sizeof(d->rule)];
	bool fresh;

	e->access = missing(p, e->v->target, e->v->access, &v);
	if (v.allowed) {
		/* The policy has nothing against it: another kind of rule said no. */
		e->access = e->v->access;
		str_copy(d->reason, sizeof(d->reason), "not_permitted");
	} else {
		e->dropped = is_noise(e->v->target, e->access, &v);
		str_copy(d->reason, sizeof(d->reason), policy_reason_name(v.reason));
		str_copy(d->source, sizeof(d->source), v.source ? v.source : "");
		str_copy(rule, sizeof(rule), v.rule ? v.rule : "");
		text_printable(d->rule, sizeof(d->rule), rule, strlen(rule));
	}
	str_copy(d->access, sizeof(d->access), access_text(e->access));
	if (!v.allowed && plain(e->v->target, d->path))
		policy_suggest(p, e->v->target, e->access, d->flag, sizeof(d->flag));
	/* What does not exist yet a flag can't name, but a profile can. */
	fresh = (e->access & NONO_WRITE) && access(e->v->target, F_OK) < 0 && errno == ENOENT;
	d->offer = (d->flag[0] || fresh) && v.grantable && plain(e->v->target, d->path) &&
		   !suppressed(p, e->v->target);
	e->path = true;
}

/* The agent's own policy says nothing about it, and no flag grants it. */
static void judge_tool(struct entry *e)
{
	const struct violation *v = e->v;
	struct session_denial *d = &e->d;

	str_copy(d->access, sizeof(d->access),
		 v->target[0] == '/' && v->access ? access_text(v->access) : v->op);
	str_copy(d->reason, sizeof(d->reason), policy_reason_name(POLICY_COMMAND));
	snprintf(d->rule, sizeof(d->rule), "to the tool %s: command_policies", v->tool);
	d->socket = v->target[0] == '/' && str_eq(v->op, "connect");
}

/* "host:port", or "METHOD host:port/path". What is refused for good gets no flag. */
static void judge_host(struct entry *e, const struct policy *p)
{
	struct session_denial *d = &e->d;
	struct net_host host;
	uint16_t port = 0;

	str_copy(d->access, sizeof(d->access), "connect");
	str_copy(d->reason, sizeof(d->reason), "host_denied");
	if (p->network.mode != POLICY_NET_NAMES || !str_starts(e->v->rule, "not listed") ||
	    !plain(e->v->target, d->path) ||
	    net_authority_parse(e->v->target, strlen(e->v->target), &host, &port, NULL) < 0)
		return;
	snprintf(d->flag, sizeof(d->flag), "--allow-domain %s", host.name);
	d->offer = true;
}

static void judge(struct entry *e, const struct policy *p)
{
	const struct violation *v = e->v;
	struct session_denial *d = &e->d;

	text_printable(d->path, sizeof(d->path), v->target, strlen(v->target));
	text_printable(d->rule, sizeof(d->rule), v->rule, strlen(v->rule));
	str_copy(d->source, sizeof(d->source), v->source);
	d->count = v->count;
	d->targets = 1;
	if (v->tool[0]) {
		judge_tool(e);
		return;
	}
	if (v->target[0] == '/' && !str_eq(v->op, "connect")) {
		judge_path(e, p);
		return;
	}
	if (str_eq(v->op, "host")) {
		judge_host(e, p);
		return;
	}
	d->socket = v->target[0] == '/';
	str_copy(d->access, sizeof(d->access), str_eq(v->op, "connect") ? "connect" : v->op);
	str_copy(d->reason, sizeof(d->reason), "not_permitted");
}

/* ---- one target ------------------------------------------------------------------------- */

struct violation_ref {
	struct violation merged;
	size_t age;
};

static int by_target(const void *x, const void *y)
{
	const struct violation_ref *a = x, *b = y;
	int r = strcmp(a->merged.target, b->merged.target);

	/* Sockets apart: to connect is another right than to read the file. */
	if (!r)
		r = str_eq(a->merged.op, "connect") - str_eq(b->merged.op, "connect");
	if (!r)
		r = strcmp(a->merged.tool, b->merged.tool);
	return r ? r : a->age < b->age ? -1 : a->age > b->age;
}

/* Reads and writes of one target become one. Returns how many are left. */
static size_t merge(const struct violation *all, size_t n, struct violation_ref *v)
{
	size_t out = 0;

	for (size_t i = 0; i < n; i++)
		v[i] = (struct violation_ref){all[i], i};
	qsort(v, n, sizeof(*v), by_target);
	for (size_t i = 0; i < n; i++) {
		struct violation_ref *last = out ? &v[out - 1] : NULL;

		if (!last || !str_eq(last->merged.target, v[i].merged.target) ||
		    !str_eq(last->merged.tool, v[i].merged.tool) ||
		    str_eq(last->merged.op, "connect") != str_eq(v[i].merged.op, "connect")) {
			v[out++] = v[i];
			continue;
		}
		v[i].merged.access |= last->merged.access;
		v[i].merged.count += last->merged.count;
		*last = v[i];
	}
	return out;
}

/* ---- one directory ---------------------------------------------------------------------- */

static int by_directory(const void *x, const void *y)
{
	const struct entry *a = x, *b = y;
	int r;

	if (a->offer_together != b->offer_together)
		return a->offer_together ? -1 : 1;
	r = memcmp(a->d.path, b->d.path, a->dir < b->dir ? a->dir : b->dir);
	if (!r && a->dir != b->dir)
		r = a->dir < b->dir ? -1 : 1;
	if (!r && a->access != b->access)
		r = a->access < b->access ? -1 : 1;
	return r ? r : a->age < b->age ? -1 : a->age > b->age;
}

static bool together(const struct entry *a, const struct entry *b)
{
	return a->offer_together && b->offer_together && a->access == b->access &&
	       a->dir == b->dir && memcmp(a->d.path, b->d.path, a->dir) == 0;
}

/* The newest of the group stands for all of it. */
static void fold_group(const struct policy *p, struct entry *e, size_t n)
{
	struct session_denial *d = &e[n - 1].d;
	char dir[sizeof(d->path)], flag[sizeof(d->flag)];

	if (n < FOLD_MIN)
		return;
	str_copy(dir, e[0].dir + 1, d->path);
	policy_suggest(p, dir, e[0].access, flag, sizeof(flag));
	if (!flag[0] || suppressed(p, dir))
		return;
	str_copy(d->path, sizeof(d->path), dir);
	str_copy(d->flag, sizeof(d->flag), flag);
	for (size_t i = 0; i + 1 < n; i++) {
		d->count += e[i].d.count;
		e[i].dropped = true;
	}
	d->targets = (unsigned)n;
}

static void fold(const struct policy *p, struct entry *e, size_t n)
{
	size_t end;

	qsort(e, n, sizeof(*e), by_directory);
	for (size_t i = 0; i < n; i = end) {
		for (end = i + 1; end < n && together(&e[i], &e[end]); end++)
			;
		fold_group(p, &e[i], end - i);
	}
}

/* ---- the list --------------------------------------------------------------------------- */

static int by_age(const void *x, const void *y)
{
	const struct entry *a = x, *b = y;

	return a->age < b->age ? -1 : a->age > b->age;
}

static cJSON *entry_json(const struct session_denial *d)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "path", d->path);
	cJSON_AddStringToObject(o, "access", d->access);
	cJSON_AddStringToObject(o, "reason", d->reason);
	cJSON_AddStringToObject(o, "rule", d->rule);
	cJSON_AddStringToObject(o, "source", d->source);
	cJSON_AddStringToObject(o, "flag", d->flag);
	cJSON_AddNumberToObject(o, "count", (double)d->count);
	cJSON_AddNumberToObject(o, "targets", d->targets);
	cJSON_AddBoolToObject(o, "socket", d->socket);
	cJSON_AddBoolToObject(o, "offer", d->offer);
	return o;
}

static size_t judge_all(const struct policy *p, const struct violation_ref *v, size_t n,
			struct entry *e)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		struct entry *x = &e[kept];

		x->v = &v[i].merged;
		x->age = v[i].age;
		if (unwanted(p, x->v)) {
			memset(x, 0, sizeof(*x));
			continue;
		}
		judge(x, p);
		x->dir = (size_t)(path_base(x->d.path) - x->d.path);
		x->dir -= x->dir > 1; /* without the slash */
		x->offer_together = x->path && x->d.offer && x->dir > 0;
		if (x->dropped)
			memset(x, 0, sizeof(*x));
		else
			kept++;
	}
	return kept;
}

cJSON *denials_json(const struct policy *p, const struct violation *all, size_t n, uint64_t *total)
{
	_cleanup_free_ struct violation_ref *v = xcalloc(n + 1, sizeof(*v));
	_cleanup_free_ struct entry *e = xcalloc(n + 1, sizeof(*e));
	cJSON *list = cJSON_CreateArray();
	size_t kept, out = 0;

	kept = judge_all(p, v, merge(all, n, v), e);
	*total = kept;
	fold(p, e, kept);
	for (size_t i = 0; i < kept; i++)
		if (!e[i].dropped)
			e[out++] = e[i];
	qsort(e, out, sizeof(*e), by_age);
	for (size_t i = out > SESSION_DENIALS_MAX ? out - SESSION_DENIALS_MAX : 0; i < out; i++)
		cJSON_AddItemToArray(list, entry_json(&e[i].d));
	return list;
}

/* ---- reading ---------------------------------------------------------------------------- */

static void take_text(const cJSON *o, const char *name, char *out, size_t size)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, name));

	str_copy(out, size, s ? s : "");
}

static double take_number(const cJSON *o, const char *name, double max)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

	return cJSON_IsNumber(v) && v->valuedouble > 0 && v->valuedouble < max ? v->valuedouble : 0;
}

static void take_denial(const cJSON *o, struct session_denial *d)
{
	take_text(o, "path", d->path, sizeof(d->path));
	take_text(o, "access", d->access, sizeof(d->access));
	take_text(o, "reason", d->reason, sizeof(d->reason));
	take_text(o, "rule", d->rule, sizeof(d->rule));
	take_text(o, "source", d->source, sizeof(d->source));
	take_text(o, "flag", d->flag, sizeof(d->flag));
	d->count = (uint64_t)take_number(o, "count", 9e15);
	d->targets = (unsigned)take_number(o, "targets", 1e6);
	d->socket = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, "socket"));
	d->offer = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, "offer"));
}

int session_denials(const struct session_record *r, struct session_denial **out, size_t *n,
		    uint64_t *total)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(r->json, "denials"), *o;

	*out = NULL;
	*n = 0;
	*total = (uint64_t)take_number(r->json, "denials_total", 9e15);
	if (!cJSON_IsArray(list))
		return -1;
	*out = xcalloc(SESSION_DENIALS_MAX, sizeof(**out));
	cJSON_ArrayForEach(o, list)
	{
		if (*n == SESSION_DENIALS_MAX)
			break;
		take_denial(o, &(*out)[(*n)++]);
	}
	return 0;
}
