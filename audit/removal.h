/* removal - what audit records there are, and removing one. */
#ifndef NONO_AUDIT_REMOVAL_H
#define NONO_AUDIT_REMOVAL_H

#include "audit/store.h"

#include <time.h>

struct removal_candidate {
	char *id;
	time_t started;
	char time[TIME_STR_MAX]; /* the same with its fraction, "" = unknown */
	uint64_t bytes;
	bool go, damaged, undelivered;
	const char *why; /* it stays */
};
struct removal_plan {
	struct removal_candidate *v; /* newest first */
	size_t n;
};
void removal_plan_free(struct removal_plan *p);
/* Every record; those that may not go (they run, are just starting) have a why. */
int removal_plan(struct removal_plan *p, struct err *err);
/* root: of the store. 0: removed, also by another one meanwhile; 1: it stays after all, see why. */
int removal_do(int root, struct removal_candidate *c, struct err *err);
/* What killed removals left. */
void removal_sweep(int root);

#endif
