/*
 * network_hosts - which hosts sessions speak with: the rows of a network pane, and what can be done
 * about one of them.
 */
#ifndef NONO_TUI_NETWORK_HOSTS_H
#define NONO_TUI_NETWORK_HOSTS_H

#include "tui/app.h"

enum network_sort { NETWORK_BY_TIME = 0, NETWORK_BY_NAME, NETWORK_BY_BYTES, NETWORK_BY_REFUSALS };
#define NETWORK_SORTS 4

struct host_row {
	struct agent *a;
	struct host_item *h;
};
/* In the order of the view, less what its filter leaves out. Returns how many; *rows is the
 * caller's to free. */
size_t host_rows(struct pane *p, struct host_row **rows);

void host_details(const struct host_row *r);
void host_allow(const struct host_row *r);
void host_always(const struct host_row *r);
void host_deny_session(const struct host_row *r);
void host_deny(const struct host_row *r); /* in the profile, and from now on */
void host_copy(const struct host_row *r); /* the flag, to the clipboard */

#endif
