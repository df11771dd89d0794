/* From what a profile says of commands to what can be run: a policy for each edge. */
#include "policy/resolve.h"
#include "policy/commands/decode.h"

/* ---- a tool's own grants ----------------------------------------------------------- */

static const struct {
	unsigned access;
	bool file;
} box_lists[BOX_LISTS] = {
    [BOX_READ] = {NONO_READ | NONO_EXEC, false},
    [BOX_READ_FILE] = {NONO_READ | NONO_EXEC, true},
    [BOX_WRITE] = {NONO_WRITE, false},
    [BOX_WRITE_FILE] = {NONO_WRITE, true},
};

static bool allows(const struct policy *p, const char *path, unsigned access)
{
	struct policy_verdict v;

	policy_check(p, path, access, false, &v);
	return v.allowed;
}

static int box_grant(struct resolver *r, const struct policy *agent, const char *entry,
		     enum command_fs list)
{
	unsigned flags = 0;
	bool unset, exists, is_dir, by_agent;
	_cleanup_free_ char *path = expand_path(r, entry, "a command's sandbox", &unset);
	_cleanup_free_ char *real = NULL;

	if (!path)
		return unset ? 0 : -1;
	real = canon(r, path, &exists, &is_dir);
	by_agent = strcmp(real, path) != 0 && links_of_agent(agent, path);
	/* Such a link gives the tool no more than the agent has. */
	if (by_agent && !allows(agent, real, box_lists[list].access & (NONO_READ | NONO_WRITE))) {
		add_warning(r->p,
			    xasprintf("a command's sandbox: %s is, or lies behind, a link that the "
				      "agent could have made, to %s: it is not granted",
				      path, real));
		return 0;
	}
	if (!exists && !(box_lists[list].access & NONO_WRITE))
		return 0;
	if (box_lists[list].file && is_dir)
		return err_set(r->err, "a command's sandbox: \"%s\" is a directory", entry);
	if (box_lists[list].file || (exists && !is_dir))
		flags |= GRANT_FILE;
	if (!exists)
		flags |= GRANT_MISSING;
	if (!(flags & GRANT_FILE) && (box_lists[list].access & NONO_WRITE) &&
	    r->p->protect_workspace)
		flags |= GRANT_WORKSPACE;
	if (add_grant(r, real, box_lists[list].access, flags, "command policy") < 0)
		return -1;
	/* What is named here is meant, also where a group closes it for everyone else: the rules
	 * from above end at it. What is closed further down stays so. But where a link leads, who
	 * made it says: the agent, or who made the repository. */
	if (strcmp(real, path) != 0 &&
	    ((path_under(r->p->workdir, path) && !path_under(r->p->workdir, real)) || by_agent))
		return 0;
	lift_deny(r, real);
	list_add(&r->bypass, real);
	return 0;
}

int box_grant_file(struct resolver *r, const struct policy *agent, const char *path)
{
	return box_grant(r, agent, path, BOX_READ_FILE);
}

/* What runs in the place of the command. */
static int intercept_grant(struct resolver *r, const struct policy_command *c)
{
	for (size_t i = 0; c && i < c->n_intercepts; i++)
		if (c->intercepts[i].path &&
		    add_grant(r, c->intercepts[i].path, NONO_READ | NONO_EXEC, GRANT_FILE,
			      "command policy") < 0)
			return -1;
	return 0;
}

int box_apply(struct resolver *r, const struct policy_input *in)
{
	const struct policy *agent = in->tool_for;
	const struct command_box *box = in->tool;

	for (unsigned k = 0; k < BOX_LISTS; k++)
		for (size_t i = 0; i < box->fs[k].n; i++)
			if (box_grant(r, agent, box->fs[k].v[i], (enum command_fs)k) < 0)
				return -1;
	return tool_credentials_apply(r, in) < 0 ? -1 : intercept_grant(r, in->tool_command);
}

/* ---- edges -------------------------------------------------------------------------- */

/* What only says how the caller's terminal is, in which language and zone: it opens nothing. */
static const char *const neutral[] = {"TERM", "COLORTERM", "NO_COLOR", "LANG", "LANGUAGE",
				      "LC_*", "TZ",	   "COLUMNS",  "LINES"};
