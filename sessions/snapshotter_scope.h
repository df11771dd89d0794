/*
 * snapshotter_scope - what the snapshots of a session are about: what it may write, less what is
 * left out; before a grant what was granted as well, where that lies outside and is not too much.
 */
#ifndef NONO_SESSIONS_SNAPSHOTTER_SCOPE_H
#define NONO_SESSIONS_SNAPSHOTTER_SCOPE_H

#include "sessions/snapshotter.h"

#define BEFORE_ENTRIES_MAX 1000
#define BEFORE_BYTES_MAX   (64ull << 20)

/* The user's own trees that may be written, none below another; patterns. Both NULL-terminated, the
 * caller's. */
char **session_roots(const struct policy *p);
char **session_excludes(const struct session_snapshots *o, const struct policy *p);

/* The roots and what was granted: NULL-terminated, for before_roots_free(); none below another.
 * left_out: in words. */
char **before_roots(char *const *roots, const struct snapshotter_order *o, char *left_out,
		    size_t size);
void before_roots_free(char ***roots);

#endif
