/*
 * Heads of HTTP/2: fields with the pseudo ones in front (RFC 9113 8.3).
 */
#include "network/proxy/h2.h"

static void add(struct h2_fields *f, const char *name, size_t name_n, const char *value,
		size_t value_n)
{
	if (f->n < ARRAY_LEN(f->v))
		f->v[f->n++] = (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value,
					    name_n, value_n, NGHTTP2_NV_FLAG_NONE};
}

static void add_text(struct h2_fields *f, const char *name, struct http_text t)
{
	add(f, name, strlen(name), t.p ? t.p : "", t.n);
}

/* Fields of a connection have no place here; what else must not be repeated is said by skip. */
static void add_headers(struct h2_fields *f, const struct http_head *h, const char *const *skip)
{
	static const char *const never[] = {"connection",	 "keep-alive", "proxy-connection",
					    "transfer-encoding", "upgrade",    "te"};

	for (size_t i = 0; i < h->n; i++) {
		const struct http_header *x = &h->headers[i];
		bool out = false;

		for (size_t k = 0; k < ARRAY_LEN(never) && !out; k++)
			out = http_text_is(x->name, never[k]);
		for (size_t k = 0; skip[k] && !out; k++)
			out = http_text_is(x->name, skip[k]);
		if (out)
			continue;
		add(f, x->name.p, x->name.n, x->value.p, x->value.n);
		/* Secrets do not go into tables that live as long as the connection. */
		if (x->secret || http_text_is(x->name, "authorization"))
			f->v[f->n - 1].flags |= NGHTTP2_NV_FLAG_NO_INDEX;
	}
}

static void add_length(struct h2_fields *f, uint64_t length)
{
	int n = snprintf(f->length, sizeof(f->length), "%llu", (unsigned long long)length);

	add(f, "content-length", 14, f->length, (size_t)n);
}

void h2_fields_request(struct h2_fields *f, const struct http_head *h, bool trailers)
{
	static const char *const skip[] = {"host", "content-length", "expect", NULL};
	const struct http_text *host = http_get(h, "Host", 0);

	f->n = 0;
	add_text(f, ":method", h->method);
	add(f, ":scheme", 7, "https", 5);
	add_text(f, ":authority", host ? *host : h->authority);
	add_text(f, ":path", h->target);
	if (h->secret_target)
		f->v[f->n - 1].flags |= NGHTTP2_NV_FLAG_NO_INDEX;
	add_headers(f, h, skip);
	if (trailers)
		add(f, "te", 2, "trailers", 8);
	if (h->body == HTTP_BODY_LENGTH)
		add_length(f, h->length);
}

void h2_fields_response(struct h2_fields *f, const struct http_head *h)
{
	static const char *const with_length[] = {"content-length", NULL}, *const none[] = {NULL};

	f->n = 0;
	snprintf(f->status, sizeof(f->status), "%u", h->status % 1000);
	add(f, ":status", 7, f->status, strlen(f->status));
	/* An answer to HEAD still says how long it would be. */
	add_headers(f, h, h->body == HTTP_BODY_NONE && h->status >= 200 ? none : with_length);
	if (h->body == HTTP_BODY_LENGTH)
		add_length(f, h->length);
}

void h2_fields_trailers(struct h2_fields *f, const struct http_head *h)
{
	static const char *const none[] = {NULL};

	f->n = 0;
	add_headers(f, h, none);
}

/* ---- what was received ---- */

static bool is(const uint8_t *p, size_t n, const char *s)
{
	return n == strlen(s) && memcmp(p, s, n) == 0;
}

static int set(struct http_head *h, struct http_text *to, const uint8_t *p, size_t n)
{
	*to = http_copy(h, p, n);
	return to->p ? 0 : -1;
}

int h2_field_add(struct http_head *h, const uint8_t *name, size_t name_n, const uint8_t *value,
		 size_t value_n)
{
	if (!name_n || name[0] != ':')
		return http_add(h, (const char *)name, name_n, (const char *)value, value_n);
	/* nghttp2 has checked that each comes once and that none is missing. */
	if (is(name, name_n, ":method"))
		return set(h, &h->method, value, value_n);
	if (is(name, name_n, ":path"))
		return set(h, &h->target, value, value_n);
	if (is(name, name_n, ":authority"))
		return set(h, &h->authority, value, value_n);
	if (is(name, name_n, ":status")) {
		h->status = 0;
		for (size_t i = 0; i < value_n && i < 3; i++)
			h->status = h->status * 10 + (unsigned)(value[i] - '0');
	}
	return 0;
}

/* Cookies may come in crumbs (RFC 9113 8.2.3); HTTP/1.1 knows one header. */
static int join_cookies(struct http_head *h)
{
	_cleanup_(buf_free) struct buf all = {0};
	const struct http_text *v;

	if (!http_get(h, "cookie", 1))
		return 0;
	for (size_t i = 0; (v = http_get(h, "cookie", i)); i++) {
		if (i)
			buf_adds(&all, "; ");
		buf_add(&all, v->p, v->n);
	}
	http_remove(h, "cookie");
	return http_add(h, "cookie", 6, all.data, all.len);
}

/* The body's length as the head says it; nghttp2 holds the body to it. */
static void set_body(struct http_head *h, bool ended)
{
	const struct http_text *length = http_get(h, "content-length", 0);
	long n;

	h->length = 0;
	if (ended)
		h->body = HTTP_BODY_NONE;
	else if (length && str_to_long(length->p, 0, INT64_MAX, &n) == 0) {
		h->body = HTTP_BODY_LENGTH;
		h->length = (uint64_t)n;
	} else
		h->body = HTTP_BODY_CHUNKED;
}

int h2_request_complete(struct http_head *h, bool ended, const char **why)
{
	const struct http_text *expect = http_get(h, "expect", 0);

	h->major = 2;
	h->minor = 0;
	h->keep_alive = true;
	h->upgrade = false;
	h->wants_trailers = http_has_word(h, "te", "trailers");
	h->expect_continue = expect && http_text_is(*expect, "100-continue");
	*why = NULL;
	if (http_get(h, "host", 1))
		*why = "more than one Host";
	else if (http_text_is(h->method, "CONNECT"))
		*why = "CONNECT inside a tunnel";
	else if (!h->target.n || (h->target.p[0] != '/' && !http_text_is(h->target, "*")))
		*why = "a path that is none";
	for (size_t i = 0; i < h->target.n && !*why; i++)
		if ((unsigned char)h->target.p[i] <= ' ' || h->target.p[i] == 0x7f)
			*why = "a path with blanks or control characters";
	if (!*why && join_cookies(h) < 0)
		*why = "too many cookies";
	set_body(h, ended);
	return *why ? -1 : 0;
}

void h2_response_complete(struct http_head *h, bool ended, bool to_head)
{
	h->major = 2;
	h->minor = 0;
	h->keep_alive = true;
	h->upgrade = false;
	set_body(h, ended || to_head || h->status < 200 || h->status == 204 || h->status == 304);
}
