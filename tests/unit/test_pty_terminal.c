/* Bytes in, screen out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pty/delta.h"

static struct buf replies;
static struct buf log_; /* bells, clipboard, notifications */

static void on_reply(void *data, const char *s, size_t n)
{
	(void)data;
	buf_add(&replies, s, n);
}
static void on_bell(void *data)
{
	(void)data;
	buf_adds(&log_, "bell;");
}
static void on_clipboard(void *data, const char *s, size_t n)
{
	(void)data;
	buf_addf(&log_, "clip:%.*s;", (int)n, s);
}
static void on_notify(void *data, const char *title, const char *body)
{
	(void)data;
	buf_addf(&log_, "notify:%s|%s;", title, body);
}
static const struct terminal_events events = {
    .reply = on_reply, .bell = on_bell, .clipboard = on_clipboard, .notify = on_notify};

static struct terminal *make(int cols, int rows)
{
	struct terminal *t = terminal_new(cols, rows, 100, &events);

	assert_non_null(t);
	buf_clear(&replies);
	buf_clear(&log_);
	buf_adds(&replies, "");
	buf_adds(&log_, "");
	return t;
}

static void feed(struct terminal *t, const char *s)
{
	terminal_feed(t, s, strlen(s));
}

static void take(struct terminal *t, struct picture *p)
{
	struct buf b = {0};
	struct delta_base base = {0};

	picture_init(p);
	delta_encode(&b, t, &base, false);
	assert_int_equal(delta_decode(p, (uint8_t *)b.data + FRAME_HEAD, b.len - FRAME_HEAD), 0);
	buf_free(&b);
}

/* Rows joined by '|', blanks at the ends of rows and blank rows at the end cut. */
static void assert_screen(struct terminal *t, const char *want, const char *what)
{
	struct picture p;
	struct buf b = {0};

	take(t, &p);
	pty_dump_screen(&p.s, false, &b);
	while (b.len && b.data[b.len - 1] == '\n')
		b.data[--b.len] = '\0';
	for (size_t i = 0; i < b.len; i++)
		if (b.data[i] == '\n')
			b.data[i] = '|';
	if (strcmp(b.data ? b.data : "", want) != 0)
		fail_msg("%s: \"%s\" instead of \"%s\"", what, b.data ? b.data : "", want);
	buf_free(&b);
	picture_free(&p);
}

