/*
 * Writing heads, and what of them is not passed on.
 */
#include "network/proxy/http.h"

#include <strings.h>

static const char *const hop_by_hop[] = {
    "Connection",
    "Keep-Alive",
    "Proxy-Connection",
    "Proxy-Authorization",
    "Proxy-Authenticate",
    "Proxy-Authentication-Info",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "HTTP2-Settings",
};
/* Connection can't name these: the message would mean something else without them. */
static const char *const never_removed[] = {"Host",	     "Content-Length", "Content-Type",
					    "Cache-Control", "Authorization",  "Cookie"};

static bool listed(struct http_text name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (http_text_is(name, list[i]))
			return true;
	return false;
}

void http_remove_hop_by_hop(struct http_head *h)
{
	struct http_header kept[HTTP_HEADERS_MAX];
	size_t n = 0;
	bool named = http_get(h, "Connection", 0);

	for (size_t i = 0; i < h->n; i++) {
		struct http_text name = h->headers[i].name;

		if (listed(name, hop_by_hop, ARRAY_LEN(hop_by_hop)) &&
		    !(h->upgrade && http_text_is(name, "Upgrade")) &&
		    !(h->body == HTTP_BODY_CHUNKED && http_text_is(name, "Trailer")))
			continue;
		if (named && !http_text_is(name, "Upgrade") &&
		    !listed(name, never_removed, ARRAY_LEN(never_removed)) &&
		    http_has_word(h, "Connection", name.p))
			continue;
		kept[n++] = h->headers[i];
	}
	if (n)
		memcpy(h->headers, kept, n * sizeof(*kept));
	h->n = n;
}

static void write_headers(const struct http_head *h, bool keep_length, struct buf *out)
{
	for (size_t i = 0; i < h->n; i++) {
		const struct http_header *x = &h->headers[i];

		if (!keep_length && http_text_is(x->name, "Content-Length"))
			continue;
		buf_add(out, x->name.p, x->name.n);
		buf_add(out, ": ", 2);
		buf_add(out, x->value.p, x->value.n);
		buf_add(out, "\r\n", 2);
	}
}

/* At once, so that no copies are left behind by growing. */
static size_t size_of(const struct http_head *h)
{
	size_t n = h->method.n + h->target.n + 256;

	for (size_t i = 0; i < h->n; i++)
		n += h->headers[i].name.n + h->headers[i].value.n + 4;
	return n;
}

void http_write_request(const struct http_head *h, enum http_connection c, struct buf *out)
{
	buf_reserve(out, size_of(h));
	buf_add(out, h->method.p, h->method.n);
	buf_addc(out, ' ');
	buf_add(out, h->target.p, h->target.n);
	buf_adds(out, " HTTP/1.1\r\n");
	write_headers(h, false, out);
	if (h->body == HTTP_BODY_LENGTH)
		buf_addf(out, "Content-Length: %llu\r\n", (unsigned long long)h->length);
	else if (h->body == HTTP_BODY_CHUNKED)
		buf_adds(out, "Transfer-Encoding: chunked\r\n");
	if (c == HTTP_UPGRADE)
		buf_adds(out, "Connection: Upgrade\r\n"); /* to what is in the list */
	else if (c == HTTP_CLOSE)
		buf_adds(out, "Connection: close\r\n");
	else if (h->wants_trailers)
		buf_adds(out, "TE: trailers\r\nConnection: TE\r\n");
	buf_adds(out, "\r\n");
}

void http_write_response(const struct http_head *h, enum http_connection c, bool to_http10,
			 struct buf *out)
{
	buf_addf(out, "HTTP/1.1 %u %s\r\n", h->status, http_reason(h->status));
	/* An answer without a body may still say how long it would be (HEAD, 304). */
	write_headers(h, h->body == HTTP_BODY_NONE && h->status >= 200 && h->status != 204, out);
	if (h->body == HTTP_BODY_LENGTH)
		buf_addf(out, "Content-Length: %llu\r\n", (unsigned long long)h->length);
	else if (h->body == HTTP_BODY_CHUNKED && !to_http10)
		buf_adds(out, "Transfer-Encoding: chunked\r\n");
	if (c == HTTP_CLOSE && h->status >= 200)
		buf_adds(out, "Connection: close\r\n");
	else if (c == HTTP_UPGRADE)
		buf_adds(out, "Connection: Upgrade\r\n");
	else if (c == HTTP_KEEP && to_http10 && h->status >= 200)
		buf_adds(out, "Connection: keep-alive\r\n");
	buf_adds(out, "\r\n");
}

const char *http_reason(unsigned status)
{
	static const struct {
		unsigned status;
		const char *reason;
	} reasons[] = {
	    {100, "Continue"},
	    {101, "Switching Protocols"},
	    {103, "Early Hints"},
	    {200, "OK"},
	    {201, "Created"},
	    {202, "Accepted"},
	    {204, "No Content"},
	    {206, "Partial Content"},
	    {301, "Moved Permanently"},
	    {302, "Found"},
	    {303, "See Other"},
	    {304, "Not Modified"},
	    {307, "Temporary Redirect"},
	    {308, "Permanent Redirect"},
	    {400, "Bad Request"},
	    {401, "Unauthorized"},
	    {403, "Forbidden"},
	    {404, "Not Found"},
	    {405, "Method Not Allowed"},
	    {407, "Proxy Authentication Required"},
	    {408, "Request Timeout"},
	    {409, "Conflict"},
	    {411, "Length Required"},
	    {413, "Content Too Large"},
	    {414, "URI Too Long"},
	    {417, "Expectation Failed"},
	    {421, "Misdirected Request"},
	    {422, "Unprocessable Content"},
	    {429, "Too Many Requests"},
	    {431, "Request Header Fields Too Large"},
	    {500, "Internal Server Error"},
	    {501, "Not Implemented"},
	    {502, "Bad Gateway"},
	    {503, "Service Unavailable"},
	    {504, "Gateway Timeout"},
	    {505, "HTTP Version Not Supported"},
	};

	for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Unknown";
}
