/*
 * Death and a full disk at every single step of writing a log, ending it, entering it into the
 * ledger, and cleaning up; and a flipped bit in every byte. The calls that change files are wrapped
 * (tests/CMakeLists.txt).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "audit/hash.h"
#include "audit/store.h"
#include "audit/verify.h"
#include "tests/lib/auditdir.h"

enum mode { KILL_BEFORE = 0, KILL_HALF, FULL_ONCE, FULL_FOR_EVER, MODES };

/* Shared with the child that is killed. */
struct shared {
	int step, stop; /* steps so far; at which it happens */
	enum mode mode;
	uint64_t emitted[2], kept[2]; /* kept: audit_flush() said so */
	bool closed[2];		      /* audit_log_close() said so */
	bool cleaning, done;
	bool limits; /* cleaned up by the limits of the settings, not by hand */
};
static struct shared *shared;

/* ---- the wrapped calls ----------------------------------------------------------------------- */

/* 0: goes on; 1: the call shall fail for want of room, half done if it writes. */
static int step(void)
{
	int n;

	if (!shared || !shared->stop)
		return 0;
	n = __atomic_add_fetch(&shared->step, 1, __ATOMIC_SEQ_CST);
	if (shared->mode == KILL_BEFORE && n == shared->stop)
		raise(SIGKILL);
	if (shared->mode == FULL_FOR_EVER)
		return n >= shared->stop;
	return n == shared->stop;
}

static ssize_t half(ssize_t done)
{
	if (shared->mode == KILL_HALF)
		raise(SIGKILL);
	errno = ENOSPC;
	return done > 0 ? done : -1;
}

ssize_t __real_pwrite64(int fd, const void *p, size_t n, off_t at);
ssize_t __wrap_pwrite64(int fd, const void *p, size_t n, off_t at);
ssize_t __wrap_pwrite64(int fd, const void *p, size_t n, off_t at)
{
	return step() ? half(n > 1 ? __real_pwrite64(fd, p, n / 2, at) : 0)
		      : __real_pwrite64(fd, p, n, at);
}

ssize_t __real_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n)
{
	return fd > 2 && step() ? half(n > 1 ? __real_write(fd, p, n / 2) : 0)
				: __real_write(fd, p, n);
}

#define WRAP(name, parameters, arguments)                               \
	int __real_##name parameters;                                   \
	int __wrap_##name parameters;                                   \
	int __wrap_##name parameters                                    \
	{                                                               \
		return step() ? (int)half(0) : __real_##name arguments; \
	}
WRAP(ftruncate64, (int fd, off_t n), (fd, n))
WRAP(renameat, (int a, const char *from, int b, const char *to), (a, from, b, to))
WRAP(mkdir, (const char *path, mode_t mode), (path, mode))

/* Freeing needs no room. */
int __real_unlinkat(int dir, const char *name, int flags);
int __wrap_unlinkat(int dir, const char *name, int flags);
int __wrap_unlinkat(int dir, const char *name, int flags)
{
	if (step() && shared->mode == KILL_HALF)
		raise(SIGKILL);
	return __real_unlinkat(dir, name, flags);
}

/* ---- what is done ---------------------------------------------------------------------------- */

static const char *const ids[] = {"first", "second"};

static void one_session(size_t i)
{
	struct audit_log *log = auditdir_open(ids[i]);

	if (!log)
		return;
	for (unsigned n = 0; n < 6; n++) {
		char target[32];
		snprintf(target, sizeof(target), "/%s/%u", ids[i], n);
		struct audit_event ev = auditdir_event(target);
		audit_emit(log, &ev);
		shared->emitted[i]++;
		if (n % 2 && audit_flush(log) == 0)
			shared->kept[i] = n + 1;
	}
	shared->closed[i] = audit_log_close(log, 0, NULL) == 0;
}

/* All but the newest. */
static const struct audit_limits limits = {.has[AUDIT_MAX_SESSIONS] = true, .sessions = 1};

static int clean_up(struct err *err)
{
	const struct audit_cleanup_options by_hand = {.keep = 1, .older_than = -1, .max_bytes = -1};

	return shared->limits ? audit_keep(&limits, err) : audit_cleanup(&by_hand, err);
}

