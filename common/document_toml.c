/*
 * TOML 1.0: keys, tables, arrays. What makes a table decides who may add to it later; that is the
 * whole of the rules against defining things twice.
 */
#include "common/document_toml.h"

/* doc_node.flags: how a table (or list) came to be. */
enum made {
	MADE_VALUE = 0, /* an inline table or array: closed for ever */
	MADE_IMPLIED,	/* the parent of one that has a header: a header of its own may follow */
	MADE_HEADER,	/* by [header]: once */
	MADE_DOTTED,	/* by a dotted key: more dotted keys of the same section may add */
	MADE_TABLES,	/* the list of [[header]] */
};

struct toml {
	struct doc_reader *r;
	struct doc_node *root;
	struct doc_node *table; /* that the current header has opened */
	unsigned section;	/* number of the header or inline table */
	unsigned sections;
};

struct part {
	char *name;
	struct doc_place at;
};

struct key {
	struct part parts[DOC_DEPTH_MAX];
	size_t n;
};

static int value(struct toml *t, struct doc_node *in, struct part *name, struct doc_node **out);

static const char *shown(const struct part *p, char text[64])
{
	return text_printable(text, 64, p->name, strlen(p->name));
}

/* ---- white space ----------------------------------------------------------- */

static void skip_blanks(struct doc_reader *r)
{
	while (doc_peek(r, 0) == ' ' || doc_peek(r, 0) == '\t')
		r->at++;
}

static int skip_comment(struct doc_reader *r)
{
	int c;

	if (doc_peek(r, 0) != '#')
		return 0;
	while ((c = doc_peek(r, 0)) >= 0x20 || c == '\t') {
		if (c == 0x7f)
			break;
		r->at++;
	}
	if (c < 0 || c == '\n' || (c == '\r' && doc_peek(r, 1) == '\n'))
		return 0;
	return doc_fail(r, doc_here(r), "a control character in a comment");
}

/* Over lines that say nothing. */
static int skip_lines(struct doc_reader *r)
{
	do {
		skip_blanks(r);
		if (skip_comment(r) < 0)
			return -1;
	} while (toml_newline(r));
	return 0;
}

static int end_of_line(struct doc_reader *r)
{
	skip_blanks(r);
	if (skip_comment(r) < 0)
		return -1;
	if (r->at < r->n && !toml_newline(r))
		return toml_unexpected(r, "the end of the line");
	return 0;
}

/* ---- keys ------------------------------------------------------------------ */

static bool key_char(int c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' ||
	       c == '-';
}

static char *key_part(struct doc_reader *r)
{
	struct doc_place start = doc_here(r);
	size_t from = r->at;

	if (doc_peek(r, 0) == '"' || doc_peek(r, 0) == '\'')
		return toml_string(r, true);
	while (key_char(doc_peek(r, 0)))
		r->at++;
	if (r->at - from > DOC_STRING_MAX) {
		doc_fail(r, start, "a name of more than %u bytes", DOC_STRING_MAX);
		return NULL;
	}
	if (r->at == from) {
		toml_unexpected(r, "a name");
		return NULL;
	}
	return doc_strndup(r->doc, r->text + from, r->at - from);
}

/* Blanks around it are taken as well. */
static int read_key(struct doc_reader *r, struct key *k)
{
	for (k->n = 0;;) {
		struct part *p = &k->parts[k->n];

		skip_blanks(r);
		if (k->n == ARRAY_LEN(k->parts))
			return doc_fail(r, doc_here(r), "nested too deeply");
		p->at = doc_here(r);
		p->name = key_part(r);
		if (!p->name)
			return -1;
		k->n++;
		skip_blanks(r);
		if (doc_peek(r, 0) != '.')
			return 0;
		r->at++;
	}
}

/* ---- tables ---------------------------------------------------------------- */

static int check_depth(struct toml *t, const struct doc_node *in, struct doc_place at)
{
	unsigned depth = 1;

	for (; in; in = in->parent)
		depth++;
	return depth > DOC_DEPTH_MAX ? doc_fail(t->r, at, "nested too deeply") : 0;
}

