/*
 * The steps of a walk through the program's view: directories at one go, components one by one
 * where there are links, and where it ends.
 *
 * Sources: path_resolution(7), openat2(2), symlink(7),
 * Documentation/admin-guide/sysctl/fs.rst (protected_symlinks).
 */
#include "elevation/view.h"

#include <fcntl.h>
#include <sys/vfs.h>

#define LINKS_MAX  40 /* as the kernel */
#define PROC_MAGIC 0x9fa0

/* ---- where the walk is ----------------------------------------------------------------------- */

void view_go_to(struct walk *w, int fd, bool own)
{
	if (w->own_at)
		close(w->at);
	w->at = fd;
	w->own_at = own;
}

void view_go_to_root(struct walk *w)
{
	view_go_to(w, w->root, false);
	w->base[0] = '\0';
}

bool view_fail(struct walk *w, int err)
{
	w->out->err = err;
	return false;
}

/* base and "/" and n bytes of s, cleaned: what the walk would reach if none of it is a link. */
static bool path_of(struct walk *w, const char *s, size_t n, char out[POLICY_PATH_MAX])
{
	char text[POLICY_PATH_MAX + REST_MAX + 2];

	snprintf(text, sizeof(text), "%s/%.*s", w->base, (int)n, s);
	return path_clean(out, POLICY_PATH_MAX, text) == 0 || view_fail(w, ENAMETOOLONG);
}

static bool descend(struct walk *w, int fd, const char *s, size_t n)
{
	char path[POLICY_PATH_MAX];

	if (!path_of(w, s, n, path)) {
		close(fd);
		return false;
	}
	view_go_to(w, fd, true);
	str_copy(w->base, sizeof(w->base), path[1] ? path : "");
	return true;
}

/* ---- ends ------------------------------------------------------------------------------------ */

void view_end_at_object(struct walk *w, int fd, const char *path)
{
	struct place *p = w->out;

	p->fd = fd;
	p->name[0] = '\0';
	str_copy(p->path, sizeof(p->path), path);
	if (fstat(fd, &p->st) < 0)
		view_fail(w, EACCES);
}

static void end_at_directory(struct walk *w)
{
	int fd = fcntl(w->at, F_DUPFD_CLOEXEC, 3);

	if (fd < 0)
		view_fail(w, errno);
	else
		view_end_at_object(w, fd, w->base[0] ? w->base : "/");
}

static void end_anonymous(struct walk *w, int fd, const char *name, size_t n)
{
	char path[POLICY_PATH_MAX];

	if (!path_of(w, name, n, path)) {
		close(fd);
		return;
	}
	view_end_at_object(w, fd, path);
	w->out->anonymous = true;
}

/* ---- links ----------------------------------------------------------------------------------- */

/* Others may have put it there: the kernel does not follow it either. */
static bool link_is_foreign(struct walk *w, const struct stat *link)
{
	struct stat dir;

	if (fstat(w->at, &dir) < 0)
		return true;
	if ((dir.st_mode & (S_ISVTX | S_IWOTH)) != (S_ISVTX | S_IWOTH))
		return false;
	return link->st_uid != geteuid() && link->st_uid != dir.st_uid;
}

/* Replaces the first n bytes of what is left by text. */
static bool put_before_rest(struct walk *w, const char *text, const char *tail)
{
	char joined[REST_MAX];
	int n = snprintf(joined, sizeof(joined), "%s%s", text, tail);

	if (n < 0 || (size_t)n >= sizeof(joined))
		return view_fail(w, ENAMETOOLONG);
	if (text[0] == '/')
		view_go_to_root(w);
	memcpy(w->rest, joined, (size_t)n + 1);
	return true;
}

/* fd: the link called s (n bytes) in the directory where the walk is; taken over. True: go on. */
static bool expand(struct walk *w, int link, const struct stat *st, const char *s, size_t n)
{
	_cleanup_close_ int fd = link;
	char text[POLICY_PATH_MAX], name[NAME_MAX + 1];
	struct statfs fs;
	ssize_t len;

	if (++w->links > LINKS_MAX)
		return view_fail(w, ELOOP);
	if (link_is_foreign(w, st) || fstatfs(fd, &fs) < 0)
		return view_fail(w, EACCES);
	memcpy(name, s, n);
	name[n] = '\0';
	if (fs.f_type == PROC_MAGIC) {
		int object = -1, err = view_proc_link(w, fd, name, text, sizeof(text), &object);

		if (err)
			return view_fail(w, err);
		if (object >= 0 && s[n]) { /* through something that has no path */
			close(object);
			return view_fail(w, EACCES);
		}
		if (object >= 0) {
			end_anonymous(w, object, s, n);
			return false;
		}
	} else {
		len = readlinkat(fd, "", text, sizeof(text) - 1);
		if (len <= 0)
			return view_fail(w, len < 0 ? errno : ENOENT);
		text[len] = '\0';
	}
	w->stepping = false;
	return put_before_rest(w, text, s + n);
}

