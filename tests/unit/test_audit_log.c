/*
 * Writing, ending, adopting and checking a log. With the argument "emit" the program only leaves
 * a log behind, for a check by an independent program.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "audit/hash.h"
#include "audit/store.h"
#include "audit/verify.h"
#include "tests/lib/auditdir.h"

static void emit_some(struct audit_log *log, unsigned n)
{
	struct audit_decision_event decision = {
	    .request_id = "r1",
	    .kind = "read",
	    .path = "/etc/shadow",
	    .access = "read",
	    .backend = "terminal",
	    .scope = "once",
	    .by = "client 1",
	    .program = "/usr/bin/cat",
	    .pid = 11,
	    .deny_reason = "no",
	    .duration_ms = 1200,
	};

	for (unsigned i = 0; i < n; i++) {
		char target[64];
		struct audit_event ev;
		snprintf(target, sizeof(target), "/home/u/\"file\"\n\x1b[%u \xff\xc3\xa9", i);
		ev = auditdir_event(target);
		if (i % 3 == 1) {
			ev.kind = AUDIT_CHANGE;
			ev.decision = AUDIT_ALLOWED;
			ev.op = "rename";
			ev.target2 = "/b";
			ev.target2_len = 2;
			ev.err = 0;
			ev.rule = NULL;
		}
		audit_emit(log, &ev);
	}
	audit_emit_decision(log, &decision);
}

static struct log_check verify(const char *id)
{
	_cleanup_free_ char *path = auditdir_file(id, EVENTS_FILE);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct log_check c;
	struct err err;

	assert_true(fd >= 0);
	assert_int_equal(log_verify(fd, &c, &err), 0);
	return c;
}

static int quiet_verify(const char *id)
{
	struct audit_verify_options o = {.id = id};
	struct err err;
	int r, null = open("/dev/null", O_WRONLY | O_CLOEXEC), saved = dup(1);

	fflush(stdout);
	dup2(null, 1);
	r = audit_verify(&o, &err);
	fflush(stdout);
	dup2(saved, 1);
	close(saved);
	close(null);
	return r < 0 ? (int)err.cls : r;
}

static struct session_meta read_meta(const char *id)
{
	struct session_meta m;
	struct err err;
	_cleanup_close_ int dir = store_open_dir(id, &err);

	assert_int_equal(meta_read(&m, dir, &err), 0);
	return m;
}

static void test_whole_life(void **state)
{
	struct audit_log *log = auditdir_open("life1");
	struct session_meta m;
	struct log_check c;
	struct err err;
	uint64_t events, denials;

	(void)state;
	assert_non_null(log);
	emit_some(log, 10);
	audit_counts(log, &events, &denials);
	assert_int_equal(events, 13);
	assert_int_equal(denials, 8);
	assert_int_equal(audit_flush(log), 0);
	c = verify("life1");
	assert_int_equal(c.bad_line, 0);
	assert_int_equal(c.state.count, 13);
	assert_int_equal(quiet_verify("life"), 0);	  /* still running */
	assert_int_equal(audit_adopt("life1", &err), -1); /* not ours to end */
	assert_int_equal(audit_log_close(log, 7, &err), 0);
	c = verify("life1");
	assert_int_equal(c.state.count, 14);
	assert_true(c.ended);
	assert_int_equal(c.exit_code, 7);
	m = read_meta("life1");
	assert_true(m.has_integrity);
	assert_int_equal(m.event_count, 14);
	assert_int_equal(strlen(m.sha256), 64);
	assert_string_equal(m.executable, "/bin/true");
	meta_free(&m);
	assert_int_equal(quiet_verify("life1"), 0);
	/* Nothing left to do. */
	assert_int_equal(audit_adopt("life1", &err), 0);
	assert_int_equal(quiet_verify("life1"), 0);
}

