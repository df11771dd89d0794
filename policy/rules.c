/* The lists of grants and denies: one entry a path. */
#include "policy/agent_hooks.h"
#include "policy/commands/commands.h"
#include "policy/resolve.h"
#include "policy/sources.h"

#define RULES_FIRST 256

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
 * directory (/tmp may), or snapshots, is fine: they are closed inside it. */
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
	for (size_t i = 0; i < r->stores.n; i++)
		if (path_under(r->stores.v[i], path))
			return err_set(
			    r->err,
			    "the grant %s overlaps the snapshots in %s: an agent must not "
			    "reach what its work is put back from",
			    path, r->stores.v[i]);
	return 0;
}

/* Hundreds of rules come from one group: the word that was last used is looked at first. */
static const char *word(struct policy *p, const char *s)
{
	for (size_t i = p->n_words; i-- > 0;)
		if (strcmp(p->words[i], s) == 0)
			return p->words[i];
	p->words = xrealloc_array(p->words, p->n_words + 1, sizeof(*p->words));
	return p->words[p->n_words++] = xstrdup(s);
}

static bool is_text(const char *s, const char *path, size_t n)
{
	return strncmp(s, path, n) == 0 && !s[n];
}

static struct policy_grant *known_grant(const struct resolver *r, const char *path, size_t n,
					uint32_t hash)
{
	lookup_each(i, &r->by_grant, hash)
	{
		if (is_text(r->p->grants[i].path, path, n))
			return &r->p->grants[i];
	}
	if (r->indexed) {
		uint32_t node = index_find_n(r->p->index, path, n);
		int32_t g = node == UINT32_MAX ? -1 : r->p->index->nodes[node].grant;

		return g < 0 ? NULL : &r->p->grants[g];
	}
	return NULL;
}

struct policy_grant *rules_grant(const struct resolver *r, const char *path, size_t n)
{
	return known_grant(r, path, n, lookup_hash(path, n));
}

static struct policy_deny *known_deny(const struct resolver *r, const char *path, uint32_t hash)
{
	lookup_each(i, &r->by_deny, hash)
	{
		if (strcmp(r->p->denies[i].path, path) == 0)
			return &r->p->denies[i];
	}
	if (r->indexed) {
		uint32_t node = index_find(r->p->index, path);
		int32_t d = node == UINT32_MAX ? -1 : r->p->index->nodes[node].deny;

		return d < 0 ? NULL : &r->p->denies[d];
	}
	return NULL;
}

bool rules_cover(const struct resolver *r, const char *path, unsigned access)
{
	size_t len = strlen(path);

	for (size_t n = len;;) {
		const struct policy_grant *g = rules_grant(r, path, n);

		if (g && !g->glob && (!g->is_file || n == len) && (g->access & access) == access)
			return true;
		if (n <= 1)
			return false;
		while (path[n - 1] != '/')
			n--;
		n -= n > 1; /* "/" itself comes last */
	}
}

int add_grant(struct resolver *r, const char *canonical, unsigned access, unsigned flags,
	      const char *source)
{
	struct policy *p = r->p;
	size_t n = strlen(canonical);
	uint32_t h = lookup_hash(canonical, n);
	bool from_group = str_starts(source, "group:") || strcmp(source, "system") == 0;
	struct policy_grant *g;

	if (!from_group && !(flags & GRANT_OBSERVED) &&
	    check_own(r, canonical, flags & GRANT_FILE) < 0)
		return -1;
	g = known_grant(r, canonical, n, h);
	if (g) {
		/* A tree and a file of one name: the tree says more. */
		g->is_file = g->is_file && (flags & GRANT_FILE);
		g->listing = g->listing && (flags & GRANT_LISTING);
		g->missing = g->missing && (flags & GRANT_MISSING);
		g->workspace |= (flags & GRANT_WORKSPACE) != 0;
		g->state |= (flags & GRANT_STATE) != 0;
		g->observed |= (flags & GRANT_OBSERVED) != 0;
		g->access |= access;
		if (!from_group && !(flags & GRANT_OBSERVED)) {
			g->source = word(p, source);
		}
		return 0;
	}
	if (p->n_grants == r->cap_grants) {
		r->cap_grants = r->cap_grants ? r->cap_grants * 2 : RULES_FIRST;
		p->grants = xrealloc_array(p->grants, r->cap_grants, sizeof(*p->grants));
	}
	lookup_add(&r->by_grant, h, (uint32_t)p->n_grants);
	p->grants[p->n_grants++] = (struct policy_grant){
	    .path = xstrdup(canonical),
	    .access = access,
	    .is_file = flags & GRANT_FILE,
	    .glob = flags & GRANT_GLOB,
	    .device = flags & GRANT_DEVICE,
	    .state = flags & GRANT_STATE,
	    .missing = flags & GRANT_MISSING,
	    .listing = flags & GRANT_LISTING,
	    .workspace = flags & GRANT_WORKSPACE,
	    .observed = flags & GRANT_OBSERVED,
	    .source = word(p, source),
	};
	return 0;
}

