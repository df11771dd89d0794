/*
 * YAML 1.2, core schema, over libyaml's events. One document a file. Aliases are written out
 * within the bounds of every document; merge keys and tags outside the core schema are errors.
 */
#include <yaml.h>

#include "common/document_yaml.h"

/* libyaml compares each directive with all before it. */
#define DIRECTIVES_MAX 16

#define COMPLETE 1u /* doc_node.flags: everything in it has been read */

struct yaml {
	struct doc_reader *r;
	yaml_parser_t parser;
	size_t chars;		 /* before r's cursor */
	struct doc_node anchors; /* a map from names to values (in last) */
};

static void event_done(yaml_event_t *e)
{
	yaml_event_delete(e);
}
#define _cleanup_event_ _cleanup_(event_done)

static struct doc_node *value(struct yaml *y, yaml_event_t *e, const char *name,
			      struct doc_place at);

static void step(struct yaml *y)
{
	struct doc_reader *r = y->r;
	bool newline = r->text[r->at++] == '\n';

	while (r->at < r->n && (doc_peek(r, 0) & 0xc0) == 0x80)
		r->at++;
	if (newline)
		doc_newline(r);
	y->chars++;
}

static void rewind_cursor(struct yaml *y)
{
	y->r->at = y->r->bol = y->chars = 0;
	y->r->line = 1;
}

/* libyaml counts characters and has line ends of its own. */
static struct doc_place place(struct yaml *y, yaml_mark_t mark)
{
	if (mark.index < y->chars)
		rewind_cursor(y);
	while (y->chars < mark.index && y->r->at < y->r->n)
		step(y);
	return doc_here(y->r);
}

static struct doc_place problem_place(struct yaml *y)
{
	if (y->parser.error != YAML_READER_ERROR)
		return place(y, y->parser.problem_mark);
	rewind_cursor(y); /* it counts bytes for once */
	while (y->r->at < y->parser.problem_offset && y->r->at < y->r->n)
		step(y);
	return doc_here(y->r);
}

static int next(struct yaml *y, yaml_event_t *e)
{
	const yaml_parser_t *p = &y->parser;

	if (yaml_parser_parse(&y->parser, e))
		return 0;
	if (p->error == YAML_MEMORY_ERROR)
		abort();
	return doc_fail(y->r, problem_place(y), "not valid YAML: %s%s%s",
			p->problem ? p->problem : "it can't be read", p->context ? " " : "",
			p->context ? p->context : "");
}

/* ---- scalars ------------------------------------------------------------- */

/* The text of a scalar, bounded and free of NUL. */
static char *scalar_text(struct yaml *y, const yaml_event_t *e, struct doc_place at)
{
	const char *s = (const char *)e->data.scalar.value;
	size_t n = e->data.scalar.length;

	if (memchr(s, 0, n)) {
		doc_fail(y->r, at, "a string must not contain NUL");
		return NULL;
	}
	buf_clear(&y->r->scratch);
	buf_add(&y->r->scratch, s, n);
	return doc_take_scratch(y->r, at);
}

