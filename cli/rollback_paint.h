/* rollback_paint - diffs in colour, for a terminal that has it. */
#ifndef NONO_CLI_ROLLBACK_PAINT_H
#define NONO_CLI_ROLLBACK_PAINT_H

#include "snapshots/diff_words.h"

enum paint { PAINT_WENT, PAINT_CAME };

/* Standard output is a terminal, and nobody says NO_COLOR. */
bool paint_wanted(void);
/* A line, or what of it fits, with those ranges of bytes inverse. Returns the columns. */
size_t paint_line(enum paint kind, const char *p, size_t n, const struct diff_range *v,
		  size_t count);
/* The text of diff_hunks_text(). */
void paint_unified(const char *text, size_t n);

#endif
