/* Control sequences of the outer terminal's input. */
#include "tui/keys_csi.h"

#define PARAMS 6

struct csi {
	char private; /* one of <=>? or 0 */
	char intermediate;
	char final;
	unsigned v[PARAMS], sub[PARAMS]; /* value and first sub-parameter; 0 when absent */
	int n;
};

uint32_t csi_letter_key(char c)
{
	switch (c) {
	case 'A':
		return PTY_KEY_UP;
	case 'B':
		return PTY_KEY_DOWN;
	case 'C':
		return PTY_KEY_RIGHT;
	case 'D':
		return PTY_KEY_LEFT;
	case 'H':
		return PTY_KEY_HOME;
	case 'F':
		return PTY_KEY_END;
	case 'P':
	case 'Q':
	case 'R':
	case 'S':
		return PTY_KEY_F1 + (uint32_t)(c - 'P');
	default:
		return 0;
	}
}

static uint32_t tilde_key(unsigned v)
{
	static const uint8_t function[] = {11, 12, 13, 14, 15, 17, 18, 19, 20, 21, 23, 24};

	switch (v) {
	case 1:
	case 7:
		return PTY_KEY_HOME;
	case 2:
		return PTY_KEY_INSERT;
	case 3:
		return PTY_KEY_DELETE;
	case 4:
	case 8:
		return PTY_KEY_END;
	case 5:
		return PTY_KEY_PGUP;
	case 6:
		return PTY_KEY_PGDN;
	default:
		for (size_t i = 0; i < ARRAY_LEN(function); i++)
			if (function[i] == v)
				return PTY_KEY_F1 + (uint32_t)i;
		return 0;
	}
}

/* Key of a code in CSI u: ASCII control codes are keys, kitty's private area holds the pad. */
static uint32_t code_key(unsigned v, unsigned mods)
{
	static const char pad[] = "0123456789./*-+";
	static const uint32_t pad_keys[] = {
	    PTY_KEY_LEFT, PTY_KEY_RIGHT, PTY_KEY_UP,  PTY_KEY_DOWN,   PTY_KEY_PGUP,
	    PTY_KEY_PGDN, PTY_KEY_HOME,	 PTY_KEY_END, PTY_KEY_INSERT, PTY_KEY_DELETE};

	switch (v) {
	case 9:
		return PTY_KEY_TAB;
	case 13:
	case 57414:
		return PTY_KEY_ENTER;
	case 27:
		return PTY_KEY_ESCAPE;
	case 8:
	case 127:
		return PTY_KEY_BACKSPACE;
	case 57415:
		return '=';
	default:
		break;
	}
	if (v >= 57399 && v < 57399 + sizeof(pad) - 1)
		return (uint32_t)pad[v - 57399];
	if (v >= 57417 && v < 57417 + ARRAY_LEN(pad_keys))
		return pad_keys[v - 57417];
	if (v < 0x20 || (v >= 0x7f && v < 0xa0) || (v >= 0xd800 && v < 0xf900) || v > 0x10ffff)
		return 0;
	if ((mods & (PTY_SHIFT | PTY_CTRL | PTY_SUPER)) == PTY_SHIFT && v >= 'a' && v <= 'z')
		return v - 'a' + 'A';
	return v;
}

static void emit(struct keys *k, uint32_t key, unsigned mods)
{
	struct input_event ev = {.type = INPUT_KEY, .key = key, .mods = mods};

	/* Shift is part of a character already. */
	if (key < PTY_KEY_BASE && !(mods & (PTY_CTRL | PTY_SUPER)))
		ev.mods &= ~(unsigned)PTY_SHIFT;
	if (key)
		k->fn(k->data, &ev);
}

static void emit_reply(struct keys *k, const struct csi *c)
{
	struct input_event ev = {
	    .type = INPUT_REPLY, .reply = REPLY_OTHER, .params = {c->v[0], c->v[1]}};

	if (c->private == '?' && c->final == 'c')
		ev.reply = REPLY_DA1;
	else if (c->private == '?' && c->final == 'u')
		ev.reply = REPLY_KITTY;
	else if (c->private == '?' && c->final == 'y' && c->intermediate == '$')
		ev.reply = REPLY_MODE;
	else if (c->private == '?' && c->final == 'n' && c->v[0] == 997) {
		ev.reply = REPLY_SCHEME;
		ev.params[0] = c->v[1];
	}
	k->fn(k->data, &ev);
}

