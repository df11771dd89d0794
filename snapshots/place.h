/* place - where a path of a snapshot lies in the live tree, opened without following links. */
#ifndef NONO_SNAPSHOTS_PLACE_H
#define NONO_SNAPSHOTS_PLACE_H

#include <sys/stat.h>

#include "snapshots/snapshots.h"

struct place {
	int dir; /* the parent directory */
	char name[256];
};
/* The root of r that holds path, NULL if none does. */
const char *place_root(const struct snap_record *r, const char *path);
int place_begin(const struct snap_record *r, const char *path, struct place *p, struct err *err);
void place_end(struct place *p);
/* A link or name in the way is ELOOP, ENOTDIR or EXDEV. -1 with errno. */
int place_openat(int dir, const char *path, int flags);

/* An empty file of ours beside p, to be renamed over it. */
int place_temp(const struct place *p, char name[64], struct err *err);
/* Synced, and takes the place. with replace false nothing may be there. */
int place_put(const struct place *p, int fd, const char *temp, bool replace, struct err *err);

/* Whether what is there is still e (kind, size, time of change of content); e->kind SNAP_NONE: that
 * nothing is there. */
int place_check(const struct place *p, const struct snap_entry *e, struct stat *st,
		struct err *err);

#endif
