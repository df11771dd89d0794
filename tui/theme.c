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

/* Catppuccin's and Tokyo Night's published colours, by what they stand for here. */
struct palette {
	uint32_t text, bar, bar_on, good, info, warn, bad, frame;
};

const char *const theme_names[] = {"terminal",	"mocha",       "latte",	  "frappe",
				   "macchiato", "tokyo-night", "minimal", NULL};
enum { THEME_TERMINAL = 0, THEME_PALETTES, THEME_MINIMAL = 6 };

/* clang-format off */
static const struct palette palettes[] = {
	{0xcdd6f4, 0x313244, 0x45475a, 0xa6e3a1, 0x89dceb, 0xf9e2af, 0xf38ba8, 0xcba6f7},
	{0x4c4f69, 0xccd0da, 0xbcc0cc, 0x40a02b, 0x04a5e5, 0xdf8e1d, 0xd20f39, 0x8839ef},
	{0xc6d0f5, 0x414559, 0x51576d, 0xa6d189, 0x99d1db, 0xe5c890, 0xe78284, 0xca9ee6},
	{0xcad3f5, 0x363a4f, 0x494d64, 0xa6da95, 0x91d7e3, 0xeed49f, 0xed8796, 0xc6a0f6},
	{0xc0caf5, 0x292e42, 0x3b4261, 0x9ece6a, 0x7dcfff, 0xe0af68, 0xf7768e, 0xbb9af7},
};
/* clang-format on */

static size_t find(const char *name)
{
	size_t i = 0;

	while (name && theme_names[i] && !str_eq(theme_names[i], name))
		i++;
	return name && theme_names[i] ? i : THEME_TERMINAL;
}

bool theme_known(const char *name)
{
	return find(name) != THEME_TERMINAL || str_eq(name, theme_names[THEME_TERMINAL]);
}

static struct style rgb_style(uint32_t fg, uint16_t attr)
{
	return (struct style){.fg = PTY_COLOR_RGB | fg, .attr = attr};
}

static struct style on_bar(const struct palette *p, uint32_t bg, uint16_t attr)
{
	return (struct style){
	    .fg = PTY_COLOR_RGB | p->text, .bg = PTY_COLOR_RGB | bg, .attr = attr};
}

static void use_palette(struct theme *t, const struct palette *p)
{
	t->v[S_BAR] = on_bar(p, p->bar, 0);
	t->v[S_BAR_ON] = on_bar(p, p->bar_on, PTY_BOLD);
	t->v[S_SELECTED] = on_bar(p, p->bar_on, 0);
	t->v[S_TITLE_FOCUS] = rgb_style(p->info, PTY_BOLD);
	t->v[S_GOOD] = rgb_style(p->good, 0);
	t->v[S_INFO] = rgb_style(p->info, 0);
	t->v[S_WARN] = rgb_style(p->warn, PTY_BOLD);
	t->v[S_BAD] = rgb_style(p->bad, PTY_BOLD);
	t->v[S_FRAME] = rgb_style(p->frame, PTY_BOLD);
	t->v[S_MARK] = rgb_style(p->warn, PTY_INVERSE | PTY_BOLD);
}

void theme_init(struct theme *t, const char *name, bool color, const struct theme_terminal *term)
{
	size_t which = find(name);

	memset(t, 0, sizeof(*t));
	color = color && which != THEME_MINIMAL;
	t->color = color;
	t->v[S_DIM] = plain(PTY_DIM);
	t->v[S_BOLD] = plain(PTY_BOLD);
	t->v[S_BAR] = plain(PTY_INVERSE);
	t->v[S_BAR_ON] = plain(PTY_INVERSE | PTY_BOLD);
	if (color && term->known && term->depth == COLORS_RGB) {
		t->v[S_BAR] = (struct style){.bg = PTY_COLOR_RGB | mix(term->bg, term->fg, 14)};
		t->v[S_BAR_ON] = (struct style){.bg = PTY_COLOR_RGB | mix(term->bg, term->fg, 28),
						.attr = PTY_BOLD};
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
	if (color && which >= THEME_PALETTES && term->depth >= COLORS_256)
		use_palette(t, &palettes[which - THEME_PALETTES]);
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
