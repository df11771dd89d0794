/* The plain values of command policies, and maps by tables. */
#include "policy/commands/decode.h"

/* ---- words ---------------------------------------------------------------------- */

void words_add(struct words *w, const char *s)
{
	w->v = xrealloc_array(w->v, w->n + 2, sizeof(*w->v));
	w->v[w->n++] = xstrdup(s);
	w->v[w->n] = NULL;
}

bool words_have(const struct words *w, const char *s)
{
	for (size_t i = 0; i < w->n; i++)
		if (str_eq(w->v[i], s))
			return true;
	return false;
}

void words_free(struct words *w)
{
	strv_free(w->v);
	*w = (struct words){0};
}

static bool only(const char *s, const char *also)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if (!((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') ||
		      (*s >= '0' && *s <= '9') || strchr(also, *s)))
			return false;
	return true;
}

bool command_name_ok(const char *s)
{
	return only(s, "._+-") && strlen(s) <= COMMAND_NAME_MAX && !str_eq(s, ".") &&
	       !str_eq(s, "..");
}

bool variable_name_ok(const char *s)
{
	return only(s, "_") && !(*s >= '0' && *s <= '9');
}

/* ---- values --------------------------------------------------------------------- */

int decode_kind(const struct decoder *d, const struct doc *v, enum doc_kind kind)
{
	if (v->kind == kind)
		return 0;
	return doc_error(d->label, v, d->err, "%s must be %s, not %s", v->name ? v->name : "this",
			 doc_kind_name(kind), doc_kind_name(v->kind));
}

int decode_bool(const struct decoder *d, const struct doc *v, void *to)
{
	if (decode_kind(d, v, DOC_BOOL) < 0)
		return -1;
	*(bool *)to = v->boolean;
	return 0;
}

int decode_string(const struct decoder *d, const struct doc *v, void *to)
{
	char **out = to;

	if (decode_kind(d, v, DOC_STRING) < 0)
		return -1;
	free(*out);
	*out = xstrdup(v->string);
	return 0;
}

int decode_u64(const struct decoder *d, const struct doc *v, void *to)
{
	if (decode_kind(d, v, DOC_INT) < 0)
		return -1;
	if (v->integer <= 0)
		return doc_error(d->label, v, d->err, "%s must be more than 0", v->name);
	*(uint64_t *)to = (uint64_t)v->integer;
	return 0;
}

int decode_seconds(const struct decoder *d, const struct doc *v, void *to)
{
	if (decode_kind(d, v, DOC_INT) < 0)
		return -1;
	if (v->integer < 1 || v->integer > 86400)
		return doc_error(d->label, v, d->err, "%s: 1 to 86400 seconds", v->name);
	*(unsigned *)to = (unsigned)v->integer;
	return 0;
}

int decode_ignore(const struct decoder *d, const struct doc *v, void *to)
{
	(void)d;
	(void)v;
	(void)to;
	return 0;
}

int decode_more_words(const struct decoder *d, const struct doc *v, void *to)
{
	if (decode_kind(d, v, DOC_LIST) < 0)
		return -1;
	doc_each(item, v)
	{
		if (item->kind != DOC_STRING)
			return doc_error(d->label, item, d->err, "%s holds strings, not %s",
					 v->name, doc_kind_name(item->kind));
		if (!words_have(to, item->string))
			words_add(to, item->string);
	}
	return 0;
}

int decode_words(const struct decoder *d, const struct doc *v, void *to)
{
	words_free(to);
	if (decode_kind(d, v, DOC_LIST) < 0)
		return -1;
	doc_each(item, v)
	{
		if (item->kind != DOC_STRING)
			return doc_error(d->label, item, d->err, "%s holds strings, not %s",
					 v->name, doc_kind_name(item->kind));
		words_add(to, item->string);
	}
	return 0;
}

int decode_choice(const struct decoder *d, const struct doc *v, const char *const *names, size_t n,
		  unsigned *out)
{
	_cleanup_(buf_free) struct buf all = {0};

	if (decode_kind(d, v, DOC_STRING) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (str_eq(v->string, names[i])) {
			*out = (unsigned)i;
			return 0;
		}
		buf_addf(&all, "%s%s", i ? ", " : "", names[i]);
	}
	return doc_error(d->label, v, d->err, "\"%.64s\" is none of %s", v->string, all.data);
}

static int unknown(const struct decoder *d, const struct doc *v, const struct decode_row *rows,
		   const char *what)
{
	_cleanup_(buf_free) struct buf all = {0};

	for (; rows->name; rows++)
		buf_addf(&all, "%s%s", all.len ? ", " : "", rows->name);
	return doc_error(d->label, v, d->err, "%s has no member \"%.64s\"; there are: %s", what,
			 v->name, all.data);
}

int decode_map(const struct decoder *d, const struct doc *map, const struct decode_row *rows,
	       void *to, const char *what)
{
	if (decode_kind(d, map, DOC_MAP) < 0)
		return -1;
	doc_each(v, map)
	{
		const struct decode_row *r = rows;

		while (r->name && !str_eq(r->name, v->name))
			r++;
		if (!r->name)
			return unknown(d, v, rows, what);
		if (r->take(d, v, (char *)to + r->offset) < 0)
			return -1;
	}
	return 0;
}