/* Whose files are read, and what is executed: as nono was started, whatever the caller says. */
static const char *const ours_only[] = {"PATH",		  "HOME",	    "USER",
					"LOGNAME",	  "SHELL",	    "XDG_CONFIG_HOME",
					"XDG_DATA_HOME",  "XDG_STATE_HOME", "XDG_CACHE_HOME",
					"XDG_RUNTIME_DIR"};

static void set_environment(struct policy *p, const struct command_box *box)
{
	struct list allow = {0}, set = {0}, deny = {0};

	for (size_t i = 0; i < ARRAY_LEN(neutral); i++)
		list_add(&allow, neutral[i]);
	for (size_t i = 0; i < ARRAY_LEN(ours_only); i++)
		list_add(&allow, ours_only[i]);
	for (size_t i = 0; i < box->env_allow.n; i++)
		list_add(&allow, box->env_allow.v[i]);
	for (size_t i = 0; i < box->env_set.n; i++)
		list_add(&set, box->env_set.v[i]);
	/* Credentials are as the policy says, whatever the caller has. */
	for (char *const *v = p->env_set; v && *v; v++)
		list_add(&set, *v);
	for (char *const *v = p->env_credentials; v && *v; v++) {
		_cleanup_free_ char *name = xstrndup(*v, strcspn(*v, "="));

		list_add(&deny, name);
	}
	strv_free(p->env_allow);
	strv_free(p->env_deny);
	strv_free(p->env_set);
	p->env_deny = list_steal(&deny);
	p->env_allow = list_steal(&allow);
	p->env_set = list_steal(&set);
}

static bool is_ours(const char *var)
{
	for (size_t i = 0; i < ARRAY_LEN(ours_only); i++) {
		size_t n = strlen(ours_only[i]);
		if (strncmp(var, ours_only[i], n) == 0 && var[n] == '=')
			return true;
	}
	return false;
}

/* TERM, LANGUAGE and their kind are names, from which libraries make paths; with a way to elsewhere
 * in them they have files of the caller's read (a catalogue of messages is a list of formats). */
static bool leads_elsewhere(const char *var)
{
	const char *value = strchrnul(var, '=');
	size_t n = (size_t)(value - var);

	for (size_t i = 0; i < ARRAY_LEN(neutral); i++) {
		bool any = str_ends(neutral[i], "*");
		size_t len = strlen(neutral[i]) - any;

		if (strncmp(var, neutral[i], len) != 0 || (any ? n < len : n != len))
			continue;
		/* Zones are called Europe/Rome; a path starts with a slash, or after a colon. */
		return str_eq(neutral[i], "TZ")
			   ? strstr(value, "=/") || strchr(value, ':') || strstr(value, "..")
			   : strchr(value, '/') != NULL;
	}
	return false;
}

char **command_environment(const struct command_edge *e, char *const *caller, char *const *ours,
			   char *const *extra)
{
	struct words from = {0};
	char **env;

	for (; caller && *caller; caller++)
		if (!is_ours(*caller) && !str_starts(*caller, "NONO_") && !leads_elsewhere(*caller))
			words_add(&from, *caller);
	for (; ours && *ours; ours++)
		if (is_ours(*ours))
			words_add(&from, *ours);
	env = policy_environment(e->policy, from.v, extra);
	words_free(&from);
	return env;
}

/* One of the programs that run under this name? */
static bool is_of(const struct policy_command *c, const char *path)
{
	for (size_t i = 0; i < c->n_intercepts; i++)
		if (str_eq(c->intercepts[i].path, path))
			return true;
	return str_eq(c->path, path);
}

static int make_policy(struct policy *p, const struct policy_input *in, struct policy_command *c,
		       struct command_edge *e, struct err *err)
{
	const struct policy_input tool = {
	    .tool = &e->box,
	    .tool_command = c,
	    .tool_for = p,
	    .workdir = p->workdir,
	    .program = c->path,
	    .nono = c->can_use.n || e->box.net.names || e->box.n_uses || box_opens_urls(&e->box)
			? in->nono
			: NULL,
	    .elevation = 0,
	    .protect_workspace = in->protect_workspace,
	    .audit_level = in->audit_level,
	    .namespaces = p->namespaces,
	};

	if (policy_resolve(&tool, &e->policy, err) < 0)
		return err_prefix(err, "%s:%u:%u: command %s from %s", c->label, c->line, c->column,
				  c->name, e->caller);
	for (size_t i = 0; i < p->n_no_exec; i++)
		if (!is_of(c, p->no_exec[i]))
			policy_add_no_exec(e->policy, p->no_exec[i]);
	set_environment(e->policy, &e->box);
	return 0;
}

