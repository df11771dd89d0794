/*
 * profile - one profile file, and the merge of a chain of them (extends).
 *
 * Unknown members are errors: a word that is not understood must not loosen anything silently.
 */
#ifndef NONO_POLICY_PROFILE_H
#define NONO_POLICY_PROFILE_H

#include <cjson/cJSON.h>

#include "common/common.h"

struct list { /* of strings, owned */
	char **v;
	size_t n;
};
void list_add(struct list *l, const char *s); /* a copy, unless it is there already */
void list_append(struct list *l, const struct list *from);
bool list_has(const struct list *l, const char *s);
void list_free(struct list *l);

/* Lists of "filesystem". STATE and PROTECT are ours: folders that are the agent's own (written by
 * the kernel's leave, no workspace), and what may be read but not changed. */
enum profile_fs {
	FS_ALLOW = 0,
	FS_READ,
	FS_WRITE,
	FS_ALLOW_FILE,
	FS_READ_FILE,
	FS_WRITE_FILE,
	FS_STATE,
	FS_DENY,
	FS_PROTECT,
	FS_BYPASS,
	FS_UNIX_SOCKET,
	FS_UNIX_SOCKET_DIR,
	FS_UNIX_SOCKET_SUBTREE,
	FS_SUPPRESS_SAVE,
	FS_LISTS
};
extern const char *const profile_fs_names[FS_LISTS];

/* -1 = not said */
struct profile {
	char *name;
	char *description;
	struct list extends;
	struct list include, exclude;
	struct list fs[FS_LISTS];
	struct list env_allow, env_deny, env_set; /* env_set: NAME=value */
	bool has_env_allow;
	int workdir; /* enum nono_access bits, 0 = none */
	int elevation, block_net, protect_autorun, private_tmp;
};

void profile_free(struct profile *p);
static inline void profile_freep(struct profile **p)
{
	if (*p)
		profile_free(*p);
	free(*p);
	*p = NULL;
}

/* One file's text. NULL with err. */
struct profile *profile_parse(const char *text, size_t n, const char *label, struct err *err);
/* What child says on top of base (§8.4 of the reference's rules): base is changed. */
void profile_merge(struct profile *base, const struct profile *child);

/* By name or path, with all it extends, merged; not yet on top of "default". *file receives the
 * path of the user's file it came from, NULL for a built-in one. */
struct profile *profile_load(const char *what, char **file, struct err *err);
bool profile_name_ok(const char *name);
/* The user's own file of that name, NULL if there is none; caller frees. */
char *profile_user_file(const char *name);

#endif
