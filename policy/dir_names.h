/*
 * dir_names - what is in a directory, read once instead of asking for each of many names. Internal.
 */
#ifndef NONO_POLICY_DIR_NAMES_H
#define NONO_POLICY_DIR_NAMES_H

#include "common/common.h"

struct dir_names;

/* NULL where that is no good: the directory can't be listed or is large, or its file system may
 * know names that it does not list (automounts), or know them in upper and lower case alike. Caller
 * frees. */
struct dir_names *dir_names_read(const char *dir);
/* DT_DIR, DT_REG, ... (DT_UNKNOWN: it has to be asked for), -1 if there is nothing of that name. */
int dir_names_type(const struct dir_names *d, const char *name);
void dir_names_free(struct dir_names *d); /* NULL is fine */

#endif
