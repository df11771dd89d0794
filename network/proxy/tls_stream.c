/*
 * TLS on a stream. OpenSSL never waits here: what the socket does not take of a record is kept by
 * the layer, at most one record of it, and the bytes in it count as written only once it is gone.
 * So whoever writes may offer other lengths next time, and nothing has to be flushed behind him.
 */
#include "network/proxy/tls_stream.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <sys/socket.h>

enum { RECORD = 16384 };

struct layer {
	struct stream *stream;
	SSL *ssl;
	BIO_METHOD *method;
	/* Encrypted, not taken by the socket yet. */
	char *out;
	size_t out_at, out_len, out_cap;
	size_t owed; /* bytes of the owner's in it: he was told that they were not taken */
	bool broken; /* the peer's fault or the socket's: no more of it */
	bool shut;
};

/* ---- what OpenSSL reads and writes ---- */

static int bio_read(BIO *b, char *p, size_t n, size_t *got)
{
	struct layer *l = BIO_get_data(b);
	ssize_t r = stream_raw_read(l->stream, p, n);

	BIO_clear_retry_flags(b);
	*got = r > 0 ? (size_t)r : 0;
	if (r < 0 && errno == EAGAIN)
		BIO_set_retry_read(b);
	else if (r == 0)
		BIO_set_flags(b, BIO_FLAGS_IN_EOF);
	return r > 0;
}

static void keep(struct layer *l, const char *p, size_t n)
{
	if (l->out_len + n > l->out_cap) {
		l->out_cap = l->out_len + n;
		l->out = xrealloc_array(l->out, l->out_cap, 1);
	}
	memcpy(l->out + l->out_len, p, n);
	l->out_len += n;
}

static int bio_write(BIO *b, const char *p, size_t n, size_t *sent)
{
	struct layer *l = BIO_get_data(b);
	ssize_t r = 0;

	BIO_clear_retry_flags(b);
	if (!l->out_len)
		r = stream_raw_write(l->stream, p, n);
	if (r < 0 && errno != EAGAIN)
		return 0;
	if (r < 0)
		r = 0;
	if ((size_t)r < n)
		keep(l, p + r, n - (size_t)r);
	*sent = n;
	return 1;
}

static long bio_ctrl(BIO *b, int cmd, long n, void *p)
{
	(void)n, (void)p;
	if (cmd == BIO_CTRL_EOF)
		return BIO_test_flags(b, BIO_FLAGS_IN_EOF) != 0;
	return cmd == BIO_CTRL_FLUSH || cmd == BIO_CTRL_DUP;
}

static int bio_create(BIO *b)
{
	BIO_set_init(b, 1);
	return 1;
}

/* ---- the layer ---- */

/* 0: nothing is kept anymore; -1: with errno. */
static int flush(struct layer *l)
{
	while (l->out_at < l->out_len) {
		ssize_t r = stream_raw_write(l->stream, l->out + l->out_at, l->out_len - l->out_at);

		if (r < 0) {
			l->broken |= errno != EAGAIN;
			return -1;
		}
		l->out_at += (size_t)r;
	}
	free(l->out);
	l->out = NULL;
	l->out_at = l->out_len = l->out_cap = 0;
	return 0;
}

/* Waiting to read: what is kept (of a handshake, say) must get out, too. */
static void need_read(struct stream *s, struct layer *l)
{
	s->read_needs = (uint8_t)(STREAM_READ | (l->out_len ? STREAM_WRITE : 0));
	errno = EAGAIN;
}

static ssize_t fail(struct layer *l)
{
	l->broken = true;
	ERR_clear_error();
	errno = ECONNRESET;
	return -1;
}

