/*
 * diff_words - which words of a changed line differ from the line that it was. For showing; bounded
 * whatever the lines are.
 */
#ifndef NONO_SNAPSHOTS_DIFF_WORDS_H
#define NONO_SNAPSHOTS_DIFF_WORDS_H

#include "common/common.h"

#define DIFF_RANGES_MAX 32
struct diff_range { /* bytes [from, to) */
	size_t from, to;
};
struct diff_words {
	struct diff_range a[DIFF_RANGES_MAX], b[DIFF_RANGES_MAX]; /* in order, none empty */
	size_t a_n, b_n;
};
/* False: the lines have so little in common that single words say nothing. Ranges lie between whole
 * code points of UTF-8. */
bool diff_words(const char *a, size_t a_n, const char *b, size_t b_n, struct diff_words *out);

#endif
