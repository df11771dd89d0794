/* The scalars of TOML 1.0: four kinds of strings, numbers, dates. */
#include <math.h>

#include "common/document_toml.h"

int toml_unexpected(struct doc_reader *r, const char *wanted)
{
	char shown[16];
	uint32_t cp;
	size_t len = utf8_decode(r->text + r->at, r->n - r->at, &cp);

	if (r->at >= r->n)
		return doc_fail(r, doc_here(r), "the file ends where %s is expected", wanted);
	if (r->text[r->at] == '\n' || (r->text[r->at] == '\r' && doc_peek(r, 1) == '\n'))
		return doc_fail(r, doc_here(r), "the line ends where %s is expected", wanted);
	return doc_fail(r, doc_here(r), "'%s' where %s is expected",
			text_printable(shown, sizeof(shown), r->text + r->at, len), wanted);
}

bool toml_newline(struct doc_reader *r)
{
	if (doc_peek(r, 0) == '\r' && doc_peek(r, 1) == '\n')
		r->at++;
	else if (doc_peek(r, 0) != '\n')
		return false;
	r->at++;
	doc_newline(r);
	return true;
}

/* ---- strings ------------------------------------------------------------- */

static int unicode_escape(struct doc_reader *r, size_t digits, struct doc_place at)
{
	uint32_t cp = 0;
	char utf8[4];

	for (size_t i = 0; i < digits; i++) {
		int c = doc_peek(r, i), digit;

		if (c >= '0' && c <= '9')
			digit = c - '0';
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			digit = (c | 0x20) - 'a' + 10;
		else
			return doc_fail(r, at, "%s hexadecimal digits",
					digits == 4 ? "\\u needs four" : "\\U needs eight");
		cp = cp << 4 | (uint32_t)digit;
	}
	r->at += digits;
	if (cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
		return doc_fail(r, at, "no such character");
	if (!cp)
		return doc_fail(r, at, "a string must not contain NUL");
	buf_add(&r->scratch, utf8, utf8_encode(cp, utf8));
	return 0;
}

/* A backslash at a line's end: what follows is white up to the next text. True if it was one. */
static bool line_ending_backslash(struct doc_reader *r)
{
	size_t i = 1;

	while (doc_peek(r, i) == ' ' || doc_peek(r, i) == '\t')
		i++;
	if (doc_peek(r, i) != '\n' && !(doc_peek(r, i) == '\r' && doc_peek(r, i + 1) == '\n'))
		return false;
	r->at += i;
	while (toml_newline(r) || doc_peek(r, 0) == ' ' || doc_peek(r, 0) == '\t')
		if (doc_peek(r, 0) == ' ' || doc_peek(r, 0) == '\t')
			r->at++;
	return true;
}

static int escape(struct doc_reader *r, bool multi)
{
	static const char names[] = "\"\\bfnrt", values[] = "\"\\\b\f\n\r\t";
	struct doc_place at = doc_here(r);
	int c = doc_peek(r, 1);
	const char *known = c > 0 ? strchr(names, c) : NULL;

	if (multi && line_ending_backslash(r))
		return 0;
	if (c == 'u' || c == 'U') {
		r->at += 2;
		return unicode_escape(r, c == 'u' ? 4 : 8, at);
	}
	if (!known)
		return doc_fail(r, at,
				"no such escape in a string (a backslash is \\\\, or use "
				"'single quotes')");
	r->at += 2;
	buf_addc(&r->scratch, values[known - names]);
	return 0;
}

static size_t quotes(const struct doc_reader *r, int quote, size_t max)
{
	size_t n = 0;

	while (n < max && doc_peek(r, n) == quote)
		n++;
	return n;
}

/* What ends text that is copied as it is. */
static bool plain(int c, int quote)
{
	return c != quote && c != 0x7f && (c >= 0x20 || c == '\t') && (c != '\\' || quote == '\'');
}

char *toml_string(struct doc_reader *r, bool key)
{
	struct doc_place start = doc_here(r);
	int quote = doc_peek(r, 0), c;
	bool multi = !key && quotes(r, quote, 3) == 3;

	buf_clear(&r->scratch);
	r->at += multi ? 3 : 1;
	if (multi)
		toml_newline(r);
	for (;;) {
		size_t from = r->at, n;

		while (plain(c = doc_peek(r, 0), quote))
			r->at++;
		buf_add(&r->scratch, r->text + from, r->at - from);
		if (c == quote) {
			n = multi ? quotes(r, quote, 5) : 1;
			r->at += n;
			if (!multi)
				return doc_take_scratch(r, start);
			/* Up to two before the closing three belong to the text. */
			buf_add(&r->scratch, r->text + r->at - n, n < 3 ? n : n - 3);
			if (n >= 3)
				return doc_take_scratch(r, start);
		} else if (c == '\\') {
			if (escape(r, multi) < 0)
				return NULL;
		} else if (multi && toml_newline(r)) {
			buf_addc(&r->scratch, '\n');
		} else {
			break;
		}
	}
	if (c < 0 || c == '\n' || (c == '\r' && doc_peek(r, 1) == '\n'))
		doc_fail(r, start, "a string does not end");
	else
		doc_fail(r, doc_here(r), "a control character in a string");
	return NULL;
}

/* ---- dates ----------------------------------------------------------------- */

/* Two or four digits at *s, in [min,max]. */
static bool field(const char **s, size_t n, int min, int max, int *out)
{
	*out = 0;
	for (size_t i = 0; i < n; i++, (*s)++) {
		if (**s < '0' || **s > '9')
			return false;
		*out = *out * 10 + (**s - '0');
	}
	return *out >= min && *out <= max;
}

static bool date(const char **s)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year, month, day;
	bool leap;

	if (!field(s, 4, 0, 9999, &year) || *(*s)++ != '-' || !field(s, 2, 1, 12, &month) ||
	    *(*s)++ != '-' || !field(s, 2, 1, 31, &day))
		return false;
	leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	return day <= days[month - 1] + (month == 2 && leap);
}

