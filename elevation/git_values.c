/*
 * Which settings of a repository are harmless to somebody who later uses git in it. A list of what
 * is known; everything else is not. Harmful is what runs a program, reads configuration from
 * another file, takes a file outside of the repository for its own, or leads git's transport to a
 * repository whose hooks the program could have prepared.
 *
 * Sources: git-config(1), gitremote-helpers(7), git-fetch(1) "GIT URLS", gitsubmodules(7).
 */
#include "elevation/perform.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <strings.h>
#include <sys/syscall.h>

enum value_kind {
	ANY = 0,
	BOOL,	/* or a number */
	REMOTE, /* name of a remote of this configuration, or "." */
	URL,
	WORKTREE,  /* folder in the workspace */
	UPDATE,	   /* submodule.*.update */
	NULL_PATH, /* only /dev/null or a boolean that says no */
};

struct known {
	const char *key; /* "section.key"; "section.*.key" has a subsection; "section.**": all */
	enum value_kind kind;
};

static const struct known known[] = {
    {"core.repositoryformatversion", ANY},
    {"core.filemode", ANY},
    {"core.bare", ANY},
    {"core.logallrefupdates", ANY},
    {"core.ignorecase", ANY},
    {"core.precomposeunicode", ANY},
    {"core.protecthfs", BOOL},
    {"core.symlinks", ANY},
    {"core.autocrlf", ANY},
    {"core.eol", ANY},
    {"core.safecrlf", ANY},
    {"core.abbrev", ANY},
    {"core.whitespace", ANY},
    {"core.quotepath", ANY},
    {"core.longpaths", ANY},
    {"core.trustctime", ANY},
    {"core.checkstat", ANY},
    {"core.compression", ANY},
    {"core.loosecompression", ANY},
    {"core.bigfilethreshold", ANY},
    {"core.packedgitlimit", ANY},
    {"core.packedgitwindowsize", ANY},
    {"core.deltabasecachelimit", ANY},
    {"core.preloadindex", ANY},
    {"core.untrackedcache", ANY},
    {"core.splitindex", ANY},
    {"core.commitgraph", ANY},
    {"core.multipackindex", ANY},
    {"core.sparsecheckout", ANY},
    {"core.sparsecheckoutcone", ANY},
    {"core.sharedrepository", ANY},
    {"core.commentchar", ANY},
    {"core.maxtreedepth", ANY},
    {"core.fsync", ANY},
    {"core.fsyncmethod", ANY},
    {"core.createobject", ANY},
    {"core.warnambiguousrefs", ANY},
    {"core.fscache", ANY},
    {"core.worktree", WORKTREE},
    {"core.fsmonitor", NULL_PATH},
    {"core.hookspath", NULL_PATH},
    {"user.name", ANY},
    {"user.email", ANY},
    {"user.signingkey", ANY},
    {"user.useconfigonly", ANY},
    {"author.name", ANY},
    {"author.email", ANY},
    {"committer.name", ANY},
    {"committer.email", ANY},
    {"extensions.objectformat", ANY},
    {"extensions.compatobjectformat", ANY},
    {"extensions.worktreeconfig", ANY},
    {"extensions.partialclone", REMOTE},
    {"extensions.refstorage", ANY},
    {"extensions.noop", ANY},
    {"extensions.preciousobjects", ANY},
    {"extensions.relativeworktrees", ANY},
    {"remote.*.url", URL},
    {"remote.*.pushurl", URL},
    {"remote.*.fetch", ANY},
    {"remote.*.push", ANY},
    {"remote.*.tagopt", ANY},
    {"remote.*.prune", ANY},
    {"remote.*.prunetags", ANY},
    {"remote.*.mirror", ANY},
    {"remote.*.promisor", ANY},
    {"remote.*.partialclonefilter", ANY},
    {"remote.*.skipdefaultupdate", ANY},
    {"remote.*.skipfetchall", ANY},
    {"remote.*.followremotehead", ANY},
    {"remote.*.gh-resolved", ANY},
    {"remote.pushdefault", REMOTE},
    {"branch.*.remote", REMOTE},
    {"branch.*.pushremote", REMOTE},
    {"branch.*.merge", ANY},
    {"branch.*.rebase", ANY},
    {"branch.*.description", ANY},
    {"branch.*.vscode-merge-base", ANY},
    {"branch.*.gh-merge-base", ANY},
    {"branch.*.github-pr-owner-number", ANY},
    {"branch.autosetupmerge", ANY},
    {"branch.autosetuprebase", ANY},
    {"branch.sort", ANY},
    {"submodule.*.url", URL},
    {"submodule.*.active", ANY},
    {"submodule.*.update", UPDATE},
    {"submodule.*.branch", ANY},
    {"submodule.*.ignore", ANY},
    {"submodule.*.shallow", ANY},
    {"submodule.*.fetchrecursesubmodules", ANY},
    {"submodule.active", ANY},
    {"submodule.recurse", ANY},
    {"submodule.fetchjobs", ANY},
    {"submodule.propagatebranches", ANY},
    {"submodule.alternatelocation", ANY},
    {"submodule.alternateerrorstrategy", ANY},
    {"advice.**", ANY},
    {"color.**", ANY},
    {"column.**", ANY},
    {"i18n.**", ANY},
    {"status.**", ANY},
    {"feature.**", ANY},
    {"pager.*", BOOL}, /* in truth the key: pager.status */
    {"init.defaultbranch", ANY},
    {"init.defaultobjectformat", ANY},
    {"pull.rebase", ANY},
    {"pull.ff", ANY},
    {"push.default", ANY},
    {"push.autosetupremote", ANY},
    {"push.followtags", ANY},
    {"push.recursesubmodules", ANY},
    {"push.useforceifincludes", ANY},
    {"push.negotiate", ANY},
    {"push.usebitmaps", ANY},
    {"fetch.prune", ANY},
    {"fetch.prunetags", ANY},
    {"fetch.recursesubmodules", ANY},
    {"fetch.parallel", ANY},
    {"fetch.fsckobjects", ANY},
    {"fetch.writecommitgraph", ANY},
    {"fetch.negotiationalgorithm", ANY},
    {"fetch.showforcedupdates", ANY},
    {"fetch.unpacklimit", ANY},
    {"fetch.output", ANY},
    {"fetch.all", ANY},
    {"commit.gpgsign", BOOL},
    {"commit.verbose", ANY},
    {"commit.status", ANY},
    {"commit.cleanup", ANY},
    {"tag.gpgsign", BOOL},
    {"tag.sort", ANY},
    {"log.date", ANY},
    {"log.decorate", ANY},
    {"log.follow", ANY},
    {"log.abbrevcommit", ANY},
    {"log.showsignature", BOOL},
    {"merge.conflictstyle", ANY},
    {"merge.ff", ANY},
    {"merge.log", ANY},
    {"merge.stat", ANY},
    {"merge.autostash", ANY},
    {"merge.renames", ANY},
    {"merge.renamelimit", ANY},
    {"merge.directoryrenames", ANY},
    {"merge.renormalize", ANY},
    {"rebase.autosquash", ANY},
    {"rebase.autostash", ANY},
    {"rebase.updaterefs", ANY},
    {"rebase.stat", ANY},
    {"rebase.missingcommitscheck", ANY},
    {"rebase.abbreviatecommands", ANY},
    {"rerere.enabled", ANY},
    {"rerere.autoupdate", ANY},
    {"diff.algorithm", ANY},
    {"diff.colormoved", ANY},
    {"diff.colormovedws", ANY},
    {"diff.context", ANY},
    {"diff.ignoresubmodules", ANY},
    {"diff.indentheuristic", ANY},
    {"diff.interhunkcontext", ANY},
    {"diff.mnemonicprefix", ANY},
    {"diff.noprefix", ANY},
    {"diff.relative", ANY},
    {"diff.renames", ANY},
    {"diff.renamelimit", ANY},
    {"diff.submodule", ANY},
    {"diff.wserrorhighlight", ANY},
    {"diff.autorefreshindex", ANY},
    {"diff.*.binary", ANY},
    {"diff.*.xfuncname", ANY},
    {"diff.*.wordregex", ANY},
    {"apply.whitespace", ANY},
    {"apply.ignorewhitespace", ANY},
    {"checkout.guess", ANY},
    {"checkout.workers", ANY},
    {"grep.linenumber", ANY},
    {"grep.patterntype", ANY},
    {"gc.auto", ANY},
    {"gc.autodetach", ANY},
    {"gc.autopacklimit", ANY},
    {"gc.pruneexpire", ANY},
    {"gc.packrefs", ANY},
    {"gc.reflogexpire", ANY},
    {"gc.reflogexpireunreachable", ANY},
    {"gc.worktreepruneexpire", ANY},
    {"gc.writecommitgraph", ANY},
    {"maintenance.auto", ANY},
    {"maintenance.strategy", ANY},
    {"index.version", ANY},
    {"index.threads", ANY},
    {"index.sparse", ANY},
    {"index.skiphash", ANY},
    {"pack.threads", ANY},
    {"pack.windowmemory", ANY},
    {"pack.packsizelimit", ANY},
    {"pack.usesparse", ANY},
    {"pack.writereverseindex", ANY},
    {"http.postbuffer", ANY},
    {"http.version", ANY},
    {"http.lowspeedlimit", ANY},
    {"http.lowspeedtime", ANY},
    {"http.maxrequests", ANY},
    {"protocol.version", ANY},
    {"transfer.fsckobjects", ANY},
    {"transfer.unpacklimit", ANY},
    {"receive.denycurrentbranch", ANY},
    {"receive.denynonfastforwards", ANY},
    {"receive.denydeletes", ANY},
    {"receive.fsckobjects", ANY},
    {"receive.autogc", ANY},
    {"uploadpack.allowfilter", ANY},
    {"uploadpack.allowanysha1inwant", ANY},
    {"uploadpack.allowtipsha1inwant", ANY},
    {"uploadpack.allowreachablesha1inwant", ANY},
    {"worktree.guessremote", ANY},
    {"worktree.userelativepaths", ANY},
    {"stash.showincludeuntracked", ANY},
    {"stash.showpatch", ANY},
    {"stash.showstat", ANY},
    {"blame.coloring", ANY},
    {"blame.date", ANY},
    {"format.pretty", ANY},
    {"interactive.singlekey", ANY},
    {"difftool.prompt", BOOL},
    {"mergetool.prompt", BOOL},
    {"mergetool.keepbackup", BOOL},
    {"lfs.repositoryformatversion", ANY},
    {"lfs.*.access", ANY},
    {"lfs.*.locksverify", ANY},
};

