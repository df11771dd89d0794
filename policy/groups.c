/* The built-in groups: which are in force, and what they give and close. */
#include "policy/assets.h"
#include "policy/resolve.h"

static int no_group(struct resolver *r, const char *name)
{
	return err_set(r->err, "no group \"%s\"", name);
}

static void deny_one(struct resolver *r, const struct doc *g, const char *path, unsigned access,
		     const char *source)
{
	const char *label = doc_text(g, "label");

	if (!doc_flag(g, "yields", false)) {
		add_deny(r, path, access, source, label, false, doc_flag(g, "quiet", false));
		return;
	}
	r->yielding = xrealloc_array(r->yielding, r->n_yielding + 1, sizeof(*r->yielding));
	r->yielding[r->n_yielding++] = (struct yielding){
	    .path = xstrdup(path),
	    .source = xstrdup(source),
	    .label = label ? xstrdup(label) : NULL,
	    .access = access,
	    .quiet = doc_flag(g, "quiet", false),
	};
}

/* A link: its own name is closed as well, so that it stays what it is. */
static void deny(struct resolver *r, const struct doc *g, const char *path, unsigned access,
		 const char *source)
{
	bool exists;
	_cleanup_free_ char *real = canon(r, path, &exists, NULL);

	deny_one(r, g, real, access, source);
	if (!exists)
		absent_deny(r, real);
	if (exists && strcmp(real, path) != 0)
		deny_one(r, g, path, access, source);
}

static unsigned grant_flags(const char *kind, bool exists, bool is_dir)
{
	if (strcmp(kind, "list") == 0 && is_dir)
		return GRANT_FILE | GRANT_MISSING | GRANT_LISTING;
	return (is_dir || !exists ? 0 : GRANT_FILE) | (exists ? 0 : GRANT_MISSING) |
	       (strcmp(kind, "device") == 0 && !is_dir ? GRANT_DEVICE : 0);
}

static int apply_paths(struct resolver *r, const struct doc *g, const char *kind,
		       const struct doc *list, bool allow)
{
	_cleanup_free_ char *source = xasprintf("group:%s", g->name);
	unsigned access = 0;

	if (strcmp(kind, "read") == 0)
		access = NONO_READ | NONO_EXEC;
	else if (strcmp(kind, "data") == 0 || strcmp(kind, "list") == 0)
		access = NONO_READ;
	else if (strcmp(kind, "device") == 0)
		access = NONO_READ | NONO_WRITE;
	else if (strcmp(kind, "readwrite") == 0 || strcmp(kind, "access") == 0)
		access = CLOSED;
	else if (strcmp(kind, "write") == 0)
		access = NONO_WRITE;
	doc_each(e, list)
	{
		bool unset, exists, is_dir;
		_cleanup_free_ char *path = expand_path(r, e->string, source, &unset);
		_cleanup_free_ char *account = NULL, *real = NULL;

		if (!path && unset)
			continue;
		if (!path)
			return -1;
		if (!allow) {
			deny(r, g, path, access, source);
			/* $HOME is only a variable: keys stay keys where another is used. */
			account = expand_account(r, e->string);
			if (account)
				deny(r, g, account, access, source);
			continue;
		}
		real = canon(r, path, &exists, &is_dir);
		if (!exists && access != CLOSED)
			continue;
		if (add_grant(r, real, access, grant_flags(kind, exists, is_dir), source) < 0)
			return -1;
	}
	return 0;
}

static int apply_group(struct resolver *r, const struct doc *g)
{
	const char *platform = doc_text(g, "platform");

	if (platform && strcmp(platform, "linux") != 0)
		return 0;
	doc_each(list, doc_get(g, "allow"))
	{
		if (apply_paths(r, g, list->name, list, true) < 0)
			return -1;
	}
	doc_each(list, doc_get(g, "deny"))
	{
		if (apply_paths(r, g, list->name, list, false) < 0)
			return -1;
	}
	return 0;
}

int groups_apply(struct resolver *r, const struct profile *prof)
{
	const struct doc *all = asset_groups.root;

	for (size_t i = 0; i < prof->exclude.n; i++) {
		const struct doc *g = doc_get(all, prof->exclude.v[i].text);
		if (!g)
			return no_group(r, prof->exclude.v[i].text);
		if (doc_flag(g, "required", false))
			return err_set(r->err, "the group \"%s\" is required and can't be excluded",
				       prof->exclude.v[i].text);
	}
	for (size_t i = 0; i < prof->include.n; i++) {
		const struct doc *g = doc_get(all, prof->include.v[i].text);
		if (!g)
			return no_group(r, prof->include.v[i].text);
		if (!entries_find(&prof->exclude, prof->include.v[i].text) && apply_group(r, g) < 0)
			return -1;
	}
	return 0;
}

/* True if a grant means path: it names the file, or the folder it lies in. The home directory is
 * no such folder. */
static bool meant(const struct resolver *r, const char *path)
{
	size_t n = (size_t)(strrchr(path, '/') - path);
	const struct policy_grant *g = rules_grant(r, path, strlen(path));

	if (g && !g->glob)
		return true;
	g = n ? rules_grant(r, path, n) : NULL;
	return g && !g->glob && strcmp(g->path, r->p->home) != 0;
}

void groups_yield(struct resolver *r)
{
	for (size_t i = 0; i < r->n_yielding; i++) {
		struct yielding *y = &r->yielding[i];

		/* Without access it closes nothing, and still says what kind of thing it is. */
		add_deny(r, y->path, meant(r, y->path) ? 0 : y->access, y->source, y->label, false,
			 y->quiet);
	}
}

void groups_yield_free(struct resolver *r)
{
	for (size_t i = 0; i < r->n_yielding; i++) {
		free(r->yielding[i].path);
		free(r->yielding[i].source);
		free(r->yielding[i].label);
	}
	free(r->yielding);
}
