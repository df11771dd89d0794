/* The tree of splits. */
#include "tui/layout.h"

struct layout_node *layout_leaf_new(void *pane)
{
	struct layout_node *n = xcalloc(1, sizeof(*n));

	n->pane = pane;
	return n;
}

struct layout_node *layout_split_new(enum split how, int share, struct layout_node *a,
				     struct layout_node *b)
{
	struct layout_node *n = xcalloc(1, sizeof(*n));

	n->split = how;
	n->share = share;
	n->a = a;
	n->b = b;
	a->parent = b->parent = n;
	return n;
}

void layout_node_free(struct layout_node *n)
{
	if (!n)
		return;
	layout_node_free(n->a);
	layout_node_free(n->b);
	free(n);
}

void layout_free(struct layout *l)
{
	layout_node_free(l->root);
	l->root = NULL;
	l->leaves = 0;
}

/* ---- walking ----------------------------------------------------------- */

static struct layout_node *find(struct layout_node *n, const void *pane)
{
	struct layout_node *hit;

	if (!n)
		return NULL;
	if (n->split == SPLIT_LEAF)
		return n->pane == pane ? n : NULL;
	hit = find(n->a, pane);
	return hit ? hit : find(n->b, pane);
}

struct layout_node *layout_find(const struct layout *l, const void *pane)
{
	return find(l->root, pane);
}

static size_t collect(struct layout_node *n, struct layout_node **out, size_t max, size_t have)
{
	if (!n)
		return have;
	if (n->split != SPLIT_LEAF)
		return collect(n->b, out, max, collect(n->a, out, max, have));
	if (have < max)
		out[have++] = n;
	return have;
}

size_t layout_panes(const struct layout *l, void **out, size_t max)
{
	struct layout_node *leaves[LAYOUT_LEAVES];
	size_t n = collect(l->root, leaves, max < LAYOUT_LEAVES ? max : LAYOUT_LEAVES, 0);

	for (size_t i = 0; i < n; i++)
		out[i] = leaves[i]->pane;
	return n;
}

/* ---- geometry ---------------------------------------------------------- */

static int min_size(const struct layout_node *n, enum split along)
{
	int a, b;

	if (n->split == SPLIT_LEAF)
		return along == SPLIT_COLUMNS ? LAYOUT_MIN_W : LAYOUT_MIN_H;
	a = min_size(n->a, along);
	b = min_size(n->b, along);
	if (n->split == along)
		return a + b + (along == SPLIT_COLUMNS);
	return a > b ? a : b;
}

/* Cells that a and b of a split share. */
static int shared(const struct layout_node *n)
{
	return n->split == SPLIT_COLUMNS ? n->area.w - 1 : n->area.h;
}

static int size_of_a(const struct layout_node *n)
{
	int total = shared(n), min_a = min_size(n->a, n->split), min_b = min_size(n->b, n->split);
	int a = (total * n->share + SHARE_WHOLE / 2) / SHARE_WHOLE;

	if (total < min_a + min_b) /* too small for everybody: by share alone */
		return a;
	if (a > total - min_b)
		a = total - min_b;
	return a < min_a ? min_a : a;
}

static void arrange(struct layout_node *n, const struct rect *area)
{
	struct rect a = *area, b = *area;
	int size;

	n->area = *area;
	if (n->split == SPLIT_LEAF)
		return;
	size = size_of_a(n);
	if (n->split == SPLIT_COLUMNS) {
		a.w = size;
		b.x += size + 1;
		b.w -= size + 1;
	} else {
		a.h = size;
		b.y += size;
		b.h -= size;
	}
	arrange(n->a, &a);
	arrange(n->b, &b);
}

void layout_arrange(struct layout *l, const struct rect *area)
{
	l->area = *area;
	if (l->root)
		arrange(l->root, area);
}

/* ---- changing ---------------------------------------------------------- */

static void replace(struct layout *l, struct layout_node *old, struct layout_node *parent,
		    struct layout_node *by)
{
	by->parent = parent;
	if (!parent)
		l->root = by;
	else if (parent->a == old)
		parent->a = by;
	else
		parent->b = by;
}

bool layout_add(struct layout *l, const void *beside, enum split how, void *pane)
{
	struct layout_node *at = beside ? layout_find(l, beside) : NULL, *parent, *leaf, *split;
	bool columns = how == SPLIT_COLUMNS;

	if (!l->root) {
		l->root = layout_leaf_new(pane);
		l->leaves = 1;
		layout_arrange(l, &l->area);
		return true;
	}
	if (!at)
		collect(l->root, &at, 1, 0);
	if (l->leaves == LAYOUT_LEAVES ||
	    (columns ? at->area.w < 2 * LAYOUT_MIN_W + 1 : at->area.h < 2 * LAYOUT_MIN_H))
		return false;
	parent = at->parent;
	leaf = layout_leaf_new(pane);
	split = layout_split_new(how, SHARE_WHOLE / 2, at, leaf);
	replace(l, at, parent, split);
	l->leaves++;
	layout_arrange(l, &l->area);
	return true;
}

