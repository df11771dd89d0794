/* list - what lists of rows have in common: the keys that move, and what of it is seen. */
#ifndef NONO_TUI_LIST_H
#define NONO_TUI_LIST_H

#include "tui/keys.h"

#define LIST_ALL 1000000000l /* a step to the first or the last row */

/* Is it a key that moves? *step: by how many rows; page: rows that are seen, less one or two. */
bool list_key(const struct input_event *ev, int page, long *step);
/* The row that is step rows from at, of n. */
size_t list_move(size_t at, long step, size_t n);
/* Scrolls so that row at is among the rows that are seen, and no place is left empty. at n: none.
 */
void list_follow(size_t *first, size_t at, size_t rows, size_t n);

#endif