static ssize_t layer_read(struct stream *s, void *p, size_t n)
{
	struct layer *l = s->layer;
	size_t got;

	if (l->broken)
		return fail(l);
	if (l->out_len && flush(l) < 0 && l->broken)
		return fail(l);
	ERR_clear_error();
	if (SSL_read_ex(l->ssl, p, n, &got) == 1)
		return (ssize_t)got;
	switch (SSL_get_error(l->ssl, 0)) {
	case SSL_ERROR_WANT_READ:
		need_read(s, l);
		return -1;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	default:
		/* An end without close_notify is one that anybody on the way can make. */
		return fail(l);
	}
}

/* The bytes of a record that is gone by now. */
static size_t settle(struct layer *l, size_t n)
{
	size_t k = l->owed < n ? l->owed : n;

	l->owed -= k;
	return k;
}

static ssize_t layer_write(struct stream *s, const void *p, size_t n)
{
	struct layer *l = s->layer;
	size_t done = 0;

	s->write_needs = STREAM_WRITE;
	if (l->broken)
		return fail(l);
	if (l->out_len && flush(l) < 0)
		return l->broken ? fail(l) : -1;
	done = settle(l, n);
	while (done < n && !l->owed) {
		size_t want = n - done < RECORD ? n - done : RECORD, took = 0;

		ERR_clear_error();
		if (SSL_write_ex(l->ssl, (const char *)p + done, want, &took) != 1)
			return fail(l);
		if (l->out_len)
			l->owed = took;
		else
			done += took;
	}
	if (done)
		return (ssize_t)done;
	errno = EAGAIN;
	return n ? -1 : 0;
}

static int layer_shut(struct stream *s)
{
	struct layer *l = s->layer;

	s->write_needs = STREAM_WRITE;
	if (!l->shut && !l->broken) {
		ERR_clear_error();
		SSL_shutdown(l->ssl);
		ERR_clear_error();
		l->shut = true;
	}
	if (l->out_len && flush(l) < 0 && !l->broken)
		return -1;
	return shutdown(s->fd, SHUT_WR);
}

static bool layer_pending(const struct stream *s)
{
	const struct layer *l = s->layer;

	return l->broken || SSL_has_pending(l->ssl);
}

static void layer_free(struct stream *s)
{
	struct layer *l = s->layer;

	/* A session whose connection just ended is still good. */
	if (!l->broken)
		SSL_set_shutdown(l->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(l->ssl);
	BIO_meth_free(l->method);
	free(l->out);
	free(l);
	s->layer = NULL;
}

static const struct stream_ops ops = {layer_read, layer_write, layer_shut, layer_pending,
				      layer_free};

static BIO *make_bio(struct layer *l)
{
	BIO *b;

	l->method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "stream");
	if (!l->method)
		abort();
	BIO_meth_set_read_ex(l->method, bio_read);
	BIO_meth_set_write_ex(l->method, bio_write);
	BIO_meth_set_ctrl(l->method, bio_ctrl);
	BIO_meth_set_create(l->method, bio_create);
	b = BIO_new(l->method);
	if (!b)
		abort();
	BIO_set_data(b, l);
	return b;
}

void tls_stream_start(struct stream *s, SSL *ssl)
{
	struct layer *l = xcalloc(1, sizeof(*l));
	BIO *b = make_bio(l);

	l->stream = s;
	l->ssl = ssl;
	SSL_set_bio(ssl, b, b);
	stream_layer(s, &ops, l);
}

int tls_stream_handshake(struct stream *s, struct err *err, bool *certificate)
{
	struct layer *l = s->layer;
	int r;

	*certificate = false;
	if (l->out_len && flush(l) < 0 && l->broken)
		return err_set(err, "it closed the connection");
	ERR_clear_error();
	r = SSL_do_handshake(l->ssl);
	if (r == 1) {
		s->dry = false;
		return 1;
	}
	if (SSL_get_error(l->ssl, r) == SSL_ERROR_WANT_READ) {
		s->dry = true;
		need_read(s, l);
		return 0;
	}
	l->broken = true;
	tls_why(l->ssl, err, certificate);
	return -1;
}

SSL *tls_stream_ssl(const struct stream *s)
{
	return ((struct layer *)s->layer)->ssl;
}
