/*
 * The rows of a screen. A row keeps only the cells that were written (the rest is blank in default
 * colours), so that clearing and scrolling cost nothing; scrolling moves pointers.
 */
#ifndef NONO_PTY_GRID_H
#define NONO_PTY_GRID_H

#include "pty/pty.h"

struct row {
	uint64_t gen;  /* generation that last changed it */
	uint16_t len;  /* cells in use */
	bool wrapped;  /* the text goes on in the next row */
	bool plain;    /* nothing but ASCII and blanks in default colours */
	bool has_wide; /* may hold double-width glyphs */
	struct pty_cell cells[];
};

struct grid {
	struct row **rows;
	int cols, n;
};

/* 0, or -1 without memory. */
int grid_init(struct grid *g, int cols, int rows);
void grid_free(struct grid *g);
struct row *row_new(int cols); /* NULL without memory */
void row_clear(struct row *r);

/* Cells from..to-1 are about to be overwritten: makes the row that long and blanks the halves of
 * wide glyphs that would be left over outside. */
void row_open(struct row *r, int from, int to);
/* Blanks from..to-1 with a background colour. */
void row_erase(struct row *r, int cols, int from, int to, uint32_t bg);
/* n cells at x are pushed to the right, or pulled out to the left. */
void row_insert(struct row *r, int cols, int x, int n, uint32_t bg);
void row_delete(struct row *r, int cols, int x, int n, uint32_t bg);
/* Moves rows top..bottom up (n > 0) or down (n < 0) by |n| <= bottom-top+1; the rows that come in
 * are cleared. Generations travel with the rows. */
void grid_scroll(struct grid *g, int top, int bottom, int n, uint32_t bg);
/* Number of cells up to the last one that is not blank in default colours. */
int row_used(const struct row *r);

#endif