static const struct {
	const char *in, *screen;
	int cx, cy;
} table[] = {
    /* 10x4 */
    {"hello", "hello", 5, 0},
    {"one\r\ntwo", "one|two", 3, 1},
    {"0123456789", "0123456789", 9, 0},	   /* the wrap waits */
    {"0123456789a", "0123456789|a", 1, 1}, /* until the next glyph */
    {"0123456789\rX", "X123456789", 1, 0},
    {"0123456789\bX", "01234567X9", 9, 0},
    {"\033[?7l0123456789abc", "012345678c", 9, 0},
    {"1\n2\n3\n4\n5", " 2|  3|   4|    5", 5, 3},
    {"a\tb\tc", "a       bc", 9, 0},
    {"\033[3g\033[1;4H\033H\r\tX", "   X", 4, 0},
    {"\033[2;3Hx", "|  x", 3, 1},
    {"\033[99;99Hx", "|||         x", 9, 3},
    {"\033[99999999999;999999999999Hx", "|||         x", 9, 3},
    {"\033[0;0Hx", "x", 1, 0},
    {"abc\033[2Dx", "axc", 2, 0},
    {"abc\033[5Cx", "abc     x", 9, 0},
    {"\033[2B\033[Ax", "|x", 1, 1},
    {"abc\033[Ex", "abc|x", 1, 1},
    {"\033[3;3H\033[Fx", "|x", 1, 1},
    {"\033[5Gx\033[2dy", "    x|     y", 6, 1},
    {"abcdef\033[3G\033[K", "ab", 2, 0},
    {"abcdef\033[3G\033[1K", "   def", 2, 0},
    {"abcdef\033[3G\033[2K", "", 2, 0},
    {"a\r\nb\r\nc\033[2;1H\033[J", "a", 0, 1},
    {"aa\r\nbb\r\ncc\033[2;1H\033[1J", "| b|cc", 0, 1},
    {"a\r\nb\033[2J", "", 1, 1},
    {"abcdef\033[3G\033[2X", "ab  ef", 2, 0},
    {"abcdef\033[3G\033[2P", "abef", 2, 0},
    {"abcdef\033[3G\033[2@", "ab  cdef", 2, 0},
    {"0123456789\033[3G\033[2@", "01  234567", 2, 0},
    {"abc\033[1G\033[999999P", "", 0, 0},
    {"a\r\nb\r\nc\r\nd\033[2;1H\033[L", "a||b|c", 0, 1},
    {"a\r\nb\r\nc\r\nd\033[2;1H\033[M", "a|c|d", 0, 1},
    {"a\r\nb\r\nc\r\nd\033[2;1H\033[999M", "a", 0, 1},
    {"a\r\nb\r\nc\r\nd\033[S", "b|c|d", 1, 3},
    {"a\r\nb\r\nc\r\nd\033[T", "|a|b|c", 1, 3},
    {"a\r\nb\r\nc\r\nd\033[2;3r\033[3;1H\n", "a|c||d", 0, 2},
    {"a\r\nb\r\nc\r\nd\033[2;3r\033[2;1H\033M", "a||b|d", 0, 1},
    {"a\r\nb\r\nc\r\nd\033[2;3r\033[?6h\033[1;1HX", "a|X|c|d", 1, 1},
    {"a\r\nb\r\nc\r\nd\033[2;3r\033[?6h\033[9;1HX", "a|b|X|d", 1, 2},
    {"\033[3;2r\033[2;2Hx", "| x", 2, 1}, /* no such region */
    {"abc\r\033[4hX", "Xabc", 1, 0},
    {"-\033[3b", "----", 4, 0},
    {"x\033[99999b", "xxxxxxxxxx|x", 1, 1}, /* no more than a row */
    {"\033[2;2H\0337\033[4;4H\0338x", "| x", 2, 1},
    {"\033#8", "EEEEEEEEEE|EEEEEEEEEE|EEEEEEEEEE|EEEEEEEEEE", 0, 0},
    {"abc\033c", "", 0, 0},
    {"\033(0lqk\033(Bq", "┌─┐q", 4, 0},
    {"\033)0\016x\017x", "│x", 2, 0},
    /* wide */
    {"日本x", "日本x", 5, 0},
    {"012345678日", "012345678|日", 2, 1},
    {"日本\033[2Gx", " x本", 2, 0},
    {"日本\033[3Gx", "日x", 3, 0},
    {"日本\033[2G\033[P", " 本", 1, 0},
    {"a日b\033[2G\033[@", "a 日b", 1, 0},
    {"01234567日\033[1G\033[@", " 01234567", 0, 0},
    {"日本\033[3G\033[1K", "", 2, 0}, /* erases up to the cursor: half of the second */
    {"日本\033[2G\033[K", "", 1, 0},
    /* clusters */
    {"e\xcc\x81x", "e\xcc\x81x", 2, 0},
    {"\xe2\x9d\xa4\xef\xb8\x8fx", "\xe2\x9d\xa4\xef\xb8\x8fx", 3, 0}, /* VS16: wide */
    {"\xe2\x9d\xa4x", "\xe2\x9d\xa4x", 2, 0},
    {"👩‍👩‍👧‍👦x", "👩‍👩‍👧‍👦x", 3, 0},
    {"👍🏽x", "👍🏽x", 3, 0},
    {"🇩🇪🇫🇷x", "🇩🇪🇫🇷x", 5, 0},
    {"1\xef\xb8\x8f\xe2\x83\xa3x", "1\xef\xb8\x8f\xe2\x83\xa3x", 3, 0},
    {"\xf0\x9f\xab\xa8x", "\xf0\x9f\xab\xa8x", 3, 0}, /* Unicode 15 */
    {"a\xe2\x80\xae"
     "b\xe2\x80\x8b"
     "c",
     "abc", 3, 0},	      /* bidi and zero width: gone */
    {"\xcc\x81x", "x", 1, 0}, /* nothing to combine with */
    /* broken UTF-8 */
    {"a\xff"
     "b",
     "a\xef\xbf\xbd"
     "b",
     3, 0},
    {"a\xe2\x82"
     "b",
     "a\xef\xbf\xbd"
     "b",
     3, 0},
    {"a\xe2\x82\033[Cb", "a\xef\xbf\xbd b", 4, 0},
    {"a\xed\xa0\x80"
     "b",
     "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
     "b",
     5, 0},
    {"a\xc2\x9b"
     "31mb",
     "a31mb", 5, 0}, /* C1 in UTF-8 is no control sequence */
    /* parser */
    {"a\033[12\030b", "ab", 2, 0},
    {"a\033[1\033[2Cb", "a  b", 4, 0},
    {"a\033[1\nCb", "a|  b", 3, 1}, /* controls act inside sequences */
    {"a\033]0;x\007b", "ab", 2, 0},
    {"a\033]0;x\033\\b", "ab", 2, 0},
    {"a\033]0;x\030b", "ab", 2, 0},
    {"a\033]0;x\033[Cb", "a b", 3, 0},
    {"a\033_Gi=1;AAAA\033\\b\033^x\033\\\033Xy\033\\c", "abc", 3, 0},
    {"a\033Pq#0~~\033\\b", "ab", 2, 0},
    {"a\033[?1;2;3zb\033[>1wc\033[1$wd", "abcd", 4, 0},
    {"a\033%Gb\033 Fc", "abc", 3, 0},
    /* alternate screen */
    {"main\033[?1049h\033[Halt", "alt", 3, 0},
    {"main\033[?1049h\033[Halt\033[?1049l", "main", 4, 0},
    {"main\033[?1049h\033[?1049h\033[4;4H\033[?1049l!", "main!", 5, 0},
    {"main\033[?47h\033[2;1Halt\033[?47lX", "main|   X", 4, 1},
    {"\033[?1049hx\033c", "", 0, 0},
};

