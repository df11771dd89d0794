/*
 * What the readers of document.h share: a cursor that knows line and column, and the tree under
 * construction. Everything in the tree lives in the document's own memory.
 */
#ifndef NONO_COMMON_DOCUMENT_BUILD_H
#define NONO_COMMON_DOCUMENT_BUILD_H

#include "common/document.h"

#define DOC_STRING_MAX (1u << 20)

/* A value in the making. */
struct doc_node {
	struct doc d; /* first */
	struct doc_node *parent, *last;
	unsigned flags, section; /* the reader's own */
};

struct doc_reader {
	const char *text;
	size_t n, at;
	size_t bol;    /* where the current line begins */
	unsigned line; /* from 1 */
	unsigned depth;
	size_t nodes;
	struct document *doc;
	void *members; /* every member of every map, to be found by name */
	struct buf scratch;
	struct err *err;
};

struct doc_place {
	unsigned line, column;
};

static inline struct doc_place doc_here(const struct doc_reader *r)
{
	return (struct doc_place){r->line, (unsigned)(r->at - r->bol) + 1};
}
/* The byte at the cursor, the one i after it; -1 past the end. */
static inline int doc_peek(const struct doc_reader *r, size_t i)
{
	return i < r->n - r->at ? (unsigned char)r->text[r->at + i] : -1;
}
/* To be called with the cursor behind a line's end. */
static inline void doc_newline(struct doc_reader *r)
{
	r->line++;
	r->bol = r->at;
}

void *doc_alloc(struct document *d, size_t n);
char *doc_strndup(struct document *d, const char *s, size_t n);
/* Sets the error to "LABEL:LINE:COLUMN: ..."; -1. */
int doc_fail(struct doc_reader *r, struct doc_place at, const char *fmt, ...) _printf_(3, 4);
/* NULL and an error when there are too many values. */
struct doc_node *doc_node(struct doc_reader *r, enum doc_kind kind, struct doc_place at);
void doc_append(struct doc_node *list, struct doc_node *child);
/* The member that the reader has put into this map. */
struct doc_node *doc_member(struct doc_reader *r, const struct doc_node *map, const char *name);
/* child has its name; -1 if the map has one of that name. */
int doc_add_member(struct doc_reader *r, struct doc_node *map, struct doc_node *child);
/* Takes scratch, checked for size, as a string of the document. */
char *doc_take_scratch(struct doc_reader *r, struct doc_place at);
/* Whole text, no NUL in it, as a finite number. */
int doc_float(const char *s, double *out);

/* One for each format. They return the root, or NULL with the error set. */
struct doc_node *doc_read_json(struct doc_reader *r);
struct doc_node *doc_read_toml(struct doc_reader *r);
struct doc_node *doc_read_yaml(struct doc_reader *r);

#endif
