/* Names, paths and packs; the user's folder of profiles. */
#include <dirent.h>
#include <fcntl.h>

#include "policy/assets.h"
#include "policy/profiles/find.h"
#include "policy/profiles/schema.h"

/* In the order they are looked for; those of one syntax hide each other. */
static const struct {
	const char *suffix;
	enum doc_format format;
} suffixes[] = {
    {"jsonc", DOC_JSON}, {"json", DOC_JSON}, {"toml", DOC_TOML},
    {"yaml", DOC_YAML},	 {"yml", DOC_YAML},
};

static bool has_suffix(const char *what)
{
	enum doc_format format;

	return doc_format_of(what, &format) == 0;
}

bool find_is_pack(const char *what)
{
	const char *slash = strchr(what, '/');

	return slash && slash != what && slash[1] && !strchr(slash + 1, '/') && what[0] != '.' &&
	       what[0] != '~' && !has_suffix(what);
}

bool find_is_path(const char *what)
{
	return strchr(what, '/') || has_suffix(what);
}

int find_path(const char *what, const char *from, char *out, size_t size, struct err *err)
{
	_cleanup_free_ char *base = NULL;
	char joined[POLICY_PATH_MAX];

	if (str_starts(what, "~/")) {
		base = dir_home();
		what += 2;
	} else if (what[0] != '/') {
		if (from)
			return err_set(err,
				       "%s: extends \"%.200s\": a profile extends names or "
				       "absolute paths",
				       from, what);
		base = getcwd(NULL, 0);
	}
	/* Not made clean: ".." after a link is not what comes before it. */
	if (path_join(joined, sizeof(joined), base ? base : "/", what) < 0 ||
	    !str_copy(out, size, joined))
		return err_set(err, "\"%.200s\" is not a usable path", what);
	return 0;
}

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

/* The same syntax twice: the first one is it. */
void find_user_files(const char *name, struct list *out)
{
	_cleanup_free_ char *config = dir_config();
	bool have[DOC_YAML + 1] = {false};

	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		_cleanup_free_ char *path =
		    xasprintf("%s/profiles/%s.%s", config, name, suffixes[i].suffix);

		if (have[suffixes[i].format] ||
		    faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		have[suffixes[i].format] = true;
		list_add(out, path);
	}
}

char *profile_user_file(const char *name)
{
	_cleanup_(list_free) struct list files = {0};

	find_user_files(name, &files);
	return files.n ? xstrdup(files.v[0]) : NULL;
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
	size_t n;
	char **v;

	for (size_t i = 0; i < asset_n_profiles; i++)
		list_add(&l, asset_profiles[i].name);
	while (d && (de = readdir(d))) {
		char name[256];
		char *dot;

		if (!has_suffix(de->d_name) || !str_copy(name, sizeof(name), de->d_name))
			continue;
		dot = strrchr(name, '.');
		*dot = '\0';
		if (profile_name_ok(name))
			list_add(&l, name);
	}
	if (d)
		closedir(d);
	n = l.n;
	v = list_steal(&l);
	qsort(v, n, sizeof(*v), by_name);
	return v;
}

/* ---- nothing there ----------------------------------------------------------- */

int find_none(const char *what, const char *from, struct err *err)
{
	_cleanup_free_ char *config = dir_config();
	char **names = policy_profiles();
	const char *near = NULL;
	size_t best = strlen(what) / 3 + 1;
	int rc;

	for (char **n = names; *n; n++)
		if (word_distance(*n, what) < best) {
			best = word_distance(*n, what);
			near = *n;
		}
	rc = err_set(err,
		     "%s%sno profile \"%s\": neither %s/profiles/%s.json (or .jsonc, .toml, .yaml) "
		     "nor a built-in one%s%s%s",
		     from ? from : "", from ? ": " : "", what, config, what,
		     near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
	strv_free(names);
	return rc;
}
