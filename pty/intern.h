/*
 * A bounded table of byte strings under small numbers: multi-code-point glyphs, and what a cell
 * has beyond colours (underline colour, link). Number 0 is never given out. When the table is full
 * the owner marks what is still in use and sweeps the rest.
 */
#ifndef NONO_PTY_INTERN_H
#define NONO_PTY_INTERN_H

#include "common/common.h"

struct intern_entry {
	char *text; /* NULL: free; NUL-terminated beyond len */
	uint64_t gen;
	uint32_t len, hash;
	uint16_t next; /* in its hash chain, or in the free list */
	bool marked;
};

struct intern {
	struct intern_entry *entries;
	uint16_t *heads;
	uint32_t max, high; /* entries 1..high-1 have been used */
	uint32_t used;
	uint16_t free;
	size_t bytes, bytes_max;
	uint64_t last_gen; /* when an entry was last added */
	uint32_t no_sweep; /* failures to wait for before the next sweep is worth it */
};

void intern_init(struct intern *t, uint32_t max, size_t bytes_max); /* allocates nothing */
void intern_free(struct intern *t);
/* Number of the string, 0 if it is not there. */
uint16_t intern_find(const struct intern *t, const void *p, size_t n);
/* Adds it (it must not be there); 0 if the table is full. gen: generation of the screen now. */
uint16_t intern_add(struct intern *t, const void *p, size_t n, uint64_t gen);
void intern_sweep(struct intern *t); /* frees what is not marked, clears the marks */

#endif
