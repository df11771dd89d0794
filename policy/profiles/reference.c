/* The table of members as a text for people. */
#include "policy/profiles/schema.h"

static const char *kind_name(const struct member *m)
{
	static const char *const names[] = {
	    [M_MAP] = "section",      [M_FLAG] = "true/false",
	    [M_WORD] = "word",	      [M_TEXT] = "string",
	    [M_NUMBER] = "number",    [M_AMOUNT] = "amount",
	    [M_LIST] = "list",	      [M_PATHS] = "paths",
	    [M_NAMES] = "list",	      [M_ONE_OR_LIST] = "string/list",
	    [M_PORTS] = "ports",      [M_RANGES] = "ranges",
	    [M_DOMAINS] = "hosts",    [M_ENDPOINTS] = "endpoints",
	    [M_VARIABLES] = "map",    [M_REFERENCES] = "map",
	    [M_NAMED] = "map",	      [M_LIST_OF] = "list",
	    [M_UNIT] = "object",      [M_LAYER] = "object",
	    [M_OVERRIDES] = "object", [M_ANY] = "any",
	};

	return names[m->kind];
}

static void words(struct buf *b, const struct member *m)
{
	if (m->kind != M_WORD)
		return;
	buf_adds(b, " (");
	for (size_t i = 0; m->words[i]; i++)
		buf_addf(b, "%s%s", i ? ", " : "", m->words[i]);
	buf_addc(b, ')');
}

static void rows(struct buf *b, const struct member *t, const char *indent)
{
	for (; t->name; t++) {
		const struct member *inner = t->members ? t->members
					     : t->each	? t->each->members
							: NULL;
		_cleanup_free_ char *deeper = xasprintf("%s  ", indent);

		if (t->instead)
			continue;
		buf_addf(b, "%s%-*s  %-11s  %s", indent, 26 - (int)strlen(indent), t->name,
			 kind_name(t), t->help ? t->help : "");
		words(b, t);
		if (t->flags & MEMBER_REQUIRED)
			buf_adds(b, " [required]");
		if (t->flags & MEMBER_NO_EFFECT)
			buf_adds(b, " [no effect here]");
		buf_addc(b, '\n');
		if (inner)
			rows(b, inner, deeper);
	}
}

static void old_rows(struct buf *b, const struct member *t, const char *section)
{
	for (; t->name; t++) {
		if (t->instead && t->kind != M_MAP)
			buf_addf(b, "  %s%s%s -> %s%s\n", section, *section ? "." : "", t->name,
				 t->instead, t->flags & MEMBER_DEPRECATED ? " (deprecated)" : "");
		if (t->kind == M_MAP)
			old_rows(b, t->members, t->name);
	}
}

void policy_profile_reference(struct buf *out)
{
	rows(out, profile_members, "");
	buf_adds(out, "\nOther spellings:\n");
	old_rows(out, profile_members, "");
}
