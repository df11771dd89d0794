/* The scalars of YAML 1.2's core schema. */
#ifndef NONO_COMMON_DOCUMENT_YAML_H
#define NONO_COMMON_DOCUMENT_YAML_H

#include "common/document_build.h"

#define YAML_CORE "tag:yaml.org,2002:"

bool yaml_is_null(const char *s);
/* What plain text is. For a string only out->kind is set. */
int yaml_plain(struct doc_reader *r, const char *s, struct doc_place at, struct doc *out);
/* With an explicit tag: what it names, and whether the text is that. */
int yaml_tagged(struct doc_reader *r, const char *s, const char *tag, struct doc_place at,
		struct doc *out);
int yaml_unknown_tag(struct doc_reader *r, const char *tag, struct doc_place at);

#endif
