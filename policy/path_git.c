/*
 * "@git:toplevel/x" and its kind: where the repository around the working directory is, and the
 * files of git's configuration. Found by reading; git is never run, since a repository can make it
 * run anything. What the repository's own configuration says is not looked at: it must not grant
 * itself anything.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "common/git_config.h"
#include "policy/resolve.h"

#define INCLUDES_MAX 64 /* files of the user's configuration */

struct repository {
	char *top, *git_dir, *common;
};

static void repository_free(struct repository *r)
{
	free(r->top);
	free(r->git_dir);
	free(r->common);
}

/* Nothing is found above what is not the user's. */
static bool is_ours(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && st.st_uid == geteuid();
}

/* What is at, or as a submodule's in, the folder: false if the file there is not to be believed. */
static bool find_git_dir(const char *dot_git, struct repository *out)
{
	struct stat st;

	if (lstat(dot_git, &st) < 0 || !is_ours(dot_git))
		return false;
	if (S_ISDIR(st.st_mode)) {
		out->git_dir = xstrdup(dot_git);
		out->common = xstrdup(dot_git);
		return true;
	}
	return worktree_find(out->top, &out->git_dir, &out->common);
}

static bool find_repository(const char *dir, struct repository *out)
{
	*out = (struct repository){.top = xstrdup(dir)};
	for (;;) {
		_cleanup_free_ char *dot_git = xasprintf("%s/.git", out->top);
		char *slash = strrchr(out->top, '/');

		if (faccessat(AT_FDCWD, dot_git, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			return find_git_dir(dot_git, out);
		if (slash == out->top)
			return false;
		*slash = '\0';
	}
}

/* ---- configuration ----------------------------------------------------------- */

/* Of the user and the system, with what they include. */
struct configuration {
	const struct resolver *r;
	struct list files, hooks;
	unsigned read;
};

static char *value_path(const struct configuration *c, const char *file, const char *value)
{
	char dir[POLICY_PATH_MAX], joined[POLICY_PATH_MAX], clean[POLICY_PATH_MAX];

	if (str_starts(value, "~/")) {
		if (path_join(joined, sizeof(joined), c->r->p->home, value + 2) < 0)
			return NULL;
	} else {
		if (!str_copy(dir, sizeof(dir), file))
			return NULL;
		*strrchr(dir, '/') = '\0';
		if (path_join(joined, sizeof(joined), *dir ? dir : "/", value) < 0)
			return NULL;
	}
	return path_clean(clean, sizeof(clean), joined) < 0 ? NULL : xstrdup(clean);
}

static void read_config(struct configuration *c, const char *file);

static void take_setting(struct configuration *c, const char *file, const char *key,
			 const char *value)
{
	static const char *const files[] = {"core.attributesfile", "core.excludesfile",
					    "commit.template"};
	_cleanup_free_ char *path = value && *value ? value_path(c, file, value) : NULL;

	if (!path)
		return;
	if (strcmp(key, "include.path") == 0 ||
	    (str_starts(key, "includeif.") && str_ends(key, ".path")))
		read_config(c, path);
	else if (strcmp(key, "core.hookspath") == 0)
		list_add(&c->hooks, path);
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		if (strcmp(key, files[i]) == 0)
			list_add(&c->files, path);
}

static void read_config(struct configuration *c, const char *file)
{
	_cleanup_(git_set_free) struct git_set set = {0};
	_cleanup_free_ char *text = NULL;
	struct stat st;
	size_t n;

	if (list_has(&c->files, file) || ++c->read > INCLUDES_MAX)
		return;
	if (stat(file, &st) < 0 || !S_ISREG(st.st_mode) ||
	    (st.st_uid != geteuid() && st.st_uid != 0))
		return;
	text = file_read(file, GIT_CONFIG_MAX, &n, NULL);
	if (!text || git_parse(text, n, &set) < 0)
		return;
	list_add(&c->files, file);
	for (size_t i = 0; i < set.n; i++)
		take_setting(c, file, git_key(&set, i), git_text(&set, i));
}

static void read_all(struct configuration *c)
{
	const char *xdg = getenv("XDG_CONFIG_HOME");
	_cleanup_free_ char *below =
	    xdg && xdg[0] == '/' ? xstrdup(xdg) : xasprintf("%s/.config", c->r->p->home);
	static const char *const in_xdg[] = {"git/ignore", "git/attributes"};
	char path[POLICY_PATH_MAX];

	read_config(c, "/etc/gitconfig");
	if (path_join(path, sizeof(path), below, "git/config") == 0)
		read_config(c, path);
	if (path_join(path, sizeof(path), c->r->p->home, ".gitconfig") == 0)
		read_config(c, path);
	for (size_t i = 0; i < ARRAY_LEN(in_xdg); i++)
		if (path_join(path, sizeof(path), below, in_xdg[i]) == 0)
			list_add(&c->files, path);
}

/* ---- tokens ------------------------------------------------------------------- */

enum token { TOPLEVEL, TOPLEVEL_PARENT, COMMON_DIR, WORKTREE, CONFIG_FILES, HOOKS_PATH };

static void add(struct list *out, const char *path, const char *rest)
{
	char clean[POLICY_PATH_MAX];
	_cleanup_free_ char *whole = xasprintf("%s%s", path, rest);

	if (path_clean(clean, sizeof(clean), whole) == 0)
		list_add(out, clean);
}

static void add_place(const struct resolver *r, enum token token, const char *rest,
		      struct list *out)
{
	_cleanup_(repository_free) struct repository repo = {0};
	_cleanup_free_ char *path = NULL;

	if (!find_repository(r->p->workdir, &repo))
		return;
	switch (token) {
	case TOPLEVEL:
		path = xstrdup(repo.top);
		break;
	case TOPLEVEL_PARENT:
		path = xasprintf("%s/..", repo.top);
		break;
	case COMMON_DIR:
		path = xstrdup(repo.common);
		break;
	case WORKTREE:
		path = xstrdup(repo.git_dir);
		break;
	default:
		path = xasprintf("%s/hooks", repo.common);
		break;
	}
	add(out, path, rest);
}

static void add_configured(const struct resolver *r, enum token token, const char *rest,
			   struct list *out)
{
	struct configuration c = {.r = r};
	struct list *found = token == CONFIG_FILES ? &c.files : &c.hooks;

	read_all(&c);
	for (size_t i = 0; i < found->n; i++)
		add(out, found->v[i], rest);
	list_free(&c.files);
	list_free(&c.hooks);
}

int git_token(const struct resolver *r, const char *entry, const char *who, struct list *out)
{
	static const char *const names[] = {
	    [TOPLEVEL] = "toplevel",	     [TOPLEVEL_PARENT] = "toplevel-parent",
	    [COMMON_DIR] = "common-dir",     [WORKTREE] = "worktree",
	    [CONFIG_FILES] = "config-files", [HOOKS_PATH] = "hooks-path"};
	const char *name = entry + strlen(GIT_TOKEN), *rest = strchrnul(name, '/');

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strlen(names[i]) != (size_t)(rest - name) ||
		    strncmp(names[i], name, (size_t)(rest - name)) != 0)
			continue;
		if (i != CONFIG_FILES)
			add_place(r, i, rest, out);
		if (i == CONFIG_FILES || i == HOOKS_PATH)
			add_configured(r, i, rest, out);
		return 0;
	}
	return err_set(r->err,
		       "%s: \"%s\": unknown token; there are @git:toplevel, @git:toplevel-parent, "
		       "@git:common-dir, @git:worktree, @git:config-files and @git:hooks-path",
		       who, entry);
}
