/*
 * programs - which program started which, from the exec events of a log. Processes that only
 * forked are seen through: their children hang below what they last executed.
 */
#ifndef NONO_AUDIT_PROGRAMS_H
#define NONO_AUDIT_PROGRAMS_H

#include "audit/audit.h"

#define PROGRAMS_MAX   100000u /* nodes; more are only counted */
#define PROGRAMS_DEPTH 64u

struct programs_node {
	char *program, *command; /* command: with arguments; of the first one where many are one */
	char time[TIME_STR_MAX];
	pid_t pid;
	uint32_t first, last, next; /* children and the next one beside; 0 = none */
	uint32_t count, depth, parent;
	bool touched; /* it, or one below it */
};
struct programs {
	bool merge;		     /* the same program below the same one is one node */
	struct programs_node *nodes; /* [0] is the root and no program */
	uint32_t n, cap;
	struct programs_process *table;
	uint32_t used, slots;
	uint64_t other; /* found no room */
};

/* Every event in the order of the log: others than exec say whose child a process is. */
void programs_add(struct programs *p, const struct audit_record *rec);
/* The program that did this, and those above it, are asked for. After programs_add() of it. */
void programs_touch(struct programs *p, const struct audit_record *rec);
/* What was not asked for goes. */
void programs_keep_touched(struct programs *p);
void programs_free(struct programs *p);

#endif
