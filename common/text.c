/* Strings: comparing, numbers, UTF-8, and text made safe to look at. */
#include <limits.h>

#include "common/common.h"

bool str_eq(const char *a, const char *b)
{
	if (!a || !b)
		return a == b;
	return strcmp(a, b) == 0;
}

bool str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

int str_to_long(const char *s, long min, long max, long *out)
{
	const char *p = s;
	char *end;
	long v;

	if (*p == '-' && min < 0)
		p++;
	if (*p < '0' || *p > '9')
		return -1;
	errno = 0;
	v = strtol(s, &end, 10);
	if (errno || *end || v < min || v > max)
		return -1;
	*out = v;
	return 0;
}

bool str_copy(char *dst, size_t size, const char *src)
{
	size_t n = strlen(src);
	bool fits = n < size;

	if (!size)
		return false;
	if (!fits)
		n = size - 1;
	memcpy(dst, src, n);
	dst[n] = '\0';
	return fits;
}

size_t utf8_decode(const char *s, size_t n, uint32_t *cp)
{
	const unsigned char *p = (const unsigned char *)s;
	uint32_t v, min;
	size_t len;

	if (!n)
		return 0;
	if (p[0] < 0x80) {
		*cp = p[0];
		return 1;
	} else if ((p[0] & 0xe0) == 0xc0) {
		len = 2, v = p[0] & 0x1f, min = 0x80;
	} else if ((p[0] & 0xf0) == 0xe0) {
		len = 3, v = p[0] & 0x0f, min = 0x800;
	} else if ((p[0] & 0xf8) == 0xf0) {
		len = 4, v = p[0] & 0x07, min = 0x10000;
	} else {
		return 0;
	}
	if (n < len)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		v = v << 6 | (p[i] & 0x3f);
	}
	if (v < min || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
		return 0;
	*cp = v;
	return len;
}

size_t utf8_encode(uint32_t cp, char out[4])
{
	if (cp < 0x80) {
		out[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (char)(0xc0 | cp >> 6);
		out[1] = (char)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp >= 0xd800 && cp <= 0xdfff)
		cp = 0xfffd;
	if (cp < 0x10000) {
		out[0] = (char)(0xe0 | cp >> 12);
		out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
		out[2] = (char)(0x80 | (cp & 0x3f));
		return 3;
	}
	if (cp > 0x10ffff)
		return utf8_encode(0xfffd, out);
	out[0] = (char)(0xf0 | cp >> 18);
	out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
	out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
	out[3] = (char)(0x80 | (cp & 0x3f));
	return 4;
}

/* Invisible, reordering, or otherwise able to make a path read as another one. */
static bool misleading(uint32_t cp)
{
	return (cp >= 0x80 && cp <= 0x9f) || cp == 0xad || cp == 0x61c || cp == 0x115f ||
	       cp == 0x1160 || cp == 0x17b4 || cp == 0x17b5 || (cp >= 0x180b && cp <= 0x180f) ||
	       (cp >= 0x200b && cp <= 0x200f) || (cp >= 0x2028 && cp <= 0x202e) ||
	       (cp >= 0x2060 && cp <= 0x206f) || cp == 0x3164 || (cp >= 0xfe00 && cp <= 0xfe0f) ||
	       cp == 0xfeff || cp == 0xffa0 || (cp >= 0xfff0 && cp <= 0xfffb) ||
	       (cp >= 0x1d173 && cp <= 0x1d17a) || (cp >= 0xe0000 && cp <= 0xe0fff);
}

char *text_printable(char *dst, size_t size, const char *s, size_t n)
{
	static const char ellipsis[] = "\xe2\x80\xa6";
	size_t i = 0, o = 0, safe = 0; /* safe: where an ellipsis still fits */

	if (!size)
		return dst;
	while (i < n) {
		char piece[16];
		uint32_t cp;
		size_t len = utf8_decode(s + i, n - i, &cp), w;

		if (!len)
			w = (size_t)snprintf(piece, sizeof(piece), "\\x%02x", (unsigned char)s[i]);
		else if (cp < 0x20)
			w = (size_t)snprintf(piece, sizeof(piece), "^%c", (char)(cp + 0x40));
		else if (cp == 0x7f)
			w = (size_t)snprintf(piece, sizeof(piece), "^?");
		else if (misleading(cp))
			w = (size_t)snprintf(piece, sizeof(piece), "<U+%04X>", cp);
		else {
			memcpy(piece, s + i, len);
			w = len;
		}
		if (o + w >= size) {
			o = safe;
			if (o + sizeof(ellipsis) <= size) {
				memcpy(dst + o, ellipsis, sizeof(ellipsis) - 1);
				o += sizeof(ellipsis) - 1;
			}
			break;
		}
		memcpy(dst + o, piece, w);
		o += w;
		if (o + sizeof(ellipsis) <= size)
			safe = o;
		i += len ? len : 1;
	}
	dst[o] = '\0';
	return dst;
}

void json_safe(struct buf *out, const char *text, size_t n)
{
	size_t i = 0;

	while (i < n) {
		size_t run = 0, len;
		char shown[32];
		uint32_t cp;

		while (i + run < n && (unsigned char)text[i + run] < 0x7f)
			run++;
		buf_add(out, text + i, run);
		i += run;
		if (i >= n)
			break;
		len = utf8_decode(text + i, n - i, &cp);
		if (!len) {
			buf_adds(out, "\\ufffd");
			i++;
			continue;
		}
		/* What people could not see as it is: the same character, spelt out. */
		text_printable(shown, sizeof(shown), text + i, len);
		if (strlen(shown) == len && memcmp(shown, text + i, len) == 0)
			buf_add(out, text + i, len);
		else if (cp < 0x10000)
			buf_addf(out, "\\u%04x", cp);
		else
			buf_addf(out, "\\u%04x\\u%04x", 0xd800 + ((cp - 0x10000) >> 10),
				 0xdc00 + ((cp - 0x10000) & 0x3ff));
		i += len;
	}
}
