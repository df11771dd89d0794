/* Frames, the control server, what it does to clients that misbehave; activity. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "sessions/activity.h"
#include "sessions/control.h"
#include "sessions/frames.h"
#include "sessions/sessions.h"

#define TOKEN "0123456789abcdef"

struct fixture {
	uv_loop_t loop;
	struct control_server *server;
	int changes, calls;
	int pass_fd; /* handed out by the next "screen" */
};

static cJSON *on_call(void *data, const struct control_peer *peer, const char *op,
		      const cJSON *args, int *fd, struct err *err)
{
	struct fixture *f = data;
	cJSON *o;

	(void)peer;
	f->calls++;
	if (str_eq(op, "echo")) {
		o = cJSON_CreateObject();
		cJSON_AddItemToObject(o, "text",
				      cJSON_Duplicate(cJSON_GetObjectItem(args, "text"), true));
		return o;
	}
	if (str_eq(op, "screen")) {
		*fd = STEAL_FD(f->pass_fd);
		return cJSON_CreateObject();
	}
	err_set(err, "no operation '%s'", op);
	return NULL;
}

static cJSON *on_hello(void *data)
{
	cJSON *o = cJSON_CreateObject();

	(void)data;
	cJSON_AddStringToObject(o, "name", "neat-gate");
	return o;
}

static void on_change(void *data)
{
	((struct fixture *)data)->changes++;
}

static int set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct control_config cfg = {.loop = &f->loop,
				     .token = TOKEN,
				     .call = on_call,
				     .hello = on_hello,
				     .changed = on_change,
				     .data = f};

	f->pass_fd = -1;
	uv_loop_init(&f->loop);
	cfg.listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	*state = f;
	return control_server_new(&cfg, &f->server, NULL);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	control_server_close(f->server, 0);
	while (uv_run(&f->loop, UV_RUN_ONCE))
		;
	if (!control_server_closed(f->server) || uv_loop_close(&f->loop) < 0)
		return -1;
	control_server_free(f->server);
	free(f);
	return 0;
}

static void turn(struct fixture *f)
{
	for (int i = 0; i < 20; i++)
		uv_run(&f->loop, UV_RUN_NOWAIT);
}

static int client(struct fixture *f, bool known)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_non_null(control_server_add(f->server, pair[0], known));
	return pair[1];
}

static void say(int fd, const char *json)
{
	_cleanup_(buf_free) struct buf b = {0};

	assert_int_equal(frame_add(&b, json, strlen(json)), 0);
	assert_int_equal(write_full(fd, b.data, b.len), 0);
}

/* The next answer, NULL at the end of the connection. */
static cJSON *hear(struct fixture *f, int fd, int *passed)
{
	struct frame_reader r = {0};
	cJSON *o = NULL;
	const char *p;
	size_t n;

	for (int i = 0; i < 100 && !o; i++) {
		char byte[1];
		int got = -1;
		struct pollfd pfd = {.fd = fd, .events = POLLIN};
		turn(f);
		if (poll(&pfd, 1, 10) <= 0)
			continue;
		/* Byte by byte: the frames behind stay in the socket. */
		while (!o && fd_recv(fd, byte, 1, &got) == 1) {
			if (got >= 0 && passed)
				*passed = got;
			got = -1;
			frame_reader_feed(&r, byte, 1);
			if (frame_reader_next(&r, &p, &n) == 1)
				o = cJSON_ParseWithLength(p, n);
		}
		break;
	}
	frame_reader_free(&r);
	return o;
}