/* Vectors computed by an independent program (Python's hashlib). */
static void test_vectors(void **state)
{
	static const char *const roots[] = {
	    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	    "2fe633d762fb8a9f57b3d45fb3fe01617d7fceda6f137b06761d2570fdf0e18f",
	    "d98a095cf054860f753a7131b2ce08dc72397a288e5ca7237404f07d8ec673d6",
	    "487ffa47cc304aa8a8778adc3f06b4d43673395bb684c0e22e35d09059ca0195",
	    "7b78bfbbb05ee84807721caf0db1211b8c1e2a00b5e688d98af7fb071bf3d436",
	    "580339db3d7652cb3ec5d88ff75399e4762ab02412a1d3c2f282b520bfe3b504",
	    "e31a1f089be2f6b82c9f28cc692c455ebb9d2afcc0eb99c4ca4579fdcac9b1ec",
	    "f116caa1a6d039bb74f66f2d2e384325a4e7655d6f3e6a9fbdb129eed8b0bd03",
	    "a327727c3a20d6b94ae1af50bc52e129a482236610cb2fc258e30983c12b3280",
	    "30f9900dbef46b2b23450b59635d9b824665e2685b59a99c68fd51a08f358b36",
	    "0aa9bceb23d7664bef8205bf34616722fc29269f44b96c5a0f1594410d0dedff",
	    "3ec57a52e37517295c059470f1b634323da8d9af7c875472ad9796d98f780114",
	    "2c855671eb2cc38a196bc9736b0fdeade6b940ea8c446b4b6c5e157778fc8e5d",
	    "94afd44c88c902ff5ea6344abddef7229c8c7b605e5b373fb6ecd7ff985a5098",
	};
	static const char chain7[] =
	    "21786882d12bd42bcee74fc57edc6e5c175c5cc2f304dc03d3059060bc4cecf8";
	struct hash_state st = {0};
	char hex[HASH_HEX];

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(roots); i++) {
		char event[32];
		struct hash h = hash_merkle_root(&st);
		hash_hex(hex, &h);
		assert_string_equal(hex, roots[i]);
		snprintf(event, sizeof(event), "{\"n\":%u}", i);
		h = hash_leaf(event, strlen(event));
		hash_append(&st, &h);
		if (i == 6) {
			hash_hex(hex, &st.chain);
			assert_string_equal(hex, chain7);
		}
	}
}

static void test_flipped_bytes(void **state)
{
	struct audit_log *log = auditdir_open("flip");
	_cleanup_free_ char *path = auditdir_file("flip", EVENTS_FILE);
	_cleanup_free_ char *text = NULL;
	size_t n, line = 1;
	int fd;

	(void)state;
	emit_some(log, 3);
	assert_int_equal(audit_log_close(log, 0, NULL), 0);
	text = file_read(path, 1u << 20, &n, NULL);
	fd = open(path, O_RDWR | O_CLOEXEC);
	for (size_t i = 0; i < n; i++) {
		char other = (char)(text[i] ^ 1);
		struct log_check c;
		bool newline = text[i] == '\n';
		assert_int_equal(pwrite(fd, &other, 1, (off_t)i), 1);
		c = verify("flip");
		/* The newline itself: two lines become one, or the last one torn. */
		if (newline && i + 1 == n)
			assert_true(c.torn > 0);
		else
			assert_int_equal(c.bad_line, line);
		if (i % 97 == 0)
			assert_int_equal(quiet_verify("flip"), 1);
		assert_int_equal(pwrite(fd, &text[i], 1, (off_t)i), 1);
		line += newline;
	}
	close(fd);
	assert_int_equal(quiet_verify("flip"), 0);
	/* A line that is gone from the end is missed too. */
	while (text[--n - 1] != '\n')
		;
	assert_int_equal(truncate(path, (off_t)n), 0);
	assert_int_equal(verify("flip").bad_line, 0);
	assert_int_equal(quiet_verify("flip"), 1);
}

static void test_changed_record(void **state)
{
	struct audit_log *log = auditdir_open("rec");
	_cleanup_free_ char *path = auditdir_file("rec", SESSION_FILE), *text = NULL;
	char *p;
	size_t n;

	(void)state;
	assert_int_equal(audit_log_close(log, 0, NULL), 0);
	text = file_read(path, 1u << 20, &n, NULL);
	p = strstr(text, "\"exit_code\": 0");
	assert_non_null(p);
	p[13] = '1';
	assert_int_equal(file_write_atomic(path, 0600, text, n, NULL), 0);
	assert_int_equal(quiet_verify("rec"), 1);
}

static void flood(const char *id)
{
	struct audit_log *log = auditdir_open(id);
	uint64_t n = 0;

	if (!log)
		_exit(1);
	for (;;) {
		char target[64];
		struct audit_event ev;
		snprintf(target, sizeof(target), "/x/%llu", (unsigned long long)n++);
		ev = auditdir_event(target);
		audit_emit(log, &ev);
		if (n % 1000 == 0)
			audit_flush(log);
	}
}