static void screens(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct terminal *t = make(10, 4);

		feed(t, table[i].in);
		assert_screen(t, table[i].screen, table[i].in);
		if (t->c.x != table[i].cx || t->c.y != table[i].cy)
			fail_msg("\"%s\": cursor at %d,%d instead of %d,%d", table[i].in, t->c.x,
				 t->c.y, table[i].cx, table[i].cy);
		terminal_free(t);
	}
}

/* The same, one byte at a time: cuts may fall anywhere. */
static void screens_by_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct terminal *t = make(10, 4);

		for (const char *p = table[i].in; *p; p++)
			terminal_feed(t, p, 1);
		assert_screen(t, table[i].screen, table[i].in);
		terminal_free(t);
	}
}

static const struct {
	const char *in, *reply;
} questions[] = {
    {"\033[c", "\033[?62;22;52c"},
    {"\033[>c", "\033[>1;10;0c"},
    {"\033[=c", "\033P!|00000000\033\\"},
    {"\033[5n", "\033[0n"},
    {"\033[2;3H\033[6n", "\033[2;3R"},
    {"\033[2;4r\033[?6h\033[1;3H\033[6n", "\033[1;3R"},
    {"\033[>q", "\033P>|nono(" NONO_VERSION ")\033\\"},
    {"\033[>0q", "\033P>|nono(" NONO_VERSION ")\033\\"},
    {"\033[?2026$p", "\033[?2026;2$y"},
    {"\033[?2026h\033[?2026$p", "\033[?2026;1$y"},
    {"\033[?1016$p", "\033[?1016;2$y"},
    {"\033[?25$p", "\033[?25;1$y"},
    {"\033[4$p", "\033[4;2$y"},
    {"\033[?12345$p", "\033[?12345;0$y"},
    {"\033[14t", "\033[4;64;80t"},
    {"\033[16t", "\033[6;16;8t"},
    {"\033[18t", "\033[8;4;10t"},
    {"\033]0;evil\007\033[21t", ""}, /* titles are never typed back */
    {"\033[?u", "\033[?0u"},
    {"\033[>5u\033[?u", "\033[?5u"},
    {"\033[>5u\033[>7u\033[<u\033[?u", "\033[?5u"},
    {"\033[>5u\033[=2;2u\033[?u", "\033[?7u"},
    {"\033[>7u\033[=2;3u\033[?u", "\033[?5u"},
    {"\033[>5u\033[<99u\033[?u", "\033[?0u"},
    {"\033[>5u\033[?1049h\033[?u", "\033[?0u"}, /* a stack for each screen */
    {"\033[>5u\033[?1049h\033[>1u\033[?1049l\033[?u", "\033[?5u"},
    {"\033[>4;2m\033[?4m", "\033[>4;2m"},
    {"\033[?996n", "\033[?997;1n"},
    {"\033]11;?\007", "\033]11;rgb:0000/0000/0000\007"},
    {"\033]11;?\033\\", "\033]11;rgb:0000/0000/0000\033\\"},
    {"\033]11;rgb:12/34/56\007\033]11;?\007", "\033]11;rgb:1212/3434/5656\007"},
    {"\033]11;#102030\007\033]111\007\033]11;?\007", "\033]11;rgb:0000/0000/0000\007"},
    {"\033]4;1;?;196;?\007", "\033]4;1;rgb:cdcd/0000/0000\007\033]4;196;rgb:ffff/0000/0000\007"},
    {"\033]4;1;#010203\007\033]4;1;?\007", "\033]4;1;rgb:0101/0202/0303\007"},
    {"\033]4;256;?\007\033]4;-1;?\007\033]4;1\007", ""},
    {"\033P$qm\033\\", "\033P1$r0m\033\\"},
    {"\033[1;4:3;38;2;1;2;3;58:5:9m\033P$qm\033\\", "\033P1$r0;1;4:3;38:2::1:2:3;58:5:9m\033\\"},
    {"\033[2;3r\033P$qr\033\\", "\033P1$r2;3r\033\\"},
    {"\033[4 q\033P$q q\033\\", "\033P1$r4 q\033\\"},
    {"\033P$qx\033\\", "\033P0$r\033\\"},
    {"\033P+q4d73\033\\", "\033P0+r4d73\033\\"},
    {"\033P+q4d73\n\033[0m\033\\", ""}, /* nothing of our own making comes back */
    {"\033]7501;?\033\\", "\033]7501;?\033\\"},
    {"\033]7501;?\007", "\033]7501;?\007"},
    {"\033]52;c;?\007", ""}, /* the clipboard is not read */
    {"\033]99;i=a1:p=?;\033\\", "\033]99;i=a1:p=?;p=title,body\033\\"},
    {"\033]99;i=a\x01 b:p=?;\033\\", ""},
    {"\033_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\033\\", ""},
};

