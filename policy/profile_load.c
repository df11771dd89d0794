/* Where profiles come from: the user's directory, a path, the program itself; and what they extend.
 */
#include <dirent.h>

#include "policy/assets.h"
#include "policy/json.h"
#include "policy/policy.h"
#include "policy/profile.h"

#define EXTENDS_DEPTH 10
#define LOADS_MAX     64 /* files read for one profile, however they are nested */

struct loader {
	const char *stack[EXTENDS_DEPTH + 1]; /* what is being loaded: paths, "built-in NAME" */
	unsigned depth;
	unsigned loads;
	struct err *err;
};

bool profile_name_ok(const char *name)
{
	size_t n = strlen(name);

	if (!n || n > 128 || name[0] == '-' || name[n - 1] == '-')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!((name[i] >= 'a' && name[i] <= 'z') || (name[i] >= 'A' && name[i] <= 'Z') ||
		      (name[i] >= '0' && name[i] <= '9') || name[i] == '-'))
			return false;
	return true;
}

char *profile_user_file(const char *name)
{
	static const char *const suffixes[] = {"jsonc", "json"};
	_cleanup_free_ char *config = dir_config();

	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		_cleanup_free_ char *path =
		    xasprintf("%s/profiles/%s.%s", config, name, suffixes[i]);
		if (access(path, F_OK) == 0)
			return STEAL_PTR(path);
	}
	return NULL;
}

static struct profile *load(struct loader *l, const char *what, const char *from, char **file);

/* p with everything it extends below it. name is p's own name, if it was found by one. */
static struct profile *with_bases(struct loader *l, struct profile *child, const char *id,
				  const char *file)
{
	_cleanup_(profile_freep) struct profile *p = child;
	_cleanup_(profile_freep) struct profile *base = NULL;

	if (!p->extends.n)
		return STEAL_PTR(p);
	for (unsigned i = 0; i < l->depth; i++)
		if (strcmp(l->stack[i], id) == 0) {
			err_set(l->err, "%s: extends itself", id);
			return NULL;
		}
	if (l->depth >= EXTENDS_DEPTH) {
		err_set(l->err, "%s: extends more than %d profiles deep", id, EXTENDS_DEPTH);
		return NULL;
	}
	l->stack[l->depth++] = id;
	for (size_t i = 0; i < p->extends.n; i++) {
		_cleanup_(profile_freep) struct profile *b = load(l, p->extends.v[i], file, NULL);
		if (!b)
			return NULL;
		if (!base)
			base = STEAL_PTR(b);
		else
			profile_merge(base, b);
	}
	l->depth--;
	profile_merge(base, p);
	return STEAL_PTR(base);
}

static struct profile *load_builtin(struct loader *l, const struct asset *a)
{
	_cleanup_free_ char *id = xasprintf("built-in %s", a->name);
	struct profile *p = profile_parse(a->text, (size_t)(a->end - a->text), id, l->err);

	return p ? with_bases(l, p, id, NULL) : NULL;
}

static struct profile *load_file(struct loader *l, const char *path)
{
	size_t n;
	_cleanup_free_ char *real = path_real(path, l->err);
	_cleanup_free_ char *text = NULL;
	struct profile *p;

	if (!real) {
		err_prefix(l->err, "cannot read the profile");
		return NULL;
	}
	/* A name that leads into a loop is found by the file, not by how it was written. */
	for (unsigned i = 0; i < l->depth; i++)
		if (strcmp(l->stack[i], real) == 0) {
			err_set(l->err, "%s: extends itself", real);
			return NULL;
		}
	text = file_read(real, JSON_SIZE_MAX, &n, l->err);
	if (!text)
		return NULL;
	p = profile_parse(text, n, real, l->err);
	return p ? with_bases(l, p, real, real) : NULL;
}

static bool looks_like_path(const char *what)
{
	return strchr(what, '/') || str_ends(what, ".json") || str_ends(what, ".jsonc");
}

/* from: the file that says "extends", NULL for the command line and built-in ones. */
static struct profile *load(struct loader *l, const char *what, const char *from, char **file)
{
	_cleanup_free_ char *path = NULL;
	const struct asset *a;

	if (++l->loads > LOADS_MAX) {
		err_set(l->err, "%s: extends more than %d profiles in all", from ? from : what,
			LOADS_MAX);
		return NULL;
	}
	if (looks_like_path(what)) {
		if (from && what[0] != '/') {
			err_set(l->err,
				"%s: extends \"%s\": a profile extends names or absolute paths",
				from, what);
			return NULL;
		}
		path = xstrdup(what);
	} else {
		if (!profile_name_ok(what)) {
			err_set(l->err, "\"%s\" is not a profile name (letters, digits, '-')",
				what);
			return NULL;
		}
		path = profile_user_file(what);
		/* The user's own "codex" that extends "codex" means the built-in one. */
		if (path && from) {
			_cleanup_free_ char *real = realpath(path, NULL);
			if (real && strcmp(real, from) == 0 && asset_profile(what)) {
				free(path);
				path = NULL;
			}
		}
		a = asset_profile(what);
		if (!path && a)
			return load_builtin(l, a);
		if (!path) {
			_cleanup_free_ char *config = dir_config();
			err_set(l->err,
				"no profile \"%s\": neither %s/profiles/%s.json nor a built-in one",
				what, config, what);
			return NULL;
		}
	}
	struct profile *p = load_file(l, path);
	if (p && file)
		*file = STEAL_PTR(path);
	return p;
}

struct profile *profile_load(const char *what, char **file, struct err *err)
{
	struct loader l = {.err = err};

	*file = NULL;
	return load(&l, what, NULL, file);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char **policy_profiles(void)
{
	_cleanup_free_ char *config = dir_config();
	_cleanup_free_ char *dir = xasprintf("%s/profiles", config);
	struct list l = {0};
	struct dirent *de;
	DIR *d = opendir(dir);

	for (size_t i = 0; i < asset_n_profiles; i++)
		list_add(&l, asset_profiles[i].name);
	while (d && (de = readdir(d))) {
		char name[256];
		char *dot;

		if (!str_copy(name, sizeof(name), de->d_name))
			continue;
		dot = strrchr(name, '.');
		if (!dot || (strcmp(dot, ".json") != 0 && strcmp(dot, ".jsonc") != 0))
			continue;
		*dot = '\0';
		if (profile_name_ok(name))
			list_add(&l, name);
	}
	if (d)
		closedir(d);
	qsort(l.v, l.n, sizeof(*l.v), by_name);
	return l.v;
}
