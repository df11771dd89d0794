#include "snapshots/ignore.h"

#define RULES_MAX 10000
#define STEPS_MAX 20000 /* of one match: a pattern that takes longer matches nothing */

struct rule {
	char *pattern;
	bool negated, dir_only, anchored;
};

struct ignore_rules {
	struct rule *rules;
	size_t count;
};

static void add_rule(struct ignore_rules *r, const char *line, size_t n)
{
	struct rule rule = {0};

	if (n && line[n - 1] == '\r')
		n--;
	while (n && line[n - 1] == ' ' && (n < 2 || line[n - 2] != '\\'))
		n--;
	if (n == 0 || line[0] == '#' || r->count == RULES_MAX)
		return;
	if (line[0] == '!') {
		rule.negated = true;
		line++;
		n--;
	}
	if (n && line[n - 1] == '/') {
		rule.dir_only = true;
		n--;
	}
	if (n == 0)
		return;
	rule.anchored = memchr(line, '/', n) != NULL;
	if (line[0] == '/') {
		line++;
		n--;
	}
	rule.pattern = xstrndup(line, n);
	r->rules = xrealloc_array(r->rules, r->count + 1, sizeof(*r->rules));
	r->rules[r->count++] = rule;
}

struct ignore_rules *ignore_parse(const char *text, size_t n)
{
	struct ignore_rules *r = xcalloc(1, sizeof(*r));
	const char *end = text + n;

	while (text < end) {
		const char *eol = memchr(text, '\n', (size_t)(end - text));
		size_t len = (size_t)((eol ? eol : end) - text);

		add_rule(r, text, len);
		text += len + (eol ? 1 : 0);
	}
	return r;
}

void ignore_free(struct ignore_rules *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->count; i++)
		free(r->rules[i].pattern);
	free(r->rules);
	free(r);
}

/* "[...]" at *p: does it hold c? Moves *p behind it; a set without an end is the character '['. */
static bool set_match(const char **p, char c)
{
	const char *s = *p + 1;
	bool not = *s == '!' || *s == '^', hit = false, first = true;

	s += not ;
	for (; *s && (*s != ']' || first); first = false) {
		unsigned char lo = (unsigned char)*s, hi;

		if (*s == '\\' && s[1])
			lo = (unsigned char)*++s;
		hi = lo;
		if (s[1] == '-' && s[2] && s[2] != ']') {
			hi = (unsigned char)s[2];
			s += 2;
		}
		hit = hit || ((unsigned char)c >= lo && (unsigned char)c <= hi);
		s++;
	}
	if (*s != ']') {
		(*p)++;
		return c == '[';
	}
	*p = s + 1;
	return c != '/' && hit != not ;
}

static bool glob(const char *p, const char *s, unsigned *steps)
{
	while (*p) {
		if (++*steps > STEPS_MAX)
			return false;
		if (p[0] == '*' && p[1] == '*') {
			if (p[2] == '/' && glob(p + 3, s, steps))
				return true; /* no directory at all */
			p += 2;
			if (!*p)
				return true;
			if (*p == '/')
				p++;
			for (; *s; s++)
				if ((*s == '/' || p[-1] != '/') &&
				    glob(p, s + (p[-1] == '/'), steps))
					return true;
			return false;
		}
		if (*p == '*') {
			p++;
			for (;; s++) {
				if (glob(p, s, steps))
					return true;
				if (!*s || *s == '/' || *steps > STEPS_MAX)
					return false;
			}
		}
		if (!*s)
			return false;
		if (*p == '[') {
			if (!set_match(&p, *s))
				return false;
			s++;
			continue;
		}
		if (*p == '?' ? *s == '/' : (*p == '\\' && p[1] ? *++p : *p) != *s)
			return false;
		p++;
		s++;
	}
	return !*s;
}

static bool rule_match(const struct rule *r, const char *path, bool is_dir)
{
	unsigned steps = 0;

	if (r->dir_only && !is_dir)
		return false;
	return glob(r->pattern, r->anchored ? path : path_base(path), &steps);
}

enum ignore_verdict ignore_match(const struct ignore_rules *r, const char *path, bool is_dir)
{
	for (size_t i = r->count; i-- > 0;)
		if (rule_match(&r->rules[i], path, is_dir))
			return r->rules[i].negated ? IGNORE_KEEP : IGNORE_OUT;
	return IGNORE_SILENT;
}
