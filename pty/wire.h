/* Bytes of a frame, read and written with bounds. */
#ifndef NONO_PTY_WIRE_H
#define NONO_PTY_WIRE_H

#include "pty/pty.h"

enum frame_type {
	/* host to client */
	FRAME_DELTA = 1,
	FRAME_HISTORY,
	FRAME_BELL,
	FRAME_CLIPBOARD,
	FRAME_NOTIFY,
	FRAME_FOUND,
	FRAME_COPIED,
	/* client to host */
	FRAME_HELLO = 64,
	FRAME_ACK,
	FRAME_KEY,
	FRAME_TEXT,
	FRAME_PASTE,
	FRAME_MOUSE,
	FRAME_FOCUS,
	FRAME_RESIZE,
	FRAME_COLORS,
	FRAME_WANT_HISTORY,
	FRAME_FIND,
	FRAME_COPY,
};

#define FRAME_HEAD 5 /* u32 length of type and payload, u8 type */

/* Writing: b grows; begin returns where the length goes. */
static inline void put_u8(struct buf *b, unsigned v)
{
	uint8_t c = (uint8_t)v;
	buf_add(b, &c, 1);
}
static inline void put_u16(struct buf *b, unsigned v)
{
	uint8_t c[2] = {(uint8_t)v, (uint8_t)(v >> 8)};
	buf_add(b, c, 2);
}
static inline void put_u32(struct buf *b, uint32_t v)
{
	uint8_t c[4] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};
	buf_add(b, c, 4);
}
static inline void put_u64(struct buf *b, uint64_t v)
{
	put_u32(b, (uint32_t)v);
	put_u32(b, (uint32_t)(v >> 32));
}
static inline uint8_t *varint_write(uint8_t *p, uint64_t v)
{
	while (v >= 0x80) {
		*p++ = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	*p++ = (uint8_t)v;
	return p;
}
static inline void put_varint(struct buf *b, uint64_t v)
{
	uint8_t c[10];
	buf_add(b, c, (size_t)(varint_write(c, v) - c));
}
static inline void put_string(struct buf *b, const char *s)
{
	size_t n = strlen(s);
	put_varint(b, n);
	buf_add(b, s, n);
}
size_t frame_begin(struct buf *b, enum frame_type type);
void frame_end(struct buf *b, size_t at);

/* Reading: every getter fails for good once something did not fit. */
struct reader {
	const uint8_t *p, *end;
	bool bad;
};
static inline uint8_t get_u8(struct reader *r)
{
	if (r->p >= r->end) {
		r->bad = true;
		return 0;
	}
	return *r->p++;
}
static inline size_t reader_left(const struct reader *r)
{
	return (size_t)(r->end - r->p);
}
uint16_t get_u16(struct reader *r);
uint32_t get_u32(struct reader *r);
uint64_t get_u64(struct reader *r);
uint64_t get_varint_long(struct reader *r);
static inline uint64_t get_varint(struct reader *r)
{
	if (r->p < r->end && *r->p < 0x80)
		return *r->p++;
	return get_varint_long(r);
}
/* n bytes in place, NULL if they are not there. */
const uint8_t *get_bytes(struct reader *r, size_t n);
/* A counted string of at most size-1 bytes of printable UTF-8; anything else is refused. */
void get_string(struct reader *r, char *out, size_t size);
bool text_is_printable(const char *s, size_t n);

/* A glyph that may stand in a cell: no control, no surrogate, in Unicode. */
static inline bool glyph_valid(uint32_t g)
{
	return g == 0 || (g >= 0x20 && g < 0x7f) ||
	       (g >= 0xa0 && g <= 0x10ffff && !(g >= 0xd800 && g < 0xe000));
}
/* A colour that the header knows. */
static inline bool color_valid(uint32_t c)
{
	return c == 0 || (c & PTY_COLOR_TYPE) == PTY_COLOR_RGB ||
	       ((c & PTY_COLOR_TYPE) == PTY_COLOR_INDEX && (c & 0xffffff) < 256);
}

/* Colours on the wire and in scrollback: a kind byte (0 default, 1 index, 2 RGB) and its bytes. */
uint8_t *color_write(uint8_t *p, uint32_t c);
uint32_t color_read(struct reader *r);

#endif
