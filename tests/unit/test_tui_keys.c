/* Bytes of the user's terminal as events; and how keys are named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tui/dialog.h"

/* Events as text: "key:mods", so that a test reads as a list. */
static void record(void *data, const struct input_event *ev)
{
	struct buf *b = data;
	char name[32];

	if (b->len)
		buf_addc(b, ' ');
	switch (ev->type) {
	case INPUT_KEY:
		key_label(ev->key, ev->mods, name, sizeof(name));
		buf_adds(b, name);
		break;
	case INPUT_PASTE:
		buf_adds(b, "paste(");
		buf_add(b, ev->text, ev->n);
		buf_adds(b, ")");
		break;
	case INPUT_PASTE_BIG:
		buf_adds(b, "big");
		break;
	case INPUT_MOUSE:
		buf_addf(b, "mouse(%d,%d,%d,%d,%u)", ev->x, ev->y, ev->button, ev->action,
			 ev->mods);
		break;
	case INPUT_FOCUS:
		buf_addf(b, "focus(%d)", ev->on);
		break;
	case INPUT_REPLY:
		buf_addf(b, "reply(%d,%u,%u)", ev->reply, ev->params[0], ev->params[1]);
		break;
	}
}

static const struct {
	const char *bytes, *want;
} cases[] = {
    {"aB", "a B"},
    {"\xc3\xa4\xe4\xb8\xad\xf0\x9f\x8e\x89", "ä 中 🎉"},
    {"\r\t\x7f", "Enter Tab BSpace"},
    {"\x02\x01", "C-b C-a"},
    {"\033[A\033[1;5C\033OD", "Up C-Right Left"},
    {"\033[5~\033[6;2~\033[3~", "PgUp S-PgDn Delete"},
    {"\033OP\033[15~", "F1 F5"},
    {"\033x", "M-x"},
    {"\033[Z", "S-Tab"},
    {"\033[97;5u\033[13;2u", "C-a S-Enter"},
    {"\033[27;5;99~", "C-c"},
    {"\033[200~two\nlines \033[A\033[201~x", "paste(two\nlines \033[A) x"},
    {"\033[I\033[O", "focus(1) focus(0)"},
    {"\033[<0;10;5M\033[<0;10;5m", "mouse(9,4,1,0,0) mouse(9,4,1,1,0)"},
    {"\033[<64;1;1M\033[<65;1;1M", "mouse(0,0,4,0,0) mouse(0,0,5,0,0)"},
    {"\033[?62;22c", "reply(0,62,22)"},
    {"\033[?1u", "reply(1,1,0)"},
    {"\033[?2026;2$y", "reply(2,2026,2)"},
    {"\033]11;rgb:1e1e/2020/ffff\033\\", "reply(5,1974527,0)"},
    {"\033]10;rgb:ff/00/80\a", "reply(4,16711808,0)"},
    {"\033[?997;1n", "reply(3,1,1)"},
    {"\xff\xfe\x80z", "z"},
};

static void check(const char *bytes, size_t n, size_t piece, const char *want)
{
	_cleanup_(buf_free) struct buf got = {0};
	struct keys k;

	keys_init(&k, record, &got);
	for (size_t i = 0; i < n; i += piece)
		keys_feed(&k, bytes + i, n - i < piece ? n - i : piece);
	keys_flush(&k);
	keys_free(&k);
	assert_string_equal(got.data ? got.data : "", want);
}

static void sequences(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check(cases[i].bytes, strlen(cases[i].bytes), 4096, cases[i].want);
}

/* A read may end anywhere. */
static void cut_anywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (size_t piece = 1; piece < 5; piece++)
			check(cases[i].bytes, strlen(cases[i].bytes), piece, cases[i].want);
}

