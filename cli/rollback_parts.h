/* rollback_parts - which of the trees a restore is about go back to which snapshot. */
#ifndef NONO_CLI_ROLLBACK_PARTS_H
#define NONO_CLI_ROLLBACK_PARTS_H

#include "cli/rollback.h"

/* The trees of restore_run.to first. Borrow from the run. */
struct part {
	const struct snap_record *to;
	const char *root; /* NULL: all of it */
};
struct parts {
	struct part *v;
	size_t n;
};
/* The root of the record that the path is or lies in; NULL: none. */
const char *record_root(const struct snap_record *r, const char *path);
void parts_find(const struct restore_run *r, struct parts *p);
void parts_free(struct parts *p);
/* NULL: the path lies in none. */
const struct part *parts_of(const struct parts *p, const char *path);
/* Those of n paths that lie in a part, NULL-terminated; caller frees the vector only. asked NULL:
 * what stands for all of it. NULL: nothing of it was asked for. */
const char **parts_asked(const struct part *part, char *const *asked);

/* All that the run was given; NULL when one lies in no part. Caller frees with strv_free(). */
char **parts_paths(const struct restore_run *r, const struct parts *parts, struct err *err);
/* A path that neither the snapshot nor the disk knows is a mistake, not "nothing to do". */
int parts_check(const struct restore_run *r, const struct parts *parts, struct err *err);

#endif
