/*
 * Bodies in chunks (RFC 9112 7.1), strictly: hexadecimal size, CRLF, data, CRLF. Extensions are
 * dropped, trailers kept where somebody wants them; both are bounded.
 */
#include "network/proxy/http.h"

enum {
	SIZE = 0,   /* digits of the size */
	EXTENSION,  /* ";..." */
	SIZE_LF,    /* LF of the size's line */
	DATA,	    /* left bytes */
	DATA_CR,    /* CRLF after them */
	DATA_LF,    /**/
	TRAILER,    /* at the beginning of a trailer's line, or the last CR */
	TRAILER_IN, /* inside one */
	TRAILER_LF, /* its LF */
	LAST_LF,    /* of the whole body */
	DONE,
};

#define LINES_MAX 16384 /* of trailers or one chunk's extension */

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool text(char c)
{
	return ((unsigned char)c >= ' ' && c != 0x7f) || c == '\t';
}

/* One byte outside of data: -1 if it is out of place. */
static int step(struct http_chunks *c, char b)
{
	int d;

	switch (c->state) {
	case SIZE:
		d = hex(b);
		if (d >= 0) {
			if (c->digits++ >= 15)
				return -1;
			c->left = c->left << 4 | (unsigned)d;
			return 0;
		}
		if (!c->digits)
			return -1;
		c->digits = 0;
		c->line = 0;
		c->state = b == ';' ? EXTENSION : SIZE_LF;
		return b == ';' || b == '\r' ? 0 : -1;
	case EXTENSION:
		if (b == '\r')
			c->state = SIZE_LF;
		return b == '\r' || (text(b) && c->line++ < LINES_MAX) ? 0 : -1;
	case SIZE_LF:
		c->line = 0;
		c->state = c->left ? DATA : TRAILER;
		return b == '\n' ? 0 : -1;
	case DATA_CR:
		c->state = DATA_LF;
		return b == '\r' ? 0 : -1;
	case DATA_LF:
		c->state = SIZE;
		return b == '\n' ? 0 : -1;
	case TRAILER:
		c->state = b == '\r' ? LAST_LF : TRAILER_IN;
		return b == '\r' || (text(b) && b != ' ' && b != '\t' && c->line++ < LINES_MAX)
			   ? 0
			   : -1;
	case TRAILER_IN:
		if (b == '\r')
			c->state = TRAILER_LF;
		return b == '\r' || (text(b) && c->line++ < LINES_MAX) ? 0 : -1;
	case TRAILER_LF:
		c->state = TRAILER;
		return b == '\n' ? 0 : -1;
	case LAST_LF:
		c->state = DONE;
		return b == '\n' ? 0 : -1;
	default:
		return -1;
	}
}

int http_chunks_next(struct http_chunks *c, const char **p, size_t *n, const char **data,
		     size_t *data_n)
{
	while (*n && c->state != DONE) {
		uint8_t before = c->state;

		if (before == DATA) {
			size_t take = *n < c->left ? *n : (size_t)c->left;

			*data = *p;
			*data_n = take;
			*p += take;
			*n -= take;
			c->left -= take;
			if (!c->left)
				c->state = DATA_CR;
			return 1;
		}
		if (step(c, **p) < 0)
			return -1;
		if (c->trailers && (c->state == TRAILER_IN || c->state == TRAILER_LF ||
				    (c->state == TRAILER && before == TRAILER_LF)))
			buf_addc(c->trailers, **p);
		++*p;
		--*n;
	}
	return c->state == DONE ? 2 : 0;
}

void http_chunks_untake(struct http_chunks *c, size_t n)
{
	c->left += n;
	c->state = DATA;
}
