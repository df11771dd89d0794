/*
 * diff - two short texts as a unified diff, for a person to read before a file of his is changed.
 */
#ifndef NONO_POLICY_DIFF_H
#define NONO_POLICY_DIFF_H

#include "common/common.h"

/* before NULL: the file is new. Adds nothing if the texts are equal. */
void diff_unified(struct buf *out, const char *path, const char *before, const char *after);

#endif
