/* The lists of grants and denies: one entry a path. */
#include "policy/resolve.h"

uint32_t rule_hash(const char *s)
{
	uint32_t h = 2166136261u;

	while (*s)
		h = (h ^ (unsigned char)*s++) * 16777619u;
	return h;
}

void add_warning(struct policy *p, char *text)
{
	size_t n = 0;

	while (p->warnings && p->warnings[n])
		n++;
	p->warnings = xrealloc_array(p->warnings, n + 2, sizeof(*p->warnings));
	p->warnings[n] = text;
	p->warnings[n + 1] = NULL;
}

/* A grant inside nono's own files, or over state or configuration. What merely holds the runtime
 * directory (/tmp may) is fine: it is closed inside it. */
int check_own(struct resolver *r, const char *path, bool is_file)
{
	for (size_t i = 0; i < ARRAY_LEN(r->own); i++) {
		if (!r->own[i]) /* the rules were checked before */
			continue;
		if (path_under(r->own[i], path) ||
		    (i < 2 && !is_file && path_under(path, r->own[i])))
			return err_set(r->err,
				       "the grant %s overlaps protected nono state root %s: an "
				       "agent must not reach what supervises it. Grant the project "
				       "and the folders it needs, not what lies above them",
				       path, r->own[i]);
	}
	return 0;
}

int add_grant(struct resolver *r, const char *canonical, unsigned access, unsigned flags,
	      const char *source)
{
	struct policy *p = r->p;
	uint32_t h = rule_hash(canonical);
	bool from_group = str_starts(source, "group:") || strcmp(source, "system") == 0;
	struct policy_grant *g;

	if (!from_group && check_own(r, canonical, flags & GRANT_FILE) < 0)
		return -1;
	for (size_t i = 0; i < p->n_grants; i++) {
		g = &p->grants[i];
		if (r->grant_hash[i] != h || strcmp(g->path, canonical) != 0)
			continue;
		/* A tree and a file of one name: the tree says more. */
		g->is_file = g->is_file && (flags & GRANT_FILE);
		g->workspace |= (flags & GRANT_WORKSPACE) != 0;
		g->state |= (flags & GRANT_STATE) != 0;
		g->access |= access;
		if (!from_group) {
			free(g->source);
			g->source = xstrdup(source);
		}
		return 0;
	}
	if (p->n_grants % RULES_STEP == 0) {
		size_t n = p->n_grants + RULES_STEP;
		p->grants = xrealloc_array(p->grants, n, sizeof(*p->grants));
		r->grant_hash = xrealloc_array(r->grant_hash, n, sizeof(*r->grant_hash));
	}
	r->grant_hash[p->n_grants] = h;
	p->grants[p->n_grants++] = (struct policy_grant){
	    .path = xstrdup(canonical),
	    .access = access,
	    .is_file = flags & GRANT_FILE,
	    .glob = flags & GRANT_GLOB,
	    .device = flags & GRANT_DEVICE,
	    .state = flags & GRANT_STATE,
	    .missing = flags & GRANT_MISSING,
	    .workspace = flags & GRANT_WORKSPACE,
	    .source = xstrdup(source),
	};
	return 0;
}

void add_deny(struct resolver *r, const char *canonical, unsigned access, const char *source,
	      const char *label, bool own, bool quiet)
{
	struct policy *p = r->p;
	uint32_t h = rule_hash(canonical);

	for (size_t i = 0; i < p->n_denies; i++) {
		struct policy_deny *d = &p->denies[i];
		if (r->deny_hash[i] != h || strcmp(d->path, canonical) != 0)
			continue;
		d->access |= access;
		d->own |= own;
		d->quiet &= quiet;
		if (!d->label && label)
			d->label = xstrdup(label);
		return;
	}
	if (p->n_denies % RULES_STEP == 0) {
		size_t n = p->n_denies + RULES_STEP;
		p->denies = xrealloc_array(p->denies, n, sizeof(*p->denies));
		r->deny_hash = xrealloc_array(r->deny_hash, n, sizeof(*r->deny_hash));
	}
	r->deny_hash[p->n_denies] = h;
	p->denies[p->n_denies++] = (struct policy_deny){
	    .path = xstrdup(canonical),
	    .access = access,
	    .own = own,
	    .quiet = quiet,
	    .source = xstrdup(source),
	    .label = label ? xstrdup(label) : NULL,
	};
}

void strv_free(char **v)
{
	for (size_t i = 0; v && v[i]; i++)
		free(v[i]);
	free(v);
}

void policy_free(struct policy *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n_grants; i++) {
		free(p->grants[i].path);
		free(p->grants[i].source);
		free(p->grants[i].original);
	}
	for (size_t i = 0; i < p->n_denies; i++) {
		free(p->denies[i].path);
		free(p->denies[i].source);
		free(p->denies[i].label);
	}
	free(p->grants);
	free(p->denies);
	strv_free(p->bypasses);
	strv_free(p->unix_sockets);
	strv_free(p->suppress_save);
	strv_free(p->env_deny);
	strv_free(p->env_allow);
	strv_free(p->env_set);
	strv_free(p->warnings);
	index_free(p->index);
	free(p->profile_name);
	free(p->profile_file);
	free(p->workdir);
	free(p->home);
	free(p->cap_file);
	free(p);
}
