/* edit_text - one way a syntax is written. Internal to edit.c: it checks what comes out. */
#ifndef NONO_POLICY_EDIT_TEXT_H
#define NONO_POLICY_EDIT_TEXT_H

#include "common/document.h"

struct edit {
	const char *text;
	const struct document *doc; /* of text */
	const char *section, *list;
	const char *item; /* the value, as it is written */
};

/* The text with the value in the list, as far as the syntax is understood; NULL if it is not. The
 * caller reads the result and compares. */
char *edit_json(const struct edit *e);
char *edit_toml(const struct edit *e);
char *edit_yaml(const struct edit *e);

/* Is all the same but for a first entry of section.list? */
bool edit_rest_same(const struct document *before, const struct document *after,
		    const char *section, const char *list);

#endif
