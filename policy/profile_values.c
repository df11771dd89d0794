/* One value of a profile, by the kind that the schema gives it. */
#include "policy/profile_decode.h"

#define ENTRIES_MAX 131072 /* of one list or map */
#define TEXT_MAX    65536

static struct entries *entries_of(struct member_reader *d, const struct member *m)
{
	return d->store ? (struct entries *)((char *)d->p + m->field) : NULL;
}

static void add(struct member_reader *d, struct entries *l, const char *text, const struct doc *at)
{
	if (l)
		entries_add(l, text, at, d->label);
}

static int not_a(struct member_reader *d, const struct doc *at, const char *want)
{
	char what[160];

	snprintf(what, sizeof(what), "must be %s, not %s", want, doc_kind_name(at->kind));
	return member_bad(d, at, what);
}

static bool is_text(const struct doc *at, size_t max)
{
	return at->kind == DOC_STRING && *at->string && strnlen(at->string, max) < max;
}

static int check_list(struct member_reader *d, const struct doc *at, enum doc_kind kind,
		      const char *want)
{
	if (at->kind != kind)
		return not_a(d, at, want);
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
		return not_a(d, at, "true or false");
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
		return m->flags & MEMBER_REQUIRED ? not_a(d, at, "a string") : 0;
	} else {
		if (at->kind != DOC_STRING)
			return not_a(d, at, "a string");
		if (strnlen(at->string, TEXT_MAX) == TEXT_MAX)
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
	if (!is_text(at, 64) && at->kind != DOC_INT && at->kind != DOC_FLOAT)
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
		return not_a(d, at, "an object (a table)");
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
		return not_a(d, at, "an object (a table)");
	if (!d->store)
		return 0;
	p->command_policies = xrealloc_array(p->command_policies, p->n_command_policies + 1,
					     sizeof(*p->command_policies));
	p->command_policies[p->n_command_policies++] = (struct place){at, d->label};
	return 0;
}

/* ---- lists ----------------------------------------------------------------- */

/* "linux", "!macos:<15", or a list of which one must hold. */
static int when(struct member_reader *d, const struct doc *at, bool *holds)
{
	struct err err = {0};
	bool any = false;

	if (at->kind == DOC_STRING) {
		int rc = when_holds(at->string, d->host, &err);

		if (rc < 0)
			return member_bad(d, at, err.msg);
		*holds = rc;
		return 0;
	}
	if (at->kind != DOC_LIST || !at->count)
		return member_bad(d, at, "\"when\" must be a string or a list of strings");
	doc_each(one, at)
	{
		if (one->kind != DOC_STRING)
			return member_bad(d, one, "\"when\" must be a string or a list of strings");
		if (when(d, one, holds) < 0)
			return -1;
		any |= *holds;
	}
	*holds = any;
	return 0;
}

/* {KEY: value, when: ...}: *value is NULL if it does not hold here. */
static int conditional(struct member_reader *d, const struct doc *at, const char *key,
		       const struct doc **value)
{
	const struct doc *found = NULL;
	char what[96];
	bool holds = true;

	doc_each(m, at)
	{
		if (strcmp(m->name, key) == 0) {
			found = m;
		} else if (strcmp(m->name, "when") == 0) {
			if (when(d, m, &holds) < 0)
				return -1;
		} else {
			snprintf(what, sizeof(what),
				 "unknown member in an entry; it has \"%s\" "
				 "and \"when\"",
				 key);
			return member_bad(d, m, what);
		}
	}
	if (!found) {
		snprintf(what, sizeof(what), "an entry needs a \"%s\"", key);
		return member_bad(d, at, what);
	}
	*value = holds ? found : NULL;
	if (!is_text(found, POLICY_PATH_MAX))
		return member_bad(d, found, "must be a string that is not empty nor too long");
	return 0;
}

/* key: what an entry that is an object calls the string; NULL: only strings. */
static int list(struct member_reader *d, const struct doc *at, const struct member *m,
		const char *key)
{
	struct entries *l = entries_of(d, m);

	if (check_list(d, at, DOC_LIST, "a list") < 0)
		return -1;
	if (l)
		l->said = true;
	doc_each(one, at)
	{
		const struct doc *s = one;

		if (key && one->kind == DOC_MAP && conditional(d, one, key, &s) < 0)
			return -1;
		if (s && s->kind != DOC_STRING)
			return not_a(d, s,
				     key ? "a string, or an object with \"when\"" : "a string");
		if (s && !is_text(s, POLICY_PATH_MAX))
			return member_bad(d, s,
					  *s->string ? "an entry is too long"
						     : "an entry must not be empty");
		if (s)
			add(d, l, s->string, one);
	}
	return 0;
}

