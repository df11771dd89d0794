/*
 * network_hosts - which hosts sessions speak with: the rows of a network pane, and what can be done
 * about one of them.
 */
#ifndef NONO_TUI_NETWORK_HOSTS_H
#define NONO_TUI_NETWORK_HOSTS_H

#include "tui/list_pane.h"

enum network_sort { NETWORK_BY_TIME = 0, NETWORK_BY_NAME, NETWORK_BY_BYTES, NETWORK_BY_REFUSALS };
#define NETWORK_SORTS 4

/* In the order of the view, less what its filter leaves out. Returns how many; *rows is the
 * caller's to free. */
size_t host_rows(struct pane *p, struct list_row **rows);

void host_details(const struct list_row *r);
void host_allow(const struct list_row *r);
void host_always(const struct list_row *r);
void host_deny_session(const struct list_row *r);
void host_deny(const struct list_row *r);   /* in the profile, and from now on */
void host_events(const struct list_row *r); /* in the audit pane */
void host_copy(const struct list_row *r);   /* the flag, to the clipboard */

#endif
