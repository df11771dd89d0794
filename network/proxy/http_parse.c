/*
 * Reading heads. Two readers must agree: a strict scan of the whole (RFC 9112 without what it
 * allows for old times' sake: that is where one server sees two requests and the next one sees
 * one), and http-parser.
 */
#include "network/proxy/http.h"

#include <http_parser.h>
#include <strings.h>

ssize_t http_head_end(const char *p, size_t n, size_t *from)
{
	for (size_t i = *from; i < n; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c >= ' ' && c != 0x7f)
			continue;
		if (c == '\t')
			continue;
		if (c == '\r') {
			if (i + 1 == n) {
				*from = i;
				return 0;
			}
			if (p[i + 1] != '\n')
				return -1;
			continue;
		}
		if (c != '\n' || !i || p[i - 1] != '\r')
			return -1;
		if (i >= 3 && p[i - 2] == '\n')
			return (ssize_t)i + 1;
	}
	*from = n;
	return 0;
}

struct reading {
	struct http_head *h;
	struct http_text target, name, value;
	bool too_many, bad_name;
};

static void append(struct http_text *t, const char *p, size_t n)
{
	if (!t->n)
		t->p = p;
	t->n += n;
}

bool http_is_token(struct http_text t)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < t.n; i++) {
		char c = t.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      (c && strchr(others, c))))
			return false;
	}
	return t.n > 0;
}

static void finish_header(struct reading *r)
{
	struct http_text v = r->value;

	if (!r->name.n)
		return;
	while (v.n && (v.p[v.n - 1] == ' ' || v.p[v.n - 1] == '\t'))
		v.n--;
	if (!http_is_token(r->name))
		r->bad_name = true;
	else if (http_add(r->h, r->name.p, r->name.n, v.n ? v.p : "", v.n) < 0)
		r->too_many = true;
	r->name.n = r->value.n = 0;
}

static int on_url(http_parser *p, const char *at, size_t n)
{
	append(&((struct reading *)p->data)->target, at, n);
	return 0;
}

static int on_field(http_parser *p, const char *at, size_t n)
{
	struct reading *r = p->data;

	/* A name follows a value, or an empty value, whose callback comes with length 0. */
	if (r->name.n && r->name.p + r->name.n != at)
		finish_header(r);
	append(&r->name, at, n);
	return 0;
}

static int on_value(http_parser *p, const char *at, size_t n)
{
	append(&((struct reading *)p->data)->value, at, n);
	return 0;
}

static int on_head(http_parser *p)
{
	finish_header(p->data);
	return 2; /* bodies are framed by us */
}

/* No line begins with a blank (folding, or a blank before the first header). */
static bool folded(const char *p, size_t n)
{
	for (size_t i = 0; i + 2 < n; i++)
		if (p[i] == '\n' && (p[i + 1] == ' ' || p[i + 1] == '\t'))
			return true;
	return n && (p[0] == ' ' || p[0] == '\t');
}

static int read_head(struct http_head *h, const char *p, size_t n, enum http_parser_type type,
		     struct reading *r, http_parser *parser, struct err *err)
{
	static const http_parser_settings settings = {.on_url = on_url,
						      .on_header_field = on_field,
						      .on_header_value = on_value,
						      .on_headers_complete = on_head};
	size_t from = 0;

	http_head_clear(h);
	if (n > HTTP_HEAD_MAX)
		return err_set(err, "the head is larger than %d bytes", HTTP_HEAD_MAX);
	if (http_head_end(p, n, &from) != (ssize_t)n || folded(p, n))
		return err_set(err, "a line end, blank or control character is out of place");
	*r = (struct reading){.h = h};
	http_parser_init(parser, type);
	parser->data = r;
	size_t eaten = http_parser_execute(parser, &settings, p, n);
	enum http_errno e = HTTP_PARSER_ERRNO(parser);
	if (e != HPE_OK && e != HPE_CB_message_complete)
		return err_set(err, "%s", http_errno_description(e));
	if (r->too_many)
		return err_set(err, "more than %d headers", HTTP_HEADERS_MAX);
	if (r->bad_name)
		return err_set(err, "a header's name is not a token");
	if (eaten != n)
		return err_set(err, "the head does not end where it seems to");
	h->major = parser->http_major;
	h->minor = parser->http_minor;
	return 0;
}

/* The one Content-Length: 1 there, 0 none, -1 not a number or several. */
static int content_length(const struct http_head *h, uint64_t *out)
{
	const struct http_text *v = http_get(h, "Content-Length", 0);
	uint64_t n = 0;

	if (!v)
		return 0;
	if (http_get(h, "Content-Length", 1) || !v->n || v->n > 18)
		return -1;
	for (size_t i = 0; i < v->n; i++) {
		if (v->p[i] < '0' || v->p[i] > '9')
			return -1;
		n = n * 10 + (uint64_t)(v->p[i] - '0');
	}
	*out = n;
	return 1;
}

