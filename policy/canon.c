/* Paths of rules: variables, and where a path really is. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "policy/dir_names.h"
#include "policy/resolve.h"

static const char *env_abs(const char *name)
{
	const char *v = getenv(name);

	return v && v[0] == '/' ? v : NULL;
}

/* NULL: not set, or nothing that can be part of a path here. first: the path starts with it. */
static char *variable(const struct resolver *r, const char *name, bool first)
{
	static const struct {
		const char *name, *below_home;
	} xdg[] = {
	    {"XDG_CONFIG_HOME", ".config"},
	    {"XDG_DATA_HOME", ".local/share"},
	    {"XDG_STATE_HOME", ".local/state"},
	    {"XDG_CACHE_HOME", ".cache"},
	};
	const char *v;

	if (strcmp(name, "HOME") == 0)
		return xstrdup(r->p->home);
	if (strcmp(name, "WORKDIR") == 0)
		return xstrdup(r->p->workdir);
	if (strcmp(name, "UID") == 0)
		return xasprintf("%u", (unsigned)getuid());
	if (strcmp(name, "NONO_CONFIG") == 0)
		return dir_config();
	if (strcmp(name, "NONO_PACKAGES") == 0) {
		_cleanup_free_ char *config = dir_config();
		return xasprintf("%s/packages", config);
	}
	v = first ? env_abs(name) : getenv(name);
	if (strcmp(name, "TMPDIR") == 0)
		return xstrdup(v ? v : "/tmp");
	for (size_t i = 0; i < ARRAY_LEN(xdg); i++)
		if (strcmp(name, xdg[i].name) == 0 && !v)
			return xasprintf("%s/%s", r->p->home, xdg[i].below_home);
	/* Inside a path it is one name: "/srv/$USER". */
	if (!v ||
	    (!first && (!*v || strchr(v, '/') || strcmp(v, ".") == 0 || strcmp(v, "..") == 0)))
		return NULL;
	return xstrdup(v);
}

static bool var_char(char c)
{
	return c == '_' || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c >= '0' && c <= '9');
}

char *expand_path(const struct resolver *r, const char *entry, const char *who, bool *unset)
{
	_cleanup_(buf_free) struct buf b = {0};
	const char *s = entry;
	char clean[POLICY_PATH_MAX];

	*unset = false;
	if (s[0] == '~' && (s[1] == '/' || !s[1])) {
		buf_adds(&b, r->p->home);
		s++;
	}
	while (*s) {
		const char *end = s + 1;
		_cleanup_free_ char *value = NULL;
		char name[256];

		if (*s != '$') {
			size_t n = strcspn(s, "$");
			buf_add(&b, s, n);
			s += n;
			continue;
		}
		while (var_char(*end))
			end++;
		if (end == s + 1 || (size_t)(end - s) > sizeof(name)) {
			err_set(r->err, "%s: \"%s\": a '$' that no name follows", who, entry);
			return NULL;
		}
		memcpy(name, s + 1, (size_t)(end - s - 1));
		name[end - s - 1] = '\0';
		value = variable(r, name, s == entry);
		if (!value) {
			*unset = true;
			return NULL;
		}
		buf_adds(&b, value);
		s = end;
	}
	if (!b.len || b.data[0] != '/') {
		err_set(r->err, "%s: \"%s\": must be absolute, or start with ~ or a variable", who,
			entry);
		return NULL;
	}
	if (path_clean(clean, sizeof(clean), b.data) < 0) {
		err_set(r->err, "%s: \"%s\": too long", who, entry);
		return NULL;
	}
	return xstrdup(clean);
}

int expand_entry(const struct resolver *r, const char *entry, const char *who, struct list *out)
{
	_cleanup_free_ char *path = NULL;
	bool unset;

	if (str_starts(entry, GIT_TOKEN))
		return git_token(r, entry, who, out);
	path = expand_path(r, entry, who, &unset);
	if (path)
		list_add(out, path);
	return path || unset ? 0 : -1;
}

