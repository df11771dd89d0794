/*
 * pty - the screen host and what its clients see.
 *
 * The host parses the agent's terminal output once into state (grid, cursor, modes, title,
 * scrollback) and sends each client the rows that changed since the generation it has: at most one
 * delta in flight per client, a slow client costs nothing. Keys go the other way as events and are
 * encoded in the host for the modes that the agent has set. The host runs in a process of its own
 * that can do nothing but use the descriptors it was given.
 *
 * Wire (host <-> client, a stream socket): u32 length (little endian, <= PTY_FRAME_MAX), u8 type,
 * payload. Every length and index is checked by both ends; a frame that does not fit ends the
 * connection, never the process.
 */
#ifndef NONO_PTY_H
#define NONO_PTY_H

#include "common/common.h"

#define PTY_COLS_MAX  1000
#define PTY_ROWS_MAX  500
#define PTY_FRAME_MAX (4u << 20)
#define PTY_TITLE_MAX 256
#define PTY_COPY_MAX  (1u << 20)
#define PTY_TEXT_MAX  4096 /* status message, notification */

/* ---- cells ------------------------------------------------------------- */

/* Colour: 0 default; PTY_COLOR_INDEX|0..255; PTY_COLOR_RGB|0xRRGGBB. */
#define PTY_COLOR_DEFAULT 0u
#define PTY_COLOR_INDEX	  0x01000000u
#define PTY_COLOR_RGB	  0x02000000u
#define PTY_COLOR_TYPE	  0xff000000u

enum pty_attr {
	PTY_BOLD = 1 << 0,
	PTY_DIM = 1 << 1,
	PTY_ITALIC = 1 << 2,
	PTY_BLINK = 1 << 3,
	PTY_INVERSE = 1 << 4,
	PTY_CONCEAL = 1 << 5,
	PTY_STRIKE = 1 << 6,
	PTY_OVERLINE = 1 << 7,
	PTY_UL_SHIFT = 8, /* 3 bits: 0 none, 1 single, 2 double, 3 curly, 4 dotted, 5 dashed */
	PTY_UL_MASK = 7 << 8,
	PTY_WIDE = 1 << 11,	 /* first half of a double-width glyph */
	PTY_WIDE_TAIL = 1 << 12, /* second half: glyph is 0 */
};

#define PTY_GLYPH_CLUSTER 0x80000000u /* low bits: index into the screen's cluster table */

struct pty_cell {
	uint32_t glyph; /* code point, 0 = blank, or PTY_GLYPH_CLUSTER|index */
	uint32_t fg, bg;
	uint16_t attr;
	uint16_t extra; /* index into the screen's extras, 0 = none: underline colour, link */
};

struct pty_extra {
	uint32_t ul_color;
	char *link; /* OSC 8 URI, NULL = none */
};

enum pty_mouse { PTY_MOUSE_NONE = 0, PTY_MOUSE_CLICK, PTY_MOUSE_DRAG, PTY_MOUSE_ANY };

/* A program's own word about its state (OSC 7501), or what titles and OSC 133 hint at. */
enum pty_program_state {
	PTY_STATE_NONE = 0,
	PTY_STATE_IDLE,
	PTY_STATE_WORKING,
	PTY_STATE_BLOCKED,
	PTY_STATE_DONE,
	PTY_STATE_ERROR,
};

/* The picture a client holds. Owned by the struct pty_client; read only. */
struct pty_screen {
	int cols, rows;		/* of the agent's terminal */
	struct pty_cell *cells; /* rows * cols */
	uint64_t *row_gen;	/* generation that last changed each row: for the compositor */
	uint64_t generation;
	char **clusters; /* UTF-8 of multi-code-point glyphs */
	size_t n_clusters;
	struct pty_extra *extras;
	size_t n_extras;
	int cx, cy;
	bool cursor_visible;
	int cursor_shape; /* DECSCUSR 0..6 */
	bool alt_screen, bracketed_paste, focus_events, app_cursor, app_keypad;
	enum pty_mouse mouse;
	unsigned kitty_flags; /* kitty keyboard protocol flags that the agent wants */
	bool reverse_video;
	char title[PTY_TITLE_MAX]; /* printable */
	uint64_t history;	   /* lines in the scrollback */
	uint64_t history_first;	   /* absolute number of the oldest line kept */
	enum pty_program_state state;
	char state_app[32], state_kind[32], state_msg[256]; /* printable */
	bool ended;					    /* the agent's terminal is closed */
};

/* ---- text to find ------------------------------------------------------- */

#define PTY_FIND_MAX 256

