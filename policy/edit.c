/*
 * The text is changed in place, with its comments, by whoever knows its syntax. The result is read
 * again: it is not handed out unless it says what the old text said and the new entry, no more.
 */
#include "policy/edit.h"

#include "policy/edit_text.h"

static char *quoted(const char *s)
{
	_cleanup_(buf_free) struct buf b = {0};

	buf_add_json_str(&b, s, strlen(s));
	return STEAL_PTR(b.data);
}

/* The member that has the list. */
const char *edit_section(const char *list)
{
	static const char *const of_network[] = {"allow_domain", "deny_domain",
						 "approved_endpoints", "refused_endpoints"};

	for (size_t i = 0; i < ARRAY_LEN(of_network); i++)
		if (str_eq(list, of_network[i]))
			return "network";
	if (str_eq(list, "allow_origins"))
		return "open_urls";
	return "filesystem";
}

/* ---- what a text says ------------------------------------------------------------------------ */

static bool is_null(const struct doc *d)
{
	return !d || d->kind == DOC_NULL;
}

/* 1: value is in the list, 0: it is not, -1: no list of that kind can be there. */
static int has(const struct document *d, const char *list, const char *value, struct err *err)
{
	const struct doc *fs = doc_get(d->root, edit_section(list)), *l = doc_get(fs, list);

	if ((d->root->kind != DOC_MAP && (d->root->kind != DOC_NULL || d->format != DOC_YAML)) ||
	    (!is_null(fs) && fs->kind != DOC_MAP) || (!is_null(l) && l->kind != DOC_LIST))
		return err_set(err, "%s: not a profile", d->label);
	doc_each(e, l)
	{
		if (e->kind == DOC_STRING && strcmp(e->string, value) == 0)
			return 1;
	}
	return 0;
}

static bool same(const struct doc *a, const struct doc *b);

static bool same_map(const struct doc *a, const struct doc *b)
{
	if (a->count != b->count)
		return false;
	doc_each(e, a)
	{
		const struct doc *other = doc_get(b, e->name);

		if (!other || !same(e, other))
			return false;
	}
	return true;
}

static bool same_list(const struct doc *a, const struct doc *b)
{
	while (a && b && same(a, b)) {
		a = a->next;
		b = b->next;
	}
	return !a && !b;
}

static bool same(const struct doc *a, const struct doc *b)
{
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case DOC_BOOL:
		return a->boolean == b->boolean;
	case DOC_INT:
		return a->integer == b->integer;
	case DOC_FLOAT:
		return memcmp(&a->real, &b->real, sizeof(a->real)) == 0;
	case DOC_STRING:
		return str_eq(a->string, b->string);
	case DOC_LIST:
		return same_list(a->first, b->first);
	case DOC_MAP:
		return same_map(a, b);
	default:
		return true;
	}
}

/* Members of a map but for one. */
static bool same_others(const struct doc *before, const struct doc *after, const char *but)
{
	size_t n = 0;

	doc_each(e, after)
	{
		const struct doc *old = doc_get(before, e->name);

		if (str_eq(e->name, but))
			continue;
		if (!old || !same(old, e))
			return false;
		n++;
	}
	doc_each(e, before)
	{
		n -= !str_eq(e->name, but);
	}
	return n == 0;
}

bool edit_rest_same(const struct document *before, const struct document *after,
		    const char *section, const char *list)
{
	const struct doc *in_before = doc_get(before->root, section),
			 *in_after = doc_get(after->root, section), *l = doc_get(in_after, list),
			 *first = doc_first(l);

	return first && l->kind == DOC_LIST &&
	       same_list(first->next, doc_first(doc_get(in_before, list))) &&
	       same_others(before->root, after->root, section) &&
	       same_others(in_before, in_after, list);
}

/* The value is in front of the list, and nothing else is different. */
static bool only_added(const struct document *before, const struct document *after,
		       const char *list, const char *value)
{
	const char *section = edit_section(list);
	const struct doc *first = doc_first(doc_get(doc_get(after->root, section), list));

	return first && first->kind == DOC_STRING && str_eq(first->string, value) &&
	       edit_rest_same(before, after, section, list);
}

/* ---- */

char *edit_add(const char *text, const char *label, const char *list, const char *value,
	       struct err *err)
{
	static char *(*const ways[])(const struct edit *) = {
	    [DOC_JSON] = edit_json, [DOC_TOML] = edit_toml, [DOC_YAML] = edit_yaml};
	enum doc_format format = DOC_JSON;
	_cleanup_(document_freep) struct document *before = NULL, *after = NULL;
	_cleanup_free_ char *item = quoted(value), *out = NULL;
	int there;

	doc_format_of(label, &format);
	before = doc_read(text, strlen(text), format, label, err);
	there = before ? has(before, list, value, err) : -1;
	if (there < 0)
		return NULL;
	if (there)
		return xstrdup(text);
	out = ways[format](&(struct edit){.text = text,
					  .doc = before,
					  .section = edit_section(list),
					  .list = list,
					  .item = item});
	if (out)
		after = doc_read(out, strlen(out), format, label, NULL);
	if (after && only_added(before, after, list, value))
		return STEAL_PTR(out);
	err_set(err, "%s: can't be changed automatically: put %s into %s.%s", label, item,
		edit_section(list), list);
	return NULL;
}
