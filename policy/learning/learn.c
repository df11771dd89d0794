/*
 * From what a program did to the rules that would have sufficed. A pure function: the same accesses
 * under the same policy give the same rules, nothing is looked up.
 *
 * The paths become a tree, which is folded (rules.c): what is in a directory is given by that
 * where only it will do (names that are gone and may be others next time).
 */
#include "policy/learning/learn.h"

#define REMARKS_MAX 200

const unsigned learn_bits[LEARN_GROUPS] = {NONO_READ | NONO_EXEC, NONO_WRITE};

/* ---- paths in order: what lies below a directory follows it ------------------------------ */

static int compare_paths(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	/* '/' before everything else */
	return (*a == '/'	    ? 1
		: (unsigned char)*a ? (unsigned char)*a + 1
				    : 0) -
	       (*b == '/'	    ? 1
		: (unsigned char)*b ? (unsigned char)*b + 1
				    : 0);
}

static int by_path(const void *x, const void *y)
{
	const struct policy_access *a = x, *b = y;

	return compare_paths(a->path, b->path);
}

static void sort_and_merge(struct learner *l, const struct policy_access *v, size_t n)
{
	size_t out = 0;

	l->v = xcalloc(n + 1, sizeof(*l->v));
	for (size_t i = 0; i < n; i++)
		if (v[i].path[0] == '/' && v[i].access && strlen(v[i].path) < POLICY_PATH_MAX)
			l->v[out++] = v[i];
	n = out;
	qsort(l->v, n, sizeof(*l->v), by_path);
	out = 0;
	for (size_t i = 0; i < n; i++) {
		struct policy_access *last = out ? &l->v[out - 1] : NULL;

		if (!last || strcmp(last->path, l->v[i].path) != 0) {
			l->v[out++] = l->v[i];
			continue;
		}
		last->access |= l->v[i].access;
		last->dir |= l->v[i].dir;
		last->gone &= l->v[i].gone;
		last->link |= l->v[i].link;
		last->refused |= l->v[i].refused;
		last->closed |= l->v[i].closed;
	}
	l->n_v = out;
}

static bool was_written(const struct learner *l, const char *path, size_t len)
{
	char name[POLICY_PATH_MAX];
	struct policy_access key = {.path = name};
	const struct policy_access *found;

	memcpy(name, path, len);
	name[len] = '\0';
	found = bsearch(&key, l->v, l->n_v, sizeof(*l->v), by_path);
	return found && (found->access & NONO_WRITE) && !found->gone;
}

/* "x.tmp" beside "x", which it became: called so the next time as well. */
static bool name_returns(const struct learner *l, const char *path)
{
	static const char *const endings[] = {".tmp", ".lock", ".new", "~",
					      ".bak", ".swp",  ".part"};

	for (size_t i = 0; i < ARRAY_LEN(endings); i++)
		if (str_ends(path, endings[i]) &&
		    was_written(l, path, strlen(path) - strlen(endings[i])))
			return true;
	return false;
}

/* ---- remarks --------------------------------------------------------------------------- */

static void remark(char ***list, size_t *n, char *text)
{
	if (*n >= REMARKS_MAX) {
		free(text);
		return;
	}
	*list = xrealloc_array(*list, *n + 2, sizeof(**list));
	(*list)[(*n)++] = text;
	(*list)[*n] = NULL;
}

static const char *words(unsigned access)
{
	bool r = access & (NONO_READ | NONO_EXEC), w = access & NONO_WRITE;

	return r && w ? "read and write" : w ? "write" : "read";
}

void learn_left_out(struct learner *l, const char *path, size_t len, unsigned access,
		    const char *why)
{
	char shown[1024];

	l->out->n_left_out++;
	remark(&l->out->left_out, &l->out->n_left_out_said,
	       xasprintf("%s %s: %s", words(access),
			 text_printable(shown, sizeof(shown), path, len), why));
}

/* ---- what is missing ------------------------------------------------------------------- */

enum need { NEED_NOTHING = 0, NEED_RULE, NEED_CLOSED };

/* Of each access for itself: granted, to be learned, or closed for good. */
static enum need needed(const struct policy *p, const struct policy_access *a, unsigned *access)
{
	struct policy_verdict v;

	*access = 0;
	if (a->closed)
		return NEED_CLOSED;
	for (unsigned bit = NONO_READ; bit <= NONO_EXEC; bit <<= 1) {
		if (!(a->access & bit))
			continue;
		policy_check(p, a->path, bit, a->gone, &v);
		if (v.allowed)
			continue;
		if (v.reason != POLICY_NOT_GRANTED && v.reason != POLICY_INSUFFICIENT)
			return NEED_CLOSED;
		*access |= bit;
	}
	return *access ? NEED_RULE : NEED_NOTHING;
}

enum policy_special learn_kind_of(const char *path)
{
	return special_match(special_root_of("/"), path + 1);
}

/* ---- the tree --------------------------------------------------------------------------- */

static bool is_parent(const struct learn_node *d, const char *path)
{
	return strncmp(d->path, path, d->len) == 0 && (d->len == 1 || path[d->len] == '/');
}

