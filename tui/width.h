/*
 * width - columns that a code point takes in a terminal, for text that we draw ourselves (titles,
 * paths, dialogs). Agents' screens come with their widths decided by the screen host.
 * Source: Unicode 15 East Asian Width W/F and general categories Mn, Me, Cf.
 */
#ifndef NONO_TUI_WIDTH_H
#define NONO_TUI_WIDTH_H

#include "common/common.h"

int width_cp(uint32_t cp);			    /* 0, 1 or 2 */
size_t width_text(const char *s);		    /* columns of valid UTF-8 */
size_t width_prefix(const char *s, size_t columns); /* bytes of s that fit */
/* s, or its end with "…" in front: of a path the end says most. out: room for columns * 4 + 4. */
const char *width_tail(const char *s, size_t columns, char *out, size_t size);

#endif
