/* What terminfo and the environment say about the terminal. */
#include "tui/term.h"
#include "tui/tui.h"

/* Last: ncurses defines many short lower-case macros. */
/* clang-format off */
#include <curses.h>
#include <term.h>
/* clang-format on */

static enum color_depth depth_of(const char *type)
{
	const char *colorterm = getenv("COLORTERM");
	int colors;

	if (str_eq(colorterm, "truecolor") || str_eq(colorterm, "24bit"))
		return COLORS_RGB;
	if (tigetflag("RGB") > 0 || tigetflag("Tc") > 0 || tigetnum("RGB") > 0 ||
	    str_ends(type, "-direct"))
		return COLORS_RGB;
	colors = tigetnum("colors");
	return colors >= 256 ? COLORS_256 : colors >= 8 ? COLORS_16 : COLORS_NONE;
}

static bool has_string(const char *name)
{
	const char *s = tigetstr(name);

	return s && s != (const char *)-1 && *s;
}

int term_detect(struct term_caps *caps, int fd, struct err *err)
{
	const char *type = getenv("TERM"), *cup;
	bool styled, old_console;
	int status;

	if (!type || !*type || str_eq(type, "dumb"))
		return err_set(err,
			       "TERM=%s: this terminal cannot move its cursor; use nono ps, logs, "
			       "capture, send and approve instead",
			       type ? type : "");
	if (setupterm(type, fd, &status) != OK)
		return err_set(err,
			       "terminal type %s is unknown here: install its terminfo entry "
			       "(package ncurses-term) or set TERM=xterm-256color",
			       type);
	cup = tigetstr("cup");
	if (!cup || cup == (const char *)-1 || !str_starts(cup, "\033[")) {
		del_curterm(cur_term);
		return err_set(err, "terminal type %s does not understand ANSI sequences", type);
	}
	old_console = str_eq(type, "linux") || str_starts(type, "vt");
	styled = has_string("Smulx") || has_string("Setulc") || getenv("KITTY_WINDOW_ID") ||
		 getenv("WEZTERM_PANE") || str_starts(type, "xterm-ghostty") ||
		 str_starts(type, "alacritty") || str_starts(type, "foot");
	caps->out.colors = depth_of(type);
	caps->out.bce = tigetflag("bce") > 0;
	caps->out.ech = has_string("ech");
	caps->out.underlines = styled;
	caps->out.links = !old_console;
	caps->titles = !old_console;
	del_curterm(cur_term);
	return 0;
}

int tui_terminal(int fd, char *out, size_t size, struct err *err)
{
	static const char *const colors[] = {[COLORS_NONE] = "no colours",
					     [COLORS_16] = "16 colours",
					     [COLORS_256] = "256 colours",
					     [COLORS_RGB] = "24-bit colours"};
	struct term_caps caps = {0};
	char type[64];

	if (term_detect(&caps, fd, err) < 0)
		return -1;
	text_printable(type, sizeof(type), getenv("TERM"), strlen(getenv("TERM")));
	snprintf(out, size, "%s: %s%s%s%s", type, colors[caps.out.colors],
		 caps.out.underlines ? ", styled underlines" : "", caps.out.links ? ", links" : "",
		 caps.titles ? ", titles" : "");
	return 0;
}
