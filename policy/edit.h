/*
 * edit - a string put into a list of a profile's text. Comments and layout stay as they are. The
 * label's ending says the syntax (common/document.h), JSON if it says none.
 */
#ifndef NONO_POLICY_EDIT_H
#define NONO_POLICY_EDIT_H

#include "common/common.h"

const char *edit_section(const char *list); /* "filesystem", "network" */
/* The text with value in "filesystem".LIST (or "network".LIST); the same text if it is there. NULL
 * with err: not a profile. label is what messages call the text. */
char *edit_add(const char *text, const char *label, const char *list, const char *value,
	       struct err *err);

#endif
