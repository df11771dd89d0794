/* What the start of a session finds out changes the policy before anything uses it. */
#include <sys/stat.h>

#include "policy/resolve.h"

/* Behind a private view nothing below /tmp is what a rule meant. */
static void drop_hidden_denies(struct policy *p)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->n_denies; i++) {
		struct policy_deny *d = &p->denies[i];

		if (path_under("/tmp", d->path) || path_under("/var/tmp", d->path)) {
			free(d->path);
			free(d->source);
			free(d->label);
			continue;
		}
		p->denies[kept++] = *d;
	}
	p->n_denies = kept;
}

int policy_set_tmp(struct policy *p, const char *tmp, bool bound, struct err *err)
{
	struct resolver r = {.p = p, .err = err};
	unsigned access = NONO_READ | NONO_WRITE | NONO_EXEC;
	int rc;

	if (bound)
		drop_hidden_denies(p);
	r.grant_hash = xcalloc(p->n_grants + RULES_STEP, sizeof(*r.grant_hash));
	for (size_t i = 0; i < p->n_grants; i++)
		r.grant_hash[i] = rule_hash(p->grants[i].path);
	/* Rules may have been taken out since: room for what is added. */
	p->grants = xrealloc_array(p->grants, p->n_grants + RULES_STEP, sizeof(*p->grants));
	rc = add_grant(&r, tmp, access, 0, "system");
	for (size_t i = 0; bound && i < TMP_DIRS && rc == 0; i++)
		rc = add_grant(&r, tmp_dirs[i], access, 0, "system");
	free(r.grant_hash);
	return rc < 0 ? rc : index_build(p, err);
}

static bool make_folder(const char *path)
{
	_cleanup_free_ char *copy = xstrdup(path), *real = NULL;

	for (char *s = copy + 1;; s++) {
		char c = *s;

		if (c && c != '/')
			continue;
		*s = '\0';
		if (mkdir(copy, 0700) < 0 && errno != EEXIST)
			return false;
		*s = c;
		if (!c)
			break;
	}
	real = realpath(path, NULL);
	return real && strcmp(real, path) == 0; /* not by way of a link that came meanwhile */
}

int policy_make_state(struct policy *p, struct err *err)
{
	bool any = false;

	for (size_t i = 0; i < p->n_grants; i++) {
		struct policy_grant *g = &p->grants[i];

		if (!g->state || !g->missing || g->is_file || !make_folder(g->path))
			continue;
		g->missing = false;
		any = true;
	}
	return any ? index_build(p, err) : 0;
}

/* Without its own devpts the session sees the terminals of everyone. */
int policy_without_namespaces(struct policy *p, struct err *err)
{
	p->namespaces = NONO_SKIP;
	for (size_t i = 0; i < p->n_grants; i++) {
		if (strcmp(p->grants[i].path, "/dev/pts") != 0 &&
		    strcmp(p->grants[i].path, "/dev/ptmx") != 0)
			continue;
		free(p->grants[i].path);
		free(p->grants[i].source);
		p->grants[i--] = p->grants[--p->n_grants];
	}
	return index_build(p, err);
}
