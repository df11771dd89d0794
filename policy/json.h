/*
 * json - JSON as people write it: // and block comments, trailing commas. Bounded in size and
 * depth; what would make two readers see different things (NUL in a string, a member twice) is an
 * error.
 */
#ifndef NONO_POLICY_JSON_H
#define NONO_POLICY_JSON_H

#include <cjson/cJSON.h>

#include "common/common.h"

#define JSON_SIZE_MAX  (10u << 20)
#define JSON_DEPTH_MAX 32

/* label is what messages call the text (a path). The caller frees with cJSON_Delete(). */
cJSON *json_parse(const char *text, size_t n, const char *label, struct err *err);

static inline void json_freep(cJSON **j)
{
	cJSON_Delete(*j);
}
#define _cleanup_json_ _cleanup_(json_freep)

#endif
