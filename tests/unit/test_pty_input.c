/* Keys, paste, mouse and focus as bytes, in the modes that a program may set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pty/input.h"

static void ignore_bytes(void *data, const char *s, size_t n)
{
	(void)data, (void)s, (void)n;
}
static void ignore(void *data)
{
	(void)data;
}
static void ignore_text(void *data, const char *a, const char *b)
{
	(void)data, (void)a, (void)b;
}
static const struct terminal_events events = {
    .reply = ignore_bytes, .bell = ignore, .clipboard = ignore_bytes, .notify = ignore_text};

static struct terminal *in_mode(const char *modes)
{
	struct terminal *t = terminal_new(80, 24, 0, &events);

	assert_non_null(t);
	terminal_feed(t, modes, strlen(modes));
	return t;
}

static void assert_bytes(const struct buf *b, const char *want, const char *modes, size_t i)
{
	if (b->len != strlen(want) || (b->len && memcmp(b->data, want, b->len) != 0)) {
		char got[256], wanted[256];

		fail_msg("%zu (modes %s): %s instead of %s", i, modes + (*modes == '\033'),
			 text_printable(got, sizeof(got), b->len ? b->data : "", b->len),
			 text_printable(wanted, sizeof(wanted), want, strlen(want)));
	}
}

#define KITTY1	"\033[>1u"
#define KITTY5	"\033[>5u"
#define KITTY8	"\033[>9u"
#define KITTY31 "\033[>31u"
#define OTHER1	"\033[>4;1m"
#define OTHER2	"\033[>4;2m"

static const struct {
	const char *modes;
	uint32_t key;
	unsigned mods;
	const char *want;
} keys[] = {
    {"", 'a', 0, "a"},
    {"", 0xe4, 0, "ä"},
    {"", 'A', PTY_SHIFT, "A"},
    {"", 'a', PTY_ALT, "\033a"},
    {"", 'a', PTY_CTRL, "\001"},
    {"", 'z', PTY_CTRL | PTY_ALT, "\033\032"},
    {"", '[', PTY_CTRL, "\033"},
    {"", '/', PTY_CTRL, "\037"},
    {"", '8', PTY_CTRL, "\177"},
    {"", 0xe4, PTY_CTRL, "ä"},
    {"", PTY_KEY_ENTER, 0, "\r"},
    {"", PTY_KEY_ENTER, PTY_ALT, "\033\r"},
    {"\033[20h", PTY_KEY_ENTER, 0, "\r\n"},
    {"", PTY_KEY_TAB, 0, "\t"},
    {"", PTY_KEY_TAB, PTY_SHIFT, "\033[Z"},
    {"", PTY_KEY_BACKSPACE, 0, "\177"},
    {"", PTY_KEY_BACKSPACE, PTY_CTRL, "\b"},
    {"", PTY_KEY_BACKSPACE, PTY_ALT, "\033\177"},
    {"", PTY_KEY_ESCAPE, 0, "\033"},
    {"", PTY_KEY_UP, 0, "\033[A"},
    {"\033[?1h", PTY_KEY_UP, 0, "\033OA"},
    {"\033[?1h", PTY_KEY_UP, PTY_CTRL, "\033[1;5A"},
    {"", PTY_KEY_LEFT, PTY_SHIFT | PTY_ALT, "\033[1;4D"},
    {"", PTY_KEY_HOME, 0, "\033[H"},
    {"\033[?1h", PTY_KEY_END, 0, "\033OF"},
    {"", PTY_KEY_PGUP, 0, "\033[5~"},
    {"", PTY_KEY_DELETE, PTY_SHIFT, "\033[3;2~"},
    {"", PTY_KEY_F1, 0, "\033OP"},
    {"", PTY_KEY_F1, PTY_SHIFT, "\033[1;2P"},
    {"", PTY_KEY_F1 + 4, 0, "\033[15~"},
    {"", PTY_KEY_F12, PTY_CTRL, "\033[24;5~"},
    {"", PTY_KEY_F12 + 1, 0, ""},
    {"", PTY_KEY_BASE, 0, ""},
    {"", 0xffffffff, 0, ""},
    {"", 0xd800, 0, ""},
    {"", 3, 0, "\003"},
    /* kitty: disambiguate */
    {KITTY1, 'a', 0, "a"},
    {KITTY1, 'A', PTY_SHIFT, "A"},
    {KITTY1, 'a', PTY_CTRL, "\033[97;5u"},
    {KITTY1, 'a', PTY_ALT, "\033[97;3u"},
    {KITTY1, 'A', PTY_CTRL | PTY_SHIFT, "\033[97;6u"},
    {KITTY1, PTY_KEY_ESCAPE, 0, "\033[27u"},
    {KITTY1, PTY_KEY_ENTER, 0, "\r"},
    {KITTY1, PTY_KEY_ENTER, PTY_SHIFT, "\033[13;2u"},
    {KITTY1, PTY_KEY_TAB, PTY_SHIFT, "\033[9;2u"},
    {KITTY1, PTY_KEY_BACKSPACE, PTY_CTRL, "\033[127;5u"},
    {KITTY1 "\033[?1h", PTY_KEY_UP, 0, "\033[A"},
    {KITTY1, PTY_KEY_UP, PTY_SUPER, "\033[1;9A"},
    {KITTY1, PTY_KEY_F1, 0, "\033[P"},
    {KITTY1, PTY_KEY_F1 + 2, 0, "\033[13~"},
    {KITTY5, 'A', PTY_CTRL | PTY_SHIFT, "\033[97:65;6u"},
    {KITTY8, 'a', 0, "\033[97u"},
    {KITTY8, PTY_KEY_ENTER, 0, "\033[13u"},
    {KITTY31, 'a', 0, "\033[97;1;97u"},
    {KITTY31, 'A', PTY_SHIFT, "\033[97:65;2;65u"},
    {KITTY31, 'a', PTY_CTRL, "\033[97;5u"},
    {KITTY1 "\033[<u", 'a', PTY_CTRL, "\001"},
    {KITTY1 "\033[?1049h", 'a', PTY_CTRL, "\001"},
    /* modifyOtherKeys */
    {OTHER1, 'a', PTY_CTRL, "\001"},
    {OTHER1, 'A', PTY_CTRL | PTY_SHIFT, "\033[27;6;65~"},
    {OTHER1, ';', PTY_CTRL, "\033[27;5;59~"},
    {OTHER1, PTY_KEY_ENTER, PTY_SHIFT, "\033[27;2;13~"},
    {OTHER1, PTY_KEY_TAB, PTY_SHIFT, "\033[Z"},
    {OTHER2, 'a', PTY_CTRL, "\033[27;5;97~"},
    {OTHER2, 'a', PTY_ALT, "\033[27;3;97~"},
    {OTHER2, 'A', PTY_SHIFT, "A"},
};

