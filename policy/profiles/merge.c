/* What a child says on top of its base: each member by the rule that the schema has for it. */
#include "policy/profiles/schema.h"

static void append(struct entries *base, const struct entries *child, enum member_merge how)
{
	if (how == MERGE_CLEARABLE && child->said && !child->n) {
		entries_free(base);
		base->said = true;
	}
	for (size_t i = 0; i < child->n; i++) {
		const struct entry *e = &child->v[i];

		if (how == MERGE_UNION)
			entries_put(base, e->text, e->place.at, e->place.label);
		else
			entries_add(base, e->text, e->place.at, e->place.label);
	}
	base->said |= child->said;
}

static void merge_int(int *base, int child, enum member_merge how)
{
	if (how == MERGE_OR ? child == SAID_YES || !*base : child != NOT_SAID)
		*base = child;
}

/* A child can't take the grant away. */
static void merge_workdir(int *base, int child)
{
	if (child > WORKDIR_NONE || !*base)
		*base = child;
}

static void merge_member(struct profile *base, const struct profile *child, const struct member *m)
{
	void *to = (char *)base + m->field;
	const void *from = (const char *)child + m->field;

	switch (m->kind) {
	case M_FLAG:
	case M_WORD:
		if (m->merge == MERGE_WORKDIR)
			merge_workdir(to, *(const int *)from);
		else
			merge_int(to, *(const int *)from, m->merge);
		break;
	case M_TEXT:
		if (*(const char *const *)from)
			*(const char **)to = *(const char *const *)from;
		break;
	case M_AMOUNT:
	case M_UNIT:
		if (((const struct place *)from)->at)
			*(struct place *)to = *(const struct place *)from;
		break;
	default:
		append(to, from, m->merge);
		break;
	}
}

static void merge_members(struct profile *base, const struct profile *child, const struct member *m)
{
	for (; m->name; m++) {
		if (m->instead)
			continue;
		if (m->kind == M_MAP)
			merge_members(base, child, m->members);
		else if (m->merge != MERGE_NONE)
			merge_member(base, child, m);
	}
}

/* The child's as a whole: a description belongs to its name. */
static void merge_meta(struct profile *base, const struct profile *child)
{
	if (!child->name)
		return;
	base->name = child->name;
	base->version = child->version;
	base->description = child->description;
	base->author = child->author;
}

static void *joined(void *base, size_t n_base, void *child, size_t n_child, size_t size)
{
	char *v = xrealloc_array(base, n_base + n_child, size);

	if (n_child)
		memcpy(v + n_base * size, child, n_child * size);
	free(child);
	return v;
}
#define TAKE(base, child, list, count)                                                            \
	do {                                                                                      \
		(base)->list = joined((base)->list, (base)->count, (child)->list, (child)->count, \
				      sizeof(*(base)->list));                                     \
		(base)->count += (child)->count;                                                  \
		(child)->list = NULL;                                                             \
		(child)->count = 0;                                                               \
	} while (0)

void profile_merge(struct profile *base, struct profile *child)
{
	merge_members(base, child, profile_members);
	merge_meta(base, child);
	TAKE(base, child, endpoints.v, endpoints.n);
	base->endpoints.cap = base->endpoints.n;
	TAKE(base, child, command_policies, n_command_policies);
	if (child->file) { /* not what is for one system only */
		struct entries extends = base->extends;

		base->file = child->file;
		base->extends = child->extends;
		child->extends = extends;
	}
	/* What the strings are in. */
	TAKE(base, child, files, n_files);
	TAKE(base, child, made, n_made);
	TAKE(base, child, notes, n_notes);
	profile_free(child);
}

/* ---- what is beyond this version ------------------------------------------- */

void profile_unenforced(const struct profile *p, struct list *out)
{
	const struct policy_modes modes = {.signals = (enum policy_reach)p->signal_mode};

	modes_unenforced(&modes, out);
	if (p->credential_routes.n)
		list_add(out, "credential_routes (write network.custom_credentials)");
}
