/* How a command may be called: rules on arguments and on variables of the caller. */
#include "policy/commands/decode.h"

static const char *const decisions[] = {"deny", "approve", "allow"};

static int take_fit(const struct decoder *d, const struct doc *v, struct command_rule *r,
		    enum command_fit fit)
{
	r->has[fit] = true;
	return decode_words(d, v, &r->argv[fit]);
}

static int take_exact(const struct decoder *d, const struct doc *v, void *to)
{
	return take_fit(d, v, to, FIT_EXACT);
}

static int take_prefix(const struct decoder *d, const struct doc *v, void *to)
{
	return take_fit(d, v, to, FIT_PREFIX);
}

static int take_contains(const struct decoder *d, const struct doc *v, void *to)
{
	if (v->kind == DOC_LIST && !v->count)
		return doc_error(d->label, v, d->err, "contains needs a word");
	return take_fit(d, v, to, FIT_CONTAINS);
}

static int take_argv(const struct decoder *d, const struct doc *v, void *to)
{
	static const struct decode_row rows[] = {
	    {"exact", take_exact, 0},
	    {"prefix", take_prefix, 0},
	    {"contains", take_contains, 0},
	    {0},
	};

	if (v->kind == DOC_MAP && !v->count)
		return doc_error(d->label, v, d->err, "argv needs exact, prefix or contains");
	return decode_map(d, v, rows, to, "argv");
}

static int take_equals(const struct decoder *d, const struct doc *v, void *to)
{
	if (decode_kind(d, v, DOC_STRING) < 0)
		return -1;
	words_add(to, v->string);
	return 0;
}

static int take_env(const struct decoder *d, const struct doc *v, void *to)
{
	static const struct decode_row rows[] = {
	    {"one_of", decode_more_words, 0},
	    {"equals", take_equals, 0},
	    {0},
	};
	struct command_rule *r = to;

	if (decode_kind(d, v, DOC_MAP) < 0)
		return -1;
	doc_each(item, v)
	{
		struct command_condition *c;

		if (!variable_name_ok(item->name))
			return doc_error(d->label, item, d->err, "\"%.64s\" names no variable",
					 item->name);
		r->env = xrealloc_array(r->env, r->n_env + 1, sizeof(*r->env));
		c = &r->env[r->n_env++];
		*c = (struct command_condition){.name = xstrdup(item->name)};
		if (decode_map(d, item, rows, &c->one_of, "a condition on a variable") < 0)
			return -1;
		if (!c->one_of.n)
			return doc_error(d->label, item, d->err, "%s needs one_of or equals",
					 item->name);
	}
	return 0;
}

#define RULE(member) offsetof(struct command_rule, member)
static int take_rule(const struct decoder *d, const struct doc *v, struct command_rules *to)
{
	static const struct decode_row rows[] = {
	    {"argv", take_argv, 0},
	    {"env", take_env, 0},
	    {"backend", decode_string, RULE(backend)},
	    {"reason", decode_string, RULE(reason)},
	    {"timeout_secs", decode_seconds, RULE(timeout_s)},
	    {0},
	};
	struct command_rule *r;

	to->v = xrealloc_array(to->v, to->n + 1, sizeof(*to->v));
	r = &to->v[to->n++];
	*r = (struct command_rule){0};
	if (decode_map(d, v, rows, r, "a rule for invocations") < 0)
		return -1;
	if (!r->n_env && !r->has[FIT_EXACT] && !r->has[FIT_PREFIX] && !r->has[FIT_CONTAINS])
		return doc_error(d->label, v, d->err, "a rule needs argv or env");
	return 0;
}

static int take_rules(const struct decoder *d, const struct doc *v, void *to)
{
	if (decode_kind(d, v, DOC_LIST) < 0)
		return -1;
	doc_each(item, v)
	{
		if (take_rule(d, item, to) < 0)
			return -1;
	}
	return 0;
}

static int take_decision(const struct decoder *d, const struct doc *v, void *to)
{
	unsigned n;

	if (decode_choice(d, v, decisions, ARRAY_LEN(decisions), &n) < 0)
		return -1;
	((struct command_invocation *)to)->otherwise = (enum command_decision)n;
	return 0;
}

static int take_default(const struct decoder *d, const struct doc *v, void *to)
{
	static const struct decode_row rows[] = {
	    {"decision", take_decision, 0},
	    {"backend", decode_string, offsetof(struct command_invocation, backend)},
	    {"timeout_secs", decode_seconds, offsetof(struct command_invocation, timeout_s)},
	    {0},
	};

	if (v->kind == DOC_STRING)
		return take_decision(d, v, to);
	if (decode_map(d, v, rows, to, "default") < 0)
		return -1;
	return doc_get(v, "decision") ? 0 : doc_error(d->label, v, d->err, "which decision?");
}

#define INV(member) offsetof(struct command_invocation, member)
int decode_invocation(const struct decoder *d, const struct doc *v, struct command_invocation *to)
{
	static const struct decode_row rows[] = {
	    {"default", take_default, 0},
	    {"deny", take_rules, INV(rules[COMMAND_DENY])},
	    {"approve", take_rules, INV(rules[COMMAND_APPROVE])},
	    {"allow", take_rules, INV(rules[COMMAND_ALLOW])},
	    {0},
	};

	to->said = true;
	return decode_map(d, v, rows, to, "an invocation policy");
}

static void rule_free(struct command_rule *r)
{
	for (size_t i = 0; i < FITS; i++)
		words_free(&r->argv[i]);
	for (size_t i = 0; i < r->n_env; i++) {
		free(r->env[i].name);
		words_free(&r->env[i].one_of);
	}
	free(r->env);
	free(r->reason);
	free(r->backend);
}

void invocation_free(struct command_invocation *inv)
{
	for (size_t k = 0; k < ARRAY_LEN(inv->rules); k++) {
		for (size_t i = 0; i < inv->rules[k].n; i++)
			rule_free(&inv->rules[k].v[i]);
		free(inv->rules[k].v);
	}
	free(inv->backend);
}
