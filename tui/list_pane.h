/*
 * list_pane - a pane that lists what sessions have, a row each: drawing, choosing a row, and keys
 * that act on it or on the pane. The rows are made anew each time; the chosen one is known by what
 * it is. The pane's bottom line counts, and names keys.
 */
#ifndef NONO_TUI_LIST_PANE_H
#define NONO_TUI_LIST_PANE_H

#include "tui/app.h"

struct list_row { /* borrowed until the next answer of a broker */
	struct agent *a;
	union {
		struct violation_item *v;
		struct host_item *h;
	};
};

struct list_action {
	uint32_t key;
	void (*on_row)(const struct list_row *r); /* of the two one is set */
	void (*on_pane)(struct pane *p);
};

struct list_kind {
	size_t (*rows)(struct pane *p, struct list_row **rows); /* *rows: the caller's to free */
	bool (*is_chosen)(const struct pane *p, const struct list_row *r); /* of its session */
	void (*choose)(struct pane *p, const struct list_row *r);
	void (*draw_head)(struct pane *p, int y); /* the line above the rows; NULL: none */
	void (*draw_row)(struct pane *p, int y, const struct list_row *r, bool on);
	void (*count)(const struct pane *p, size_t n, char *out, size_t size);
	const char *(*nothing)(const struct pane *p); /* said where there are no rows */
	const char *hint, *title, *help;	      /* keys: in the bottom line, of ? */
	const struct list_action *actions;
	size_t n_actions;
};

extern const struct list_kind violations_list, network_list;

#endif
