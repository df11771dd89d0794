/* One value of a profile, by the kind that the schema gives it. */
#include "policy/profiles/decode.h"

#define ENTRIES_MAX 131072 /* of one list or map */

struct entries *member_entries(struct member_reader *d, const struct member *m)
{
	return d->store ? (struct entries *)((char *)d->p + m->field) : NULL;
}

int member_not_a(struct member_reader *d, const struct doc *at, const char *want)
{
	char what[160];

	snprintf(what, sizeof(what), "must be %s, not %s", want, doc_kind_name(at->kind));
	return member_bad(d, at, what);
}

bool member_is_text(const struct doc *at, size_t max)
{
	return at->kind == DOC_STRING && *at->string && strnlen(at->string, max) < max;
}

int member_check_list(struct member_reader *d, const struct doc *at, enum doc_kind kind,
		      const char *want)
{
	if (at->kind != kind)
		return member_not_a(d, at, want);
	return at->count <= ENTRIES_MAX ? 0 : member_bad(d, at, "has too many entries");
}

/* ---- single values --------------------------------------------------------- */

/* A value that is there already: from another spelling of the member. */
static int twice(struct member_reader *d, const struct doc *at)
{
	return member_bad(d, at, "is there twice, in two spellings");
}

static int take_int(struct member_reader *d, const struct doc *at, const struct member *m,
		    int value)
{
	int *field = (int *)(void *)((char *)d->p + m->field);

	if (!d->store)
		return 0;
	if (*field)
		return twice(d, at);
	*field = value;
	return 0;
}

static int take_place(struct member_reader *d, const struct doc *at, const struct member *m)
{
	struct place *field = (struct place *)(void *)((char *)d->p + m->field);

	if (!d->store)
		return 0;
	if (field->at)
		return twice(d, at);
	*field = (struct place){at, d->label};
	return 0;
}

static int flag(struct member_reader *d, const struct doc *at, const struct member *m)
{
	if (at->kind == DOC_NULL)
		return 0;
	if (at->kind != DOC_BOOL)
		return member_not_a(d, at, "true or false");
	return take_int(d, at, m, at->boolean ? SAID_YES : SAID_NO);
}

static int word(struct member_reader *d, const struct doc *at, const struct member *m)
{
	_cleanup_(buf_free) struct buf b = {0};

	if (at->kind == DOC_NULL)
		return 0;
	if (at->kind == DOC_MAP && m->members) {
		bool store = d->store;
		int rc;

		d->store = false;
		rc = member_map(d, at, m->members);
		d->store = store;
		return rc;
	}
	for (int i = 0; at->kind == DOC_STRING && m->words[i]; i++)
		if (strcmp(at->string, m->words[i]) == 0)
			return take_int(d, at, m, i + 1);
	buf_adds(&b, "must be ");
	for (int i = 0; m->words[i]; i++)
		buf_addf(&b, "%s\"%s\"", !i ? "" : m->words[i + 1] ? ", " : " or ", m->words[i]);
	return member_bad(d, at, b.data);
}

static int text(struct member_reader *d, const struct doc *at, const struct member *m)
{
	const char **field = (const char **)(void *)((char *)d->p + m->field);
	const char *value;

	if ((m->flags & MEMBER_CLEARS) &&
	    (at->kind == DOC_NULL || (at->kind == DOC_STRING && !*at->string))) {
		value = PROFILE_CLEARED;
	} else if (at->kind == DOC_NULL) {
		return m->flags & MEMBER_REQUIRED ? member_not_a(d, at, "a string") : 0;
	} else {
		if (at->kind != DOC_STRING)
			return member_not_a(d, at, "a string");
		if (strnlen(at->string, MEMBER_TEXT_MAX) == MEMBER_TEXT_MAX)
			return member_bad(d, at, "is too long");
		if (!*at->string && (m->flags & MEMBER_REQUIRED))
			return member_bad(d, at, "must not be empty");
		if ((m->flags & MEMBER_ABSOLUTE) && at->string[0] != '/')
			return member_bad(d, at, "must be an absolute path");
		value = at->string;
	}
	if (!d->store)
		return 0;
	if (*field)
		return twice(d, at);
	*field = value;
	return 0;
}

static int number(struct member_reader *d, const struct doc *at, const struct member *m)
{
	char what[96];

	if (at->kind == DOC_INT && at->integer >= m->min && at->integer <= m->max)
		return 0;
	snprintf(what, sizeof(what), "must be a number from %ld to %ld", m->min, m->max);
	return member_bad(d, at, what);
}

static int amount(struct member_reader *d, const struct doc *at, const struct member *m)
{
	if (at->kind == DOC_NULL)
		return 0;
	if (!member_is_text(at, 64) && at->kind != DOC_INT && at->kind != DOC_FLOAT)
		return member_bad(d, at, "must be a number, or a short string such as \"512M\"");
	if ((at->kind == DOC_INT && at->integer <= 0) ||
	    (at->kind == DOC_FLOAT && !(at->real > 0 && at->real < 1e15)))
		return member_bad(d, at, "must be a number above 0");
	return take_place(d, at, m);
}

static int unit(struct member_reader *d, const struct doc *at, const struct member *m)
{
	bool store = d->store;
	int rc = 0;

	if (at->kind == DOC_NULL)
		return 0;
	if (at->kind != DOC_MAP)
		return member_not_a(d, at, "an object (a table)");
	if (m->members) {
		d->store = false;
		rc = member_map(d, at, m->members);
		d->store = store;
	}
	return rc < 0 ? rc : take_place(d, at, m);
}

