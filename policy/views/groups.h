/* view_groups - the built-in groups for who looks at them. Internal. */
#ifndef NONO_POLICY_VIEW_GROUPS_H
#define NONO_POLICY_VIEW_GROUPS_H

#include <cjson/cJSON.h>

#include "policy/policy.h"

bool view_group_required(const char *name);
/* Adds a sentence to a list. */
void view_remark(cJSON *list, const char *fmt, ...) _printf_(2, 3);

#endif
