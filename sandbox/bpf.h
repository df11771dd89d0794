/*
 * A small assembler for seccomp filters: a table of rules in, one BPF program out.
 *
 * Rules of one system call are tried in the order they were added; the first whose conditions all
 * hold decides. A call without a (matching) rule gets the filter's answer. Calls of other ABIs
 * and numbers above max_nr get ENOSYS before any rule.
 *
 * Conditions look at the low 32 bits of an argument, as the kernel does for int and unsigned int:
 * high bits set on purpose change nothing. Pointers are only compared with NULL.
 *
 * The calls are found by a binary search over their numbers. Calls whose answer does not depend on
 * arguments cost nothing: the kernel keeps them in a bitmap.
 */
#ifndef NONO_BPF_H
#define NONO_BPF_H

#include "sandbox/internal.h"

#include <linux/seccomp.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

enum cond_op { COND_NONE = 0, COND_EQ, COND_NE, COND_NOT_NULL };

struct cond {
	uint8_t arg; /* 0-5 */
	uint8_t op;
	uint32_t mask, value; /* (arg & mask) op value */
};

#define RULE_CONDS  4
#define FILTER_MAX  384
#define FILTER_NRS  512
#define FILTER_CODE 4096 /* BPF_MAXINSNS */

struct rule {
	int nr;
	uint32_t action;
	struct cond conds[RULE_CONDS];
};

struct filter {
	uint32_t otherwise;
	int max_nr; /* highest number that is known; what lies above is ENOSYS */
	size_t n;
	bool full;
	struct rule rules[FILTER_MAX];
};

#define DO_ALLOW    SECCOMP_RET_ALLOW
#define DO_NOTIFY   SECCOMP_RET_USER_NOTIF
#define DO_ERRNO(e) (SECCOMP_RET_ERRNO | (uint32_t)(e))

#define ARG_IS(n, v)	    ((struct cond){(n), COND_EQ, ~0U, (uint32_t)(v)})
#define ARG_NOT(n, v)	    ((struct cond){(n), COND_NE, ~0U, (uint32_t)(v)})
#define ARG_MASKED(n, m, v) ((struct cond){(n), COND_EQ, (uint32_t)(m), (uint32_t)(v)})
#define ARG_HAS_ANY(n, m)   ((struct cond){(n), COND_NE, (uint32_t)(m), 0})
#define ARG_NOT_NULL(n)	    ((struct cond){(n), COND_NOT_NULL, 0, 0})

/* Adds a rule; a negative nr (a call that this architecture lacks) is left out. Further arguments
 * are the conditions. */
#define RULE(f, nr, action, ...) \
	filter_add(f, nr, action, (const struct cond[RULE_CONDS]){__VA_ARGS__})
#define RULE_ALWAYS(f, nr, action) filter_add(f, nr, action, NULL)

void filter_init(struct filter *f, uint32_t otherwise);
void filter_add(struct filter *f, int nr, uint32_t action, const struct cond conds[RULE_CONDS]);
/* The same unconditional answer for a list of calls. */
void filter_add_list(struct filter *f, uint32_t action, const int *nrs, size_t n);

/* Assembles and loads; flags are SECCOMP_FILTER_FLAG_*. Returns what seccomp(2) returns (the
 * listener if one is asked for), -1 with *err. */
int filter_load(const struct filter *f, unsigned flags, struct nono_error *err);

#pragma GCC visibility pop
#endif
