/* Option tables: what they accept, where it goes, what they refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "cli/keys.h"
#include "cli/options.h"

struct values {
	bool flag;
	int count, mode, choice, size[2];
	const char *text;
	struct strings list;
	long number;
};

static const char *const choices[] = {"red", "green", NULL};

#define AT(m) .offset = offsetof(struct values, m)
static const struct option_row rows[] = {
    {.name = "flag", .letter = 'f', AT(flag), .help = "h"},
    {.name = "verbose", .letter = 'v', .kind = OPTION_COUNT, AT(count), .help = "h"},
    {.name = "on",
     .kind = OPTION_SET,
     .value = 1,
     AT(mode),
     .help = "h",
     .env = {"NONO_TEST_ON", "NONO_TEST_OLD_ON"}},
    {.name = "off",
     .kind = OPTION_SET,
     .value = 2,
     AT(mode),
     .help = "h",
     .env = {"NONO_TEST_OFF"}},
    {.name = "old-on", .kind = OPTION_SET, .value = 1, AT(mode)},
    {.name = "text",
     .letter = 't',
     .kind = OPTION_STRING,
     AT(text),
     .arg = "T",
     .help = "h",
     .env = {"NONO_TEST_TEXT"}},
    {.name = "list",
     .letter = 'l',
     .kind = OPTION_LIST,
     AT(list),
     .arg = "L",
     .help = "h",
     .env = {"NONO_TEST_LIST"}},
    {.name = "number",
     .kind = OPTION_NUMBER,
     AT(number),
     .value = 7,
     .min = 1,
     .max = 10,
     .arg = "N",
     .help = "h"},
    {.name = "choice",
     .kind = OPTION_CHOICE,
     AT(choice),
     .choices = choices,
     .arg = "C",
     .help = "h"},
    {.name = "size", .kind = OPTION_SIZE, AT(size), .arg = "S", .help = "h"},
    {.name = "only-two", .only = 2, AT(flag), .help = "h"},
    {0},
};

struct fixture {
	struct values v;
	struct strings args;
	struct err err;
};

#define PARSE(f, order, ...)                                \
	parse(f, order, (char *const[]){__VA_ARGS__, NULL}, \
	      (int)(sizeof((char *const[]){__VA_ARGS__}) / sizeof(char *)))

static int parse(struct fixture *f, enum option_order order, char *const *argv, int argc)
{
	struct option_table t = {rows, 1, &f->v};

	options_free(&t);
	free(f->args.v);
	*f = (struct fixture){.err = {.cls = ERR_FAILURE}};
	return options_parse(&t, 1, order, argc, argv, &f->args, &f->err);
}

static int setup(void **state)
{
	static const char *const vars[] = {"NONO_TEST_ON", "NONO_TEST_OLD_ON", "NONO_TEST_OFF",
					   "NONO_TEST_TEXT", "NONO_TEST_LIST"};

	for (size_t i = 0; i < ARRAY_LEN(vars); i++)
		unsetenv(vars[i]);
	*state = xcalloc(1, sizeof(struct fixture));
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	struct option_table t = {rows, 1, &f->v};

	options_free(&t);
	free(f->args.v);
	free(f);
	return 0;
}

static void refused(struct fixture *f, const char *part)
{
	assert_int_equal(f->err.cls, ERR_USAGE);
	if (!strstr(f->err.msg, part))
		fail_msg("no '%s' in '%s'", part, f->err.msg);
}

static void test_values(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(PARSE(f, OPTION_ANYWHERE, "-vvf", "--text=a=b", "-lx", "-l", "y", "--list",
			       "z", "--number", "3", "--choice", "green", "--size", "120x40"),
			 0);
	assert_true(f->v.flag);
	assert_int_equal(f->v.count, 2);
	assert_string_equal(f->v.text, "a=b");
	assert_int_equal(f->v.list.n, 3);
	assert_string_equal(f->v.list.v[0], "x");
	assert_string_equal(f->v.list.v[2], "z");
	assert_null(f->v.list.v[3]);
	assert_int_equal(f->v.number, 3);
	assert_int_equal(f->v.choice, 1);
	assert_int_equal(f->v.size[0], 120);
	assert_int_equal(f->v.size[1], 40);
	assert_int_equal(PARSE(f, OPTION_ANYWHERE, "a"), 0);
	assert_int_equal(f->v.number, 7);
	assert_null(f->v.text);
}

static void test_order(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(PARSE(f, OPTION_ANYWHERE, "a", "-f", "b", "--", "-v", "--", "-"), 0);
	assert_true(f->v.flag);
	assert_int_equal(f->v.count, 0);
	assert_int_equal(f->args.n, 5);
	assert_string_equal(f->args.v[2], "-v");
	assert_string_equal(f->args.v[3], "--");
	assert_string_equal(f->args.v[4], "-");
	/* What follows a program is the program's, "--" too. */
	assert_int_equal(PARSE(f, OPTION_FIRST, "-v", "prog", "-f", "--", "--nonsense"), 0);
	assert_false(f->v.flag);
	assert_int_equal(f->args.n, 4);
	assert_string_equal(f->args.v[2], "--");
	assert_int_equal(PARSE(f, OPTION_FIRST, "-v", "--", "prog", "--", "x"), 0);
	assert_int_equal(f->args.n, 3);
	assert_string_equal(f->args.v[1], "--");
	assert_int_equal(PARSE(f, OPTION_FIRST, "--", "-f"), 0);
	assert_false(f->v.flag);
	assert_string_equal(f->args.v[0], "-f");
}

