/*
 * The terminal that an agent writes to: bytes in, state out (grid, cursor, modes, title, program
 * status, scrollback), plus answers to the agent's questions. Knows nothing of processes, sockets
 * or clients. Memory is bounded whatever comes in.
 *
 * Sources: ECMA-48; DEC STD 070; xterm's ctlseqs; the kitty keyboard protocol; the notes on
 * synchronized output (2026), grapheme clusters (2027) and colour scheme reports (2031); OSC 8, 52,
 * 133 as their authors describe them; the program status protocol (OSC 7501).
 */
#ifndef NONO_PTY_TERMINAL_H
#define NONO_PTY_TERMINAL_H

#include "pty/grid.h"
#include "pty/history.h"
#include "pty/intern.h"
#include "pty/parser.h"

#define CLUSTERS_MAX	  4096
#define CLUSTER_BYTES_MAX 48
#define EXTRAS_MAX	  1024
#define EXTRA_BYTES_MAX	  (256u << 10)
#define LINK_MAX	  2048
#define KITTY_STACK	  8
#define TITLE_STACK	  4

/* Nominal cell size in pixels, for programs that ask. */
#define CELL_W 8
#define CELL_H 16

enum vt_mode {
	/* private (DECSET) */
	MODE_APP_CURSOR = 1 << 0,    /* 1 */
	MODE_REVERSE = 1 << 1,	     /* 5 */
	MODE_ORIGIN = 1 << 2,	     /* 6 */
	MODE_WRAP = 1 << 3,	     /* 7 */
	MODE_CURSOR_BLINK = 1 << 4,  /* 12 */
	MODE_CURSOR = 1 << 5,	     /* 25 */
	MODE_APP_KEYPAD = 1 << 6,    /* 66 */
	MODE_MOUSE_CLICK = 1 << 7,   /* 1000 */
	MODE_MOUSE_DRAG = 1 << 8,    /* 1002 */
	MODE_MOUSE_ANY = 1 << 9,     /* 1003 */
	MODE_FOCUS = 1 << 10,	     /* 1004 */
	MODE_MOUSE_SGR = 1 << 11,    /* 1006 */
	MODE_ALT_SCROLL = 1 << 12,   /* 1007 */
	MODE_MOUSE_URXVT = 1 << 13,  /* 1015 */
	MODE_MOUSE_PIXELS = 1 << 14, /* 1016 */
	MODE_PASTE = 1 << 15,	     /* 2004 */
	MODE_SYNC = 1 << 16,	     /* 2026 */
	MODE_GRAPHEME = 1 << 17,     /* 2027 */
	MODE_SCHEME = 1 << 18,	     /* 2031 */
	MODE_ALT_47 = 1 << 19,
	MODE_ALT_1047 = 1 << 20,
	MODE_ALT_1049 = 1 << 21,
	MODE_SAVE_1048 = 1 << 22,
	/* ANSI (SM) */
	MODE_INSERT = 1 << 23,	/* 4 */
	MODE_NEWLINE = 1 << 24, /* 20 */
};
#define MODE_MOUSE (MODE_MOUSE_CLICK | MODE_MOUSE_DRAG | MODE_MOUSE_ANY)

struct pen {
	uint32_t fg, bg, ul_color;
	uint16_t attr, extra;
};

struct cursor {
	int x, y;
	bool wrap_pending; /* a glyph stands in the last column, the next one wraps */
	struct pen pen;
	uint8_t charset[4]; /* 'B' ASCII, '0' line drawing, 'A' British */
	uint8_t gl;
	bool origin;
};

struct kitty_stack {
	uint8_t flags[KITTY_STACK];
	int n; /* at least 1: flags[n-1] are in force */
};

struct program_status {
	enum pty_program_state state;
	bool reported; /* by the program itself, not guessed from titles or marks */
	char app[32], kind[32], msg[256];
};

struct terminal_events {
	void (*reply)(void *data, const char *s, size_t n); /* to be typed to the agent */
	void (*bell)(void *data);
	void (*clipboard)(void *data, const char *text, size_t n);
	void (*notify)(void *data, const char *title, const char *body); /* printable */
	void (*frame)(void *data); /* synchronized output has ended: a whole picture; may be NULL */
	void *data;
};

struct terminal {
	int cols, rows;
	struct grid *grid; /* &main or &alt */
	struct grid main, alt;
	struct cursor c;
	struct cursor saved[2]; /* of the main, of the alternate screen */
	bool has_saved[2];
	int top, bottom;      /* scroll region, inclusive */
	uint32_t modes;	      /* enum vt_mode */
	uint32_t modes_saved; /* XTSAVE */
	int cursor_shape;
	uint8_t tabs[(PTY_COLS_MAX + 7) / 8];

	/* What the next combining code point would join, and what REP repeats. */
	uint32_t last_base, last_cp;
	unsigned last_flags;
	uint32_t repeat;

	struct intern clusters, extras;
	char *link; /* OSC 8 in force */

	struct kitty_stack kitty[2];
	int modify_other_keys;

	char title[PTY_TITLE_MAX];
	char *titles[TITLE_STACK];
	int n_titles;
	struct program_status status;
	uint32_t *palette;	       /* OSC 4: 256 colours, 0 = not set */
	uint32_t fg, bg, cursor_color; /* OSC 10-12, 0 = not set */
	uint32_t client_fg, client_bg; /* of the terminal that looks at us, 0 = unknown */
	bool dark;

