/*
 * Heads of requests and answers, and chunks. What is taken must survive being written and read
 * again as the same message: else the next server sees another one than we judged.
 */
#include "network/proxy/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(struct http_text a, struct http_text b)
{
	if (a.n != b.n || (a.n && memcmp(a.p, b.p, a.n) != 0))
		abort();
}

static void request(const char *p, size_t n)
{
	struct http_head h = {0}, again = {0};
	_cleanup_(buf_free) struct buf out = {0};
	unsigned status = 0;
	struct err err;

	if (!http_parse_request(&h, p, n, &status, &err)) {
		h.upgrade = false;
		http_remove_hop_by_hop(&h);
		if (!http_get(&h, "Host", 0) && http_add_str(&h, "Host", "h") < 0)
			goto out;
		http_write_request(&h, HTTP_KEEP, &out);
		size_t from = 0;
		if (http_head_end(out.data, out.len, &from) != (ssize_t)out.len)
			abort();
		if (out.len > HTTP_HEAD_MAX || h.n + 3 > HTTP_HEADERS_MAX)
			goto out;
		if (http_parse_request(&again, out.data, out.len, &status, &err) < 0)
			abort();
		same(h.method, again.method);
		same(h.target, again.target);
		if (h.body != again.body || h.length != again.length)
			abort();
	} else if (status < 400) {
		abort();
	}
out:
	http_head_free(&h);
	http_head_free(&again);
}

static void response(const char *p, size_t n, bool to_head)
{
	struct http_head h = {0};
	_cleanup_(buf_free) struct buf out = {0};

	if (!http_parse_response(&h, p, n, to_head, NULL)) {
		size_t from = 0;

		h.upgrade = false;
		http_remove_hop_by_hop(&h);
		http_write_response(&h, HTTP_CLOSE, false, &out);
		if (http_head_end(out.data, out.len, &from) != (ssize_t)out.len)
			abort();
	}
	http_head_free(&h);
}

static void chunks(const char *p, size_t n)
{
	_cleanup_(buf_free) struct buf lines = {0}, out = {0};
	struct http_chunks c = {.trailers = &lines}, again = {0};
	struct http_head t = {0};
	const char *end = p + n, *data;
	size_t data_n, all = 0;
	int rc;

	while ((rc = http_chunks_next(&c, &p, &n, &data, &data_n)) == 1) {
		if (data + data_n > end || !data_n)
			abort();
		all += data_n;
	}
	if (all > (size_t)(end - p) + all + n)
		abort();
	/* Trailers that are taken are trailers again. */
	if (rc == 2 && !http_trailers_parse(&t, lines.data, lines.len)) {
		http_trailers_clean(&t);
		if (http_trailers_misplaced(&t))
			abort();
		http_write_last_chunk(&t, &out);
		p = out.data;
		n = out.len;
		if (http_chunks_next(&again, &p, &n, &data, &data_n) != 2 || n)
			abort();
	}
	http_head_free(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data;

	request(p, size);
	response(p, size, false);
	response(p, size, true);
	chunks(p, size);
	return 0;
}
