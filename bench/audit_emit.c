/*
 * What the audit log costs: opening and ending one, an event as the emitter sees it (single, and
 * in a flood), a flush, and reading everything again.
 *
 *   bench_audit_emit [EVENTS]     default 1000000; the log goes below $TMPDIR and is removed
 *   bench_audit_emit EVENTS keep  only the flood, into $XDG_STATE_HOME; the log stays
 */
#include <fcntl.h>
#include <ftw.h>
#include <sys/resource.h>

#include "audit/audit.h"
#include "audit/store.h"
#include "audit/verify.h"

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t percentile(uint64_t *v, size_t n, unsigned percent)
{
	qsort(v, n, sizeof(*v), compare);
	return v[n * percent / 100];
}

static struct audit_log *open_log(const char *id)
{
	static char *const command[] = {(char *)"true", NULL};
	struct audit_session_info info = {
	    .session_id = id, .command = command, .executable = "/bin/true", .profile = "default"};
	struct audit_log *log;
	struct err err;

	if (audit_log_open(&info, &log, &err) == 0)
		return log;
	fprintf(stderr, "%s\n", err.msg);
	exit(1);
}

static struct audit_event event(const char *target)
{
	return (struct audit_event){
	    .kind = AUDIT_OPEN,
	    .time_ns = clock_real_ns(),
	    .pid = 1000,
	    .ppid = 999,
	    .op = "read",
	    .target = target,
	    .target_len = strlen(target),
	    .program = "/usr/lib/gcc/x86_64-linux-gnu/12/cc1",
	    .rule = "read /usr",
	    .source = "group system",
	};
}

static void life(void)
{
	enum { ROUNDS = 200 };
	uint64_t opened[ROUNDS], closed[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		char id[32];
		uint64_t t0 = clock_mono_ns(), t1;
		snprintf(id, sizeof(id), "life-%d", i);
		struct audit_log *log = open_log(id);
		t1 = clock_mono_ns();
		usleep(1000);
		opened[i] = t1 - t0;
		t0 = clock_mono_ns();
		audit_log_close(log, 0, NULL);
		closed[i] = clock_mono_ns() - t0;
	}
	printf("open   p50 %llu us, p90 %llu us\n",
	       (unsigned long long)percentile(opened, ROUNDS, 50) / 1000,
	       (unsigned long long)percentile(opened, ROUNDS, 90) / 1000);
	printf("close  p50 %llu us, p90 %llu us\n",
	       (unsigned long long)percentile(closed, ROUNDS, 50) / 1000,
	       (unsigned long long)percentile(closed, ROUNDS, 90) / 1000);
}

/* Events 50 us apart: nothing waits for anything, what is measured is the emitter's own cost. */
static void paced(struct audit_log *log)
{
	enum { N = 5000 };
	static uint64_t ns[N];

	for (int i = 0; i < N; i++) {
		struct audit_event ev = event("/usr/include/x86_64-linux-gnu/bits/types.h");
		uint64_t until = clock_mono_ns() + 50000, t0;
		while (clock_mono_ns() < until)
			;
		t0 = clock_mono_ns();
		audit_emit(log, &ev);
		ns[i] = clock_mono_ns() - t0;
	}
	printf("emit   p50 %llu ns, p99 %llu ns (paced, clock included)\n",
	       (unsigned long long)percentile(ns, N, 50),
	       (unsigned long long)percentile(ns, N, 99));
}

static void flushes(struct audit_log *log)
{
	enum { N = 2000 };
	static uint64_t ns[N];

	for (int i = 0; i < N; i++) {
		struct audit_event ev = event("/home/u/project/src/main.c");
		uint64_t t0 = clock_mono_ns();
		audit_emit(log, &ev);
		if (audit_flush(log) < 0)
			exit(1);
		ns[i] = clock_mono_ns() - t0;
	}
	printf("flush  p50 %llu ns, p99 %llu ns (with its event)\n",
	       (unsigned long long)percentile(ns, N, 50),
	       (unsigned long long)percentile(ns, N, 99));
}

static double ns_between(const struct timeval *from, const struct timeval *to)
{
	return (double)(to->tv_sec - from->tv_sec) * 1e9 +
	       (double)(to->tv_usec - from->tv_usec) * 1e3;
}

static void flood(struct audit_log *log, long n)
{
	struct rusage before, after;
	uint64_t t0, t1;

	getrusage(RUSAGE_SELF, &before);
	t0 = clock_mono_ns();
	for (long i = 0; i < n; i++) {
		char target[64];
		snprintf(target, sizeof(target), "/usr/include/x86_64-linux-gnu/bits/%ld.h", i);
		struct audit_event ev = event(target);
		audit_emit(log, &ev);
	}
	audit_flush(log);
	t1 = clock_mono_ns();
	getrusage(RUSAGE_SELF, &after);
	printf("flood  %.0f events/s to the file, CPU each: %.0f ns here, %.0f ns in the kernel\n",
	       (double)n * 1e9 / (double)(t1 - t0),
	       ns_between(&before.ru_utime, &after.ru_utime) / (double)n,
	       ns_between(&before.ru_stime, &after.ru_stime) / (double)n);
}

static void verify(const char *id)
{
	_cleanup_free_ char *dir = store_dir(id), *path = xasprintf("%s/" EVENTS_FILE, dir);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct log_check c;
	uint64_t t0 = clock_mono_ns();

	if (log_verify(fd, &c, NULL) < 0 || c.bad_line) {
		fprintf(stderr, "the log does not verify\n");
		exit(1);
	}
	printf("verify %.2f s for %llu events\n", (double)(clock_mono_ns() - t0) / 1e9,
	       (unsigned long long)c.state.count);
}

/* As the front end opens a log: the last lines of it. */
static int open_at_end(const char *id)
{
	struct audit_reader *r = NULL;
	struct audit_line line;
	struct err err;
	uint64_t t0 = clock_mono_ns();
	int lines = 0;

	if (audit_reader_open(id, &r, &err) < 0 || audit_reader_seek_tail(r, 100, &err) < 0)
		return -1;
	while (audit_reader_next(r, &line, &err) == 1)
		lines++;
	audit_reader_free(r);
	printf("open   %.3f ms for the last %d lines\n", (double)(clock_mono_ns() - t0) / 1e6,
	       lines);
	return lines == 100 ? 0 : -1;
}

int main(int argc, char **argv)
{
	long n = 1000000;
	const char *tmp = getenv("TMPDIR");
	_cleanup_free_ char *dir = xasprintf("%s/nono-bench-XXXXXX", tmp ? tmp : "/tmp");
	struct audit_log *log;
	bool keep = argc > 2 && str_eq(argv[2], "keep");

	if ((argc > 1 && str_to_long(argv[1], 1, 100000000, &n) < 0) || !mkdtemp(dir)) {
		fprintf(stderr, "usage: bench_audit_emit [EVENTS [keep]]\n");
		return 2;
	}
	if (keep) {
		rmdir(dir);
		log = open_log("bench");
		paced(log);
		flood(log, n);
		return audit_log_close(log, 0, NULL) < 0 || open_at_end("bench") < 0;
	}
	setenv("XDG_STATE_HOME", dir, 1);
	life();
	log = open_log("bench");
	paced(log);
	flushes(log);
	flood(log, n);
	audit_log_close(log, 0, NULL);
	verify("bench");
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}
