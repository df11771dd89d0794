/* The tree of programs, as text and as JSON. */
#include "audit/show.h"

static void put_node(const struct programs *p, uint32_t i, uint32_t times)
{
	const struct programs_node *n = &p->nodes[i];
	uint64_t count = (uint64_t)n->count + times - 1;

	if (count > 1)
		printf("%llu× ", (unsigned long long)count);
	if (p->merge) {
		command_put(n->program, 0);
	} else {
		command_put(n->command[0] ? n->command : n->program, 0);
		printf("  (%s%d)", times > 1 ? "first " : "", n->pid);
	}
	putchar('\n');
}

static bool same_leaf(const struct programs *p, uint32_t a, uint32_t b)
{
	const struct programs_node *x = &p->nodes[a], *y = &p->nodes[b];

	return !x->first && !y->first && str_eq(x->program, y->program) &&
	       str_eq(x->command, y->command);
}

/* Children of the same words one after the other are one line. */
static size_t print_below(const struct programs *p, uint32_t parent, char *indent, size_t len,
			  size_t left)
{
	size_t shown = 0;

	for (uint32_t c = p->nodes[parent].first, next; c && shown < left; c = next) {
		uint32_t times = 1;
		size_t more;

		for (next = p->nodes[c].next; next && same_leaf(p, c, next);
		     next = p->nodes[next].next)
			times++;
		printf("  %.*s%s", (int)len, indent, parent ? (next ? "├─ " : "└─ ") : "");
		put_node(p, c, times);
		shown++;
		if (!p->nodes[c].first)
			continue;
		more = parent ? strlen(next ? "│  " : "   ") : 0;
		memcpy(indent + len, next ? "│  " : "   ", more);
		shown += print_below(p, c, indent, len + more, left - shown);
	}
	return shown;
}

void show_tree(const struct programs *p, size_t max)
{
	char indent[PROGRAMS_DEPTH * 8];
	size_t shown = p->n ? print_below(p, 0, indent, 0, max) : 0;

	if (shown == max && p->n > shown + 1)
		printf("  and more: nono audit show --tree\n");
	if (p->other)
		printf("  and %llu programs more than can be kept\n", (unsigned long long)p->other);
}

static cJSON *node_json(const struct programs *p, uint32_t i)
{
	const struct programs_node *n = &p->nodes[i];
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "program", n->program);
	cJSON_AddStringToObject(o, "command", n->command);
	cJSON_AddNumberToObject(o, "pid", n->pid);
	cJSON_AddStringToObject(o, "started", n->time);
	cJSON_AddNumberToObject(o, "count", n->count);
	cJSON_AddItemToObject(o, "children", show_tree_json(p, i));
	return o;
}

cJSON *show_tree_json(const struct programs *p, uint32_t parent)
{
	cJSON *list = cJSON_CreateArray();

	for (uint32_t c = p->n ? p->nodes[parent].first : 0; c; c = p->nodes[c].next)
		cJSON_AddItemToArray(list, node_json(p, c));
	return list;
}