/* ---- steps ------------------------------------------------------------------------------------
 * Each returns false when the walk is over. */

static bool open_component(struct walk *w, const char *s, size_t n, int *fd, struct stat *st)
{
	char name[NAME_MAX + 1];

	*fd = -1;
	if (n > NAME_MAX)
		return view_fail(w, ENAMETOOLONG);
	memcpy(name, s, n);
	name[n] = '\0';
	*fd = openat(w->at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (*fd >= 0 && fstat(*fd, st) == 0)
		return true;
	if (*fd >= 0) {
		close(*fd);
		*fd = -1;
	}
	return view_fail(w, errno);
}

static bool is_dot(const char *s, size_t n)
{
	return n == 1 && s[0] == '.';
}

static bool is_dot_dot(const char *s, size_t n)
{
	return n == 2 && s[0] == '.' && s[1] == '.';
}

/* One component, not the last one. */
static bool step(struct walk *w, const char *s, size_t n)
{
	struct stat st;
	int fd;

	if (is_dot(s, n) || (is_dot_dot(s, n) && !w->base[0])) {
		memmove(w->rest, s + n, strlen(s + n) + 1);
		return true;
	}
	if (!open_component(w, s, n, &fd, &st))
		return false;
	if (S_ISLNK(st.st_mode))
		return expand(w, fd, &st, s, n);
	if (!S_ISDIR(st.st_mode)) {
		close(fd);
		return view_fail(w, ENOTDIR);
	}
	if (!descend(w, fd, s, n))
		return false;
	memmove(w->rest, s + n, strlen(s + n) + 1);
	return true;
}

/* The n bytes before the last component at once. */
static bool stride(struct walk *w, const char *s, size_t n)
{
	char dir[REST_MAX];
	int fd;

	memcpy(dir, s, n);
	dir[n] = '\0';
	fd = view_open_plain(w->at, dir, O_DIRECTORY);
	if (fd < 0 && errno == ELOOP) {
		w->stepping = true;
		return true;
	}
	if (fd < 0)
		return view_fail(w, errno);
	if (!descend(w, fd, s, n))
		return false;
	memmove(w->rest, s + n, strlen(s + n) + 1);
	return true;
}

static void end_at_name(struct walk *w, const char *s, size_t n, int fd, const struct stat *st)
{
	struct place *p = w->out;

	p->fd = fd;
	if (fd >= 0)
		p->st = *st;
	memcpy(p->name, s, n);
	p->name[n] = '\0';
	if (!path_of(w, s, n, p->path))
		return;
	if (w->own_at) {
		p->parent = w->at;
		w->own_at = false;
	} else {
		p->parent = fcntl(w->at, F_DUPFD_CLOEXEC, 3);
	}
	if (p->parent < 0)
		view_fail(w, errno);
}

/* The last component, n bytes, slashes may follow. */
static bool last(struct walk *w, const char *s, size_t n)
{
	bool slash = s[n] == '/';
	struct stat st = {0};
	int fd;

	w->out->dir_only = slash;
	if (!open_component(w, s, n, &fd, &st)) {
		if (w->out->err == ENOENT) {
			w->out->err = 0;
			end_at_name(w, s, n, -1, NULL);
		}
		return false;
	}
	if (S_ISLNK(st.st_mode) && (w->follow || slash))
		return expand(w, fd, &st, s, n);
	end_at_name(w, s, n, fd, &st);
	return false;
}

static bool has_dot_dot(const char *s, size_t n)
{
	for (size_t i = 0; i + 1 < n; i++)
		if (s[i] == '.' && s[i + 1] == '.' && (i == 0 || s[i - 1] == '/') &&
		    (i + 2 == n || s[i + 2] == '/'))
			return true;
	return false;
}

bool view_turn(struct walk *w)
{
	const char *s = w->rest + strspn(w->rest, "/"), *end = s + strlen(s), *name;
	bool slash = end > s && end[-1] == '/';

	while (end > s && end[-1] == '/')
		end--;
	for (name = end; name > s && name[-1] != '/';)
		name--;
	if (name == end) {
		end_at_directory(w);
		return false;
	}
	if (is_dot(name, (size_t)(end - name)) || is_dot_dot(name, (size_t)(end - name))) {
		/* No name in a directory: a directory. */
		w->out->dir_only = slash;
		name = end;
	}
	if (name == s)
		return last(w, name, (size_t)(end - name));
	if (w->stepping || has_dot_dot(s, (size_t)(name - s)))
		return step(w, s, strcspn(s, "/"));
	return stride(w, s, (size_t)(name - s));
}
