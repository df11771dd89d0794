/*
 * Output that goes to a terminal as a stream, without a screen in between: what draws in the line
 * stays, what the terminal would obey otherwise goes.
 * Sources: ECMA-48, xterm's ctlseqs, RFC 3629.
 */
#include "pty/pty.h"

enum { TEXT = 0, ESC, ESC_MORE, CSI, CSI_LONG, STRING, STRING_ESC, UTF8 };

/* Within the line: colours, erasing, to the left and right. Not up: what is above is not theirs. */
static bool csi_stays(const struct pty_filter *f, char final)
{
	for (size_t i = 2; i < f->n; i++)
		if (!((f->held[i] >= '0' && f->held[i] <= '9') || f->held[i] == ';' ||
		      f->held[i] == ':'))
			return false;
	return final == 'm' || final == 'K' || final == 'C' || final == 'D' || final == 'G';
}

static size_t put_held(struct pty_filter *f, char *out)
{
	size_t n = f->n;

	memcpy(out, f->held, n);
	f->n = 0;
	f->state = TEXT;
	return n;
}

static void hold(struct pty_filter *f, unsigned char c)
{
	f->held[f->n++] = (char)c;
}

static size_t text(struct pty_filter *f, unsigned char c, char *out)
{
	if ((c >= 0x20 && c < 0x7f) || c == '\n' || c == '\r' || c == '\t' || c == '\b' ||
	    c == '\a') {
		*out = (char)c;
		return 1;
	}
	f->n = 0;
	if (c == 0x1b) {
		f->state = ESC;
	} else if (c >= 0xc2 && c <= 0xf4) {
		f->state = UTF8;
		f->want = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
		hold(f, c);
	}
	return 0; /* other controls, and what is no UTF-8: nothing */
}

static size_t escape(struct pty_filter *f, unsigned char c)
{
	f->n = 0;
	if (c == '[') {
		f->state = CSI;
		hold(f, 0x1b);
		hold(f, c);
	} else if (c == ']' || c == 'P' || c == 'X' || c == '^' || c == '_') {
		f->state = STRING;
	} else if (c >= 0x20 && c < 0x30) {
		f->state = ESC_MORE;
	} else if (c != 0x1b) {
		f->state = TEXT;
	}
	return 0;
}

static size_t csi(struct pty_filter *f, unsigned char c, char *out)
{
	if (c >= 0x40 && c < 0x7f) {
		bool stays = f->state == CSI && csi_stays(f, (char)c);

		f->state = TEXT;
		if (!stays)
			return 0;
		hold(f, c);
		return put_held(f, out);
	}
	if (c == 0x1b)
		return escape(f, c), f->state = ESC, 0;
	if (c == 0x18 || c == 0x1a || c >= 0x80)
		f->state = TEXT;
	else if (c >= 0x20 && f->n < sizeof(f->held) - 1)
		hold(f, c);
	else
		f->state = CSI_LONG;
	return 0;
}

/* Nobody's title, clipboard or device: up to its end, or that of the line, lest one that is not
 * closed takes all that follows. */
static size_t string(struct pty_filter *f, unsigned char c, char *out)
{
	if (c == 0x1b) {
		f->state = STRING_ESC;
	} else if (c == '\a' || c == 0x18 || c == 0x1a) {
		f->state = TEXT;
	} else if (c == '\n') {
		f->state = TEXT;
		*out = '\n';
		return 1;
	}
	return 0;
}

/* Is it a whole one, of the shortest form, and no control (U+0080 to U+009F) or surrogate? */
static bool utf8_ok(const struct pty_filter *f)
{
	unsigned char a = (unsigned char)f->held[0], b = (unsigned char)f->held[1];

	return !(a == 0xc2 && b < 0xa0) && !(a == 0xe0 && b < 0xa0) && !(a == 0xed && b >= 0xa0) &&
	       !(a == 0xf0 && b < 0x90) && !(a == 0xf4 && b >= 0x90);
}

static size_t one(struct pty_filter *f, unsigned char c, char *out)
{
	switch (f->state) {
	case ESC:
		return escape(f, c);
	case ESC_MORE:
		if (c == 0x1b)
			f->state = ESC;
		else if (c < 0x20 || c > 0x2f)
			f->state = TEXT;
		return 0;
	case CSI:
	case CSI_LONG:
		return csi(f, c, out);
	case STRING:
		return string(f, c, out);
	case STRING_ESC:
		return c == '\\' ? (f->state = TEXT, 0) : escape(f, c);
	case UTF8:
		if ((c & 0xc0) != 0x80) {
			f->state = TEXT;
			return text(f, c, out);
		}
		hold(f, c);
		if (f->n < f->want)
			return 0;
		if (utf8_ok(f))
			return put_held(f, out);
		f->state = TEXT;
		return 0;
	default:
		return text(f, c, out);
	}
}

size_t pty_filter(struct pty_filter *f, const void *in, size_t n, char *out)
{
	const unsigned char *p = in;
	size_t len = 0;

	for (size_t i = 0; i < n; i++)
		len += one(f, p[i], out + len);
	return len;
}