struct pty_needle {
	char text[PTY_FIND_MAX]; /* UTF-8 */
	size_t n;
	bool fold; /* it has no capital letter: theirs are taken for small ones */
};
/* False: empty, too long or not printable. */
bool pty_needle_set(struct pty_needle *d, const char *utf8, size_t n);

/* Rows as one text. Zeroed: empty; n and rows 0: emptied, memory kept. */
struct pty_row_text {
	char *text;
	uint32_t *at; /* of each byte: number of its row << 16 | column */
	size_t n, cap;
	uint32_t rows;
};
void pty_row_text_add(struct pty_row_text *t, const struct pty_cell *cells, int n, bool folded,
		      const char *(*cluster)(void *data, uint32_t index), void *data);
void pty_row_text_free(struct pty_row_text *t);
/* The next match from byte from on. */
bool pty_find_in(const struct pty_row_text *t, const struct pty_needle *d, size_t from,
		 size_t *found);

/* ---- client ------------------------------------------------------------ */

enum pty_mod { PTY_SHIFT = 1, PTY_ALT = 2, PTY_CTRL = 4, PTY_SUPER = 8 };
/* Keys beyond text. Values < PTY_KEY_BASE are code points. */
enum pty_key {
	PTY_KEY_BASE = 0x110000,
	PTY_KEY_ENTER,
	PTY_KEY_TAB,
	PTY_KEY_BACKSPACE,
	PTY_KEY_ESCAPE,
	PTY_KEY_UP,
	PTY_KEY_DOWN,
	PTY_KEY_LEFT,
	PTY_KEY_RIGHT,
	PTY_KEY_HOME,
	PTY_KEY_END,
	PTY_KEY_PGUP,
	PTY_KEY_PGDN,
	PTY_KEY_INSERT,
	PTY_KEY_DELETE,
	PTY_KEY_F1,
	PTY_KEY_F12 = PTY_KEY_F1 + 11,
};
enum pty_button {
	PTY_BUTTON_NONE = 0,
	PTY_BUTTON_LEFT,
	PTY_BUTTON_MIDDLE,
	PTY_BUTTON_RIGHT,
	PTY_WHEEL_UP,
	PTY_WHEEL_DOWN
};
enum pty_mouse_action { PTY_PRESS = 0, PTY_RELEASE, PTY_MOVE };

struct pty_found {
	uint32_t id;		 /* of the question */
	bool found, wrapped;	 /* wrapped: beyond the end, from the other one on */
	uint64_t line, end_line; /* absolute: of its first and of its last cell */
	int col, end_col;
};

struct pty_client_events {
	/* The screen changed (rows with row_gen > the generation drawn before). */
	void (*update)(void *data, const struct pty_screen *s);
	/* Answer to pty_client_history(): count rows of cols cells, first = absolute line number.
	 */
	void (*history)(void *data, uint64_t first, size_t count, int cols,
			const struct pty_cell *cells);
	void (*found)(void *data, const struct pty_found *f); /* answer to pty_client_find() */
	/* Answer to pty_client_copy(): printable UTF-8 and "\n"; cut: there is more. */
	void (*copied)(void *data, uint32_t id, bool cut, const char *text, size_t n);
	void (*bell)(void *data);
	void (*clipboard)(void *data, const char *text, size_t n);	 /* OSC 52 set, decoded */
	void (*notify)(void *data, const char *title, const char *body); /* printable */
	void *data;
};

struct pty_client;
/* fd: connected stream socket to a host, taken over. read_only clients' input is refused by the
 * host. The host's terminal takes the size of the client that last typed or resized. */
struct pty_client *pty_client_new(int fd, int cols, int rows, bool read_only,
				  const struct pty_client_events *ev);
void pty_client_free(struct pty_client *c);
int pty_client_fd(const struct pty_client *c);
bool pty_client_want_write(const struct pty_client *c);
int pty_client_on_readable(struct pty_client *c); /* -1: connection over */
int pty_client_on_writable(struct pty_client *c);
/* From update(): the host is told that it came only by pty_client_on_writable(), which is to follow
 * soon. So a picture can be drawn before another process is woken. */
void pty_client_hold(struct pty_client *c);
const struct pty_screen *pty_client_screen(const struct pty_client *c);
void pty_client_key(struct pty_client *c, uint32_t key, unsigned mods);
void pty_client_text(struct pty_client *c, const char *utf8, size_t n);
void pty_client_paste(struct pty_client *c, const char *utf8, size_t n);
void pty_client_mouse(struct pty_client *c, int x, int y, enum pty_button b,
		      enum pty_mouse_action a, unsigned mods);