/* ---- keys ---------------------------------------------------------------------------------- */

static bool key_fits(const struct known *k, const char *key)
{
	const char *first = strchr(key, '.'), *last = strrchr(key, '.');
	const char *star = strchr(k->key, '*');
	size_t head;

	if (!star)
		return strcmp(k->key, key) == 0;
	head = (size_t)(star - k->key);
	if (!first || (size_t)(first - key) + 1 != head || strncmp(key, k->key, head) != 0)
		return false;
	if (star[1] == '*')
		return true;
	if (!star[1]) /* "pager.*": any key, no subsection */
		return first == last;
	return last > first && strcmp(star + 1, last) == 0;
}

static const struct known *find_known(const char *key)
{
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (key_fits(&known[i], key))
			return &known[i];
	return NULL;
}

/* ---- values -------------------------------------------------------------------------------- */

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
	const struct known *k = find_known(key);

	if (!k)
		return harmless_rewrite(key);
	switch (k->kind) {
	case ANY:
		return true;
	case BOOL:
		return is_bool(value);
	case REMOTE:
		return is_remote(all, value);
	case URL:
		return harmless_url(ctx, value);
	case WORKTREE:
		return in_workspace(ctx, value);
	case UPDATE:
		return value && is_word(value, updates);
	case NULL_PATH:
		return is_no(value) || (value && strcmp(value, "/dev/null") == 0);
	}
	return false;
}
