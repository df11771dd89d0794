/* What the scalars of YAML are by its core schema. */
#include <math.h>

#include "common/document_yaml.h"

static bool among(const char *s, const char *const words[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(s, words[i]) == 0)
			return true;
	return false;
}

bool yaml_is_null(const char *s)
{
	static const char *const words[] = {"", "~", "null", "Null", "NULL"};

	return among(s, words, ARRAY_LEN(words));
}

static bool is_bool(const char *s, bool *out)
{
	static const char *const yes[] = {"true", "True", "TRUE"}, *const no[] = {"false", "False",
										  "FALSE"};

	*out = among(s, yes, ARRAY_LEN(yes));
	return *out || among(s, no, ARRAY_LEN(no));
}

static const char *digits(const char *s)
{
	return s + strspn(s, "0123456789");
}

/* 1 if it is one, 0 if not, -1 with the error set. */
static int take_int(struct doc_reader *r, const char *s, struct doc_place at, int64_t *out)
{
	const char *d = s + (*s == '-' || *s == '+');
	int base = 10;

	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'o')) {
		base = s[1] == 'x' ? 16 : 8;
		d = s + 2;
		if (!*d || d[strspn(d, base == 16 ? "0123456789abcdefABCDEF" : "01234567")])
			return 0;
	} else if (!*d || *digits(d)) {
		return 0;
	} else if (d[0] == '0' && d[1]) {
		return doc_fail(r, at,
				"%.40s: a number with a zero in front means different things to "
				"different readers (text needs quotes)",
				s);
	}
	errno = 0;
	*out = strtoll(base == 10 ? s : d, NULL, base);
	if (errno)
		return doc_fail(r, at, "a number out of range");
	return 1;
}

static bool float_form(const char *s)
{
	const char *whole, *end;

	s += *s == '-' || *s == '+';
	whole = digits(s);
	end = whole;
	if (*end == '.')
		end = digits(end + 1);
	if (whole == s && end - whole < 2)
		return false;
	if (*end == 'e' || *end == 'E') {
		s = end + 1;
		s += *s == '-' || *s == '+';
		end = digits(s);
		if (end == s)
			return false;
	}
	return !*end;
}

static int take_float(struct doc_reader *r, const char *s, struct doc_place at, double *out)
{
	static const char *const inf[] = {".inf", ".Inf", ".INF"}, *const nan_[] = {".nan", ".NaN",
										    ".NAN"};
	const char *abs = s + (*s == '-' || *s == '+');

	if (among(abs, inf, ARRAY_LEN(inf))) {
		*out = *s == '-' ? -INFINITY : INFINITY;
		return 1;
	}
	if (among(s, nan_, ARRAY_LEN(nan_))) {
		*out = NAN;
		return 1;
	}
	if (!float_form(s))
		return 0;
	return doc_float(s, out) < 0 ? doc_fail(r, at, "a number out of range") : 1;
}

int yaml_plain(struct doc_reader *r, const char *s, struct doc_place at, struct doc *out)
{
	int is;

	out->kind = DOC_NULL;
	if (yaml_is_null(s))
		return 0;
	out->kind = DOC_BOOL;
	if (is_bool(s, &out->boolean))
		return 0;
	out->kind = DOC_INT;
	is = take_int(r, s, at, &out->integer);
	if (is)
		return is < 0 ? -1 : 0;
	out->kind = DOC_FLOAT;
	is = take_float(r, s, at, &out->real);
	if (is)
		return is < 0 ? -1 : 0;
	out->kind = DOC_STRING;
	return 0;
}

int yaml_unknown_tag(struct doc_reader *r, const char *tag, struct doc_place at)
{
	char shown[128];

	return doc_fail(r, at, "the tag %s is not known here",
			text_printable(shown, sizeof(shown), tag, strlen(tag)));
}

int yaml_tagged(struct doc_reader *r, const char *s, const char *tag, struct doc_place at,
		struct doc *out)
{
	static const struct {
		const char *tag;
		enum doc_kind kind;
	} tags[] = {
	    {"!", DOC_STRING},
	    {YAML_CORE "str", DOC_STRING},
	    {YAML_CORE "int", DOC_INT},
	    {YAML_CORE "bool", DOC_BOOL},
	    {YAML_CORE "float", DOC_FLOAT},
	    {YAML_CORE "null", DOC_NULL},
	};
	size_t i = 0;

	while (i < ARRAY_LEN(tags) && strcmp(tag, tags[i].tag) != 0)
		i++;
	if (i == ARRAY_LEN(tags))
		return yaml_unknown_tag(r, tag, at);
	out->kind = DOC_STRING;
	if (tags[i].kind == DOC_STRING)
		return 0;
	if (yaml_plain(r, s, at, out) < 0)
		return -1;
	if (out->kind == DOC_INT && tags[i].kind == DOC_FLOAT) {
		out->real = (double)out->integer;
		out->kind = DOC_FLOAT;
	}
	if (out->kind != tags[i].kind)
		return doc_fail(r, at, "not what its tag says");
	return 0;
}
