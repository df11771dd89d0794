/* The built-in groups: which are in force, and what they give and close. */
#include "policy/assets.h"
#include "policy/resolve.h"

static int no_group(struct resolver *r, const char *name)
{
	return err_set(r->err, "no group \"%s\"", name);
}

static const char *text(const struct doc *g, const char *member)
{
	const struct doc *d = doc_get(g, member);

	return d && d->kind == DOC_STRING ? d->string : NULL;
}

static bool flag(const struct doc *g, const char *member)
{
	const struct doc *d = doc_get(g, member);

	return d && d->kind == DOC_BOOL && d->boolean;
}

/* A link: its own name is closed as well, so that it stays what it is. */
static void deny(struct resolver *r, const struct doc *g, const char *path, unsigned access,
		 const char *source)
{
	bool exists;
	_cleanup_free_ char *real = canon(r, path, &exists, NULL);

	add_deny(r, real, access, source, text(g, "label"), false, flag(g, "quiet"));
	if (exists && strcmp(real, path) != 0)
		add_deny(r, path, access, source, text(g, "label"), false, flag(g, "quiet"));
}

static int apply_paths(struct resolver *r, const struct doc *g, const char *kind,
		       const struct doc *list, bool allow)
{
	_cleanup_free_ char *source = xasprintf("group:%s", g->name);
	unsigned access = 0;

	if (strcmp(kind, "read") == 0)
		access = NONO_READ | NONO_EXEC;
	else if (strcmp(kind, "data") == 0)
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
		if (add_grant(r, real, access,
			      (is_dir || !exists ? 0 : GRANT_FILE) | (exists ? 0 : GRANT_MISSING) |
				  (strcmp(kind, "device") == 0 && !is_dir ? GRANT_DEVICE : 0),
			      source) < 0)
			return -1;
	}
	return 0;
}

static int apply_group(struct resolver *r, const struct doc *g)
{
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
		if (flag(g, "required"))
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