static int layer(struct member_reader *d, const struct doc *at)
{
	struct profile *p = d->p;

	if (at->kind != DOC_MAP)
		return member_not_a(d, at, "an object (a table)");
	if (!d->store)
		return 0;
	p->command_policies = xrealloc_array(p->command_policies, p->n_command_policies + 1,
					     sizeof(*p->command_policies));
	p->command_policies[p->n_command_policies++] = (struct place){at, d->label};
	return 0;
}

/* ---- maps ------------------------------------------------------------------ */

static bool variable_ok(const char *s)
{
	size_t i = 0;

	for (; s[i]; i++)
		if (!(s[i] == '_' || (s[i] >= 'A' && s[i] <= 'Z') || (s[i] >= 'a' && s[i] <= 'z') ||
		      (i && s[i] >= '0' && s[i] <= '9')))
			return false;
	return i > 0 && i < 256;
}

static int variables(struct member_reader *d, const struct doc *at, const struct member *m)
{
	struct entries *l = member_entries(d, m);

	if (member_check_list(d, at, DOC_MAP, "an object (a table)") < 0)
		return -1;
	doc_each(v, at)
	{
		size_t was = member_enter(d, v->name);

		if (!variable_ok(v->name) || strcmp(v->name, "PATH") == 0 ||
		    str_starts(v->name, "NONO_"))
			return member_bad(d, v, "can't be set by a profile");
		if (v->kind != DOC_STRING || strnlen(v->string, MEMBER_TEXT_MAX) == MEMBER_TEXT_MAX)
			return member_not_a(d, v, "a string");
		if (l)
			entries_put(l, v->name, v, d->label);
		d->where[was] = '\0';
	}
	return 0;
}

/* Reference -> variable, or {name, when}: the entry's place is the variable's name. */
static int references(struct member_reader *d, const struct doc *at, const struct member *m)
{
	struct entries *l = member_entries(d, m);

	if (member_check_list(d, at, DOC_MAP, "an object (a table)") < 0)
		return -1;
	doc_each(v, at)
	{
		size_t was = member_enter(d, v->name);
		const struct doc *s = v;

		if (!*v->name || strnlen(v->name, POLICY_PATH_MAX) == POLICY_PATH_MAX)
			return member_bad(d, v, "is no reference");
		if (v->kind == DOC_MAP && member_conditional(d, v, "name", &s) < 0)
			return -1;
		if (s && (s->kind != DOC_STRING || !variable_ok(s->string)))
			return member_bad(d, s, "must be the name of a variable");
		if (l && s)
			entries_put(l, v->name, s, d->label);
		d->where[was] = '\0';
	}
	return 0;
}

static int each_value(struct member_reader *d, const struct doc *at, const struct member *each)
{
	bool store = d->store;
	int rc;

	d->store = false;
	rc = each->kind == M_MAP ? member_map(d, at, each->members) : member_value(d, at, each);
	d->store = store;
	return rc;
}

static int named(struct member_reader *d, const struct doc *at, const struct member *m)
{
	struct entries *l = member_entries(d, m);

	if (member_check_list(d, at, DOC_MAP, "an object (a table)") < 0)
		return -1;
	doc_each(v, at)
	{
		size_t was = member_enter(d, v->name);

		if (each_value(d, v, m->each) < 0)
			return -1;
		if (l)
			entries_put(l, v->name, v, d->label);
		d->where[was] = '\0';
	}
	return 0;
}

static int list_of(struct member_reader *d, const struct doc *at, const struct member *m)
{
	if (member_check_list(d, at, DOC_LIST, "a list") < 0)
		return -1;
	doc_each(v, at)
	{
		if (each_value(d, v, m->each) < 0)
			return -1;
	}
	return 0;
}

int member_value(struct member_reader *d, const struct doc *at, const struct member *m)
{
	switch (m->kind) {
	case M_MAP:
		return member_map(d, at, m->members);
	case M_FLAG:
		return flag(d, at, m);
	case M_WORD:
		return word(d, at, m);
	case M_TEXT:
		return text(d, at, m);
	case M_NUMBER:
		return number(d, at, m);
	case M_AMOUNT:
		return amount(d, at, m);
	case M_LIST:
		return member_list(d, at, m, NULL);
	case M_PATHS:
		return member_list(d, at, m, "path");
	case M_NAMES:
		return member_list(d, at, m, "name");
	case M_ONE_OR_LIST:
		return member_one_or_list(d, at, m);
	case M_PORTS:
		return member_ports(d, at, m);
	case M_RANGES:
		return member_ranges(d, at, m);
	case M_DOMAINS:
		return member_domains(d, at, member_entries(d, m));
	case M_ENDPOINTS:
		return member_endpoints(d, at, member_entries(d, m));
	case M_VARIABLES:
		return variables(d, at, m);
	case M_REFERENCES:
		return references(d, at, m);
	case M_NAMED:
		return named(d, at, m);
	case M_LIST_OF:
		return list_of(d, at, m);
	case M_UNIT:
		return unit(d, at, m);
	case M_LAYER:
		return layer(d, at);
	case M_OVERRIDES:
		return member_overrides(d, at);
	case M_ANY:
		return 0;
	}
	return member_bad(d, at, "is of an unknown kind");
}
