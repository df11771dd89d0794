/*
 * git_config - reads a configuration of git's as git reads it. For untrusted text.
 */
#ifndef NONO_COMMON_GIT_CONFIG_H
#define NONO_COMMON_GIT_CONFIG_H

#include "common/common.h"

#define GIT_CONFIG_MAX (1u << 20)

struct git_entry {
	uint32_t key, value; /* offsets into text */
	bool has_value;
};
struct git_set {
	char *text; /* all strings, each with its NUL */
	struct git_entry *entries;
	size_t n, cap, used, text_size;
};
/* Reads a configuration just as git does; -1 if git would refuse it, or if readers may differ about
 * it (control characters, a carriage return alone). */
int git_parse(const char *text, size_t n, struct git_set *out);
void git_set_free(struct git_set *s);
static inline const char *git_key(const struct git_set *s, size_t i)
{
	return s->text + s->entries[i].key;
}
static inline const char *git_text(const struct git_set *s, size_t i) /* NULL: no value */
{
	return s->entries[i].has_value ? s->text + s->entries[i].value : NULL;
}

#endif
