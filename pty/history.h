/* Scrollback: lines as bytes in blocks, bounded by lines and by bytes; the oldest go first. */
#ifndef NONO_PTY_HISTORY_H
#define NONO_PTY_HISTORY_H

#include "pty/grid.h"
#include "pty/line.h"

#define HISTORY_BYTES_MAX (16u << 20)

struct history_block {
	uint64_t first; /* number of its first line */
	uint32_t lines, len, cap;
	uint8_t data[];
};

struct history {
	struct history_block **blocks;
	size_t n_blocks, cap_blocks;
	size_t max_lines, bytes;
	uint64_t first, count; /* lines kept: first .. first+count-1 */
};

void history_init(struct history *h, size_t max_lines);
void history_free(struct history *h);
void history_clear(struct history *h); /* numbers go on */
void history_push(struct history *h, const struct row *r, const struct line_clusters *names);
/* Bytes of a line and of those behind it in its block; NULL if it is not kept. */
const uint8_t *history_line(const struct history *h, uint64_t line, size_t *left);

#endif