/* Sets body and length; -1 if it is not said in exactly one way. */
static int framing(struct http_head *h, unsigned *status, struct err *err)
{
	const struct http_text *te = http_get(h, "Transfer-Encoding", 0);
	int length = content_length(h, &h->length);

	*status = 400;
	if (length < 0)
		return err_set(err, "Content-Length is not one number");
	if (te && length)
		return err_set(err, "both Content-Length and Transfer-Encoding");
	if (te && (h->minor == 0 || http_get(h, "Transfer-Encoding", 1)))
		return err_set(err, "Transfer-Encoding where there must be none");
	if (te && !http_text_is(*te, "chunked")) {
		*status = 501;
		return err_set(err, "a Transfer-Encoding other than chunked");
	}
	h->body = te ? HTTP_BODY_CHUNKED : length ? HTTP_BODY_LENGTH : HTTP_BODY_NONE;
	return 0;
}

static void connection(struct http_head *h)
{
	bool close = http_has_word(h, "Connection", "close") ||
		     http_has_word(h, "Proxy-Connection", "close");
	bool keep = http_has_word(h, "Connection", "keep-alive") ||
		    http_has_word(h, "Proxy-Connection", "keep-alive");

	h->keep_alive = !close && (h->minor >= 1 || keep);
	h->upgrade =
	    h->minor >= 1 && http_has_word(h, "Connection", "upgrade") && http_get(h, "Upgrade", 0);
}

int http_parse_request(struct http_head *h, const char *p, size_t n, unsigned *status,
		       struct err *err)
{
	struct reading r = {0};
	http_parser parser;
	const struct http_text *host;

	*status = n > HTTP_HEAD_MAX ? 431 : 400;
	if (read_head(h, p, n, HTTP_REQUEST, &r, &parser, err) < 0) {
		if (r.too_many && n <= HTTP_HEAD_MAX)
			*status = 431;
		return -1;
	}
	if (h->major != 1 || h->minor > 1) {
		*status = 505;
		return err_set(err, "a version other than HTTP/1.0 and HTTP/1.1");
	}
	const char *method = http_method_str((enum http_method)parser.method);
	h->method = http_copy(h, method, strlen(method));
	h->target = http_copy(h, r.target.p ? r.target.p : "", r.target.n);
	if (!h->method.p || !h->target.p || !h->target.n)
		return err_set(err, "no target");
	for (size_t i = 0; i < h->target.n; i++)
		if (h->target.p[i] <= ' ' || h->target.p[i] == 0x7f)
			return err_set(err, "bytes outside of ASCII in the target");
	/* Exactly "METHOD target HTTP/1.x": no second blank, nothing after it. */
	if (n < h->method.n + h->target.n + 12 || memcmp(p, h->method.p, h->method.n) != 0 ||
	    memcmp(p + h->method.n + 1, h->target.p, h->target.n) != 0 ||
	    memcmp(p + h->method.n + 1 + h->target.n, " HTTP/1.", 8) != 0 ||
	    p[h->method.n + h->target.n + 10] != '\r')
		return err_set(err, "the request line is not 'METHOD TARGET VERSION'");
	host = http_get(h, "Host", 0);
	if ((!host && h->minor) || http_get(h, "Host", 1))
		return err_set(err, "not exactly one Host");
	if (framing(h, status, err) < 0)
		return -1;
	connection(h);
	const struct http_text *expect = http_get(h, "Expect", 0);
	if (expect && !http_text_is(*expect, "100-continue")) {
		*status = 417;
		return err_set(err, "an expectation other than 100-continue");
	}
	h->wants_trailers = h->minor && http_has_word(h, "TE", "trailers");
	h->expect_continue = expect && h->minor && h->body != HTTP_BODY_NONE;
	return 0;
}

int http_parse_response(struct http_head *h, const char *p, size_t n, bool to_head, struct err *err)
{
	struct reading r = {0};
	http_parser parser;
	unsigned status;

	if (read_head(h, p, n, HTTP_RESPONSE, &r, &parser, err) < 0)
		return -1;
	h->status = parser.status_code;
	if (h->major != 1 || h->status < 100 || h->status > 599)
		return err_set(err, "not an answer of HTTP/1");
	if (framing(h, &status, err) < 0)
		return -1;
	if (to_head || h->status < 200 || h->status == 204 || h->status == 304)
		h->body = HTTP_BODY_NONE;
	else if (h->body == HTTP_BODY_NONE)
		h->body = HTTP_BODY_TO_END;
	connection(h);
	if (h->body == HTTP_BODY_TO_END)
		h->keep_alive = false;
	return 0;
}
