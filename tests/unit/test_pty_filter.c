/* Output for a terminal without a screen in between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pty/pty.h"

static void gives(const char *in, size_t n, const char *want)
{
	char out[512];
	struct pty_filter f = {0};
	size_t len = pty_filter(&f, in, n, out);

	assert_int_equal(len, strlen(want));
	assert_memory_equal(out, want, len);
	/* Byte by byte. */
	f = (struct pty_filter){0};
	len = 0;
	for (size_t i = 0; i < n; i++)
		len += pty_filter(&f, in + i, 1, out + len);
	assert_int_equal(len, strlen(want));
	assert_memory_equal(out, want, len);
}
#define GIVES(in, want) gives("" in, sizeof(in) - 1, want)

static void test_stays(void **state)
{
	(void)state;
	GIVES("a\tb\r\n\b\a", "a\tb\r\n\b\a");
	GIVES("\033[1;38:2::1:2:3mx\033[m\033[K\033[2G", "\033[1;38:2::1:2:3mx\033[m\033[K\033[2G");
	GIVES("\xc3\xa4\xe6\xbc\xa2\xf0\x9f\x98\x80", "\xc3\xa4\xe6\xbc\xa2\xf0\x9f\x98\x80");
}

static void test_goes(void **state)
{
	(void)state;
	GIVES("a\033]52;c;QUJD\007b\033]0;t\033\\c", "abc");
	GIVES("a\033P+q544e\033\\b\033_G\033\\c\033^x\033\\d\033Xy\033\\e", "abcde");
	GIVES("a\033[2J\033[H\033[A\033[?1049h\033[6n\033[>c\033[>4;1m\033[1$qb", "ab");
	GIVES("a\033c\033(0\033#8\033=b", "ab");
	GIVES("a\0\016\017\005\x7f\x9b"
	      "31m\xc2\x9b"
	      "b",
	      "a31mb");
	GIVES("\xed\xa0\x80\xc0\xaf\xe0\x80\x80\xf5\xf4\x90\x80\x80z", "z");
	GIVES("\033[\033[31mx", "\033[31mx");
}

/* A string that nobody closes does not take the lines after it. */
static void test_open_string(void **state)
{
	(void)state;
	GIVES("a\033]0;never\nnext\n", "a\nnext\n");
}

static void test_long_sequence(void **state)
{
	char in[300] = "\033[";

	(void)state;
	memset(in + 2, '1', 200);
	str_copy(in + 202, sizeof(in) - 202, "mx");
	gives(in, strlen(in), "x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_stays),
	    cmocka_unit_test(test_goes),
	    cmocka_unit_test(test_open_string),
	    cmocka_unit_test(test_long_sequence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
