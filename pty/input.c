/* Keys as bytes: xterm's legacy forms, modifyOtherKeys, the kitty keyboard protocol. */
#include "pty/input.h"

enum {
	KITTY_DISAMBIGUATE = 1,
	KITTY_EVENTS = 2,
	KITTY_ALTERNATE = 4,
	KITTY_ALL = 8,
	KITTY_TEXT = 16
};

#define MODS (PTY_SHIFT | PTY_ALT | PTY_CTRL | PTY_SUPER)

/* ---- keys that have a sequence of their own --------------------------------- */

static const struct {
	uint8_t letter; /* CSI letter, or 0 */
	uint8_t number; /* CSI number ~ */
} special[] = {
    [PTY_KEY_UP - PTY_KEY_BASE] = {'A', 0},	[PTY_KEY_DOWN - PTY_KEY_BASE] = {'B', 0},
    [PTY_KEY_RIGHT - PTY_KEY_BASE] = {'C', 0},	[PTY_KEY_LEFT - PTY_KEY_BASE] = {'D', 0},
    [PTY_KEY_HOME - PTY_KEY_BASE] = {'H', 0},	[PTY_KEY_END - PTY_KEY_BASE] = {'F', 0},
    [PTY_KEY_INSERT - PTY_KEY_BASE] = {0, 2},	[PTY_KEY_DELETE - PTY_KEY_BASE] = {0, 3},
    [PTY_KEY_PGUP - PTY_KEY_BASE] = {0, 5},	[PTY_KEY_PGDN - PTY_KEY_BASE] = {0, 6},
    [PTY_KEY_F1 - PTY_KEY_BASE] = {'P', 0},	[PTY_KEY_F1 + 1 - PTY_KEY_BASE] = {'Q', 0},
    [PTY_KEY_F1 + 2 - PTY_KEY_BASE] = {'R', 0}, [PTY_KEY_F1 + 3 - PTY_KEY_BASE] = {'S', 0},
    [PTY_KEY_F1 + 4 - PTY_KEY_BASE] = {0, 15},	[PTY_KEY_F1 + 5 - PTY_KEY_BASE] = {0, 17},
    [PTY_KEY_F1 + 6 - PTY_KEY_BASE] = {0, 18},	[PTY_KEY_F1 + 7 - PTY_KEY_BASE] = {0, 19},
    [PTY_KEY_F1 + 8 - PTY_KEY_BASE] = {0, 20},	[PTY_KEY_F1 + 9 - PTY_KEY_BASE] = {0, 21},
    [PTY_KEY_F1 + 10 - PTY_KEY_BASE] = {0, 23}, [PTY_KEY_F1 + 11 - PTY_KEY_BASE] = {0, 24},
};

static void special_key(struct buf *out, const struct terminal *t, uint32_t key, unsigned mods)
{
	uint8_t letter, number;
	bool kitty = terminal_kitty(t);

	if (key <= PTY_KEY_BASE || key - PTY_KEY_BASE >= ARRAY_LEN(special))
		return;
	letter = special[key - PTY_KEY_BASE].letter;
	number = special[key - PTY_KEY_BASE].number;
	if (kitty && letter == 'R') { /* CSI R is a cursor report */
		letter = 0;
		number = 13;
	}
	if (letter && mods)
		buf_addf(out, "\033[1;%u%c", 1 + mods, letter);
	else if (letter && !kitty && (letter >= 'P' || (t->modes & MODE_APP_CURSOR)))
		buf_addf(out, "\033O%c", letter);
	else if (letter)
		buf_addf(out, "\033[%c", letter);
	else if (number && mods)
		buf_addf(out, "\033[%u;%u~", number, 1 + mods);
	else if (number)
		buf_addf(out, "\033[%u~", number);
}

/* ---- keys that are characters ------------------------------------------------- */

/* The byte that Ctrl makes of a character, -1 if there is none. */
static int control_byte(uint32_t cp)
{
	if (cp >= 'a' && cp <= 'z')
		return (int)(cp - 'a' + 1);
	if (cp >= '@' && cp <= '_')
		return (int)(cp & 0x1f);
	if (cp >= '3' && cp <= '7')
		return (int)(cp - '3' + 0x1b);
	if (cp == ' ' || cp == '2')
		return 0;
	if (cp == '8' || cp == '?')
		return 0x7f;
	return cp == '/' ? 0x1f : -1;
}

