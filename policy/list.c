/* Strings, each once. */
#include "policy/list.h"

#define FEW 8 /* that many are looked through, more are hashed */

static void index_one(struct list *l, size_t i)
{
	lookup_add(&l->by_text, lookup_hash(l->v[i], strlen(l->v[i])), (uint32_t)i);
}

bool list_has(const struct list *l, const char *s)
{
	for (size_t i = 0; l->n <= FEW && i < l->n; i++)
		if (strcmp(l->v[i], s) == 0)
			return true;
	if (l->n <= FEW)
		return false;
	lookup_each(i, &l->by_text, lookup_hash(s, strlen(s)))
	{
		if (strcmp(l->v[i], s) == 0)
			return true;
	}
	return false;
}

void list_add(struct list *l, const char *s)
{
	if (list_has(l, s))
		return;
	if (l->n + 2 > l->cap) {
		l->cap = l->cap ? l->cap * 2 : 4;
		l->v = xrealloc_array(l->v, l->cap, sizeof(*l->v));
	}
	l->v[l->n++] = xstrdup(s);
	l->v[l->n] = NULL;
	for (size_t i = l->n == FEW + 1 ? 0 : l->n - 1; l->n > FEW && i < l->n; i++)
		index_one(l, i);
}

char **list_steal(struct list *l)
{
	char **v = STEAL_PTR(l->v);

	list_free(l);
	return v;
}

void list_free(struct list *l)
{
	for (size_t i = 0; l->v && i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	lookup_free(&l->by_text);
	*l = (struct list){0};
}
