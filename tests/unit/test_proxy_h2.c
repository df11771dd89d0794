/*
 * HTTP/2 towards clients: nghttp2's client on one end of a socket pair, our driver on the other,
 * and in the place of the proxy's decisions a test that sees what arrives.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/socket.h>

#include "network/proxy/h2.h"

/* ---- in the place of relay.c ---- */

static struct {
	unsigned requests, bad, freed, data_calls;
	unsigned bad_status;
	char method[32], target[128], authority[128], cookie[128];
	size_t body, take; /* take: how much of a body is taken at a time */
	bool ended, hold;  /* hold: no answer */
	size_t answer;	   /* bytes of the answer's body; SIZE_MAX: as much as is taken */
	size_t answered;
	struct exchange *last;
} seen;

static void text(char *to, size_t size, struct http_text t)
{
	snprintf(to, size, "%.*s", (int)t.n, t.p ? t.p : "");
}

struct exchange *exchange_new(struct proxy *p)
{
	struct exchange *x = xcalloc(1, sizeof(*x));

	x->proxy = p;
	return x;
}

static void answer_more(struct exchange *x)
{
	static char block[30000];

	while (seen.answered < seen.answer) {
		size_t n = seen.answer - seen.answered, took;

		n = n < sizeof(block) ? n : sizeof(block);
		memset(block, 'a' + (int)(seen.answered % 26), n);
		took = x->down->data(x, block, n);
		seen.answered += took;
		if (took < n)
			return;
	}
	x->finished = true;
	x->down->end(x);
}

static void answer(struct exchange *x, unsigned status)
{
	http_head_clear(&x->response);
	x->response.status = status;
	http_add_str(&x->response, "X-Test", "Yes");
	http_add_str(&x->response, "Connection", "close");
	x->response.body = HTTP_BODY_CHUNKED;
	x->down->respond(x, false);
	answer_more(x);
}

void exchange_request(struct exchange *x)
{
	const struct http_text *cookie = http_get(&x->request, "cookie", 0);

	seen.requests++;
	seen.last = x;
	text(seen.method, sizeof(seen.method), x->request.method);
	text(seen.target, sizeof(seen.target), x->request.target);
	text(seen.authority, sizeof(seen.authority), x->request.authority);
	if (cookie)
		text(seen.cookie, sizeof(seen.cookie), *cookie);
}
size_t exchange_request_data(struct exchange *x, _unused_ const char *p, size_t n)
{
	seen.data_calls++;
	if (x->finished)
		return n;
	n = n < seen.take ? n : seen.take;
	seen.body += n;
	return n;
}
void exchange_request_end(struct exchange *x)
{
	seen.ended = true;
	if (!seen.hold && !x->finished)
		answer(x, 200);
}
void exchange_request_flush(_unused_ struct exchange *x)
{
}
void exchange_bad_request(struct exchange *x, unsigned status, _unused_ const char *why)
{
	seen.bad++;
	seen.bad_status = status;
	x->finished = true;
	answer(x, status);
}
void exchange_broken_request(_unused_ struct exchange *x, _unused_ const char *why)
{
}
void exchange_down_drained(struct exchange *x)
{
	answer_more(x);
}
void exchange_free(struct exchange *x)
{
	seen.freed++;
	http_head_free(&x->request);
	http_head_free(&x->response);
	http_head_free(&x->request_trailers);
	http_head_free(&x->response_trailers);
	free(x);
}
void listener_update(_unused_ struct proxy *p)
{
}

/* ---- the client ---- */

struct fixture {
	struct proxy proxy;
	struct net_config config;
	int fd;
	nghttp2_session *client;
	size_t got, streams_closed;
	uint32_t goaway, reset;
	bool gone, reading, goaway_seen;
	char status[8], header[16];
};

static int on_header(_unused_ nghttp2_session *ng, _unused_ const nghttp2_frame *frame,
		     const uint8_t *name, size_t name_n, const uint8_t *value, size_t value_n,
		     _unused_ uint8_t flags, void *data)
{
	struct fixture *f = data;

	if (name_n == 7 && !memcmp(name, ":status", 7))
		snprintf(f->status, sizeof(f->status), "%.*s", (int)value_n, (const char *)value);
	if (name_n == 6 && !memcmp(name, "x-test", 6))
		snprintf(f->header, sizeof(f->header), "%.*s", (int)value_n, (const char *)value);
	return 0;
}
static int on_data(_unused_ nghttp2_session *ng, _unused_ uint8_t flags, _unused_ int32_t id,
		   _unused_ const uint8_t *p, size_t n, void *data)
{
	((struct fixture *)data)->got += n;
	return 0;
}
static int on_frame(_unused_ nghttp2_session *ng, const nghttp2_frame *frame, void *data)
{
	struct fixture *f = data;

	if (frame->hd.type == NGHTTP2_GOAWAY) {
		f->goaway_seen = true;
		f->goaway = frame->goaway.error_code;
	}
	return 0;
}
static int on_close(_unused_ nghttp2_session *ng, _unused_ int32_t id, uint32_t code, void *data)
{
	struct fixture *f = data;

	f->streams_closed++;
	f->reset = code;
	return 0;
}

