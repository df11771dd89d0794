/*
 * profile_trust - whose is a profile? Nobody else may be able to change the file, or what leads to
 * it; what a repository brings is not the user's own.
 */
#ifndef NONO_POLICY_PROFILE_TRUST_H
#define NONO_POLICY_PROFILE_TRUST_H

#include "policy/profile.h"

/* Reads the file at path (absolute, clean). It, each folder and each link on the way must belong to
 * the user or root, and no one else may write there; below home only where from_home says so. *real
 * is where it is. NULL with err, which says what to run. */
char *trust_read(const char *path, bool from_home, char **real, size_t *n, struct err *err);

/* Does it lie in the working directory, in the repository around it, or in another workspace? Not
 * what is in the user's own configuration. */
bool trust_is_brought(const char *path, const struct profile_request *rq);

/* Hash of all of the profile's files that are not the user's own; false if there is none. */
bool trust_hash(const struct profile *p, char out[POLICY_HASH_MAX]);

#endif
