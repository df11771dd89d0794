/*
 * stream - bytes both ways over one socket that never blocks; TLS is a layer put on it in place.
 *
 * Who wants to go on says with stream_watch() what he waits for and is called back once it may be
 * tried. Bytes that poll(2) does not see (of a layer, or put back) count as readable until a read
 * said EAGAIN.
 */
#ifndef NONO_PROXY_STREAM_H
#define NONO_PROXY_STREAM_H

#include <uv.h>

#include "common/common.h"

#define STREAM_READ  1u
#define STREAM_WRITE 2u
#define STREAM_SOON  4u /* from the loop, as STREAM_WRITE, with nobody asking the socket */

struct stream;

struct stream_ops {
	/* As read(2) and send(2): bytes, 0 at the end, -1 with errno. EAGAIN: s->read_needs (or
	 * write_needs) says which of STREAM_READ, STREAM_WRITE the socket must become. */
	ssize_t (*read)(struct stream *s, void *p, size_t n);
	ssize_t (*write)(struct stream *s, const void *p, size_t n);
	/* No more is written: FIN, or close_notify and FIN. -1 with EAGAIN as write. */
	int (*shut)(struct stream *s);
	/* Has it bytes that poll(2) does not see? NULL: never. */
	bool (*pending)(const struct stream *s);
	/* Frees s->layer; the socket is not its business. */
	void (*free)(struct stream *s);
};

/* Bytes that were read too early. */
struct stream_back {
	char *p; /* NULL: none */
	size_t at, len;
};

struct stream {
	const struct stream_ops *ops;
	void *layer; /* of the ops; NULL for a plain socket */
	int fd;
	uint8_t read_needs, write_needs;
	uint8_t watching; /* STREAM_READ, STREAM_WRITE, STREAM_SOON that the owner waits for */
	uint8_t polling;  /* UV_READABLE, UV_WRITABLE as set */
	bool dry;	  /* the last read said EAGAIN */
	bool closed;
	/* What a wait ended for; never called after stream_close(). */
	void (*ready)(struct stream *s, unsigned what);
	void *data;		  /* the owner's */
	struct stream_back back;  /* put back by whoever reads */
	struct stream_back below; /* what was, when a layer came: the layer's to read */
	uv_poll_t poll;
	struct stream *soon_next, **soon_prev;
};

/* What the streams of a loop share; the loop's data. */
struct stream_loop {
	uv_loop_t uv;
	uv_idle_t idle;
	struct stream *soon; /* have bytes that poll(2) does not see */
};
int stream_loop_init(struct stream_loop *l, struct err *err);
void stream_loop_close(struct stream_loop *l);

/* Takes fd (a non-blocking socket) in any case; NULL with *err. */
struct stream *stream_open(struct stream_loop *loop, int fd, struct err *err);
/* Ends it and frees it, later, when libuv is done with it. NULL is fine. reset: the peer sees RST,
 * not FIN, so that a cut message is not taken for a whole one. */
void stream_close(struct stream *s);
void stream_reset(struct stream *s);

ssize_t stream_take_back(struct stream_back *b, void *p, size_t n);
static inline ssize_t stream_read(struct stream *s, void *p, size_t n)
{
	ssize_t got = s->back.p ? stream_take_back(&s->back, p, n) : s->ops->read(s, p, n);

	s->dry = got < 0 && errno == EAGAIN;
	return got;
}
static inline ssize_t stream_write(struct stream *s, const void *p, size_t n)
{
	return s->ops->write(s, p, n);
}
static inline int stream_shut(struct stream *s)
{
	return s->ops->shut(s);
}
static inline bool stream_is_plain(const struct stream *s)
{
	return !s->layer;
}
/* what: STREAM_READ, STREAM_WRITE, STREAM_SOON or several; replaces what was watched before, 0
 * stops. Stays until it is changed, however often it was called back. */
void stream_watch(struct stream *s, unsigned what);

/* Puts bytes back that were read too early: stream_read() has them first. A layer that is put on
 * the stream later reads them as the peer's. */
void stream_unread(struct stream *s, const void *p, size_t n);

/* For layers: the socket itself, beginning with what had been put back before they came. */
ssize_t stream_raw_read(struct stream *s, void *p, size_t n);
ssize_t stream_raw_write(struct stream *s, const void *p, size_t n);
/* Looks at what comes without taking it, at most n bytes, on a plain stream: for the ClientHello.
 */
ssize_t stream_raw_peek(struct stream *s, void *p, size_t n);
/* Puts a layer on a plain stream. */
void stream_layer(struct stream *s, const struct stream_ops *ops, void *layer);

#endif