static int set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct exchange_origin origin = {.port = 443};
	nghttp2_session_callbacks *cb;
	int fds[2];

	memset(&seen, 0, sizeof(seen));
	seen.take = SIZE_MAX;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) < 0 ||
	    stream_loop_init(&f->proxy.loop, NULL) < 0)
		return -1;
	f->proxy.scratch = malloc(PROXY_SCRATCH);
	f->proxy.connections = 1;
	f->proxy.config = &f->config;
	nghttp2_session_callbacks_new(&cb);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_close);
	nghttp2_session_client_new(&f->client, cb, f);
	nghttp2_session_callbacks_del(cb);
	f->fd = fds[0];
	f->reading = true;
	h2_server_start(&f->proxy, stream_open(&f->proxy.loop, fds[1], NULL), &origin, 1, 1);
	nghttp2_submit_settings(f->client, NGHTTP2_FLAG_NONE, NULL, 0);
	*state = f;
	return 0;
}

static void send_raw(struct fixture *f, const void *p, size_t n)
{
	ssize_t r = send(f->fd, p, n, MSG_NOSIGNAL);

	(void)r;
}

/* Some rounds of both sides. */
static void run(struct fixture *f)
{
	for (unsigned i = 0; i < 60; i++) {
		const uint8_t *out;
		uint8_t in[65536];
		ssize_t n;

		while ((n = nghttp2_session_mem_send(f->client, &out)) > 0)
			send_raw(f, out, (size_t)n);
		uv_run(&f->proxy.loop.uv, UV_RUN_NOWAIT);
		if (!f->reading)
			continue;
		n = recv(f->fd, in, sizeof(in), MSG_DONTWAIT);
		if (n > 0)
			nghttp2_session_mem_recv(f->client, in, (size_t)n);
		else if (n == 0)
			f->gone = true;
	}
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	unsigned made;

	close(f->fd);
	f->reading = false;
	run(f);
	nghttp2_session_del(f->client);
	/* Gone with the client: nothing is left of the connection. */
	made = f->proxy.connections;
	assert_null(f->proxy.h2_servers);
	assert_null(f->proxy.deadlines);
	stream_loop_close(&f->proxy.loop);
	free(f->proxy.scratch);
	free(f);
	return (int)made;
}

#define NV(n, v)                                                                              \
	{                                                                                     \
		(uint8_t *)(uintptr_t)(n), (uint8_t *)(uintptr_t)(v), strlen(n), strlen(v), 0 \
	}

static int32_t get(struct fixture *f, const char *method, const char *path)
{
	nghttp2_nv nv[] = {NV(":method", method),	  NV(":scheme", "https"),
			   NV(":authority", "a.example"), NV(":path", path),
			   NV("cookie", "a=1"),		  NV("cookie", "b=2")};

	return nghttp2_submit_request(f->client, NULL, nv, ARRAY_LEN(nv), NULL, NULL);
}

