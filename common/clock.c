/* Clocks, and what /proc says about the start of a process. */
#include <fcntl.h>
#include <time.h>

#include "common/common.h"

static uint64_t read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t clock_mono_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

uint64_t clock_real_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

void time_rfc3339(char out[TIME_STR_MAX], uint64_t real_ns)
{
	time_t sec = (time_t)(real_ns / 1000000000u);
	struct tm tm;
	long off;
	char sign;

	localtime_r(&sec, &tm);
	off = tm.tm_gmtoff / 60;
	sign = off < 0 ? '-' : '+';
	if (off < 0)
		off = -off;
	snprintf(out, TIME_STR_MAX, "%04d-%02d-%02dT%02d:%02d:%02d.%09u%c%02d:%02d",
		 (tm.tm_year + 1900) % 10000, (tm.tm_mon + 1) % 100, tm.tm_mday % 100,
		 tm.tm_hour % 100, tm.tm_min % 100, tm.tm_sec % 100,
		 (unsigned)(real_ns % 1000000000u), sign, (int)(off / 60) % 100, (int)(off % 60));
}

void time_short_age(char *out, size_t size, uint64_t seconds)
{
	if (seconds < 60)
		snprintf(out, size, "%us", (unsigned)seconds);
	else if (seconds < 3600)
		snprintf(out, size, "%um", (unsigned)(seconds / 60));
	else if (seconds < 86400)
		snprintf(out, size, "%uh", (unsigned)(seconds / 3600));
	else
		snprintf(out, size, "%llud", (unsigned long long)(seconds / 86400));
}

uint64_t proc_start_time(pid_t pid)
{
	char path[64], text[1024], *p;
	_cleanup_close_ int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	/* The name may hold blanks and parentheses; fields count from the last ')'. */
	p = strrchr(text, ')');
	if (p && p[1] && (p[2] == 'Z' || p[2] == 'X'))
		return 0; /* has ended, only nobody has waited for it */
	for (int field = 2; p && field < 22; field++) {
		p = strchr(p + 1, ' ');
	}
	return p ? strtoull(p + 1, NULL, 10) : 0;
}
