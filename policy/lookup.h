/*
 * lookup - finds what is in an array by the hash of its name. It holds numbers only: the array, and
 * the comparing, are the caller's.
 */
#ifndef NONO_POLICY_LOOKUP_H
#define NONO_POLICY_LOOKUP_H

#include "common/common.h"

#define LOOKUP_END UINT32_MAX

struct lookup {
	struct lookup_slot {
		uint32_t hash, number; /* number + 1, 0 = free */
	} * slots;
	uint32_t size, used;
};

uint32_t lookup_hash(const char *s, size_t n);
void lookup_add(struct lookup *l, uint32_t hash, uint32_t number);
/* The numbers added with this hash, one a call: *at is 0 at first. LOOKUP_END after the last. */
uint32_t lookup_next(const struct lookup *l, uint32_t hash, uint32_t *at);
void lookup_free(struct lookup *l);

/* Runs body for each i that may be it. */
#define lookup_each(i, l, hash)                                                       \
	for (uint32_t at_##i = 0, i = lookup_next(l, hash, &at_##i); i != LOOKUP_END; \
	     i = lookup_next(l, hash, &at_##i))

#endif
