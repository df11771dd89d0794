/*
 * output - from one picture to the next with as few bytes as is reasonable: the difference of two
 * canvases as text for the outer terminal. Writes SGR itself, blanks by EL and ECH, one buffer a
 * frame inside synchronized output where the terminal has it. Source: ECMA-48, xterm's ctlseqs.
 *
 * Knows no descriptor; the caller writes the buffer.
 */
#ifndef NONO_TUI_OUTPUT_H
#define NONO_TUI_OUTPUT_H

#include "tui/canvas.h"

enum color_depth { COLORS_NONE = 0, COLORS_16, COLORS_256, COLORS_RGB };

struct output_caps {
	enum color_depth colors;
	bool sync;	 /* ?2026 */
	bool bce;	 /* erasing paints the current background */
	bool ech;	 /* CSI n X */
	bool underlines; /* 4:3, 58:2, overline */
	bool links;	 /* OSC 8 */
};

struct output {
	struct output_caps caps;
	struct canvas shown; /* what the terminal shows, as far as we know */
	bool valid;	     /* false: the next frame repaints everything */
	struct buf out;	     /* the frame as bytes; the caller consumes */
	/* the terminal's state while writing */
	int x, y; /* -1 = unknown */
	struct canvas_cell pen;
	bool cursor_on;
	int cursor_shape;
};
void output_init(struct output *o, struct strings *strings);
void output_free(struct output *o);
void output_invalidate(struct output *o);
/* Appends what turns the terminal into c. Returns true if anything was appended. */
bool output_frame(struct output *o, const struct canvas *c);
/* One row of a picture with colours and without moving the cursor, for text left behind in the
 * shell's screen; trailing blanks dropped. */
void output_plain_row(struct output *o, const struct canvas *c, int y);
/* Nearest colour of a smaller palette; for tests. */
uint32_t color_degrade(uint32_t color, enum color_depth depth);

#endif