static void add_rune(struct buf *out, uint32_t cp)
{
	char utf8[4];

	buf_add(out, utf8, utf8_encode(cp, utf8));
}

static void legacy(struct buf *out, uint32_t cp, unsigned mods)
{
	int control = mods & PTY_CTRL ? control_byte(cp) : -1;

	if (mods & PTY_ALT)
		buf_addc(out, '\033');
	if (control >= 0)
		buf_addc(out, (char)control);
	else
		add_rune(out, cp);
}

/* CSI code[:shifted][;modifiers[;text]] u */
static void kitty_u(struct buf *out, unsigned flags, uint32_t cp, unsigned mods, bool text)
{
	uint32_t base = cp >= 'A' && cp <= 'Z' ? cp + 32 : cp;
	bool with_text = text && (flags & KITTY_TEXT) && !(mods & ~(unsigned)PTY_SHIFT);

	if (base != cp)
		mods |= PTY_SHIFT;
	buf_addf(out, "\033[%u", base);
	if ((flags & KITTY_ALTERNATE) && (mods & PTY_SHIFT) && base >= 'a' && base <= 'z')
		buf_addf(out, ":%u", base - 32);
	if (mods || with_text)
		buf_addf(out, ";%u", 1 + mods);
	if (with_text)
		buf_addf(out, ";%u",
			 (mods & PTY_SHIFT) && base >= 'a' && base <= 'z' ? base - 32 : cp);
	buf_addc(out, 'u');
}

static void other_key(struct buf *out, uint32_t cp, unsigned mods)
{
	buf_addf(out, "\033[27;%u;%u~", 1 + mods, cp);
}

static void character(struct buf *out, const struct terminal *t, uint32_t cp, unsigned mods)
{
	unsigned flags = terminal_kitty(t), strong = mods & ~(unsigned)PTY_SHIFT;

	/* Shift is in the character already. */
	if ((flags & KITTY_ALL) || (flags && strong))
		kitty_u(out, flags, cp, mods, true);
	else if (t->modify_other_keys == 2 && strong)
		other_key(out, cp, mods);
	else if (t->modify_other_keys == 1 && (mods & PTY_CTRL) &&
		 (control_byte(cp) < 0 || (mods & PTY_SHIFT)))
		other_key(out, cp, mods);
	else
		legacy(out, cp, mods);
}

/* Enter, Tab, Backspace, Escape: control characters that are keys. */
static void control_key(struct buf *out, const struct terminal *t, uint32_t cp, unsigned mods)
{
	unsigned flags = terminal_kitty(t);

	if ((flags & KITTY_ALL) || (flags && (mods || cp == 0x1b))) {
		kitty_u(out, flags, cp, mods, false);
		return;
	}
	if (mods && t->modify_other_keys && !(cp == '\t' && mods == PTY_SHIFT)) {
		other_key(out, cp, mods);
		return;
	}
	if (mods & PTY_ALT)
		buf_addc(out, '\033');
	if (cp == '\t' && (mods & PTY_SHIFT))
		buf_adds(out, "\033[Z");
	else if (cp == 0x7f && (mods & PTY_CTRL))
		buf_addc(out, '\b');
	else
		buf_addc(out, (char)cp);
	if (cp == '\r' && (t->modes & MODE_NEWLINE))
		buf_addc(out, '\n');
}

void encode_key(struct buf *out, const struct terminal *t, uint32_t key, unsigned mods)
{
	mods &= MODS;
	switch (key) {
	case PTY_KEY_ENTER:
		control_key(out, t, '\r', mods);
		return;
	case PTY_KEY_TAB:
		control_key(out, t, '\t', mods);
		return;
	case PTY_KEY_BACKSPACE:
		control_key(out, t, 0x7f, mods);
		return;
	case PTY_KEY_ESCAPE:
		control_key(out, t, 0x1b, mods);
		return;
	}
	if (key >= PTY_KEY_BASE)
		special_key(out, t, key, mods);
	else if (key < 0x20 || key == 0x7f) /* a control character as it is */
		legacy(out, key, mods & PTY_ALT);
	else if (key < 0xd800 || key > 0xdfff)
		character(out, t, key, mods);
}

void encode_text(struct buf *out, const struct terminal *t, const char *s, size_t n)
{
	(void)t;
	buf_add(out, s, n);
}