static void test_killed(void **state)
{
	uint64_t total = 0;

	(void)state;
	srandom(4711);
	for (int round = 0; round < 50; round++) {
		char id[32];
		struct log_check c;
		struct err err;
		pid_t pid;

		snprintf(id, sizeof(id), "kill-%02d", round);
		pid = fork();
		if (pid == 0)
			flood(id);
		usleep(2000 + (useconds_t)(random() % 30000));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		if (audit_adopt(id, &err) < 0) {
			/* Killed before the first line: there was no session yet. */
			_cleanup_free_ char *path = auditdir_file(id, EVENTS_FILE);
			struct stat st;
			assert_true(stat(path, &st) < 0 || st.st_size == 0);
			continue;
		}
		c = verify(id);
		assert_int_equal(c.bad_line, 0);
		assert_int_equal(c.torn, 0);
		assert_true(c.ended);
		assert_int_equal(c.exit_code, -1);
		assert_int_equal(audit_adopt(id, &err), 0);
		assert_int_equal(quiet_verify(id), 0);
		total += c.state.count;
	}
	assert_true(total > 1000);
}

/* Cut off anywhere, and again after what the adoption wrote. */
static void test_torn_anywhere(void **state)
{
	_cleanup_free_ char *path = auditdir_file("torn", EVENTS_FILE), *text = NULL;
	_cleanup_free_ char *session = auditdir_file("torn", SESSION_FILE), *meta = NULL;
	struct audit_log *log = auditdir_open("torn");
	size_t n, meta_len, first_line;

	(void)state;
	assert_int_equal(audit_flush(log), 0);
	for (int i = 0; i < 500 && access(session, F_OK) < 0; i++)
		usleep(1000);
	meta = file_read(session, 65536, &meta_len, NULL);
	emit_some(log, 2);
	assert_int_equal(audit_log_close(log, 0, NULL), 0);
	text = file_read(path, 1u << 20, &n, NULL);
	first_line = (size_t)(strchr(text, '\n') - text);
	for (size_t cut = 0; cut <= n; cut += 13) {
		struct log_check c;
		struct err err;
		_cleanup_free_ char *ledger = auditdir_file("", LEDGER_FILE);
		unlink(ledger);
		assert_int_equal(file_write_atomic(path, 0600, text, cut, NULL), 0);
		assert_int_equal(file_write_atomic(session, 0600, meta, meta_len, NULL), 0);
		if (cut % 2 && cut > first_line)
			unlink(session);
		assert_int_equal(audit_adopt("torn", &err), 0);
		c = verify("torn");
		assert_int_equal(c.bad_line, 0);
		assert_int_equal(c.torn, 0);
		assert_true(c.ended);
		assert_int_equal(quiet_verify("torn"), 0);
	}
}

static void limit_files(rlim_t bytes)
{
	struct rlimit rl = {bytes, RLIM_INFINITY};

	assert_int_equal(setrlimit(RLIMIT_FSIZE, &rl), 0);
}

/* A full disk, by the limit on file sizes: the log fails, holds whole lines, and goes on when
 * there is room, saying what was lost. */
static void test_full_disk(void **state)
{
	struct audit_log *log;
	struct log_check c;
	struct err err;
	_cleanup_free_ char *path = auditdir_file("full", EVENTS_FILE), *text = NULL;
	size_t n;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	log = auditdir_open("full");
	limit_files(20000);
	emit_some(log, 200);
	assert_int_equal(audit_flush(log), -1);
	assert_true(audit_failed(log));
	c = verify("full");
	assert_int_equal(c.bad_line, 0);
	assert_int_equal(c.torn, 0);
	/* Far more than fits anywhere: emitting must come back. */
	for (int i = 0; i < 60; i++)
		emit_some(log, 200);
	assert_int_equal(audit_flush(log), -1);
	limit_files(RLIM_INFINITY);
	assert_int_equal(audit_flush(log), 0);
	assert_false(audit_failed(log));
	assert_int_equal(audit_log_close(log, 0, &err), 0);
	c = verify("full");
	assert_int_equal(c.bad_line, 0);
	assert_true(c.ended);
	text = file_read(path, 64u << 20, &n, NULL);
	assert_non_null(strstr(text, "events_lost"));
	assert_int_equal(quiet_verify("full"), 0);
}