static void answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(questions); i++) {
		struct terminal *t = make(10, 4);

		feed(t, questions[i].in);
		if (strcmp(replies.data, questions[i].reply) != 0)
			fail_msg("question %zu: \"%s\" instead of \"%s\"", i, replies.data + 1,
				 questions[i].reply + 1);
		terminal_free(t);
	}
}

static const struct {
	const char *sgr;
	struct pty_cell want;
	uint32_t ul_color;
} pens[] = {
    {"1", {.attr = PTY_BOLD}, 0},
    {"2;3", {.attr = PTY_DIM | PTY_ITALIC}, 0},
    {"1;2;22", {0}, 0},
    {"4", {.attr = 1 << PTY_UL_SHIFT}, 0},
    {"4:3", {.attr = 3 << PTY_UL_SHIFT}, 0},
    {"4:3;4:0", {0}, 0},
    {"4:9", {0}, 0},
    {"21", {.attr = 2 << PTY_UL_SHIFT}, 0},
    {"4;24", {0}, 0},
    {"5;7;8;9;53", {.attr = PTY_BLINK | PTY_INVERSE | PTY_CONCEAL | PTY_STRIKE | PTY_OVERLINE}, 0},
    {"5;7;8;9;53;25;27;28;29;55", {0}, 0},
    {"31;42", {.fg = PTY_COLOR_INDEX | 1, .bg = PTY_COLOR_INDEX | 2}, 0},
    {"91;102", {.fg = PTY_COLOR_INDEX | 9, .bg = PTY_COLOR_INDEX | 10}, 0},
    {"38;5;200", {.fg = PTY_COLOR_INDEX | 200}, 0},
    {"38:5:200", {.fg = PTY_COLOR_INDEX | 200}, 0},
    {"38;2;1;2;3", {.fg = PTY_COLOR_RGB | 0x010203}, 0},
    {"38:2:1:2:3", {.fg = PTY_COLOR_RGB | 0x010203}, 0},
    {"48:2::1:2:3", {.bg = PTY_COLOR_RGB | 0x010203}, 0},
    {"38;2;1;2;3;1", {.fg = PTY_COLOR_RGB | 0x010203, .attr = PTY_BOLD}, 0},
    {"38;5;256;1", {.attr = PTY_BOLD}, 0},
    {"38;5", {0}, 0},
    {"58;5;3", {0}, PTY_COLOR_INDEX | 3},
    {"58:2::9:8:7", {0}, PTY_COLOR_RGB | 0x090807},
    {"58;5;3;59", {0}, 0},
    {"1;31;58;5;3;0", {0}, 0},
    {"1;", {0}, 0},
    {"0;1;3;4;9;53;38;2;1;2;3;48;2;4;5;6;58;2;7;8;9",
     {.fg = PTY_COLOR_RGB | 0x010203,
      .bg = PTY_COLOR_RGB | 0x040506,
      .attr = PTY_BOLD | PTY_ITALIC | 1 << PTY_UL_SHIFT | PTY_STRIKE | PTY_OVERLINE},
     PTY_COLOR_RGB | 0x070809},
};

