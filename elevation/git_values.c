/*
 * Which settings of a repository are harmless to somebody who later uses git in it: of those that
 * are known (git_known.c), the ones whose values are. Harmful is what runs a program, reads
 * configuration from another file, takes a file outside of the repository for its own, or leads
 * git's transport to a repository whose hooks the program could have prepared.
 *
 * Sources: git-config(1), gitremote-helpers(7), git-fetch(1) "GIT URLS", gitsubmodules(7).
 */
#include "elevation/git_known.h"
#include "elevation/perform.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <strings.h>
#include <sys/syscall.h>

static bool is_word(const char *value, const char *const *words)
{
	for (; *words; words++)
		if (strcasecmp(value, *words) == 0)
			return true;
	return false;
}

static bool is_bool(const char *value)
{
	static const char *const words[] = {"", "true", "false", "yes", "no", "on", "off", NULL};

	/* No value at all means yes. */
	return !value || is_word(value, words) || strspn(value, "0123456789") == strlen(value);
}

static bool is_no(const char *value)
{
	static const char *const words[] = {"", "false", "no", "off", "0", NULL};

	return value && is_word(value, words);
}

/* Where a path leads from dir; -1 where git puts something else in its place. */
static int absolute(const char *dir, const char *path, char *out, size_t size)
{
	char joined[2 * POLICY_PATH_MAX];

	if (path[0] == '~' || path[0] == '%' || path_join(joined, sizeof(joined), dir, path) < 0)
		return -1;
	return path_clean(out, size, joined);
}

static bool has_repository(const char *path)
{
	struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
			       .resolve = RESOLVE_NO_SYMLINKS};
	char git[POLICY_PATH_MAX + 8];

	if (path_join(git, sizeof(git), path, ".git") < 0)
		return false;
	_cleanup_close_ int fd = (int)syscall(SYS_openat2, AT_FDCWD, git, &how, sizeof(how));
	return fd >= 0;
}

/* A repository in the file system. git runs its hooks when somebody pushes to it: it must be one
 * whose hooks are protected, or lie where the program can't write. Relative: to where git is
 * called, which nobody knows. */
static bool local_repository(const struct git_context *ctx, const char *path)
{
	char clean[POLICY_PATH_MAX], hooks[POLICY_PATH_MAX + 8];
	struct policy_verdict v;

	if (!ctx->policy || path[0] != '/' || absolute("/", path, clean, sizeof(clean)) < 0 ||
	    path_join(hooks, sizeof(hooks), clean, "hooks") < 0)
		return false;
	if (policy_special(ctx->policy, hooks) == POLICY_SPECIAL_GIT_HOOKS_DIR)
		return true;
	/* git looks for a ".git" in it first. */
	if (policy_workspace(ctx->policy, clean) && has_repository(clean))
		return true;
	policy_check(ctx->policy, hooks, NONO_WRITE, true, &v);
	return !v.allowed && v.special == POLICY_SPECIAL_NONE &&
	       !policy_workspace(ctx->policy, clean);
}

static bool plain_host(const char *s, size_t n)
{
	if (!n || s[0] == '-')
		return false;
	for (size_t i = 0; i < n; i++) {
		const char c = s[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      strchr(".-_@:[]~%+!$&'()*,;=", c)))
			return false;
		if (c == '@' && i + 1 < n && s[i + 1] == '-')
			return false;
	}
	return true;
}

static const char *after_scheme(const char *url)
{
	static const char *const schemes[] = {"https://", "http://",	"ssh://",
					      "git://",	  "git+ssh://", "ssh+git://"};

	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		if (str_starts(url, schemes[i]))
			return url + strlen(schemes[i]);
	return NULL;
}

static bool network_url(const char *url)
{
	const char *rest = after_scheme(url);

	return rest && plain_host(rest, strcspn(rest, "/?#"));
}

static bool printable(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || *s == 0x7f)
			return false;
	return true;
}

/* "transport::address" runs git-remote-transport; "scheme://" of another kind does, too. */
static bool harmless_url(const struct git_context *ctx, const char *url)
{
	const char *colon, *slash;

	if (!url || !*url || url[0] == '-')
		return false;
	if (str_starts(url, "file://"))
		return local_repository(ctx, url + strlen("file://"));
	if (strstr(url, "://"))
		return printable(url) && network_url(url);
	if (strstr(url, "::"))
		return false;
	colon = strchr(url, ':');
	slash = strchr(url, '/');
	if (!colon || (slash && slash < colon))
		return local_repository(ctx, url);
	return printable(url) && colon[1] && colon[1] != '-' &&
	       plain_host(url, (size_t)(colon - url));
}

/* A name that is no remote would be taken for a URL or a folder. */
static bool is_remote(const struct git_set *all, const char *name)
{
	char key[512];

	if (!name || !*name)
		return false;
	if (strcmp(name, ".") == 0)
		return true;
	if (snprintf(key, sizeof(key), "remote.%s.url", name) >= (int)sizeof(key))
		return false;
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(git_key(all, i), key) == 0)
			return true;
	return false;
}

static bool in_workspace(const struct git_context *ctx, const char *path)
{
	char clean[POLICY_PATH_MAX];

	return path && *path && ctx->policy &&
	       absolute(ctx->dir, path, clean, sizeof(clean)) == 0 &&
	       policy_workspace(ctx->policy, clean);
}

/* url."https://x/".insteadOf: everything that it makes is of that kind. */
static bool harmless_rewrite(const char *key)
{
	const char *last = strrchr(key, '.');
	char base[1024];
	size_t n;

	if (!str_starts(key, "url.") || last < key + 4 ||
	    (strcmp(last, ".insteadof") != 0 && strcmp(last, ".pushinsteadof") != 0))
		return false;
	n = (size_t)(last - (key + 4));
	if (n >= sizeof(base))
		return false;
	memcpy(base, key + 4, n);
	base[n] = '\0';
	return printable(base) && network_url(base) && strchr(after_scheme(base), '/');
}

bool git_value_harmless(const struct git_context *ctx, const struct git_set *all, const char *key,
			const char *value)
{
	static const char *const updates[] = {"checkout", "rebase", "merge", "none", NULL};
	enum git_value_kind kind;

	if (!git_known(key, &kind))
		return harmless_rewrite(key);
	switch (kind) {
	case GIT_ANY:
		return true;
	case GIT_BOOL:
		return is_bool(value);
	case GIT_REMOTE:
		return is_remote(all, value);
	case GIT_URL:
		return harmless_url(ctx, value);
	case GIT_WORKTREE:
		return in_workspace(ctx, value);
	case GIT_UPDATE:
		return value && is_word(value, updates);
	case GIT_NULL_PATH:
		return is_no(value) || (value && strcmp(value, "/dev/null") == 0);
	}
	return false;
}
