/*
 * What changed since a client's last picture. The host encodes, the client decodes and believes
 * nothing.
 *
 * Payload of FRAME_DELTA: u64 generation, u8 flags; with DELTA_SIZE u16 columns, u16 rows (the
 * picture starts again from blank); new entries of the cluster and extra tables; rows that the
 * whole screen moved up; changed rows as tokens; cursor, scrollback counters; with DELTA_STATE
 * modes, title, program status.
 */
#ifndef NONO_PTY_DELTA_H
#define NONO_PTY_DELTA_H

#include "pty/terminal.h"
#include "pty/wire.h"

enum { DELTA_SIZE = 1, DELTA_STATE = 2, DELTA_ENDED = 4 };

/* Modes as bits of the wire. */
enum {
	STATE_CURSOR = 1 << 0,
	STATE_ALT = 1 << 1,
	STATE_PASTE = 1 << 2,
	STATE_FOCUS = 1 << 3,
	STATE_APP_CURSOR = 1 << 4,
	STATE_APP_KEYPAD = 1 << 5,
	STATE_REVERSE = 1 << 6,
};

/* A token: type in the low 3 bits, count in the rest; 31 means a varint follows that is added. */
enum {
	TOKEN_ASCII = 0, /* count bytes */
	TOKEN_BLANK,	 /* count cells */
	TOKEN_GLYPH,	 /* count varints */
	TOKEN_WIDE,	 /* count varints, two cells each */
	TOKEN_CLUSTER,	 /* count 1 or 2: its columns; varint index */
	TOKEN_REPEAT,	 /* count cells of one glyph: varint */
	TOKEN_PEN,	 /* count: mask of what follows: 1 fg, 2 bg, 4 attr, 8 extra */
	TOKEN_END,	 /* the rest of the row is blank in default colours */
};
#define TOKEN_LONG 31u

/* What a client has. All zero: nothing. */
struct delta_base {
	uint64_t gen;
	uint64_t scrolled;
	bool ended;
};

bool delta_needed(const struct terminal *t, const struct delta_base *base, bool ended);
/* Appends one frame, takes the client's picture to now and begins a new generation. */
void delta_encode(struct buf *out, struct terminal *t, struct delta_base *base, bool ended);

/* A client's picture and what it needs beside it. */
struct picture {
	struct pty_screen s;
	size_t cap_clusters, cap_extras;
	struct intern history_clusters; /* numbers from CLUSTERS_MAX on */
};
void picture_init(struct picture *p);
void picture_free(struct picture *p);
/* 0, or -1: refused, the picture is not to be used any more. */
int delta_decode(struct picture *p, const uint8_t *data, size_t n);
/* Number of a history line's cluster in the screen's table, 0 if there is no room. */
uint32_t picture_intern(void *picture, const char *text, size_t n);

#endif
