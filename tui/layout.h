/*
 * layout - the panes of one tab: a tree of splits with shares, pure geometry.
 *
 * A leaf holds a pane (opaque here). Rows of panes are told apart by their title rows, columns by
 * one column of border. Sizes are in cells; shares survive any change of the terminal's size.
 */
#ifndef NONO_TUI_LAYOUT_H
#define NONO_TUI_LAYOUT_H

#include <cjson/cJSON.h>

#include "tui/canvas.h"

#define LAYOUT_MIN_W  10
#define LAYOUT_MIN_H  3 /* title and two lines */
#define LAYOUT_LEAVES 64
#define SHARE_WHOLE   10000

enum split { SPLIT_LEAF = 0, SPLIT_COLUMNS, SPLIT_ROWS };
enum direction { DIR_LEFT = 0, DIR_RIGHT, DIR_UP, DIR_DOWN };
enum preset {
	PRESET_EVEN_HORIZONTAL = 0, /* columns */
	PRESET_EVEN_VERTICAL,	    /* rows */
	PRESET_MAIN_HORIZONTAL,	    /* one large on top */
	PRESET_MAIN_VERTICAL,	    /* one large at the left */
	PRESET_TILED,
	PRESET_COUNT,
};
const char *preset_name(enum preset p);

struct layout_node {
	struct layout_node *parent, *a, *b; /* a: left or top */
	enum split split;
	int share;	  /* of a, out of SHARE_WHOLE */
	struct rect area; /* after layout_arrange() */
	void *pane;	  /* of a leaf; borrowed */
};

struct layout {
	struct layout_node *root; /* NULL = no panes */
	struct rect area;
	size_t leaves;
};
void layout_free(struct layout *l);
/* Puts pane beside the one that is there already (NULL: any), to its right or below. False if
 * there is no room. */
bool layout_add(struct layout *l, const void *beside, enum split how, void *pane);
void layout_remove(struct layout *l, const void *pane);
void layout_arrange(struct layout *l, const struct rect *area);
struct layout_node *layout_find(const struct layout *l, const void *pane);
/* In reading order; returns how many were stored. */
size_t layout_panes(const struct layout *l, void **out, size_t max);
void *layout_neighbour(const struct layout *l, const void *pane, enum direction d);
/* Exchanges pane with the next (+1) or previous (-1) one. */
void layout_swap(struct layout *l, const void *pane, int step);
/* Moves the border of pane that lies in direction d (or else the opposite one) that way. */
void layout_resize(struct layout *l, const void *pane, enum direction d, int cells);
/* The split whose border is at (x,y), NULL if none; and moving it there. */
struct layout_node *layout_border_at(const struct layout *l, int x, int y);
void layout_drag(struct layout *l, struct layout_node *split, int x, int y);
void layout_preset(struct layout *l, enum preset p);

/* ---- as JSON ----------------------------------------------------------- */

struct layout_codec {
	cJSON *(*save)(void *data, const void *pane);
	void *(*load)(void *data, const cJSON *o); /* NULL: the pane stays closed */
	void *data;
};
cJSON *layout_save(const struct layout *l, const struct layout_codec *codec);
/* Fills an empty layout; whatever does not make sense is left out. */
void layout_load(struct layout *l, const cJSON *o, const struct layout_codec *codec);

/* Between the files of the layout. */
struct layout_node *layout_leaf_new(void *pane);
struct layout_node *layout_split_new(enum split how, int share, struct layout_node *a,
				     struct layout_node *b);
void layout_node_free(struct layout_node *n);

#endif
