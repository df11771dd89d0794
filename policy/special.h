/*
 * special - names of files that something outside the sandbox runs later, and where they count.
 */
#ifndef NONO_POLICY_SPECIAL_H
#define NONO_POLICY_SPECIAL_H

#include "policy/policy.h"

/* Where the walk starts: an ordinary folder, or one that is a repository's own (".git"). */
enum special_root { SPECIAL_ROOT_PLAIN = 0, SPECIAL_ROOT_GIT };
enum special_root special_root_of(const char *workspace);

/* rest: the path below the workspace, without a leading slash; "" is the workspace itself. */
enum policy_special special_match(enum special_root root, const char *rest);

/* Calls fn for each name that counts directly inside a workspace (".vscode", ".github/workflows").
 */
void special_each(void (*fn)(void *data, const char *name), void *data);

#endif
