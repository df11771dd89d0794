/*
 * From what a program did to the rules that would have sufficed. A pure function: the same accesses
 * under the same policy give the same rules, nothing is looked up.
 *
 * The paths become a tree. From its leaves upwards a directory takes the place of what is in it
 * when that is more readable, or when only it will do (names that are gone and may be others next
 * time), and never when it holds, or is, more than a rule should name. Reading and writing fold
 * each by itself.
 */
#include "policy/index.h"
#include "policy/special.h"

#define FOLD_HERE   3	 /* files of one directory */
#define FOLD_DIRS   4	 /* folded directories in one */
#define FOLD_BELOW  8	 /* rules that would be left below it */
#define RULES_MAX   1000 /* beyond that it is no profile for people */
#define REMARKS_MAX 200
#define GROUPS	    2 /* reading (with executing), writing */

static const unsigned group_bits[GROUPS] = {NONO_READ | NONO_EXEC, NONO_WRITE};

struct node {
	const char *path; /* len bytes of it: a prefix of somebody's path */
	uint32_t len, parent;
	unsigned own;		/* what was done to it itself */
	unsigned tree;		/* what it is to have with all below */
	unsigned above;		/* what the directories above give */
	uint32_t here[GROUPS];	/* files directly in it */
	uint32_t dirs[GROUPS];	/* directories in it that are named as a whole */
	uint32_t below[GROUPS]; /* rules that are left below it */
	unsigned force;		/* nothing but the directory will do */
	unsigned unnamed;	/* done to something in it that no rule can say */
	bool dir;
};

struct learner {
	const struct policy *p;
	struct policy_access *v; /* sorted, one a path */
	size_t n_v;
	struct node *nodes;
	uint32_t n, cap;
	struct policy_learned *out;
	size_t cap_entries;
};

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

static void left_out(struct learner *l, const char *path, size_t len, unsigned access,
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

static enum policy_special kind_of(const char *path)
{
	return special_match(special_root_of("/"), path + 1);
}

/* ---- the tree --------------------------------------------------------------------------- */

static bool is_parent(const struct node *d, const char *path)
{
	return strncmp(d->path, path, d->len) == 0 && (d->len == 1 || path[d->len] == '/');
}

static uint32_t add_node(struct learner *l, const char *path, uint32_t len, uint32_t parent)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 1024;
		l->nodes = xrealloc_array(l->nodes, l->cap, sizeof(*l->nodes));
	}
	l->nodes[l->n] = (struct node){.path = path, .len = len, .parent = parent};
	l->nodes[parent].dir = true;
	return l->n++;
}

/* The node of path (len bytes), with those above it. Paths come in order: what is known of the way
 * to it hangs above the node that was added last. */
static struct node *find_node(struct learner *l, const char *path, size_t len)
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
	while (len > 1 && kind_of(up) != POLICY_SPECIAL_NONE) {
		len = parent_length(up, len);
		up[len] = '\0';
	}
	return len;
}

static void take_unnamed(struct learner *l, const struct policy_access *a, unsigned access)
{
	char up[POLICY_PATH_MAX];
	size_t len = strlen(a->path);
	struct node *d;

	memcpy(up, a->path, len + 1);
	while (len > 1 && !policy_nameable(up)) {
		len = parent_length(up, len);
		up[len] = '\0';
	}
	d = find_node(l, a->path, len);
	d->unnamed |= access;
	for (size_t g = 0; g < GROUPS; g++)
		d->here[g] += (access & group_bits[g]) != 0;
}

