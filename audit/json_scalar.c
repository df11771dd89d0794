/* Strings and numbers of JSON text. */
#include "audit/json.h"

static uint32_t hex4(const char *p)
{
	uint32_t v = 0;

	for (int i = 0; i < 4; i++) {
		char c = p[i];
		v = v << 4 | (uint32_t)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
	}
	return v;
}

/* One character of a checked string at *p; its bytes into out, how many. */
static size_t next_char(const char **p, const char *end, char out[4])
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *s = *p;
	uint32_t cp;
	size_t n;

	if (*s != '\\') {
		n = utf8_decode(s, (size_t)(end - s), &cp);
		if (n == 0 || cp == 0) {
			*p = s + 1;
			return utf8_encode(0xfffd, out);
		}
		memcpy(out, s, n);
		*p = s + n;
		return n;
	}
	if (s[1] != 'u') {
		out[0] = to[strchr(from, s[1]) - from];
		*p = s + 2;
		return 1;
	}
	cp = hex4(s + 2);
	s += 6;
	if (cp >= 0xd800 && cp < 0xdc00 && end - s >= 6 && s[0] == '\\' && s[1] == 'u') {
		uint32_t low = hex4(s + 2);
		if (low >= 0xdc00 && low < 0xe000) {
			cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
			s += 6;
		}
	}
	*p = s;
	if (cp == 0 || (cp >= 0xd800 && cp < 0xe000))
		cp = 0xfffd;
	return utf8_encode(cp, out);
}

static int string_body(struct json_span v, const char **p, const char **end)
{
	if (v.n < 2 || v.p[0] != '"' || json_value_len(v.p, v.n) != v.n)
		return -1;
	*p = v.p + 1;
	*end = v.p + v.n - 1;
	return 0;
}

ssize_t json_string(struct json_span v, char *dst, size_t size)
{
	const char *p, *end;
	size_t len = 0;

	dst[0] = '\0';
	if (string_body(v, &p, &end) < 0)
		return -1;
	while (p < end) {
		char c[4];
		size_t n = next_char(&p, end, c);
		if (len + n >= size)
			break;
		memcpy(dst + len, c, n);
		len += n;
	}
	dst[len] = '\0';
	return (ssize_t)len;
}

int json_string_buf(struct json_span v, struct buf *b)
{
	const char *p, *end;

	if (string_body(v, &p, &end) < 0)
		return -1;
	buf_reserve(b, v.n);
	while (p < end) {
		const char *run = p;
		char c[4];
		while (p < end && *p != '\\' && (unsigned char)*p < 0x80 && *p != '\0')
			p++;
		if (p > run)
			buf_add(b, run, (size_t)(p - run));
		if (p < end)
			buf_add(b, c, next_char(&p, end, c));
	}
	return 0;
}

int json_u64(struct json_span v, uint64_t *out)
{
	*out = 0;
	if (v.n == 0 || v.n > 20)
		return -1;
	for (size_t i = 0; i < v.n; i++) {
		unsigned d = (unsigned)(v.p[i] - '0');
		if (d > 9 || *out > (UINT64_MAX - d) / 10)
			return -1;
		*out = *out * 10 + d;
	}
	return 0;
}

int json_int(struct json_span v, int64_t *out)
{
	bool neg = v.n && v.p[0] == '-';
	uint64_t u;

	if (json_u64(neg ? (struct json_span){v.p + 1, v.n - 1} : v, &u) < 0 || u > INT64_MAX)
		return -1;
	*out = neg ? -(int64_t)u : (int64_t)u;
	return 0;
}
