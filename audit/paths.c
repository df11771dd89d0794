#include "audit/paths.h"

static uint64_t hash_name(uint32_t parent, const char *s, size_t n)
{
	uint64_t h = 14695981039346656037u ^ parent; /* FNV-1a */

	h *= 1099511628211u;
	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)s[i]) * 1099511628211u;
	return h ^ h >> 29;
}

static uint32_t *slot_of(const struct paths *p, uint32_t parent, const char *s, size_t n)
{
	uint32_t i = (uint32_t)hash_name(parent, s, n) & (p->slots - 1);

	for (; p->table[i]; i = (i + 1) & (p->slots - 1)) {
		const struct paths_node *node = &p->nodes[p->table[i]];
		if (node->parent == parent && strlen(node->name) == n &&
		    memcmp(node->name, s, n) == 0)
			break;
	}
	return &p->table[i];
}

static void grow(struct paths *p)
{
	uint32_t cap = p->cap ? 2 * p->cap : 256;

	p->nodes = xrealloc_array(p->nodes, cap, sizeof(*p->nodes));
	p->cap = cap;
	free(p->table);
	p->slots = 2 * cap;
	p->table = xcalloc(p->slots, sizeof(*p->table));
	for (uint32_t i = 1; i < p->n; i++)
		*slot_of(p, p->nodes[i].parent, p->nodes[i].name, strlen(p->nodes[i].name)) = i;
}

/* 0: there is no room for it. */
static uint32_t child(struct paths *p, uint32_t parent, const char *s, size_t n)
{
	uint32_t *slot = slot_of(p, parent, s, n);

	if (*slot)
		return *slot;
	if (p->n >= PATHS_MAX)
		return 0;
	if (p->n == p->cap) {
		grow(p);
		slot = slot_of(p, parent, s, n);
	}
	*slot = p->n;
	p->nodes[p->n] = (struct paths_node){
	    .name = xstrndup(s, n), .parent = parent, .next = p->nodes[parent].first};
	p->nodes[parent].first = p->n;
	p->nodes[parent].children++;
	return p->n++;
}

void paths_add(struct paths *p, const char *path)
{
	uint32_t at = 0;

	if (!p->n) {
		grow(p);
		p->nodes[0] = (struct paths_node){.name = xstrdup("")};
		p->n = 1;
	}
	p->events++;
	if (path[0] != '/') /* an abstract socket, a name */
		at = child(p, 0, path, strnlen(path, 255));
	while (path[0] == '/') {
		size_t n = strcspn(++path, "/");
		uint32_t next = n ? child(p, at, path, n) : at;
		if (!next && n)
			break;
		at = next;
		path += n;
	}
	p->nodes[at].own++;
}

/* ---- folding --------------------------------------------------------------------------------- */

struct entry {
	uint32_t node;
	bool self; /* the path itself, without what is below */
};

/* Children have higher numbers than their parents. */
static void sum(struct paths *p)
{
	for (uint32_t i = 0; i < p->n; i++) {
		p->nodes[i].total = p->nodes[i].own;
		p->nodes[i].files = p->nodes[i].own > 0;
	}
	for (uint32_t i = p->n; i-- > 1;) {
		struct paths_node *up = &p->nodes[p->nodes[i].parent];
		up->total += p->nodes[i].total;
		up->files += p->nodes[i].files;
	}
}

/* Down to where something branches. */
static uint32_t branching(const struct paths *p, uint32_t at)
{
	while (p->nodes[at].children == 1 && !p->nodes[at].own)
		at = p->nodes[at].first;
	return at;
}

static size_t expand(const struct paths *p, struct entry *e, size_t n, size_t at)
{
	const struct paths_node *node = &p->nodes[e[at].node];
	bool first = true;

	if (node->own) {
		e[at].self = true;
		first = false;
	}
	for (uint32_t c = node->first; c; c = p->nodes[c].next) {
		struct entry new = {branching(p, c), false};
		if (first)
			e[at] = new;
		else
			e[n++] = new;
		first = false;
	}
	return n;
}

static char *path_of(const struct paths *p, const struct entry *e)
{
	struct buf b = {0};
	uint32_t chain[256];
	size_t n = 0;

	buf_adds(&b, "");
	for (uint32_t i = e->node; i && n < ARRAY_LEN(chain); i = p->nodes[i].parent)
		chain[n++] = i;
	while (n-- > 0)
		buf_addf(&b, "/%s", p->nodes[chain[n]].name);
	if (p->nodes[e->node].children && !e->self)
		buf_addc(&b, '/');
	if (!b.len)
		buf_addc(&b, '/');
	return b.data;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct paths_line *)a)->path, ((const struct paths_line *)b)->path);
}

struct paths_line *paths_fold(struct paths *p, size_t max, size_t *n)
{
	_cleanup_free_ struct entry *e = xcalloc(max + 1, sizeof(*e));
	struct paths_line *lines;

	*n = 0;
	if (!p->n)
		return NULL;
	sum(p);
	e[(*n)++] = (struct entry){branching(p, 0), false};
	for (;;) {
		size_t best = SIZE_MAX;
		for (size_t i = 0; i < *n; i++) {
			const struct paths_node *node = &p->nodes[e[i].node];
			if (!node->children || e[i].self ||
			    *n - 1 + node->children + (node->own > 0) > max)
				continue;
			if (best == SIZE_MAX || node->files > p->nodes[e[best].node].files)
				best = i;
		}
		if (best == SIZE_MAX)
			break;
		*n = expand(p, e, *n, best);
	}
	lines = xcalloc(*n, sizeof(*lines));
	for (size_t i = 0; i < *n; i++) {
		const struct paths_node *node = &p->nodes[e[i].node];
		lines[i].path = path_of(p, &e[i]);
		lines[i].files = e[i].self ? 1 : node->files;
		lines[i].events = e[i].self ? node->own : node->total;
	}
	qsort(lines, *n, sizeof(*lines), by_path);
	return lines;
}

void paths_lines_free(struct paths_line *l, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(l[i].path);
	free(l);
}

void paths_free(struct paths *p)
{
	for (uint32_t i = 0; i < p->n; i++)
		free(p->nodes[i].name);
	free(p->nodes);
	free(p->table);
	*p = (struct paths){0};
}
