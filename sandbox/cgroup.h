/*
 * Between cgroup.c and cgroup_find.c.
 */
#ifndef NONO_CGROUP_H
#define NONO_CGROUP_H

#include "sandbox/nono.h"

#pragma GCC visibility push(hidden)

/* Where the caller is in a hierarchy. */
struct cgroup_place {
	char mount[NONO_GROUP_PATH_MAX]; /* of the hierarchy's file system */
	char dir[NONO_GROUP_PATH_MAX];	 /* the caller's group, as a path below mount */
};

/* The hierarchy of a controller: 1 or 2 (then the controller may still be missing in it), 0 if
 * there is none or the caller's group can't be seen. The files are those of proc(5). */
int cgroup_find(const char *controller, const char *proc_cgroup, const char *mountinfo,
		struct cgroup_place *out);

/* Makes a group of version 2 that holds all of need (bits by enum nono_limit). */
bool cgroup_make2(const struct cgroup_place *place, unsigned need, const struct nono_limits *l,
		  const char *name, struct nono_group *g);

#pragma GCC visibility pop
#endif
