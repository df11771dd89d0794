/* What somebody meant who wrote a name that is not there. */
#include "policy/profile_schema.h"

#define NAME_MAX_LEN 64

static unsigned least(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/* Letters put in, left out, changed, or two changed about. */
unsigned word_distance(const char *a, const char *b)
{
	unsigned row[3][NAME_MAX_LEN + 1];
	size_t n = strlen(a), m = strlen(b);

	if (n > NAME_MAX_LEN || m > NAME_MAX_LEN)
		return UINT32_MAX;
	for (size_t j = 0; j <= m; j++)
		row[0][j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		unsigned *cur = row[i % 3], *prev = row[(i + 2) % 3], *before = row[(i + 1) % 3];

		cur[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			unsigned same = a[i - 1] == b[j - 1] ? 0 : 1;

			cur[j] = least(cur[j - 1] + 1, prev[j] + 1, prev[j - 1] + same);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < cur[j])
				cur[j] = before[j - 2] + 1;
		}
	}
	return row[n % 3][m];
}

static bool same_but_for_dashes(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if (*a != *b && !((*a == '-' || *a == '_') && (*b == '-' || *b == '_')))
			return false;
	return *a == *b;
}

const char *profile_nearest(const struct member *table, const char *name)
{
	unsigned best = (unsigned)strlen(name) / 3 + 1;
	const char *near = NULL;

	for (; table->name; table++) {
		unsigned d =
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
