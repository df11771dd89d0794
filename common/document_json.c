/* JSON as people write it: // and block comments, a comma after the last value. Else strict. */
#include "common/document_build.h"

static struct doc_node *value(struct doc_reader *r, const char *name, struct doc_place at);

static int skip_comment(struct doc_reader *r)
{
	struct doc_place start = doc_here(r);
	bool block = doc_peek(r, 1) == '*';

	if (!block && doc_peek(r, 1) != '/')
		return doc_fail(r, start, "a lone '/'");
	for (r->at += 2; r->at < r->n;) {
		char c = r->text[r->at++];

		if (c == '\n') {
			doc_newline(r);
			if (!block)
				return 0;
		} else if (block && c == '*' && doc_peek(r, 0) == '/') {
			r->at++;
			return 0;
		}
	}
	return block ? doc_fail(r, start, "a comment does not end") : 0;
}

static int skip_space(struct doc_reader *r)
{
	for (;;) {
		switch (doc_peek(r, 0)) {
		case ' ':
		case '\t':
		case '\r':
			r->at++;
			break;
		case '\n':
			r->at++;
			doc_newline(r);
			break;
		case '/':
			if (skip_comment(r) < 0)
				return -1;
			break;
		default:
			return 0;
		}
	}
}

/* What stands at the cursor, for a message. */
static int unexpected(struct doc_reader *r, const char *wanted)
{
	char shown[16];
	uint32_t cp;
	size_t len = utf8_decode(r->text + r->at, r->n - r->at, &cp);

	if (r->at >= r->n)
		return doc_fail(r, doc_here(r), "the file ends where %s is expected", wanted);
	return doc_fail(r, doc_here(r), "'%s' where %s is expected",
			text_printable(shown, sizeof(shown), r->text + r->at, len), wanted);
}

static int hex4(struct doc_reader *r, uint32_t *out)
{
	*out = 0;
	for (size_t i = 0; i < 4; i++) {
		int c = doc_peek(r, i), digit;

		if (c >= '0' && c <= '9')
			digit = c - '0';
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			digit = (c | 0x20) - 'a' + 10;
		else
			return doc_fail(r, doc_here(r), "\\u needs four hexadecimal digits");
		*out = *out << 4 | (uint32_t)digit;
	}
	r->at += 4;
	return 0;
}

static int unicode_escape(struct doc_reader *r, struct doc_place at)
{
	uint32_t cp, low;
	char utf8[4];

	if (hex4(r, &cp) < 0)
		return -1;
	if (cp >= 0xd800 && cp < 0xdc00 && doc_peek(r, 0) == '\\' && doc_peek(r, 1) == 'u') {
		r->at += 2;
		if (hex4(r, &low) < 0)
			return -1;
		if (low < 0xdc00 || low > 0xdfff)
			return doc_fail(r, at, "half of a surrogate pair");
		cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
	}
	if (cp >= 0xd800 && cp <= 0xdfff)
		return doc_fail(r, at, "half of a surrogate pair");
	if (!cp)
		return doc_fail(r, at, "a string must not contain NUL");
	buf_add(&r->scratch, utf8, utf8_encode(cp, utf8));
	return 0;
}

static int escape(struct doc_reader *r)
{
	static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	struct doc_place at = doc_here(r);
	int c = doc_peek(r, 1);
	const char *known = c > 0 ? strchr(names, c) : NULL;

	r->at += 2;
	if (c == 'u')
		return unicode_escape(r, at);
	if (!known)
		return doc_fail(r, at, "no such escape in a string (a backslash is \\\\)");
	buf_addc(&r->scratch, values[known - names]);
	return 0;
}

/* The cursor is on the quote. */
static char *string(struct doc_reader *r)
{
	struct doc_place start = doc_here(r);

	buf_clear(&r->scratch);
	for (r->at++;;) {
		size_t from = r->at;
		int c;

		while ((c = doc_peek(r, 0)) >= 0x20 && c != '"' && c != '\\')
			r->at++;
		buf_add(&r->scratch, r->text + from, r->at - from);
		if (c == '"')
			break;
		if (c == '\\') {
			if (escape(r) < 0)
				return NULL;
			continue;
		}
		if (c < 0 || c == '\n')
			doc_fail(r, start, "a string does not end");
		else
			doc_fail(r, doc_here(r),
				 "a control character in a string: "
				 "write it as \\u%04x",
				 (unsigned)c);
		return NULL;
	}
	r->at++;
	return doc_take_scratch(r, start);
}

static size_t digits(const struct doc_reader *r, size_t i)
{
	while (doc_peek(r, i) >= '0' && doc_peek(r, i) <= '9')
		i++;
	return i;
}

