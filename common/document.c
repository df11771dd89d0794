/* The tree of a document, its memory, and what all readers check alike. */
#include "common/document.h"

#include <locale.h>
#include <math.h>
#include <search.h>

#include "common/document_build.h"

#define CHUNK_FIRST (4u << 10)
#define CHUNK_MAX   (256u << 10)

/* ---- memory ------------------------------------------------------------ */

struct chunk {
	struct chunk *next;
	size_t used, size;
	max_align_t data[];
};

static void *take(struct document *d, size_t n, size_t align)
{
	struct chunk *c = d->memory;
	size_t at = c ? (c->used + align - 1) / align * align : 0;

	if (!c || c->size < at || c->size - at < n) {
		size_t size = !c ? CHUNK_FIRST : c->size < CHUNK_MAX ? c->size * 2 : CHUNK_MAX;

		if (size < n)
			size = n;
		c = xcalloc(1, sizeof(*c) + size);
		c->size = size;
		c->next = d->memory;
		d->memory = c;
		at = 0;
	}
	c->used = at + n;
	return (char *)c->data + at;
}

void *doc_alloc(struct document *d, size_t n)
{
	return take(d, n, sizeof(max_align_t));
}

char *doc_strndup(struct document *d, const char *s, size_t n)
{
	char *p = take(d, n + 1, 1);

	memcpy(p, s, n);
	return p;
}

void document_free(struct document *d)
{
	if (!d)
		return;
	for (struct chunk *c = d->memory, *next; c; c = next) {
		next = c->next;
		free(c);
	}
	free(d);
}

/* ---- building ---------------------------------------------------------- */

