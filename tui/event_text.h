/* event_text - one event of the audit log in words. */
#ifndef NONO_TUI_EVENT_TEXT_H
#define NONO_TUI_EVENT_TEXT_H

#include "tui/app.h"
#include "tui/audit_view.h"

/* What was done, in one word: the operation, else the kind of event. */
const char *event_what(const struct audit_record *r);
/* Where it led: the other path of a change, what came of a connection or request; NULL: nothing. */
const char *event_result(const struct audit_record *r);
/* Opens a text with everything that is known of the i-th event shown. */
void event_details(struct tui *t, struct audit_view *v, size_t i);

#endif
