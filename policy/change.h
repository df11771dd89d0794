/*
 * change - a profile file of the user's that gets other text: found, checked, locked, shown as a
 * diff, written. Internal to the room.
 */
#ifndef NONO_POLICY_CHANGE_H
#define NONO_POLICY_CHANGE_H

#include <sys/types.h>

#include "policy/policy.h"

struct change {
	const struct policy *p;
	char *file;
	char *name;    /* of the profile, for a new file; NULL: the file must be there */
	char *extends; /* what a new file extends */
	char *before;  /* NULL: there is no file yet */
	char *after;
	mode_t mode;
	int lock; /* the directory, -1 */
};

/* name: a profile of the user's own, NULL: the one in use, or what extends it. With apply the
 * directory is made and locked until change_free(): two sessions may learn at the same time. */
int change_begin(struct change *c, const struct policy *p, const char *name, bool apply,
		 struct err *err);
/* c->after was set: it must be a profile. *diff (if not NULL) is what changes; it is written if
 * apply. */
int change_end(struct change *c, bool apply, char **diff, struct err *err);
void change_free(struct change *c);

#endif
