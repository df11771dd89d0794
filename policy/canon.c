/* Paths of rules: variables, and where a path really is. */
#include <fcntl.h>
#include <sys/stat.h>

#include "policy/resolve.h"

static const char *env_abs(const char *name)
{
	const char *v = getenv(name);

	return v && v[0] == '/' ? v : NULL;
}

static char *variable(const struct resolver *r, const char *name, size_t n, bool *known)
{
	static const struct {
		const char *name, *below_home;
	} xdg[] = {
	    {"XDG_CONFIG_HOME", ".config"},
	    {"XDG_DATA_HOME", ".local/share"},
	    {"XDG_STATE_HOME", ".local/state"},
	    {"XDG_CACHE_HOME", ".cache"},
	};
	char var[64];
	const char *v;

	*known = n < sizeof(var);
	if (!*known)
		return NULL;
	memcpy(var, name, n);
	var[n] = '\0';
	if (strcmp(var, "HOME") == 0)
		return xstrdup(r->p->home);
	if (strcmp(var, "WORKDIR") == 0)
		return xstrdup(r->p->workdir);
	if (strcmp(var, "UID") == 0)
		return xasprintf("%u", (unsigned)getuid());
	if (strcmp(var, "NONO_CONFIG") == 0)
		return dir_config();
	if (strcmp(var, "TMPDIR") == 0) {
		v = env_abs("TMPDIR");
		return xstrdup(v ? v : "/tmp");
	}
	/* Where agents were told to keep their state. */
	if (strcmp(var, "XDG_RUNTIME_DIR") == 0 || strcmp(var, "CLAUDE_CONFIG_DIR") == 0 ||
	    strcmp(var, "CODEX_HOME") == 0) {
		v = env_abs(var);
		return v ? xstrdup(v) : NULL;
	}
	for (size_t i = 0; i < ARRAY_LEN(xdg); i++)
		if (strcmp(var, xdg[i].name) == 0) {
			v = env_abs(var);
			return v ? xstrdup(v) : xasprintf("%s/%s", r->p->home, xdg[i].below_home);
		}
	*known = false;
	return NULL;
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
		bool known;

		if (*s != '$') {
			size_t n = strcspn(s, "$");
			buf_add(&b, s, n);
			s += n;
			continue;
		}
		while (var_char(*end))
			end++;
		value = variable(r, s + 1, (size_t)(end - s - 1), &known);
		if (!known) {
			err_set(r->err, "%s: \"%s\": unknown variable %.*s", who, entry,
				(int)(end - s), s);
			return NULL;
		}
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

char *expand_account(const struct resolver *r, const char *entry)
{
	if (!r->account_home || entry[0] != '~' || entry[1] != '/')
		return NULL;
	return xasprintf("%s%s", r->account_home, entry + 1);
}

static uint32_t hash_dir(const char *dir, size_t n)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)dir[i]) * 16777619u;
	return h;
}

static const struct canon_dir *known_dir(const struct resolver *r, const char *dir, size_t n)
{
	uint32_t h = hash_dir(dir, n);

	for (size_t i = r->n_dirs; i-- > 0;)
		if (r->dirs[i].hash == h && r->dirs[i].len == n &&
		    memcmp(r->dirs[i].from, dir, n) == 0)
			return &r->dirs[i];
	return NULL;
}

static const struct canon_dir *remember(struct resolver *r, char *from, char *to, bool exists)
{
	size_t n = strlen(from);

	if (r->n_dirs % 64 == 0)
		r->dirs = xrealloc_array(r->dirs, r->n_dirs + 64, sizeof(*r->dirs));
	r->dirs[r->n_dirs] = (struct canon_dir){from, to, n, hash_dir(from, n), exists};
	return &r->dirs[r->n_dirs++];
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

/* Most rules share a few parents: each is looked up once, then a rule costs one lstat. */
char *canon(struct resolver *r, const char *path, bool *exists, bool *is_dir)
{
	const char *base = strrchr(path, '/') + 1;
	size_t dir_len = (size_t)(base - path) - 1;
	const struct canon_dir *dir;
	struct stat st;
	char *full;

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
	if (!dir->exists || lstat(full, &st) < 0)
		return full;
	if (S_ISLNK(st.st_mode)) {
		char *real = realpath(full, NULL);

		if (!real || stat(real, &st) < 0) {
			free(real);
			return full; /* leads nowhere, or may not be followed: the link itself */
		}
		free(full);
		full = real;
	}
	if (exists)
		*exists = true;
	if (is_dir)
		*is_dir = S_ISDIR(st.st_mode);
	return full;
}

void canon_free(struct resolver *r)
{
	for (size_t i = 0; i < r->n_dirs; i++) {
		free(r->dirs[i].from);
		free(r->dirs[i].to);
	}
	free(r->dirs);
	r->dirs = NULL;
	r->n_dirs = 0;
}