static int number(struct doc_reader *r, struct doc *out)
{
	struct doc_place at = doc_here(r);
	size_t i = doc_peek(r, 0) == '-', first = i, from;
	bool whole = true, ok;
	char text[64];

	i = digits(r, i);
	ok = i > first && (doc_peek(r, first) != '0' || i == first + 1);
	if (ok && doc_peek(r, i) == '.') {
		whole = false;
		from = ++i;
		i = digits(r, i);
		ok = i > from;
	}
	if (ok && (doc_peek(r, i) | 0x20) == 'e') {
		whole = false;
		i++;
		from = i += doc_peek(r, i) == '+' || doc_peek(r, i) == '-';
		i = digits(r, i);
		ok = i > from;
	}
	if (!ok)
		return doc_fail(r, at, "not a number as JSON has them");
	if (i >= sizeof(text))
		return doc_fail(r, at, "a number with too many digits");
	memcpy(text, r->text + r->at, i);
	text[i] = 0;
	r->at += i;
	errno = 0;
	out->kind = whole ? DOC_INT : DOC_FLOAT;
	if (whole)
		out->integer = strtoll(text, NULL, 10);
	if (whole ? errno != 0 : doc_float(text, &out->real) < 0)
		return doc_fail(r, at, "a number out of range");
	return 0;
}

static bool word_char(int c)
{
	return c == '_' || (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static int word(struct doc_reader *r, struct doc *out)
{
	static const struct {
		const char *text;
		enum doc_kind kind;
		bool boolean;
	} words[] = {
	    {"true", DOC_BOOL, true}, {"false", DOC_BOOL, false}, {"null", DOC_NULL, false}};
	size_t n = 0;

	while (word_char(doc_peek(r, n)))
		n++;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strlen(words[i].text) != n || memcmp(words[i].text, r->text + r->at, n) != 0)
			continue;
		out->kind = words[i].kind;
		if (out->kind == DOC_BOOL)
			out->boolean = words[i].boolean;
		r->at += n;
		return 0;
	}
	if (n)
		return doc_fail(r, doc_here(r), "\"%.*s\": a value is expected (text needs quotes)",
				n > 40 ? 40 : (int)n, r->text + r->at);
	return unexpected(r, "a value");
}

static int member(struct doc_reader *r, struct doc_node *map)
{
	struct doc_place at = doc_here(r);
	struct doc_node *child;
	char *name;

	if (doc_peek(r, 0) != '"')
		return unexpected(r, "a name in quotes");
	name = string(r);
	if (!name || skip_space(r) < 0)
		return -1;
	if (doc_peek(r, 0) != ':')
		return unexpected(r, "':'");
	r->at++;
	if (skip_space(r) < 0)
		return -1;
	child = value(r, name, at);
	return child ? doc_add_member(r, map, child) : -1;
}

static int element(struct doc_reader *r, struct doc_node *list)
{
	struct doc_node *child = value(r, NULL, doc_here(r));

	if (!child)
		return -1;
	doc_append(list, child);
	return 0;
}

/* The cursor is on the opening bracket. */
static int container(struct doc_reader *r, struct doc_node *out)
{
	bool map = out->d.kind == DOC_MAP;
	char end = map ? '}' : ']';

	if (++r->depth > DOC_DEPTH_MAX)
		return doc_fail(r, doc_here(r), "nested too deeply");
	r->at++;
	for (;;) {
		if (skip_space(r) < 0)
			return -1;
		if (doc_peek(r, 0) == end)
			break;
		if (doc_peek(r, 0) == ',')
			return unexpected(r, map ? "a name in quotes" : "a value");
		if ((map ? member(r, out) : element(r, out)) < 0 || skip_space(r) < 0)
			return -1;
		if (doc_peek(r, 0) == end)
			break;
		if (doc_peek(r, 0) != ',')
			return unexpected(r, map ? "',' or '}'" : "',' or ']'");
		r->at++;
	}
	r->at++;
	r->depth--;
	return 0;
}

static struct doc_node *value(struct doc_reader *r, const char *name, struct doc_place at)
{
	struct doc_node *n = doc_node(r, DOC_NULL, at);
	int c = doc_peek(r, 0), rc;

	if (!n)
		return NULL;
	n->d.name = name;
	if (c == '{' || c == '[') {
		n->d.kind = c == '{' ? DOC_MAP : DOC_LIST;
		rc = container(r, n);
	} else if (c == '"') {
		n->d.kind = DOC_STRING;
		n->d.string = string(r);
		rc = n->d.string ? 0 : -1;
	} else if (c == '-' || (c >= '0' && c <= '9')) {
		rc = number(r, &n->d);
	} else {
		rc = word(r, &n->d);
	}
	return rc < 0 ? NULL : n;
}

struct doc_node *doc_read_json(struct doc_reader *r)
{
	struct doc_node *root;

	if (skip_space(r) < 0)
		return NULL;
	root = value(r, NULL, doc_here(r));
	if (!root || skip_space(r) < 0)
		return NULL;
	if (r->at < r->n) {
		unexpected(r, "the end");
		return NULL;
	}
	return root;
}
