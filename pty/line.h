/*
 * One line of scrollback as bytes: a head (varint: length of the text, whether it goes on in the
 * next line, whether runs follow), UTF-8 text, runs of attributes. A plain line of 40 characters
 * takes 42 bytes. Also what a client receives, so reading checks every bound.
 */
#ifndef NONO_PTY_LINE_H
#define NONO_PTY_LINE_H

#include "pty/pty.h"

#define LINE_CLUSTER_MAX 64

/* Text of a cluster number, for writing; number of a text (0: none), for reading. */
struct line_clusters {
	const char *(*text)(void *data, uint32_t index);
	uint32_t (*intern)(void *data, const char *text, size_t n);
	void *data;
};

/* Most bytes that line_encode() writes for n cells. */
size_t line_bound(size_t n);
/* Cells to bytes; plain: ASCII and blanks without attributes. Returns the length. */
size_t line_encode(uint8_t *out, const struct pty_cell *cells, size_t n, bool plain, bool wrapped,
		   const struct line_clusters *names);
/* Bytes to cols cells (cut or filled with blanks). Returns the bytes that belong to the line, 0 if
 * they make no sense. */
size_t line_decode(const uint8_t *p, size_t n, struct pty_cell *cells, size_t cols,
		   const struct line_clusters *names);
/* Does its text go on in the next line? */
bool line_wrapped(const uint8_t *p, size_t n);
/* Length of the line at p alone, 0 if it does not fit into n. */
size_t line_size(const uint8_t *p, size_t n);

#endif
