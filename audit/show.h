/* show - the parts of nono audit show. */
#ifndef NONO_AUDIT_SHOW_H
#define NONO_AUDIT_SHOW_H

#include "audit/command.h"
#include "audit/paths.h"
#include "audit/programs.h"
#include "audit/select.h"
#include "audit/tally.h"

/* What the answers are made of: filled in one pass, bounded however long the log is. */
struct summary {
	uint64_t count, selected;
	struct tally kinds, denials, decisions, hosts;
	struct paths reads, writes;
	struct programs programs; /* merge: set by the caller */
	cJSON *tools;		  /* calls of tools, NULL = none */
	cJSON *network;
	struct err damage; /* .msg "" = none */
};
void summary_add(struct summary *s, const struct audit_record *rec, const struct audit_line *line);
void summary_free(struct summary *s);
void summary_print(const struct session_meta *m, struct summary *s, bool alive,
		   const cJSON *snapshots);
/* snapshots: taken over, NULL = none. */
cJSON *summary_json(const struct session_meta *m, struct summary *s, cJSON *snapshots);
/* Everything that was refused. */
void summary_print_denied(struct summary *s);
cJSON *summary_denied_json(struct summary *s);

/* At most max lines. */
void show_tree(const struct programs *p, size_t max);
cJSON *show_tree_json(const struct programs *p, uint32_t parent);

#endif
