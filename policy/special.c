/*
 * Auto-run files by name. A path is read once, component by component; the state says in what kind
 * of directory we are. Names are compared with ASCII case folded, since the file system below may
 * do the same.
 *
 * Sources: gitrepository-layout(5), git-config(1), gitsubmodules(7), git-worktree(1); the
 * documentation of the editors, agents and CI systems that are named.
 */
#include "policy/special.h"

struct comp {
	const char *s;
	size_t n;
};

enum name_kind {
	NAME_NONE = 0,
	NAME_TREE,   /* the file, or the directory with all in it */
	NAME_CLAUDE, /* directories of which only some entries count */
	NAME_GITHUB,
	NAME_CONFIG,
	NAME_CARGO,
	NAME_YARN,
	NAME_AGENTS,
	NAME_CRUSH,
	NAME_SWIVAL,
};

struct name {
	unsigned char n;
	unsigned char kind;
	char s[26];
};

#define N(text, k)                        \
	{                                 \
		sizeof(text) - 1, k, text \
	}

/* Shorter than 24 bytes; the ones without a leading dot have the lengths of PLAIN_LENGTHS. */
#define PLAIN_LENGTHS \
	(1u << 7 | 1u << 10 | 1u << 11 | 1u << 12 | 1u << 13 | 1u << 14 | 1u << 19 | 1u << 23)
static const struct name names[] = {
    N(".pi", NAME_TREE),
    N(".vim", NAME_TREE),
    N(".zed", NAME_TREE),
    N(".exrc", NAME_TREE),
    N(".idea", NAME_TREE),
    N(".kiro", NAME_TREE),
    N(".qwen", NAME_TREE),
    N(".yarn", NAME_YARN),
    N(".cargo", NAME_CARGO),
    N(".crush", NAME_CRUSH),
    N(".codex", NAME_TREE),
    N(".cshrc", NAME_TREE),
    N(".emacs", NAME_TREE),
    N(".envrc", NAME_TREE),
    N(".fleet", NAME_TREE),
    N(".gitea", NAME_GITHUB),
    N(".husky", NAME_TREE),
    N(".kshrc", NAME_TREE),
    N(".login", NAME_TREE),
    N(".npmrc", NAME_TREE),
    N(".vimrc", NAME_TREE),
    N(".zshrc", NAME_TREE),
    N(".agents", NAME_AGENTS),
    N(".bashrc", NAME_TREE),
    N(".claude", NAME_CLAUDE),
    N(".config", NAME_CONFIG),
    N(".cursor", NAME_TREE),
    N(".crushrc", NAME_TREE),
    N(".direnv", NAME_TREE),
    N(".gemini", NAME_TREE),
    N(".github", NAME_GITHUB),
    N(".lvimrc", NAME_TREE),
    N(".nvimrc", NAME_TREE),
    N(".swival", NAME_SWIVAL),
    N(".tcshrc", NAME_TREE),
    N(".vscode", NAME_TREE),
    N(".yarnrc", NAME_TREE),
    N(".zlogin", NAME_TREE),
    N(".zshenv", NAME_TREE),
    N("crushrc", NAME_TREE),
    N(".gdbinit", NAME_TREE),
    N(".inputrc", NAME_TREE),
    N(".profile", NAME_TREE),
    N(".zlogout", NAME_TREE),
    N(".circleci", NAME_TREE),
    N(".continue", NAME_TREE),
    N(".forgejo", NAME_GITHUB),
    N(".lldbinit", NAME_TREE),
    N(".mcp.json", NAME_TREE),
    N(".nvim.lua", NAME_TREE),
    N(".opencode", NAME_TREE),
    N(".windsurf", NAME_TREE),
    N(".xinitrc", NAME_TREE),
    N(".xprofile", NAME_TREE),
    N(".xsession", NAME_TREE),
    N(".zprofile", NAME_TREE),
    N(".bash_login", NAME_TREE),
    N(".crush.json", NAME_TREE),
    N(".gitconfig", NAME_TREE),
    N(".tmux.conf", NAME_TREE),
    N(".travis.yml", NAME_TREE),
    N(".yarnrc.yml", NAME_TREE),
    N("crush.json", NAME_TREE),
    N("jenkinsfile", NAME_TREE),
    N("swival.toml", NAME_TREE),
    N("lefthook.yml", NAME_TREE),
    N(".bash_aliases", NAME_TREE),
    N(".bash_logout", NAME_TREE),
    N(".bash_profile", NAME_TREE),
    N(".dir-locals.el", NAME_TREE),
    N(".devcontainer", NAME_TREE),
    N(".git-template", NAME_TREE),
    N(".gitlab-ci.yml", NAME_TREE),
    N(".lefthook.yml", NAME_TREE),
    N(".pnpmfile.cjs", NAME_TREE),
    N(".xsessionrc", NAME_TREE),
    N("opencode.json", NAME_TREE),
    N("opencode.jsonc", NAME_TREE),
    N(".aider.conf.yml", NAME_TREE),
    N(".devcontainer.json", NAME_TREE),
    N("azure-pipelines.yml", NAME_TREE),
    N("bitbucket-pipelines.yml", NAME_TREE),
    N(".pre-commit-config.yaml", NAME_TREE),
};