struct policy_deny *add_deny(struct resolver *r, const char *canonical, unsigned access,
			     const char *source, const char *label, bool own, bool quiet)
{
	struct policy *p = r->p;
	uint32_t h = lookup_hash(canonical, strlen(canonical));
	struct policy_deny *d = known_deny(r, canonical, h);

	if (d) {
		d->access |= access;
		d->own |= own;
		d->quiet &= quiet;
		if (!d->label && label)
			d->label = word(p, label);
		return d;
	}
	if (p->n_denies == r->cap_denies) {
		r->cap_denies = r->cap_denies ? r->cap_denies * 2 : RULES_FIRST;
		p->denies = xrealloc_array(p->denies, r->cap_denies, sizeof(*p->denies));
	}
	lookup_add(&r->by_deny, h, (uint32_t)p->n_denies);
	p->denies[p->n_denies++] = (struct policy_deny){
	    .path = xstrdup(canonical),
	    .access = access,
	    .own = own,
	    .quiet = quiet,
	    .source = word(p, source),
	    .label = label ? word(p, label) : NULL,
	};
	return &p->denies[p->n_denies - 1];
}

void lift_deny(struct resolver *r, const char *canonical)
{
	struct policy_deny *d = known_deny(r, canonical, lookup_hash(canonical, strlen(canonical)));

	if (d && !d->own)
		d->access = 0;
}

void rules_take(struct resolver *r, struct policy *p)
{
	r->p = p;
	r->indexed = true;
	r->cap_grants = p->n_grants;
	r->cap_denies = p->n_denies;
}

void resolver_free(struct resolver *r)
{
	canon_free(r);
	for (size_t i = 0; i < ARRAY_LEN(r->own); i++)
		free(r->own[i]);
	list_free(&r->stores);
	free(r->account_home);
	lookup_free(&r->by_grant);
	lookup_free(&r->by_deny);
	groups_yield_free(r);
	list_free(&r->skipped);
	list_free(&r->sockets);
	list_free(&r->bypass);
	list_free(&r->suppress);
	*r = (struct resolver){0};
}

void policy_free(struct policy *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n_grants; i++) {
		free(p->grants[i].path);
		free(p->grants[i].original);
	}
	for (size_t i = 0; i < p->n_denies; i++) {
		free(p->denies[i].path);
	}
	for (size_t i = 0; i < p->n_words; i++)
		free(p->words[i]);
	free(p->words);
	free(p->grants);
	free(p->denies);
	strv_free(p->bypasses);
	strv_free(p->unix_sockets);
	approvals_free(&p->approvals);
	strv_free(p->suppress_save);
	strv_free(p->suppress_services);
	strv_free(p->unenforced);
	policy_network_free(&p->network);
	strv_free(p->command_args);
	strv_free(p->allow_commands);
	strv_free(p->block_commands);
	strv_free(p->env_credentials);
	strv_free(p->skipdirs);
	strv_free(p->rollback_patterns);
	strv_free(p->rollback_globs);
	free(p->binary);
	agent_hooks_free(p);
	free(p->before.script);
	free(p->after.script);
	free(p->limits.memory);
	free(p->limits.max_processes);
	free(p->limits.cpu);
	free(p->limits.wall_time);
	strv_free(p->env_deny);
	strv_free(p->env_allow);
	strv_free(p->env_set);
	strv_free(p->warnings);
	index_free(p->index);
	commands_free(p->commands);
	strv_free(p->no_exec);
	free(p->profile_name);
	free(p->profile_file);
	sources_free(p);
	free(p->workdir);
	free(p->home);
	free(p->cap_file);
	free(p->ca_file);
	free(p);
}
