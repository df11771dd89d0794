/*
 * learn - the tree of what was used, and how it becomes rules. Internal to the room.
 */
#ifndef NONO_POLICY_LEARN_H
#define NONO_POLICY_LEARN_H

#include "policy/index.h"
#include "policy/special.h"

#define LEARN_GROUPS 2 /* reading (with executing), writing */
extern const unsigned learn_bits[LEARN_GROUPS];

struct learn_node {
	const char *path; /* len bytes of it: a prefix of somebody's path */
	uint32_t len, parent;
	unsigned own;		      /* what was done to it itself */
	unsigned tree;		      /* what it is to have with all below */
	unsigned above;		      /* what the directories above give */
	uint32_t here[LEARN_GROUPS];  /* files directly in it */
	uint32_t dirs[LEARN_GROUPS];  /* directories in it that are named as a whole */
	uint32_t below[LEARN_GROUPS]; /* rules that are left below it */
	unsigned force;		      /* nothing but the directory will do */
	unsigned unnamed;	      /* done to something in it that no rule can say */
	bool dir;
};

struct learner {
	const struct policy *p;
	struct policy_access *v; /* sorted, one a path */
	size_t n_v;
	struct learn_node *nodes;
	uint32_t n, cap;
	struct policy_learned *out;
	size_t cap_entries;
};

/* learn.c. What no rule is made of, and why. */
void learn_left_out(struct learner *l, const char *path, size_t len, unsigned access,
		    const char *why);
enum policy_special learn_kind_of(const char *path);

/* rules.c: directories that stand for what is in them; then the rules. */
void learn_tree_fold(struct learner *l);
void learn_tree_rules(struct learner *l);

#endif
