/*
 * Requests from end to end: a confined child calls, the room's threads serve it, and the test is
 * the loop thread and the person that answers.
 */
#include "elevation/requests.h"
#include "sandbox/nono.h"
#include "tests/lib/child.h"

#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>

#define SESSION "0123456789ab"

static char dir[64], ws[96], closed[96], sock_path[160];
static struct policy *policy;
static struct audit_log *audit;
static struct elevation *elev;
static pid_t init, child; /* root of the session's tree, and the program below it */
static int ready[2];	  /* to and from the child */
static unsigned timeout_s;

/* What was seen. */
static unsigned opened, ended;
static struct request last_opened, last_closed;
static char last_by[96];

static void on_opened(void *data, const struct request *r)
{
	(void)data;
	opened++;
	last_opened = *r;
}

static void on_closed(void *data, const struct request *r, const char *by)
{
	(void)data;
	ended++;
	last_closed = *r;
	str_copy(last_by, sizeof(last_by), by);
}

/* ---- a session ------------------------------------------------------------------------------ */

static void put_file(const char *name, const char *text)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", closed, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
	assert_true(fd >= 0);
	assert_int_equal(write_full(fd, text, strlen(text)), 0);
	close(fd);
}

static const char *in_closed(const char *name)
{
	static char path[4][256];
	static unsigned next;
	char *p = path[next++ % 4];

	snprintf(p, 256, "%s/%s", closed, name);
	return p;
}

