/*
 * keys_csi - control sequences of the input decoder. Internal to keys.c.
 */
#ifndef NONO_TUI_KEYS_CSI_H
#define NONO_TUI_KEYS_CSI_H

#include "tui/keys.h"

/* Key of the final letter of CSI 1;m X and SS3 X, 0 = none. */
uint32_t csi_letter_key(char c);
/* s starts with ESC [ and n >= 3. Returns the bytes used, 0 = more are needed. */
size_t csi_decode(struct keys *k, const char *s, size_t n, unsigned mods);

#endif