static void key_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		struct terminal *t = in_mode(keys[i].modes);
		struct buf b = {0};

		encode_key(&b, t, keys[i].key, keys[i].mods);
		assert_bytes(&b, keys[i].want, keys[i].modes, i);
		buf_free(&b);
		terminal_free(t);
	}
}

static const struct {
	const char *modes;
	int x, y;
	enum pty_button button;
	enum pty_mouse_action action;
	unsigned mods;
	const char *want;
} clicks[] = {
    {"", 1, 2, PTY_BUTTON_LEFT, PTY_PRESS, 0, ""},
    {"\033[?1000h", 1, 2, PTY_BUTTON_LEFT, PTY_PRESS, 0, "\033[M \"#"},
    {"\033[?1000h", 1, 2, PTY_BUTTON_LEFT, PTY_RELEASE, 0, "\033[M#\"#"},
    {"\033[?1000h", 1, 2, PTY_BUTTON_LEFT, PTY_MOVE, 0, ""},
    {"\033[?1002h", 1, 2, PTY_BUTTON_LEFT, PTY_MOVE, 0, "\033[M@\"#"},
    {"\033[?1002h", 1, 2, PTY_BUTTON_NONE, PTY_MOVE, 0, ""},
    {"\033[?1003h\033[?1006h", 1, 2, PTY_BUTTON_NONE, PTY_MOVE, 0, "\033[<35;2;3M"},
    {"\033[?1000h\033[?1006h", 79, 23, PTY_BUTTON_RIGHT, PTY_PRESS, PTY_CTRL, "\033[<18;80;24M"},
    {"\033[?1000h\033[?1006h", 0, 0, PTY_BUTTON_RIGHT, PTY_RELEASE, 0, "\033[<2;1;1m"},
    {"\033[?1000h\033[?1006h", 0, 0, PTY_WHEEL_UP, PTY_PRESS, PTY_SHIFT, "\033[<68;1;1M"},
    {"\033[?1000h\033[?1006h", 0, 0, PTY_WHEEL_UP, PTY_RELEASE, 0, ""},
    {"\033[?1000h\033[?1015h", 0, 0, PTY_BUTTON_LEFT, PTY_PRESS, 0, "\033[32;1;1M"},
    {"\033[?1000h\033[?1016h", 1, 1, PTY_BUTTON_LEFT, PTY_PRESS, 0, "\033[<0;13;25M"},
    {"\033[?1000h\033[?1006h", 80, 0, PTY_BUTTON_LEFT, PTY_PRESS, 0, ""},
    {"\033[?1000h\033[?1006h", -1, 0, PTY_BUTTON_LEFT, PTY_PRESS, 0, ""},
    {"\033[?1049h", 0, 0, PTY_WHEEL_DOWN, PTY_PRESS, 0, "\033[B\033[B\033[B"},
    {"\033[?1049h\033[?1007l", 0, 0, PTY_WHEEL_DOWN, PTY_PRESS, 0, ""},
};

