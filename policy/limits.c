/* Limits of a session: sizes, counts, shares of processors, times, as people write them. */
#include <ctype.h>

#include "policy/policy.h"

#define MEMORY_MIN    (1ull << 20)
#define MEMORY_MAX    (1ull << 60)
#define PROCESSES_MAX 4194304 /* pid_max can't be higher */
#define CPU_MIN	      10      /* thousandths: the kernel's smallest quota is 1 ms of 100 */
#define CPU_MAX	      4096000
#define WALL_MAX_MS   (365ull * 24 * 3600 * 1000)
#define FRACTION_MAX  6 /* digits after the point */

struct unit {
	const char *name;
	uint64_t factor;
};

/* One letter and "i" count in 1024, a "B" alone behind the letter in 1000. */
static const struct unit sizes[] = {
    {"", 1},
    {"B", 1},
    {"K", 1ull << 10},
    {"Ki", 1ull << 10},
    {"KiB", 1ull << 10},
    {"KB", 1000},
    {"M", 1ull << 20},
    {"Mi", 1ull << 20},
    {"MiB", 1ull << 20},
    {"MB", 1000000},
    {"G", 1ull << 30},
    {"Gi", 1ull << 30},
    {"GiB", 1ull << 30},
    {"GB", 1000000000},
    {"T", 1ull << 40},
    {"Ti", 1ull << 40},
    {"TiB", 1ull << 40},
    {"TB", 1000000000000},
    {0},
};
static const struct unit shares[] = {{"", 1000}, {"%", 10}, {0}};
static const struct unit times[] = {
    {"", 1000},	    {"ms", 1},	    {"s", 1000},     {"sec", 1000}, {"m", 60000},
    {"min", 60000}, {"h", 3600000}, {"d", 86400000}, {0},
};

/* A number without sign, blanks or exponent, at most FRACTION_MAX digits after a point, times the
 * unit behind it. *s moves on. -1: not one, or too large. */
static int amount(const char **s, const struct unit *units, uint64_t *out)
{
	uint64_t whole = 0, part = 0, scale = 1;
	const char *p = *s, *word;
	size_t n;

	if (!isdigit((unsigned char)*p))
		return -1;
	for (; isdigit((unsigned char)*p); p++)
		if (__builtin_mul_overflow(whole, 10u, &whole) ||
		    __builtin_add_overflow(whole, (uint64_t)(*p - '0'), &whole))
			return -1;
	if (*p == '.') {
		int digits = 0;
		for (p++; isdigit((unsigned char)*p); p++, digits++, scale *= 10) {
			if (digits == FRACTION_MAX)
				return -1;
			part = part * 10 + (uint64_t)(*p - '0');
		}
		if (!digits)
			return -1;
	}
	word = p;
	while (isalpha((unsigned char)*p) || *p == '%')
		p++;
	n = (size_t)(p - word);
	for (const struct unit *u = units; u->name; u++) {
		if (strlen(u->name) != n || strncasecmp(u->name, word, n) != 0)
			continue;
		if (__builtin_mul_overflow(whole, u->factor, &whole) ||
		    __builtin_mul_overflow(part, u->factor, &part) ||
		    __builtin_add_overflow(whole, part / scale, out))
			return -1;
		*s = p;
		return 0;
	}
	return -1;
}

static int one_amount(const char *s, const struct unit *units, uint64_t min, uint64_t max,
		      uint64_t *out)
{
	return amount(&s, units, out) < 0 || *s || *out < min || *out > max ? -1 : 0;
}

static int parse_memory(const char *s, uint64_t *out)
{
	return one_amount(s, sizes, MEMORY_MIN, MEMORY_MAX, out);
}

static int parse_processes(const char *s, uint64_t *out)
{
	long n;

	if (str_to_long(s, 1, PROCESSES_MAX, &n) < 0)
		return -1;
	*out = (uint64_t)n;
	return 0;
}

