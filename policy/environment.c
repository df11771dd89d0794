/* The environment of the program. */
#include "policy/policy.h"

/* Name a file or a program that would be loaded into, or run by, whatever is started; and tokens
 * that open everything. A '*' at the end stands for any rest. */
static const char *const dangerous[] = {
    "LD_*",
    "DYLD_*",
    "BASH_ENV",
    "ENV",
    "CDPATH",
    "GLOBIGNORE",
    "BASH_FUNC_*",
    "PROMPT_COMMAND",
    "IFS",
    "PYTHONSTARTUP",
    "PYTHONPATH",
    "NODE_OPTIONS",
    "NODE_PATH",
    "PERL5OPT",
    "PERL5LIB",
    "RUBYOPT",
    "RUBYLIB",
    "GEM_PATH",
    "GEM_HOME",
    "JAVA_TOOL_OPTIONS",
    "_JAVA_OPTIONS",
    "DOTNET_STARTUP_HOOKS",
    "GOFLAGS",
    "OP_SERVICE_ACCOUNT_TOKEN",
    "OP_CONNECT_TOKEN",
    "OP_CONNECT_HOST",
    "OP_SESSION_*",
    "NONO_LOG_FILE", /* is nothing of the program's */
};

static bool fits(const char *pattern, const char *var, size_t name_len)
{
	size_t n = strlen(pattern);

	if (n && pattern[n - 1] == '*')
		return name_len >= n - 1 && strncmp(var, pattern, n - 1) == 0;
	return name_len == n && strncmp(var, pattern, n) == 0;
}

static bool any_fits(char *const *patterns, const char *var, size_t name_len)
{
	for (; patterns && *patterns; patterns++)
		if (fits(*patterns, var, name_len))
			return true;
	return false;
}

/* The user's runtime directory holds his sockets. Who is told of it and may not use it asks for it;
 * who is not told takes the temporary directory. */
static bool is_lost_runtime_dir(const struct policy *p, const char *var, size_t name_len)
{
	char dir[POLICY_PATH_MAX];

	if (!fits("XDG_RUNTIME_DIR", var, name_len))
		return false;
	if (path_clean(dir, sizeof(dir), var + name_len + 1) < 0)
		return true;
	for (size_t i = 0; i < p->n_grants; i++)
		if (path_under(dir, p->grants[i].path) ||
		    ((p->grants[i].access & NONO_WRITE) && path_under(p->grants[i].path, dir)))
			return false;
	for (size_t i = 0; i < p->n_unix_sockets; i++)
		if (path_under(dir, p->unix_sockets[i]))
			return false;
	return true;
}

static bool passes(const struct policy *p, const char *var)
{
	const char *eq = strchr(var, '=');
	size_t n = eq ? (size_t)(eq - var) : 0;

	if (!n)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(dangerous); i++)
		if (fits(dangerous[i], var, n))
			return false;
	if (is_lost_runtime_dir(p, var, n))
		return false;
	return !any_fits(p->env_deny, var, n) && (!p->env_allow || any_fits(p->env_allow, var, n));
}

bool policy_env_settable(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < ARRAY_LEN(dangerous); i++)
		if (fits(dangerous[i], name, n))
			return false;
	return strcmp(name, "PATH") != 0 && strcmp(name, "HOME") != 0 && !str_starts(name, "NONO_");
}

void policy_env_hide(struct policy *p, const char *name)
{
	size_t n = strv_count(p->env_deny);

	p->env_deny = xrealloc_array(p->env_deny, n + 2, sizeof(*p->env_deny));
	p->env_deny[n] = xstrdup(name);
	p->env_deny[n + 1] = NULL;
}

struct env {
	char **v;
	size_t n;
};

/* The last one of a name counts. */
static void put(struct env *e, const char *var)
{
	size_t n = (size_t)(strchrnul(var, '=') - var);

	for (size_t i = 0; i < e->n; i++)
		if (strncmp(e->v[i], var, n) == 0 && e->v[i][n] == '=') {
			free(e->v[i]);
			e->v[i] = xstrdup(var);
			return;
		}
	e->v[e->n++] = xstrdup(var);
}

static const char *value_of(char *const *vars, const char *name)
{
	size_t n = strlen(name);

	for (; vars && *vars; vars++)
		if (strncmp(*vars, name, n) == 0 && (*vars)[n] == '=')
			return *vars + n + 1;
	return NULL;
}

/* What the profile sets may lie in the session's temporary directory, whose name nobody knows
 * beforehand: "CACHE=$TMPDIR/cache". NULL where there is none. */
static char *in_tmp(const char *var, const char *tmp)
{
	const char *value = strchr(var, '=') + 1;

	if (!str_starts(value, "$TMPDIR") || (value[7] && value[7] != '/'))
		return xstrdup(var);
	return tmp ? xasprintf("%.*s%s%s", (int)(value - var), var, tmp, value + strlen("$TMPDIR"))
		   : NULL;
}

char **policy_environment(const struct policy *p, char *const *inherited, char *const *extra)
{
	const char *tmp = value_of(extra, "TMPDIR");
	struct env e = {0};

	if (!tmp)
		tmp = value_of(inherited, "TMPDIR");
	e.v = xcalloc(strv_count(inherited) + strv_count(p->env_set) + strv_count(extra) + 1,
		      sizeof(*e.v));
	for (size_t i = 0; inherited && inherited[i]; i++)
		if (passes(p, inherited[i]))
			put(&e, inherited[i]);
	for (size_t i = 0; p->env_set && p->env_set[i]; i++) {
		_cleanup_free_ char *var = in_tmp(p->env_set[i], tmp);
		if (var)
			put(&e, var);
	}
	for (size_t i = 0; extra && extra[i]; i++)
		put(&e, extra[i]);
	return e.v;
}