	uint64_t gen;	    /* of what changes now; grows by terminal_next_gen() */
	uint64_t changed;   /* generation of the last change of any kind */
	uint64_t state_gen; /* ... of modes, title, status, size */
	uint64_t size_gen;  /* ... of the size */
	uint64_t scrolled;  /* rows that the whole screen has moved up, ever */
	bool visible;	    /* something other than blanks was printed */
	uint64_t bells;

	struct history history;
	struct parser parser;
	struct terminal_events ev;
};

/* NULL without memory. Sizes are brought into 1..PTY_COLS_MAX, 1..PTY_ROWS_MAX. */
struct terminal *terminal_new(int cols, int rows, size_t scrollback,
			      const struct terminal_events *ev);
void terminal_free(struct terminal *t);
void terminal_feed(struct terminal *t, const void *p, size_t n);
/* 0, or -1 without memory (nothing changed then). */
int terminal_resize(struct terminal *t, int cols, int rows);
/* What changes from now on has a new generation. */
void terminal_next_gen(struct terminal *t);
/* The outer terminal's colours; tells the agent if it asked for that. */
void terminal_set_colors(struct terminal *t, uint32_t fg, uint32_t bg, bool dark);
static inline bool terminal_alt(const struct terminal *t)
{
	return t->grid == &t->alt;
}
static inline unsigned terminal_kitty(const struct terminal *t)
{
	const struct kitty_stack *k = &t->kitty[terminal_alt(t)];
	return k->flags[k->n - 1];
}
const char *terminal_cluster(const struct terminal *t, uint32_t index);
/* For line_encode(). */
struct line_clusters terminal_cluster_names(const struct terminal *t);

/* ---- what the room's terminal files share --------------------------------------- */

static inline void vt_changed(struct terminal *t)
{
	t->changed = t->gen;
}
static inline void vt_state_changed(struct terminal *t)
{
	t->changed = t->state_gen = t->gen;
}
/* Row y, marked as changed. */
static inline struct row *vt_row(struct terminal *t, int y)
{
	struct row *r = t->grid->rows[y];

	r->gen = t->changed = t->gen;
	return r;
}
void vt_rows_changed(struct terminal *t, int top, int bottom);
void vt_reply(struct terminal *t, const char *fmt, ...) _printf_(2, 3);
void vt_scroll(struct terminal *t, int top, int bottom, int n);
void vt_move(struct terminal *t, int x, int y); /* absolute, clamped, no wrap pending */
void vt_linefeed(struct terminal *t);
void vt_reverse_linefeed(struct terminal *t);
void vt_save_cursor(struct terminal *t);
void vt_restore_cursor(struct terminal *t);
void vt_reset(struct terminal *t, bool hard);
void vt_reset_tabs(struct terminal *t);
/* Number of a string in one of the tables, 0 if it is full of strings in use. */
uint16_t vt_intern(struct terminal *t, struct intern *table, const void *p, size_t n);
void vt_pen_reset(struct terminal *t);
void vt_pen_extra(struct terminal *t); /* after ul_color or link changed */
void vt_set_title(struct terminal *t, const char *s, size_t n);
void vt_set_link(struct terminal *t, const char *uri, size_t n); /* n == 0: none */

/* print.c */
void vt_print_ascii(void *data, const uint8_t *s, size_t n);
void vt_print_rune(void *data, uint32_t cp);
void vt_repeat(struct terminal *t, int n);
/* control.c */
void vt_control(void *data, uint8_t c);
void vt_escape(void *data, uint8_t inter, uint8_t final);
/* csi.c */
void vt_csi(void *data, const struct parser_csi *c);
/* edit.c */
void vt_erase_display(struct terminal *t, int what);
void vt_erase_line(struct terminal *t, int what);
void vt_edit(struct terminal *t, uint8_t final, int n);
/* sgr.c */
void vt_sgr(struct terminal *t, const struct parser_csi *c);
size_t sgr_write(char *out, size_t size, const struct pen *pen);
/* modes.c */
void vt_set_mode(struct terminal *t, const struct parser_csi *c, bool on);
void vt_request_mode(struct terminal *t, const struct parser_csi *c);
void vt_save_modes(struct terminal *t, const struct parser_csi *c, bool restore);
void vt_alt_screen(struct terminal *t, bool on, bool clear);
/* kitty.c */
void vt_kitty(struct terminal *t, const struct parser_csi *c);
void vt_kitty_reset(struct terminal *t);
/* replies.c */
void vt_device(struct terminal *t, const struct parser_csi *c);
void vt_window_op(struct terminal *t, const struct parser_csi *c);
void vt_dcs(struct terminal *t, char *s, size_t n);
/* osc.c, osc_color.c, status.c */
void vt_string(void *data, enum parser_string kind, char *s, size_t n, bool bel);
void vt_osc_color(struct terminal *t, int number, char *arg, bool bel);
void vt_osc_reset_color(struct terminal *t, int number, char *arg);
uint32_t vt_palette(const struct terminal *t, unsigned index); /* 0xRRGGBB */
void vt_status(struct terminal *t, char *s, size_t n, bool bel);
void vt_status_title(struct terminal *t);
void vt_status_mark(struct terminal *t, const char *arg);

static inline int csi_arg(const struct parser_csi *c, int i, int otherwise)
{
	return i < c->n && c->param[i] >= 0 ? c->param[i] : otherwise;
}
/* A count: left out or 0 means 1. */
static inline int csi_count(const struct parser_csi *c, int i)
{
	int v = csi_arg(c, i, 1);
	return v ? v : 1;
}

#endif
