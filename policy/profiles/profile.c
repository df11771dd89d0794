/* The parts that a profile is made of, and their end. */
#include "policy/profiles/schema.h"

const char profile_cleared[] = "";

static bool add(struct entries *l, struct entry e, bool replace)
{
	uint32_t h = lookup_hash(e.text, strlen(e.text));

	lookup_each(i, &l->by_text, h)
	{
		if (strcmp(l->v[i].text, e.text) != 0)
			continue;
		if (replace)
			l->v[i] = e;
		return false;
	}
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 8;
		l->v = xrealloc_array(l->v, l->cap, sizeof(*l->v));
	}
	lookup_add(&l->by_text, h, (uint32_t)l->n);
	l->v[l->n++] = e;
	return true;
}

bool entries_add(struct entries *l, const char *text, const struct doc *at, const char *label)
{
	return add(l, (struct entry){text, {at, label}}, false);
}

void entries_put(struct entries *l, const char *text, const struct doc *at, const char *label)
{
	add(l, (struct entry){text, {at, label}}, true);
}

const struct entry *entries_find(const struct entries *l, const char *text)
{
	lookup_each(i, &l->by_text, lookup_hash(text, strlen(text)))
	{
		if (strcmp(l->v[i].text, text) == 0)
			return &l->v[i];
	}
	return NULL;
}

void entries_free(struct entries *l)
{
	free(l->v);
	lookup_free(&l->by_text);
	*l = (struct entries){0};
}

const char *profile_keep(struct profile *p, char *s)
{
	p->made = xrealloc_array(p->made, p->n_made + 1, sizeof(*p->made));
	p->made[p->n_made++] = s;
	return s;
}

const char *profile_origin_name(enum profile_origin o)
{
	static const char *const names[] = {
	    [PROFILE_BUILTIN] = "built-in", [PROFILE_USER] = "user", [PROFILE_PATH] = "path"};

	return names[o];
}

static void file_free(struct profile_file *f)
{
	document_free(f->document);
	free(f->name);
	free(f->found);
	free(f->path);
	free(f->label);
	free(f);
}

/* True if the field of the member is a struct entries. */
static bool has_entries(const struct member *m)
{
	switch (m->kind) {
	case M_LIST:
	case M_PATHS:
	case M_NAMES:
	case M_ONE_OR_LIST:
	case M_PORTS:
	case M_RANGES:
	case M_DOMAINS:
	case M_VARIABLES:
	case M_REFERENCES:
	case M_NAMED:
		return true;
	default:
		return false;
	}
}

static void free_members(struct profile *p, const struct member *m)
{
	for (; m->name; m++) {
		if (m->instead)
			continue;
		if (m->kind == M_MAP)
			free_members(p, m->members);
		else if (has_entries(m))
			entries_free((struct entries *)((char *)p + m->field));
	}
}

void profile_free(struct profile *p)
{
	free_members(p, profile_members);
	for (size_t i = 0; i < p->n_files; i++)
		file_free(p->files[i]);
	for (size_t i = 0; i < p->n_notes; i++)
		free(p->notes[i].text);
	for (size_t i = 0; i < p->n_made; i++)
		free(p->made[i]);
	free(p->files);
	free(p->notes);
	free(p->made);
	free(p->endpoints.v);
	free(p->command_policies);
	*p = (struct profile){0};
}