static const char *const below_claude[] = {
    "settings*.json", "hooks",	   "commands",	  "agents",   "skills",	     "plugins",
    "output-styles",  "workflows", "statusline*", "mcp.json", "launch.json", NULL};
static const char *const below_github[] = {"workflows", "hooks", "actions", NULL};
static const char *const below_config[] = {"autostart", "fish",	 "git",	     "systemd",
					   "nvim",	"emacs", "opencode", "environment.d",
					   "direnv",	"mise",	 "tmux",     NULL};
static const char *const below_cargo[] = {"config", "config.toml", NULL};
static const char *const below_yarn[] = {"releases", "plugins", NULL};
static const char *const below_agents[] = {"skills", NULL};
static const char *const below_crush[] = {"crush.json", "skills", "commands", NULL};
static const char *const below_swival[] = {"mcp.json", "skills", "approved_buckets", NULL};

static const char *const *below(unsigned char kind)
{
	switch (kind) {
	case NAME_CLAUDE:
		return below_claude;
	case NAME_GITHUB:
		return below_github;
	case NAME_CONFIG:
		return below_config;
	case NAME_CARGO:
		return below_cargo;
	case NAME_AGENTS:
		return below_agents;
	case NAME_CRUSH:
		return below_crush;
	case NAME_SWIVAL:
		return below_swival;
	default:
		return below_yarn;
	}
}

static unsigned char fold(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

static int fold_cmp(const char *a, const char *lower, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int d = fold(a[i]) - (unsigned char)lower[i];
		if (d)
			return d;
	}
	return 0;
}

static bool is(struct comp c, const char *lower, size_t n)
{
	return c.n == n && fold_cmp(c.s, lower, n) == 0;
}
#define IS(c, text) is(c, text, sizeof(text) - 1)

static bool ends_with(struct comp c, const char *lower, size_t n)
{
	return c.n > n && fold_cmp(c.s + c.n - n, lower, n) == 0;
}

/* Name with at most one '*'. */
static bool fits(struct comp c, const char *pattern)
{
	const char *star = strchr(pattern, '*');
	size_t n = strlen(pattern), head, tail;

	if (!star)
		return is(c, pattern, n);
	head = (size_t)(star - pattern);
	tail = n - head - 1;
	return c.n >= head + tail && fold_cmp(c.s, pattern, head) == 0 &&
	       fold_cmp(c.s + c.n - tail, star + 1, tail) == 0;
}

static unsigned char name_kind(struct comp c)
{
	/* Nearly all names of a project end here: a look at the length and the first byte. */
	if (c.n > 23 || c.n < 3 || (c.s[0] != '.' && !(PLAIN_LENGTHS >> c.n & 1)))
		return NAME_NONE;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (names[i].n == c.n && fold_cmp(c.s, names[i].s, c.n) == 0)
			return names[i].kind;
	return NAME_NONE;
}

static bool next(const char **rest, struct comp *c)
{
	const char *p = *rest;

	if (!*p)
		return false;
	c->s = p;
	p = strchrnul(p, '/');
	c->n = (size_t)(p - c->s);
	*rest = *p ? p + 1 : p;
	return true;
}

/* What is called config, hooks, commondir, ... in the root of a repository. c is the component,
 * rest what follows it. */
static enum policy_special git_name(struct comp c, const char *rest)
{
	struct comp inner;

	if (IS(c, "config") || IS(c, "config.worktree"))
		return POLICY_SPECIAL_GIT_CONFIG;
	if (IS(c, "commondir") || IS(c, "gitdir"))
		return POLICY_SPECIAL_GIT_POINTER;
	if (!IS(c, "hooks"))
		return POLICY_SPECIAL_NONE;
	if (!next(&rest, &inner))
		return POLICY_SPECIAL_GIT_HOOKS_DIR;
	if (!*rest && ends_with(inner, ".sample", 7))
		return POLICY_SPECIAL_NONE;
	return POLICY_SPECIAL_GIT_HOOKS;
}

