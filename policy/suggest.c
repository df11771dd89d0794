/* The flag that would allow something. */
#include <sys/stat.h>

#include "policy/index.h"

static const char *flag_for(unsigned access, bool dir)
{
	if (!(access & NONO_WRITE))
		return dir ? "--read" : "--read-file";
	if (access & (NONO_READ | NONO_EXEC))
		return dir ? "--allow" : "--allow-file";
	return dir ? "--write" : "--write-file";
}

/* Where everybody keeps everything. */
static bool is_root_of_much(const struct policy *p, const char *dir)
{
	static const char *const shared[] = {
	    "/tmp", "/var/tmp", "/var", "/etc",	 "/run",   "/dev",     "/proc",
	    "/sys", "/mnt",	"/srv", "/root", "/media", "/var/lib", "/usr",
	};
	static const struct {
		const char *variable, *below_home;
	} xdg[] = {
	    {"XDG_CONFIG_HOME", ".config"},	{"XDG_DATA_HOME", ".local/share"},
	    {"XDG_STATE_HOME", ".local/state"}, {"XDG_CACHE_HOME", ".cache"},
	    {"XDG_RUNTIME_DIR", ".local"},	{"XDG_BIN_HOME", ".local/bin"},
	};
	char path[POLICY_PATH_MAX];

	if (path_under(dir, p->home)) /* with / and /home */
		return true;
	for (size_t i = 0; i < ARRAY_LEN(shared); i++)
		if (strcmp(dir, shared[i]) == 0)
			return true;
	for (size_t i = 0; i < ARRAY_LEN(xdg); i++) {
		const char *v = getenv(xdg[i].variable);

		if (v && v[0] == '/' && path_clean(path, sizeof(path), v) == 0 &&
		    path_under(dir, path))
			return true;
		if (path_join(path, sizeof(path), p->home, xdg[i].below_home) == 0 &&
		    path_under(dir, path))
			return true;
	}
	return false;
}

/* A folder that may be offered as a whole: nothing closed in it, and no root of much. */
bool suggest_may_offer(const struct policy *p, const char *dir)
{
	return !index_closed_below(p, dir) && !is_root_of_much(p, dir);
}

/* Deny rules yield to no flag; what lies in a workspace does to its own name. */
static bool yields(const struct policy_verdict *v)
{
	switch (v->reason) {
	case POLICY_SENSITIVE_PATH:
	case POLICY_OWN_STATE:
		return false;
	case POLICY_PROTECTED_PATH:
		return str_eq(v->source, "workspace");
	default:
		return true;
	}
}

/* The part of it that is not there yet. */
static unsigned missing_access(const struct policy *p, const char *path, unsigned access)
{
	static const unsigned bits[] = {NONO_READ, NONO_WRITE, NONO_EXEC};
	struct policy_verdict v;
	unsigned missing = 0;

	for (size_t i = 0; i < ARRAY_LEN(bits); i++) {
		if (!(access & bits[i]))
			continue;
		policy_check(p, path, bits[i], false, &v);
		if (!v.allowed)
			missing |= bits[i];
	}
	return missing;
}

/* True if dir, the folder of what is to be made, may be offered instead of it. */
static bool folder_of(const struct policy *p, const char *path, char dir[POLICY_PATH_MAX])
{
	struct stat st;
	char *slash;

	if (!str_copy(dir, POLICY_PATH_MAX, path))
		return false;
	slash = strrchr(dir, '/');
	if (slash == dir)
		return false;
	*slash = '\0';
	return stat(dir, &st) == 0 && S_ISDIR(st.st_mode) && suggest_may_offer(p, dir);
}

void policy_suggest(const struct policy *p, const char *path, unsigned access, char *out,
		    size_t size)
{
	_cleanup_(buf_free) struct buf b = {0};
	char dir[POLICY_PATH_MAX];
	const char *what = path;
	struct policy_verdict v;
	struct stat st;
	bool is_dir = false;

	if (!size)
		return;
	*out = '\0';
	if (path[0] != '/' || !access)
		return;
	policy_check(p, path, access, false, &v);
	if (v.allowed || !yields(&v))
		return;
	access = missing_access(p, path, access);
	if (stat(path, &st) == 0) {
		is_dir = S_ISDIR(st.st_mode);
		if (is_dir && (v.reason == POLICY_PROTECTED_PATH || !suggest_may_offer(p, path)))
			return;
	} else if (access & NONO_WRITE) {
		/* It is to be made: that is a right of its folder. */
		if (v.reason == POLICY_PROTECTED_PATH || !folder_of(p, path, dir))
			return;
		what = dir;
		is_dir = true;
	}
	buf_addf(&b, "%s ", flag_for(access, is_dir));
	buf_add_word(&b, what);
	if (!str_copy(out, size, b.data))
		*out = '\0';
}