static void test_full_disk_at_end(void **state)
{
	struct audit_log *log;
	struct err err;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	log = auditdir_open("fullend");
	limit_files(8000);
	emit_some(log, 50);
	assert_int_equal(audit_log_close(log, 0, &err), -1);
	assert_non_null(strstr(err.msg, "fullend"));
	limit_files(RLIM_INFINITY);
	assert_int_equal(quiet_verify("fullend"), 1);
	assert_int_equal(audit_adopt("fullend", &err), 0);
	assert_int_equal(quiet_verify("fullend"), 0);
}

static void test_no_directory(void **state)
{
	(void)state;
	setenv("XDG_STATE_HOME", "/proc/nothing", 1);
	assert_null(auditdir_open("nowhere"));
	setenv("XDG_STATE_HOME", auditdir_path, 1);
	struct audit_log *log = auditdir_open("twice");
	assert_null(auditdir_open("twice"));
	assert_int_equal(audit_log_close(log, 0, NULL), 0);
	assert_null(auditdir_open("../x"));
}

static void test_ledger_together(void **state)
{
	struct ledger_check check;
	pid_t pids[8];

	(void)state;
	for (int p = 0; p < 8; p++) {
		pids[p] = fork();
		if (pids[p])
			continue;
		for (int i = 0; i < 10; i++) {
			char id[32];
			snprintf(id, sizeof(id), "led-%d-%d", p, i);
			struct audit_log *log = auditdir_open(id);
			if (!log || audit_log_close(log, 0, NULL) < 0)
				_exit(1);
		}
		_exit(0);
	}
	for (int p = 0; p < 8; p++) {
		int status;
		waitpid(pids[p], &status, 0);
		assert_int_equal(status, 0);
	}
	assert_int_equal(ledger_verify("led-7-9", NULL, &check, NULL), 0);
	assert_true(check.chain_ok);
	assert_true(check.found);
	assert_int_equal(check.entries, 80);
	for (int p = 0; p < 8; p++) {
		char id[32];
		snprintf(id, sizeof(id), "led-%d-5", p);
		assert_int_equal(quiet_verify(id), 0);
	}
}

static void *emit_thread(void *arg)
{
	for (int i = 0; i < 20000; i++) {
		struct audit_event ev = auditdir_event("/some/where/over/the/rainbow");
		audit_emit(arg, &ev);
		if (i % 500 == 0)
			audit_flush(arg);
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct audit_log *log = auditdir_open("threads");
	pthread_t t[4];
	struct log_check c;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		assert_int_equal(pthread_create(&t[i], NULL, emit_thread, log), 0);
	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		pthread_join(t[i], NULL);
	assert_int_equal(audit_log_close(log, 0, NULL), 0);
	c = verify("threads");
	assert_int_equal(c.bad_line, 0);
	assert_int_equal(c.state.count, 80003);
}

/* An event reaches the file by itself soon, also after the writer has gone to sleep. */
static void test_latency(void **state)
{
	struct audit_log *log = auditdir_open("late");

	(void)state;
	for (int round = 0; round < 2; round++) {
		uint64_t before = verify("late").state.count;
		struct audit_event ev = auditdir_event("/a");
		int tries = 0;
		if (round)
			usleep(900000);
		audit_emit(log, &ev);
		while (verify("late").state.count == before && tries++ < 200)
			usleep(10000);
		assert_int_equal(verify("late").state.count, before + 1);
	}
	assert_int_equal(audit_log_close(log, 0, NULL), 0);
}

static int emit_for_others(void)
{
	struct audit_log *log = auditdir_open("emitted");

	if (!log)
		return 1;
	emit_some(log, 100);
	if (audit_log_close(log, 3, NULL) < 0)
		return 1;
	log = auditdir_open("emitted2");
	return log && audit_log_close(log, 0, NULL) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
#define LOG_TEST(f) cmocka_unit_test_setup_teardown(f, auditdir_setup, auditdir_teardown)
	const struct CMUnitTest tests[] = {
	    LOG_TEST(test_whole_life),	  cmocka_unit_test(test_vectors),
	    LOG_TEST(test_flipped_bytes), LOG_TEST(test_changed_record),
	    LOG_TEST(test_killed),	  LOG_TEST(test_torn_anywhere),
	    LOG_TEST(test_full_disk),	  LOG_TEST(test_full_disk_at_end),
	    LOG_TEST(test_no_directory),  LOG_TEST(test_ledger_together),
	    LOG_TEST(test_threads),	  LOG_TEST(test_latency),
	};

	if (argc == 2 && str_eq(argv[1], "emit"))
		return emit_for_others();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
