/*
 * canvas - one picture of the outer terminal: cells whose clusters and links are resolved, so that
 * two pictures compare by memcmp, and the few drawing functions that everything uses.
 *
 * Strings (multi-code-point glyphs, link addresses) live in a table that both pictures of the
 * output share; it fills up over time and is emptied between frames when it gets large.
 * Drawing outside the clip rectangle is ignored. Nothing here allocates per frame once warm.
 */
#ifndef NONO_TUI_CANVAS_H
#define NONO_TUI_CANVAS_H

#include "common/common.h"
#include "pty/pty.h"

struct canvas_cell {	/* 20 bytes, no padding: compared by memcmp */
	uint32_t glyph; /* code point, 0 = blank, PTY_GLYPH_CLUSTER | id in the string table */
	uint32_t fg, bg, ul;
	uint16_t attr; /* enum pty_attr */
	uint16_t link; /* id in the string table, 0 = none */
};
_Static_assert(sizeof(struct canvas_cell) == 20, "compared by memcmp");

#define STRINGS_MAX 8192

/* Interned strings; id 0 is "none". */
struct strings {
	char **v;
	uint32_t *hash;
	uint16_t *slots; /* open addressing, 2 * STRINGS_MAX */
	size_t n;
	bool full; /* an id was refused: empty it and redraw everything */
};
void strings_init(struct strings *t);
void strings_free(struct strings *t);
void strings_clear(struct strings *t);
uint16_t strings_id(struct strings *t, const char *s, size_t n); /* 0 when full */
const char *strings_get(const struct strings *t, uint16_t id);

struct rect {
	int x, y, w, h;
};
bool rect_has(const struct rect *r, int x, int y);

struct style {
	uint32_t fg, bg;
	uint16_t attr;
};

struct canvas {
	int cols, rows;
	struct canvas_cell *cells;
	struct strings *strings; /* borrowed */
	struct rect clip;
	int cx, cy; /* cursor; cx < 0 = hidden */
	int cursor_shape;
	bool partial; /* only the touched rows differ from the picture before */
	bool *touched;
};
void canvas_init(struct canvas *c, struct strings *strings);
void canvas_free(struct canvas *c);
void canvas_resize(struct canvas *c, int cols, int rows); /* contents become blank */
void canvas_clear(struct canvas *c);			  /* blank, no clip, no cursor */
/* Goes on from the picture before: whoever draws touches the rows. Ends with canvas_clear(). */
void canvas_partial(struct canvas *c);
void canvas_clip(struct canvas *c, const struct rect *r); /* NULL = everything */
static inline struct canvas_cell *canvas_at(const struct canvas *c, int x, int y)
{
	return &c->cells[(size_t)y * (size_t)c->cols + (size_t)x];
}

void canvas_fill(struct canvas *c, const struct rect *r, const struct style *s);
void canvas_glyph(struct canvas *c, int x, int y, uint32_t cp, const struct style *s);
/* Printable UTF-8 in at most max columns; cut text ends in "…". Returns the columns used. */
int canvas_text(struct canvas *c, int x, int y, int max, const struct style *s, const char *text);
int canvas_textf(struct canvas *c, int x, int y, int max, const struct style *s, const char *fmt,
		 ...) _printf_(6, 7);
/* Breaks text at blanks into lines of r->w columns; stops at r->h. Returns the lines needed. */
int canvas_wrap(struct canvas *c, const struct rect *r, const struct style *s, const char *text);
void canvas_box(struct canvas *c, const struct rect *r, const struct style *s);
/* Copies row of a screen; n cells of it are drawn from column from on, to (x,y). */
void canvas_cells(struct canvas *c, int x, int y, const struct pty_screen *s,
		  const struct pty_cell *row, int from, int n);
/* A cell, and its other half, in another style; NULL: its own reversed. Returns the columns. */
int canvas_mark(struct canvas *c, int x, int y, const struct style *s);
/* Makes wide glyphs whole again that drawing has cut in half; once before output. */
void canvas_mend(struct canvas *c);
/* The picture as lines of text without trailing blanks. */
void canvas_print(const struct canvas *c, struct buf *out);
/* Address of a link that may be passed on to the outer terminal. */
bool link_allowed(const char *uri);

#endif