static int parse_cpu(const char *s, uint64_t *out)
{
	return one_amount(s, shares, CPU_MIN, CPU_MAX, out);
}

/* Several amounts add up: "1h30m". Only the last may be without a unit, and only when alone. */
static int parse_wall_time(const char *s, uint64_t *out)
{
	bool several = false;
	uint64_t one;

	*out = 0;
	do {
		if (amount(&s, times, &one) < 0 || one > WALL_MAX_MS)
			return -1;
		if ((several || *s) && isdigit((unsigned char)s[-1]))
			return -1;
		*out += one;
		several = true;
	} while (*s && *out <= WALL_MAX_MS);
	return *out >= 1 && *out <= WALL_MAX_MS ? 0 : -1;
}

static const struct limit {
	const char *name, *hint;
	int (*parse)(const char *s, uint64_t *out);
	size_t text, number;
} limits[] = {
    {"memory", "a size of 1M or more: 512M, 1.5Gi (of 1024), 512MB (of 1000), or bytes",
     parse_memory, offsetof(struct policy_limits, memory), offsetof(struct nono_limits, memory)},
    {"max_processes", "a whole number from 1 to 4194304", parse_processes,
     offsetof(struct policy_limits, max_processes), offsetof(struct nono_limits, processes)},
    {"cpu", "a number of processors of 0.01 or more, like 1.5, or 150%", parse_cpu,
     offsetof(struct policy_limits, cpu), offsetof(struct nono_limits, cpu)},
    {"wall_time", "a time up to 365d: 30s, 10m, 1h30m, or seconds", parse_wall_time,
     offsetof(struct policy_limits, wall_time), offsetof(struct nono_limits, wall_ms)},
};

int limits_parse(const struct policy_limits *in, struct nono_limits *out, struct err *err)
{
	struct nono_limits parsed = {0};

	for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
		const struct limit *l = &limits[i];
		const char *s = *(char *const *)((const char *)in + l->text);
		char shown[80];

		if (!s || strcmp(s, "none") == 0)
			continue;
		if (l->parse(s, (uint64_t *)((char *)&parsed + l->number)) < 0)
			return err_usage(err, "%s: '%s' is not %s, or none", l->name,
					 text_printable(shown, sizeof(shown), s, strlen(s)),
					 l->hint);
	}
	if (out)
		*out = parsed;
	return 0;
}

/* ---- as messages say it ------------------------------------------------------------- */

char *limits_show_memory(uint64_t bytes, char *out, size_t size)
{
	static const char *const names[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
	size_t i = 0;

	while (i + 1 < ARRAY_LEN(names) && bytes >= 1024 && bytes % 1024 == 0) {
		bytes /= 1024;
		i++;
	}
	if (i == 0 && bytes >= 10240)
		snprintf(out, size, "%.1f MiB", (double)bytes / (1 << 20));
	else
		snprintf(out, size, "%llu %s", (unsigned long long)bytes, names[i]);
	return out;
}

char *limits_show_cpu(uint64_t thousandths, char *out, size_t size)
{
	snprintf(out, size, "%g processor%s", (double)thousandths / 1000,
		 thousandths == 1000 ? "" : "s");
	return out;
}

char *limits_show_time(uint64_t ms, char *out, size_t size)
{
	static const struct unit units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {0}};
	int n = 0;

	out[0] = '\0';
	for (const struct unit *u = units; u->name; u++) {
		if (ms < u->factor || n < 0 || (size_t)n >= size)
			continue;
		n += snprintf(out + n, size - (size_t)n, "%s%llu%s", n ? " " : "",
			      (unsigned long long)(ms / u->factor), u->name);
		ms %= u->factor;
	}
	if ((ms || !n) && n >= 0 && (size_t)n < size)
		snprintf(out + n, size - (size_t)n, "%s%gs", n ? " " : "", (double)ms / 1000);
	return out;
}
