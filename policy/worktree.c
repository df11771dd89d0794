/*
 * A git worktree: its .git is a file that names COMMON/worktrees/NAME in the repository it belongs
 * to. git needs the common directory; it is granted only if that entry names this worktree in turn
 * and is ours, so that a planted file opens nothing. Source: git-worktree(1), "DETAILS".
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "policy/resolve.h"

/* First line of a small regular file of ours, without following a link; NULL if it is none. */
static char *first_line(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	char line[POLICY_PATH_MAX + 16];
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid())
		return NULL;
	n = read(fd, line, sizeof(line) - 1);
	if (n <= 0)
		return NULL;
	line[n] = '\0';
	line[strcspn(line, "\r\n")] = '\0';
	return xstrdup(line);
}

/* The path that a file holds, relative to dir, canonical. */
static char *pointed(const char *file, const char *dir, const char *prefix)
{
	_cleanup_free_ char *line = first_line(file);
	char path[POLICY_PATH_MAX];

	if (!line || !str_starts(line, prefix) ||
	    path_join(path, sizeof(path), dir, line + strlen(prefix)) < 0)
		return NULL;
	return realpath(path, NULL);
}

/* A submodule's is in its superproject, which lies above it. */
static bool is_submodule(const char *top, const char *gitdir)
{
	const char *modules = strstr(gitdir, "/.git/modules/");
	_cleanup_free_ char *super = modules ? xstrndup(gitdir, (size_t)(modules - gitdir)) : NULL;

	return super && *super && path_under(super, top);
}

bool worktree_find(const char *top, char **gitdir, char **common)
{
	_cleanup_free_ char *dot_git = xasprintf("%s/.git", top);
	_cleanup_free_ char *back_file = NULL, *back = NULL;
	_cleanup_free_ char *common_file = NULL, *dir = NULL, *shared = NULL;
	struct stat st;
	char *slash;

	dir = pointed(dot_git, top, "gitdir: ");
	if (!dir || stat(dir, &st) < 0 || st.st_uid != geteuid())
		return false;
	if (is_submodule(top, dir)) {
		*common = xstrdup(dir);
		*gitdir = STEAL_PTR(dir);
		return true;
	}
	back_file = xasprintf("%s/gitdir", dir);
	back = pointed(back_file, dir, "");
	if (!back || strcmp(back, dot_git) != 0)
		return false;
	common_file = xasprintf("%s/commondir", dir);
	shared = pointed(common_file, dir, "");
	slash = strrchr(dir, '/');
	if (!shared || stat(shared, &st) < 0 || st.st_uid != geteuid() ||
	    (size_t)(slash - dir) != strlen(shared) + strlen("/worktrees") ||
	    !path_under(shared, dir) ||
	    strncmp(dir + strlen(shared), "/worktrees/", strlen("/worktrees/")) != 0)
		return false;
	*gitdir = STEAL_PTR(dir);
	*common = STEAL_PTR(shared);
	return true;
}

int worktree_grant(struct resolver *r, unsigned access)
{
	const char *workdir = r->p->workdir;
	_cleanup_free_ char *dot_git = xasprintf("%s/.git", workdir);
	_cleanup_free_ char *gitdir = NULL, *common = NULL;
	struct stat st;

	if (lstat(dot_git, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	if (worktree_find(workdir, &gitdir, &common) && strcmp(gitdir, common) != 0)
		return add_grant(r, common, access, access & NONO_WRITE ? GRANT_WORKSPACE : 0,
				 "user");
	add_warning(r->p, xasprintf("%s is no worktree that its repository knows: the repository "
				    "is not granted",
				    dot_git));
	return 0;
}
