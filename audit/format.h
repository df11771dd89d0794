/*
 * format - an event as the JSON text that is hashed and stored. Members are in a fixed order;
 * absent ones are left out.
 */
#ifndef NONO_AUDIT_FORMAT_H
#define NONO_AUDIT_FORMAT_H

#include "audit/ring.h"

/* Local times repeat within a second: only the fraction is printed anew. One per thread. */
struct format_clock {
	uint64_t second;
	char head[TIME_STR_MAX], tail[TIME_STR_MAX];
};

void format_event(struct buf *b, const struct ring_record *rec, struct format_clock *clock);
void format_decision(struct buf *b, const char *session_id, const struct audit_decision_event *ev);
void format_command_policy(struct buf *b, const char *session_id, uint64_t sequence,
			   const struct audit_command_event *ev, const struct audit_redaction *r);
/* The event itself, without what it is wrapped into. */
void format_network(struct buf *b, const struct audit_network_event *ev);
void format_url(struct buf *b, const struct audit_url_event *ev);
void format_session_started(struct buf *b, const char *started, char *const *command,
			    const struct audit_redaction *r);
/* layers and policy are objects or NULL; -1 if one is no object. */
int format_runtime(struct buf *b, const char *time, bool tool_sandbox, const char *layers,
		   const char *policy);
void format_session_ended(struct buf *b, const char *ended, int exit_code);
void format_lost(struct buf *b, const char *time, uint64_t lost);
void format_command(struct buf *b, char *const *command); /* a JSON array, bounded */

const char *audit_kind_name(enum audit_kind k);

#endif