static void escape_alone(void **state)
{
	struct buf got = {0};
	struct keys k;

	(void)state;
	keys_init(&k, record, &got);
	keys_feed(&k, "\033", 1);
	assert_int_equal(got.len, 0);
	assert_int_equal(keys_timeout(&k), KEYS_ESC_MS);
	keys_flush(&k);
	assert_string_equal(got.data, "Esc");
	assert_int_equal(keys_timeout(&k), -1);
	keys_free(&k);
	buf_free(&got);
}

static void big_pastes_are_refused_whole(void **state)
{
	size_t n = KEYS_PASTE_MAX + 100;
	_cleanup_free_ char *text = xcalloc(1, n);
	struct buf got = {0};
	struct keys k;

	(void)state;
	memset(text, 'x', n);
	keys_init(&k, record, &got);
	keys_feed(&k, "\033[200~", 6);
	keys_feed(&k, text, n);
	keys_feed(&k, "\033[201~y", 7);
	assert_string_equal(got.data, "big y");
	keys_free(&k);
	buf_free(&got);
}

/* An answer without an end must not swallow what is typed for ever, nor grow. */
static void endless_string(void **state)
{
	struct buf got = {0};
	struct keys k;

	(void)state;
	keys_init(&k, record, &got);
	keys_feed(&k, "\033]11;", 5);
	for (int i = 0; i < 5000; i++)
		keys_feed(&k, "aaaaaaaaaa", 10);
	assert_true(keys_timeout(&k) > 0);
	keys_flush(&k);
	buf_clear(&got);
	keys_feed(&k, "z", 1);
	assert_string_equal(got.data, "z");
	keys_free(&k);
	buf_free(&got);
}

static void names(void **state)
{
	static const char *const good[] = {"C-b", "M-x", "F1", "F12", "Enter", "C-Space", "`"};
	static const char *const bad[] = {"", "C-", "F13", "F0", "Nothing", "ab"};
	uint32_t key;
	unsigned mods;
	char label[32];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_int_equal(key_parse(good[i], &key, &mods), 0);
		key_label(key, mods, label, sizeof(label));
		assert_string_equal(label, good[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(key_parse(bad[i], &key, &mods), -1);
}

/* ---- one line of text ------------------------------------------------------- */

static void type(void *data, const struct input_event *ev)
{
	line_key(data, ev);
}

static void line_after(const char *bytes, const char *want, size_t at)
{
	struct line_edit l = {.n = 0};
	struct keys k;

	keys_init(&k, type, &l);
	keys_feed(&k, bytes, strlen(bytes));
	keys_free(&k);
	assert_string_equal(l.text, want);
	assert_int_equal(l.n, strlen(want));
	assert_int_equal(l.at, at);
}

static void line_editing(void **state)
{
	(void)state;
	line_after("hello", "hello", 5);
	line_after("hello\033[D\033[Dx", "helxlo", 4);
	line_after("h\xc3\xa4y\x7f\x7f", "h", 1);
	line_after("one two\x17", "one ", 4);
	line_after("one two\x01\x0b", "", 0);
	line_after("abc\033[H\033[3~", "bc", 0);
	line_after("\x7f\033[3~\x17\x15", "", 0);
}

static void line_is_bounded(void **state)
{
	struct line_edit l = {.n = 0};
	char text[4000];

	(void)state;
	memset(text, 'a', sizeof(text));
	line_insert(&l, text, sizeof(text));
	line_insert(&l, "\033[A\r\n", 5);
	assert_int_equal(l.n, sizeof(l.text) - 1);
	assert_int_equal(strlen(l.text), l.n);
	line_set(&l, "");
	line_insert(&l, "a\033[31m\nb", 9);
	assert_string_equal(l.text, "a[31mb");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sequences),      cmocka_unit_test(cut_anywhere),
	    cmocka_unit_test(escape_alone),   cmocka_unit_test(big_pastes_are_refused_whole),
	    cmocka_unit_test(endless_string), cmocka_unit_test(names),
	    cmocka_unit_test(line_editing),   cmocka_unit_test(line_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
