/* Events of a client as the bytes that the agent's program expects in its modes. */
#ifndef NONO_PTY_INPUT_H
#define NONO_PTY_INPUT_H

#include "pty/terminal.h"

/* All append to out. */
void encode_key(struct buf *out, const struct terminal *t, uint32_t key, unsigned mods);
void encode_text(struct buf *out, const struct terminal *t, const char *s, size_t n);
/* The end mark of a bracketed paste can't be smuggled in; without bracketed paste no control
 * character passes but tab and line ends. */
void encode_paste(struct buf *out, const struct terminal *t, const char *s, size_t n);
void encode_mouse(struct buf *out, const struct terminal *t, int x, int y, enum pty_button b,
		  enum pty_mouse_action a, unsigned mods);
void encode_focus(struct buf *out, const struct terminal *t, bool in);

#endif
