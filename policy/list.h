/*
 * list - strings in the order they came, each once.
 */
#ifndef NONO_POLICY_LIST_H
#define NONO_POLICY_LIST_H

#include "policy/lookup.h"

struct list { /* owned; v ends in NULL once something was added */
	char **v;
	size_t n, cap;
	struct lookup by_text;
};
void list_add(struct list *l, const char *s); /* a copy, unless it is there already */
bool list_has(const struct list *l, const char *s);
char **list_steal(struct list *l); /* the strings; the list is empty then */
void list_free(struct list *l);

#endif
