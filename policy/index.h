/*
 * index - the rule set as a tree of path components, kept in one hash table (parent, name) -> node.
 * A question walks the path once: a hash and one or two probes a component, no allocation.
 */
#ifndef NONO_POLICY_INDEX_H
#define NONO_POLICY_INDEX_H

#include "policy/policy.h"

#define INDEX_ROOT	0u
#define INDEX_RULES_MAX 262144u

struct index_node {
	uint32_t parent, hash;
	uint32_t name, len; /* in names */
	int32_t grant;	    /* index into policy.grants, -1 = none */
	int32_t deny;	    /* index into policy.denies */
	int32_t globs; /* first grant by name pattern in this directory, -1; next in glob_next */
	bool bypass;   /* deny rules from above end here */
	bool shown;    /* nono's own file that may be read */
	bool children;
	bool pinned;   /* an ancestor of something denied */
	bool spine;    /* not granted in the kernel as a whole: something below is closed */
	bool makeable; /* missing ancestor of something to be made, or refused without asking */
	bool there;    /* found there while makeable ones were looked for */
};

struct policy_index {
	struct index_node *nodes;
	uint32_t n_nodes, cap_nodes;
	uint32_t *table; /* node numbers + 1 */
	uint32_t mask;
	char *names;
	uint32_t n_names, cap_names;
	int32_t *glob_next; /* by grant */
};

/* Builds p->index from p's grants, denies and bypasses; sets guarded and carved in the grants. */
int index_build(struct policy *p, struct err *err);
void index_free(struct policy_index *ix);

/* The child of a node called s (n bytes), UINT32_MAX if there is none. */
uint32_t index_child(const struct policy_index *ix, uint32_t parent, const char *s, size_t n);

/* The node of path, INDEX_ROOT for "/", UINT32_MAX if there is none. */
uint32_t index_find(const struct policy_index *ix, const char *path);
uint32_t index_find_n(const struct policy_index *ix, const char *path, size_t len);

/* Union of what deny rules at or below the node of path refuse; own files count as closed. */
unsigned index_closed_below(const struct policy *p, const char *path);

/* suggest.c: may this directory be granted as a whole by somebody who did not ask for just that? */
bool suggest_may_offer(const struct policy *p, const char *dir);

#endif
