/*
 * theme - the few styles of everything that we draw ourselves: the terminal's own colours with
 * accents of the first sixteen, so that light and dark terminals both stay readable. The bar gets
 * a tint of the background when the terminal told us its colours. NO_COLOR: attributes only.
 */
#ifndef NONO_TUI_THEME_H
#define NONO_TUI_THEME_H

#include "sessions/sessions.h"
#include "tui/canvas.h"

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
/* bg, fg: the terminal's colours, have_colors false if unknown. */
void theme_init(struct theme *t, bool color, bool have_colors, uint32_t fg, uint32_t bg, bool rgb);
const char *theme_activity_glyph(enum session_activity a);
enum theme_style theme_activity_style(enum session_activity a);

#endif
