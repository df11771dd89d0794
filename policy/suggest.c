/* The flag that would allow something. */
#include <sys/stat.h>

#include "policy/index.h"

/* As a shell reads it. */
static void add_word(struct buf *b, const char *s)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "/._-+=:@%,";

	if (!s[strspn(s, plain)]) {
		buf_adds(b, s);
		return;
	}
	buf_addc(b, '\'');
	for (; *s; s++) {
		if (*s == '\'')
			buf_adds(b, "'\\''");
		else
			buf_addc(b, *s);
	}
	buf_addc(b, '\'');
}

static const char *flag_for(unsigned access, bool dir)
{
	if (!(access & NONO_WRITE))
		return dir ? "--read" : "--read-file";
	if (access & (NONO_READ | NONO_EXEC))
		return dir ? "--allow" : "--allow-file";
	return dir ? "--write" : "--write-file";
}

/* A folder that may be offered as a whole: nothing closed in it, and no home or root. */
static bool may_offer(const struct policy *p, const char *dir)
{
	return !index_closed_below(p, dir) && !path_under(dir, p->home) && strcmp(dir, "/") != 0;
}

void policy_suggest(const struct policy *p, const char *path, unsigned access, char *out,
		    size_t size)
{
	_cleanup_(buf_free) struct buf b = {0};
	_cleanup_free_ char *dir = NULL;
	struct policy_verdict v;
	struct stat st;
	bool is_dir;

	if (!size)
		return;
	*out = '\0';
	if (path[0] != '/' || !access)
		return;
	policy_check(p, path, access, false, &v);
	/* Deny rules yield to no flag; what lies in a workspace does to its own name. */
	if (v.allowed || v.reason == POLICY_SENSITIVE_PATH || v.reason == POLICY_OWN_STATE ||
	    (v.reason == POLICY_PROTECTED_PATH && !str_eq(v.source, "workspace")))
		return;
	if (stat(path, &st) == 0) {
		is_dir = S_ISDIR(st.st_mode);
	} else {
		/* It is to be made: that is a right of its folder. */
		char *slash;

		dir = xstrdup(path);
		slash = strrchr(dir, '/');
		if (slash == dir || v.reason == POLICY_PROTECTED_PATH || !(access & NONO_WRITE))
			return;
		*slash = '\0';
		if (stat(dir, &st) < 0 || !S_ISDIR(st.st_mode))
			return;
		is_dir = true;
	}
	if (is_dir && (v.reason == POLICY_PROTECTED_PATH || !may_offer(p, dir ? dir : path)))
		return;
	buf_addf(&b, "%s ", flag_for(access, is_dir));
	add_word(&b, dir ? dir : path);
	if (!str_copy(out, size, b.data))
		*out = '\0';
}
