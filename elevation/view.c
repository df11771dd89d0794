/*
 * What a path means to the program: where the walk starts (its root, its directory, its
 * descriptors), and what it found. It uses descriptors all the way, so that what is found is what
 * was walked to.
 *
 * Sources: path_resolution(7), openat2(2), proc(5).
 */
#include "elevation/view.h"
#include "elevation/engine.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

void place_init(struct place *p)
{
	p->asked[0] = p->path[0] = p->name[0] = '\0';
	p->parent = p->fd = -1;
	p->st = (struct stat){0};
	p->dir_only = p->anonymous = false;
	p->err = 0;
}

void place_close(struct place *p)
{
	if (p->parent >= 0)
		close(p->parent);
	if (p->fd >= 0)
		close(p->fd);
	p->parent = p->fd = -1;
}

int view_open_plain(int dir, const char *path, uint64_t flags)
{
	struct open_how how = {.flags = flags | O_PATH | O_CLOEXEC,
			       .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};

	return (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
}

bool view_reaches(int root, const char *path, const struct stat *want)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (path[0] != '/')
		return false;
	while (*path == '/')
		path++;
	fd = view_open_plain(root, *path ? path : ".", O_NOFOLLOW);
	return fd >= 0 && fstat(fd, &st) == 0 && st.st_dev == want->st_dev &&
	       st.st_ino == want->st_ino;
}

int view_fd_path(int fd, char *out, size_t size)
{
	char name[32];
	ssize_t n;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	n = readlink(name, out, size - 1);
	if (n < 0 || (size_t)n >= size - 1)
		return -1;
	out[n] = '\0';
	return 0;
}

/* ---- the start --------------------------------------------------------------------------------
 */

static int open_start(struct walk *w, int dirfd)
{
	char name[24];
	int fd;

	if (dirfd == AT_FDCWD)
		return openat(w->proc->dir, "cwd", O_PATH | O_CLOEXEC);
	snprintf(name, sizeof(name), "fd/%d", dirfd);
	fd = dirfd < 0 ? -1 : openat(w->proc->dir, name, O_PATH | O_CLOEXEC);
	if (fd < 0 && (dirfd < 0 || errno == ENOENT))
		errno = EBADF;
	return fd;
}

/* The descriptor itself is meant. */
static void find_descriptor(struct walk *w, int fd, const struct stat *st)
{
	char path[POLICY_PATH_MAX];

	if (view_fd_path(fd, path, sizeof(path)) < 0) {
		close(fd);
		view_fail(w, EACCES);
		return;
	}
	if (view_reaches(w->root, path, st)) {
		view_end_at_object(w, fd, path);
		return;
	}
	view_end_at_object(w, fd, path);
	w->out->anonymous = true;
}

static bool start(struct walk *w, int dirfd, bool empty_ok)
{
	struct stat st;
	int fd;

	if (!w->rest[0] && !empty_ok)
		return view_fail(w, ENOENT);
	if (w->rest[0] == '/') {
		view_go_to_root(w);
		return true;
	}
	fd = open_start(w, dirfd);
	if (fd < 0)
		return view_fail(w, errno);
	if (fstat(fd, &st) < 0) {
		close(fd);
		return view_fail(w, EACCES);
	}
	if (!w->rest[0]) {
		find_descriptor(w, fd, &st);
		return false;
	}
	view_go_to(w, fd, true);
	if (!S_ISDIR(st.st_mode))
		return view_fail(w, ENOTDIR);
	if (st.st_nlink == 0)
		return view_fail(w, ENOENT); /* removed: nothing can be in it any more */
	if (view_fd_path(fd, w->base, sizeof(w->base)) < 0 || !view_reaches(w->root, w->base, &st))
		return view_fail(w, EACCES);
	if (!w->base[1])
		view_go_to_root(w);
	return true;
}

void view_walk(struct walk *w, int dirfd, bool empty_ok)
{
	struct place *p = w->out;
	struct proc own;

	w->at = -1;
	w->own_at = w->stepping = w->through_proc = false;
	w->links = 0;
	w->base[0] = '\0';
	p->path[0] = p->name[0] = '\0';
	p->parent = p->fd = -1;
	p->dir_only = p->anonymous = false;
	p->err = 0;
	w->root = view_root(w->e, w->c->tid);
	w->proc = w->root < 0 ? NULL : proc_get(w->e, w->c->tid, &own);
	if (!w->proc) {
		view_fail(w, errno == EMFILE || errno == ENFILE ? errno : EACCES);
		return;
	}
	if (start(w, dirfd, empty_ok))
		while (view_turn(w))
			;
	view_go_to(w, -1, false);
	proc_put(w->proc, &own);
	if (p->err)
		place_close(p);
}

void view_find(struct elevation *e, const struct call *c, int dirfd, bool follow, bool empty_ok,
	       struct place *out)
{
	struct walk w;

	w.e = e;
	w.c = c;
	w.out = out;
	w.follow = follow;
	str_copy(w.rest, sizeof(w.rest), out->asked);
	view_walk(&w, dirfd, empty_ok);
	if (out->err && view_spare(e, out->err)) {
		str_copy(w.rest, sizeof(w.rest), out->asked);
		view_walk(&w, dirfd, empty_ok);
	}
	/* For the log: as far as it is known. */
	if (out->err && !out->path[0] &&
	    path_join(out->path, sizeof(out->path), w.base[0] ? w.base : "/",
		      w.rest + strspn(w.rest, "/")) < 0)
		str_copy(out->path, sizeof(out->path), out->asked);
}
