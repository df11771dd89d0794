/*
 * A member put into TOML or YAML: the reader says in which line and column things are; what is
 * there decides how another one is written beside it.
 */
#include "policy/edit_text.h"

/* Where a value (or its name) begins. */
static size_t offset_of(const struct edit *e, const struct doc *d)
{
	const char *s = e->text;

	for (unsigned line = 1; line < d->line && *s; line++)
		s = strchrnul(s, '\n') + (*strchrnul(s, '\n') != '\0');
	return (size_t)(s - e->text) + (d->column - 1);
}

static size_t line_of(const struct edit *e, size_t at)
{
	while (at && e->text[at - 1] != '\n')
		at--;
	return at;
}

/* After the end of the line. */
static size_t next_line(const struct edit *e, size_t at)
{
	const char *end = strchrnul(e->text + at, '\n');

	return (size_t)(end - e->text) + (*end != '\0');
}

static char *insert(const struct edit *e, size_t at, const char *what)
{
	return xasprintf("%.*s%s%s", (int)at, e->text, what, e->text + at);
}

/* At the end, or in front of a line; what ends with the end of a line. */
static char *insert_line(const struct edit *e, size_t at, const char *what)
{
	_cleanup_free_ char *line = NULL;

	if (at && e->text[at - 1] != '\n')
		line = xasprintf("\n%s", what);
	return insert(e, at, line ? line : what);
}

static bool blank(const char *s, size_t n)
{
	return strspn(s, " \t") >= n;
}

/* Before the entry that is the first now: on a line of its own, if that is on one. */
static char *before_entry(const struct edit *e, const struct doc *first, const char *entry)
{
	size_t at = offset_of(e, first), line = line_of(e, at);
	_cleanup_free_ char *what = NULL;

	if (blank(e->text + line, at - line))
		what = xasprintf("%s,\n%.*s", entry, (int)(at - line), e->text + line);
	else
		what = xasprintf("%s, ", entry);
	return insert(e, at, what);
}

/* Into brackets with nothing in them, which come after a name. */
static char *into_empty(const struct edit *e, const struct doc *named, char open, const char *entry)
{
	const char *at = strchr(e->text + offset_of(e, named), open);

	return at ? insert(e, (size_t)(at + 1 - e->text), entry) : NULL;
}

/* ---- TOML ------------------------------------------------------------------------------------ */

static char *toml_list(const struct edit *e, const struct doc *l)
{
	return l->first ? before_entry(e, l->first, e->item) : into_empty(e, l, '[', e->item);
}

/* "[filesystem]", "filesystem.x = 1" or "filesystem = { }": as the section is written. */
static char *toml_section(const struct edit *e, const struct doc *fs)
{
	size_t at = offset_of(e, fs), line = line_of(e, at);
	const char *text = e->text + line, *after;
	_cleanup_free_ char *pair = xasprintf("%s = [%s]", e->list, e->item), *what = NULL;

	text += strspn(text, " \t");
	if (*text == '[') {
		what = xasprintf("%s\n", pair);
		return insert_line(e, next_line(e, at), what);
	}
	after = strpbrk(e->text + at, ".=\n");
	if (after && *after == '.') {
		what = xasprintf("%s.%s\n", e->section, pair);
		return insert_line(e, line, what);
	}
	if (fs->first)
		return before_entry(e, fs->first, pair);
	what = xasprintf(" %s ", pair);
	return into_empty(e, fs, '{', what);
}

char *edit_toml(const struct edit *e)
{
	const struct doc *fs = doc_get(e->doc->root, e->section), *l = doc_get(fs, e->list);
	_cleanup_free_ char *what = NULL;

	if (l)
		return toml_list(e, l);
	if (fs)
		return toml_section(e, fs);
	what = xasprintf("%s[%s]\n%s = [%s]\n", *e->text ? "\n" : "", e->section, e->list, e->item);
	return insert_line(e, strlen(e->text), what);
}

/* ---- YAML ------------------------------------------------------------------------------------ */

/* Is the collection written with brackets? They then stand before its first entry. */
static bool in_brackets(const struct edit *e, const struct doc *first)
{
	const char *s = e->text + offset_of(e, first);

	while (s > e->text && strchr(" \t\r\n", s[-1]))
		s--;
	return s > e->text && (s[-1] == '[' || s[-1] == '{');
}

static char *yaml_list(const struct edit *e, const struct doc *l)
{
	_cleanup_free_ char *what = NULL;
	size_t at, line;

	if (!l->first)
		return into_empty(e, l, '[', e->item);
	if (in_brackets(e, l->first))
		return before_entry(e, l->first, e->item);
	at = offset_of(e, l->first);
	line = line_of(e, at);
	what = xasprintf("%.*s%s\n", (int)(at - line), e->text + line, e->item);
	return insert(e, line, what);
}

/* A name without a value: the entry stands below it. */
static char *below(const struct edit *e, const struct doc *named, const char *deeper,
		   const char *entry)
{
	size_t at = offset_of(e, named), line = line_of(e, at);
	_cleanup_free_ char *what = NULL;

	if (!blank(e->text + line, at - line))
		return NULL;
	what = xasprintf("%.*s%s%s\n", (int)(at - line), e->text + line, deeper, entry);
	return insert_line(e, next_line(e, at), what);
}

/* A member before the first one of a map. */
static char *yaml_member(const struct edit *e, const struct doc *first, const char *block,
			 const char *flow)
{
	size_t at = offset_of(e, first), line = line_of(e, at);
	_cleanup_free_ char *what = NULL;

	if (in_brackets(e, first))
		return before_entry(e, first, flow);
	if (!blank(e->text + line, at - line))
		return NULL;
	what = xasprintf("%s\n%.*s", block, (int)(at - line), e->text + line);
	return insert(e, at, what);
}

static char *yaml_section(const struct edit *e, const struct doc *fs)
{
	_cleanup_free_ char *flow = xasprintf("%s: [%s]", e->list, e->item);

	if (fs->kind == DOC_NULL)
		return below(e, fs, "  ", flow);
	return fs->first ? yaml_member(e, fs->first, flow, flow) : into_empty(e, fs, '{', flow);
}

char *edit_yaml(const struct edit *e)
{
	const struct doc *root = e->doc->root, *fs = doc_get(root, e->section),
			 *l = doc_get(fs, e->list);
	_cleanup_free_ char *block = NULL, *flow = NULL;

	if (l)
		return l->kind == DOC_NULL ? below(e, l, "  - ", e->item) : yaml_list(e, l);
	if (fs)
		return yaml_section(e, fs);
	block = xasprintf("%s:\n  %s: [%s]\n", e->section, e->list, e->item);
	flow = xasprintf("%s: {%s: [%s]}", e->section, e->list, e->item);
	if (root->first && in_brackets(e, root->first))
		return before_entry(e, root->first, flow);
	if (root->kind == DOC_MAP && !root->first)
		return into_empty(e, root, '{', flow);
	return insert_line(e, strlen(e->text), block);
}