static void attributes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pens); i++) {
		struct terminal *t = make(10, 4);
		struct picture p;
		const struct pty_cell *c;
		uint32_t ul;
		char in[128];

		snprintf(in, sizeof(in), "\033[%smX", pens[i].sgr);
		feed(t, in);
		take(t, &p);
		c = &p.s.cells[0];
		ul = c->extra ? p.s.extras[c->extra].ul_color : 0;
		if (c->fg != pens[i].want.fg || c->bg != pens[i].want.bg ||
		    c->attr != pens[i].want.attr || ul != pens[i].ul_color)
			fail_msg("SGR %s: fg %x bg %x attr %x ul %x", pens[i].sgr, c->fg, c->bg,
				 c->attr, ul);
		picture_free(&p);
		terminal_free(t);
	}
}

static void background_fills(void **state)
{
	struct terminal *t = make(10, 4);
	struct picture p;

	(void)state;
	feed(t, "\033[41m\033[2J\033[m\033[4;1H\033[44m\n");
	take(&*t, &p);
	assert_int_equal(p.s.cells[0].bg, PTY_COLOR_INDEX | 1);
	assert_int_equal(p.s.cells[3 * 10 + 9].bg, PTY_COLOR_INDEX | 4);
	picture_free(&p);
	terminal_free(t);
}

static void links(void **state)
{
	struct terminal *t = make(10, 4);
	struct picture p;

	(void)state;
	feed(t, "\033]8;id=1;http://a.b/c\033\\ab\033]8;;\033\\c\033]8;;bad uri\033\\d");
	take(t, &p);
	assert_int_not_equal(p.s.cells[0].extra, 0);
	assert_int_equal(p.s.cells[0].extra, p.s.cells[1].extra);
	assert_string_equal(p.s.extras[p.s.cells[0].extra].link, "http://a.b/c");
	assert_int_equal(p.s.cells[2].extra, 0);
	assert_int_equal(p.s.cells[3].extra, 0);
	picture_free(&p);
	terminal_free(t);
}