static ssize_t much(_unused_ nghttp2_session *ng, _unused_ int32_t id, uint8_t *p, size_t n,
		    uint32_t *flags, nghttp2_data_source *source, _unused_ void *data)
{
	size_t *left = source->ptr;

	n = n < *left ? n : *left;
	memset(p, 'u', n);
	*left -= n;
	if (!*left)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

static int32_t post(struct fixture *f, size_t *left)
{
	nghttp2_data_provider body = {.source.ptr = left, .read_callback = much};
	nghttp2_nv nv[] = {NV(":method", "POST"), NV(":scheme", "https"),
			   NV(":authority", "a.example"), NV(":path", "/up")};

	return nghttp2_submit_request(f->client, NULL, nv, ARRAY_LEN(nv), &body, NULL);
}

/* ---- tests ---- */

static void a_request(void **state)
{
	struct fixture *f = *state;

	seen.answer = 10;
	get(f, "GET", "/x?y=1");
	run(f);
	assert_int_equal(seen.requests, 1);
	assert_string_equal(seen.method, "GET");
	assert_string_equal(seen.target, "/x?y=1");
	assert_string_equal(seen.authority, "a.example");
	assert_string_equal(seen.cookie, "a=1; b=2");
	assert_string_equal(f->status, "200");
	assert_string_equal(f->header, "Yes");
	assert_int_equal(f->got, 10);
	assert_int_equal(f->streams_closed, 1);
	assert_int_equal(f->reset, 0);
	assert_int_equal(seen.freed, 1);
}

static void many_at_once(void **state)
{
	struct fixture *f = *state;

	seen.answer = 0;
	for (unsigned i = 0; i < 90; i++)
		get(f, "GET", "/many");
	run(f);
	assert_int_equal(seen.requests, 90);
	assert_int_equal(f->streams_closed, 90);
	assert_int_equal(seen.freed, 90);
	assert_false(f->goaway_seen);
}

static void a_large_answer_waits_for_the_client(void **state)
{
	struct fixture *f = *state;

	seen.answer = 5000000;
	get(f, "GET", "/large");
	f->reading = false;
	run(f);
	/* What is taken from upstream meanwhile is bounded. */
	assert_true(seen.answered < 1500000);
	f->reading = true;
	for (unsigned i = 0; i < 100 && f->streams_closed == 0; i++)
		run(f);
	assert_int_equal(f->got, 5000000);
	assert_int_equal(f->reset, 0);
}

static void a_large_body_waits_for_upstream(void **state)
{
	struct fixture *f = *state;
	size_t left = 3000000;

	seen.take = 0;
	post(f, &left);
	run(f);
	assert_int_equal(seen.body, 0);
	/* No more than a window was sent. */
	assert_true(3000000 - left <= H2_STREAM_WINDOW + 65536);
	seen.take = 10000;
	for (unsigned i = 0; i < 2000 && !seen.ended; i++) {
		seen.last->down->request_resume(seen.last);
		run(f);
	}
	assert_true(seen.ended);
	assert_int_equal(seen.body, 3000000);
	assert_string_equal(f->status, "200");
}

/* What nobody wants is taken and thrown away. */
static void an_early_answer_lets_the_upload_end(void **state)
{
	struct fixture *f = *state;
	size_t left = 3000000;

	seen.take = 0;
	post(f, &left);
	run(f);
	answer(seen.last, 413);
	for (unsigned i = 0; i < 200 && f->streams_closed == 0; i++) {
		if (!seen.freed)
			seen.last->down->request_resume(seen.last);
		run(f);
	}
	assert_int_equal(left, 0);
	assert_string_equal(f->status, "413");
	assert_int_equal(f->streams_closed, 1);
	assert_int_equal(f->reset, NGHTTP2_NO_ERROR);
	assert_int_equal(seen.freed, 1);
}

static void a_cut_answer_is_seen(void **state)
{
	struct fixture *f = *state;

	seen.hold = true;
	get(f, "GET", "/");
	run(f);
	seen.answer = SIZE_MAX;
	answer(seen.last, 200);
	seen.last->down->abort(seen.last);
	run(f);
	assert_int_equal(f->streams_closed, 1);
	assert_int_equal(f->reset, NGHTTP2_INTERNAL_ERROR);
}

static void what_is_no_request(void **state)
{
	static const struct {
		const char *method, *path;
		unsigned status;
	} cases[] = {{"CONNECT", "/", 400}, {"GET", "*x", 400}, {"GET", "http://b.example/", 400}};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		unsigned before = seen.requests;

		get(f, cases[i].method, cases[i].path);
		run(f);
		assert_int_equal(seen.requests, before);
		/* Refused by us, or by nghttp2, which resets the stream. */
		assert_int_equal(f->streams_closed, i + 1);
	}
}

static void connect_is_refused(void **state)
{
	struct fixture *f = *state;
	nghttp2_nv nv[] = {NV(":method", "CONNECT"), NV(":authority", "b.example:443")};

	nghttp2_submit_request(f->client, NULL, nv, ARRAY_LEN(nv), NULL, NULL);
	run(f);
	assert_int_equal(seen.requests, 0);
	assert_int_equal(seen.bad, 1);
	assert_string_equal(f->status, "400");
}

