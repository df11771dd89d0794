/*
 * Finds the place in the raw text, with its comments, and inserts there. The result is parsed
 * again: it is not handed out unless it is a profile that says what it should.
 */
#include "policy/edit.h"

#include "common/document.h"

/* Past blanks and comments. The text was parsed before: strings and comments end. */
static const char *skip(const char *s)
{
	for (;;) {
		s += strspn(s, " \t\r\n");
		if (s[0] == '/' && s[1] == '/') {
			s += strcspn(s, "\n");
		} else if (s[0] == '/' && s[1] == '*') {
			const char *end = strstr(s + 2, "*/");
			s = end ? end + 2 : s + strlen(s);
		} else {
			return s;
		}
	}
}

static const char *skip_string(const char *s)
{
	for (s++; *s && *s != '"'; s++)
		if (*s == '\\' && s[1])
			s++;
	return *s ? s + 1 : s;
}

/* Past one value. */
static const char *skip_value(const char *s)
{
	unsigned depth = 0;

	do {
		s = skip(s);
		if (*s == '"') {
			s = skip_string(s);
			continue;
		}
		if (*s == '{' || *s == '[')
			depth++;
		else if ((*s == '}' || *s == ']') && depth)
			depth--;
		else if (!depth) /* a number, true, false, null */
			return s + strcspn(s, ",]} \t\r\n/");
		if (*s)
			s++;
	} while (depth && *s);
	return s;
}

/* The value of a member of the object that starts at s ('{'); NULL if there is none. Names with
 * escapes are not found: the caller notices when it parses the result. */
static const char *member(const char *s, const char *name)
{
	size_t n = strlen(name);

	for (s = skip(s + 1); *s == '"';) {
		const char *end = skip_string(s), *value;
		bool it = (size_t)(end - s) == n + 2 && memcmp(s + 1, name, n) == 0;

		s = skip(end);
		if (*s != ':')
			return NULL;
		value = skip(s + 1);
		if (it)
			return value;
		s = skip(skip_value(value));
		if (*s == ',')
			s = skip(s + 1);
	}
	return NULL;
}

static bool is_empty(const char *open)
{
	const char *s = skip(open + 1);

	return *s == ']' || *s == '}';
}

/* Blanks at the start of the line that at lies in. */
static size_t indent_of(const char *text, const char *at, const char **start)
{
	while (at > text && at[-1] != '\n')
		at--;
	*start = at;
	return strspn(at, " \t");
}

/* Inserts item as the first entry of what opens at open: on a line of its own if the others are. */
static char *insert_first(const char *text, const char *open, const char *item)
{
	_cleanup_(buf_free) struct buf b = {0};
	const char *line, *after = open + 1 + strspn(open + 1, " \t\r");
	bool empty = is_empty(open), own_line = *after == '\n';
	size_t indent = indent_of(text, open, &line);

	buf_add(&b, text, (size_t)(open + 1 - text));
	if (own_line || *open == '{') {
		buf_addc(&b, '\n');
		buf_add(&b, line, indent);
		buf_adds(&b, "  ");
	}
	buf_adds(&b, item);
	if (!empty)
		buf_addc(&b, ',');
	if (*open == '{' && !own_line) {
		buf_addc(&b, '\n');
		buf_add(&b, line, indent);
		if (!empty)
			buf_adds(&b, "  ");
	} else if (!own_line && !empty) {
		buf_addc(&b, ' ');
	}
	buf_adds(&b, own_line || *open == '[' ? open + 1 : after);
	return STEAL_PTR(b.data);
}

static char *quoted(const char *s)
{
	_cleanup_(buf_free) struct buf b = {0};

	buf_add_json_str(&b, s, strlen(s));
	return STEAL_PTR(b.data);
}

/* The member that has the list. */
const char *edit_section(const char *list)
{
	static const char *const of_network[] = {"allow_domain", "deny_domain"};

	for (size_t i = 0; i < ARRAY_LEN(of_network); i++)
		if (str_eq(list, of_network[i]))
			return "network";
	return "filesystem";
}

/* 1: value is in the list, 0: it is not, -1: not JSON, or no list of strings. */
static int has(const char *text, const char *label, const char *list, const char *value,
	       struct err *err)
{
	_cleanup_(document_freep) struct document *d =
	    doc_read(text, strlen(text), DOC_JSON, label, err);
	const struct doc *fs, *l;

	if (!d)
		return -1;
	fs = doc_get(d->root, edit_section(list));
	l = doc_get(fs, list);
	if (d->root->kind != DOC_MAP || (fs && fs->kind != DOC_MAP) || (l && l->kind != DOC_LIST))
		return err_set(err, "%s: not a profile", label);
	doc_each(e, l)
	{
		if (e->kind == DOC_STRING && strcmp(e->string, value) == 0)
			return 1;
	}
	return 0;
}

char *edit_add(const char *text, const char *label, const char *list, const char *value,
	       struct err *err)
{
	_cleanup_free_ char *item = quoted(value), *entry = NULL, *out = NULL;
	const char *root = skip(text), *fs, *at;
	int there = has(text, label, list, value, err);

	if (there < 0)
		return NULL;
	if (there)
		return xstrdup(text);
	fs = *root == '{' ? member(root, edit_section(list)) : NULL;
	at = fs && *fs == '{' ? member(fs, list) : NULL;
	if (at) {
		out = insert_first(text, at, item);
	} else if (fs) {
		entry = xasprintf("\"%s\": [%s]", list, item);
		out = insert_first(text, fs, entry);
	} else {
		entry =
		    xasprintf("\"%s\": {\n    \"%s\": [%s]\n  }", edit_section(list), list, item);
		out = insert_first(text, root, entry);
	}
	if (has(out, label, list, value, NULL) != 1) {
		err_set(err, "%s: can't be changed automatically: put %s into %s.%s", label, item,
			edit_section(list), list);
		return NULL;
	}
	return STEAL_PTR(out);
}
