/* Programs that print secrets, or answer requests, are run outside, with the user's rights, while
 * the session lives: what the confined program could put in their place would be its way out. */
#include <sys/stat.h>

#include "policy/commands/decode.h"
#include "policy/resolve.h"

static const char *const interpreters[] = {"sh",   "bash", "dash",   "zsh",  "ksh", "fish",
					   "perl", "ruby", "python", "node", "env"};

static bool is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* By its own name, by where that leads, or by what could be put there. */
static int check_path(const struct policy *p, const char *path, struct err *err)
{
	_cleanup_free_ char *whole =
	    path[0] == '/' ? xstrdup(path) : xasprintf("%s/%s", p->workdir, path);
	_cleanup_free_ char *real = realpath(whole, NULL);
	char clean[POLICY_PATH_MAX];

	if (path_clean(clean, sizeof(clean), whole) < 0)
		return err_set(err, "%s is no path", path);
	if (!policy_may_change(p, clean) && (!real || !policy_may_change(p, real)))
		return 0;
	return err_set(err,
		       "%s can be changed by the program that is to be confined: keep it outside "
		       "of what is granted for writing",
		       real ? real : clean);
}

/* As execvp() looks for it: nothing may come before what is found. */
static int check_name(const struct policy *p, const char *name, struct err *err)
{
	const char *dir = getenv("PATH");

	while (dir && *dir) {
		size_t n = strcspn(dir, ":");
		_cleanup_free_ char *path =
		    xasprintf("%.*s/%s", n ? (int)n : 1, n ? dir : ".", name);

		if (check_path(p, path, err) < 0)
			return -1;
		if (is_file(path) && access(path, X_OK) == 0)
			return 0;
		dir += n + (dir[n] == ':');
	}
	return 0; /* there is none: it fails when it is wanted */
}

static bool is_interpreter(const char *program)
{
	for (size_t i = 0; i < ARRAY_LEN(interpreters); i++)
		if (str_starts(path_base(program), interpreters[i]))
			return true;
	return false;
}

static int check_command(const struct policy *p, char *const *v, struct err *err)
{
	if (!v || !v[0])
		return 0;
	if ((strchr(v[0], '/') ? check_path(p, v[0], err) : check_name(p, v[0], err)) < 0)
		return -1;
	/* Of its words those that are files may be what it runs. */
	for (size_t i = 1; is_interpreter(v[0]) && v[i]; i++) {
		_cleanup_free_ char *whole = xasprintf("%s/%s", p->workdir, v[i]);

		if (is_file(v[i][0] == '/' ? v[i] : whole) && check_path(p, v[i], err) < 0)
			return -1;
	}
	return 0;
}

static int check_captures(const struct policy *p, const struct policy_network *n, struct err *err)
{
	for (size_t i = 0; i < n->n_captures; i++)
		if (check_command(p, n->captures[i].command, err) < 0)
			return err_prefix(err, "the program for the credential %s",
					  n->captures[i].name);
	return 0;
}

/* What answers for a person. */
static int check_approvals(const struct policy *p, const struct approvals *a, struct err *err)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->v[i].kind == APPROVAL_COMMAND && check_command(p, a->v[i].command, err) < 0)
			return err_prefix(err, "the approval backend %s", a->v[i].name);
	return 0;
}

int outside_check(const struct policy *p, struct err *err)
{
	const struct command_policies *c = p->commands;

	if (check_captures(p, &p->network, err) < 0 || check_approvals(p, &p->approvals, err) < 0 ||
	    (c && check_approvals(p, &c->approvals, err) < 0))
		return -1;
	for (size_t i = 0; c && i < c->n; i++)
		for (size_t k = 0; k < c->v[i].n_edges; k++) {
			const struct policy *tool = c->v[i].edges[k].policy;

			if (tool && (check_captures(p, &tool->network, err) < 0 ||
				     check_captures(tool, &tool->network, err) < 0))
				return -1;
		}
	return 0;
}