static const char *unknown_of(const struct command_policies *all, const struct words *names)
{
	for (size_t i = 0; i < names->n; i++)
		if (!commands_find(all, names->v[i]))
			return names->v[i];
	return NULL;
}

/* A name that nothing is said about is a slip: the call would be refused, but when? */
static int check_names(const struct command_policies *all, const struct policy_command *c,
		       struct err *err)
{
	const char *what = NULL;

	what = unknown_of(all, &c->can_use);
	for (size_t i = 0; i < c->n_intercepts && !what; i++)
		what = unknown_of(all, &c->intercepts[i].reveal_to);
	for (size_t i = 0; i < c->n_edges && !what; i++)
		if (!str_eq(c->edges[i].caller, COMMAND_SESSION) &&
		    !commands_find(all, c->edges[i].caller))
			what = c->edges[i].caller;
	if (!what)
		return 0;
	return err_set(err, "%s:%u:%u: command %s names %s, which is no command here", c->label,
		       c->line, c->column, c->name, what);
}

/* Nor may one tool put something else in the place of another: it would get that one's rights. */
static char *changed_by_tool(const struct policy *p, const struct policy_command *c,
			     const char *path)
{
	const struct policy_command *by;
	const struct command_edge *e;

	if (!path || p->commands->allow_writable || c->allow_writable)
		return NULL;
	e = command_writer_of(p->commands, path, &by);
	return e ? xasprintf("%s could be changed by %s from %s (allow_writable_executable)", path,
			     by->name, e->caller)
		 : NULL;
}

static void check_writers(struct policy *p, struct policy_command *c)
{
	if (!c->why_none)
		c->why_none = changed_by_tool(p, c, c->path);
	if (c->why_none)
		add_warning(p, xasprintf("calls of %s will be refused: %s", c->name, c->why_none));
	for (size_t i = 0; i < c->n_intercepts; i++) {
		struct command_intercept *in = &c->intercepts[i];

		if (!in->why_none)
			in->why_none = changed_by_tool(p, c, in->path);
		if (in->why_none)
			add_warning(p, xasprintf("calls of %s that intercept[%zu] is for will be "
						 "refused: %s",
						 c->name, i, in->why_none));
	}
}

static bool runs_anything(const struct policy_command *c)
{
	bool any = c->path != NULL;

	for (size_t i = 0; i < c->n_intercepts; i++)
		any |= c->intercepts[i].path != NULL;
	return any;
}

static int resolve_one(struct policy *p, const struct policy_input *in, struct policy_command *c,
		       struct err *err)
{
	for (size_t i = 0; i < c->n_edges; i++) {
		struct command_edge *e = &c->edges[i];

		if (e->denied)
			continue;
		if (tool_credentials_check(p->commands, c, e, err) < 0)
			return -1;
		if (e->why_none)
			add_warning(p, xasprintf("calls of %s from %s will be refused: %s", c->name,
						 e->caller, e->why_none));
		else if (e->box.missing)
			add_warning(p, xasprintf("calls of %s from %s will be refused: its policy "
						 "asks for %s, which this version does not have",
						 c->name, e->caller, e->box.missing));
		else if (runs_anything(c) && make_policy(p, in, c, e, err) < 0)
			return -1;
	}
	return 0;
}

int commands_resolve(struct policy *p, const struct policy_input *in, struct err *err)
{
	struct command_policies *all = p->commands;
	_cleanup_free_ char *program = in->program ? realpath(in->program, NULL) : NULL;

	if (!all || !all->n)
		return 0;
	for (size_t i = 0; i < all->n; i++)
		if (check_names(all, &all->v[i], err) < 0)
			return -1;
	approvals_inherit(&all->approvals, &p->approvals);
	tool_credentials_hide(p);
	commands_find_programs(p);
	for (size_t i = 0; program && i < p->n_no_exec; i++)
		if (strcmp(p->no_exec[i], program) == 0)
			return err_set(err,
				       "%s is controlled by the profile's command_policies: it is "
				       "started from inside a session, not as one",
				       in->program);
	for (size_t i = 0; i < all->n; i++)
		if (resolve_one(p, in, &all->v[i], err) < 0)
			return -1;
	for (size_t i = 0; i < all->n; i++)
		check_writers(p, &all->v[i]);
	return 0;
}
