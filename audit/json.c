#include "audit/json.h"

void json_add_u64(struct buf *b, uint64_t v)
{
	char tmp[20];
	size_t i = sizeof(tmp);

	do {
		tmp[--i] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	buf_add(b, tmp + i, sizeof(tmp) - i);
}

static void add_key(struct buf *b, const char *key)
{
	buf_add(b, ",\"", 2);
	buf_adds(b, key);
	buf_add(b, "\":", 2);
}

void json_add_member(struct buf *b, const char *key, const char *s, size_t n)
{
	if (!s)
		return;
	add_key(b, key);
	buf_add_json_str(b, s, n);
}

void json_add_member_str(struct buf *b, const char *key, const char *s)
{
	if (s)
		json_add_member(b, key, s, strlen(s));
}

void json_add_member_int(struct buf *b, const char *key, int64_t v)
{
	add_key(b, key);
	if (v < 0)
		buf_addc(b, '-');
	json_add_u64(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void json_add_quoted(struct buf *b, const char *json, size_t n)
{
	size_t i = 0;

	buf_reserve(b, 2 * n + 2);
	char *out = b->data + b->len;

	*out++ = '"';
	for (; i < n; i++) {
		if (json[i] == '"' || json[i] == '\\')
			*out++ = '\\';
		*out++ = json[i];
	}
	*out++ = '"';
	*out = '\0';
	b->len = (size_t)(out - b->data);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static const char *skip_space(const char *p, const char *end)
{
	while (p < end && is_space(*p))
		p++;
	return p;
}

void json_compact(struct buf *b, struct json_span v)
{
	bool in_string = false;

	buf_reserve(b, v.n);
	char *out = b->data + b->len;

	for (size_t i = 0; i < v.n; i++) {
		if (in_string && v.p[i] == '\\' && i + 1 < v.n)
			*out++ = v.p[i++];
		else if (v.p[i] == '"')
			in_string = !in_string;
		else if (!in_string && is_space(v.p[i]))
			continue;
		*out++ = v.p[i];
	}
	*out = '\0';
	b->len = (size_t)(out - b->data);
}

int json_add_compact(struct buf *b, const char *text)
{
	const char *end = text + strlen(text), *p = skip_space(text, end);
	size_t n = json_value_len(p, (size_t)(end - p));

	if (n == 0 || *p != '{' || skip_space(p + n, end) != end)
		return -1;
	json_compact(b, (struct json_span){p, n});
	return 0;
}

/* ---- walking ------------------------------------------------------------- */

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* p stands on the opening quote. Behind the closing one, or NULL. */
static const char *skip_string(const char *p, const char *end)
{
	for (p++; p < end; p++) {
		if (*p == '"')
			return p + 1;
		if ((unsigned char)*p < 0x20)
			return NULL;
		if (*p != '\\')
			continue;
		if (++p >= end || !strchr("\"\\/bfnrtu", *p) || *p == '\0')
			return NULL;
		if (*p != 'u')
			continue;
		for (int i = 0; i < 4; i++)
			if (++p >= end || !is_hex(*p))
				return NULL;
	}
	return NULL;
}

static const char *skip_digits(const char *p, const char *end)
{
	const char *start = p;

	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p > start ? p : NULL;
}

static const char *skip_scalar(const char *p, const char *end)
{
	static const char *const words[] = {"true", "false", "null"};

	if (*p == '"')
		return skip_string(p, end);
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		size_t n = strlen(words[i]);
		if ((size_t)(end - p) >= n && memcmp(p, words[i], n) == 0)
			return p + n;
	}
	if (p < end && *p == '-')
		p++;
	p = skip_digits(p, end);
	if (p && p < end && *p == '.')
		p = skip_digits(p + 1, end);
	if (p && p < end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		p = skip_digits(p, end);
	}
	return p;
}

static const char *skip_key(const char *p, const char *end)
{
	p = skip_space(p, end);
	if (p >= end || *p != '"' || !(p = skip_string(p, end)))
		return NULL;
	p = skip_space(p, end);
	return p < end && *p == ':' ? skip_space(p + 1, end) : NULL;
}

/* One value, without recursion: a bit for each open bracket says which kind it is. */
static const char *skip_value(const char *p, const char *end)
{
	uint64_t objects = 0;
	unsigned depth = 0;

	for (;;) {
		/* A value is due. */
		p = skip_space(p, end);
		if (p >= end)
			return NULL;
		if (*p == '{' || *p == '[') {
			bool object = *p == '{';
			if (depth == JSON_DEPTH)
				return NULL;
			objects = objects << 1 | object;
			depth++;
			p = skip_space(p + 1, end);
			if (p >= end)
				return NULL;
			if (*p != (object ? '}' : ']')) {
				if (object && !(p = skip_key(p, end)))
					return NULL;
				continue;
			}
		} else {
			p = skip_scalar(p, end);
			if (!p)
				return NULL;
		}
		/* A value has ended, or an empty bracket stands open at its end. */
		for (;;) {
			if (depth == 0)
				return p;
			p = skip_space(p, end);
			if (p >= end)
				return NULL;
			if (*p == (objects & 1 ? '}' : ']')) {
				objects >>= 1;
				depth--;
				p++;
				continue;
			}
			break;
		}
		if (*p++ != ',')
			return NULL;
		if ((objects & 1) && !(p = skip_key(p, end)))
			return NULL;
	}
}

size_t json_value_len(const char *p, size_t n)
{
	const char *end = n ? skip_value(p, p + n) : NULL;

	return end ? (size_t)(end - p) : 0;
}

int json_iter_init(struct json_iter *it, struct json_span v)
{
	*it = (struct json_iter){.p = v.p, .end = v.p + v.n};
	if (v.n < 2 || (v.p[0] != '{' && v.p[0] != '['))
		return -1;
	it->object = v.p[0] == '{';
	it->p++;
	return 0;
}

static int iter_fail(struct json_iter *it)
{
	it->failed = true;
	return -1;
}

int json_iter_next(struct json_iter *it, struct json_span *key, struct json_span *val)
{
	const char *p = skip_space(it->p, it->end), *q;

	*key = (struct json_span){0};
	if (it->failed || p >= it->end)
		return iter_fail(it);
	if (*p == (it->object ? '}' : ']')) {
		it->p = p; /* stays at the end however often it is asked */
		return 0;
	}
	if (it->object) {
		if (*p != '"' || !(q = skip_string(p, it->end)))
			return iter_fail(it);
		*key = (struct json_span){p, (size_t)(q - p)};
		p = skip_space(q, it->end);
		if (p >= it->end || *p != ':')
			return iter_fail(it);
		p++;
	}
	p = skip_space(p, it->end);
	q = p < it->end ? skip_value(p, it->end) : NULL;
	if (!q)
		return iter_fail(it);
	*val = (struct json_span){p, (size_t)(q - p)};
	p = skip_space(q, it->end);
	if (p >= it->end || (*p != ',' && *p != (it->object ? '}' : ']')))
		return iter_fail(it);
	it->p = *p == ',' ? p + 1 : p;
	return 1;
}

bool json_key_is(struct json_span key, const char *name)
{
	size_t n = strlen(name);

	return key.n == n + 2 && memcmp(key.p + 1, name, n) == 0;
}

bool json_get(struct json_span obj, const char *name, struct json_span *val)
{
	struct json_iter it;
	struct json_span key;

	if (json_iter_init(&it, obj) < 0 || !it.object)
		return false;
	while (json_iter_next(&it, &key, val) == 1)
		if (json_key_is(key, name))
			return true;
	return false;
}