static void emit_mouse(struct keys *k, const struct csi *c)
{
	struct input_event ev = {.type = INPUT_MOUSE,
				 .x = (int)c->v[1] - 1,
				 .y = (int)c->v[2] - 1,
				 .action = c->final == 'm' ? PTY_RELEASE : PTY_PRESS};
	unsigned b = c->v[0];

	if (c->n < 3 || ev.x < 0 || ev.y < 0 || ev.x >= PTY_COLS_MAX || ev.y >= PTY_ROWS_MAX)
		return;
	ev.mods = (b & 4 ? PTY_SHIFT : 0u) | (b & 8 ? PTY_ALT : 0u) | (b & 16 ? PTY_CTRL : 0u);
	if (b & 64) {
		if ((b & 3) > 1 || c->final == 'm')
			return; /* sideways */
		ev.button = b & 1 ? PTY_WHEEL_DOWN : PTY_WHEEL_UP;
	} else {
		ev.button = (b & 3) == 3 ? PTY_BUTTON_NONE : PTY_BUTTON_LEFT + (b & 3);
		if (b & 32)
			ev.action = PTY_MOVE;
		else
			k->held = ev.action == PTY_PRESS ? ev.button : PTY_BUTTON_NONE;
	}
	k->fn(k->data, &ev);
}

static void start_paste(struct keys *k)
{
	k->pasting = true;
	k->paste_big = false;
	buf_clear(&k->paste);
}

static void dispatch(struct keys *k, const struct csi *c, unsigned mods)
{
	struct input_event focus = {.type = INPUT_FOCUS, .on = c->final == 'I'};

	if (c->private == '<' && (c->final == 'M' || c->final == 'm')) {
		emit_mouse(k, c);
		return;
	}
	if (c->private || c->intermediate) {
		emit_reply(k, c);
		return;
	}
	if (c->v[1] > 0 && c->v[1] <= 256)
		mods |= (c->v[1] - 1) & (PTY_SHIFT | PTY_ALT | PTY_CTRL | PTY_SUPER);
	if (c->sub[1] == 3)
		return; /* a key was let go */
	switch (c->final) {
	case '~':
		if (c->v[0] == 200)
			start_paste(k);
		else if (c->v[0] == 27)
			emit(k, code_key(c->v[2], mods), mods);
		else
			emit(k, tilde_key(c->v[0]), mods);
		break;
	case 'u':
		emit(k, code_key(c->v[0], mods), mods);
		break;
	case 'Z':
		emit(k, PTY_KEY_TAB, mods | PTY_SHIFT);
		break;
	case 'I':
	case 'O':
		k->fn(k->data, &focus);
		break;
	default:
		emit(k, csi_letter_key(c->final), mods);
		break;
	}
}

/* Parameters up to the final byte. Returns its index, 0 = not there yet, n = damaged. */
static size_t parse(const char *s, size_t n, struct csi *c)
{
	bool sub = false;

	for (size_t i = 2; i < n; i++) {
		char ch = s[i];

		if (ch >= '<' && ch <= '?' && i == 2) {
			c->private = ch;
		} else if (ch >= '0' && ch <= '9') {
			unsigned *v = sub ? &c->sub[c->n] : &c->v[c->n];

			if (*v < 0x200000)
				*v = *v * 10 + (unsigned)(ch - '0');
		} else if (ch == ':') {
			sub = true;
		} else if (ch == ';') {
			sub = false;
			if (c->n < PARAMS - 1)
				c->n++;
		} else if (ch >= 0x20 && ch < 0x30) {
			c->intermediate = ch;
		} else if (ch >= 0x40 && ch < 0x7f) {
			c->final = ch;
			c->n++;
			return i;
		} else {
			return n;
		}
	}
	return 0;
}

size_t csi_decode(struct keys *k, const char *s, size_t n, unsigned mods)
{
	struct csi c = {0};
	size_t end;

	if (s[2] == '[') { /* the Linux console's F1 to F5 */
		if (n < 4)
			return 0;
		if (s[3] >= 'A' && s[3] <= 'E')
			emit(k, PTY_KEY_F1 + (uint32_t)(s[3] - 'A'), mods);
		return 4;
	}
	if (s[2] == 'M') /* a mouse report of the old kind, which we never ask for */
		return n < 6 ? 0 : 6;
	end = parse(s, n, &c);
	if (end == 0)
		return 0;
	if (end == n)
		return 2; /* damaged: what follows is read as text */
	dispatch(k, &c, mods);
	return end + 1;
}
