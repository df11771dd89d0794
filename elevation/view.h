/* view - the walk through the program's view: seam between view.c, view_walk.c and view_proc.c. */
#ifndef NONO_ELEVATION_VIEW_H
#define NONO_ELEVATION_VIEW_H

#include "elevation/engine.h"

#define REST_MAX (2 * POLICY_PATH_MAX) /* what a link says, and what followed it */

struct walk {
	struct elevation *e;
	const struct call *c;
	struct place *out;
	struct proc *proc;
	int root;
	int at; /* the directory where it is */
	bool own_at;
	bool follow;
	bool stepping;	   /* there is a link somewhere in the directories to come */
	bool through_proc; /* what it found depends on who asks */
	unsigned links;
	char base[POLICY_PATH_MAX]; /* path of at; "" is the root */
	char rest[REST_MAX];	    /* what is left to walk */
};

/* Walks: e, c, out, follow and rest are given. */
void view_walk(struct walk *w, int dirfd, bool empty_ok);

/* The link called name in /proc, open as link, in the directory where the walk is: what it says to
 * the program. *object >= 0: it leads to something that has no path. 0 or an errno. */
int view_proc_link(struct walk *w, int link, const char *name, char *text, size_t size,
		   int *object);

/* True if path, from root and without links, is the object want. */
bool view_reaches(int root, const char *path, const struct stat *want);
/* What the kernel calls the object behind fd. -1 if it is too long. */
int view_fd_path(int fd, char *out, size_t size);
/* openat2() of path with O_PATH, without any link. */
int view_open_plain(int dir, const char *path, uint64_t flags);

/* One turn of the walk; false when it is over. */
bool view_turn(struct walk *w);
/* The walk goes on at fd; own: it is closed when the walk leaves it. */
void view_go_to(struct walk *w, int fd, bool own);
void view_go_to_root(struct walk *w);
/* The walk ended at fd, which is taken over and is called path. */
void view_end_at_object(struct walk *w, int fd, const char *path);
/* Says err (an errno) in what was found; false. */
bool view_fail(struct walk *w, int err);

#endif