static bool closed(struct fixture *f, int fd)
{
	char byte;

	turn(f);
	return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

static void expect_error(struct fixture *f, int fd)
{
	cJSON *o = hear(f, fd, NULL);

	assert_non_null(o);
	assert_non_null(cJSON_GetObjectItem(o, "error"));
	cJSON_Delete(o);
}

static void expect_ok(struct fixture *f, int fd, int seq)
{
	cJSON *o = hear(f, fd, NULL);

	assert_non_null(o);
	assert_true(cJSON_IsTrue(cJSON_GetObjectItem(o, "ok")));
	assert_int_equal(cJSON_GetObjectItem(o, "seq")->valueint, seq);
	cJSON_Delete(o);
}

static void frames_come_in_pieces(void **state)
{
	struct frame_reader r = {.max = 100};
	_cleanup_(buf_free) struct buf b = {0};
	const char *p;
	size_t n, seen = 0;

	(void)state;
	frame_add(&b, "abc", 3);
	frame_add(&b, "", 0);
	frame_add(&b, "defgh", 5);
	for (size_t i = 0; i < b.len; i++) {
		int got;
		frame_reader_feed(&r, b.data + i, 1);
		while ((got = frame_reader_next(&r, &p, &n)) == 1)
			seen = seen * 10 + n;
		assert_int_equal(got, 0);
	}
	assert_int_equal(seen, 305);
	frame_reader_feed(&r, "\x65\0\0\0", 4);
	assert_int_equal(frame_reader_next(&r, &p, &n), -1);
	frame_reader_free(&r);
}

static void token_is_needed(void **state)
{
	struct fixture *f = *state;
	int a = client(f, false), b = client(f, false), c = client(f, false), d = client(f, false);

	say(a, "{\"op\":\"hello\",\"seq\":1,\"token\":\"0123456789abcdeF\"}");
	say(b, "{\"op\":\"echo\",\"seq\":1,\"text\":\"x\"}");
	say(c, "{\"op\":\"hello\",\"seq\":1}");
	say(d, "{\"op\":\"hello\",\"seq\":7,\"token\":\"" TOKEN "\",\"role\":\"cli\"}");
	assert_true(closed(f, a));
	assert_true(closed(f, b));
	assert_true(closed(f, c));
	assert_int_equal(f->calls, 0);
	expect_ok(f, d, 7);
	assert_int_equal(control_server_clients(f->server), 1);
	say(d, "{\"op\":\"echo\",\"seq\":8,\"text\":\"x\"}");
	expect_ok(f, d, 8);
	close(a), close(b), close(c), close(d);
}

static void silence_is_not_waited_for(void **state)
{
	struct fixture *f = *state;
	int a = client(f, false);

	turn(f);
	assert_false(closed(f, a));
	usleep((CONTROL_HELLO_MS + 200) * 1000);
	assert_true(closed(f, a));
	close(a);
}

static void strangers_frames_are_short(void **state)
{
	struct fixture *f = *state;
	int a = client(f, false);

	assert_int_equal(write_full(a, "\x01\x10\0\0", 4), 0);
	assert_true(closed(f, a));
	close(a);
}

static void junk_ends_the_connection(void **state)
{
	static const char *const junk[] = {
	    "", "x", "[]", "{}", "{\"op\":7}", "\"hello\"", "{\"op\":\"a\"", "\xff\xfe"};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(junk); i++) {
		int a = client(f, true);
		say(a, junk[i]);
		assert_true(closed(f, a));
		close(a);
	}
	assert_int_equal(control_server_clients(f->server), 0);
}

static void errors_are_answers(void **state)
{
	struct fixture *f = *state;
	int a = client(f, true);

	say(a, "{\"op\":\"nonsense\",\"seq\":3}");
	expect_error(f, a);
	say(a, "{\"op\":\"echo\",\"seq\":\"x\",\"text\":\"y\"}");
	expect_ok(f, a, 0);
	close(a);
}

static void descriptor_travels_with_its_answer(void **state)
{
	struct fixture *f = *state;
	int a = client(f, true), p[2], got = -1;
	cJSON *o;
	char c = 0;

	assert_int_equal(pipe(p), 0);
	f->pass_fd = p[0];
	say(a, "{\"op\":\"screen\",\"seq\":3}");
	o = hear(f, a, &got);
	assert_non_null(o);
	assert_true(cJSON_IsTrue(cJSON_GetObjectItem(o, "fd")));
	cJSON_Delete(o);
	assert_true(got >= 0);
	assert_int_equal(write(p[1], "x", 1), 1);
	assert_int_equal(read(got, &c, 1), 1);
	close(got), close(p[1]), close(a);
}

static void only_subscribers_get_events(void **state)
{
	struct fixture *f = *state;
	int a = client(f, true), b = client(f, true);
	cJSON *ev = cJSON_CreateObject();
	char byte;

	say(a, "{\"op\":\"subscribe\",\"seq\":1}");
	expect_ok(f, a, 1);
	assert_int_equal(control_server_subscribers(f->server), 1);
	cJSON_AddStringToObject(ev, "event", "status");
	control_server_broadcast(f->server, ev);
	ev = hear(f, a, NULL);
	assert_string_equal(cJSON_GetObjectItem(ev, "event")->valuestring, "status");
	cJSON_Delete(ev);
	assert_int_equal(recv(b, &byte, 1, MSG_DONTWAIT), -1);
	close(a), close(b);
}

