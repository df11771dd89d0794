/*
 * scroll - the mode of a terminal pane in which a person reads what has scrolled away, with a
 * cursor of its own, as in tmux's copy mode. Lines have absolute numbers: those of the scrollback,
 * then the rows of the screen. So what is read stays where it is while the program prints.
 */
#ifndef NONO_TUI_SCROLL_H
#define NONO_TUI_SCROLL_H

#include "pty/pty.h"
#include "tui/dialog.h"

struct agent;
struct pane;

struct scroll_find {
	bool typing, asks_back; /* the prompt is open, and for which direction */
	bool back;		/* direction of the search before */
	struct line_edit prompt;
	struct pty_needle needle;
	uint32_t id; /* of the last question */
	struct pty_found hit;
	struct pty_row_text text; /* of rows that are drawn: its memory is kept */
};

enum scroll_select { SELECT_NONE = 0, SELECT_CELLS, SELECT_LINES };
struct scroll_place {
	uint64_t line;
	int col;
};

struct scroll_view {
	bool on;
	bool by_wheel; /* came with the wheel, goes with it at the end */
	uint64_t top;  /* line in the first row */
	int left;      /* column at the left edge */
	uint64_t line; /* the cursor */
	int col;
	char wish;		   /* '^' or '$', when the row is here; 0: none */
	enum scroll_select select; /* from the anchor to the cursor */
	struct scroll_place anchor;
	bool held, dragged; /* the mouse's left button: down, moved since */
	struct scroll_place pressed;
	struct scroll_find find;
	char note[128];	  /* what the last key came to; "": nothing to say */
	uint32_t end_key; /* what has ended it, while that may still be held down; 0: nothing */
	uint64_t end_ns;  /* when it last came, monotonic */
};

/* The screen of a terminal pane; NULL: none. */
const struct pty_screen *terminal_screen(const struct pane *p);
/* Number of the line that is the screen's first row now. */
uint64_t scroll_live(const struct pty_screen *s);
/* Rows for text: the last one of the pane says what this is. */
int scroll_rows(const struct pane *p);
/* Lines that the view is above the screen. */
uint64_t scroll_below(const struct pane *p, const struct pty_screen *s);
/* Brings cursor and view back to lines that there are, and the cursor into the view. */
void scroll_settle(struct pane *p, const struct pty_screen *s);

void scroll_enter(struct pane *p); /* with nothing in the scrollback too; if it is on: nothing */
void scroll_enter_at(struct pane *p, struct scroll_place cursor);
void scroll_leave(struct pane *p);	   /* also if it is off */
void scroll_by(struct pane *p, int lines); /* > 0: back in time */
void scroll_page(struct pane *p, int pages);
void scroll_note(struct pane *p, const char *fmt, ...) _printf_(2, 3);
/* True: used, or nothing that may reach the program. */
bool scroll_key(struct pane *p, const struct input_event *ev);
/* Leaves, as said by a key. */
void scroll_ended(struct pane *p, uint32_t key);
bool scroll_word_key(struct pane *p, const struct pty_screen *s, uint32_t key);
bool scroll_select_key(struct pane *p, const struct input_event *ev);
void scroll_select_marks(struct pane *p, const struct pty_screen *s);
bool scroll_mouse(struct pane *p, const struct input_event *ev);
void scroll_copied(struct agent *a, uint32_t id, bool cut, const char *text, size_t n);
bool scroll_search_key(struct pane *p, const struct input_event *ev);
bool scroll_paste(struct pane *p, const char *text, size_t n); /* false: nothing takes it */
void scroll_found(struct agent *a, const struct pty_found *found);
void scroll_marks(struct pane *p, const struct pty_screen *s);
void scroll_wish(struct pane *p, const struct pty_screen *s); /* moves where a key wished to go */
void scroll_draw(struct pane *p, const struct pty_screen *s, bool focused);
/* The mode's keys, a line each, for the help. */
const char *const *scroll_help(size_t *n);

#endif
