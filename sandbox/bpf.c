/*
 * The program is written from its end to its start, so that every jump target is known when the
 * jump is written. Source: seccomp(2), linux/filter.h.
 */
#include "sandbox/bpf.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define THIS_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define THIS_ARCH AUDIT_ARCH_AARCH64
#else
#error "the filter is written for x86-64 and AArch64"
#endif
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "argument halves are little endian"
#endif

#define DATA_NR	     offsetof(struct seccomp_data, nr)
#define DATA_ARCH    offsetof(struct seccomp_data, arch)
#define DATA_LOW(n)  (offsetof(struct seccomp_data, args) + 8 * (size_t)(n))
#define DATA_HIGH(n) (DATA_LOW(n) + 4)

/* Calls start .. (start of the next one) - 1 share an answer. */
struct interval {
	uint32_t start;
	int16_t first; /* rule, -1: the filter's answer */
};

struct assembler {
	const struct filter *filter;
	int16_t next[FILTER_MAX]; /* rule of the same call that follows */
	struct interval intervals[2 * FILTER_MAX + 2];
	size_t n_intervals;
	size_t pos; /* first used instruction */
	bool full;
	struct sock_filter code[FILTER_CODE];
};

void filter_init(struct filter *f, uint32_t otherwise)
{
	f->otherwise = otherwise;
	f->max_nr = FILTER_NRS - 1;
	f->n = 0;
	f->full = false;
}

void filter_add(struct filter *f, int nr, uint32_t action, const struct cond conds[RULE_CONDS])
{
	if (nr < 0)
		return;
	if (f->n == FILTER_MAX || nr >= FILTER_NRS) {
		f->full = true;
		return;
	}
	struct rule *r = &f->rules[f->n++];
	r->nr = nr;
	r->action = action;
	if (conds)
		memcpy(r->conds, conds, sizeof(r->conds));
	else
		memset(r->conds, 0, sizeof(r->conds));
}

void filter_add_list(struct filter *f, uint32_t action, const int *nrs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		RULE_ALWAYS(f, nrs[i], action);
}

static void put(struct assembler *a, uint16_t code, uint32_t k, uint8_t jt, uint8_t jf)
{
	if (a->pos == 0) {
		a->full = true;
		return;
	}
	a->code[--a->pos] = (struct sock_filter){.code = code, .jt = jt, .jf = jf, .k = k};
}

static void put_load(struct assembler *a, size_t offset)
{
	put(a, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void put_return(struct assembler *a, uint32_t action)
{
	put(a, BPF_RET | BPF_K, action, 0, 0);
}

/* Falls through if the condition holds, else goes to the instruction at 'no'. */
static void put_cond(struct assembler *a, const struct cond *c, size_t no)
{
	/* A rule has a handful of instructions: the distance fits. */
	uint8_t skip = (uint8_t)(no - a->pos);

	switch (c->op) {
	case COND_EQ:
		put(a, BPF_JMP | BPF_JEQ | BPF_K, c->value, 0, skip);
		break;
	case COND_NE:
		put(a, BPF_JMP | BPF_JEQ | BPF_K, c->value, skip, 0);
		break;
	case COND_NOT_NULL:
		put(a, BPF_JMP | BPF_JEQ | BPF_K, 0, skip, 0);
		put_load(a, DATA_LOW(c->arg));
		put(a, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2);
		put_load(a, DATA_HIGH(c->arg));
		return;
	default:
		return;
	}
	if (c->mask != ~0U)
		put(a, BPF_ALU | BPF_AND | BPF_K, c->mask, 0, 0);
	put_load(a, DATA_LOW(c->arg));
}

/* The rules of one call, the last one first. */
static void put_rules(struct assembler *a, int first)
{
	if (first < 0) {
		put_return(a, a->filter->otherwise);
		return;
	}
	const struct rule *r = &a->filter->rules[first];
	if (r->conds[0].op == COND_NONE) { /* decides always: what follows is never reached */
		put_return(a, r->action);
		return;
	}
	put_rules(a, a->next[first]);
	size_t no = a->pos;
	put_return(a, r->action);
	for (size_t i = RULE_CONDS; i-- > 0;)
		put_cond(a, &r->conds[i], no);
}

static void put_search(struct assembler *a, size_t from, size_t to)
{
	if (to - from == 1) {
		put_rules(a, a->intervals[from].first);
		return;
	}
	size_t mid = from + (to - from) / 2;
	uint32_t start = a->intervals[mid].start;

	put_search(a, mid, to);
	size_t upper = a->pos;
	put_search(a, from, mid);
	size_t distance = upper - a->pos;
	if (distance <= UINT8_MAX) {
		put(a, BPF_JMP | BPF_JGE | BPF_K, start, (uint8_t)distance, 0);
	} else {
		put(a, BPF_JMP | BPF_JA, (uint32_t)distance, 0, 0);
		put(a, BPF_JMP | BPF_JGE | BPF_K, start, 0, 1);
	}
}

static bool same_answer(const struct filter *f, int a, int b)
{
	if (a < 0 || b < 0)
		return a == b;
	return f->rules[a].conds[0].op == COND_NONE && f->rules[b].conds[0].op == COND_NONE &&
	       f->rules[a].action == f->rules[b].action;
}

/* Chains the rules of each call and cuts 0..max_nr into intervals of one answer. */
static void find_intervals(struct assembler *a)
{
	const struct filter *f = a->filter;
	int16_t first[FILTER_NRS];

	memset(first, -1, sizeof(first));
	for (size_t i = f->n; i-- > 0;) {
		a->next[i] = first[f->rules[i].nr];
		first[f->rules[i].nr] = (int16_t)i;
	}
	a->n_intervals = 0;
	for (int nr = 0; nr <= f->max_nr; nr++) {
		if (nr > 0 && same_answer(f, first[nr], first[nr - 1]))
			continue;
		a->intervals[a->n_intervals++] =
		    (struct interval){.start = (uint32_t)nr, .first = first[nr]};
	}
}

static void assemble(struct assembler *a, const struct filter *f)
{
	a->filter = f;
	a->pos = FILTER_CODE;
	a->full = f->full;
	find_intervals(a);

	put_search(a, 0, a->n_intervals);
	put_return(a, DO_ERRNO(ENOSYS)); /* x32 numbers carry bit 30: they end here too */
	put(a, BPF_JMP | BPF_JGT | BPF_K, (uint32_t)f->max_nr, 0, 1);
	put_load(a, DATA_NR);
	put_return(a, DO_ERRNO(ENOSYS));
	put(a, BPF_JMP | BPF_JEQ | BPF_K, THIS_ARCH, 1, 0);
	put_load(a, DATA_ARCH);
}

int filter_load(const struct filter *f, unsigned flags, struct nono_error *err)
{
	struct assembler *a = malloc(sizeof(*a));
	if (!a)
		return nono_fail_errno(err, ENOMEM, "seccomp: building the filter");

	assemble(a, f);
	if (a->full) {
		free(a);
		return nono_fail(err, E2BIG, "seccomp: the filter has too many rules");
	}
	struct sock_fprog program = {
	    .len = (unsigned short)(FILTER_CODE - a->pos),
	    .filter = a->code + a->pos,
	};
	long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
	int code = errno;

	free(a);
	if (r < 0)
		return nono_fail_errno(err, code, "seccomp: loading the filter");
	return (int)r;
}
