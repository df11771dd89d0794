/* OSC 4, 10-12 and their resets: colours set by the agent, and questions about them. */
#include "pty/terminal.h"

/* xterm's first sixteen, the cube, the greys. */
static uint32_t standard(unsigned i)
{
	static const uint32_t base[16] = {
	    0x000000, 0xcd0000, 0x00cd00, 0xcdcd00, 0x0000ee, 0xcd00cd, 0x00cdcd, 0xe5e5e5,
	    0x7f7f7f, 0xff0000, 0x00ff00, 0xffff00, 0x5c5cff, 0xff00ff, 0x00ffff, 0xffffff};
	unsigned v[3], grey;

	if (i < 16)
		return base[i];
	if (i >= 232) {
		grey = 8 + (i - 232) * 10;
		return grey << 16 | grey << 8 | grey;
	}
	v[0] = (i - 16) / 36;
	v[1] = (i - 16) / 6 % 6;
	v[2] = (i - 16) % 6;
	for (int k = 0; k < 3; k++)
		v[k] = v[k] ? 55 + v[k] * 40 : 0;
	return v[0] << 16 | v[1] << 8 | v[2];
}

uint32_t vt_palette(const struct terminal *t, unsigned i)
{
	return t->palette && t->palette[i] ? t->palette[i] & 0xffffff : standard(i);
}

static bool hex_part(const char *s, size_t n, unsigned *out)
{
	unsigned v = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned d = s[i] >= '0' && s[i] <= '9'	  ? (unsigned)(s[i] - '0')
			     : s[i] >= 'a' && s[i] <= 'f' ? (unsigned)(s[i] - 'a' + 10)
			     : s[i] >= 'A' && s[i] <= 'F' ? (unsigned)(s[i] - 'A' + 10)
							  : 99;

		if (d == 99)
			return false;
		v = v << 4 | d;
	}
	*out = n == 1 ? v * 0x11 : n == 2 ? v : n == 3 ? v >> 4 : v >> 8;
	return true;
}

/* "rgb:R/G/B" with 1-4 digits each, "#RGB", "#RRGGBB". */
static bool parse_color(const char *s, uint32_t *out)
{
	unsigned v[3];

	if (*s == '#') {
		size_t n = strlen(s + 1) / 3;

		if (n < 1 || n > 4 || strlen(s + 1) != 3 * n)
			return false;
		for (size_t k = 0; k < 3; k++)
			if (!hex_part(s + 1 + k * n, n, &v[k]))
				return false;
	} else if (str_starts(s, "rgb:")) {
		s += 4;
		for (int k = 0; k < 3; k++) {
			size_t n = strcspn(s, "/");

			if (n < 1 || n > 4 || !hex_part(s, n, &v[k]))
				return false;
			s += n;
			if (k < 2 && *s++ != '/')
				return false;
		}
		if (*s)
			return false;
	} else
		return false;
	*out = PTY_COLOR_RGB | v[0] << 16 | v[1] << 8 | v[2];
	return true;
}

static void answer(struct terminal *t, const char *what, uint32_t rgb, bool bel)
{
	unsigned r = rgb >> 16 & 0xff, g = rgb >> 8 & 0xff, b = rgb & 0xff;

	vt_reply(t, "\033]%s;rgb:%02x%02x/%02x%02x/%02x%02x%s", what, r, r, g, g, b, b,
		 bel ? "\a" : "\033\\");
}

static void palette(struct terminal *t, char *arg, bool bel)
{
	char *save = NULL, what[16];

	for (char *i = strtok_r(arg, ";", &save); i; i = strtok_r(NULL, ";", &save)) {
		char *value = strtok_r(NULL, ";", &save);
		long index;
		uint32_t rgb;

		if (!value || str_to_long(i, 0, 255, &index) < 0)
			return;
		if (str_eq(value, "?")) {
			snprintf(what, sizeof(what), "4;%ld", index);
			answer(t, what, vt_palette(t, (unsigned)index), bel);
		} else if (parse_color(value, &rgb)) {
			if (!t->palette)
				t->palette = calloc(256, sizeof(*t->palette));
			if (t->palette)
				t->palette[index] = rgb;
		}
	}
}

static uint32_t or_else(uint32_t set, uint32_t client, uint32_t otherwise)
{
	return set ? set : client ? client : otherwise;
}

/* 10;spec;spec...: each further one is for the next number. */
void vt_osc_color(struct terminal *t, int number, char *arg, bool bel)
{
	char *save = NULL, what[16];

	if (number == 4) {
		palette(t, arg, bel);
		return;
	}
	for (char *s = strtok_r(arg, ";", &save); s && number <= 12;
	     s = strtok_r(NULL, ";", &save), number++) {
		uint32_t *set = number == 10 ? &t->fg : number == 11 ? &t->bg : &t->cursor_color;
		uint32_t rgb, fg = or_else(t->fg, t->client_fg, t->dark ? 0xe5e5e5 : 0x1c1c1c);

		if (str_eq(s, "?")) {
			snprintf(what, sizeof(what), "%d", number);
			rgb = number == 11 ? or_else(t->bg, t->client_bg, t->dark ? 0 : 0xffffff)
			      : number == 12 && t->cursor_color ? t->cursor_color
								: fg;
			answer(t, what, rgb, bel);
		} else if (parse_color(s, &rgb))
			*set = rgb;
	}
}

void vt_osc_reset_color(struct terminal *t, int number, char *arg)
{
	char *save = NULL;
	long index;

	if (number == 110)
		t->fg = 0;
	else if (number == 111)
		t->bg = 0;
	else if (number == 112)
		t->cursor_color = 0;
	else if (!*arg)
		free(STEAL_PTR(t->palette));
	else
		for (char *s = strtok_r(arg, ";", &save); s; s = strtok_r(NULL, ";", &save))
			if (t->palette && str_to_long(s, 0, 255, &index) == 0)
				t->palette[index] = 0;
}

void terminal_set_colors(struct terminal *t, uint32_t fg, uint32_t bg, bool dark)
{
	bool tell = dark != t->dark && (t->modes & MODE_SCHEME);

	t->client_fg = fg;
	t->client_bg = bg;
	t->dark = dark;
	if (tell)
		vt_reply(t, "\033[?997;%dn", dark ? 1 : 2);
}
