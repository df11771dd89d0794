/*
 * violations - what was refused, by target: the rows of a violations pane, and what can be done
 * about one of them.
 */
#ifndef NONO_TUI_VIOLATIONS_H
#define NONO_TUI_VIOLATIONS_H

#include "tui/app.h"

struct violation_row {
	struct agent *a;
	struct violation_item *v;
};
/* Newest target first; borrowed until the next answer of a broker. Returns how many; *rows is
 * the caller's to free. hidden: how many are left out because they are hidden. */
size_t violation_rows(struct pane *p, struct violation_row **rows, size_t *hidden);
/* The access that would have been needed; NULL if a grant of a path cannot help. */
const char *violation_access(const struct violation_item *v);

void violation_why(const struct violation_row *r);
void violation_allow(const struct violation_row *r);
void violation_always(const struct violation_row *r);
void violation_suppress(const struct violation_row *r); /* in the profile */
void violation_copy(const struct violation_row *r);	/* the flag, to the clipboard */
void violation_hide(const struct violation_row *r);

#endif
