/* What somebody meant who wrote a name that is not there. */
#include "policy/profiles/schema.h"

static bool same_but_for_dashes(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if (*a != *b && !((*a == '-' || *a == '_') && (*b == '-' || *b == '_')))
			return false;
	return *a == *b;
}

const char *profile_nearest(const struct member *table, const char *name)
{
	size_t best = strlen(name) / 3 + 1;
	const char *near = NULL;

	for (; table->name; table++) {
		size_t d =
		    same_but_for_dashes(table->name, name) ? 0 : word_distance(table->name, name);

		if (d < best && d < strlen(table->name)) {
			best = d;
			near = table->flags & MEMBER_DEPRECATED ? table->instead : table->name;
		}
	}
	return near;
}

const char *profile_section_of(const char *name)
{
	for (const struct member *m = profile_members; m->name; m++) {
		if (m->kind != M_MAP || (m->flags & MEMBER_DEPRECATED))
			continue;
		for (const struct member *in = m->members; in->name; in++)
			if (strcmp(in->name, name) == 0 && !(in->flags & MEMBER_DEPRECATED))
				return m->name;
	}
	return NULL;
}
