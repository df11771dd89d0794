/*
 * What both sides of HTTP/2 share: a session of nghttp2 on a stream, bodies that wait for their
 * turn, heads as lists of fields.
 */
#ifndef NONO_PROXY_H2_H
#define NONO_PROXY_H2_H

#include <nghttp2/nghttp2.h>

#include "network/proxy/proxy.h"

#define H2_STREAMS 100
#define H2_STREAM_WINDOW                                                        \
	(128 << 10) /* what is kept of a body that nobody takes is at most this \
		     */
#define H2_WINDOW (4 << 20)
#define H2_BODY	  (64u << 10) /* given to us, not framed yet */

/* ---- a session on its stream (h2_link.c) ---- */

struct h2_link {
	struct proxy *proxy;
	struct stream *stream;
	nghttp2_session *ng;
	struct buf out;	 /* frames that the socket did not take */
	unsigned inside; /* calls of nghttp2 that are running: nothing is sent meanwhile */
	bool dead;	 /* the connection is over: its owner ends it from the loop */
	bool work;	 /* something is to be done from the loop */
	bool keys;	 /* heads have keys in them */
	bool secret;	 /* out has such a head: wiped when it is empty */
	bool moved;	 /* something whole came: the deadline moves */
	int32_t head_id; /* the stream whose head is coming; -1: the first frame is; 0: none */
	const char *why;
};
struct h2_calls {
	nghttp2_on_begin_headers_callback begin_headers;
	nghttp2_on_header_callback header;
	nghttp2_on_frame_recv_callback frame;
	nghttp2_on_data_chunk_recv_callback data;
	nghttp2_on_stream_close_callback closed;
};
/* What a session of nghttp2 is made with; both are the caller's. -1: no memory. */
int h2_link_setup(const struct h2_calls *calls, nghttp2_session_callbacks **cb, nghttp2_option **o);
/* In calls: a frame came whole; a stream is over. A head that was awaited there has come, then. */
void h2_link_frame(struct h2_link *l, int32_t id);
void h2_link_stream_over(struct h2_link *l, int32_t id);
/* Reads what is there, some rounds of it. */
void h2_link_pull(struct h2_link *l);
/* Sends what there is to be sent; nothing while inside. */
void h2_link_push(struct h2_link *l);
void h2_link_watch(struct h2_link *l, bool reading);
void h2_link_close(struct h2_link *l);
/* Both settings and the connection's window; -1 if nghttp2 has no memory. */
int h2_link_settings(struct h2_link *l, bool server);

/* A body on its way into frames. */
struct h2_body {
	char *p; /* H2_BODY bytes; NULL until the first ones come */
	uint32_t at, len;
	bool ended;    /* nothing more comes */
	bool deferred; /* nghttp2 waits for us */
	bool held;     /* who gives it waits for us */
};
size_t h2_body_put(struct h2_body *b, const char *p, size_t n);
size_t h2_body_get(struct h2_body *b, void *p, size_t n);
static inline uint32_t h2_body_left(const struct h2_body *b)
{
	return b->len - b->at;
}
/* There is room again for who waits; said once. */
bool h2_body_drained(struct h2_body *b);
/* In a read callback: the body ends here; with trailers, unless NULL or empty. */
void h2_body_last(nghttp2_session *ng, int32_t id, const struct http_head *trailers,
		  uint32_t *flags);
void h2_body_free(struct h2_body *b);

/* For a session whose heads hold keys (h2_memory.c). */
nghttp2_mem h2_wiping_memory(void);

/* ---- heads (h2_fields.c) ---- */

struct h2_fields {
	nghttp2_nv v[HTTP_HEADERS_MAX + 8];
	size_t n;
	char status[8], length[24];
};
void h2_fields_request(struct h2_fields *f, const struct http_head *h, bool trailers);
void h2_fields_response(struct h2_fields *f, const struct http_head *h);
void h2_fields_trailers(struct h2_fields *f, const struct http_head *h);
/* One that was received; -1: too many or too large. */
int h2_field_add(struct http_head *h, const uint8_t *name, size_t name_n, const uint8_t *value,
		 size_t value_n);
/* All are there. ended: no body follows. -1: it is no request for a proxy (*why). */
int h2_request_complete(struct http_head *h, bool ended, const char **why);
void h2_response_complete(struct http_head *h, bool ended, bool to_head);

/* ---- drivers ---- */

/* As h1_server_start(). */
void h2_server_start(struct proxy *p, struct stream *s, const struct exchange_origin *origin,
		     uint16_t peer_port, uint64_t connection);
void h2_server_go_on(struct proxy *p);

struct h2_client;
/* A connection that takes one more request, NULL if there is none. */
struct h2_client *h2_client_find(struct proxy *p, const struct pool_key *key);
struct h2_client *h2_client_new(struct proxy *p, struct stream *s, const struct pool_key *key,
				const char *address);
const char *h2_client_address(const struct h2_client *c);
void h2_client_attach(struct h2_client *c, struct exchange *x); /* sets x->up */

#endif