static _Noreturn void in_child(void)
{
	int null = open("/dev/null", O_WRONLY);
	struct err err;

	dup2(null, 1);
	dup2(null, 2);
	one_session(0);
	usleep(2000);
	one_session(1);
	shared->cleaning = true;
	clean_up(&err);
	shared->done = true;
	_exit(0);
}

/* ---- what must be so afterwards -------------------------------------------------------------- */

struct seen {
	const char *id;
	uint64_t events, lost;
	bool order;
};

static void on_event(void *data, uint64_t sequence, const struct hash *leaf, const char *event,
		     size_t n)
{
	struct seen *s = data;
	char want[48];
	struct json_span o = {event, n}, v;
	uint64_t lost;

	(void)sequence;
	(void)leaf;
	snprintf(want, sizeof(want), "\"target\":\"/%s/%llu\"", s->id,
		 (unsigned long long)s->events);
	if (strstr(event, "\"type\":\"open\"")) {
		s->order = s->order && (s->lost || strstr(event, want));
		s->events++;
	} else if (strstr(event, "events_lost") && json_get(o, "count", &v) &&
		   json_u64(v, &lost) == 0) {
		s->lost += lost;
	}
}

static bool check_session(size_t i)
{
	struct err err = {0};
	_cleanup_close_ int dir = store_open_dir(ids[i], &err), fd = -1;
	struct seen seen = {.id = ids[i], .order = true};
	struct session_meta m;
	struct ledger_check ledger;
	struct log_check c;
	struct hash digest;

	if (dir < 0) {
		/* Never made, or removed after the ledger had it. */
		assert_int_equal(ledger_verify(ids[i], NULL, &ledger, &err), 0);
		assert_true(ledger.found || !shared->kept[i]);
		assert_true(!shared->closed[i] || (ledger.found && i == 0 && shared->cleaning));
		return false;
	}
	if (audit_adopt(ids[i], &err) < 0) {
		/* Nothing was ever written into it. */
		assert_int_equal(shared->kept[i], 0);
		return false;
	}
	fd = openat(dir, EVENTS_FILE, O_RDONLY | O_CLOEXEC);
	assert_int_equal(log_verify_each(fd, &c, on_event, &seen, &err), 0);
	assert_int_equal(c.bad_line, 0);
	assert_int_equal(c.torn, 0);
	assert_true(c.ended);
	assert_true(seen.order);
	assert_in_range(seen.events, shared->kept[i], shared->emitted[i]);
	assert_int_equal(meta_read(&m, dir, &err), 0);
	digest = meta_digest(&m);
	assert_int_equal(m.event_count, c.state.count);
	assert_int_equal(ledger_verify(ids[i], &digest, &ledger, &err), 0);
	assert_true(ledger.chain_ok && ledger.found && ledger.digest_matches);
	meta_free(&m);
	return true;
}

/* What was begun is ended by the next one, and the ledger has what it had. */
static void check_next_cleanup(bool second)
{
	_cleanup_free_ char *root = store_root();
	struct ledger_check ledger;
	struct err err = {0};
	unsigned records = 0;
	struct dirent *de;
	DIR *d;

	assert_true(audit_keep(&limits, &err) >= 0);
	d = opendir(root);
	assert_true(d || (errno == ENOENT && !shared->kept[0])); /* nothing was ever made */
	while (d && (de = readdir(d))) {
		assert_null(strstr(de->d_name, "gone"));
		records += de->d_type == DT_DIR && de->d_name[0] != '.';
	}
	if (d)
		closedir(d);
	/* One that was never written into may still be that of a session to be. */
	if (second)
		assert_int_equal(records, 1);
	if (shared->closed[0]) {
		assert_int_equal(ledger_verify(ids[0], NULL, &ledger, &err), 0);
		assert_true(ledger.chain_ok && ledger.found);
	}
}

