/*
 * The ClientHello (RFC 8446 4.1.2, RFC 6066 3) as far as the proxy looks at it. Bounded, copies
 * nothing but the handshake message out of its records, and never reads past what it was given.
 */
#include "network/tls/tls.h"

enum { RECORD_HANDSHAKE = 22, CLIENT_HELLO = 1, RECORD_HEADER = 5, RECORD_MAX = 16384 };
enum {
	EXT_SERVER_NAME = 0,
	EXT_ALPN = 16,
	EXT_EARLY_DATA = 42,
	EXT_ECH = 0xfe0d,
	EXT_ESNI = 0xffce,
};

/* What is left to be read; bad once more was asked for than there is. */
struct span {
	const uint8_t *p;
	size_t n;
	bool bad;
};

static struct span take(struct span *s, size_t n)
{
	struct span out = {s->p, n, s->bad};

	if (s->bad || n > s->n) {
		s->bad = true;
		return (struct span){s->p, 0, true};
	}
	s->p += n;
	s->n -= n;
	return out;
}

/* A number of size bytes, big endian. */
static size_t number(struct span *s, size_t size)
{
	struct span b = take(s, size);
	size_t v = 0;

	for (size_t i = 0; i < b.n; i++)
		v = v << 8 | b.p[i];
	return v;
}

/* A vector with its length in size bytes in front. */
static struct span vector(struct span *s, size_t size)
{
	size_t n = number(s, size);

	return take(s, n);
}

/* The handshake message out of the records; 1 it is whole, 0 more must come, -1 no. */
static enum tls_hello_kind unrecord(struct span in, uint8_t *out, size_t *out_n)
{
	size_t have = 0, want = 4;

	while (have < want) {
		size_t n, room;

		/* Every byte that is there is judged, so that other protocols are known early. */
		if (in.n >= 1 && in.p[0] != RECORD_HANDSHAKE)
			return have ? TLS_HELLO_BAD : TLS_HELLO_NOT;
		if (in.n >= 2 && in.p[1] != 3)
			return have ? TLS_HELLO_BAD : TLS_HELLO_NOT;
		if (in.n < RECORD_HEADER)
			return TLS_HELLO_MORE;
		n = (size_t)in.p[3] << 8 | in.p[4];
		if (!n || n > RECORD_MAX)
			return TLS_HELLO_BAD;
		take(&in, RECORD_HEADER);
		room = n < in.n ? n : in.n;
		if (room > TLS_HELLO_MAX - have)
			room = TLS_HELLO_MAX - have; /* what follows the message */
		memcpy(out + have, in.p, room);
		have += room;
		if (have >= 1 && out[0] != CLIENT_HELLO)
			return TLS_HELLO_BAD;
		if (have >= 4) {
			want = 4 + ((size_t)out[1] << 16 | (size_t)out[2] << 8 | out[3]);
			if (want > TLS_HELLO_MAX)
				return TLS_HELLO_BAD;
		}
		if (have < want && n > in.n)
			return TLS_HELLO_MORE;
		take(&in, n < in.n ? n : in.n);
	}
	*out_n = want;
	return TLS_HELLO_IS;
}

static bool server_name(struct span body, struct tls_hello *h)
{
	struct span list = vector(&body, 2);

	/* Two of them could be read in two ways. */
	if (body.bad || body.n || h->has_name)
		return false;
	h->has_name = true;
	while (list.n) {
		size_t type = number(&list, 1);
		struct span name = vector(&list, 2);

		if (list.bad || type != 0 || h->name[0])
			return false;
		if (!name.n || name.n >= sizeof(h->name) || memchr(name.p, 0, name.n))
			return false;
		memcpy(h->name, name.p, name.n);
		h->name[name.n] = '\0';
	}
	return !list.bad && h->name[0];
}

static bool alpn(struct span body, struct tls_hello *h)
{
	struct span list = vector(&body, 2);

	while (!list.bad && list.n) {
		struct span name = vector(&list, 1);

		if (!name.bad && name.n == 2 && memcmp(name.p, "h2", 2) == 0)
			h->h2 = true;
	}
	return !list.bad && !body.bad && !body.n;
}

static bool extension(size_t type, struct span body, struct tls_hello *h)
{
	switch (type) {
	case EXT_SERVER_NAME:
		return server_name(body, h);
	case EXT_ALPN:
		return alpn(body, h);
	case EXT_EARLY_DATA:
		h->early = true;
		return true;
	case EXT_ECH:
	case EXT_ESNI:
		h->ech = true;
		return true;
	default:
		return true; /* GREASE among them */
	}
}

enum tls_hello_kind tls_hello_read(const void *p, size_t n, struct tls_hello *out)
{
	uint8_t message[TLS_HELLO_MAX];
	struct span s = {message, 0, false}, extensions;
	enum tls_hello_kind kind;

	memset(out, 0, sizeof(*out));
	kind = unrecord((struct span){p, n, false}, message, &s.n);
	if (kind != TLS_HELLO_IS)
		return kind;
	take(&s, 4);	     /* type, length */
	take(&s, 2 + 32);    /* version, random */
	(void)vector(&s, 1); /* session id */
	(void)vector(&s, 2); /* cipher suites */
	(void)vector(&s, 1); /* compression */
	if (s.bad)
		return TLS_HELLO_BAD;
	if (!s.n)
		return TLS_HELLO_IS; /* no extensions: TLS 1.2 and before */
	extensions = vector(&s, 2);
	if (s.bad || s.n)
		return TLS_HELLO_BAD;
	while (extensions.n) {
		size_t type = number(&extensions, 2);
		struct span body = vector(&extensions, 2);

		if (extensions.bad || !extension(type, body, out))
			return TLS_HELLO_BAD;
	}
	return TLS_HELLO_IS;
}
