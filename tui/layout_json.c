/* A layout as JSON and back. The file is the user's own, but is read with suspicion. */
#include "tui/layout.h"

#define DEPTH_MAX 32

static cJSON *save_node(const struct layout_node *n, const struct layout_codec *codec)
{
	cJSON *o;

	if (n->split == SPLIT_LEAF)
		return codec->save(codec->data, n->pane);
	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "split", n->split == SPLIT_COLUMNS ? "columns" : "rows");
	cJSON_AddNumberToObject(o, "share", n->share);
	cJSON_AddItemToObject(o, "a", save_node(n->a, codec));
	cJSON_AddItemToObject(o, "b", save_node(n->b, codec));
	return o;
}

cJSON *layout_save(const struct layout *l, const struct layout_codec *codec)
{
	return l->root ? save_node(l->root, codec) : cJSON_CreateNull();
}

static struct layout_node *load_node(struct layout *l, const cJSON *o,
				     const struct layout_codec *codec, int depth)
{
	const cJSON *split = cJSON_GetObjectItemCaseSensitive(o, "split");
	const cJSON *share = cJSON_GetObjectItemCaseSensitive(o, "share");
	struct layout_node *a, *b;
	void *pane;
	int s;

	if (!cJSON_IsObject(o) || depth > DEPTH_MAX || l->leaves == LAYOUT_LEAVES)
		return NULL;
	if (!split) {
		pane = codec->load(codec->data, o);
		if (!pane)
			return NULL;
		l->leaves++;
		return layout_leaf_new(pane);
	}
	a = load_node(l, cJSON_GetObjectItemCaseSensitive(o, "a"), codec, depth + 1);
	b = load_node(l, cJSON_GetObjectItemCaseSensitive(o, "b"), codec, depth + 1);
	if (!a || !b)
		return a ? a : b;
	s = cJSON_IsNumber(share) && share->valuedouble > 0 && share->valuedouble < SHARE_WHOLE
		? (int)share->valuedouble
		: SHARE_WHOLE / 2;
	return layout_split_new(
	    str_eq(cJSON_GetStringValue(split), "columns") ? SPLIT_COLUMNS : SPLIT_ROWS, s, a, b);
}

void layout_load(struct layout *l, const cJSON *o, const struct layout_codec *codec)
{
	l->leaves = 0;
	l->root = load_node(l, o, codec, 0);
	layout_arrange(l, &l->area);
}