/* A list or table. It knows its parent before it is added to it: for the depth. */
static struct doc_node *container(struct toml *t, enum doc_kind kind, struct doc_node *in,
				  const struct part *name, enum made made)
{
	struct doc_node *n;

	if (check_depth(t, in, name->at) < 0)
		return NULL;
	n = doc_node(t->r, kind, name->at);
	if (!n)
		return NULL;
	n->d.name = name->name;
	n->parent = in;
	n->flags = made;
	n->section = t->section;
	return n;
}

static struct doc_node *new_table(struct toml *t, struct doc_node *in, const struct part *name,
				  enum made made)
{
	struct doc_node *n = container(t, DOC_MAP, in, name, made);

	return n && doc_add_member(t->r, in, n) == 0 ? n : NULL;
}

/* The table that a dotted key's part names, made if it is not there. */
static struct doc_node *step_dotted(struct toml *t, struct doc_node *in, const struct part *p)
{
	struct doc_node *n = doc_member(t->r, in, p->name);
	char text[64];

	if (!n)
		return new_table(t, in, p, MADE_DOTTED);
	if (n->d.kind == DOC_MAP && n->flags == MADE_IMPLIED) {
		n->flags = MADE_DOTTED;
		n->section = t->section;
	}
	if (n->d.kind == DOC_MAP && n->flags == MADE_DOTTED && n->section == t->section)
		return n;
	doc_fail(t->r, p->at, "\"%s\" is %s in line %u already: a dotted key can't add to it",
		 shown(p, text), n->d.kind == DOC_MAP ? "a table made" : "set", n->d.line);
	return NULL;
}

/* The table that a header's part names on the way to its last part. */
static struct doc_node *step_header(struct toml *t, struct doc_node *in, const struct part *p)
{
	struct doc_node *n = doc_member(t->r, in, p->name);
	char text[64];

	if (!n)
		return new_table(t, in, p, MADE_IMPLIED);
	if (n->flags == MADE_TABLES)
		return n->last;
	if (n->d.kind == DOC_MAP && n->flags != MADE_VALUE)
		return n;
	doc_fail(t->r, p->at, "\"%s\" has its value in line %u already: no table can be added",
		 shown(p, text), n->d.line);
	return NULL;
}

static struct doc_node *open_table(struct toml *t, struct doc_node *in, const struct part *p)
{
	struct doc_node *n = doc_member(t->r, in, p->name);
	char text[64];

	if (!n)
		return new_table(t, in, p, MADE_HEADER);
	if (n->d.kind == DOC_MAP && n->flags == MADE_IMPLIED) {
		n->flags = MADE_HEADER;
		n->d.line = p->at.line;
		n->d.column = p->at.column;
		return n;
	}
	doc_fail(t->r, p->at, "\"%s\" is there twice, first in line %u", shown(p, text), n->d.line);
	return NULL;
}

static struct doc_node *open_element(struct toml *t, struct doc_node *in, const struct part *p)
{
	struct doc_node *list = doc_member(t->r, in, p->name), *n;
	const struct part element = {.at = p->at};
	char text[64];

	if (list && list->flags != MADE_TABLES) {
		doc_fail(t->r, p->at, "\"%s\" is there already, in line %u, and is no [[list]]",
			 shown(p, text), list->d.line);
		return NULL;
	}
	if (!list) {
		list = container(t, DOC_LIST, in, p, MADE_TABLES);
		if (!list || doc_add_member(t->r, in, list) < 0)
			return NULL;
	}
	n = container(t, DOC_MAP, list, &element, MADE_HEADER);
	if (n)
		doc_append(list, n);
	return n;
}

