/*
 * Heads and chunks: what is read, what is refused (each a way to make two servers see different
 * requests), what is written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "network/proxy/http.h"

struct head_case {
	const char *name, *text;
	unsigned status; /* 0: taken */
};

#define GET  "GET / HTTP/1.1\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\n"

static const struct head_case requests[] = {
    {"plain", GET "Host: a\r\n\r\n", 0},
    {"absolute", "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 0},
    {"connect", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 0},
    {"connect to v6", "CONNECT [::1]:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 0},
    {"1.0 without Host", "GET / HTTP/1.0\r\n\r\n", 0},
    {"empty value", GET "Host: a\r\nX:\r\nY: \r\nZ: z\r\n\r\n", 0},
    {"high bytes in a value", GET "Host: a\r\nX: \xc3\xa4\r\n\r\n", 0},
    {"no Host", GET "\r\n", 400},
    {"two Hosts", GET "Host: a\r\nHost: b\r\n\r\n", 400},
    {"bare LF", GET "Host: a\nX: y\r\n\r\n", 400},
    {"bare LF at the end", GET "Host: a\r\n\n", 400},
    {"bare CR", GET "Host: a\rX: y\r\n\r\n", 400},
    {"CR CR LF", GET "Host: a\r\r\n\r\n", 400},
    {"folded line", GET "Host: a\r\nX: y\r\n z\r\n\r\n", 400},
    {"folded by a tab", GET "Host: a\r\nX: y\r\n\tz\r\n\r\n", 400},
    {"blank first line", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"blank before the colon", GET "Host: a\r\nContent-Length : 5\r\n\r\n", 400},
    {"blank in a name", GET "Host: a\r\nX Y: 5\r\n\r\n", 400},
    {"no name", GET "Host: a\r\n: 5\r\n\r\n", 400},
    {"no colon", GET "Host: a\r\nX\r\n\r\n", 400},
    {"control byte in a value", GET "Host: a\r\nX: \x01\r\n\r\n", 400},
    {"DEL in a value", GET "Host: a\r\nX: \x7f\r\n\r\n", 400},
    {"control byte in the target", "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"high byte in the target", "GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"two blanks", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"two blanks before the version", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"a blank after the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400},
    {"a tab", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"no version", "GET /\r\nHost: a\r\n\r\n", 505},
    {"HTTP/0.9", "GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505},
    {"HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
    {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505},
    {"HTTP/1.10", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400},
    {"HTTP/01.1", "GET / HTTP/01.1\r\nHost: a\r\n\r\n", 400},
    {"http/1.1", "GET / http/1.1\r\nHost: a\r\n\r\n", 400},
    {"unknown method", "GE@T / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"length", POST "Content-Length: 5\r\n\r\n", 0},
    {"length 0", POST "Content-Length: 0\r\n\r\n", 0},
    {"chunks", POST "Transfer-Encoding: chunked\r\n\r\n", 0},
    {"chunks in capitals", POST "Transfer-Encoding: CHUNKED\r\n\r\n", 0},
    {"two lengths", POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400},
    {"the same length twice", POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 400},
    {"a list of lengths", POST "Content-Length: 5, 5\r\n\r\n", 400},
    {"negative length", POST "Content-Length: -5\r\n\r\n", 400},
    {"signed length", POST "Content-Length: +5\r\n\r\n", 400},
    {"hexadecimal length", POST "Content-Length: 0x5\r\n\r\n", 400},
    {"length with a letter", POST "Content-Length: 5a\r\n\r\n", 400},
    {"length with a blank", POST "Content-Length: 5 5\r\n\r\n", 400},
    {"empty length", POST "Content-Length:\r\n\r\n", 400},
    {"huge length", POST "Content-Length: 99999999999999999999\r\n\r\n", 400},
    {"length and chunks", POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {"chunks and length", POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400},
    {"two encodings", POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {"chunks in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {"chunked twice", POST "Transfer-Encoding: chunked, chunked\r\n\r\n", 501},
    {"chunked and identity", POST "Transfer-Encoding: chunked, identity\r\n\r\n", 501},
    {"gzip", POST "Transfer-Encoding: gzip, chunked\r\n\r\n", 501},
    {"xchunked", POST "Transfer-Encoding: xchunked\r\n\r\n", 501},
    {"chunked with a vertical tab",
     POST "Transfer-Encoding: \x0b"
	  "chunked\r\n\r\n",
     400},
    {"quoted chunked", POST "Transfer-Encoding: \"chunked\"\r\n\r\n", 501},
    {"no encoding", POST "Transfer-Encoding:\r\n\r\n", 501},
    {"expectation", POST "Expect: 100-continue\r\nContent-Length: 1\r\n\r\n", 0},
    {"another expectation", POST "Expect: wonders\r\nContent-Length: 1\r\n\r\n", 417},
};

static void reads_requests(void **state)
{
	struct http_head h = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
		const struct head_case *c = &requests[i];
		struct err err = {0};
		unsigned status = 0;
		int rc = http_parse_request(&h, c->text, strlen(c->text), &status, &err);

		if ((rc < 0 ? status : 0) != c->status)
			fail_msg("%s: %d %u %s", c->name, rc, status, err.msg);
	}
	http_head_free(&h);
}

static void reads_no_nul(void **state)
{
	static const char text[] = "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n";
	static const char value[] = "GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n";
	struct http_head h = {0};
	unsigned status;

	(void)state;
	assert_int_equal(http_parse_request(&h, text, sizeof(text) - 1, &status, NULL), -1);
	assert_int_equal(http_parse_request(&h, value, sizeof(value) - 1, &status, NULL), -1);
	http_head_free(&h);
}

static void bounds(void **state)
{
	_cleanup_(buf_free) struct buf b = {0};
	struct http_head h = {0};
	unsigned status;

	(void)state;
	buf_adds(&b, "GET / HTTP/1.1\r\nHost: a\r\n");
	for (int i = 0; i < HTTP_HEADERS_MAX - 1; i++)
		buf_adds(&b, "X: y\r\n");
	size_t full = b.len;
	buf_adds(&b, "\r\n");
	assert_int_equal(http_parse_request(&h, b.data, b.len, &status, NULL), 0);
	b.len = full;
	buf_adds(&b, "X: y\r\n\r\n");
	assert_int_equal(http_parse_request(&h, b.data, b.len, &status, NULL), -1);
	assert_int_equal(status, 431);
	buf_clear(&b);
	buf_adds(&b, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
	while (b.len < HTTP_HEAD_MAX)
		buf_adds(&b, "0123456789");
	buf_adds(&b, "\r\n\r\n");
	assert_int_equal(http_parse_request(&h, b.data, b.len, &status, NULL), -1);
	assert_int_equal(status, 431);
	/* What is added later is bounded too. */
	assert_int_equal(http_parse_request(&h, GET "Host: a\r\n\r\n", 27, &status, NULL), 0);
	int n = 0;
	while (http_add_str(&h, "X", "y") == 0)
		assert_true(++n < HTTP_HEADERS_MAX);
	http_head_free(&h);
}

static void finds_ends(void **state)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\nrest";
	size_t from = 0;

	(void)state;
	/* Byte by byte as all at once. */
	for (size_t n = 1; n < 27; n++)
		assert_int_equal(http_head_end(text, n, &from), 0);
	assert_int_equal(http_head_end(text, 27, &from), 27);
	from = 0;
	assert_int_equal(http_head_end(text, sizeof(text) - 1, &from), 27);
	from = 0;
	assert_int_equal(http_head_end("GET / HTTP/1.1\n\n", 16, &from), -1);
}

static const struct {
	const char *name, *text;
	bool to_head;
	int body; /* -1: refused */
} responses[] = {
    {"length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", false, HTTP_BODY_LENGTH},
    {"chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false, HTTP_BODY_CHUNKED},
    {"to the end", "HTTP/1.1 200 OK\r\n\r\n", false, HTTP_BODY_TO_END},
    {"to the end, 1.0", "HTTP/1.0 200 OK\r\n\r\n", false, HTTP_BODY_TO_END},
    {"no reason", "HTTP/1.1 200 \r\n\r\n", false, HTTP_BODY_TO_END},
    {"to HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true, HTTP_BODY_NONE},
    {"204", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", false, HTTP_BODY_NONE},
    {"304", "HTTP/1.1 304 Not Modified\r\n\r\n", false, HTTP_BODY_NONE},
    {"100", "HTTP/1.1 100 Continue\r\n\r\n", false, HTTP_BODY_NONE},
    {"101", "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", false,
     HTTP_BODY_NONE},
    {"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", false, -1},
    {"length and chunks",
     "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", false, -1},
    {"gzip chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", false, -1},
    {"bare LF", "HTTP/1.1 200 OK\nContent-Length: 5\r\n\r\n", false, -1},
    {"not HTTP", "SSH-2.0-OpenSSH\r\n\r\n", false, -1},
    {"status 99", "HTTP/1.1 099 x\r\n\r\n", false, -1},
    {"status 600", "HTTP/1.1 600 x\r\n\r\n", false, -1},
};

static void reads_responses(void **state)
{
	struct http_head h = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(responses); i++) {
		struct err err = {0};
		int rc = http_parse_response(&h, responses[i].text, strlen(responses[i].text),
					     responses[i].to_head, &err);

		if ((rc < 0 ? -1 : (int)h.body) != responses[i].body)
			fail_msg("%s: %d, body %d, %s", responses[i].name, rc, (int)h.body,
				 err.msg);
	}
	http_head_free(&h);
}

static const struct {
	const char *text;
	const char *body; /* NULL: refused */
	bool whole;
} chunked[] = {
    {"5\r\nhello\r\n0\r\n\r\n", "hello", true},
    {"5;a=b\r\nhello\r\n1\r\n!\r\n0;x\r\n\r\n", "hello!", true},
    {"005\r\nhello\r\n000\r\nTrailer: x\r\nMore: y\r\n\r\n", "hello", true},
    {"A\r\n0123456789\r\n0\r\n\r\n", "0123456789", true},
    {"0\r\n\r\n", "", true},
    {"5\r\nhel", "hel", false},
    {"5\r\nhello\r\n0\r\n", "hello", false},
    {"5\nhello\r\n0\r\n\r\n", NULL, false},
    {"5\rxhello\r\n0\r\n\r\n", NULL, false},
    {"5\r\nhello0\r\n\r\n", NULL, false},
    {"5\r\nhello\n0\r\n\r\n", NULL, false},
    {"5 \r\nhello\r\n0\r\n\r\n", NULL, false},
    {" 5\r\nhello\r\n0\r\n\r\n", NULL, false},
    {"+5\r\nhello\r\n0\r\n\r\n", NULL, false},
    {"-1\r\nhello\r\n0\r\n\r\n", NULL, false},
    {"0x5\r\nhello\r\n0\r\n\r\n", NULL, false},
    {"\r\nhello\r\n0\r\n\r\n", NULL, false},
    {";a\r\nhello\r\n0\r\n\r\n", NULL, false},
    {"fffffffffffffffff\r\nhello", NULL, false},
    {"10000000000000000\r\nhello", NULL, false},
    {"5;a\x01\r\nhello\r\n0\r\n\r\n", NULL, false},
    {"5;a\nb\r\nhello\r\n0\r\n\r\n", NULL, false},
    {"0\r\n Folded: x\r\n\r\n", NULL, false},
    {"0\r\nA: b\n\r\n", NULL, false},
};

/* With pieces of that size; every second piece of the body is given back once. */
static int read_chunks(const char *text, size_t piece, struct buf *out, bool untake)
{
	struct http_chunks c = {0};
	size_t all = strlen(text), at = 0;
	int rc = 0;

	while (at < all && rc != 2) {
		const char *p = text + at, *data;
		size_t n = all - at < piece ? all - at : piece, before = n, data_n;

		while ((rc = http_chunks_next(&c, &p, &n, &data, &data_n)) == 1) {
			if (untake && data_n > 1) {
				http_chunks_untake(&c, data_n - 1);
				p -= data_n - 1;
				n += data_n - 1;
				data_n = 1;
			}
			buf_add(out, data, data_n);
		}
		if (rc < 0)
			return -1;
		at += before - n;
	}
	return rc;
}

static void reads_chunks(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(chunked); i++) {
		for (size_t piece = 1; piece < 40; piece++) {
			_cleanup_(buf_free) struct buf out = {0};
			int rc = read_chunks(chunked[i].text, piece, &out, piece % 2);

			if (!chunked[i].body) {
				if (rc >= 0)
					fail_msg("taken: %s", chunked[i].text);
				continue;
			}
			if (rc != (chunked[i].whole ? 2 : 0) ||
			    out.len != strlen(chunked[i].body) ||
			    (out.len && memcmp(out.data, chunked[i].body, out.len) != 0))
				fail_msg("%s: %d", chunked[i].text, rc);
		}
	}
}

static const struct {
	const char *text;
	const char *again; /* NULL: refused */
	bool misplaced;
} trailers[] = {
    {"0\r\n\r\n", "0\r\n\r\n", false},
    {"0\r\nX-Sum:  a b \t\r\nEmpty:\r\n\r\n", "0\r\nX-Sum: a b\r\nEmpty: \r\n\r\n", false},
    {"1\r\n!\r\n0;x\r\nA: 1\r\nA: 2\r\n\r\n", "0\r\nA: 1\r\nA: 2\r\n\r\n", false},
    {"0\r\nX: 1\r\ncontent-LENGTH: 5\r\n\r\n", "0\r\nX: 1\r\n\r\n", true},
    {"0\r\nProxy-X: 1\r\nIf-Match: 1\r\nTE: x\r\n\r\n", "0\r\n\r\n", true},
    {"0\r\nno colon\r\n\r\n", NULL, false},
    {"0\r\n: no name\r\n\r\n", NULL, false},
    {"0\r\nX : blank\r\n\r\n", NULL, false},
    {"0\r\nX(: paren\r\n\r\n", NULL, false},
};

static void reads_trailers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(trailers); i++) {
		_cleanup_(buf_free) struct buf lines = {0}, out = {0};
		struct http_chunks c = {.trailers = &lines};
		struct http_head t = {0};
		int rc;

		for (const char *at = trailers[i].text; *at; at++) { /* byte by byte */
			const char *p = at, *data;
			size_t n = 1, data_n;

			rc = http_chunks_next(&c, &p, &n, &data, &data_n);
			assert_true(rc >= 0);
		}
		assert_int_equal(rc, 2);
		rc = http_trailers_parse(&t, lines.data, lines.len);
		if (rc < 0 && trailers[i].again)
			fail_msg("refused: %s", trailers[i].text);
		if (rc >= 0) {
			assert_non_null(trailers[i].again);
			assert_int_equal(trailers[i].misplaced,
					 http_trailers_misplaced(&t) != NULL);
			http_trailers_clean(&t);
			http_write_last_chunk(&t, &out);
			assert_string_equal(out.data, trailers[i].again);
		}
		http_head_free(&t);
	}
}

static void removes_hop_by_hop(void **state)
{
	static const char text[] =
	    "GET / HTTP/1.1\r\nHost: a\r\nConnection: X-One, keep-alive, host\r\n"
	    "X-One: 1\r\nX-Two: 2\r\nTE: trailers\r\nUpgrade: h2c\r\n"
	    "Proxy-Authorization: Basic x\r\nProxy-Connection: x\r\n"
	    "Keep-Alive: 1\r\nTrailer: x\r\nTransfer-Encoding: chunked\r\n\r\n";
	_cleanup_(buf_free) struct buf out = {0};
	struct http_head h = {0};
	unsigned status;

	(void)state;
	assert_int_equal(http_parse_request(&h, text, sizeof(text) - 1, &status, NULL), 0);
	assert_int_equal(h.body, HTTP_BODY_CHUNKED);
	http_remove_hop_by_hop(&h);
	http_write_request(&h, HTTP_KEEP, &out);
	assert_string_equal(out.data, "GET / HTTP/1.1\r\nHost: a\r\nX-Two: 2\r\nTrailer: x\r\n"
				      "Transfer-Encoding: chunked\r\n"
				      "TE: trailers\r\nConnection: TE\r\n\r\n");
	buf_clear(&out);
	h.body = HTTP_BODY_NONE;
	h.wants_trailers = false;
	http_remove_hop_by_hop(&h);
	http_write_request(&h, HTTP_KEEP, &out);
	assert_string_equal(out.data, "GET / HTTP/1.1\r\nHost: a\r\nX-Two: 2\r\n\r\n");
	http_head_free(&h);
}

static void secrets_stay_in_their_line(void **state)
{
	struct http_head h = {0};
	struct credential_head c;
	char method[24];
	unsigned status;

	(void)state;
	assert_int_equal(http_parse_request(&h, GET "Host: a\r\n\r\n", 27, &status, NULL), 0);
	http_credential_head(&h, method, &c);
	assert_string_equal(method, "GET");
	assert_int_equal(c.add(c.data, "Authorization", "x\r\nEvil: 1", 10), -1);
	assert_int_equal(c.set_target(c.data, "/ HTTP/1.1\r\n", 12), -1);
	assert_int_equal(c.set_target(c.data, "/a b", 4), -1);
	assert_int_equal(c.set_target(c.data, "/ok?k=v", 7), 0);
	assert_int_equal(c.add(c.data, "X-Key", "v", 1), 0);
	c.remove(c.data, "x-key");
	assert_null(http_get(&h, "X-Key", 0));
	http_head_free(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_requests),
	    cmocka_unit_test(reads_no_nul),
	    cmocka_unit_test(bounds),
	    cmocka_unit_test(finds_ends),
	    cmocka_unit_test(reads_responses),
	    cmocka_unit_test(reads_chunks),
	    cmocka_unit_test(reads_trailers),
	    cmocka_unit_test(removes_hop_by_hop),
	    cmocka_unit_test(secrets_stay_in_their_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
