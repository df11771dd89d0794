/*
 * violations - what was refused, by target: the rows of a violations pane, and what can be done
 * about one of them.
 */
#ifndef NONO_TUI_VIOLATIONS_H
#define NONO_TUI_VIOLATIONS_H

#include "tui/list_pane.h"

/* Newest target first. Returns how many; *rows is the caller's to free. */
size_t violation_rows(struct pane *p, struct list_row **rows);
/* The access that would have been needed; NULL if a grant of a path cannot help. */
const char *violation_access(const struct violation_item *v);

void violation_why(const struct list_row *r);
void violation_allow(const struct list_row *r);
void violation_always(const struct list_row *r);
void violation_suppress(const struct list_row *r); /* in the profile */
void violation_events(const struct list_row *r);   /* in the audit pane */
void violation_copy(const struct list_row *r);	   /* the flag, to the clipboard */
void violation_hide(const struct list_row *r);

#endif