static int header(struct toml *t)
{
	struct doc_reader *r = t->r;
	bool list = doc_peek(r, 1) == '[';
	struct doc_node *in = t->root;
	struct key k;

	r->at += list ? 2 : 1;
	if (read_key(r, &k) < 0)
		return -1;
	if (doc_peek(r, 0) != ']' || (list && doc_peek(r, 1) != ']'))
		return toml_unexpected(r, list ? "']]'" : "']'");
	r->at += list ? 2 : 1;
	t->section = ++t->sections;
	for (size_t i = 0; in && i + 1 < k.n; i++)
		in = step_header(t, in, &k.parts[i]);
	if (!in)
		return -1;
	t->table = (list ? open_element : open_table)(t, in, &k.parts[k.n - 1]);
	return t->table ? 0 : -1;
}

/* ---- values ---------------------------------------------------------------- */

static int pair(struct toml *t, struct doc_node *table)
{
	struct doc_reader *r = t->r;
	struct doc_node *child, *in = table;
	struct key k;

	if (read_key(r, &k) < 0)
		return -1;
	if (doc_peek(r, 0) != '=')
		return toml_unexpected(r, "'='");
	r->at++;
	skip_blanks(r);
	for (size_t i = 0; in && i + 1 < k.n; i++)
		in = step_dotted(t, in, &k.parts[i]);
	if (!in || value(t, in, &k.parts[k.n - 1], &child) < 0)
		return -1;
	return doc_add_member(r, in, child);
}

static int inline_table(struct toml *t, struct doc_node *out)
{
	struct doc_reader *r = t->r;
	unsigned outer = t->section;

	t->section = ++t->sections;
	r->at++;
	skip_blanks(r);
	while (doc_peek(r, 0) != '}') {
		if (pair(t, out) < 0)
			return -1;
		skip_blanks(r);
		if (doc_peek(r, 0) == '}')
			break;
		if (doc_peek(r, 0) != ',')
			return toml_unexpected(r, "',' or '}'");
		r->at++;
		skip_blanks(r);
		if (doc_peek(r, 0) == '}')
			return toml_unexpected(r, "a name");
	}
	r->at++;
	t->section = outer;
	return 0;
}

static int array(struct toml *t, struct doc_node *out)
{
	struct doc_reader *r = t->r;

	r->at++;
	for (;;) {
		struct doc_node *child;
		struct part none = {0};

		if (skip_lines(r) < 0)
			return -1;
		if (doc_peek(r, 0) == ']')
			break;
		none.at = doc_here(r);
		if (value(t, out, &none, &child) < 0)
			return -1;
		doc_append(out, child);
		if (skip_lines(r) < 0)
			return -1;
		if (doc_peek(r, 0) == ']')
			break;
		if (doc_peek(r, 0) != ',')
			return toml_unexpected(r, "',' or ']'");
		r->at++;
	}
	r->at++;
	return 0;
}

static int value(struct toml *t, struct doc_node *in, struct part *name, struct doc_node **out)
{
	int c = doc_peek(t->r, 0);
	struct doc_node *n;

	if (c == '[' || c == '{') {
		n = container(t, c == '[' ? DOC_LIST : DOC_MAP, in, name, MADE_VALUE);
		*out = n;
		return n ? (c == '[' ? array : inline_table)(t, n) : -1;
	}
	n = doc_node(t->r, DOC_STRING, name->at);
	*out = n;
	if (!n)
		return -1;
	n->d.name = name->name;
	if (c != '"' && c != '\'')
		return toml_bare(t->r, &n->d);
	n->d.string = toml_string(t->r, false);
	return n->d.string ? 0 : -1;
}

struct doc_node *doc_read_toml(struct doc_reader *r)
{
	struct toml t = {.r = r};
	const struct part start = {.at = {1, 1}};

	t.root = t.table = container(&t, DOC_MAP, NULL, &start, MADE_HEADER);
	while (skip_lines(r) == 0) {
		if (r->at >= r->n)
			return t.root;
		if ((doc_peek(r, 0) == '[' ? header(&t) : pair(&t, t.table)) < 0 ||
		    end_of_line(r) < 0)
			return NULL;
	}
	return NULL;
}
