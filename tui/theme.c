/* Styles. */
#include "tui/theme.h"

static uint32_t mix(uint32_t a, uint32_t b, unsigned percent)
{
	uint32_t out = 0;

	for (int shift = 16; shift >= 0; shift -= 8) {
		unsigned x = a >> shift & 0xff, y = b >> shift & 0xff;

		out = out << 8 | (x * (100 - percent) + y * percent) / 100;
	}
	return out;
}

static struct style plain(uint16_t attr)
{
	return (struct style){.attr = attr};
}

static struct style accent(const struct theme *t, unsigned index, uint16_t attr)
{
	return (struct style){.fg = t->color ? PTY_COLOR_INDEX | index : 0, .attr = attr};
}

void theme_init(struct theme *t, bool color, bool have_colors, uint32_t fg, uint32_t bg, bool rgb)
{
	memset(t, 0, sizeof(*t));
	t->color = color;
	t->v[S_DIM] = plain(PTY_DIM);
	t->v[S_BOLD] = plain(PTY_BOLD);
	t->v[S_BAR] = plain(PTY_INVERSE);
	t->v[S_BAR_ON] = plain(PTY_INVERSE | PTY_BOLD);
	if (color && have_colors && rgb) {
		t->v[S_BAR] = (struct style){.bg = PTY_COLOR_RGB | mix(bg, fg, 14)};
		t->v[S_BAR_ON] =
		    (struct style){.bg = PTY_COLOR_RGB | mix(bg, fg, 28), .attr = PTY_BOLD};
	}
	t->v[S_TITLE] = plain(PTY_DIM);
	t->v[S_TITLE_FOCUS] = accent(t, 6, PTY_BOLD);
	t->v[S_GOOD] = accent(t, 2, 0);
	t->v[S_INFO] = accent(t, 6, 0);
	t->v[S_WARN] = accent(t, 3, PTY_BOLD);
	t->v[S_BAD] = accent(t, 1, PTY_BOLD);
	t->v[S_SELECTED] = plain(PTY_INVERSE);
	t->v[S_FRAME] = accent(t, 5, PTY_BOLD);
	t->v[S_MARK] = accent(t, 3, PTY_INVERSE | PTY_BOLD);
}

const char *theme_activity_glyph(enum session_activity a)
{
	switch (a) {
	case ACTIVITY_WORKING:
		return "●";
	case ACTIVITY_WAITING:
		return "?";
	case ACTIVITY_ASKS:
		return "!";
	case ACTIVITY_IDLE:
		return "○";
	case ACTIVITY_EXITED:
		return "×";
	default:
		return "…";
	}
}

enum theme_style theme_activity_style(enum session_activity a)
{
	switch (a) {
	case ACTIVITY_WORKING:
		return S_GOOD;
	case ACTIVITY_WAITING:
		return S_WARN;
	case ACTIVITY_ASKS:
		return S_BAD;
	case ACTIVITY_EXITED:
		return S_DIM;
	default:
		return S_TEXT;
	}
}