static void events_reach_the_owner(void **state)
{
	struct terminal *t = make(20, 4);

	(void)state;
	feed(t, "\007\033]52;c;aGVsbG8=\007\033]52;;d29ybGQ\033\\\033]52;c;!!\007"
		"\033]9;ping\007\033]9;4;1;50\007\033]777;notify;T;B\007\033]99;i=1;title\033\\"
		"\033]99;i=1:p=body:e=1;Ym9keQ==\033\\\033]9;\033\\");
	assert_string_equal(log_.data, "bell;clip:hello;clip:world;notify:|ping;notify:T|B;"
				       "notify:title|;notify:|body;");
	terminal_free(t);
}

static void titles(void **state)
{
	struct terminal *t = make(20, 4);
	char big[5000];

	(void)state;
	feed(t, "\033]0;one\007");
	assert_string_equal(t->title, "one");
	feed(t, "\033[22;0t\033]2;two\033\\\033[23;0t");
	assert_string_equal(t->title, "one");
	feed(t, "\033]2;a\x01\xe2\x80\xae"
		"b\007");
	assert_null(strchr(t->title, 1));
	assert_null(strstr(t->title, "\xe2\x80\xae"));
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	feed(t, "\033]2;");
	feed(t, big);
	feed(t, "\007");
	assert_true(strlen(t->title) < PTY_TITLE_MAX);
	terminal_free(t);
}

static void program_status(void **state)
{
	struct terminal *t = make(20, 4);

	(void)state;
	feed(t, "\033]0;✳ Agent\007");
	assert_int_equal(t->status.state, PTY_STATE_IDLE);
	feed(t, "\033]0;⠋ Agent\007");
	assert_int_equal(t->status.state, PTY_STATE_WORKING);
	feed(t, "\033]0;[ ! ] Action Required | x\007");
	assert_int_equal(t->status.state, PTY_STATE_BLOCKED);
	feed(t, "\033]0;plain\007");
	assert_int_equal(t->status.state, PTY_STATE_NONE);
	feed(t, "\033]7501;state=blocked:app=claude-code:kind=permission:msg=YXBwcm92ZSAbWzMxbQ=="
		":future=1\033\\");
	assert_int_equal(t->status.state, PTY_STATE_BLOCKED);
	assert_string_equal(t->status.app, "claude-code");
	assert_string_equal(t->status.kind, "permission");
	assert_non_null(strstr(t->status.msg, "approve "));
	assert_null(strchr(t->status.msg, 0x1b));
	feed(t, "\033]0;⠋ Agent\007"); /* its own word counts more */
	assert_int_equal(t->status.state, PTY_STATE_BLOCKED);
	feed(t, "\033]7501;state=nonsense\033\\\033]7501;app=x\033\\");
	assert_int_equal(t->status.state, PTY_STATE_BLOCKED);
	feed(t, "\033]7501;state=clear\033\\");
	assert_int_equal(t->status.state, PTY_STATE_NONE);
	/* messages inside A, B, C without D are not a shell's commands */
	feed(t, "\033]133;A\007\033]133;C\007");
	assert_int_equal(t->status.state, PTY_STATE_NONE);
	feed(t, "\033]133;D;0\007\033]133;A\007\033]133;C\007");
	assert_int_equal(t->status.state, PTY_STATE_WORKING);
	terminal_free(t);
}

/* ---- bounds -------------------------------------------------------------------- */

