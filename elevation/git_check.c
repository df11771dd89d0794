/*
 * Judges what a program wants to write into a repository's configuration, and into the small files
 * that say where a repository is. Harmless: nothing in it makes git, used later outside, run a
 * program or read another file.
 *
 * Sources: git-config(1), gitrepository-layout(5), git-worktree(1).
 */
#include "elevation/perform.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <strings.h>
#include <sys/syscall.h>

/* The user's own settings may stay when the program changes others. */
static bool was_there(const struct git_set *old, const char *key, const char *value)
{
	for (size_t i = 0; i < old->n; i++) {
		const char *v = git_text(old, i);

		if (strcmp(git_key(old, i), key) == 0 &&
		    (v && value ? strcmp(v, value) == 0 : v == value))
			return true;
	}
	return false;
}

/* Names a remote that the same change removes: that would become a folder's name. */
static bool is_remote_name(const char *key)
{
	const char *last = strrchr(key, '.');

	return strcmp(key, "remote.pushdefault") == 0 ||
	       strcmp(key, "extensions.partialclone") == 0 ||
	       (str_starts(key, "branch.") && last &&
		(strcmp(last, ".remote") == 0 || strcmp(last, ".pushremote") == 0));
}

static bool lost_its_remote(const struct git_context *ctx, const struct git_set *old,
			    const char *key, const char *value)
{
	return is_remote_name(key) && git_value_harmless(ctx, old, key, value);
}

bool git_config_check(const struct git_context *ctx, const char *text, size_t n, char *why,
		      size_t why_size)
{
	_cleanup_(git_set_free) struct git_set set = {0}, old = {0};

	if (why_size)
		why[0] = '\0';
	if (git_parse(text, n, &set) < 0) {
		if (why_size)
			str_copy(why, why_size, "syntax");
		return false;
	}
	if (ctx->old) /* one that can't be read excuses nothing */
		(void)git_parse(ctx->old, ctx->old_n, &old);
	for (size_t i = 0; i < set.n; i++) {
		const char *key = git_key(&set, i), *value = git_text(&set, i);

		if (git_value_harmless(ctx, &set, key, value))
			continue;
		if (was_there(&old, key, value) && !lost_its_remote(ctx, &old, key, value))
			continue;
		if (why_size)
			text_printable(why, why_size, key, strlen(key));
		return false;
	}
	return true;
}

bool git_config_harmless(const char *text, size_t n)
{
	const struct git_context nothing = {.dir = "/"};

	return git_config_check(&nothing, text, n, NULL, 0);
}

/* ---- pointers ------------------------------------------------------------------------------ */

static bool is_repository(const struct policy *p, const char *path)
{
	char hooks[POLICY_PATH_MAX + 8];

	return path_join(hooks, sizeof(hooks), path, "hooks") == 0 &&
	       policy_special(p, hooks) == POLICY_SPECIAL_GIT_HOOKS_DIR;
}

static bool has_links(const char *path)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};
	_cleanup_close_ int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));

	return fd < 0 && errno == ELOOP;
}

bool git_pointer_check(const struct policy *p, const char *dir, const char *name, const char *text,
		       size_t n)
{
	char line[POLICY_PATH_MAX], joined[2 * POLICY_PATH_MAX], clean[POLICY_PATH_MAX];
	const char *prefix = strcasecmp(name, ".git") == 0 ? "gitdir: " : "";
	size_t skip = strlen(prefix);

	while (n && (text[n - 1] == '\n' || text[n - 1] == '\r'))
		n--;
	if (n <= skip || n - skip >= sizeof(line) || strncmp(text, prefix, skip) != 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return false;
	memcpy(line, text + skip, n - skip);
	line[n - skip] = '\0';
	if (path_join(joined, sizeof(joined), dir, line) < 0 ||
	    path_clean(clean, sizeof(clean), joined) < 0)
		return false;
	if (strcasecmp(name, "gitdir") ==
	    0) /* where the work tree's ".git" is, nothing is read there */
		return strcmp(path_base(clean), ".git") == 0;
	return is_repository(p, clean) && !has_links(clean);
}
