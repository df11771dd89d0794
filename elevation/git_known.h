/* git_known - the settings of a repository that are known to be harmless, and with which values. */
#ifndef NONO_ELEVATION_GIT_KNOWN_H
#define NONO_ELEVATION_GIT_KNOWN_H

#include <stdbool.h>

enum git_value_kind {
	GIT_ANY = 0,
	GIT_BOOL,   /* or a number */
	GIT_REMOTE, /* name of a remote of this configuration, or "." */
	GIT_URL,
	GIT_WORKTREE,  /* folder in the workspace */
	GIT_UPDATE,    /* submodule.*.update */
	GIT_NULL_PATH, /* only /dev/null or a boolean that says no */
};

/* key: section and name in lower case. false: not known, so not harmless. */
bool git_known(const char *key, enum git_value_kind *kind);

#endif