static void test_refused(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(PARSE(f, OPTION_ANYWHERE, "--flga"), -1);
	refused(f, "did you mean '--flag'");
	assert_int_equal(PARSE(f, OPTION_ANYWHERE, "--fla"), -1); /* no abbreviations */
	refused(f, "--fla");
	assert_int_equal(PARSE(f, OPTION_ANYWHERE, "-x"), -1);
	refused(f, "-x");
	assert_int_equal(PARSE(f, OPTION_ANYWHERE, "-fx"), -1);
	refused(f, "-x");
	assert_int_equal(PARSE(f, OPTION_ANYWHERE, "--text"), -1);
	refused(f, "--text needs a value");
	assert_int_equal(PARSE(f, OPTION_ANYWHERE, "-t"), -1);
	refused(f, "-t needs a value");
	assert_int_equal(PARSE(f, OPTION_ANYWHERE, "--flag=1"), -1);
	refused(f, "takes no value");
	assert_int_equal(PARSE(f, OPTION_ANYWHERE, "--number", "11"), -1);
	refused(f, "from 1 to 10");
	assert_int_equal(PARSE(f, OPTION_ANYWHERE, "--number", "+3"), -1);
	refused(f, "--number");
	assert_int_equal(PARSE(f, OPTION_ANYWHERE, "--choice", "blue"), -1);
	refused(f, "one of red or green");
	assert_int_equal(PARSE(f, OPTION_ANYWHERE, "--only-two"), -1);
	refused(f, "--only-two");
	static const char *const sizes[] = {"",
					    "x",
					    "80",
					    "80x",
					    "x24",
					    "80x24x1",
					    "0x5",
					    "-1x5",
					    "1001x5",
					    "5x501",
					    "111111111111111x3"};
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		assert_int_equal(PARSE(f, OPTION_ANYWHERE, "--size", (char *)sizes[i]), -1);
		refused(f, "--size");
	}
}

static void test_conflicts(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(PARSE(f, OPTION_ANYWHERE, "--on", "--on", "--old-on"), 0);
	assert_int_equal(f->v.mode, 1);
	assert_int_equal(PARSE(f, OPTION_ANYWHERE, "--on", "--off"), -1);
	refused(f, "--off can't be used together with --on");
	setenv("NONO_TEST_OFF", "yes", 1);
	assert_int_equal(PARSE(f, OPTION_ANYWHERE, "--on"), -1);
	refused(f, "NONO_TEST_OFF can't be used together with --on");
	setenv("NONO_TEST_OFF", "0", 1);
	assert_int_equal(PARSE(f, OPTION_ANYWHERE, "--on"), 0);
	setenv("NONO_TEST_ON", "1", 1);
	setenv("NONO_TEST_OFF", "TRUE", 1);
	assert_int_equal(PARSE(f, OPTION_ANYWHERE, "a"), -1);
	refused(f, "NONO_TEST_O");
}