/* One that stops reading is dropped; memory and the others are not touched. */
static void slow_client_is_dropped(void **state)
{
	_cleanup_free_ char *big = xcalloc(1, 200001);
	struct fixture *f = *state;
	int a = client(f, true), b = client(f, true);

	memset(big, 'x', 200000);
	say(a, "{\"op\":\"subscribe\",\"seq\":1}");
	turn(f);
	for (int i = 0; i < 60 && control_server_subscribers(f->server); i++) {
		cJSON *ev = cJSON_CreateObject();
		cJSON_AddStringToObject(ev, "event", big);
		control_server_broadcast(f->server, ev);
		turn(f);
	}
	assert_int_equal(control_server_subscribers(f->server), 0);
	say(b, "{\"op\":\"echo\",\"seq\":9,\"text\":\"still here\"}");
	expect_ok(f, b, 9);
	close(a), close(b);
}

static void number_of_clients_is_bounded(void **state)
{
	struct fixture *f = *state;
	int fds[CONTROL_CLIENTS_MAX], pair[2];

	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
		fds[i] = client(f, true);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_null(control_server_add(f->server, pair[0], true));
	close(pair[1]);
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
		close(fds[i]);
	turn(f);
	assert_int_equal(control_server_clients(f->server), 0);
}

static void last_words_are_sent(void **state)
{
	struct fixture *f = *state;
	int a = client(f, true);

	say(a, "{\"op\":\"echo\",\"seq\":5,\"text\":\"bye\"}");
	turn(f);
	control_server_close(f->server, 500);
	expect_ok(f, a, 5);
	assert_true(closed(f, a));
	close(a);
}

static void tokens_compare(void **state)
{
	(void)state;
	assert_true(token_equal("abc", "abc", 3));
	assert_false(token_equal("abc", "abd", 3));
	assert_false(token_equal("xbc", "abc", 3));
}

static void words_decide(void **state)
{
	struct pty_report report = {.state = PTY_STATE_BLOCKED, .state_kind = "permission"};
	struct activity_input in = {.terminal = true, .report = &report};
	enum session_activity a;
	char ev[96];

	(void)state;
	assert_true(activity_from_words(&in, &a, ev, sizeof(ev)));
	assert_int_equal(a, ACTIVITY_WAITING);
	assert_string_equal(ev, "program status: blocked (permission)");
	in.requests_open = 2;
	in.request = "read /x";
	assert_true(activity_from_words(&in, &a, ev, sizeof(ev)));
	assert_int_equal(a, ACTIVITY_ASKS);
	assert_string_equal(ev, "2 open: read /x");
	in.exited = true;
	in.exit_code = 3;
	assert_true(activity_from_words(&in, &a, ev, sizeof(ev)));
	assert_int_equal(a, ACTIVITY_EXITED);
	in = (struct activity_input){.report = &report};
	report.state = PTY_STATE_NONE;
	assert_false(activity_from_words(&in, &a, ev, sizeof(ev)));
}

static void broker_texts_are_bounded(void **state)
{
	_cleanup_free_ char *big = xcalloc(1, 100001);
	struct session_request_info info;
	struct session_state st;
	cJSON *o = cJSON_CreateObject();

	(void)state;
	memset(big, 'y', 100000);
	cJSON_AddStringToObject(o, "id", big);
	cJSON_AddStringToObject(o, "target", big);
	cJSON_AddStringToObject(o, "title", big);
	cJSON_AddStringToObject(o, "activity", "asks");
	cJSON_AddNumberToObject(o, "pid", -5);
	cJSON_AddStringToObject(o, "opened_ns", "18446744073709551615");
	assert_int_equal(session_request_parse(o, &info), 0);
	assert_int_equal(strlen(info.target), sizeof(info.target) - 1);
	assert_int_equal(info.pid, 0);
	assert_true(info.opened_ns == UINT64_MAX);
	assert_int_equal(session_state_parse(o, &st), 0);
	assert_int_equal(st.activity, ACTIVITY_ASKS);
	assert_int_equal(session_state_parse(NULL, &st), -1);
	cJSON_Delete(o);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(frames_come_in_pieces),
	    T(token_is_needed),
	    T(silence_is_not_waited_for),
	    T(strangers_frames_are_short),
	    T(junk_ends_the_connection),
	    T(errors_are_answers),
	    T(descriptor_travels_with_its_answer),
	    T(only_subscribers_get_events),
	    T(slow_client_is_dropped),
	    T(number_of_clients_is_bounded),
	    T(last_words_are_sent),
	    cmocka_unit_test(tokens_compare),
	    cmocka_unit_test(words_decide),
	    cmocka_unit_test(broker_texts_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
