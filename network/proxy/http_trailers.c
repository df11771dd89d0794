/*
 * Fields after a body (RFC 9110 6.5): they are passed on as such and never become part of a head.
 * What has a meaning for framing, routing, authentication or for how a message is read has none
 * there.
 */
#include "network/proxy/http.h"

#include <strings.h>

static const char *const only_in_heads[] = {
    "Accept-Encoding",
    "Age",
    "Authorization",
    "Cache-Control",
    "Connection",
    "Content-Encoding",
    "Content-Length",
    "Content-Range",
    "Content-Type",
    "Cookie",
    "Date",
    "Expect",
    "Expires",
    "Host",
    "Keep-Alive",
    "Location",
    "Max-Forwards",
    "Pragma",
    "Range",
    "Retry-After",
    "Set-Cookie",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "Vary",
    "WWW-Authenticate",
};

static bool only_in_head(struct http_text name)
{
	if ((name.n >= 6 && !strncasecmp(name.p, "Proxy-", 6)) ||
	    (name.n >= 3 && !strncasecmp(name.p, "If-", 3)))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(only_in_heads); i++)
		if (http_text_is(name, only_in_heads[i]))
			return true;
	return false;
}

static struct http_text trim(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	while (p < end && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	return (struct http_text){p, (size_t)(end - p)};
}

/* The lines have been looked at by http_chunks_next(): each ends with CRLF, none is folded. */
int http_trailers_parse(struct http_head *t, const char *p, size_t n)
{
	const char *end = n ? p + n : p; /* p is NULL where there are none */

	http_head_clear(t);
	while (p < end) {
		const char *cr = memchr(p, '\r', (size_t)(end - p));
		const char *colon = cr ? memchr(p, ':', (size_t)(cr - p)) : NULL;
		struct http_text value;

		if (!colon || !http_is_token((struct http_text){p, (size_t)(colon - p)}))
			return -1;
		value = trim(colon + 1, cr);
		if (http_add(t, p, (size_t)(colon - p), value.p, value.n) < 0)
			return -1;
		p = cr + 2;
	}
	return 0;
}

const char *http_trailers_misplaced(const struct http_head *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (only_in_head(t->headers[i].name))
			return t->headers[i].name.p;
	return NULL;
}

void http_trailers_clean(struct http_head *t)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->n; i++)
		if (!only_in_head(t->headers[i].name))
			t->headers[kept++] = t->headers[i];
	t->n = kept;
}

void http_write_last_chunk(const struct http_head *t, struct buf *out)
{
	buf_adds(out, "0\r\n");
	for (size_t i = 0; t && i < t->n; i++) {
		buf_add(out, t->headers[i].name.p, t->headers[i].name.n);
		buf_add(out, ": ", 2);
		buf_add(out, t->headers[i].value.p, t->headers[i].value.n);
		buf_add(out, "\r\n", 2);
	}
	buf_add(out, "\r\n", 2);
}
