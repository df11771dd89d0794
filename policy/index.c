/* Building the tree of rules. The questions are in check.c. */
#include "policy/index.h"

static uint32_t hash_name(uint32_t parent, const char *s, size_t n)
{
	uint32_t h = 2166136261u ^ (parent * 2654435761u);

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)s[i]) * 16777619u;
	return h ^ (h >> 15);
}

static uint32_t lookup(const struct policy_index *ix, uint32_t parent, const char *s, size_t n,
		       uint32_t h)
{
	for (uint32_t i = h & ix->mask; ix->table[i]; i = (i + 1) & ix->mask) {
		const struct index_node *node = &ix->nodes[ix->table[i] - 1];

		if (node->hash == h && node->parent == parent && node->len == n &&
		    memcmp(ix->names + node->name, s, n) == 0)
			return ix->table[i] - 1;
	}
	return UINT32_MAX;
}

uint32_t index_child(const struct policy_index *ix, uint32_t parent, const char *s, size_t n)
{
	return lookup(ix, parent, s, n, hash_name(parent, s, n));
}

static void grow_table(struct policy_index *ix, uint32_t size)
{
	free(ix->table);
	ix->table = xcalloc(size, sizeof(*ix->table));
	ix->mask = size - 1;
	for (uint32_t k = 1; k < ix->n_nodes; k++) {
		uint32_t i = ix->nodes[k].hash & ix->mask;
		while (ix->table[i])
			i = (i + 1) & ix->mask;
		ix->table[i] = k + 1;
	}
}

static uint32_t add_node(struct policy_index *ix, uint32_t parent, const char *s, size_t n,
			 uint32_t h)
{
	uint32_t k = ix->n_nodes, i;

	if (k == ix->cap_nodes) {
		ix->cap_nodes = ix->cap_nodes ? ix->cap_nodes * 2 : 512;
		ix->nodes = xrealloc_array(ix->nodes, ix->cap_nodes, sizeof(*ix->nodes));
	}
	while (ix->cap_names - ix->n_names < n) {
		ix->cap_names = ix->cap_names ? ix->cap_names * 2 : 8192;
		ix->names = xrealloc_array(ix->names, ix->cap_names, 1);
	}
	ix->nodes[k] = (struct index_node){.parent = parent,
					   .hash = h,
					   .name = ix->n_names,
					   .len = (uint32_t)n,
					   .grant = -1,
					   .deny = -1,
					   .globs = -1};
	if (n)
		memcpy(ix->names + ix->n_names, s, n);
	ix->n_names += (uint32_t)n;
	ix->n_nodes++;
	if (k == INDEX_ROOT)
		return k;
	ix->nodes[parent].children = true;
	if (ix->n_nodes * 2 > ix->mask + 1) {
		grow_table(ix, (ix->mask + 1) * 2);
		return k;
	}
	i = h & ix->mask;
	while (ix->table[i])
		i = (i + 1) & ix->mask;
	ix->table[i] = k + 1;
	return k;
}

static bool next(const char **p, const char *end, const char **s, size_t *n)
{
	while (*p < end && **p == '/')
		(*p)++;
	if (*p >= end)
		return false;
	*s = *p;
	*p = memchr(*s, '/', (size_t)(end - *s));
	if (!*p)
		*p = end;
	*n = (size_t)(*p - *s);
	return true;
}

static uint32_t insert(struct policy_index *ix, const char *path)
{
	uint32_t node = INDEX_ROOT;
	const char *s, *end = path + strlen(path);
	size_t n;

	while (next(&path, end, &s, &n)) {
		uint32_t h = hash_name(node, s, n);
		uint32_t child = lookup(ix, node, s, n, h);
		node = child != UINT32_MAX ? child : add_node(ix, node, s, n, h);
	}
	return node;
}

uint32_t index_find_n(const struct policy_index *ix, const char *path, size_t len)
{
	uint32_t node = INDEX_ROOT;
	const char *s, *end = path + len;
	size_t n;

	while (next(&path, end, &s, &n)) {
		node = lookup(ix, node, s, n, hash_name(node, s, n));
		if (node == UINT32_MAX)
			return node;
	}
	return node;
}

uint32_t index_find(const struct policy_index *ix, const char *path)
{
	return index_find_n(ix, path, strlen(path));
}

void index_free(struct policy_index *ix)
{
	if (!ix)
		return;
	free(ix->nodes);
	free(ix->table);
	free(ix->names);
	free(ix->glob_next);
	free(ix);
}

unsigned index_closed_below(const struct policy *p, const char *path)
{
	unsigned closed = 0;

	for (size_t i = 0; i < p->n_denies; i++)
		if (path_under(path, p->denies[i].path))
			closed |= p->denies[i].access;
	return closed;
}

static struct policy_grant *tree_grant(struct policy *p, uint32_t node)
{
	int32_t g = p->index->nodes[node].grant;

	return g >= 0 && !p->grants[g].is_file ? &p->grants[g] : NULL;
}

/* What a deny rule means for the directories above it: they stay where they are (the rule would
 * lose its object), writable trees are guarded, and a tree that holds something closed for reading
 * is split from its top down to the parent of the closed thing. */
static void apply_deny(struct policy *p, const struct policy_deny *d, uint32_t node)
{
	struct policy_index *ix = p->index;
	bool closed = d->access & (NONO_READ | NONO_EXEC);
	uint32_t at, top = UINT32_MAX;

	if (!d->access || d->mounted) /* lifted; held by other means */
		return;
	for (at = node;; at = ix->nodes[at].parent) {
		struct policy_grant *g = tree_grant(p, at);

		if (at != node)
			ix->nodes[at].pinned = true;
		if (g && (g->access & NONO_WRITE))
			g->guarded = true;
		if (g && at != node) {
			g->carved |= closed;
			top = at;
		}
		if (at == INDEX_ROOT)
			break;
	}
	if (!closed || top == UINT32_MAX)
		return;
	for (at = node; at != top;) {
		at = ix->nodes[at].parent;
		ix->nodes[at].spine = true;
	}
}

