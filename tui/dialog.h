/*
 * dialog - one box over the panes that takes all keys until it is closed: lists, questions, texts,
 * the form for a new agent. The dialog of requests is not one of these: it opens by itself and
 * must not catch what was typed for an agent (dialog_request.c).
 *
 * A handler that closes the dialog must not touch it afterwards; callbacks run after it is gone.
 */
#ifndef NONO_TUI_DIALOG_H
#define NONO_TUI_DIALOG_H

#include "tui/canvas.h"
#include "tui/keys.h"

struct tui;
struct dialog;

struct dialog_ops {
	void (*draw)(struct dialog *d, struct canvas *c);
	void (*key)(struct dialog *d, const struct input_event *ev);
	void (*paste)(struct dialog *d, const char *text, size_t n); /* NULL: ignored */
	void (*free)(struct dialog *d);				     /* not d itself */
};
struct dialog { /* first member of every dialog */
	const struct dialog_ops *ops;
	struct tui *tui;
};
void dialog_open(struct tui *t, struct dialog *d); /* replaces an open one */
void dialog_close(struct tui *t);
/* A cleared box with a frame and a title in the middle of the screen; returns its inside. */
struct rect dialog_frame(struct tui *t, struct canvas *c, int w, int h, const char *title,
			 const char *footer);

/* value: of the chosen item, NULL for dialogs without. ctx: as given to the constructor. */
typedef void (*dialog_fn)(struct tui *t, const char *ctx, const char *value);

struct dialog_item {
	char *label, *value; /* owned by the dialog */
};
/* Filterable list. fn NULL: only to read. Takes items over. */
void dialog_list(struct tui *t, const char *title, struct dialog_item *items, size_t n,
		 dialog_fn fn, const char *ctx);
/* y runs fn, everything else but y leaves it alone. */
void dialog_confirm(struct tui *t, const char *question, dialog_fn fn, const char *ctx);
/* Scrollable text; with fn the key y runs it and action says what it does. Lines that start with
 * + and - are coloured when diff is set. */
void dialog_text(struct tui *t, const char *title, const char *text, bool diff, const char *action,
		 dialog_fn fn, const char *ctx);
/* One line of input. */
void dialog_input(struct tui *t, const char *title, const char *initial, dialog_fn fn,
		  const char *ctx);
/* New agent; restart: id of the session it replaces, with its values filled in. how: enum split. */
void dialog_new_agent(struct tui *t, int how, const char *restart);

/* Line editing shared by the dialogs. */
struct line_edit {
	char text[1024];
	size_t n, at; /* bytes */
};
void line_set(struct line_edit *l, const char *s);
bool line_key(struct line_edit *l, const struct input_event *ev);
void line_insert(struct line_edit *l, const char *s, size_t n);
/* Draws with a cursor if active. */
void line_draw(const struct line_edit *l, struct canvas *c, int x, int y, int w,
	       const struct style *s, bool active);

#endif
