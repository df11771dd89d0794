/* The tree of a review: nodes from changes, what is folded, filtered, chosen. */
#include "tui/review.h"

#define FOLDS_MAX  512
#define FOLD_LARGE 20 /* a new or removed directory with more in it is folded at first */
#define DEPTH_MAX  128

static bool is_dir(const struct change *c)
{
	return c->after.kind == SNAP_DIR ||
	       (c->before.kind == SNAP_DIR && c->after.kind == SNAP_NONE);
}

static const struct review_fold *fold_of(const struct review_tree *t, const struct review_node *n)
{
	for (size_t i = 0; i < t->n_folds; i++)
		if (strlen(t->folds[i].path) == n->path_len &&
		    memcmp(t->folds[i].path, n->path, n->path_len) == 0)
			return &t->folds[i];
	return NULL;
}

/* ---- building ------------------------------------------------------------------------------- */

struct build {
	struct review *r;
	size_t cap;
	size_t open[DEPTH_MAX]; /* directories on the way */
	int depth;
};

static size_t add_node(struct build *b, const char *path, size_t path_len, size_t name_at)
{
	struct review_tree *t = &b->r->tree;

	if (t->n == b->cap) {
		b->cap = b->cap ? 2 * b->cap : 256;
		t->v = xrealloc_array(t->v, b->cap, sizeof(*t->v));
	}
	t->v[t->n] = (struct review_node){.path = path,
					  .path_len = path_len,
					  .name_at = name_at,
					  .depth = b->depth,
					  .change = SIZE_MAX};
	return t->n++;
}

static void close_dirs(struct build *b, int depth, size_t end)
{
	struct review_tree *t = &b->r->tree;

	while (b->depth > depth) {
		struct review_node *n = &t->v[b->open[--b->depth]];
		const struct change *c = review_change(b->r, n);
		const struct review_fold *f = fold_of(t, n);

		n->end = end;
		n->next = t->n;
		n->folded =
		    f ? f->folded : c && c->type != SNAP_MODIFIED && end - n->first > FOLD_LARGE;
	}
}

static bool holds(const struct review_node *n, const char *path)
{
	return strncmp(n->path, path, n->path_len) == 0 &&
	       (path[n->path_len] == '/' || path[n->path_len - 1] == '/');
}

static void open_dir(struct build *b, const char *path, size_t len, size_t name_at, size_t i)
{
	size_t n = add_node(b, path, len, name_at);

	b->r->tree.v[n].dir = true;
	b->r->tree.v[n].first = i;
	b->open[b->depth++] = n;
}

/* Where its root ends in the path, 0 if it has none. */
static size_t root_of(const struct review *r, const char *path)
{
	for (char *const *root = r->data.roots; *root; root++)
		if (path_under(*root, path))
			return strlen(*root);
	return 0;
}

static void add_change(struct build *b, size_t i)
{
	const struct change *c = &b->r->data.c.v[i];
	struct review_tree *t = &b->r->tree;
	size_t len = strlen(c->path), root = root_of(b->r, c->path), at, node;
	int keep = 0;

	while (keep < b->depth && holds(&t->v[b->open[keep]], c->path))
		keep++;
	close_dirs(b, keep, i);
	if (!b->depth && root && root < len)
		open_dir(b, c->path, root, 0, i);
	at = b->depth ? t->v[b->open[b->depth - 1]].path_len : 0;
	at += at && c->path[at] == '/';
	for (const char *slash;
	     b->depth && b->depth < DEPTH_MAX - 1 && (slash = strchr(c->path + at, '/'));) {
		open_dir(b, c->path, (size_t)(slash - c->path), at, i);
		at = (size_t)(slash - c->path) + 1;
	}
	if (is_dir(c) && b->depth < DEPTH_MAX - 1) {
		open_dir(b, c->path, len, at, i);
		t->v[t->n - 1].change = i;
		return;
	}
	node = add_node(b, c->path, len, at);
	t->v[node].change = t->v[node].first = i;
	t->v[node].end = i + 1;
	t->v[node].next = t->n;
}

void review_tree_build(struct review *r)
{
	const struct review_node *n = review_chosen(r);
	_cleanup_free_ char *chosen = n ? xstrndup(n->path, n->path_len) : NULL;
	struct build b = {.r = r};
	size_t at = r->at;

	free(r->tree.v);
	r->tree.v = NULL;
	r->tree.n = r->tree.n_shown = 0;
	for (size_t i = 0; i < r->data.c.n; i++)
		add_change(&b, i);
	close_dirs(&b, 0, r->data.c.n);
	review_tree_refresh(r);
	if (!chosen || !review_choose(r, chosen, strlen(chosen)))
		r->at = list_move(at, 0, r->tree.n_shown);
}