/* A right in the kernel reaches everything below: a writable tree that holds a guarded one, or
 * lies in a workspace, is guarded itself. */
static void spread_guards(struct policy *p, const uint32_t *nodes)
{
	struct policy_index *ix = p->index;

	for (size_t i = 0; i < p->n_grants; i++) {
		struct policy_grant *g = &p->grants[i];

		if (!(g->access & NONO_WRITE) || g->glob || g->device)
			continue;
		if (g->workspace || g->is_file || g->missing)
			g->guarded = true;
		for (uint32_t at = nodes[i]; at != INDEX_ROOT && !g->guarded;) {
			at = ix->nodes[at].parent;
			struct policy_grant *above = tree_grant(p, at);
			g->guarded = above && above->workspace;
		}
	}
	for (size_t i = 0; i < p->n_grants; i++) {
		const struct policy_grant *g = &p->grants[i];

		if (!g->guarded || g->glob || g->is_file)
			continue;
		for (uint32_t at = nodes[i]; at != INDEX_ROOT;) {
			at = ix->nodes[at].parent;
			struct policy_grant *above = tree_grant(p, at);
			if (above && (above->access & NONO_WRITE))
				above->guarded = true;
		}
	}
}

/* path's last component is the pattern; its directory gets it. */
static void insert_glob(struct policy_index *ix, const struct policy *p, size_t g)
{
	_cleanup_free_ char *dir = xstrdup(p->grants[g].path);
	uint32_t node;

	*strrchr(dir, '/') = '\0';
	node = insert(ix, dir);
	ix->glob_next[g] = ix->nodes[node].globs;
	ix->nodes[node].globs = (int32_t)g;
}

/* Ancestors that are missing: mkdir -p must get there. What was seen for an earlier rule is known
 * from the nodes. */
static void mark_makeable(struct policy_index *ix, uint32_t node, const char *rule)
{
	char path[POLICY_PATH_MAX];

	if (!str_copy(path, sizeof(path), rule))
		return;
	for (;;) {
		char *slash = strrchr(path, '/');
		struct index_node *at;

		if (!slash || slash == path)
			return;
		*slash = '\0';
		node = ix->nodes[node].parent;
		at = &ix->nodes[node];
		if (at->makeable || at->there)
			return;
		if (access(path, F_OK) == 0) {
			at->there = true;
			return;
		}
		at->makeable = true;
	}
}

/* The size for what is likely: rules share most of their folders. */
static void make_tables(struct policy_index *ix, const struct policy *p)
{
	size_t likely = (p->n_grants + p->n_denies) * 3 / 2 + 64;
	uint32_t size = 1024;

	while (size < likely * 2)
		size *= 2;
	ix->cap_nodes = (uint32_t)likely;
	ix->nodes = xrealloc_array(NULL, ix->cap_nodes, sizeof(*ix->nodes));
	grow_table(ix, size);
	add_node(ix, INDEX_ROOT, "", 0, 0);
	ix->glob_next = xcalloc(p->n_grants + 1, sizeof(*ix->glob_next));
}

static void insert_grants(struct policy_index *ix, struct policy *p, uint32_t *nodes)
{
	for (size_t i = 0; i < p->n_grants; i++) {
		p->grants[i].carved = p->grants[i].guarded = false;
		ix->glob_next[i] = -1;
		if (p->grants[i].glob) {
			insert_glob(ix, p, i);
			continue;
		}
		nodes[i] = insert(ix, p->grants[i].path);
		ix->nodes[nodes[i]].grant = (int32_t)i;
		ix->nodes[nodes[i]].shown = p->grants[i].own;
	}
}

int index_build(struct policy *p, struct err *err)
{
	struct policy_index *ix = xcalloc(1, sizeof(*ix));
	_cleanup_free_ uint32_t *grants = NULL, *denies = NULL; /* their nodes */

	if (p->n_grants > INDEX_RULES_MAX || p->n_denies > INDEX_RULES_MAX) {
		index_free(ix);
		return err_set(err, "the policy has too many rules");
	}
	index_free(p->index);
	p->index = ix;
	make_tables(ix, p);
	grants = xcalloc(p->n_grants + 1, sizeof(*grants));
	denies = xcalloc(p->n_denies + 1, sizeof(*denies));
	insert_grants(ix, p, grants);
	for (char **b = p->bypasses; b && *b; b++)
		ix->nodes[insert(ix, *b)].bypass = true;
	for (size_t i = 0; i < p->n_denies; i++) {
		denies[i] = insert(ix, p->denies[i].path);
		ix->nodes[denies[i]].deny = (int32_t)i;
	}
	for (size_t i = 0; i < p->n_denies; i++)
		apply_deny(p, &p->denies[i], denies[i]);
	spread_guards(p, grants);
	for (size_t i = 0; i < p->n_grants; i++) {
		const struct policy_grant *g = &p->grants[i];
		if (g->missing && !g->is_file && (g->access & NONO_WRITE))
			mark_makeable(ix, grants[i], g->path);
	}
	/* What is refused without asking anyone: nor is anyone asked for the way there. */
	for (size_t i = 0; i < p->n_denies; i++)
		if (p->denies[i].quiet && p->denies[i].access == NONO_WRITE)
			mark_makeable(ix, denies[i], p->denies[i].path);
	return 0;
}