static void at_every_step(enum mode mode, bool by_limits)
{
	for (int stop = 1;; stop++) {
		struct audit_log *log;
		struct ledger_check ledger;
		struct err err;
		int status;
		pid_t pid;

		auditdir_setup(NULL);
		memset(shared, 0, sizeof(*shared));
		shared->mode = mode;
		shared->limits = by_limits;
		shared->stop = stop;
		fflush(stdout);
		pid = fork();
		if (pid == 0)
			in_child();
		assert_int_equal(waitpid(pid, &status, 0), pid);
		shared->stop = 0; /* from here on all goes well */
		check_session(0);
		check_next_cleanup(check_session(1));
		/* And it goes on. */
		log = auditdir_open("third");
		assert_non_null(log);
		assert_int_equal(audit_log_close(log, 0, &err), 0);
		assert_int_equal(ledger_verify("third", NULL, &ledger, &err), 0);
		assert_true(ledger.chain_ok && ledger.found);
		auditdir_teardown(NULL);
		if (shared->step < stop) {
			assert_true(shared->done && shared->closed[0] && shared->closed[1]);
			assert_true(stop > 20);
			return;
		}
	}
}

static void test_killed_before(void **state)
{
	(void)state;
	at_every_step(KILL_BEFORE, false);
}
static void test_killed_half_way(void **state)
{
	(void)state;
	at_every_step(KILL_HALF, false);
}
static void test_full_once(void **state)
{
	(void)state;
	at_every_step(FULL_ONCE, false);
}
static void test_full_for_ever(void **state)
{
	(void)state;
	at_every_step(FULL_FOR_EVER, false);
}
static void test_killed_by_limits(void **state)
{
	(void)state;
	at_every_step(KILL_BEFORE, true);
	at_every_step(KILL_HALF, true);
}

/* ---- flipped bits ---------------------------------------------------------------------------- */

static void flip(int fd, off_t at, unsigned bit)
{
	char c;

	assert_int_equal(pread(fd, &c, 1, at), 1);
	c ^= (char)(1u << bit);
	assert_int_equal(__real_pwrite64(fd, &c, 1, at), 1);
}

static void test_bits_of_a_log(void **state)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	struct log_check c;
	struct err err;
	uint64_t line = 1;
	off_t size;
	char byte;

	(void)state;
	auditdir_setup(NULL);
	shared->stop = 0;
	one_session(0);
	path = auditdir_file(ids[0], EVENTS_FILE);
	fd = open(path, O_RDWR | O_CLOEXEC);
	size = lseek(fd, 0, SEEK_END);
	for (off_t at = 0; at < size; at++) {
		assert_int_equal(pread(fd, &byte, 1, at), 1);
		flip(fd, at, (unsigned)at % 8);
		assert_int_equal(log_verify(fd, &c, &err), 0);
		if (at == size - 1) /* the last newline: the line is not there yet */
			assert_true(c.torn && !c.ended);
		else
			assert_int_equal(c.bad_line, line);
		flip(fd, at, (unsigned)at % 8);
		line += byte == '\n';
	}
	assert_int_equal(log_verify(fd, &c, &err), 0);
	assert_int_equal(c.bad_line, 0);
	auditdir_teardown(NULL);
}

static void test_bits_of_the_ledger(void **state)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	struct ledger_check c;
	struct err err;
	uint64_t line = 1;
	off_t size;
	char byte;

	(void)state;
	auditdir_setup(NULL);
	one_session(0);
	one_session(1);
	path = auditdir_file("", LEDGER_FILE);
	fd = open(path, O_RDWR | O_CLOEXEC);
	size = lseek(fd, 0, SEEK_END);
	for (off_t at = 0; at < size; at++) {
		assert_int_equal(pread(fd, &byte, 1, at), 1);
		flip(fd, at, (unsigned)at % 8);
		assert_int_equal(ledger_verify(ids[1], NULL, &c, &err), 0);
		if (at == size - 1)
			assert_true(c.entries == 1 && !c.found);
		else
			assert_true(!c.chain_ok && c.bad_line == line);
		flip(fd, at, (unsigned)at % 8);
		line += byte == '\n';
	}
	auditdir_teardown(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_killed_before),      cmocka_unit_test(test_killed_half_way),
	    cmocka_unit_test(test_full_once),	       cmocka_unit_test(test_full_for_ever),
	    cmocka_unit_test(test_killed_by_limits),   cmocka_unit_test(test_bits_of_a_log),
	    cmocka_unit_test(test_bits_of_the_ledger),
	};

	shared =
	    mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return shared == MAP_FAILED ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
