/* May this caller start that command with these arguments? Pure: a table is enough to test it. */
#include "policy/commands/commands.h"

struct policy_command *commands_find(const struct command_policies *c, const char *name)
{
	for (size_t i = 0; c && i < c->n; i++)
		if (str_eq(c->v[i].name, name))
			return &c->v[i];
	return NULL;
}

struct command_edge *command_edge_from(const struct policy_command *c, const char *caller)
{
	for (size_t i = 0; i < c->n_edges; i++)
		if (str_eq(c->edges[i].caller, caller))
			return &c->edges[i];
	return NULL;
}

/* ---- fits ----------------------------------------------------------------------- */

static size_t count(char *const *v)
{
	size_t n = 0;

	while (v && v[n])
		n++;
	return n;
}

static bool has_arg(char *const *args, const char *s)
{
	for (; args && *args; args++)
		if (str_eq(*args, s))
			return true;
	return false;
}

/* contains: each of the words is one of the arguments. */
static bool fits(enum command_fit fit, const struct words *w, char *const *args)
{
	size_t n = count(args);

	if (fit == FIT_CONTAINS) {
		for (size_t i = 0; i < w->n; i++)
			if (!has_arg(args, w->v[i]))
				return false;
		return true;
	}
	if (n < w->n || (fit == FIT_EXACT && n != w->n))
		return false;
	for (size_t i = 0; i < w->n; i++)
		if (!str_eq(w->v[i], args[i]))
			return false;
	return true;
}

/* A name that is there twice means what getenv() finds: the first. */
static const char *value_of(char *const *env, const char *name)
{
	size_t n = strlen(name);

	for (; env && *env; env++)
		if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
			return *env + n + 1;
	return NULL;
}

static bool meets(const struct command_condition *c, char *const *env)
{
	const char *v = value_of(env, c->name);

	for (size_t i = 0; v && i < c->one_of.n; i++)
		if (str_eq(c->one_of.v[i], v))
			return true;
	return false;
}

static bool rule_fits(const struct command_rule *r, const struct command_call *call)
{
	for (unsigned f = 0; f < FITS; f++)
		if (r->has[f] && !fits((enum command_fit)f, &r->argv[f], call->args))
			return false;
	for (size_t i = 0; i < r->n_env; i++)
		if (!meets(&r->env[i], call->env))
			return false;
	return true;
}

/* ---- the answer ----------------------------------------------------------------- */

static void say(struct command_verdict *v, enum command_decision d, const char *reason,
		const char *fmt, ...) _printf_(4, 5);
static void say(struct command_verdict *v, enum command_decision d, const char *reason,
		const char *fmt, ...)
{
	va_list ap;

	v->decision = d;
	v->reason = reason;
	va_start(ap, fmt);
	vsnprintf(v->details, sizeof(v->details), fmt, ap);
	va_end(ap);
}

static void name_rule(struct command_verdict *v, const char *list, size_t at,
		      const struct command_rule *r)
{
	static const char *const names[] = {"exact", "prefix", "contains"};
	size_t n;

	snprintf(v->rule, sizeof(v->rule), "%s[%zu]", list, at);
	for (unsigned f = 0; f < FITS; f++) {
		if (!r->has[f])
			continue;
		n = strlen(v->rule);
		snprintf(v->rule + n, sizeof(v->rule) - n, " %s:", names[f]);
		for (size_t i = 0; i < r->argv[f].n; i++) {
			n = strlen(v->rule);
			snprintf(v->rule + n, sizeof(v->rule) - n, " %s", r->argv[f].v[i]);
		}
	}
	for (size_t i = 0; i < r->n_env; i++) {
		n = strlen(v->rule);
		snprintf(v->rule + n, sizeof(v->rule) - n, " env %s", r->env[i].name);
	}
}

static const char *const lists[] = {"deny", "approve", "allow"};

static void decided(struct command_verdict *v, enum command_decision d, const char *text,
		    const char *where)
{
	static const char *const reasons[] = {
	    [COMMAND_DENY] = "command_policy_denied",
	    [COMMAND_APPROVE] = "approval_required",
	    [COMMAND_ALLOW] = "invocation_policy_allowed",
	};

	if (text)
		say(v, d, text, "by %s", where);
	else
		say(v, d, reasons[d], "the invocation policy of %s says %s (%s)", v->command->name,
		    lists[d], where);
}

static void ask_invocation(const struct command_invocation *inv, const struct command_call *call,
			   struct command_verdict *v)
{
	for (unsigned k = COMMAND_DENY; k <= COMMAND_ALLOW; k++)
		for (size_t i = 0; i < inv->rules[k].n; i++) {
			const struct command_rule *r = &inv->rules[k].v[i];
			if (!rule_fits(r, call))
				continue;
			name_rule(v, lists[k], i, r);
			v->backend = r->backend;
			v->timeout_s = r->timeout_s;
			decided(v, (enum command_decision)k, r->reason, v->rule);
			return;
		}
	snprintf(v->rule, sizeof(v->rule), "default: %s", lists[inv->otherwise]);
	v->backend = inv->backend;
	v->timeout_s = inv->timeout_s;
	decided(v, inv->otherwise, NULL, "default");
}

