/*
 * remark - what nono says beside its results: warnings, and details of --verbose.
 *
 * They go to standard error, or, where NONO_LOG_FILE names a file (--log-file sets it), to the end
 * of that file with time and process. The variable is the only state: what warns is in several
 * processes, and each line is written by itself. Any process, any thread.
 */
#ifndef NONO_REMARK_H
#define NONO_REMARK_H

#include "common/common.h"

#define REMARK_FILE_ENV "NONO_LOG_FILE"

/* One line (an end of line is added), made printable. The file can't be written: standard error. */
void remark(const char *fmt, ...) _printf_(1, 2);
/* Is there a file? Then remarks count even if nobody looks at standard error. */
bool remark_to_file(void);
/* Makes the file (0600) where there is none, and makes the variable of it absolute. A link is
 * refused: what an agent put there would lead the lines elsewhere. */
int remark_begin(const char *path, struct err *err);

#endif