void layout_remove(struct layout *l, const void *pane)
{
	struct layout_node *n = layout_find(l, pane), *p;

	if (!n)
		return;
	l->leaves--;
	p = n->parent;
	if (!p) {
		layout_free(l);
		return;
	}
	replace(l, p, p->parent, p->a == n ? p->b : p->a);
	free(p);
	free(n);
	layout_arrange(l, &l->area);
}

void layout_swap(struct layout *l, const void *pane, int step)
{
	struct layout_node *v[LAYOUT_LEAVES];
	size_t n = collect(l->root, v, LAYOUT_LEAVES, 0);

	for (size_t i = 0; n > 1 && i < n; i++)
		if (v[i]->pane == pane) {
			struct layout_node *other = v[(i + n + (size_t)(step + (int)n)) % n];
			void *p = other->pane;

			other->pane = v[i]->pane;
			v[i]->pane = p;
			return;
		}
}

static void move_border(struct layout *l, struct layout_node *split, int size_a)
{
	int total = shared(split), min_a = min_size(split->a, split->split),
	    min_b = min_size(split->b, split->split);

	if (total < min_a + min_b)
		return;
	if (size_a > total - min_b)
		size_a = total - min_b;
	if (size_a < min_a)
		size_a = min_a;
	split->share = (size_a * SHARE_WHOLE + total / 2) / total;
	layout_arrange(l, &l->area);
}

void layout_resize(struct layout *l, const void *pane, enum direction d, int cells)
{
	enum split along = d <= DIR_RIGHT ? SPLIT_COLUMNS : SPLIT_ROWS;
	bool forward = d == DIR_RIGHT || d == DIR_DOWN;
	struct layout_node *leaf = layout_find(l, pane), *hit = NULL;

	/* The border behind us in that direction, else the one before us. */
	for (struct layout_node *n = leaf; n && n->parent; n = n->parent)
		if (n->parent->split == along) {
			if ((n->parent->a == n) == forward) {
				hit = n->parent;
				break;
			}
			if (!hit)
				hit = n->parent;
		}
	if (hit)
		move_border(l, hit, size_of_a(hit) + (forward ? cells : -cells));
}

static struct layout_node *border_at(struct layout_node *n, int x, int y)
{
	if (!n || n->split == SPLIT_LEAF || !rect_has(&n->area, x, y))
		return NULL;
	if (n->split == SPLIT_COLUMNS && x == n->b->area.x - 1)
		return n;
	if (n->split == SPLIT_ROWS && y == n->b->area.y)
		return n;
	return border_at(rect_has(&n->a->area, x, y) ? n->a : n->b, x, y);
}

struct layout_node *layout_border_at(const struct layout *l, int x, int y)
{
	return border_at(l->root, x, y);
}

void layout_drag(struct layout *l, struct layout_node *split, int x, int y)
{
	move_border(l, split,
		    split->split == SPLIT_COLUMNS ? x - split->area.x : y - split->area.y);
}

/* ---- neighbours -------------------------------------------------------- */

static int overlap(int a, int a_len, int b, int b_len)
{
	int from = a > b ? a : b, to = a + a_len < b + b_len ? a + a_len : b + b_len;

	return to > from ? to - from : 0;
}

/* How far b lies from a in direction d, -1 if it does not. */
static int gap(const struct rect *a, const struct rect *b, enum direction d)
{
	switch (d) {
	case DIR_LEFT:
		return a->x - (b->x + b->w);
	case DIR_RIGHT:
		return b->x - (a->x + a->w);
	case DIR_UP:
		return a->y - (b->y + b->h);
	default:
		return b->y - (a->y + a->h);
	}
}

void *layout_neighbour(const struct layout *l, const void *pane, enum direction d)
{
	struct layout_node *v[LAYOUT_LEAVES], *from = layout_find(l, pane), *best = NULL;
	size_t n = collect(l->root, v, LAYOUT_LEAVES, 0);
	int best_gap = 0, best_overlap = 0;

	for (size_t i = 0; from && i < n; i++) {
		const struct rect *a = &from->area, *b = &v[i]->area;
		int g = gap(a, b, d);
		int o = d <= DIR_RIGHT ? overlap(a->y, a->h, b->y, b->h)
				       : overlap(a->x, a->w, b->x, b->w);

		if (v[i] == from || g < 0 || !o)
			continue;
		if (!best || g < best_gap || (g == best_gap && o > best_overlap)) {
			best = v[i];
			best_gap = g;
			best_overlap = o;
		}
	}
	return best ? best->pane : NULL;
}