static bool time_of_day(const char **s)
{
	int ignored;

	if (!field(s, 2, 0, 23, &ignored) || *(*s)++ != ':' || !field(s, 2, 0, 59, &ignored) ||
	    *(*s)++ != ':' || !field(s, 2, 0, 60, &ignored))
		return false;
	if (**s != '.')
		return true;
	(*s)++;
	if (!field(s, 1, 0, 9, &ignored))
		return false;
	*s += strspn(*s, "0123456789");
	return true;
}

static bool date_or_time(const char *s)
{
	int ignored;

	if (s[2] == ':')
		return time_of_day(&s) && !*s;
	if (!date(&s))
		return false;
	if (!*s)
		return true;
	s++; /* T, t or blank */
	if (!time_of_day(&s))
		return false;
	if (*s == 'Z' || *s == 'z')
		s++;
	else if (*s == '+' || *s == '-')
		return s++, field(&s, 2, 0, 23, &ignored) && *s++ == ':' &&
				field(&s, 2, 0, 59, &ignored) && !*s;
	return !*s;
}

/* ---- numbers --------------------------------------------------------------- */

/* Digits with single underscores between them, copied without; NULL if there is none. */
static const char *digits(const char *s, const char *set, char **to)
{
	if (!*s || !strchr(set, *s))
		return NULL;
	for (;;) {
		*(*to)++ = *s++;
		if (*s == '_' && s[1] && strchr(set, s[1]))
			s++;
		else if (!*s || !strchr(set, *s))
			return s;
	}
}

static const char decimal[] = "0123456789";

