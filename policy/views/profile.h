/* view_profile - a profile as JSON in the shape that scripts know. Internal. */
#ifndef NONO_POLICY_VIEW_PROFILE_H
#define NONO_POLICY_VIEW_PROFILE_H

#include <cjson/cJSON.h>

#include "policy/profile.h"

/* The merged one; name and description at the top, own.extends beside them. Never NULL. */
cJSON *view_profile(const struct policy_profile *p);
/* Two of these, member by member. */
cJSON *view_compare(const cJSON *a, const cJSON *b);

#endif
