/* The parts of the tool sandbox that need no session: the shim's message, the limited output. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>

#include "sessions/relay.h"
#include "sessions/tool_wire.h"

/* ---- messages ---------------------------------------------------------------------- */

static void test_parse(void **state)
{
	static const struct {
		uint32_t argc, envc, bytes;
		const char *text;
		bool ok;
	} rows[] = {
	    {1, 1, 14, "gh\0/home\0x\0A=1", false}, /* no NUL at its end */
	    {1, 1, 15, "gh\0/home\0x\0A=1\0", true},
	    {0, 0, 5, "a\0/x\0", true},
	    {0, 0, 6, "a\0/x\0\0", false}, /* something is left */
	    {2, 0, 6, "a\0/x\0\0", false},
	    {1, 0, 6, "a\0/x\0\0", true}, /* an empty argument */
	    {0xffff, 0xffff, 6, "a\0/x\0\0", false},
	    {0, 0, 2, "a\0", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct tool_header h = {
		    TOOL_MAGIC, rows[i].argc, rows[i].envc, rows[i].bytes, {0}};
		char *bytes = xcalloc(1, h.bytes);
		struct tool_call c;

		memcpy(bytes, rows[i].text, h.bytes);
		assert_true(tool_header_ok(&h));
		if ((tool_call_parse(&h, bytes, &c) == 0) != rows[i].ok)
			fail_msg("row %zu", i);
		if (i == 1) {
			assert_string_equal(c.name, "gh");
			assert_string_equal(c.cwd, "/home");
			assert_string_equal(c.args[0], "x");
			assert_null(c.args[1]);
			assert_string_equal(c.env[0], "A=1");
		}
		tool_call_free(&c);
	}
}

static void test_header(void **state)
{
	static const struct tool_header bad[] = {
	    {1, 0, 0, 10, {0}},
	    {TOOL_MAGIC, 0, 0, 0, {0}},
	    {TOOL_MAGIC, 0, 0, TOOL_BYTES_MAX + 1, {0}},
	    {TOOL_MAGIC, TOOL_STRINGS_MAX + 1, 0, 100, {0}},
	    {TOOL_MAGIC, 0, UINT32_MAX, 100, {0}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(tool_header_ok(&bad[i]));
}

static void test_shim_name(void **state)
{
	const char *name = NULL;

	(void)state;
	unsetenv("NONO_TOOL_SANDBOX_SHIM_DIR");
	assert_false(tool_shim_name("/tmp/gh", &name));
	setenv("NONO_TOOL_SANDBOX_SHIM_DIR", "/usr/bin", 1);
	assert_true(tool_shim_name("/usr/bin/gh", &name));
	assert_string_equal(name, "gh");
	assert_true(tool_shim_name("/usr/../usr/bin/gh", &name));
	assert_false(tool_shim_name("/usr/sbin/gh", &name));
	assert_false(tool_shim_name("gh", &name));
	assert_false(tool_shim_name("/usr/bin/", &name));
	unsetenv("NONO_TOOL_SANDBOX_SHIM_DIR");
}

/* ---- output ------------------------------------------------------------------------ */

struct run {
	struct relay r;
	int from, to; /* the program's end, the reader's */
	bool stopped;
};

static void run_open(struct run *x, uint64_t max, enum command_on_limit on)
{
	int in[2], out[2];

	assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
	*x = (struct run){
	    .r = {.from = in[0], .to = out[1], .limit = {.max_bytes = max, .on_limit = on}},
	    .from = in[1],
	    .to = out[0]};
}

static void run_write(struct run *x, const char *s)
{
	assert_int_equal(write(x->from, s, strlen(s)), strlen(s));
}

static void run_steps(struct run *x)
{
	struct pollfd p;

	for (;;) {
		relay_poll(&x->r, &p);
		if (p.fd < 0 || poll(&p, 1, 0) <= 0)
			return;
		x->stopped |= relay_step(&x->r, &p);
	}
}

static void run_ends(struct run *x, const char *want)
{
	char buf[64] = "";
	ssize_t n;

	close(x->from);
	run_steps(x);
	assert_true(relay_over(&x->r));
	close(x->r.to);
	n = read(x->to, buf, sizeof(buf) - 1);
	assert_true(n >= 0);
	assert_string_equal(buf, want);
	assert_int_equal(x->r.count.forwarded, strlen(want));
	close(x->to);
	free(x->r.withheld);
}

static void test_relay(void **state)
{
	static const struct {
		uint64_t max;
		enum command_on_limit on;
		const char *first, *second, *out;
		bool exceeded, stopped;
	} rows[] = {
	    {0, LIMIT_TRUNCATE, "abc", "def", "abcdef", false, false},
	    {6, LIMIT_TRUNCATE, "abc", "def", "abcdef", false, false},
	    {5, LIMIT_TRUNCATE, "abc", "def", "abcde", true, false},
	    {2, LIMIT_TRUNCATE, "abc", "def", "ab", true, false},
	    {3, LIMIT_TERMINATE, "abc", "def", "abc", true, true},
	    {6, LIMIT_TERMINATE, "abc", "def", "abcdef", false, false},
	    {6, LIMIT_DENY, "abc", "def", "abcdef", false, false},
	    {5, LIMIT_DENY, "abc", "def", "", true, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct run x;

		run_open(&x, rows[i].max, rows[i].on);
		run_write(&x, rows[i].first);
		run_steps(&x);
		run_write(&x, rows[i].second);
		run_steps(&x);
		run_ends(&x, rows[i].out);
		assert_int_equal(x.r.count.total, 6);
		assert_int_equal(x.r.count.exceeded, rows[i].exceeded);
		assert_int_equal(x.stopped, rows[i].stopped);
	}
}

/* Nobody reads: the program finds its output closed. */
static void test_relay_reader_gone(void **state)
{
	struct run x;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	run_open(&x, 100, LIMIT_TRUNCATE);
	close(x.to);
	run_write(&x, "abc");
	run_steps(&x);
	assert_true(relay_over(&x.r));
	assert_int_equal(write(x.from, "x", 1), -1);
	close(x.from);
	close(x.r.to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_parse),
	    cmocka_unit_test(test_header),
	    cmocka_unit_test(test_shim_name),
	    cmocka_unit_test(test_relay),
	    cmocka_unit_test(test_relay_reader_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
