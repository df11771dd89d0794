/*
 * theme - the few styles of everything that we draw ourselves: the terminal's own colours with
 * accents of the first sixteen, so that light and dark terminals both stay readable. The bar gets
 * a tint of the background when the terminal told us its colours. NO_COLOR: attributes only.
 * Palettes by name set the accents and the bar; text of panes stays the terminal's.
 */
#ifndef NONO_TUI_THEME_H
#define NONO_TUI_THEME_H

#include "sessions/sessions.h"
#include "tui/canvas.h"
#include "tui/output.h"

enum theme_style {
	S_TEXT = 0,
	S_DIM,
	S_BOLD,
	S_BAR,
	S_BAR_ON, /* the current one in the bar */
	S_TITLE,
	S_TITLE_FOCUS,
	S_GOOD,
	S_INFO,
	S_WARN,
	S_BAD,
	S_SELECTED,
	S_FRAME, /* of dialogs: nothing else is drawn like it */
	S_MARK,	 /* over a pane: "scrolled", "cropped" */
	S_COUNT,
};

struct theme {
	struct style v[S_COUNT];
	bool color;
};
/* Colours of the terminal that are known, and how many it shows. */
struct theme_terminal {
	enum color_depth depth;
	bool known; /* fg and bg */
	uint32_t fg, bg;
};
/* What may be asked for by name; NULL-terminated. The first is the one without a name asked for:
 * the terminal's own colours. */
extern const char *const theme_names[];
bool theme_known(const char *name);
/* color false: attributes only. A name that is not known is the first; with 16 colours or none all
 * are, but for "minimal". */
void theme_init(struct theme *t, const char *name, bool color, const struct theme_terminal *term);
const char *theme_activity_glyph(enum session_activity a);
enum theme_style theme_activity_style(enum session_activity a);

#endif