/* Below .git/modules: names of submodules may hold slashes, so every level may be a repository. */
static enum policy_special git_modules(const char *rest)
{
	struct comp c;
	unsigned depth = 0;

	while (next(&rest, &c)) {
		enum policy_special s = git_name(c, rest);

		if (s != POLICY_SPECIAL_NONE || (IS(c, "hooks") && *rest))
			return s;
		if (IS(c, "modules") || IS(c, "worktrees"))
			depth = 0;
		else
			depth++;
		if (!*rest)
			return depth <= 1 ? POLICY_SPECIAL_GIT_DIR : POLICY_SPECIAL_NONE;
	}
	return POLICY_SPECIAL_GIT_DIR;
}

static enum policy_special git_dir(const char *rest)
{
	enum policy_special s;
	struct comp c;

	if (!next(&rest, &c))
		return POLICY_SPECIAL_GIT_DIR;
	if (IS(c, "modules") || IS(c, "worktrees"))
		return git_modules(rest);
	s = git_name(c, rest);
	if (s != POLICY_SPECIAL_NONE || IS(c, "hooks"))
		return s;
	/* A repository hidden deeper inside this one counts too; other names do not (branches may
	 * be called anything). */
	while (next(&rest, &c))
		if (IS(c, ".git"))
			return git_dir(rest);
	return POLICY_SPECIAL_NONE;
}

static enum policy_special plain(const char *rest)
{
	struct comp c;

	while (next(&rest, &c)) {
		unsigned char kind;

		if (IS(c, ".git"))
			return git_dir(rest);
		if (ends_with(c, ".git", 4)) { /* a bare repository, or just a name */
			enum policy_special s = git_dir(rest);
			if (s != POLICY_SPECIAL_NONE)
				return s;
			continue;
		}
		if (ends_with(c, ".code-workspace", 15))
			return POLICY_SPECIAL_AUTORUN;
		kind = name_kind(c);
		if (kind == NAME_NONE)
			continue;
		if (kind == NAME_TREE)
			return POLICY_SPECIAL_AUTORUN;
		if (!*rest)
			return POLICY_SPECIAL_AUTORUN_DIR;
		const char *after = rest;
		if (!next(&after, &c))
			return POLICY_SPECIAL_AUTORUN_DIR;
		for (const char *const *p = below(kind); *p; p++)
			if (fits(c, *p))
				return POLICY_SPECIAL_AUTORUN;
	}
	return POLICY_SPECIAL_NONE;
}

enum special_root special_root_of(const char *workspace)
{
	const char *base = path_base(workspace);
	struct comp c = {base, strlen(base)};

	return IS(c, ".git") || ends_with(c, ".git", 4) ? SPECIAL_ROOT_GIT : SPECIAL_ROOT_PLAIN;
}

enum policy_special special_match(enum special_root root, const char *rest)
{
	if (!*rest) /* the workspace itself was granted by its name */
		return POLICY_SPECIAL_NONE;
	return root == SPECIAL_ROOT_GIT ? git_dir(rest) : plain(rest);
}

void special_each(void (*fn)(void *data, const char *name), void *data)
{
	static const char *const git[] = {".git/hooks", ".git/config", ".git/config.worktree",
					  ".git/commondir"};
	char path[64];

	for (size_t i = 0; i < ARRAY_LEN(git); i++)
		fn(data, git[i]);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (names[i].kind == NAME_TREE) {
			fn(data, names[i].s);
			continue;
		}
		for (const char *const *p = below(names[i].kind); *p; p++) {
			if (strchr(*p, '*'))
				continue;
			snprintf(path, sizeof(path), "%s/%s", names[i].s, *p);
			fn(data, path);
		}
	}
	fn(data, ".claude/settings.json");
	fn(data, ".claude/settings.local.json");
}

const char *policy_special_name(enum policy_special s)
{
	static const char *const text[] = {
	    [POLICY_SPECIAL_NONE] = "",
	    [POLICY_SPECIAL_GIT_DIR] = "git repository",
	    [POLICY_SPECIAL_GIT_CONFIG] = "git configuration",
	    [POLICY_SPECIAL_GIT_HOOKS_DIR] = "git hooks",
	    [POLICY_SPECIAL_GIT_HOOKS] = "git hook",
	    [POLICY_SPECIAL_GIT_POINTER] = "git directory pointer",
	    [POLICY_SPECIAL_AUTORUN_DIR] = "settings folder",
	    [POLICY_SPECIAL_AUTORUN] = "settings that run programs",
	};
	return text[s];
}
