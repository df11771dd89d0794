/* Limits of a session: what people write, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "policy/policy.h"

struct row {
	const char *text;
	uint64_t value; /* 0: refused */
};

static void check(const struct row *rows, size_t n, size_t text, size_t number)
{
	for (size_t i = 0; i < n; i++) {
		struct policy_limits in = {0};
		struct nono_limits out = {.memory = 1, .processes = 1, .cpu = 1, .wall_ms = 1};
		struct err err = {0};
		int r;

		*(const char **)((char *)&in + text) = rows[i].text;
		r = limits_parse(&in, &out, &err);
		if ((r < 0) != (rows[i].value == 0))
			fail_msg("'%s': %d %s", rows[i].text, r, err.msg);
		if (r < 0)
			assert_int_equal(err.cls, ERR_USAGE);
		else if (*(uint64_t *)((char *)&out + number) != rows[i].value)
			fail_msg("'%s': %llu", rows[i].text,
				 (unsigned long long)*(uint64_t *)((char *)&out + number));
	}
}
#define CHECK(rows, text, number)                                          \
	check(rows, ARRAY_LEN(rows), offsetof(struct policy_limits, text), \
	      offsetof(struct nono_limits, number))

static void memory(void **state)
{
	static const struct row rows[] = {
	    {"512M", 512ull << 20},
	    {"1Gi", 1ull << 30},
	    {"1gib", 1ull << 30},
	    {"512MB", 512000000},
	    {"1.5G", 3ull << 29},
	    {"1048576", 1ull << 20},
	    {"2000000B", 2000000},
	    {"1024k", 1ull << 20},
	    {"1T", 1ull << 40},
	    {"0", 0},
	    {"1", 0},
	    {"1023k", 0},
	    {"", 0},
	    {"M", 0},
	    {"-1G", 0},
	    {"+1G", 0},
	    {" 1G", 0},
	    {"1G ", 0},
	    {"1 G", 0},
	    {"1.G", 0},
	    {".5G", 0},
	    {"1e9", 0},
	    {"1GX", 0},
	    {"0x10M", 0},
	    {"1.2345678G", 0},
	    {"18446744073709551616", 0},
	    {"99999999999999999999999T", 0},
	    {"16777216T", 0},
	    {"nonesuch", 0},
	};

	(void)state;
	CHECK(rows, memory, memory);
}

static void processes(void **state)
{
	static const struct row rows[] = {
	    {"1", 1},  {"200", 200}, {"4194304", 4194304}, {"0", 0}, {"4194305", 0},
	    {"-5", 0}, {"10k", 0},   {"1.5", 0},	   {"", 0},
	};

	(void)state;
	CHECK(rows, max_processes, processes);
}

static void cpu(void **state)
{
	static const struct row rows[] = {
	    {"1", 1000},  {"1.5", 1500}, {"0.25", 250}, {"150%", 1500}, {"50%", 500},
	    {"0.01", 10}, {"0.009", 0},	 {"0", 0},	{"0%", 0},	{"5000", 0},
	    {"1.5x", 0},  {"%", 0},	 {"1,5", 0},
	};

	(void)state;
	CHECK(rows, cpu, cpu);
}

static void wall_time(void **state)
{
	static const struct row rows[] = {
	    {"30s", 30000},    {"90", 90000},
	    {"10m", 600000},   {"2h", 7200000},
	    {"1d", 86400000},  {"1h30m", 5400000},
	    {"1m0.5s", 60500}, {"250ms", 250},
	    {"0.5", 500},      {"365d", 31536000000},
	    {"366d", 0},       {"0", 0},
	    {"0s", 0},	       {"1h30", 0},
	    {"3010m5", 0},     {"1h 30m", 0},
	    {"s", 0},	       {"-1s", 0},
	    {"1w", 0},	       {"99999999999999999999s", 0},
	};

	(void)state;
	CHECK(rows, wall_time, wall_ms);
}

static void several(void **state)
{
	struct policy_limits in = {.memory = (char *)"none", .cpu = (char *)"2"};
	struct nono_limits out = {.memory = 5, .wall_ms = 5};
	struct err err = {0};

	(void)state;
	assert_int_equal(limits_parse(&in, &out, NULL), 0);
	assert_true(out.memory == 0 && out.cpu == 2000 && !out.processes && !out.wall_ms);
	in.wall_time = (char *)"1\x1b[2Jh";
	assert_int_equal(limits_parse(&in, NULL, &err), -1);
	assert_non_null(strstr(err.msg, "wall_time: '1^[[2Jh' is not a time"));
	assert_true(out.cpu == 2000);
}

static void shown(void **state)
{
	char t[64];

	(void)state;
	assert_string_equal(limits_show_memory(64ull << 20, t, sizeof(t)), "64 MiB");
	assert_string_equal(limits_show_memory(3ull << 29, t, sizeof(t)), "1536 MiB");
	assert_string_equal(limits_show_memory(512000001, t, sizeof(t)), "488.3 MiB");
	assert_string_equal(limits_show_cpu(1500, t, sizeof(t)), "1.5 processors");
	assert_string_equal(limits_show_cpu(1000, t, sizeof(t)), "1 processor");
	assert_string_equal(limits_show_time(5400000, t, sizeof(t)), "1h 30m");
	assert_string_equal(limits_show_time(250, t, sizeof(t)), "0.25s");
	assert_string_equal(limits_show_time(86400000, t, sizeof(t)), "1d");
	assert_string_equal(limits_show_time(61000, t, 4), "1m ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(memory),	 cmocka_unit_test(processes), cmocka_unit_test(cpu),
	    cmocka_unit_test(wall_time), cmocka_unit_test(several),   cmocka_unit_test(shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
