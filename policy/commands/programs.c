/* Where the programs of commands are, who could change them, and what the agent must not execute
 * itself. */
#include <sys/stat.h>

#include "policy/commands/decode.h"
#include "policy/resolve.h"

bool policy_may_change(const struct policy *p, const char *path)
{
	struct policy_verdict v;

	policy_check(p, path, NONO_WRITE, false, &v);
	return v.allowed;
}

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

void policy_add_no_exec(struct policy *p, const char *path)
{
	for (size_t i = 0; i < p->n_no_exec; i++)
		if (strcmp(p->no_exec[i], path) == 0)
			return;
	p->no_exec = xrealloc_array(p->no_exec, p->n_no_exec + 2, sizeof(*p->no_exec));
	p->no_exec[p->n_no_exec++] = xstrdup(path);
	p->no_exec[p->n_no_exec] = NULL;
}

struct search {
	struct policy *p;
	const struct words *direct; /* stays the agent's to execute; NULL: all of it */
	bool writable_ok;
	char *path;    /* the first one */
	char *refused; /* what the agent may write */
};

/* The first one is what is run; none of them is the agent's to execute. */
static void found(struct search *s, const char *path)
{
	char *real = realpath(path, NULL);

	if (!real)
		return;
	if (!s->writable_ok && policy_may_change(s->p, real)) {
		if (!s->refused)
			s->refused = STEAL_PTR(real);
		free(real);
		return;
	}
	if (s->direct && !words_have(s->direct, path) && !words_have(s->direct, real))
		policy_add_no_exec(s->p, real);
	if (s->path)
		free(real);
	else
		s->path = real;
}

static void search_in(struct search *s, const char *dir, size_t n, const char *name)
{
	char path[POLICY_PATH_MAX];
	int len = snprintf(path, sizeof(path), "%.*s/%s", (int)n, dir, name);

	if (n && dir[0] == '/' && len > 0 && (size_t)len < sizeof(path) && is_program(path))
		found(s, path);
}

static void search_dirs(struct search *s, const struct words *dirs, const char *name)
{
	const char *path = getenv("PATH");

	for (size_t i = 0; i < dirs->n; i++)
		search_in(s, dirs->v[i], strlen(dirs->v[i]), name);
	/* Where it is not looked for it is still not the agent's. */
	if (dirs->n && !s->path)
		return;
	for (path = path ? path : "/usr/local/bin:/usr/bin:/bin"; *path;) {
		size_t n = strcspn(path, ":");
		search_in(s, path, n, name);
		path += n + (path[n] == ':');
	}
}

/* NULL: *why says why not. Both are the caller's to free. */
static char *find(struct search *s, const char *name, char **why)
{
	if (name[0] == '/') {
		if (is_program(name))
			found(s, name);
	} else {
		search_dirs(s, &s->p->commands->executable_dirs, name);
	}
	if (!s->path && s->refused)
		*why = xasprintf("%s could be changed by the agent itself "
				 "(allow_writable_executable)",
				 s->refused);
	else if (!s->path)
		*why = xasprintf("%s is no program that can be found", name);
	free(STEAL_PTR(s->refused));
	return s->path;
}

static void find_executable(struct policy *p, struct policy_command *c)
{
	struct search s = {
	    .p = p,
	    .direct = &c->allow_direct,
	    .writable_ok = p->commands->allow_writable || c->allow_writable,
	};

	c->path = find(&s, c->executable ? c->executable : c->name, &c->why_none);
	for (size_t i = 0; i < c->n_intercepts; i++) {
		struct command_intercept *in = &c->intercepts[i];
		struct search other = {.p = p, .writable_ok = s.writable_ok};

		if (in->run.n || in->script)
			in->path =
			    find(&other, in->script ? "/bin/sh" : in->run.v[0], &in->why_none);
	}
}

void commands_find_programs(struct policy *p)
{
	const struct words *w = &p->commands->deny_direct;

	for (size_t i = 0; i < p->commands->n; i++)
		find_executable(p, &p->commands->v[i]);
	for (size_t i = 0; i < w->n; i++) {
		_cleanup_free_ char *real = w->v[i][0] == '/' ? realpath(w->v[i], NULL) : NULL;
		if (real)
			policy_add_no_exec(p, real);
	}
}

const struct command_edge *command_writer_of(const struct command_policies *all, const char *path,
					     const struct policy_command **by)
{
	for (size_t i = 0; i < all->n; i++)
		for (size_t k = 0; k < all->v[i].n_edges; k++) {
			const struct command_edge *e = &all->v[i].edges[k];

			*by = &all->v[i];
			if (e->policy && policy_may_change(e->policy, path))
				return e;
		}
	return NULL;
}
