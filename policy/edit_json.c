/* A member put into JSON (with comments): the place is found in the raw text. */
#include "policy/edit_text.h"

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

char *edit_json(const struct edit *e)
{
	_cleanup_free_ char *entry = NULL;
	const char *text = e->text, *root = skip(text), *fs, *at;

	fs = *root == '{' ? member(root, e->section) : NULL;
	at = fs && *fs == '{' ? member(fs, e->list) : NULL;
	if (at)
		return insert_first(text, at, e->item);
	if (fs) {
		entry = xasprintf("\"%s\": [%s]", e->list, e->item);
		return insert_first(text, fs, entry);
	}
	entry = xasprintf("\"%s\": {\n    \"%s\": [%s]\n  }", e->section, e->list, e->item);
	return insert_first(text, root, entry);
}