static void test_environment(void **state)
{
	struct fixture *f = *state;

	setenv("NONO_TEST_TEXT", "from outside", 1);
	setenv("NONO_TEST_LIST", "a,,b", 1);
	setenv("NONO_TEST_OLD_ON", "True", 1);
	assert_int_equal(PARSE(f, OPTION_ANYWHERE, "x"), 0);
	assert_string_equal(f->v.text, "from outside");
	assert_int_equal(f->v.list.n, 2);
	assert_string_equal(f->v.list.v[1], "b");
	assert_int_equal(f->v.mode, 1);
	assert_int_equal(PARSE(f, OPTION_ANYWHERE, "--text", "flag", "-l", "c"), 0);
	assert_string_equal(f->v.text, "flag");
	assert_int_equal(f->v.list.n, 1);
	assert_string_equal(f->v.list.v[0], "c");
	setenv("NONO_TEST_TEXT", "", 1);
	setenv("NONO_TEST_ON", "no", 1);
	unsetenv("NONO_TEST_OLD_ON");
	assert_int_equal(PARSE(f, OPTION_ANYWHERE, "x"), 0);
	assert_null(f->v.text);
	assert_int_equal(f->v.mode, 0);
	setenv("NONO_TEST_ON", "maybe", 1);
	assert_int_equal(PARSE(f, OPTION_ANYWHERE, "x"), -1);
	refused(f, "NONO_TEST_ON");
}

static void test_nearest(void **state)
{
	static const char *const words[] = {"attach", "detach", "capture", "ps", "wait", NULL};

	(void)state;
	assert_string_equal(word_nearest("atach", words), "attach");
	assert_string_equal(word_nearest("detahc", words), "detach");
	assert_string_equal(word_nearest("pss", words), "ps");
	assert_string_equal(word_nearest("wiat", words), "wait");
	assert_null(word_nearest("frobnicate", words));
	assert_null(word_nearest("", words));
	assert_null(word_nearest("ward", words)); /* half of a short word is not the same word */
}

static void test_keys(void **state)
{
	static const struct {
		const char *name;
		uint32_t key;
		unsigned mods;
	} good[] = {
	    {"Enter", PTY_KEY_ENTER, 0},
	    {"enter", PTY_KEY_ENTER, 0},
	    {"C-c", 'c', PTY_CTRL},
	    {"C-C", 'c', PTY_CTRL},
	    {"M-Up", PTY_KEY_UP, PTY_ALT},
	    {"C-M-Delete", PTY_KEY_DELETE, PTY_CTRL | PTY_ALT},
	    {"S-Tab", PTY_KEY_TAB, PTY_SHIFT},
	    {"F1", PTY_KEY_F1, 0},
	    {"F12", PTY_KEY_F12, 0},
	    {"-", '-', 0},
	    {"C--", '-', PTY_CTRL},
	    {"\xc3\xa9", 0xe9, 0},
	    {"Space", ' ', 0},
	    {"F", 'F', 0},
	};
	static const char *const bad[] = {"",	 "ab",	 "C-",	 "X-a",	 "F0",
					  "F13", "\x1b", "\xff", "Entre"};
	unsigned mods;
	uint32_t key;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_int_equal(key_named(good[i].name, &key, &mods), 0);
		assert_int_equal(key, good[i].key);
		assert_int_equal(mods, good[i].mods);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(key_named(bad[i], &key, &mods), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_values, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_order, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_conflicts, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_environment, setup, teardown),
	    cmocka_unit_test(test_nearest),
	    cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
