/* What stands in a command's way: rules on its first arguments, each with an action. */
#include "policy/commands/decode.h"

static const char *const fits[] = {"exact", "prefix", "contains"};
static const char *const actions[] = {"passthrough", "respond", "capture", "exec"};

static int take_match(const struct decoder *d, const struct doc *v, void *to)
{
	unsigned n;

	if (decode_choice(d, v, fits, ARRAY_LEN(fits), &n) < 0)
		return -1;
	*(enum command_fit *)to = (enum command_fit)n;
	return 0;
}

static int take_exit_code(const struct decoder *d, const struct doc *v, void *to)
{
	if (decode_kind(d, v, DOC_INT) < 0)
		return -1;
	if (v->integer < 0 || v->integer > 255)
		return doc_error(d->label, v, d->err, "exit_code: 0 to 255");
	*(unsigned *)to = (unsigned)v->integer;
	return 0;
}

static int take_type(const struct decoder *d, const struct doc *v, void *to)
{
	unsigned n;

	if (decode_choice(d, v, actions, ARRAY_LEN(actions), &n) < 0)
		return -1;
	*(enum command_action *)to = (enum command_action)n;
	return 0;
}

static int take_run(const struct decoder *d, const struct doc *v, void *to)
{
	struct words *w = to;

	if (decode_words(d, v, to) < 0)
		return -1;
	if (!w->n || (w->v[0][0] != '/' && !command_name_ok(w->v[0])))
		return doc_error(d->label, v, d->err,
				 "command: a program (an absolute path, or a name) and its "
				 "arguments");
	return 0;
}

static int take_names(const struct decoder *d, const struct doc *v, void *to)
{
	return decode_words(d, v, to) < 0 ? -1 : decode_check_names(d, v);
}

/* Which members an action may have. */
static int check_action(const struct decoder *d, const struct doc *v,
			const struct command_intercept *i)
{
	bool runs = i->action == ACTION_CAPTURE || i->action == ACTION_EXEC;

	if (!doc_get(v, "type"))
		return doc_error(d->label, v, d->err, "which action? It needs a type");
	if (i->action != ACTION_RESPOND && (i->out || doc_get(v, "exit_code")))
		return doc_error(d->label, v, d->err, "stdout and exit_code belong to \"respond\"");
	if (!runs && (i->run.n || i->script))
		return doc_error(d->label, v, d->err,
				 "command and script belong to \"capture\" and \"exec\"");
	if (i->run.n && i->script)
		return doc_error(d->label, v, d->err, "a command or a script, not both");
	if (i->action == ACTION_EXEC && !i->run.n && !i->script)
		return doc_error(d->label, v, d->err, "\"exec\" needs a command or a script");
	if (i->action != ACTION_CAPTURE && i->reveal_to.n)
		return doc_error(d->label, v, d->err, "reveal_to belongs to \"capture\"");
	return 0;
}

#define INTERCEPT(member) offsetof(struct command_intercept, member)
static int take_action(const struct decoder *d, const struct doc *v, void *to)
{
	static const struct decode_row rows[] = {
	    {"type", take_type, INTERCEPT(action)},
	    {"stdout", decode_string, INTERCEPT(out)},
	    {"exit_code", take_exit_code, INTERCEPT(exit_code)},
	    {"command", take_run, INTERCEPT(run)},
	    {"script", decode_string, INTERCEPT(script)},
	    {"reveal_to", take_names, INTERCEPT(reveal_to)},
	    {0},
	};

	return decode_map(d, v, rows, to, "an action") < 0 ? -1 : check_action(d, v, to);
}

static int take_intercept(const struct decoder *d, const struct doc *v, struct policy_command *c)
{
	static const struct decode_row rows[] = {
	    {"args", decode_words, INTERCEPT(args)},
	    {"match", take_match, INTERCEPT(fit)},
	    {"action", take_action, 0},
	    {0},
	};
	struct command_intercept *i;

	c->intercepts = xrealloc_array(c->intercepts, c->n_intercepts + 1, sizeof(*i));
	i = &c->intercepts[c->n_intercepts++];
	*i = (struct command_intercept){.fit = FIT_PREFIX};
	if (decode_map(d, v, rows, i, "an intercept rule") < 0)
		return -1;
	if (!doc_get(v, "args") || !doc_get(v, "action"))
		return doc_error(d->label, v, d->err, "an intercept rule needs args and action");
	return 0;
}

void intercepts_free(struct policy_command *c)
{
	for (size_t i = 0; i < c->n_intercepts; i++) {
		struct command_intercept *in = &c->intercepts[i];

		words_free(&in->args);
		words_free(&in->run);
		words_free(&in->reveal_to);
		free(in->out);
		free(in->script);
		free(in->path);
		free(in->why_none);
	}
	free(STEAL_PTR(c->intercepts));
	c->n_intercepts = 0;
}

int decode_intercepts(const struct decoder *d, const struct doc *v, void *command)
{
	intercepts_free(command);
	if (decode_kind(d, v, DOC_LIST) < 0)
		return -1;
	doc_each(item, v)
	{
		if (take_intercept(d, item, command) < 0)
			return -1;
	}
	return 0;
}
