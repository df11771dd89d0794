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

int worktree_grant(struct resolver *r, unsigned access)
{
	const char *workdir = r->p->workdir;
	_cleanup_free_ char *dot_git = xasprintf("%s/.git", workdir);
	_cleanup_free_ char *gitdir = NULL, *back_file = NULL, *back = NULL;
	_cleanup_free_ char *common_file = NULL, *common = NULL;
	struct stat st;
	char *slash;

	if (lstat(dot_git, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	gitdir = pointed(dot_git, workdir, "gitdir: ");
	if (!gitdir || stat(gitdir, &st) < 0 || st.st_uid != geteuid())
		goto not_ours;
	back_file = xasprintf("%s/gitdir", gitdir);
	back = pointed(back_file, gitdir, "");
	if (!back || strcmp(back, dot_git) != 0)
		goto not_ours;
	common_file = xasprintf("%s/commondir", gitdir);
	common = pointed(common_file, gitdir, "");
	slash = strrchr(gitdir, '/');
	if (!common || stat(common, &st) < 0 || st.st_uid != geteuid() ||
	    (size_t)(slash - gitdir) != strlen(common) + strlen("/worktrees") ||
	    !path_under(common, gitdir) ||
	    strncmp(gitdir + strlen(common), "/worktrees/", strlen("/worktrees/")) != 0)
		goto not_ours;
	return add_grant(r, common, access, access & NONO_WRITE ? GRANT_WORKSPACE : 0, "user");
not_ours:
	add_warning(r->p, xasprintf("%s is no worktree that its repository knows: the repository "
				    "is not granted",
				    dot_git));
	return 0;
}
