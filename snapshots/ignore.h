/* ignore - patterns as .gitignore files have them. */
#ifndef NONO_SNAPSHOTS_IGNORE_H
#define NONO_SNAPSHOTS_IGNORE_H

#include "common/common.h"

#define IGNORE_FILE_MAX (1u << 20)

struct ignore_rules;
enum ignore_verdict { IGNORE_SILENT, IGNORE_OUT, IGNORE_KEEP };

struct ignore_rules *ignore_parse(const char *text, size_t n);
void ignore_free(struct ignore_rules *r);
/* path: relative to the directory of the rules; the last rule that matches decides. */
enum ignore_verdict ignore_match(const struct ignore_rules *r, const char *path, bool is_dir);

#endif