static void mouse_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(clicks); i++) {
		struct terminal *t = in_mode(clicks[i].modes);
		struct buf b = {0};

		encode_mouse(&b, t, clicks[i].x, clicks[i].y, clicks[i].button, clicks[i].action,
			     clicks[i].mods);
		assert_bytes(&b, clicks[i].want, clicks[i].modes, i);
		buf_free(&b);
		terminal_free(t);
	}
}

#define PASTE "\033[?2004h"
#define P(s)  "\033[200~" s "\033[201~"

static const struct {
	const char *modes, *text, *want;
} pastes[] = {
    {"", "a\nb\r\nc\td", "a\rb\rc\td"},
    {"", "a\033[31mb\003\004c\177", "a[31mbc"},
    {"",
     "a\xc2\x9b"
     "1mb",
     "a1mb"},
    {"", "ä日", "ä日"},
    {PASTE, "plain", P("plain")},
    {PASTE, "a\033[201~rm -rf\n", P("arm -rf\r")},
    {PASTE, "\033[20\033[201~1~evil", P("evil")},
    {PASTE, "\033[201\033[201~~\033[201~", P("")},
    {PASTE,
     "\033[2\003"
     "01~x",
     P("x")},
    {PASTE, "\033[31mred", P("\033[31mred")},
    {PASTE,
     "a\xc2\x9b"
     "201~b",
     P("a201~b")},
    {PASTE, "~~", P("~~")},
};

static void paste_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pastes); i++) {
		struct terminal *t = in_mode(pastes[i].modes);
		struct buf b = {0};

		encode_paste(&b, t, pastes[i].text, strlen(pastes[i].text));
		assert_bytes(&b, pastes[i].want, pastes[i].modes, i);
		buf_free(&b);
		terminal_free(t);
	}
}

static void focus(void **state)
{
	struct terminal *t = in_mode("");
	struct buf b = {0};

	(void)state;
	encode_focus(&b, t, true);
	assert_int_equal(b.len, 0);
	terminal_feed(t, "\033[?1004h", 8);
	encode_focus(&b, t, true);
	encode_focus(&b, t, false);
	assert_string_equal(b.data, "\033[I\033[O");
	buf_free(&b);
	terminal_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(key_table),
	    cmocka_unit_test(mouse_table),
	    cmocka_unit_test(paste_table),
	    cmocka_unit_test(focus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
