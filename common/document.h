/*
 * document - what a JSON (with comments and trailing commas), TOML or YAML file says, in one form:
 * a tree of values that know their place in the file. Whoever reads a kind of file (a profile, the
 * settings) walks this tree and never sees the syntax.
 *
 * The tree of a file belongs to its struct document and is freed with it. Trees of files that are
 * part of the program are made when it is built (constant data, nothing to free). The readers are
 * for untrusted text: sizes, depth, and the number of values are bounded, a member that is there
 * twice is an error.
 */
#ifndef NONO_COMMON_DOCUMENT_H
#define NONO_COMMON_DOCUMENT_H

#include "common/common.h"

#define DOC_TEXT_MAX  (16u << 20) /* bytes of a file; of a string 1 MiB */
#define DOC_DEPTH_MAX 32	  /* lists and maps in each other */
#define DOC_NODES_MAX 400000	  /* values of a file, aliases of YAML written out */

enum doc_kind { DOC_NULL = 0, DOC_BOOL, DOC_INT, DOC_FLOAT, DOC_STRING, DOC_LIST, DOC_MAP };

/* A value. line and column (bytes) count from 1: of the name, if it has one. */
struct doc {
	enum doc_kind kind;
	unsigned line, column;
	const char *name; /* as the member of a map, else NULL */
	union {
		bool boolean;
		int64_t integer;
		double real;
		const char *string; /* UTF-8, no NUL in it */
		struct {
			const struct doc *first; /* of a list or map */
			size_t count;
		};
	};
	const struct doc *next; /* in the list or map that holds it */
};

enum doc_format { DOC_JSON = 0, DOC_TOML, DOC_YAML };

struct document {
	const char *label; /* what messages call it: the file's path */
	enum doc_format format;
	const struct doc *root; /* TOML: always a map */
	void *memory;
};

/* By the name's ending: .json and .jsonc, .toml, .yaml and .yml. -1 if it is none of these. */
int doc_format_of(const char *path, enum doc_format *out);
/* err says label, line and column. The text need not end in NUL. */
struct document *doc_read(const char *text, size_t n, enum doc_format format, const char *label,
			  struct err *err);
void document_free(struct document *d);
static inline void document_freep(struct document **d)
{
	document_free(*d);
}

/* A map's member, NULL if it has none of that name or is no map. */
const struct doc *doc_get(const struct doc *map, const char *name);
/* Its string, NULL if it has none of that name; its true or false, other if it has none. */
const char *doc_text(const struct doc *map, const char *name);
bool doc_flag(const struct doc *map, const char *name, bool other);
#define doc_each(item, parent) \
	for (const struct doc *item = doc_first(parent); item; item = item->next)
static inline const struct doc *doc_first(const struct doc *d)
{
	return d && (d->kind == DOC_LIST || d->kind == DOC_MAP) ? d->first : NULL;
}
/* "a string", "a list", ... for messages. */
const char *doc_kind_name(enum doc_kind kind);
/* Sets err to "LABEL:LINE:COLUMN: ..."; -1. */
int doc_error(const char *label, const struct doc *at, struct err *err, const char *fmt, ...)
    _printf_(4, 5);

#endif
