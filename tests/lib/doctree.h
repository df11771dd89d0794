/* What holds for every tree that a reader hands out, whatever the text was. */
#ifndef NONO_TESTS_DOCTREE_H
#define NONO_TESTS_DOCTREE_H

#include "common/document.h"

#define DOCTREE_TEXT_MAX 65536

static inline void doctree_require(bool holds)
{
	if (!holds)
		abort();
}

static inline void doctree_text(const char *s)
{
	size_t n = strlen(s), len;
	uint32_t cp;

	for (; n; s += len, n -= len) {
		len = utf8_decode(s, n, &cp);
		doctree_require(len > 0);
	}
}

static inline size_t doctree_check(const struct doc *d, unsigned depth, unsigned lines)
{
	size_t members = 0, all = 1;

	doctree_require(depth <= DOC_DEPTH_MAX + 1);
	doctree_require(d->line >= 1 && d->line <= lines && d->column >= 1);
	if (d->kind == DOC_STRING)
		doctree_text(d->string);
	doc_each(item, d)
	{
		doctree_require(!item->name == (d->kind == DOC_LIST));
		if (item->name)
			doctree_text(item->name);
		if (item->name && ++members <= 64)
			doctree_require(doc_get(d, item->name) == item);
		all += doctree_check(item, depth + 1, lines);
	}
	return all;
}

static inline void doctree_fuzz(const uint8_t *data, size_t size, enum doc_format format)
{
	_cleanup_(document_freep) struct document *d = NULL;
	struct err err = {0};
	unsigned lines = 1;

	if (size > DOCTREE_TEXT_MAX)
		return;
	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	d = doc_read((const char *)data, size, format, "fuzz", &err);
	if (!d)
		doctree_require(str_starts(err.msg, "fuzz:"));
	else
		doctree_require(doctree_check(d->root, 1, lines) <= DOC_NODES_MAX);
}

#endif