static int one_or_list(struct member_reader *d, const struct doc *at, const struct member *m)
{
	if (at->kind == DOC_LIST) {
		if (!at->count)
			return member_bad(d, at, "must not be empty");
		return list(d, at, m, NULL);
	}
	if (!is_text(at, POLICY_PATH_MAX))
		return not_a(d, at, "a string or a list of strings");
	add(d, entries_of(d, m), at->string, at);
	return 0;
}

static int ports(struct member_reader *d, const struct doc *at, const struct member *m)
{
	struct entries *l = entries_of(d, m);

	if (check_list(d, at, DOC_LIST, "a list of numbers") < 0)
		return -1;
	doc_each(one, at)
	{
		if (one->kind != DOC_INT || one->integer < 1 || one->integer > 65535)
			return member_bad(d, one, "a port is a number from 1 to 65535");
		if (l)
			add(d, l, profile_keep(d->p, xasprintf("%d", (int)one->integer)), one);
	}
	return 0;
}

static bool range_of(const struct doc *at, long *from, long *to)
{
	char text[16], *dash;

	if (at->kind == DOC_LIST && at->count == 2 && at->first->kind == DOC_INT &&
	    at->first->next->kind == DOC_INT) {
		*from = (long)at->first->integer;
		*to = (long)at->first->next->integer;
	} else {
		if (at->kind != DOC_STRING || !str_copy(text, sizeof(text), at->string))
			return false;
		dash = strchr(text, '-');
		if (!dash)
			return false;
		*dash = '\0';
		if (str_to_long(text, 1, 65535, from) < 0 ||
		    str_to_long(dash + 1, 1, 65535, to) < 0)
			return false;
	}
	return *from >= 1 && *from <= *to && *to <= 65535;
}

static int ranges(struct member_reader *d, const struct doc *at, const struct member *m)
{
	struct entries *l = entries_of(d, m);
	long from, to;

	if (check_list(d, at, DOC_LIST, "a list of ranges") < 0)
		return -1;
	doc_each(one, at)
	{
		if (!range_of(one, &from, &to))
			return member_bad(d, one, "a range is \"8000-8010\" or [8000, 8010]");
		if (l)
			add(d, l, profile_keep(d->p, xasprintf("%ld-%ld", from, to)), one);
	}
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
	struct entries *l = entries_of(d, m);

	if (check_list(d, at, DOC_MAP, "an object (a table)") < 0)
		return -1;
	doc_each(v, at)
	{
		size_t was = member_enter(d, v->name);

		if (!variable_ok(v->name) || strcmp(v->name, "PATH") == 0 ||
		    str_starts(v->name, "NONO_"))
			return member_bad(d, v, "can't be set by a profile");
		if (v->kind != DOC_STRING || strnlen(v->string, TEXT_MAX) == TEXT_MAX)
			return not_a(d, v, "a string");
		if (l)
			entries_put(l, v->name, v, d->label);
		d->where[was] = '\0';
	}
	return 0;
}

/* Reference -> variable, or {name, when}: the entry's place is the variable's name. */
static int references(struct member_reader *d, const struct doc *at, const struct member *m)
{
	struct entries *l = entries_of(d, m);

	if (check_list(d, at, DOC_MAP, "an object (a table)") < 0)
		return -1;
	doc_each(v, at)
	{
		size_t was = member_enter(d, v->name);
		const struct doc *s = v;

		if (!*v->name || strnlen(v->name, POLICY_PATH_MAX) == POLICY_PATH_MAX)
			return member_bad(d, v, "is no reference");
		if (v->kind == DOC_MAP && conditional(d, v, "name", &s) < 0)
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
	struct entries *l = entries_of(d, m);

	if (check_list(d, at, DOC_MAP, "an object (a table)") < 0)
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
	if (check_list(d, at, DOC_LIST, "a list") < 0)
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
		return list(d, at, m, NULL);
	case M_PATHS:
		return list(d, at, m, "path");
	case M_NAMES:
		return list(d, at, m, "name");
	case M_ONE_OR_LIST:
		return one_or_list(d, at, m);
	case M_PORTS:
		return ports(d, at, m);
	case M_RANGES:
		return ranges(d, at, m);
	case M_DOMAINS:
		return member_domains(d, at, entries_of(d, m));
	case M_ENDPOINTS:
		return member_endpoints(d, at, entries_of(d, m));
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