static void a_head_too_large(void **state)
{
	struct fixture *f = *state;
	static char large[30000];
	nghttp2_nv nv[] = {NV(":method", "GET"), NV(":scheme", "https"), NV(":authority", "a"),
			   NV(":path", "/"),	 NV("x-large", large),	 NV("x-large", large),
			   NV("x-large", large), NV("x-large", large),	 NV("x-large", large)};

	memset(large, 'l', sizeof(large) - 1);
	for (size_t i = 4; i < ARRAY_LEN(nv); i++)
		nv[i].valuelen = sizeof(large) - 1;
	/* Sent past the client's own limit: in frames by hand it would be the same. */
	nghttp2_submit_request(f->client, NULL, nv, 6, NULL, NULL);
	run(f);
	assert_int_equal(seen.requests, 1); /* 60 KB: just not too large */
	nghttp2_submit_request(f->client, NULL, nv, ARRAY_LEN(nv), NULL, NULL);
	run(f);
	assert_int_equal(seen.requests, 1);
}

static void too_many_fields(void **state)
{
	struct fixture *f = *state;
	nghttp2_nv nv[200] = {NV(":method", "GET"), NV(":scheme", "https"), NV(":authority", "a"),
			      NV(":path", "/")};

	for (size_t i = 4; i < ARRAY_LEN(nv); i++)
		nv[i] = (nghttp2_nv)NV("x-field", "v");
	nghttp2_submit_request(f->client, NULL, nv, ARRAY_LEN(nv), NULL, NULL);
	run(f);
	assert_int_equal(seen.requests, 0);
	assert_int_equal(seen.bad_status, 431);
	assert_string_equal(f->status, "431");
}

static void rapid_resets_end_the_connection(void **state)
{
	struct fixture *f = *state;

	seen.hold = true;
	for (unsigned i = 0; i < 40 && !f->gone; i++) {
		for (unsigned k = 0; k < 50; k++) {
			int32_t id = get(f, "GET", "/");
			const uint8_t *out;
			ssize_t n;

			while ((n = nghttp2_session_mem_send(f->client, &out)) > 0)
				send_raw(f, out, (size_t)n);
			nghttp2_submit_rst_stream(f->client, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
		}
		run(f);
	}
	assert_true(f->goaway_seen);
	assert_true(f->gone);
	assert_true(seen.requests < 1300);
	assert_int_equal(seen.freed, seen.requests);
}

static void flood(struct fixture *f, const char *frame, size_t n, unsigned times)
{
	run(f);
	for (unsigned i = 0; i < times && !f->gone; i++) {
		send_raw(f, frame, n);
		if (i % 100 == 0)
			run(f);
	}
	run(f);
	assert_true(f->gone);
	assert_int_equal(f->proxy.connections, 0);
}

static void pings_end_the_connection(void **state)
{
	static const char ping[] = "\x00\x00\x08\x06\x00\x00\x00\x00\x00pingping";

	flood(*state, ping, 17, 3000);
}

static void settings_end_the_connection(void **state)
{
	static const char settings[] = "\x00\x00\x00\x04\x00\x00\x00\x00\x00";

	flood(*state, settings, 9, 3000);
}

static void endless_continuation_ends_the_connection(void **state)
{
	static const char headers[] = "\x00\x00\x01\x01\x00\x00\x00\x00\x01\x82",
			  more[] = "\x00\x00\x01\x09\x00\x00\x00\x00\x01\x88";
	struct fixture *f = *state;

	run(f);
	send_raw(f, headers, 10);
	flood(f, more, 10, 3000);
	assert_int_equal(seen.requests, 0);
}

static void garbage(void **state)
{
	struct fixture *f = *state;
	char junk[64];

	run(f);
	memset(junk, 0xff, sizeof(junk));
	send_raw(f, junk, sizeof(junk));
	run(f);
	assert_true(f->gone);
}

static void a_client_that_goes(void **state)
{
	struct fixture *f = *state;
	size_t left = 100000;

	seen.hold = true;
	seen.take = 5;
	post(f, &left);
	get(f, "GET", "/");
	run(f);
	assert_int_equal(seen.requests, 2);
	/* The rest is checked when it is torn down. */
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_request),
	    TEST(many_at_once),
	    TEST(a_large_answer_waits_for_the_client),
	    TEST(a_large_body_waits_for_upstream),
	    TEST(an_early_answer_lets_the_upload_end),
	    TEST(a_cut_answer_is_seen),
	    TEST(what_is_no_request),
	    TEST(connect_is_refused),
	    TEST(a_head_too_large),
	    TEST(too_many_fields),
	    TEST(rapid_resets_end_the_connection),
	    TEST(pings_end_the_connection),
	    TEST(settings_end_the_connection),
	    TEST(endless_continuation_ends_the_connection),
	    TEST(garbage),
	    TEST(a_client_that_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