static void endless_things(void **state)
{
	struct terminal *t = make(10, 4);
	char piece[1000];

	(void)state;
	feed(t, "\033[");
	for (int i = 0; i < 10000; i++)
		feed(t, i % 2 ? "1;" : "2:");
	feed(t, "mA");
	feed(t, "\033[");
	memset(piece, '9', sizeof(piece) - 1);
	piece[sizeof(piece) - 1] = '\0';
	for (int i = 0; i < 1000; i++)
		feed(t, piece);
	feed(t, "CB");
	assert_screen(t, "A        B", "long numbers");
	feed(t, "\033]0;");
	memset(piece, 'x', sizeof(piece) - 1);
	for (int i = 0; i < 20000; i++)
		feed(t, piece);
	assert_true(t->parser.text.cap <= 2 * PARSER_OSC_MAX);
	feed(t, "\007");
	assert_string_equal(t->title, ""); /* too long: not a title at all */
	assert_true(t->parser.text.cap <= 4096);
	feed(t, "\033P");
	for (int i = 0; i < 2000; i++)
		feed(t, piece);
	assert_true(t->parser.text.cap <= 2 * PARSER_DCS_MAX);
	feed(t, "\033\\\r\033[KC");
	assert_screen(t, "C", "after a long DCS");
	terminal_free(t);
}

static void tables_are_bounded(void **state)
{
	struct terminal *t = make(100, 50);
	char s[256];

	(void)state;
	for (unsigned i = 0; i < 60000; i++) {
		snprintf(s, sizeof(s), "\033]8;;http://x/%u\033\\%c\xcc%c\xcd%c", i,
			 'a' + (int)(i % 26), (char)(0x80 + i / 26 % 48),
			 (char)(0x80 + i / 1248 % 40));
		feed(t, s);
	}
	assert_true(t->clusters.used < CLUSTERS_MAX);
	assert_true(t->extras.used < EXTRAS_MAX);
	/* what is on the screen is still right */
	snprintf(s, sizeof(s), "\033[2J\033[Ho\xcc\x88");
	feed(t, s);
	assert_screen(t, "o\xcc\x88", "after the flood");
	/* a cluster that never ends */
	feed(t, "\033[2J\033[Hx");
	for (int i = 0; i < 10000; i++)
		feed(t, "\xcc\x81");
	assert_int_equal(t->c.x, 1);
	terminal_free(t);
}

static void scrollback_is_bounded_and_right(void **state)
{
	struct terminal *t = make(20, 4);
	struct pty_cell cells[20];
	struct line_clusters names = terminal_cluster_names(t);
	char s[64];
	size_t left;
	const uint8_t *p;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(s, sizeof(s), "\033[3%dmline\033[0m %d 日\r\n", i % 8, i);
		feed(t, s);
	}
	assert_int_equal(t->history.count, 100);
	assert_int_equal(t->history.first, 1000 - 3 - 100);
	p = history_line(&t->history, 950, &left);
	assert_non_null(p);
	assert_int_not_equal(line_decode(p, left, cells, 20, &names), 0);
	assert_int_equal(cells[0].glyph, 'l');
	assert_int_equal(cells[0].fg, PTY_COLOR_INDEX | (950 % 8));
	assert_int_equal(cells[5].glyph, '9');
	assert_int_equal(cells[5].fg, 0);
	assert_int_equal(cells[9].glyph, 0x65e5);
	assert_true(cells[9].attr & PTY_WIDE);
	assert_true(cells[10].attr & PTY_WIDE_TAIL);
	assert_null(history_line(&t->history, 1, &left));
	assert_null(history_line(&t->history, 5000, &left));
	feed(t, "\033[3J");
	assert_int_equal(t->history.count, 0);
	assert_int_equal(t->history.first, 997); /* numbers go on */
	feed(t, "\033[?1049h\r\n\r\n\r\n\r\n\r\n\033[?1049l");
	assert_int_equal(t->history.count, 0); /* none of the alternate screen */
	terminal_free(t);
}

static void scrollback_is_small(void **state)
{
	struct terminal *t = terminal_new(80, 24, 10000, &events);

	(void)state;
	for (int i = 0; i < 10100; i++)
		feed(t, "a plain line that has forty characters..\r\n");
	assert_int_equal(t->history.count, 10000);
	assert_true(t->history.bytes / t->history.count <= 60);
	terminal_free(t);
}