/* text: as written, without underscores in out. 0: no number; else 1, or 2 if it is a float. */
static int number_form(const char *s, char *out)
{
	const char *first;
	int form = 1;

	if (*s == '+' || *s == '-')
		*out++ = *s++;
	first = s;
	s = digits(s, decimal, &out);
	if (!s || (*first == '0' && s > first + 1))
		return 0;
	if (*s == '.') {
		*out++ = *s++;
		form = 2;
		s = digits(s, decimal, &out);
		if (!s)
			return 0;
	}
	if (*s == 'e' || *s == 'E') {
		*out++ = *s++;
		form = 2;
		if (*s == '+' || *s == '-')
			*out++ = *s++;
		s = digits(s, decimal, &out);
		if (!s)
			return 0;
	}
	*out = 0;
	return *s ? 0 : form;
}

/* 0x, 0o, 0b: never with a sign. */
static bool based_form(const char *s, char *out, int *base)
{
	static const struct {
		char letter;
		int base;
		const char *set;
	} bases[] = {{'x', 16, "0123456789abcdefABCDEF"}, {'o', 8, "01234567"}, {'b', 2, "01"}};

	for (size_t i = 0; s[0] == '0' && i < ARRAY_LEN(bases); i++) {
		if (s[1] != bases[i].letter)
			continue;
		*base = bases[i].base;
		s = digits(s + 2, bases[i].set, &out);
		*out = 0;
		return s && !*s;
	}
	return false;
}

static bool special_float(const char *s, double *out)
{
	const char *abs = s + (*s == '+' || *s == '-');

	if (strcmp(abs, "inf") == 0)
		*out = *s == '-' ? -INFINITY : INFINITY;
	else if (strcmp(abs, "nan") == 0)
		*out = NAN;
	else
		return false;
	return true;
}

static int number(struct doc_reader *r, const char *s, struct doc_place at, struct doc *out)
{
	char clean[128];
	int base = 10, form;

	out->kind = DOC_FLOAT;
	if (special_float(s, &out->real))
		return 0;
	form = based_form(s, clean, &base) ? 1 : number_form(s, clean);
	if (!form)
		return doc_fail(r, at, "\"%s\": not a value as TOML has them (text needs quotes)",
				s);
	errno = 0;
	if (form == 1) {
		out->kind = DOC_INT;
		out->integer = strtoll(clean, NULL, base);
	}
	if (form == 1 ? errno != 0 : doc_float(clean, &out->real) < 0)
		return doc_fail(r, at, "a number out of range");
	return 0;
}

static bool bare_char(int c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '+' ||
	       c == '-' || c == '_' || c == '.' || c == ':';
}

static bool digit(int c)
{
	return c >= '0' && c <= '9';
}

int toml_bare(struct doc_reader *r, struct doc *out)
{
	struct doc_place at = doc_here(r);
	char text[128];
	size_t n = 0;
	bool is_date, is_time;

	while (bare_char(doc_peek(r, n)))
		n++;
	if (!n)
		return toml_unexpected(r, "a value");
	is_date = n >= 10 && digit(doc_peek(r, 0)) && doc_peek(r, 4) == '-';
	is_time = n >= 3 && doc_peek(r, 2) == ':';
	if (is_date && n == 10 && doc_peek(r, n) == ' ' && digit(doc_peek(r, n + 1)))
		for (n++; bare_char(doc_peek(r, n));)
			n++;
	if (n >= sizeof(text))
		return doc_fail(r, at, "a value that is too long (text needs quotes)");
	memcpy(text, r->text + r->at, n);
	text[n] = 0;
	r->at += n;
	if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
		out->kind = DOC_BOOL;
		out->boolean = *text == 't';
		return 0;
	}
	if (!is_date && !is_time)
		return number(r, text, at, out);
	if (!date_or_time(text) || (is_date && n > 10 && !strchr("Tt ", text[10])))
		return doc_fail(r, at, "\"%s\": no such date or time", text);
	out->kind = DOC_STRING;
	out->string = doc_strndup(r->doc, text, n);
	return 0;
}
