/*
 * diff - what differs between two texts, by lines.
 *
 * Myers' O(ND) search in linear space; where a search gets too long it settles for a good cut
 * instead of the best, so that time stays near-linear for texts that have little in common. The
 * texts are borrowed.
 */
#ifndef NONO_SNAPSHOTS_DIFF_H
#define NONO_SNAPSHOTS_DIFF_H

#include "common/common.h"

struct diff_text {
	const char *data;
	size_t n;
	size_t *lines; /* where each begins; lines[count] = n */
	size_t count;
};
struct diff_hunk { /* with context, lines from 0 */
	size_t a, a_n, b, b_n;
};
struct diff {
	struct diff_text a, b;
	uint8_t *gone, *came; /* a line of a that b lacks; of b that a lacks */
	struct diff_hunk *hunks;
	size_t hunk_count;
	size_t removed, added; /* lines */
};
#define DIFF_CONTEXT 3

/* NUL bytes near the beginning. */
bool diff_binary(const char *data, size_t n);
void diff_make(struct diff *d, const char *a, size_t a_n, const char *b, size_t b_n);
void diff_free(struct diff *d);

/* Lines beginning with "@@", " ", "-", "+"; no head. From hunk first on, at most count. */
void diff_hunks_text(const struct diff *d, size_t first, size_t count, struct buf *out);
/* b with the chosen hunks (take[i]) as they are in a. */
void diff_revert(const struct diff *d, const bool *take, struct buf *out);

/* Rows of two columns: lines of a or b, SIZE_MAX where one has none. A changed line and what it
 * became share a row. all: also what is far from any change. Non-zero from fn ends it. */
struct diff_row {
	size_t a, b;
	bool same;
	bool gap; /* lines are left out here; a, b: SIZE_MAX */
};
typedef int diff_row_fn(void *arg, const struct diff *d, const struct diff_row *row);
int diff_rows(const struct diff *d, bool all, diff_row_fn *fn, void *arg);
/* A line without its end. */
const char *diff_line(const struct diff_text *t, size_t i, size_t *n);

#endif
