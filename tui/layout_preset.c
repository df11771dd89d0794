/* Ready-made arrangements of the panes of a tab. */
#include "tui/layout.h"

const char *preset_name(enum preset p)
{
	static const char *const names[PRESET_COUNT] = {
	    "even-horizontal", "even-vertical", "main-horizontal", "main-vertical", "tiled"};

	return p < PRESET_COUNT ? names[p] : "";
}

/* n nodes side by side (or below each other), all of the same size. */
static struct layout_node *even(struct layout_node **v, size_t n, enum split how)
{
	struct layout_node *all = v[n - 1];

	for (size_t i = n - 1; i-- > 0;)
		all = layout_split_new(how, SHARE_WHOLE / (int)(n - i), v[i], all);
	return all;
}

static struct layout_node *tiled(struct layout_node **v, size_t n)
{
	struct layout_node *rows[LAYOUT_LEAVES];
	size_t columns = 1, n_rows, at = 0;

	while (columns * columns < n)
		columns++;
	n_rows = (n + columns - 1) / columns;
	for (size_t r = 0; r < n_rows; r++) {
		size_t take = (n - at + (n_rows - r) - 1) / (n_rows - r);

		rows[r] = even(v + at, take, SPLIT_COLUMNS);
		at += take;
	}
	return even(rows, n_rows, SPLIT_ROWS);
}

static struct layout_node *with_main(struct layout_node **v, size_t n, enum split how)
{
	if (n == 1)
		return v[0];
	return layout_split_new(how, SHARE_WHOLE * 6 / 10, v[0],
				even(v + 1, n - 1, how == SPLIT_ROWS ? SPLIT_COLUMNS : SPLIT_ROWS));
}

void layout_preset(struct layout *l, enum preset p)
{
	struct layout_node *v[LAYOUT_LEAVES];
	void *panes[LAYOUT_LEAVES];
	size_t n = layout_panes(l, panes, LAYOUT_LEAVES);

	if (!n)
		return;
	layout_node_free(l->root);
	for (size_t i = 0; i < n; i++)
		v[i] = layout_leaf_new(panes[i]);
	switch (p) {
	case PRESET_EVEN_HORIZONTAL:
		l->root = even(v, n, SPLIT_COLUMNS);
		break;
	case PRESET_EVEN_VERTICAL:
		l->root = even(v, n, SPLIT_ROWS);
		break;
	case PRESET_MAIN_HORIZONTAL:
		l->root = with_main(v, n, SPLIT_ROWS);
		break;
	case PRESET_MAIN_VERTICAL:
		l->root = with_main(v, n, SPLIT_COLUMNS);
		break;
	default:
		l->root = tiled(v, n);
		break;
	}
	layout_arrange(l, &l->area);
}
