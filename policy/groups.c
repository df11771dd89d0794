/* The built-in groups: which are in force, and what they give and close. */
#include "policy/assets.h"
#include "policy/resolve.h"

#define NAMES_MAX 1024 /* asked for: more than there are, but no flood */

static int no_group(struct resolver *r, const struct entry *e)
{
	const char *names[NAMES_MAX + 1] = {NULL};
	const char *near;
	size_t n = 0;

	doc_each(g, asset_groups.root)
	{
		if (n < NAMES_MAX)
			names[n++] = g->name;
	}
	near = word_nearest(e->text, names);
	return doc_error(e->place.label, e->place.at, r->err,
			 "no group \"%.100s\"%s%s%s; nono profile groups lists them", e->text,
			 near ? ": did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static const struct doc *group_of(struct resolver *r, const struct entry *e)
{
	const struct doc *g = doc_get(asset_groups.root, e->text);

	if (!g || g->kind != DOC_MAP)
		no_group(r, e);
	return g && g->kind == DOC_MAP ? g : NULL;
}

/* What all deny rules of a group have in common. */
struct closing {
	const char *source, *label;
	unsigned access;
	bool yields, quiet;
};

static struct closing closing_of(const struct doc *g, const char *source, unsigned access)
{
	return (struct closing){
	    .source = source,
	    .label = doc_text(g, "label"),
	    .access = access,
	    .yields = doc_flag(g, "yields", false),
	    .quiet = doc_flag(g, "quiet", false),
	};
}

static void deny_one(struct resolver *r, const struct closing *c, const char *path, bool absent)
{
	struct policy_deny *d;

	if (!c->yields) {
		d = add_deny(r, path, c->access, c->source, c->label, false, c->quiet);
		d->absent |= absent;
		return;
	}
	r->yielding = xrealloc_array(r->yielding, r->n_yielding + 1, sizeof(*r->yielding));
	r->yielding[r->n_yielding++] = (struct yielding){
	    .path = xstrdup(path),
	    .source = xstrdup(c->source),
	    .label = c->label ? xstrdup(c->label) : NULL,
	    .access = c->access,
	    .quiet = c->quiet,
	};
}

/* A link: its own name is closed as well, so that it stays what it is. */
static void deny(struct resolver *r, const struct closing *c, const char *path)
{
	bool exists;
	_cleanup_free_ char *real = canon(r, path, &exists, NULL);

	deny_one(r, c, real, !exists);
	if (exists && strcmp(real, path) != 0)
		deny_one(r, c, path, false);
}

static unsigned grant_flags(const char *kind, bool exists, bool is_dir)
{
	if (strcmp(kind, "list") == 0 && is_dir)
		return GRANT_FILE | GRANT_MISSING | GRANT_LISTING;
	return (is_dir || !exists ? 0 : GRANT_FILE) | (exists ? 0 : GRANT_MISSING) |
	       (strcmp(kind, "device") == 0 && !is_dir ? GRANT_DEVICE : 0);
}

/* 0: there is no list of that name. */
static unsigned access_of(const char *kind, bool allow)
{
	static const struct {
		const char *kind;
		unsigned access;
		bool allow;
	} kinds[] = {
	    {"read", NONO_READ | NONO_EXEC, true},
	    {"data", NONO_READ, true},
	    {"list", NONO_READ, true},
	    {"device", NONO_READ | NONO_WRITE, true},
	    {"readwrite", CLOSED, true},
	    {"access", CLOSED, false},
	    {"write", NONO_WRITE, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (kinds[i].allow == allow && strcmp(kinds[i].kind, kind) == 0)
			return kinds[i].access;
	return 0;
}

static int apply_paths(struct resolver *r, const struct doc *g, const char *kind,
		       const struct doc *list, bool allow)
{
	_cleanup_free_ char *source = xasprintf("group:%s", g->name);
	const unsigned access = access_of(kind, allow);
	const struct closing closing = closing_of(g, source, access);

	if (!access || list->kind != DOC_LIST)
		return err_set(r->err, "the group \"%s\" has no list \"%s\" of paths", g->name,
			       kind);
	doc_each(e, list)
	{
		bool unset, exists, is_dir;
		_cleanup_free_ char *path =
		    e->kind == DOC_STRING ? expand_path(r, e->string, source, &unset) : NULL;
		_cleanup_free_ char *account = NULL, *real = NULL;

		if (e->kind != DOC_STRING)
			return err_set(r->err, "the group \"%s\" lists what is no path", g->name);

		if (!path && unset)
			continue;
		if (!path)
			return -1;
		if (!allow) {
			deny(r, &closing, path);
			/* $HOME is only a variable: keys stay keys where another is used. */
			account = expand_account(r, e->string);
			if (account)
				deny(r, &closing, account);
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

/* Groups hold no groups, so there is nothing to go round in; each is applied once, however many
 * profiles ask for it. All are checked before the first one is applied. */
int groups_apply(struct resolver *r, const struct profile *prof)
{
	if (prof->include.n > NAMES_MAX || prof->exclude.n > NAMES_MAX)
		return err_set(r->err, "groups: more than %d are asked for", NAMES_MAX);
	for (size_t i = 0; i < prof->exclude.n; i++) {
		const struct entry *e = &prof->exclude.v[i];
		const struct doc *g = group_of(r, e);

		if (!g)
			return -1;
		if (doc_flag(g, "required", false))
			return doc_error(e->place.label, e->place.at, r->err,
					 "the group \"%s\" is required and can't be excluded",
					 e->text);
	}
	for (size_t i = 0; i < prof->include.n; i++)
		if (!group_of(r, &prof->include.v[i]))
			return -1;
	for (size_t i = 0; i < prof->include.n; i++) {
		const struct entry *e = &prof->include.v[i];

		if (!entries_find(&prof->exclude, e->text) && apply_group(r, group_of(r, e)) < 0)
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
