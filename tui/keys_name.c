/* Names of keys, for the configurable prefix and the help. */
#include "tui/keys.h"

static const struct {
	const char *name;
	uint32_t key;
} names[] = {
    {"Enter", PTY_KEY_ENTER},	{"Tab", PTY_KEY_TAB},	    {"BSpace", PTY_KEY_BACKSPACE},
    {"Esc", PTY_KEY_ESCAPE},	{"Up", PTY_KEY_UP},	    {"Down", PTY_KEY_DOWN},
    {"Left", PTY_KEY_LEFT},	{"Right", PTY_KEY_RIGHT},   {"Home", PTY_KEY_HOME},
    {"End", PTY_KEY_END},	{"PgUp", PTY_KEY_PGUP},	    {"PgDn", PTY_KEY_PGDN},
    {"Insert", PTY_KEY_INSERT}, {"Delete", PTY_KEY_DELETE}, {"Space", ' '},
};

int key_parse(const char *name, uint32_t *key, unsigned *mods)
{
	unsigned m = 0;
	uint32_t cp;
	size_t n;
	int f;

	while (name[0] && name[1] == '-' && name[2]) {
		char c = name[0];

		if (c != 'C' && c != 'M' && c != 'S')
			return -1;
		m |= c == 'C' ? PTY_CTRL : c == 'M' ? PTY_ALT : PTY_SHIFT;
		name += 2;
	}
	n = strlen(name);
	*mods = m;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eq(name, names[i].name)) {
			*key = names[i].key;
			return 0;
		}
	if (name[0] == 'F' && n > 1 && !str_to_long(name + 1, 1, 12, &(long){0})) {
		f = atoi(name + 1);
		*key = PTY_KEY_F1 + (uint32_t)f - 1;
		return 0;
	}
	if (!n || utf8_decode(name, n, &cp) != n || cp < 0x20)
		return -1;
	if ((m & PTY_CTRL) && cp >= 'A' && cp <= 'Z')
		cp += 'a' - 'A';
	*key = cp;
	return 0;
}

void key_label(uint32_t key, unsigned mods, char *out, size_t size)
{
	char text[8] = "?";

	if (key > PTY_KEY_BASE && key >= PTY_KEY_F1 && key <= PTY_KEY_F12) {
		snprintf(text, sizeof(text), "F%u", (unsigned)(key - PTY_KEY_F1 + 1));
	} else if (key < PTY_KEY_BASE && key != ' ') {
		text[utf8_encode(key, text)] = 0;
	} else {
		for (size_t i = 0; i < ARRAY_LEN(names); i++)
			if (names[i].key == key)
				str_copy(text, sizeof(text), names[i].name);
	}
	snprintf(out, size, "%s%s%s%s", mods & PTY_CTRL ? "C-" : "", mods & PTY_ALT ? "M-" : "",
		 mods & PTY_SHIFT ? "S-" : "", text);
}
