/*
 * paths - which files came how often, folded by directory for a reader: a tree of path components
 * of at most PATHS_MAX nodes. What comes when it is full counts for the deepest directory there is.
 */
#ifndef NONO_AUDIT_PATHS_H
#define NONO_AUDIT_PATHS_H

#include "common/common.h"

#define PATHS_MAX 100000u

struct paths_node {
	char *name; /* "" of the root */
	uint32_t parent, first, next, children;
	uint64_t own;	       /* events of this path itself */
	uint64_t files, total; /* paths with events, and events, here and below: by paths_fold() */
};
struct paths {
	struct paths_node *nodes; /* [0] is the root */
	uint32_t n, cap;
	uint32_t *table; /* node, by parent and name; 0 = free */
	uint32_t slots;
	uint64_t events;
};
/* One line: a path, or everything below a directory. */
struct paths_line {
	char *path; /* a directory ends in a slash */
	uint64_t files, events;
};

/* path must be absolute; what is not counts as "other". */
void paths_add(struct paths *p, const char *path);
/* At most max lines (>= 1), by name: as deep as they reach, the largest directories first. Caller
 * frees with paths_lines_free(). Adding afterwards is over. */
struct paths_line *paths_fold(struct paths *p, size_t max, size_t *n);
void paths_lines_free(struct paths_line *l, size_t n);
void paths_free(struct paths *p);

#endif
