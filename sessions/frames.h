/*
 * frames - u32 length (little endian) and that many bytes, over a stream.
 * The parser holds at most one frame and what came behind it.
 */
#ifndef NONO_SESSIONS_FRAMES_H
#define NONO_SESSIONS_FRAMES_H

#include "common/common.h"

#define FRAME_MAX (1u << 20) /* bytes of one frame without its length */

struct frame_reader {
	struct buf in;
	size_t at;  /* what lies before was handed out */
	size_t max; /* longest frame accepted, 0 = FRAME_MAX */
};
void frame_reader_free(struct frame_reader *r);
void frame_reader_feed(struct frame_reader *r, const void *p, size_t n);
/* 1: *p, *n is a frame, valid until the next call with r; 0: not complete yet; -1: too long. */
int frame_reader_next(struct frame_reader *r, const char **p, size_t *n);

/* Appends a frame. -1 if it is too long. */
int frame_add(struct buf *out, const void *p, size_t n);

#endif
