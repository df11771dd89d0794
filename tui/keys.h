/*
 * keys - the outer terminal's input as events: text, keys with modifiers, mouse, paste, focus,
 * and the terminal's own answers, which never reach an agent.
 *
 * Understands legacy sequences, CSI u (kitty, modifyOtherKeys), SGR mouse, bracketed paste. Fed
 * with whatever a read returned; a sequence may be split anywhere. A lone ESC becomes the Escape
 * key when keys_flush() is called after KEYS_ESC_MS without more input. Memory is bounded.
 * Sources: xterm's ctlseqs, kitty's keyboard protocol.
 */
#ifndef NONO_TUI_KEYS_H
#define NONO_TUI_KEYS_H

#include "common/common.h"
#include "pty/pty.h"

#define KEYS_ESC_MS    25
#define KEYS_PASTE_MS  3000	 /* a paste without an end is over after this silence */
#define KEYS_PASTE_MAX (1 << 20) /* larger pastes are refused whole, never cut */

enum input_type {
	INPUT_KEY,
	INPUT_PASTE,	 /* text, n: the whole paste */
	INPUT_PASTE_BIG, /* a paste over the limit was dropped */
	INPUT_MOUSE,
	INPUT_FOCUS, /* on */
	INPUT_REPLY, /* an answer of the terminal */
};

enum reply_type {
	REPLY_DA1,    /* sentinel: everything asked before has been answered */
	REPLY_KITTY,  /* params[0] = flags */
	REPLY_MODE,   /* DECRPM: params[0] = mode, params[1] = state */
	REPLY_SCHEME, /* CSI ?997;n n: params[0] = 1 dark, 2 light */
	REPLY_FG,     /* params[0] = 0xRRGGBB */
	REPLY_BG,
	REPLY_OTHER,
};

struct input_event {
	enum input_type type;
	uint32_t key; /* code point or enum pty_key */
	unsigned mods;
	const char *text; /* borrowed */
	size_t n;
	int x, y; /* mouse, from 0 */
	enum pty_button button;
	enum pty_mouse_action action;
	bool on;
	enum reply_type reply;
	unsigned params[2];
};

typedef void (*input_fn)(void *data, const struct input_event *ev);

struct keys {
	char pending[1024]; /* unfinished sequence */
	size_t n;
	bool skipping; /* inside a string that grew too long: drop until its end */
	bool pasting, paste_big;
	struct buf paste;
	enum pty_button held; /* for releases and moves */
	input_fn fn;
	void *data;
};
void keys_init(struct keys *k, input_fn fn, void *data);
void keys_free(struct keys *k);
void keys_feed(struct keys *k, const char *p, size_t n);
/* Milliseconds after which keys_flush() is due, -1: nothing pending. */
int keys_timeout(const struct keys *k);
void keys_flush(struct keys *k);

/* "C-b", "M-x", "F1", "Enter" -> key and modifiers; -1 if it names no key. */
int key_parse(const char *name, uint32_t *key, unsigned *mods);
void key_label(uint32_t key, unsigned mods, char *out, size_t size);

#endif
