/* Comments out, commas tidied, then cJSON. */
#include "policy/json.h"

struct scan {
	const char *label;
	char *s;
	size_t n, i;
	unsigned line;
	struct err *err;
};

static int fail(struct scan *c, const char *what)
{
	return err_set(c->err, "%s:%u: %s", c->label, c->line, what);
}

static int skip_string(struct scan *c)
{
	for (c->i++; c->i < c->n; c->i++) {
		char ch = c->s[c->i];

		if (ch == '"')
			return 0;
		if ((unsigned char)ch < 0x20)
			return fail(c, "a control character in a string: write it as \\u00XX");
		if (ch != '\\')
			continue;
		if (c->n - c->i > 5 && memcmp(c->s + c->i, "\\u0000", 6) == 0)
			return fail(c, "a string must not contain NUL");
		c->i++;
	}
	return fail(c, "a string does not end");
}

/* Blanks the comment that starts at i; newlines stay, so that lines keep their numbers. */
static int blank_comment(struct scan *c)
{
	bool block = c->s[c->i + 1] == '*';

	c->s[c->i++] = ' ';
	c->s[c->i++] = ' ';
	for (; c->i < c->n; c->i++) {
		if (c->s[c->i] == '\n') {
			c->line++;
			if (!block)
				return 0;
			continue;
		}
		if (block && c->s[c->i] == '*' && c->i + 1 < c->n && c->s[c->i + 1] == '/') {
			c->s[c->i++] = ' ';
			c->s[c->i] = ' ';
			return 0;
		}
		c->s[c->i] = ' ';
	}
	return block ? fail(c, "a comment does not end") : 0;
}

static int tidy(struct scan *c)
{
	ssize_t comma = -1; /* a comma with nothing after it so far */
	unsigned depth = 0;

	for (; c->i < c->n; c->i++) {
		char ch = c->s[c->i];

		switch (ch) {
		case '\0':
			return fail(c, "a NUL byte");
		case '\n':
			c->line++;
			continue;
		case ' ':
		case '\t':
		case '\r':
			continue;
		case '/':
			if (c->i + 1 >= c->n || (c->s[c->i + 1] != '/' && c->s[c->i + 1] != '*'))
				return fail(c, "a lone '/'");
			if (blank_comment(c) < 0)
				return -1;
			continue;
		case '"':
			if (skip_string(c) < 0)
				return -1;
			break;
		case '{':
		case '[':
			if (++depth > JSON_DEPTH_MAX)
				return fail(c, "nested too deeply");
			break;
		case '}':
		case ']':
			if (depth)
				depth--;
			if (comma >= 0)
				c->s[comma] = ' ';
			break;
		case ',':
			if (comma >= 0)
				return fail(c, "two commas in a row");
			comma = (ssize_t)c->i;
			continue;
		}
		comma = -1;
	}
	return 0;
}

/* Line of the place where cJSON stopped. */
static unsigned line_of(const char *text, const char *at)
{
	unsigned line = 1;

	for (; text < at && *text; text++)
		line += *text == '\n';
	return line;
}

static int no_duplicates(const cJSON *j, const char *label, struct err *err)
{
	const cJSON *a, *b;

	cJSON_ArrayForEach(a, j)
	{
		if (cJSON_IsObject(j)) {
			unsigned looked = 0;
			for (b = a->next; b; b = b->next) {
				if (++looked > 256)
					return err_set(err, "%s: an object with too many members",
						       label);
				if (strcmp(a->string, b->string) == 0)
					return err_set(err, "%s: \"%s\" is there twice", label,
						       a->string);
			}
		}
		if (no_duplicates(a, label, err) < 0)
			return -1;
	}
	return 0;
}

cJSON *json_parse(const char *text, size_t n, const char *label, struct err *err)
{
	struct scan c = {.label = label, .n = n, .line = 1, .err = err};
	_cleanup_free_ char *copy = NULL;
	const char *end = NULL;
	_cleanup_json_ cJSON *j = NULL;

	if (n > JSON_SIZE_MAX) {
		err_set(err, "%s: larger than %u bytes", label, JSON_SIZE_MAX);
		return NULL;
	}
	c.s = copy = xstrndup(text, n);
	/* xstrndup stops at a NUL: that is the whole text only if there is none. */
	if (strlen(copy) != n) {
		err_set(err, "%s: a NUL byte", label);
		return NULL;
	}
	if (tidy(&c) < 0)
		return NULL;
	j = cJSON_ParseWithLengthOpts(copy, n + 1, &end, true);
	if (!j) {
		err_set(err, "%s:%u: not valid JSON", label, line_of(copy, end ? end : copy));
		return NULL;
	}
	if (no_duplicates(j, label, err) < 0)
		return NULL;
	return STEAL_PTR(j);
}