/* Sets command and edge; false: v says why not. */
static bool find_edge(const struct command_policies *p, const struct command_call *call,
		      struct command_verdict *v)
{
	static const struct policy_command none;
	const struct policy_command *c = commands_find(p, call->name), *by = &none;

	if (!p || !p->n) {
		say(v, COMMAND_DENY, "command_policy_unavailable",
		    "the profile has no policies for commands");
		return false;
	}
	if (!c) {
		say(v, COMMAND_DENY, "command_not_policy_controlled",
		    "%.64s has no policy of its own", call->name);
		return false;
	}
	v->command = c;
	if (!str_eq(call->caller, COMMAND_SESSION))
		by = commands_find(p, call->caller);
	v->edge = command_edge_from(c, call->caller);
	if (!by || !v->edge) {
		snprintf(v->rule, sizeof(v->rule), "missing from.%.64s", call->caller);
		say(v, COMMAND_DENY, v->rule, "%s has no edge from %.64s", c->name, call->caller);
		return false;
	}
	if (v->edge->denied) {
		say(v, COMMAND_DENY, "command_policy_denied", "from.%s of %s says deny",
		    call->caller, c->name);
		return false;
	}
	if (by != &none && !has_arg(by->can_use.v, c->name)) {
		say(v, COMMAND_DENY, "command_policy_denied", "%s is not in can_use of %s", c->name,
		    call->caller);
		return false;
	}
	return true;
}

static void find_intercept(const struct command_call *call, struct command_verdict *v)
{
	const struct policy_command *c = v->command;

	for (size_t i = 0; i < c->n_intercepts; i++) {
		const struct command_intercept *in = &c->intercepts[i];

		if (!fits(in->fit, &in->args, call->args))
			continue;
		if (in->action != ACTION_PASSTHROUGH)
			v->intercept = in;
		return;
	}
}

/* The words about what happens instead of the program. */
static void say_intercept(struct command_verdict *v)
{
	const struct command_intercept *in = v->intercept;
	size_t at = (size_t)(in - v->command->intercepts), n = strlen(v->details);

	if (in->action == ACTION_RESPOND)
		snprintf(v->details + n, sizeof(v->details) - n,
			 "; answered by intercept[%zu], the program is not started", at);
	else if (in->action == ACTION_EXEC)
		snprintf(v->details + n, sizeof(v->details) - n,
			 "; intercept[%zu] runs %.200s in its place", at,
			 in->script ? "a script" : in->run.v[0]);
	else
		snprintf(v->details + n, sizeof(v->details) - n,
			 "; by intercept[%zu] the caller gets a stand-in for what it prints", at);
}

/* What stands in the way of a call that would be allowed. */
static void check_able(const struct command_policies *p, struct command_verdict *v)
{
	const char *name = v->backend ? v->backend : p->approvals.backend;
	const struct approval_backend *b = approvals_for(&p->approvals, name);
	const struct command_intercept *in = v->intercept;
	bool own = !in || (in->action == ACTION_CAPTURE && !in->run.n && !in->script);

	if (in && in->why_none)
		say(v, COMMAND_DENY, "command_policy_unavailable", "%s", in->why_none);
	else if (v->edge->box.missing && (!in || in->action != ACTION_RESPOND))
		say(v, COMMAND_DENY, "command_policy_unavailable",
		    "its policy asks for %s, which this version does not have",
		    v->edge->box.missing);
	else if (v->edge->why_none && (!in || in->action != ACTION_RESPOND))
		say(v, COMMAND_DENY, "command_policy_unavailable", "%s", v->edge->why_none);
	else if (v->command->why_none && own)
		say(v, COMMAND_DENY, "command_policy_unavailable", "%s", v->command->why_none);
	else if (v->decision == COMMAND_APPROVE && !b)
		say(v, COMMAND_DENY, "command_policy_unavailable",
		    "there is no approval backend %.64s", name);
	else if (v->decision == COMMAND_APPROVE && b->kind == APPROVAL_MISSING)
		say(v, COMMAND_DENY, "command_policy_unavailable",
		    "the approval backend %.64s is not supported by this version", name);
}

void policy_command_query(const struct command_policies *p, const struct command_call *call,
			  struct command_verdict *v)
{
	*v = (struct command_verdict){.decision = COMMAND_DENY, .reason = "command_policy_denied"};
	if (!find_edge(p, call, v))
		return;
	if (v->edge->invocation.said)
		ask_invocation(&v->edge->invocation, call, v);
	else
		say(v, COMMAND_ALLOW, "command_edge_allowed", "%s may be used from %s",
		    v->command->name, call->caller);
	if (!v->timeout_s)
		v->timeout_s = p->approvals.timeout_s;
	if (v->decision == COMMAND_DENY)
		return;
	find_intercept(call, v);
	if (v->intercept)
		say_intercept(v);
	check_able(p, v);
}
