/* What is kept of a session. */
#include "sessions/snapshotter_scope.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "sandbox/nono.h"

#define DEPTH_MAX 32

/* ---- what is left out ----------------------------------------------------------------------- */

/* Made by tools from what is kept, large, and made again. */
static const char *const automatic[] = {
    "target",	     "node_modules", "__pycache__", ".venv",	  "venv",    ".tox",
    "dist",	     "build",	     ".next",	    ".nuxt",	  ".gradle", ".mypy_cache",
    ".pytest_cache", ".cache",	     ".turbo",	    ".terraform", NULL};
static const char *const vcs[] = {".git", ".hg", ".svn", ".jj", ".bzr", NULL};

static bool in_list(const char *const *v, const char *s)
{
	for (; v && *v; v++)
		if (str_eq(*v, s))
			return true;
	return false;
}

/* A pattern of the command line in the language of .gitignore: with a slash it may begin anywhere.
 */
static char *pattern(const char *p)
{
	if (!strchr(p, '/'))
		return xstrdup(p);
	return xasprintf(p[0] == '/' ? "**%s" : "**/%s", p);
}

/* The same of a folder. */
static char *folder(const char *name)
{
	_cleanup_free_ char *p = pattern(name);

	return str_ends(p, "/") ? STEAL_PTR(p) : xasprintf("%s/", p);
}

char **session_excludes(const struct session_snapshots *o, const struct policy *p)
{
	size_t max = ARRAY_LEN(automatic) + ARRAY_LEN(vcs) + 1, n = 0;
	char *const *lists[] = {p->rollback_patterns, p->rollback_globs};
	char **v;

	for (const char *const *i = o->exclude; i && *i; i++)
		max++;
	for (size_t l = 0; l < ARRAY_LEN(lists); l++)
		for (char *const *i = lists[l]; i && *i; i++)
			max++;
	for (char *const *i = p->skipdirs; i && *i; i++)
		max++;
	for (const char *const *i = o->skip_dirs; i && *i; i++)
		max++;
	v = xcalloc(max, sizeof(*v));
	for (size_t i = 0; automatic[i] && !o->all; i++)
		if (!in_list(o->include, automatic[i]))
			v[n++] = xasprintf("%s/", automatic[i]);
	for (char *const *i = p->skipdirs; i && *i; i++)
		v[n++] = folder(*i);
	for (const char *const *i = o->skip_dirs; i && *i; i++)
		v[n++] = folder(*i);
	for (size_t l = 0; l < ARRAY_LEN(lists); l++)
		for (char *const *i = lists[l]; i && *i; i++)
			v[n++] = pattern(*i);
	for (const char *const *i = o->exclude; i && *i; i++)
		v[n++] = pattern(*i);
	/* Last, so that nothing takes them back. */
	for (size_t i = 0; vcs[i]; i++)
		v[n++] = xasprintf("%s/", vcs[i]);
	return v;
}

/* ---- what is kept --------------------------------------------------------------------------- */

static bool is_own(const struct policy_grant *g)
{
	return (g->access & NONO_WRITE) && !g->glob && !g->device && !g->listing &&
	       !str_eq(g->source, "system") && !str_starts(g->source, "group:") &&
	       !path_under("/dev", g->path) && !path_under("/proc", g->path);
}

char **session_roots(const struct policy *p)
{
	char **v = xcalloc(p->n_grants + 1, sizeof(*v));
	size_t n = 0;

	for (size_t i = 0; i < p->n_grants; i++) {
		const struct policy_grant *g = &p->grants[i];
		bool covered = !is_own(g);
		for (size_t k = 0; k < p->n_grants && !covered; k++) {
			const struct policy_grant *o = &p->grants[k];
			covered = k != i && is_own(o) &&
				  (str_eq(o->path, g->path)
				       ? k < i
				       : !o->is_file && path_under(o->path, g->path));
		}
		if (!covered)
			v[n++] = xstrdup(g->path);
	}
	return v;
}

/* ---- before a grant ------------------------------------------------------------------------- */

struct measure {
	unsigned entries;
	uint64_t bytes;
};

static bool fits(const struct measure *m)
{
	return m->entries <= BEFORE_ENTRIES_MAX && m->bytes <= BEFORE_BYTES_MAX;
}

/* fd: taken over. False: more than there may be. What can't be read is the snapshot's to tell. */
static bool measure_dir(int fd, struct measure *m, unsigned depth)
{
	DIR *d = depth < DEPTH_MAX && fd >= 0 ? fdopendir(fd) : NULL;
	bool ok = true;
	struct dirent *e;
	struct stat st;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return depth < DEPTH_MAX;
	}
	while (ok && fits(m) && (e = readdir(d))) {
		if (str_eq(e->d_name, ".") || str_eq(e->d_name, ".."))
			continue;
		m->entries++;
		if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISREG(st.st_mode))
			m->bytes += (uint64_t)st.st_size;
		if (S_ISDIR(st.st_mode))
			ok = measure_dir(openat(dirfd(d), e->d_name,
						O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
					 m, depth + 1);
	}
	closedir(d);
	return ok && fits(m);
}

/* NULL: it can be kept. */
static const char *why_not(const char *path)
{
	struct measure m = {0};
	struct stat st;

	if (path_under("/proc", path) || path_under("/dev", path) || path_under("/sys", path))
		return "not a file of a disk";
	if (lstat(path, &st) < 0)
		return errno == ENOENT ? NULL : "can't be looked at";
	if (S_ISREG(st.st_mode))
		return (uint64_t)st.st_size > BEFORE_BYTES_MAX ? "too large" : NULL;
	if (S_ISLNK(st.st_mode))
		return NULL;
	if (!S_ISDIR(st.st_mode))
		return "neither a file nor a directory";
	return measure_dir(open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), &m, 0)
		   ? NULL
		   : "too large";
}

static void add_target(char **v, size_t *n, const char *path, char *left_out, size_t size)
{
	const char *why = NULL;
	size_t len = strlen(left_out);

	for (size_t i = 0; i < *n; i++) {
		if (path_under(v[i], path))
			return;
		if (path_under(path, v[i]))
			why = "too large"; /* it holds all that the session writes */
	}
	if (!why)
		why = why_not(path);
	if (!why)
		v[(*n)++] = xstrdup(path);
	else
		snprintf(left_out + len, size - len, "%s%s: %.100s", len ? "; " : "", why, path);
}

char **before_roots(char *const *roots, const struct snapshotter_order *o, char *left_out,
		    size_t size)
{
	size_t n = 0;
	char **v;

	while (roots[n])
		n++;
	v = xcalloc(n + ARRAY_LEN(o->targets) + 1, sizeof(*v));
	for (size_t i = 0; i < n; i++)
		v[i] = xstrdup(roots[i]);
	for (size_t i = 0; i < ARRAY_LEN(o->targets); i++)
		if (o->targets[i][0] == '/')
			add_target(v, &n, o->targets[i], left_out, size);
	return v;
}

void before_roots_free(char ***roots)
{
	strv_free(*roots);
}