int doc_fail(struct doc_reader *r, struct doc_place at, const char *fmt, ...)
{
	char what[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return err_set(r->err, "%s:%u:%u: %s", r->doc->label, at.line, at.column, what);
}

struct doc_node *doc_node(struct doc_reader *r, enum doc_kind kind, struct doc_place at)
{
	struct doc_node *n;

	if (++r->nodes > DOC_NODES_MAX) {
		doc_fail(r, at, "more than %d values", DOC_NODES_MAX);
		return NULL;
	}
	n = doc_alloc(r->doc, sizeof(*n));
	n->d.kind = kind;
	n->d.line = at.line;
	n->d.column = at.column;
	return n;
}

void doc_append(struct doc_node *list, struct doc_node *child)
{
	child->parent = list;
	if (list->last)
		list->last->d.next = &child->d;
	else
		list->d.first = &child->d;
	list->last = child;
	list->d.count++;
}

static int compare_members(const void *a, const void *b)
{
	const struct doc_node *x = a, *y = b;

	if (x->parent != y->parent)
		return x->parent < y->parent ? -1 : 1;
	return strcmp(x->d.name, y->d.name);
}

struct doc_node *doc_member(struct doc_reader *r, const struct doc_node *map, const char *name)
{
	const struct doc_node key = {.d.name = name, .parent = (struct doc_node *)map};
	struct doc_node **found = tfind(&key, &r->members, compare_members);

	return found ? *found : NULL;
}

int doc_add_member(struct doc_reader *r, struct doc_node *map, struct doc_node *child)
{
	struct doc_node **found;
	char shown[128];

	child->parent = map;
	found = tsearch(child, &r->members, compare_members);
	if (!found)
		abort(); /* out of memory */
	if (*found != child)
		return doc_fail(
		    r, (struct doc_place){child->d.line, child->d.column},
		    "\"%s\" is there twice, first in line %u",
		    text_printable(shown, sizeof(shown), child->d.name, strlen(child->d.name)),
		    (*found)->d.line);
	doc_append(map, child);
	return 0;
}

char *doc_take_scratch(struct doc_reader *r, struct doc_place at)
{
	if (r->scratch.len > DOC_STRING_MAX) {
		doc_fail(r, at, "a string of more than %u bytes", DOC_STRING_MAX);
		return NULL;
	}
	return doc_strndup(r->doc, r->scratch.data ? r->scratch.data : "", r->scratch.len);
}

int doc_float(const char *s, double *out)
{
	locale_t c = newlocale(LC_ALL_MASK, "C", NULL);
	char *end;

	if (!c)
		return -1;
	*out = strtod_l(s, &end, c);
	freelocale(c);
	return *s && !*end && isfinite(*out) ? 0 : -1;
}

/* ---- reading ----------------------------------------------------------- */

int doc_format_of(const char *path, enum doc_format *out)
{
	static const struct {
		const char *ending;
		enum doc_format format;
	} endings[] = {
	    {".json", DOC_JSON}, {".jsonc", DOC_JSON}, {".toml", DOC_TOML},
	    {".yaml", DOC_YAML}, {".yml", DOC_YAML},
	};

	for (size_t i = 0; i < ARRAY_LEN(endings); i++)
		if (str_ends(path, endings[i].ending)) {
			*out = endings[i].format;
			return 0;
		}
	return -1;
}

/* The same text must not say different things to different readers: UTF-8 only, no NUL. */
static int check_text(struct doc_reader *r)
{
	uint32_t cp;
	size_t len;

	while (r->at < r->n) {
		int c = doc_peek(r, 0);

		if (c == 0)
			return doc_fail(r, doc_here(r), "a NUL byte");
		len = c < 0x80 ? 1 : utf8_decode(r->text + r->at, r->n - r->at, &cp);
		if (!len)
			return doc_fail(r, doc_here(r), "not UTF-8 (byte 0x%02x)", (unsigned)c);
		r->at += len;
		if (c == '\n')
			doc_newline(r);
	}
	r->at = r->bol = 0;
	r->line = 1;
	return 0;
}

static void keep(void *member _unused_)
{
}

struct document *doc_read(const char *text, size_t n, enum doc_format format, const char *label,
			  struct err *err)
{
	static struct doc_node *(*const readers[])(struct doc_reader *) = {
	    [DOC_JSON] = doc_read_json,
	    [DOC_TOML] = doc_read_toml,
	    [DOC_YAML] = doc_read_yaml,
	};
	_cleanup_(document_freep) struct document *d = xcalloc(1, sizeof(*d));
	struct doc_reader r = {.text = text, .n = n, .line = 1, .doc = d, .err = err};
	struct doc_node *root = NULL;

	d->format = format;
	d->label = doc_strndup(d, label, strlen(label));
	if (n > DOC_TEXT_MAX) {
		err_set(err, "%s: larger than %u bytes", label, DOC_TEXT_MAX);
		return NULL;
	}
	if (!n)
		r.text = "";
	if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) { /* some editors put it there */
		r.text += 3;
		r.n -= 3;
	}
	if (check_text(&r) == 0)
		root = readers[format](&r);
	tdestroy(r.members, keep);
	buf_free(&r.scratch);
	if (!root)
		return NULL;
	d->root = &root->d;
	return STEAL_PTR(d);
}

/* ---- looking ----------------------------------------------------------- */

const struct doc *doc_get(const struct doc *map, const char *name)
{
	if (!map || map->kind != DOC_MAP)
		return NULL;
	doc_each(m, map)
	{
		if (strcmp(m->name, name) == 0)
			return m;
	}
	return NULL;
}

const char *doc_text(const struct doc *map, const char *name)
{
	const struct doc *v = doc_get(map, name);

	return v && v->kind == DOC_STRING ? v->string : NULL;
}

bool doc_flag(const struct doc *map, const char *name, bool other)
{
	const struct doc *v = doc_get(map, name);

	return v && v->kind == DOC_BOOL ? v->boolean : other;
}

const char *doc_kind_name(enum doc_kind kind)
{
	static const char *const names[] = {
	    [DOC_NULL] = "null",      [DOC_BOOL] = "true or false", [DOC_INT] = "a number",
	    [DOC_FLOAT] = "a number", [DOC_STRING] = "a string",    [DOC_LIST] = "a list",
	    [DOC_MAP] = "a map",
	};

	return names[kind];
}

int doc_error(const char *label, const struct doc *at, struct err *err, const char *fmt, ...)
{
	char what[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return err_set(err, "%s:%u:%u: %s", label, at->line, at->column, what);
}
