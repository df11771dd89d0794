/* Names of keys. */
#include <strings.h>

#include "cli/keys.h"

static const struct {
	const char *name;
	uint32_t key;
} names[] = {
    {"Enter", PTY_KEY_ENTER},
    {"Return", PTY_KEY_ENTER},
    {"Tab", PTY_KEY_TAB},
    {"BSpace", PTY_KEY_BACKSPACE},
    {"Backspace", PTY_KEY_BACKSPACE},
    {"Esc", PTY_KEY_ESCAPE},
    {"Escape", PTY_KEY_ESCAPE},
    {"Up", PTY_KEY_UP},
    {"Down", PTY_KEY_DOWN},
    {"Left", PTY_KEY_LEFT},
    {"Right", PTY_KEY_RIGHT},
    {"Home", PTY_KEY_HOME},
    {"End", PTY_KEY_END},
    {"PgUp", PTY_KEY_PGUP},
    {"PageUp", PTY_KEY_PGUP},
    {"PgDn", PTY_KEY_PGDN},
    {"PageDown", PTY_KEY_PGDN},
    {"Insert", PTY_KEY_INSERT},
    {"Delete", PTY_KEY_DELETE},
    {"Space", ' '},
};

static unsigned modifier(char c)
{
	switch (c) {
	case 'C':
		return PTY_CTRL;
	case 'M':
	case 'A':
		return PTY_ALT;
	case 'S':
		return PTY_SHIFT;
	default:
		return 0;
	}
}

int key_named(const char *name, uint32_t *key, unsigned *mods)
{
	uint32_t cp;
	size_t n;
	long f;

	*mods = 0;
	for (; name[0] && name[1] == '-' && name[2]; name += 2) {
		if (!modifier(name[0]))
			return -1;
		*mods |= modifier(name[0]);
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcasecmp(name, names[i].name) != 0)
			continue;
		*key = names[i].key;
		return 0;
	}
	if ((name[0] == 'F' || name[0] == 'f') && str_to_long(name + 1, 1, 12, &f) == 0) {
		*key = PTY_KEY_F1 + (uint32_t)f - 1;
		return 0;
	}
	n = strlen(name);
	if (!n || utf8_decode(name, n, &cp) != n || cp < 0x20 || cp == 0x7f)
		return -1;
	/* Ctrl and a letter is one key, however it is written. */
	if ((*mods & PTY_CTRL) && cp >= 'A' && cp <= 'Z')
		cp += 'a' - 'A';
	*key = cp;
	return 0;
}