static int set_up(void **state)
{
	char name[128];

	(void)state;
	str_copy(dir, sizeof(dir), "/tmp/nono-test-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(ws, sizeof(ws), "%s/ws", dir);
	snprintf(closed, sizeof(closed), "%s/closed", dir);
	snprintf(sock_path, sizeof(sock_path), "%s/run", dir);
	mkdir(ws, 0700);
	mkdir(closed, 0700);
	mkdir(sock_path, 0700);
	str_copy(sock_path + strlen(sock_path), 32, "/request.sock");
	setenv("NONO_REQUEST_SOCKET", sock_path, 1);
	for (size_t i = 0; i < 3; i++) {
		static const char *const vars[] = {"HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"};
		snprintf(name, sizeof(name), "%s/%s", dir, vars[i]);
		mkdir(name, 0700);
		setenv(vars[i], name, 1);
	}
	put_file("key", "secret");
	opened = ended = 0;
	timeout_s = 0;
	return 0;
}

static _Noreturn void in_session(void (*fn)(void))
{
	struct policy_spec *spec = NULL;
	struct nono_layers layers = {0};
	struct nono_error ne = {0};
	struct err err = {0};
	int listener = -1;
	struct nono_spec confined;
	pid_t pid;
	char go;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	CHECK(chdir(ws) == 0);
	CHECK(policy_spec_new(policy, true, dir, &spec, &err) == 0);
	confined = *policy_spec_get(spec);
	confined.listener_socket = ready[1];
	if (nono_confine(&confined, &layers, &listener, &ne) < 0) {
		fprintf(stderr, "%s%s\n", err.msg, ne.msg);
		_exit(1);
	}
	prctl(PR_SET_DUMPABLE, 1);
	pid = getpid();
	CHECK(listener >= 0 && fd_send(ready[1], &pid, sizeof(pid), listener) == 0);
	close(listener);
	CHECK(read(ready[1], &go, 1) == 1);
	fn();
	_exit(0);
}

static _Noreturn void in_init(void (*fn)(void))
{
	int status = 1;
	pid_t pid;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pid = fork();
	if (pid == 0)
		in_session(fn);
	close(ready[1]);
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
	_exit(status ? 1 : 0);
}

static void start(void (*fn)(void))
{
	const char *allow[] = {ws, NULL};
	char *command[] = {"test", NULL};
	struct policy_input in = {.workdir = ws,
				  .allow = allow,
				  .block_net = -1,
				  .elevation = 1,
				  .protect_workspace = -1,
				  .namespaces = NONO_SKIP};
	struct audit_session_info info = {.session_id = SESSION, .command = command, .workdir = ws};
	struct err err = {0};
	struct elevation_config cfg = {.session_id = SESSION,
				       .request_socket = sock_path,
				       .timeout_s = timeout_s,
				       .notify_fd = -1,
				       .events = {.opened = on_opened, .closed = on_closed}};

	if (policy_resolve(&in, &policy, &err) < 0 || policy_without_namespaces(policy, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ready), 0);
	fflush(NULL);
	init = fork();
	assert_true(init >= 0);
	if (init == 0)
		in_init(fn);
	close(ready[1]);
	assert_int_equal(fd_recv(ready[0], &child, sizeof(child), &cfg.notify_fd), sizeof(child));
	if (audit_log_open(&info, &audit, &err) < 0)
		fail_msg("%s", err.msg);
	cfg.policy = policy;
	cfg.log = audit;
	cfg.init_pid = init;
	if (elevation_start(&cfg, &elev, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(write(ready[0], "g", 1), 1);
}

/* One turn of the loop thread. */
static void turn(void)
{
	int ms = elevation_dispatch(elev);
	struct pollfd p = {.fd = elevation_fd(elev), .events = POLLIN};

	poll(&p, 1, ms >= 0 && ms < 20 ? ms : 20);
	elevation_dispatch(elev);
}

/* Until n requests were opened in all; the last one's id. */
static const char *await_opened(unsigned n)
{
	uint64_t end = clock_mono_ns() + 10000000000ull;

	while (opened < n && clock_mono_ns() < end)
		turn();
	assert_int_equal(opened, n);
	return last_opened.id;
}

static void answer(const char *id, bool grant, enum request_scope scope)
{
	struct err err = {0};
	char copy[REQUEST_ID_LEN + 1];

	str_copy(copy, sizeof(copy), id);
	if (elevation_answer(elev, copy, grant, scope, "test pid 1", &err) < 0)
		fail_msg("%s", err.msg);
}

/* Serves until the child has ended; 0 when all its checks held. */
static int finish(void)
{
	uint64_t end = clock_mono_ns() + 20000000000ull;
	int status = -1;

	while (waitpid(init, &status, WNOHANG) == 0) {
		turn();
		if (clock_mono_ns() > end) {
			kill(init, SIGKILL);
			waitpid(init, &status, 0);
			break;
		}
	}
	return status;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	if (elev)
		elevation_stop(elev);
	elev = NULL;
	if (audit)
		audit_log_close(audit, 0, NULL);
	audit = NULL;
	policy_free(policy);
	policy = NULL;
	close(ready[0]);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

/* How many decisions with this word the log holds at this moment. */
static unsigned logged(const char *word)
{
	struct audit_reader *r;
	struct audit_line line;
	unsigned n = 0;

	if (audit_reader_open(SESSION, &r, NULL) < 0)
		return 0;
	while (audit_reader_next(r, &line, NULL) > 0)
		n += strstr(line.json, "capability_decision") && strstr(line.json, word);
	audit_reader_free(r);
	return n;
}

/* ---- what the child does -----------------------------------------------------------------------
 */

static int try_open(const char *name, int flags)
{
	int fd = open(in_closed(name), flags | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static void read_key(void)
{
	CHECK(try_open("key", O_RDONLY) == EACCES);
}

static void what_is_asked_is_shown(void **state)
{
	const struct request *const *open_now;
	_cleanup_free_ char *self = path_real("/proc/self/exe", NULL);
	const char *id;
	struct err err;
	size_t n;

	(void)state;
	start(read_key);
	id = await_opened(1);
	open_now = elevation_requests(elev, &n);
	assert_int_equal(n, 1);
	assert_string_equal(open_now[0]->id, id);
	assert_int_equal(strspn(id, "0123456789abcdef"), strlen(id));
	assert_int_equal(last_opened.kind, REQUEST_READ);
	assert_int_equal(last_opened.state, REQUEST_OPEN);
	assert_string_equal(last_opened.target, in_closed("key"));
	assert_string_equal(last_opened.asked, in_closed("key"));
	assert_string_equal(last_opened.target2, "");
	assert_string_equal(last_opened.origin, "call");
	assert_int_equal(last_opened.access, NONO_READ);
	assert_true(last_opened.exists);
	assert_int_equal(last_opened.pid, child);
	assert_string_equal(last_opened.program, self);
	assert_string_equal(last_opened.parents[0], self); /* init */
	assert_true(last_opened.rule[0]);
	assert_int_equal(last_opened.waiting, 1);
	assert_int_equal(last_opened.deadline_ns - last_opened.opened_ns, 60000000000ull);
	/* By the beginning of its id. */
	assert_ptr_equal(elevation_find(elev, (char[]){id[0], id[1], id[2], '\0'}, &err),
			 open_now[0]);
	assert_null(elevation_find(elev, "", &err));
	assert_null(elevation_find(elev, "zz", &err));
	assert_int_equal(elevation_answer(elev, "zz", true, SCOPE_ONCE, "x", &err), -1);
	answer(id, false, SCOPE_ONCE);
	assert_int_equal(ended, 1);
	assert_int_equal(last_closed.state, REQUEST_DENIED);
	assert_string_equal(last_by, "test pid 1");
	assert_int_equal(elevation_answer(elev, last_opened.id, true, SCOPE_ONCE, "x", &err), -1);
	assert_int_equal(finish(), 0);
	elevation_requests(elev, &n);
	assert_int_equal(n, 0);
	audit_flush(audit);
	assert_int_equal(logged("\"Denied\""), 1);
	assert_int_equal(logged("\"Granted\""), 0);
}

static void key_once(void)
{
	CHECK(try_open("key", O_RDONLY) == 0);
	CHECK(try_open("key", O_RDONLY) == EACCES);
}

static void once_is_for_the_calls_that_wait(void **state)
{
	(void)state;
	start(key_once);
	answer(await_opened(1), true, SCOPE_ONCE);
	answer(await_opened(2), false, SCOPE_ONCE);
	assert_int_equal(finish(), 0);
}

static void key_for_the_session(void)
{
	for (int i = 0; i < 5; i++)
		CHECK(try_open("key", O_RDONLY) == 0);
	CHECK(try_open("key", O_RDWR) == EACCES);
}

static void a_session_grant_stays(void **state)
{
	(void)state;
	start(key_for_the_session);
	answer(await_opened(1), true, SCOPE_SESSION);
	assert_string_equal(request_kind_name(REQUEST_WRITE), "write");
	answer(await_opened(2), false, SCOPE_ONCE); /* writing is another question */
	assert_int_equal(last_opened.kind, REQUEST_WRITE);
	assert_int_equal(finish(), 0);
	assert_int_equal(opened, 2);
}

static void key_never(void)
{
	for (int i = 0; i < 5; i++)
		CHECK(try_open("key", O_RDONLY) == EACCES);
}

static void a_session_denial_stays(void **state)
{
	struct violation_list l;

	(void)state;
	start(key_never);
	answer(await_opened(1), false, SCOPE_SESSION);
	assert_int_equal(finish(), 0);
	assert_int_equal(opened, 1);
	elevation_violations(elev, &l);
	assert_int_equal(l.n, 1);
	assert_string_equal(l.v[0].target, in_closed("key"));
	assert_int_equal(l.v[0].count, 5);
	free(l.v);
}

static void make_files(void)
{
	char buf[8];
	int fd;

	CHECK(try_open("new", O_WRONLY | O_CREAT | O_EXCL) == 0);
	CHECK(rename(in_closed("new"), in_closed("newer")) == 0);
	CHECK(mkdir(in_closed("sub"), 0700) == -1 && errno == EACCES);
	CHECK(unlink(in_closed("newer")) == 0);
	fd = open(in_closed("key"), O_RDONLY);
	CHECK(fd >= 0 && read(fd, buf, 6) == 6 && memcmp(buf, "secret", 6) == 0);
}

static void every_kind_is_asked_for(void **state)
{
	static const struct {
		enum request_kind kind;
		bool grant;
	} steps[] = {{REQUEST_CREATE, true},
		     {REQUEST_RENAME, true},
		     {REQUEST_CREATE, false},
		     {REQUEST_DELETE, true},
		     {REQUEST_READ, true}};

	(void)state;
	start(make_files);
	for (unsigned i = 0; i < ARRAY_LEN(steps); i++) {
		const char *id = await_opened(i + 1);
		assert_int_equal(last_opened.kind, steps[i].kind);
		if (steps[i].kind == REQUEST_RENAME) {
			assert_string_equal(last_opened.target, in_closed("new"));
			assert_string_equal(last_opened.target2, in_closed("newer"));
			assert_int_equal(last_opened.access2, NONO_WRITE);
		}
		answer(id, steps[i].grant, SCOPE_ONCE);
	}
	assert_int_equal(finish(), 0);
	assert_int_equal(access(in_closed("newer"), F_OK), -1);
}

static void time_runs_out(void **state)
{
	uint64_t begin;

	(void)state;
	timeout_s = 1;
	start(read_key);
	await_opened(1);
	begin = clock_mono_ns();
	assert_int_equal(finish(), 0);
	assert_in_range((clock_mono_ns() - begin) / 1000000, 500, 3000);
	assert_int_equal(ended, 1);
	assert_int_equal(last_closed.state, REQUEST_EXPIRED);
	assert_string_equal(last_by, "timeout");
	audit_flush(audit);
	assert_int_equal(logged("\"Timeout\""), 1);
}

static void three_read_key(void)
{
	pid_t pid[3];
	int status;

	for (size_t i = 0; i < ARRAY_LEN(pid); i++) {
		pid[i] = fork();
		if (pid[i] == 0)
			_exit(try_open("key", O_RDONLY));
		CHECK(pid[i] > 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(pid); i++)
		CHECK(waitpid(pid[i], &status, 0) == pid[i] && status == 0);
}

static void equal_calls_join(void **state)
{
	const struct request *r;
	uint64_t end = clock_mono_ns() + 10000000000ull;
	struct err err;

	(void)state;
	start(three_read_key);
	r = elevation_find(elev, await_opened(1), &err);
	while (r->waiting < 3 && clock_mono_ns() < end)
		turn();
	assert_int_equal(r->waiting, 3);
	answer(r->id, true, SCOPE_ONCE);
	assert_int_equal(finish(), 0);
	assert_int_equal(opened, 1);
}

static void leave_one_behind(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(try_open("key", O_RDONLY));
	usleep(300000);
	CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
	usleep(1500000);
}

static void who_is_gone_waits_no_more(void **state)
{
	(void)state;
	start(leave_one_behind);
	await_opened(1);
	assert_int_equal(finish(), 0);
	assert_int_equal(ended, 1);
	assert_int_equal(last_closed.state, REQUEST_DENIED);
	assert_string_equal(last_by, "caller gone");
}

static void flood(void)
{
	int status, refused = 0;
	pid_t pid[30];

	for (size_t i = 0; i < ARRAY_LEN(pid); i++) {
		pid[i] = fork();
		if (pid[i] == 0) {
			char name[16];
			snprintf(name, sizeof(name), "flood%zu", i);
			_exit(try_open(name, O_WRONLY | O_CREAT) == EACCES ? 0 : 1);
		}
	}
	/* All that were not turned into requests are refused at once: the test answers nothing. */
	for (int i = 0; i < 15; i++) {
		CHECK(wait(&status) > 0 && status == 0);
		refused++;
	}
	CHECK(refused == 15);
	for (size_t i = 0; i < ARRAY_LEN(pid); i++)
		kill(pid[i], SIGKILL);
}

static void a_flood_is_refused(void **state)
{
	(void)state;
	start(flood);
	assert_int_equal(finish(), 0);
	assert_in_range(opened, RATE_BURST, 15);
}

static void one_after_the_other(void)
{
	for (unsigned i = 0; i < 40; i++) {
		char name[16];

		snprintf(name, sizeof(name), "quick%u", i);
		CHECK(try_open(name, O_WRONLY | O_CREAT) == 0);
	}
}

static void granted_ones_are_no_flood(void **state)
{
	(void)state;
	start(one_after_the_other);
	for (unsigned i = 1; i <= 40; i++)
		answer(await_opened(i), true, SCOPE_ONCE);
	assert_int_equal(finish(), 0);
}

static void stop_after_open(void)
{
	CHECK(try_open("key", O_RDONLY) == 0);
	raise(SIGSTOP);
}

static bool is_stopped(pid_t pid)
{
	char path[64];
	_cleanup_free_ char *text = NULL;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	text = file_read(path, 4096, NULL, NULL);
	return text && strstr(text, ") T ");
}

static void the_log_knows_first(void **state)
{
	(void)state;
	start(stop_after_open);
	answer(await_opened(1), true, SCOPE_ONCE);
	assert_int_equal(logged("\"Granted\""), 1); /* in the file, whatever the child has got */
	for (int i = 0; i < 500 && !is_stopped(child); i++)
		turn();
	assert_true(is_stopped(child));
	kill(child, SIGCONT);
	assert_int_equal(finish(), 0);
}

static void without_a_log_nothing_is_granted(void **state)
{
	struct rlimit old, none;
	struct err err = {0};
	const char *id;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	start(read_key);
	id = await_opened(1);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	none = old;
	none.rlim_cur = 1;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	assert_int_equal(elevation_answer(elev, id, true, SCOPE_SESSION, "test", &err), -1);
	assert_non_null(strstr(err.msg, "log"));
	setrlimit(RLIMIT_FSIZE, &old);
	if (!ended)
		answer(last_opened.id, false, SCOPE_ONCE);
	assert_int_equal(last_closed.state, REQUEST_DENIED);
	assert_int_equal(finish(), 0);
}

static void execute(void)
{
	char *argv[] = {"tool", NULL};

	CHECK(execv(in_closed("tool"), argv) == -1 && errno == EACCES);
}

static void exec_is_not_granted_to_a_running_program(void **state)
{
	struct err err = {0};
	const char *id;

	(void)state;
	put_file("tool", "#!/bin/sh\n");
	start(execute);
	id = await_opened(1);
	assert_int_equal(last_opened.kind, REQUEST_EXEC);
	assert_int_equal(elevation_answer(elev, id, true, SCOPE_ONCE, "test", &err), -1);
	assert_non_null(strstr(err.msg, "always"));
	assert_int_equal(elevation_answer(elev, id, true, SCOPE_SESSION, "test", &err), -1);
	assert_int_equal(ended, 0);
	answer(id, false, SCOPE_ONCE);
	assert_int_equal(finish(), 0);
}

static void the_end_of_the_session_denies(void **state)
{
	int status = -1;

	(void)state;
	start(read_key);
	await_opened(1);
	elevation_stop(elev);
	elev = NULL;
	assert_int_equal(ended, 1);
	assert_string_equal(last_by, "session ended");
	assert_int_equal(waitpid(init, &status, 0), init);
	assert_int_equal(status, 0);
}

static void always_goes_into_the_profile(void **state)
{
	char command[256];

	(void)state;
	start(key_for_the_session);
	answer(await_opened(1), true, SCOPE_ALWAYS);
	answer(await_opened(2), false, SCOPE_ONCE);
	assert_int_equal(finish(), 0);
	snprintf(command, sizeof(command), "grep -rqF %s %s/XDG_CONFIG_HOME", in_closed("key"),
		 dir);
	assert_int_equal(system(command), 0);
}

static void wait_a_moment(void)
{
	char go;

	CHECK(read(ready[1], &go, 1) == 1);
	CHECK(try_open("key", O_RDONLY) == 0);
}

static void a_session_grant_without_a_request(void **state)
{
	struct err err = {0};
	char state_dir[128];

	(void)state;
	start(wait_a_moment);
	if (elevation_allow_session(elev, in_closed("key"), NONO_READ, "test", &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(logged("\"Granted\""), 1);
	assert_int_equal(elevation_allow_session(elev, in_closed("key"), NONO_EXEC, "test", &err),
			 -1);
	/* A link would allow something else than what was read. */
	assert_int_equal(symlink(in_closed("key"), in_closed("link")), 0);
	assert_int_equal(elevation_allow_session(elev, in_closed("link"), NONO_READ, "test", &err),
			 -1);
	/* nono's own files: never. */
	snprintf(state_dir, sizeof(state_dir), "%s/XDG_STATE_HOME/nono", dir);
	assert_int_equal(elevation_allow_session(elev, state_dir, NONO_WRITE, "test", &err), -1);
	assert_int_equal(write(ready[0], "g", 1), 1);
	assert_int_equal(finish(), 0);
	assert_int_equal(opened, 0);
}

/* ---- nono request -------------------------------------------------------------------------------
 */

static int request_command(const char *option, const char *path, const char *more)
{
	char *argv[] = {"request",  (char *)(uintptr_t)option, (char *)(uintptr_t)path,
			"--reason", "because\033[2J",	       (char *)(uintptr_t)more,
			NULL};

	return elevation_request_command(more ? 6 : 5, argv);
}

static void ask_first(void)
{
	CHECK(freopen("/dev/null", "w", stdout));
	CHECK(request_command("--read", in_closed("key"), NULL) == 0);
	CHECK(try_open("key", O_RDONLY) == 0);
	CHECK(try_open("key", O_RDONLY) == EACCES);
	CHECK(request_command("--write", in_closed("other"), NULL) == 1);
	CHECK(request_command("--read", in_closed("missing"), NULL) == 1);
	CHECK(request_command("--read", ".", NULL) == 0);
	CHECK(request_command("--read", in_closed("key"), "--json") == 0);
	CHECK(try_open("key", O_RDONLY) == 0 && try_open("key", O_RDONLY) == 0);
}

static void a_program_may_ask_first(void **state)
{
	(void)state;
	start(ask_first);
	answer(await_opened(1), true, SCOPE_ONCE);
	assert_string_equal(last_opened.origin, "request");
	assert_string_equal(last_opened.reason, "because\033[2J");
	assert_int_equal(last_opened.kind, REQUEST_READ);
	assert_string_equal(last_opened.target, in_closed("key"));
	assert_int_equal(last_opened.pid, child);
	answer(await_opened(2), false, SCOPE_ONCE); /* the second open */
	assert_string_equal(last_opened.origin, "call");
	answer(await_opened(3), false, SCOPE_ONCE);
	assert_int_equal(last_opened.kind, REQUEST_CREATE);
	assert_string_equal(last_opened.target, in_closed("other"));
	answer(await_opened(4), true, SCOPE_SESSION); /* nothing was asked for the two between */
	assert_int_equal(finish(), 0);
	assert_int_equal(opened, 4);
}

static void ask_for_the_state(void)
{
	char path[160];

	CHECK(freopen("/dev/null", "w", stdout));
	snprintf(path, sizeof(path), "%s/XDG_STATE_HOME/nono", dir);
	CHECK(request_command("--read", path, NULL) == 1);
	CHECK(request_command("--write", path, NULL) == 1);
}

static void nobody_is_asked_for_what_is_never_granted(void **state)
{
	(void)state;
	start(ask_for_the_state);
	assert_int_equal(finish(), 0);
	assert_int_equal(opened, 0);
}

static void give_up(void)
{
	char *argv[] = {"request",   "--read", (char *)(uintptr_t)in_closed("key"),
			"--timeout", "1",      NULL};

	CHECK(freopen("/dev/null", "w", stdout));
	CHECK(elevation_request_command(5, argv) == 1);
	usleep(1500000);
}

static void who_gives_up_takes_the_request_along(void **state)
{
	(void)state;
	start(give_up);
	await_opened(1);
	assert_int_equal(finish(), 0);
	assert_int_equal(ended, 1);
	assert_string_equal(last_by, "caller gone");
}

/* Writes text into the request socket, as somebody outside of the session; the answer. */
static void from_outside(const char *text, size_t n, char *out, size_t size)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint64_t end = clock_mono_ns() + 8000000000ull;
	ssize_t got = -1;

	str_copy(sa.sun_path, sizeof(sa.sun_path), sock_path);
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	send(fd, text, n, MSG_NOSIGNAL);
	while (got < 0 && clock_mono_ns() < end) {
		turn();
		got = recv(fd, out, size - 1, MSG_DONTWAIT);
	}
	out[got > 0 ? got : 0] = '\0';
	close(fd);
}

static void idle(void)
{
	char go;

	CHECK(read(ready[1], &go, 1) == 1);
}

static void others_may_not_ask(void **state)
{
	static const char line[] = "{\"access\":\"read\",\"path\":\"/etc/shadow\"}\n";
	char out[512];
	int status;
	pid_t pid;

	(void)state;
	start(idle);
	/* The broker's own connection, with nobody of the session behind it. */
	from_outside(line, strlen(line), out, sizeof(out));
	assert_non_null(strstr(out, "denied"));
	/* Another process of the same user. */
	pid = fork();
	if (pid == 0) {
		struct sockaddr_un sa = {.sun_family = AF_UNIX};
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		str_copy(sa.sun_path, sizeof(sa.sun_path), sock_path);
		CHECK(connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0);
		(void)!send(fd, line, strlen(line), MSG_NOSIGNAL);
		ssize_t n = recv(fd, out, sizeof(out) - 1, 0);
		CHECK(n > 0);
		out[n] = '\0';
		_exit(strstr(out, "denied") ? 0 : 1);
	}
	while (waitpid(pid, &status, WNOHANG) == 0)
		turn();
	assert_int_equal(status, 0);
	/* Who says nothing is not waited for. */
	from_outside("", 0, out, sizeof(out));
	assert_non_null(strstr(out, "denied"));
	assert_int_equal(opened, 0);
	assert_int_equal(write(ready[0], "g", 1), 1);
	assert_int_equal(finish(), 0);
}

static void the_command_explains_itself(void **state)
{
	static char *const wrong[][4] = {
	    {"request", NULL},
	    {"request", "--read", NULL},
	    {"request", "--what", NULL},
	    {"request", "/etc/shadow", NULL},
	    {"request", "--timeout", "x", NULL},
	};
	char *outside[] = {"request", "--read", "/etc/shadow", NULL};
	int old = dup(2), null = open("/dev/null", O_WRONLY | O_CLOEXEC), r[6];

	(void)state;
	unsetenv("NONO_REQUEST_SOCKET");
	dup2(null, 2);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		int n = 0;
		while (n < 4 && wrong[i][n])
			n++;
		r[i] = elevation_request_command(n, (char **)(uintptr_t)wrong[i]);
	}
	r[5] = elevation_request_command(3, outside);
	dup2(old, 2);
	close(old);
	close(null);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_int_equal(r[i], 2);
	assert_int_equal(r[5], 1);
}

#define SESSION_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    SESSION_TEST(what_is_asked_is_shown),
	    SESSION_TEST(once_is_for_the_calls_that_wait),
	    SESSION_TEST(a_session_grant_stays),
	    SESSION_TEST(a_session_denial_stays),
	    SESSION_TEST(every_kind_is_asked_for),
	    SESSION_TEST(time_runs_out),
	    SESSION_TEST(equal_calls_join),
	    SESSION_TEST(who_is_gone_waits_no_more),
	    SESSION_TEST(a_flood_is_refused),
	    SESSION_TEST(granted_ones_are_no_flood),
	    SESSION_TEST(the_log_knows_first),
	    SESSION_TEST(without_a_log_nothing_is_granted),
	    SESSION_TEST(exec_is_not_granted_to_a_running_program),
	    SESSION_TEST(the_end_of_the_session_denies),
	    SESSION_TEST(always_goes_into_the_profile),
	    SESSION_TEST(a_session_grant_without_a_request),
	    SESSION_TEST(a_program_may_ask_first),
	    SESSION_TEST(nobody_is_asked_for_what_is_never_granted),
	    SESSION_TEST(who_gives_up_takes_the_request_along),
	    SESSION_TEST(others_may_not_ask),
	    cmocka_unit_test(the_command_explains_itself),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
