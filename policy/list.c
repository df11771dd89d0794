/* Strings, each once. */
#include "policy/list.h"

bool list_has(const struct list *l, const char *s)
{
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
		l->cap = l->cap ? l->cap * 2 : 16;
		l->v = xrealloc_array(l->v, l->cap, sizeof(*l->v));
	}
	lookup_add(&l->by_text, lookup_hash(s, strlen(s)), (uint32_t)l->n);
	l->v[l->n++] = xstrdup(s);
	l->v[l->n] = NULL;
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