static void take(struct learner *l, const struct policy_access *a, unsigned access)
{
	struct node *d;

	if ((access & NONO_WRITE) && kind_of(a->path) != POLICY_SPECIAL_NONE) {
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
		for (size_t g = 0; g < GROUPS; g++)
			l->nodes[d->parent].force |= access & group_bits[g] ? group_bits[g] : 0;
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
			    kind_of(a->path) == POLICY_SPECIAL_NONE) {
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

/* ---- folding ----------------------------------------------------------------------------- */

/* May a rule name this directory with all that is in it? */
static bool may_name(const struct learner *l, const struct node *d, unsigned access)
{
	char path[POLICY_PATH_MAX];
	enum policy_special kind;

	memcpy(path, d->path, d->len);
	path[d->len] = '\0';
	if (!strchr(path + 1, '/') || !policy_nameable(path) || !suggest_may_offer(l->p, path))
		return false;
	if (str_starts(path, "/home/") && !strchr(path + 6, '/'))
		return false;
	kind = access & NONO_WRITE ? kind_of(path) : POLICY_SPECIAL_NONE;
	return kind == POLICY_SPECIAL_NONE || kind == POLICY_SPECIAL_GIT_DIR;
}

static void fold(struct learner *l, struct node *d)
{
	unsigned want = d->force;

	if (d->dir)
		want |= d->own;
	for (size_t g = 0; g < GROUPS; g++)
		if (d->here[g] >= FOLD_HERE || d->dirs[g] >= FOLD_DIRS || d->below[g] >= FOLD_BELOW)
			want |= group_bits[g];
	for (size_t g = 0; g < GROUPS; g++)
		if ((want & group_bits[g]) && may_name(l, d, group_bits[g]))
			d->tree |= group_bits[g];
}

static void fold_all(struct learner *l)
{
	for (uint32_t i = l->n; i-- > 0;) {
		struct node *d = &l->nodes[i], *up = &l->nodes[d->parent];

		fold(l, d);
		for (size_t g = 0; i && g < GROUPS; g++) {
			bool whole = d->tree & group_bits[g];
			bool file = !whole && !d->dir && (d->own & group_bits[g]);

			up->here[g] += file;
			up->dirs[g] += whole;
			up->below[g] += whole ? 1 : d->below[g] + file;
		}
	}
}

/* ---- rules -------------------------------------------------------------------------------- */

static void emit(struct learner *l, const struct node *d, const char *list)
{
	struct policy_learned *out = l->out;
	_cleanup_free_ char *path = xstrndup(d->path, d->len);

	if (out->n >= RULES_MAX) {
		left_out(l, d->path, d->len, d->own, "more rules than a person reads");
		return;
	}
	if (out->n == l->cap_entries) {
		l->cap_entries = l->cap_entries ? l->cap_entries * 2 : 64;
		out->v = xrealloc_array(out->v, l->cap_entries, sizeof(*out->v));
		out->paths = xrealloc_array(out->paths, l->cap_entries, sizeof(*out->paths));
	}
	out->v[out->n] = (struct policy_entry){list, policy_word(l->p, path, true)};
	out->paths[out->n++] = STEAL_PTR(path);
}

static void emit_node(struct learner *l, const struct node *d)
{
	unsigned tree = d->tree & ~d->above, have = d->tree | d->above;
	unsigned own = d->own & ~have, force = d->force & ~have;

	if (tree)
		emit(l, d, policy_list_for(tree, true));
	if (d->dir && own)
		left_out(l, d->path, d->len, own, "as a whole it holds too much");
	else if (own) {
		emit(l, d, policy_list_for(own, false));
		/* To read and write a file is not to execute it. */
		if ((own & NONO_WRITE) && (own & NONO_EXEC))
			emit(l, d, policy_list_for(NONO_READ, false));
	}
	if (force)
		left_out(l, d->path, d->len, force,
			 "files that come and go in it; as a whole it holds too much");
	if (d->unnamed & ~have)
		left_out(l, d->path, d->len, d->unnamed & ~have,
			 "names in it that no rule can say");
}

static void emit_all(struct learner *l)
{
	for (uint32_t i = 0; i < l->n; i++) {
		struct node *d = &l->nodes[i];

		if (i)
			d->above = l->nodes[d->parent].above | l->nodes[d->parent].tree;
		emit_node(l, d);
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
	fold_all(&l);
	emit_all(&l);
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