static uint32_t add_node(struct learner *l, const char *path, uint32_t len, uint32_t parent)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 1024;
		l->nodes = xrealloc_array(l->nodes, l->cap, sizeof(*l->nodes));
	}
	l->nodes[l->n] = (struct learn_node){.path = path, .len = len, .parent = parent};
	l->nodes[parent].dir = true;
	return l->n++;
}

/* The node of path (len bytes), with those above it. Paths come in order: what is known of the way
 * to it hangs above the node that was added last. */
static struct learn_node *find_node(struct learner *l, const char *path, size_t len)
{
	uint32_t at = l->n - 1;

	while (at && !(is_parent(&l->nodes[at], path) && l->nodes[at].len < len) &&
	       !(l->nodes[at].len == len && memcmp(l->nodes[at].path, path, len) == 0))
		at = l->nodes[at].parent;
	while (l->nodes[at].len < len) {
		size_t start = l->nodes[at].len == 1 ? 1 : l->nodes[at].len + 1;
		const char *end = memchr(path + start, '/', len - start);

		at = add_node(l, path, (uint32_t)(end ? end - path : (ptrdiff_t)len), at);
	}
	return &l->nodes[at]; /* until the next is added */
}

static size_t parent_length(const char *path, size_t len)
{
	while (len > 1 && path[len - 1] != '/')
		len--;
	return len > 1 ? len - 1 : 1;
}

/* What protects itself by its name (a repository's config) gets no rule of its own, which would
 * lift that: its folder does, where it is protected still. */
static size_t unprotected_length(const char *path)
{
	char up[POLICY_PATH_MAX];
	size_t len = strlen(path);

	memcpy(up, path, len + 1);
	while (len > 1 && learn_kind_of(up) != POLICY_SPECIAL_NONE) {
		len = parent_length(up, len);
		up[len] = '\0';
	}
	return len;
}

static void take_unnamed(struct learner *l, const struct policy_access *a, unsigned access)
{
	char up[POLICY_PATH_MAX];
	size_t len = strlen(a->path);
	struct learn_node *d;

	memcpy(up, a->path, len + 1);
	while (len > 1 && !policy_nameable(up)) {
		len = parent_length(up, len);
		up[len] = '\0';
	}
	d = find_node(l, a->path, len);
	d->unnamed |= access;
	for (size_t g = 0; g < LEARN_GROUPS; g++)
		d->here[g] += (access & learn_bits[g]) != 0;
}

static void take(struct learner *l, const struct policy_access *a, unsigned access)
{
	struct learn_node *d;

	if ((access & NONO_WRITE) && learn_kind_of(a->path) != POLICY_SPECIAL_NONE) {
		d = find_node(l, a->path, unprotected_length(a->path));
		d->force |= NONO_WRITE;
		access &= ~(unsigned)NONO_WRITE;
	}
	if (!access)
		return;
	if (!policy_nameable(a->path)) {
		take_unnamed(l, a, access);
		return;
	}
	if (a->link) {
		d = find_node(l, a->path, parent_length(a->path, strlen(a->path)));
		d->force |= access & NONO_WRITE;
		return;
	}
	d = find_node(l, a->path, strlen(a->path));
	d->own |= access;
	d->dir |= a->dir;
	if (a->gone && !a->refused && (access & NONO_WRITE) && !name_returns(l, a->path))
		for (size_t g = 0; g < LEARN_GROUPS; g++)
			l->nodes[d->parent].force |= access & learn_bits[g] ? learn_bits[g] : 0;
}

static void build(struct learner *l)
{
	add_node(l, "/", 1, 0);
	for (size_t i = 0; i < l->n_v; i++) {
		const struct policy_access *a = &l->v[i];
		char shown[1024];
		unsigned access;

		switch (needed(l->p, a, &access)) {
		case NEED_NOTHING:
			l->out->n_covered++;
			continue;
		case NEED_CLOSED:
			break;
		case NEED_RULE:
			if (!a->refused || !(access & NONO_WRITE) ||
			    learn_kind_of(a->path) == POLICY_SPECIAL_NONE) {
				take(l, a, access);
				continue;
			}
			break;
		}
		l->out->n_closed++;
		remark(&l->out->closed, &l->out->n_closed_said,
		       xasprintf("%s %s", words(a->access),
				 text_printable(shown, sizeof(shown), a->path, strlen(a->path))));
	}
}

void policy_learn(const struct policy *p, const struct policy_access *v, size_t n,
		  struct policy_learned *out)
{
	struct learner l = {.p = p, .out = out};

	*out = (struct policy_learned){0};
	sort_and_merge(&l, v, n);
	out->n_seen = l.n_v;
	build(&l);
	learn_tree_fold(&l);
	learn_tree_rules(&l);
	free(l.nodes);
	free(l.v);
}

void policy_learned_free(struct policy_learned *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].value);
		free(l->paths[i]);
	}
	free(l->v);
	free(l->paths);
	strv_free(l->closed);
	strv_free(l->left_out);
	*l = (struct policy_learned){0};
}
