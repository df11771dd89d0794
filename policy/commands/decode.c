/* "command_policies": the top, the commands and their edges. */
#include "policy/commands/decode.h"

/* ---- edges ---------------------------------------------------------------------- */

static void edge_clear(struct command_edge *e)
{
	box_free(&e->box);
	invocation_free(&e->invocation);
	policy_free(e->policy);
	free(e->why_none);
	*e = (struct command_edge){.caller = e->caller};
}

static struct command_edge *new_edge(struct policy_command *c, const char *caller)
{
	struct command_edge *e = command_edge_from(c, caller);

	if (e) {
		edge_clear(e);
		return e;
	}
	c->edges = xrealloc_array(c->edges, c->n_edges + 1, sizeof(*e));
	e = &c->edges[c->n_edges++];
	*e = (struct command_edge){.caller = xstrdup(caller)};
	return e;
}

static int take_box(const struct decoder *d, const struct doc *v, void *to)
{
	return decode_box(d, v, &((struct command_edge *)to)->box);
}

static int take_invocation(const struct decoder *d, const struct doc *v, void *to)
{
	return decode_invocation(d, v, &((struct command_edge *)to)->invocation);
}

static int take_edge(const struct decoder *d, const struct doc *v, struct policy_command *c)
{
	static const struct decode_row rows[] = {
	    {"sandbox", take_box, 0},
	    {"invocation_policy", take_invocation, 0},
	    {0},
	};
	struct command_edge *e;

	if (!command_name_ok(v->name))
		return doc_error(d->label, v, d->err, "\"%.64s\" is no name of a caller", v->name);
	e = new_edge(c, v->name);
	if (v->kind == DOC_STRING && str_eq(v->string, "deny")) {
		e->denied = true;
		return 0;
	}
	if (v->kind != DOC_MAP)
		return doc_error(d->label, v, d->err, "from.%s: \"deny\" or a map", v->name);
	if (doc_get(v, "sandbox") || doc_get(v, "invocation_policy"))
		return decode_map(d, v, rows, e, "an edge");
	return decode_box(d, v, &e->box);
}

static int take_from(const struct decoder *d, const struct doc *v, void *to)
{
	if (decode_kind(d, v, DOC_MAP) < 0)
		return -1;
	doc_each(item, v)
	{
		if (take_edge(d, item, to) < 0)
			return -1;
	}
	return 0;
}

/* The edge from the session, in short. */
static int take_session_box(const struct decoder *d, const struct doc *v, void *to)
{
	return decode_box(d, v, &new_edge(to, COMMAND_SESSION)->box);
}

/* ---- commands ------------------------------------------------------------------- */

int decode_check_names(const struct decoder *d, const struct doc *list)
{
	doc_each(item, list)
	{
		if (!command_name_ok(item->string))
			return doc_error(d->label, item, d->err, "\"%.64s\" is no command's name",
					 item->string);
	}
	return 0;
}

static int take_can_use(const struct decoder *d, const struct doc *v, void *to)
{
	return decode_more_words(d, v, to) < 0 ? -1 : decode_check_names(d, v);
}

static int take_executable(const struct decoder *d, const struct doc *v, void *to)
{
	if (decode_string(d, v, to) < 0)
		return -1;
	if (v->string[0] == '/' || command_name_ok(v->string))
		return 0;
	return doc_error(d->label, v, d->err, "executable: an absolute path, or a name");
}

#define CMD(member) offsetof(struct policy_command, member)
static const struct decode_row command_rows[] = {
    {"executable", take_executable, CMD(executable)},
    {"allow_writable_executable", decode_bool, CMD(allow_writable)},
    {"can_use", take_can_use, CMD(can_use)},
    {"sandbox", take_session_box, 0},
    {"from", take_from, 0},
    {"intercept", decode_intercepts, 0},
    {"allow_direct_exec_bypass", decode_more_words, CMD(allow_direct)},
    {"allow_direct_exec_bypass_with_credentials", decode_ignore, 0},
    {0},
};