void review_tree_free(struct review_tree *t)
{
	for (size_t i = 0; i < t->n_folds; i++)
		free(t->folds[i].path);
	free(t->folds);
	free(t->v);
	free(t->shown);
	free(t->sums);
	*t = (struct review_tree){0};
}

/* ---- what is shown -------------------------------------------------------------------------- */

static void make_sums(struct review *r)
{
	struct review_tree *t = &r->tree;
	size_t n = r->data.c.n;

	t->sums = xrealloc_array(t->sums, n + 1, sizeof(*t->sums));
	t->sums[0] = (struct review_sum){0};
	for (size_t i = 0; i < n; i++) {
		const struct change *c = &r->data.c.v[i];
		const struct review_count *k = &r->counts[i];
		bool fits = !r->filter[0] || strcasestr(c->path + r->data.root_common, r->filter);

		t->sums[i + 1] = t->sums[i];
		t->sums[i + 1].came += k->came > 0 ? k->came : 0;
		t->sums[i + 1].went += k->went > 0 ? k->went : 0;
		t->sums[i + 1].files++;
		t->sums[i + 1].accepted += r->accepted[i];
		t->sums[i + 1].shown += fits && !(r->hide_accepted && r->accepted[i]);
	}
}

void review_tree_refresh(struct review *r)
{
	struct review_tree *t = &r->tree;
	size_t chosen = r->at < t->n_shown ? t->shown[r->at] : 0;

	make_sums(r);
	t->shown = xrealloc_array(t->shown, t->n + 1, sizeof(*t->shown));
	t->n_shown = 0;
	for (size_t i = 0; i < t->n;) {
		const struct review_node *n = &t->v[i];
		bool any = t->sums[n->end].shown > t->sums[n->first].shown;

		if (any)
			t->shown[t->n_shown++] = i;
		i = !any || (n->folded && !r->filter[0]) ? n->next : i + 1;
	}
	/* What was chosen, or what comes after it. */
	for (r->at = 0; r->at + 1 < t->n_shown && t->shown[r->at] < chosen;)
		r->at++;
}

void review_fold(struct review *r, size_t node, bool folded)
{
	struct review_tree *t = &r->tree;
	struct review_node *n = &t->v[node];
	struct review_fold *f = (struct review_fold *)fold_of(t, n);

	if (!n->dir)
		return;
	n->folded = folded;
	if (f) {
		f->folded = folded;
	} else if (t->n_folds < FOLDS_MAX) {
		t->folds = xrealloc_array(t->folds, t->n_folds + 1, sizeof(*t->folds));
		t->folds[t->n_folds++] =
		    (struct review_fold){xstrndup(n->path, n->path_len), folded};
	}
	review_tree_refresh(r);
}

const struct review_node *review_chosen(const struct review *r)
{
	return r->at < r->tree.n_shown ? &r->tree.v[r->tree.shown[r->at]] : NULL;
}

bool review_choose(struct review *r, const char *path, size_t path_len)
{
	for (size_t i = 0; i < r->tree.n_shown; i++) {
		const struct review_node *n = &r->tree.v[r->tree.shown[i]];

		if (n->path_len == path_len && memcmp(n->path, path, path_len) == 0) {
			r->at = i;
			return true;
		}
	}
	return false;
}

/* ---- counts ---------------------------------------------------------------------------------- */

static int path_order(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	/* Component by component: a directory's own before what comes after its name. */
	return (*a == '/' ? 1 : (unsigned char)*a + (*a != 0)) -
	       (*b == '/' ? 1 : (unsigned char)*b + (*b != 0));
}

static bool same_content(const struct snap_entry *a, const struct snap_entry *b)
{
	return a->kind == b->kind && a->size == b->size && snap_hash_equal(&a->hash, &b->hash);
}

/* Both are in the same order. */
void review_keep_counts(struct review *r, const struct review_changes *old,
			const struct review_count *counts)
{
	for (size_t i = 0, k = 0; i < r->data.c.n && k < old->c.n;) {
		const struct change *n = &r->data.c.v[i], *o = &old->c.v[k];
		int order = path_order(n->path, o->path);

		if (order == 0 && same_content(&n->before, &o->before) &&
		    same_content(&n->after, &o->after))
			r->counts[i] = counts[k];
		i += order <= 0;
		k += order >= 0;
	}
}
