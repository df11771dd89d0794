/* sources - which files a policy was made from. Internal; policy.h has what asks about them. */
#ifndef NONO_POLICY_SOURCES_H
#define NONO_POLICY_SOURCES_H

#include "policy/profile.h"

/* Those of the profile and of what it extends. */
void sources_take(struct policy *p, const struct profile *prof);
/* One that is no profile. */
void sources_take_text(struct policy *p, const char *path, const char *text, size_t n);
void sources_free(struct policy *p);

#endif
