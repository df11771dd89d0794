/*
 * Between the files about control groups.
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

#define CGROUP_CPU_PERIOD_US 100000

struct cgroup_controller {
	const char *name, *max; /* max: the file of a limit in version 2 */
};
extern const struct cgroup_controller cgroup_controllers[NONO_LIMITS];

/* Small files of a group. -1 with errno; 0 for a number that can't be read. keyed: the number
 * behind "key " at the start of a line. */
int cgroup_put(const char *dir, const char *file, const char *text);
int cgroup_put_number(const char *dir, const char *file, uint64_t n);
int cgroup_get(const char *dir, const char *file, char *out, size_t size);
uint64_t cgroup_get_number(const char *dir, const char *file);
uint64_t cgroup_get_keyed(const char *dir, const char *file, const char *key);
/* Does the file list all of these controllers (bits by enum nono_limit)? */
bool cgroup_has(const char *dir, const char *file, unsigned need);
/* Why there is no group. */
void cgroup_no(struct nono_group *g, const char *what, const char *where, int code);
/*
 * Makes dir/name. The top of a hierarchy is not even writable to its owner: who gave up his
 * capabilities could not remove a group there again, so those of all sessions lie in one called
 * "nono", which stays. below: switched on for it in version 2 (NULL = nothing to do).
 */
int cgroup_mkdir(const char *parent, const char *name, const char *below,
		 char out[NONO_GROUP_PATH_MAX]);
/* A group for one limit. */
void cgroup_make1(const struct cgroup_place *place, int which, const struct nono_limits *l,
		  const char *name, struct nono_group *g);
/* Groups for what can be held of need; why not for the rest. */
void cgroup_make2_all(const struct cgroup_place *place, unsigned need, const struct nono_limits *l,
		      const char *name, struct nono_groups *out);
/* Makes a group of version 2 that holds all of need (bits by enum nono_limit). */
bool cgroup_make2(const struct cgroup_place *place, unsigned need, const struct nono_limits *l,
		  const char *name, struct nono_group *g);

#pragma GCC visibility pop
#endif