static void long_lines(void **state)
{
	struct terminal *t = make(10, 4);

	(void)state;
	for (int i = 0; i < 10000; i++)
		feed(t, "x");
	feed(t, "\r\nend");
	assert_screen(t, "xxxxxxxxxx|xxxxxxxxxx|xxxxxxxxxx|end", "a line of 10,000 characters");
	terminal_free(t);
}

/* ---- sizes --------------------------------------------------------------------- */

static void resizing(void **state)
{
	struct terminal *t = make(10, 4);

	(void)state;
	feed(t, "0123456789abcdef\r\nxy");
	assert_int_equal(terminal_resize(t, 20, 4), 0);
	assert_screen(t, "0123456789abcdef|xy", "wider");
	assert_int_equal(t->c.x, 2);
	assert_int_equal(t->c.y, 1);
	assert_int_equal(terminal_resize(t, 5, 4), 0);
	assert_screen(t, "56789|abcde|f|xy", "narrower");
	assert_int_equal(t->history.count, 1);
	assert_int_equal(t->c.y, 3);
	assert_int_equal(terminal_resize(t, 5, 2), 0);
	assert_screen(t, "f|xy", "lower");
	assert_int_equal(t->c.y, 1);
	feed(t, "\033[?1049h\033[H\033[2JABCDE\r\n日本");
	assert_int_equal(terminal_resize(t, 3, 2), 0);
	assert_screen(t, "ABC|日", "alternate screen cut");
	feed(t, "\033[?1049l");
	assert_screen(t, "f|xy", "back");
	assert_int_equal(terminal_resize(t, 0, -5), 0);
	assert_int_equal(t->cols, 1);
	assert_int_equal(t->rows, 1);
	feed(t, "日本 text\r\n\033[5;5Hx");
	assert_int_equal(terminal_resize(t, 1 << 20, 1 << 20), 0);
	assert_int_equal(t->cols, PTY_COLS_MAX);
	assert_int_equal(t->rows, PTY_ROWS_MAX);
	terminal_free(t);
}

static void soft_reset(void **state)
{
	struct terminal *t = make(10, 4);

	(void)state;
	feed(t, "\033[1;31m\033[2;3r\033[?6h\033[4h\033[?25l\033[!pX");
	assert_true(t->modes & MODE_CURSOR);
	assert_false(t->modes & (MODE_ORIGIN | MODE_INSERT));
	assert_int_equal(t->top, 0);
	assert_int_equal(t->bottom, 3);
	assert_int_equal(t->c.pen.attr, 0);
	terminal_free(t);
}

static void dump_ansi(void **state)
{
	struct terminal *t = make(10, 2);
	struct picture p;
	struct buf b = {0};

	(void)state;
	feed(t, "a\033[1;38;5;9mb\033[m c\r\n\033[44m \033[m");
	take(t, &p);
	pty_dump_screen(&p.s, true, &b);
	assert_string_equal(b.data, "a\033[0;1;38:5:9mb\033[0m c\n\033[0;48:5:4m \033[0m\n");
	buf_free(&b);
	picture_free(&p);
	terminal_free(t);
}

static int clean(void **state)
{
	(void)state;
	buf_free(&replies);
	buf_free(&log_);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(screens),
	    cmocka_unit_test(screens_by_bytes),
	    cmocka_unit_test(answers),
	    cmocka_unit_test(attributes),
	    cmocka_unit_test(background_fills),
	    cmocka_unit_test(links),
	    cmocka_unit_test(events_reach_the_owner),
	    cmocka_unit_test(titles),
	    cmocka_unit_test(program_status),
	    cmocka_unit_test(endless_things),
	    cmocka_unit_test(tables_are_bounded),
	    cmocka_unit_test(scrollback_is_bounded_and_right),
	    cmocka_unit_test(scrollback_is_small),
	    cmocka_unit_test(long_lines),
	    cmocka_unit_test(resizing),
	    cmocka_unit_test(soft_reset),
	    cmocka_unit_test(dump_ansi),
	};

	return cmocka_run_group_tests(tests, NULL, clean);
}
