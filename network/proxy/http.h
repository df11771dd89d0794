/*
 * http - heads of messages: read strictly, changed, written; framing of bodies. No sockets.
 */
#ifndef NONO_PROXY_HTTP_H
#define NONO_PROXY_HTTP_H

#include "common/common.h"
#include "network/credentials/credentials.h"

#define HTTP_HEAD_MAX	 65536
#define HTTP_HEADERS_MAX 128

struct http_text {
	const char *p;
	size_t n;
};
struct http_header {
	struct http_text name, value;
	bool secret;
};

enum http_body {
	HTTP_BODY_NONE = 0, /* the message ends with its head */
	HTTP_BODY_LENGTH,
	HTTP_BODY_CHUNKED,
	HTTP_BODY_TO_END, /* of the connection: answers only */
};

/* A request's head (method, target) or an answer's (status). Texts are in the head's own memory and
 * stay where they are until http_head_clear(). HTTP/2: major 2, pseudo headers are in the fields
 * (target = :path, authority = :authority), never in the list. */
struct http_head {
	struct http_text method, target, authority; /* authority: HTTP/2, or of an absolute form */
	unsigned status;
	unsigned major, minor;
	struct http_header *headers;
	size_t n, cap;
	enum http_body body;
	uint64_t length; /* HTTP_BODY_LENGTH */
	bool keep_alive; /* as version and Connection say */
	bool upgrade;	 /* "Connection: upgrade" with an Upgrade header */
	bool expect_continue;
	bool wants_trailers; /* of the answer: "TE: trailers" */
	bool secret;	     /* something in it was put in by credentials/: its memory is wiped */
	bool secret_target;  /* the target is */
	struct http_chunk_of_memory *memory;
};
void http_head_clear(struct http_head *h); /* empty, memory kept for the next */
void http_head_free(struct http_head *h);
/* Nobody needs what credentials/ put in any longer: those values are gone. */
void http_head_forget_secrets(struct http_head *h);
/* Copies into the head's memory. -1 if there are too many or it became too large. */
struct http_text http_copy(struct http_head *h, const void *p, size_t n);
int http_add(struct http_head *h, const char *name, size_t name_n, const char *value,
	     size_t value_n);
int http_add_str(struct http_head *h, const char *name, const char *value);
void http_remove(struct http_head *h, const char *name);
/* The i-th of that name, NULL if there are fewer. */
const struct http_text *http_get(const struct http_head *h, const char *name, size_t i);
bool http_text_is(struct http_text t, const char *s); /* ASCII, without case */
bool http_is_token(struct http_text t);		      /* RFC 9110 5.6.2: a header's name */
/* Is word an element of the comma-separated list in any header of that name? */
bool http_has_word(const struct http_head *h, const char *name, const char *word);

/* A complete head in p, with its empty line. request or answer. *status is what to answer to it
 * when -1 is returned: 400, 431, 501, 505. to_head, no_body: of the answer: to HEAD; a request
 * whose answer has none. */
int http_parse_request(struct http_head *h, const char *p, size_t n, unsigned *status,
		       struct err *err);
int http_parse_response(struct http_head *h, const char *p, size_t n, bool to_head,
			struct err *err);
/* Bytes of the head at the beginning of p, 0 if its end is not there yet, -1 if it can't become one
 * (a bare LF or a NUL came first). *from: where an earlier call got to; 0 at first. */
ssize_t http_head_end(const char *p, size_t n, size_t *from);

/* What concerns only one connection is taken out: Connection and what it names, Keep-Alive,
 * Proxy-*, TE, Transfer-Encoding, Upgrade (but with h->upgrade), Trailer where no body in chunks
 * follows. Framing is in h->body from then on, TE in h->wants_trailers. */
void http_remove_hop_by_hop(struct http_head *h);

/* Written as HTTP/1.1 with the framing of h->body and the connection header (HTTP_UPGRADE: to what
 * the Upgrade header in the list says). */
enum http_connection { HTTP_KEEP = 0, HTTP_CLOSE, HTTP_UPGRADE };
void http_write_request(const struct http_head *h, enum http_connection c, struct buf *out);
void http_write_response(const struct http_head *h, enum http_connection c, bool to_http10,
			 struct buf *out);
const char *http_reason(unsigned status);

/* ---- chunks ---- */

struct http_chunks {
	uint8_t state;
	uint8_t digits;
	uint16_t line;	      /* bytes of extensions or trailers so far */
	uint64_t left;	      /* of the chunk */
	struct buf *trailers; /* gets their lines; NULL: dropped */
};
/* Eats from *p, *n. 1: *data, *data_n is a piece of the body (may be called again with the rest);
 * 0: all eaten, more must come; 2: the body's end; -1: not a chunked body. */
int http_chunks_next(struct http_chunks *c, const char **p, size_t *n, const char **data,
		     size_t *data_n);

/* The last n bytes of the piece were not taken after all: they will be offered again. */
void http_chunks_untake(struct http_chunks *c, size_t n);

/* ---- trailers (http_trailers.c) ---- */

/* The lines that http_chunks_next() gave; -1: they are none, or too many. */
int http_trailers_parse(struct http_head *t, const char *p, size_t n);
/* The name of one that has its place in heads only; NULL if all may be passed on. */
const char *http_trailers_misplaced(const struct http_head *t);
void http_trailers_clean(struct http_head *t); /* without those */
/* t: NULL for none. */
void http_write_last_chunk(const struct http_head *t, struct buf *out);

/* For credentials/. */
void http_credential_head(struct http_head *h, char method[24], struct credential_head *out);

#endif