void pty_client_focus(struct pty_client *c, bool in);
void pty_client_resize(struct pty_client *c, int cols, int rows);
/* Outer terminal's colours and scheme, so that the agent's questions get true answers. */
void pty_client_colors(struct pty_client *c, uint32_t fg, uint32_t bg, bool dark);
void pty_client_history(struct pty_client *c, uint64_t first, size_t count);
/* Looks for text in scrollback and screen, from behind (or before) a cell on, round at the ends.
 * Any new question takes the place of the one before. */
void pty_client_find(struct pty_client *c, uint32_t id, uint64_t line, int col, bool back,
		     const struct pty_needle *needle);
/* Asks for text from a cell to another, both included: rows that go on are joined, blanks at the
 * ends of lines left out, what is concealed is blank. lines: whole ones, with all rows that they go
 * over. */
void pty_client_copy(struct pty_client *c, uint32_t id, uint64_t line, int col, uint64_t end_line,
		     int end_col, bool lines);
/* Bounded decoder alone, for fuzzing: feeds bytes as if received. -1 = refused. */
int pty_client_feed(struct pty_client *c, const void *p, size_t n);

/* Text of a cell (UTF-8, up to size-1 bytes), "" for a tail, " " for a blank. */
size_t pty_cell_text(const struct pty_screen *s, const struct pty_cell *c, char *out, size_t size);

/* ---- as text ----------------------------------------------------------- */

/* Appends count rows of cols cells (the screen's own, or those of a history answer), one line each,
 * blanks at the end cut, "\n" after every line. ansi: with SGR colours and attributes, each line
 * starting from and ending in the default. Nothing else than printable text and SGR is written. */
void pty_dump_rows(const struct pty_screen *s, const struct pty_cell *cells, size_t count, int cols,
		   bool ansi, struct buf *out);
/* The whole screen. It is there once s->generation is not 0. */
void pty_dump_screen(const struct pty_screen *s, bool ansi, struct buf *out);

/* ---- host -------------------------------------------------------------- */

struct pty_host_config {
	int master_fd;	/* PTY master */
	int control_fd; /* stream socket to the broker: struct pty_control in, struct pty_report out
			 */
	int cols, rows;
	size_t scrollback; /* lines kept, default 10000 */
};
/* Confines itself (nono_confine_helper) and serves until the PTY and the control socket are done.
 * Never returns to the broker's code: the caller forks and passes the result to _exit(). */
int pty_host_main(const struct pty_host_config *cfg);

/* Broker -> host; a client's descriptor rides along with PTY_CONTROL_CLIENT. */
enum pty_control_type {
	PTY_CONTROL_CLIENT = 1, /* arg0: 1 = read only; fd attached */
	PTY_CONTROL_DROP,	/* drop all clients (nono detach) */
	PTY_CONTROL_EXITED,	/* agent is gone: drain, tell the clients, go on serving */
	PTY_CONTROL_QUIT,
	PTY_CONTROL_RECORD, /* fd attached: what comes from the agent goes there too */
};
struct pty_control {
	uint32_t type;
	int32_t arg0, arg1;
};

/* A frame of a recording (recording.h), then n bytes. */
enum pty_frame_kind { PTY_RECORDED_OUTPUT = 1, PTY_RECORDED_SIZE };
#define PTY_RECORDED_MAX (128u << 10)
struct pty_recorded {
	uint64_t time_ns; /* CLOCK_REALTIME */
	uint32_t kind, n;
	uint32_t cols, rows; /* of SIZE, when read */
};
/* 1, 0 at the end, -1 if it is damaged. */
int pty_recorded_next(FILE *in, struct pty_recorded *f, struct buf *data);

/* Host -> broker, fixed size, sent when something changed, at most ~20 a second. Strings are
 * printable and terminated; the broker copies, never parses. */
struct pty_report {
	uint64_t last_output_ns; /* CLOCK_MONOTONIC */
	uint64_t last_input_ns;
	uint64_t bytes_out, bytes_in; /* from and to the agent */
	uint32_t clients, bells;
	uint32_t state;	  /* enum pty_program_state */
	uint32_t visible; /* 1 once something visible was printed */
	uint32_t alt_screen;
	uint32_t cols, rows;
	char title[PTY_TITLE_MAX];
	char state_app[32], state_kind[32], state_msg[256];
};

/* ---- output without a screen ------------------------------------------------ */

/* Lets through text (UTF-8), the line's own controls, colours and what moves or erases in the line;
 * nothing else that a terminal would obey. Zeroed: at its start. Allocates nothing; any thread. */
struct pty_filter {
	char held[64]; /* a sequence that has begun */
	size_t n;
	unsigned state, want;
};
#define PTY_FILTER_MORE 64 /* what may be held from before */
/* out: n + PTY_FILTER_MORE bytes. How many there are. */
size_t pty_filter(struct pty_filter *f, const void *in, size_t n, char *out);

#endif