/* Hundreds of times a start: without printf. */
static char *joined(const char *dir, const char *name)
{
	size_t d = strlen(dir), n = strlen(name);
	char *s = xcalloc(d + n + 2, 1);

	memcpy(s, dir, d);
	s[d] = '/';
	memcpy(s + d + 1, name, n);
	return s;
}

char *expand_account(const struct resolver *r, const char *entry)
{
	if (!r->account_home || entry[0] != '~' || entry[1] != '/')
		return NULL;
	return joined(r->account_home, entry + 2);
}

static struct canon_dir *known_dir(const struct resolver *r, const char *dir, size_t n)
{
	lookup_each(i, &r->by_dir, lookup_hash(dir, n))
	{
		if (r->dirs[i].len == n && memcmp(r->dirs[i].from, dir, n) == 0)
			return &r->dirs[i];
	}
	return NULL;
}

static struct canon_dir *remember(struct resolver *r, char *from, char *to, bool exists)
{
	size_t n = strlen(from);

	if (r->n_dirs == r->cap_dirs) {
		r->cap_dirs = r->cap_dirs ? r->cap_dirs * 2 : 64;
		r->dirs = xrealloc_array(r->dirs, r->cap_dirs, sizeof(*r->dirs));
	}
	lookup_add(&r->by_dir, lookup_hash(from, n), (uint32_t)r->n_dirs);
	r->dirs[r->n_dirs] = (struct canon_dir){.from = from, .to = to, .len = n, .exists = exists};
	return &r->dirs[r->n_dirs++];
}

/* Hundreds of rules are about a home folder, most about nothing that is there: it is listed once.
 */
#define LIST_AFTER 8

/* As lstat(2) would say: what kind of file it is; -1 if there is none. */
static int type_of(struct canon_dir *dir, const char *name, const char *full)
{
	int type = DT_UNKNOWN;
	struct stat st;

	if (!dir->exists)
		return -1;
	if (++dir->asked == LIST_AFTER)
		dir->names = dir_names_read(dir->to);
	if (dir->names)
		type = dir_names_type(dir->names, name);
	if (type == DT_UNKNOWN)
		return lstat(full, &st) < 0 ? -1 : (int)IFTODT(st.st_mode);
	return type;
}

/* Most rules share a few parents: each is looked up once, then a rule costs one lstat at most. */
char *canon(struct resolver *r, const char *path, bool *exists, bool *is_dir)
{
	const char *base = strrchr(path, '/') + 1;
	size_t dir_len = (size_t)(base - path) - 1;
	struct canon_dir *dir;
	struct stat st;
	char *full;
	int type;

	if (exists)
		*exists = false;
	if (is_dir)
		*is_dir = false;
	if (!*base) { /* "/" */
		if (exists)
			*exists = true;
		if (is_dir)
			*is_dir = true;
		return xstrdup("/");
	}
	dir = known_dir(r, path, dir_len);
	if (!dir) {
		char *from = xstrndup(path, dir_len);
		bool there = true;
		char *to = dir_len ? canon(r, from, &there, NULL) : xstrdup("");

		dir = remember(r, from, to, there);
	}
	full = joined(strcmp(dir->to, "/") == 0 ? "" : dir->to, base);
	type = type_of(dir, base, full);
	if (type < 0)
		return full;
	if (type == DT_LNK) {
		char *real = realpath(full, NULL);

		if (!real || stat(real, &st) < 0) {
			free(real);
			return full; /* leads nowhere, or may not be followed: the link itself */
		}
		free(full);
		full = real;
		type = (int)IFTODT(st.st_mode);
	}
	if (exists)
		*exists = true;
	if (is_dir)
		*is_dir = type == DT_DIR;
	return full;
}

void canon_free(struct resolver *r)
{
	for (size_t i = 0; i < r->n_dirs; i++) {
		free(r->dirs[i].from);
		free(r->dirs[i].to);
		dir_names_free(r->dirs[i].names);
	}
	free(r->dirs);
	lookup_free(&r->by_dir);
	r->dirs = NULL;
	r->n_dirs = r->cap_dirs = 0;
}