static int scalar(struct yaml *y, const yaml_event_t *e, struct doc *out)
{
	struct doc_place at = place(y, e->start_mark);
	const char *tag = (const char *)e->data.scalar.tag;
	char *s = scalar_text(y, e, at);
	int rc = 0;

	if (!s)
		return -1;
	if (tag)
		rc = yaml_tagged(y->r, s, tag, at, out);
	else if (e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
		rc = yaml_plain(y->r, s, at, out);
	else
		out->kind = DOC_STRING;
	if (out->kind == DOC_STRING)
		out->string = s;
	return rc;
}

/* ---- anchors ------------------------------------------------------------- */

static struct doc_node *find_anchor(struct yaml *y, const yaml_char_t *name)
{
	return doc_member(y->r, &y->anchors, (const char *)name);
}

static int set_anchor(struct yaml *y, const yaml_char_t *name, struct doc_node *target)
{
	struct doc_node *entry;

	if (!name)
		return 0;
	entry = find_anchor(y, name);
	if (!entry) {
		entry = doc_alloc(y->r->doc, sizeof(*entry));
		entry->d.name =
		    doc_strndup(y->r->doc, (const char *)name, strlen((const char *)name));
		if (doc_add_member(y->r, &y->anchors, entry) < 0)
			return -1;
	}
	entry->last = target; /* a later one of that name counts from here on */
	return 0;
}

static struct doc_node *copy(struct yaml *y, const struct doc *from, const char *name,
			     struct doc_place at, struct doc_place use)
{
	struct doc_node *n = doc_node(y->r, from->kind, use);

	if (!n)
		return NULL;
	n->d = *from;
	n->d.name = name;
	n->d.next = NULL;
	n->d.line = at.line;
	n->d.column = at.column;
	n->flags = COMPLETE;
	if (from->kind != DOC_LIST && from->kind != DOC_MAP)
		return n;
	n->d.first = NULL;
	n->d.count = 0;
	if (++y->r->depth > DOC_DEPTH_MAX) {
		doc_fail(y->r, use, "nested too deeply");
		return NULL;
	}
	doc_each(item, from)
	{
		struct doc_place there = {item->line, item->column};
		struct doc_node *child = copy(y, item, item->name, there, use);

		if (!child)
			return NULL;
		doc_append(n, child);
	}
	y->r->depth--;
	return n;
}

static struct doc_node *alias(struct yaml *y, const yaml_event_t *e, const char *name,
			      struct doc_place at)
{
	struct doc_place use = place(y, e->start_mark);
	const struct doc_node *entry = find_anchor(y, e->data.alias.anchor);

	if (!entry)
		doc_fail(y->r, use, "no anchor &%.64s before this alias", e->data.alias.anchor);
	else if (!(entry->last->flags & COMPLETE))
		doc_fail(y->r, use, "*%.64s would contain itself", e->data.alias.anchor);
	else
		return copy(y, &entry->last->d, name, at, use);
	return NULL;
}

/* ---- structure ----------------------------------------------------------- */

static int member(struct yaml *y, yaml_event_t *key, struct doc_node *map)
{
	struct doc_place at = place(y, key->start_mark);
	bool plain =
	    key->type == YAML_SCALAR_EVENT && key->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	_cleanup_event_ yaml_event_t e = {0};
	struct doc_node *child;
	struct doc of_name = {0};
	char *name;

	if (key->type != YAML_SCALAR_EVENT)
		return doc_fail(y->r, at, "the name of a member must be plain or quoted text");
	if (key->data.scalar.anchor)
		return doc_fail(y->r, at, "an anchor on the name of a member");
	name = scalar_text(y, key, at);
	if (!name)
		return -1;
	if (key->data.scalar.tag &&
	    yaml_tagged(y->r, name, (const char *)key->data.scalar.tag, at, &of_name) < 0)
		return -1;
	if (plain && yaml_is_null(name))
		return doc_fail(y->r, at, "a member without a name");
	if (plain && strcmp(name, "<<") == 0)
		return doc_fail(y->r, at,
				"merge keys (<<) are not supported: "
				"write the members out");
	if (next(y, &e) < 0)
		return -1;
	child = value(y, &e, name, at);
	return child ? doc_add_member(y->r, map, child) : -1;
}

static int element(struct yaml *y, yaml_event_t *e, struct doc_node *list)
{
	struct doc_node *child = value(y, e, NULL, place(y, e->start_mark));

	if (!child)
		return -1;
	doc_append(list, child);
	return 0;
}

static int container(struct yaml *y, const yaml_event_t *start, struct doc_node *out)
{
	bool map = start->type == YAML_MAPPING_START_EVENT;
	struct doc_place at = place(y, start->start_mark);
	const char *tag =
	    (const char *)(map ? start->data.mapping_start.tag : start->data.sequence_start.tag);

	if (tag && strcmp(tag, "!") != 0 &&
	    strcmp(tag, map ? YAML_CORE "map" : YAML_CORE "seq") != 0)
		return yaml_unknown_tag(y->r, tag, at);
	if (++y->r->depth > DOC_DEPTH_MAX)
		return doc_fail(y->r, at, "nested too deeply");
	out->d.kind = map ? DOC_MAP : DOC_LIST;
	if (set_anchor(y,
		       map ? start->data.mapping_start.anchor : start->data.sequence_start.anchor,
		       out) < 0)
		return -1;
	for (;;) {
		_cleanup_event_ yaml_event_t e = {0};

		if (next(y, &e) < 0)
			return -1;
		if (e.type == (map ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT))
			break;
		if ((map ? member(y, &e, out) : element(y, &e, out)) < 0)
			return -1;
	}
	y->r->depth--;
	return 0;
}

static struct doc_node *value(struct yaml *y, yaml_event_t *e, const char *name,
			      struct doc_place at)
{
	struct doc_node *n;

	if (e->type == YAML_ALIAS_EVENT)
		return alias(y, e, name, at);
	n = doc_node(y->r, DOC_NULL, at);
	if (!n)
		return NULL;
	n->d.name = name;
	if (e->type == YAML_SCALAR_EVENT) {
		if (scalar(y, e, &n->d) < 0 || set_anchor(y, e->data.scalar.anchor, n) < 0)
			return NULL;
	} else if (container(y, e, n) < 0) {
		return NULL;
	}
	n->flags = COMPLETE;
	return n;
}

static int skip_event(struct yaml *y, yaml_event_type_t *type, struct doc_place *at)
{
	_cleanup_event_ yaml_event_t e = {0};

	if (next(y, &e) < 0)
		return -1;
	*type = e.type;
	*at = place(y, e.start_mark);
	return 0;
}

static struct doc_node *document(struct yaml *y)
{
	_cleanup_event_ yaml_event_t e = {0};
	yaml_event_type_t type;
	struct doc_node *root;
	struct doc_place at;

	if (skip_event(y, &type, &at) < 0 || skip_event(y, &type, &at) < 0)
		return NULL;
	if (type == YAML_STREAM_END_EVENT) /* nothing but comments */
		return doc_node(y->r, DOC_NULL, at);
	if (next(y, &e) < 0)
		return NULL;
	root = value(y, &e, NULL, place(y, e.start_mark));
	if (!root || skip_event(y, &type, &at) < 0 || skip_event(y, &type, &at) < 0)
		return NULL;
	if (type != YAML_STREAM_END_EVENT) {
		doc_fail(y->r, at, "a second document: one file holds one");
		return NULL;
	}
	return root;
}

static int few_directives(struct doc_reader *r)
{
	unsigned count = 0;

	for (size_t i = 0; i < r->n; i++)
		if (r->text[i] == '%' &&
		    (i == 0 || r->text[i - 1] == '\n' || r->text[i - 1] == '\r'))
			count++;
	if (count > DIRECTIVES_MAX)
		return doc_fail(r, doc_here(r), "more than %d lines that begin with %%",
				DIRECTIVES_MAX);
	return 0;
}

struct doc_node *doc_read_yaml(struct doc_reader *r)
{
	struct yaml y = {.r = r, .anchors.d.kind = DOC_MAP};
	struct doc_node *root;

	if (few_directives(r) < 0)
		return NULL;
	if (!yaml_parser_initialize(&y.parser))
		abort();
	yaml_parser_set_encoding(&y.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&y.parser, (const unsigned char *)r->text, r->n);
	root = document(&y);
	yaml_parser_delete(&y.parser);
	return root;
}
