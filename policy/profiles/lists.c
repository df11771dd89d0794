/* Lists of a profile: strings, each perhaps under a condition; ports and ranges of them. */
#include "policy/profiles/decode.h"

static void add(struct member_reader *d, struct entries *l, const char *text, const struct doc *at)
{
	if (l)
		entries_add(l, text, at, d->label);
}

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

int member_conditional(struct member_reader *d, const struct doc *at, const char *key,
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
	if (!member_is_text(found, POLICY_PATH_MAX))
		return member_bad(d, found, "must be a string that is not empty nor too long");
	return 0;
}

int member_list(struct member_reader *d, const struct doc *at, const struct member *m,
		const char *key)
{
	struct entries *l = member_entries(d, m);

	if (member_check_list(d, at, DOC_LIST, "a list") < 0)
		return -1;
	if (l)
		l->said = true;
	doc_each(one, at)
	{
		const struct doc *s = one;

		if (key && one->kind == DOC_MAP && member_conditional(d, one, key, &s) < 0)
			return -1;
		if (s && s->kind != DOC_STRING)
			return member_not_a(
			    d, s, key ? "a string, or an object with \"when\"" : "a string");
		if (s && !member_is_text(s, POLICY_PATH_MAX))
			return member_bad(d, s,
					  *s->string ? "an entry is too long"
						     : "an entry must not be empty");
		if (s)
			add(d, l, s->string, one);
	}
	return 0;
}

int member_one_or_list(struct member_reader *d, const struct doc *at, const struct member *m)
{
	if (at->kind == DOC_LIST) {
		if (!at->count)
			return member_bad(d, at, "must not be empty");
		return member_list(d, at, m, NULL);
	}
	if (!member_is_text(at, POLICY_PATH_MAX))
		return member_not_a(d, at, "a string or a list of strings");
	add(d, member_entries(d, m), at->string, at);
	return 0;
}

int member_ports(struct member_reader *d, const struct doc *at, const struct member *m)
{
	struct entries *l = member_entries(d, m);

	if (member_check_list(d, at, DOC_LIST, "a list of numbers") < 0)
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

int member_ranges(struct member_reader *d, const struct doc *at, const struct member *m)
{
	struct entries *l = member_entries(d, m);
	long from, to;

	if (member_check_list(d, at, DOC_LIST, "a list of ranges") < 0)
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
