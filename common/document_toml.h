/* The scalars of TOML. */
#ifndef NONO_COMMON_DOCUMENT_TOML_H
#define NONO_COMMON_DOCUMENT_TOML_H

#include "common/document_build.h"

/* The cursor is on a quote. A key is one line. */
char *toml_string(struct doc_reader *r, bool key);
/* A number, a date or time (a string), true or false. */
int toml_bare(struct doc_reader *r, struct doc *out);
/* What stands at the cursor is not what is wanted; -1. */
int toml_unexpected(struct doc_reader *r, const char *wanted);
/* Takes a line's end, LF or CRLF; false if the cursor is not on one. */
bool toml_newline(struct doc_reader *r);

#endif