static struct policy_command *command_for(struct command_policies *p, const struct decoder *d,
					  const struct doc *v)
{
	struct policy_command *c = commands_find(p, v->name);

	if (!c) {
		p->v = xrealloc_array(p->v, p->n + 1, sizeof(*p->v));
		c = &p->v[p->n++];
		*c = (struct policy_command){.name = xstrdup(v->name)};
	}
	free(c->label);
	c->label = xstrdup(d->label);
	c->line = v->line;
	c->column = v->column;
	return c;
}

static int take_commands(const struct decoder *d, const struct doc *v, void *to)
{
	struct command_policies *p = to;

	if (decode_kind(d, v, DOC_MAP) < 0)
		return -1;
	doc_each(item, v)
	{
		struct policy_command *c;

		if (!command_name_ok(item->name) || str_eq(item->name, COMMAND_SESSION))
			return doc_error(d->label, item, d->err,
					 "\"%.64s\" can't be a command's name: letters, digits, "
					 "'.', '_', '+', '-', and not \"session\"",
					 item->name);
		if (p->n >= COMMANDS_MAX)
			return doc_error(d->label, item, d->err, "more than %d commands",
					 COMMANDS_MAX);
		c = command_for(p, d, item);
		if (doc_get(item, "sandbox") && doc_get(doc_get(item, "from"), COMMAND_SESSION))
			return doc_error(d->label, item, d->err,
					 "sandbox and from.session say the same thing twice");
		if (decode_map(d, item, command_rows, c, "a command") < 0)
			return -1;
	}
	return 0;
}

/* ---- the top -------------------------------------------------------------------- */

static int take_dirs(const struct decoder *d, const struct doc *v, void *to)
{
	if (decode_more_words(d, v, to) < 0)
		return -1;
	doc_each(item, v)
	{
		if (item->string[0] != '/')
			return doc_error(d->label, item, d->err, "\"%.64s\" is no absolute path",
					 item->string);
	}
	return 0;
}

static int take_backends(const struct decoder *d, const struct doc *v, void *to)
{
	if (decode_kind(d, v, DOC_MAP) < 0)
		return -1;
	doc_each(item, v)
	{
		if (approvals_decode(to, item->name, item, d->label, d->err) < 0)
			return -1;
	}
	return 0;
}

static int take_defaults(const struct decoder *d, const struct doc *v, void *to)
{
	return approvals_decode_defaults(to, v, d->label, d->err);
}

#define TOP(member) offsetof(struct command_policies, member)
static const struct decode_row top_rows[] = {
    {"executable_dirs", take_dirs, TOP(executable_dirs)},
    {"allow_writable_executables", decode_bool, TOP(allow_writable)},
    {"entrypoint", decode_ignore, 0},
    {"approval_backends", take_backends, TOP(approvals)},
    {"approval_defaults", take_defaults, TOP(approvals)},
    {"credentials", decode_credentials, 0},
    {"commands", take_commands, 0},
    {"deny_direct_exec_bypass", decode_more_words, TOP(deny_direct)},
    {0},
};

int commands_decode(struct command_policies **to, const struct doc *at, const char *label,
		    struct err *err)
{
	const struct decoder d = {label, err};

	if (!*to)
		*to = xcalloc(1, sizeof(**to));
	return decode_map(&d, at, top_rows, *to, "command_policies");
}

static void command_free(struct policy_command *c)
{
	for (size_t i = 0; i < c->n_edges; i++) {
		edge_clear(&c->edges[i]);
		free(c->edges[i].caller);
	}
	free(c->edges);
	intercepts_free(c);
	words_free(&c->can_use);
	words_free(&c->allow_direct);
	free(c->name);
	free(c->executable);
	free(c->label);
	free(c->path);
	free(c->why_none);
}

void commands_free(struct command_policies *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n; i++)
		command_free(&c->v[i]);
	free(c->v);
	words_free(&c->executable_dirs);
	words_free(&c->deny_direct);
	approvals_free(&c->approvals);
	credentials_decoded_free(c);
	free(c);
}
