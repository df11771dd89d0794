/* NONO_CAP_FILE read back: the policy as the program inside can know it. */
#include "common/document.h"
#include "policy/resolve.h"

struct reader {
	const struct document *d;
	struct err *err;
};

static int bad(const struct reader *r, const struct doc *at, const char *what)
{
	return doc_error(r->d->label, at, r->err, "%s", what);
}

static bool read_access(const char *word, unsigned *out)
{
	static const struct {
		const char *word;
		unsigned access;
	} words[] = {{"read", NONO_READ},
		     {"write", NONO_WRITE},
		     {"readwrite", NONO_READ | NONO_WRITE},
		     {"all", CLOSED}};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_eq(word, words[i].word)) {
			*out = words[i].access;
			return true;
		}
	return false;
}

/* access and source, which both kinds of rules have. */
static int read_rule(const struct reader *r, const struct doc *e, unsigned *access,
		     const char **source)
{
	*source = doc_text(e, "source");
	if (!read_access(doc_text(e, "access"), access) || !*source)
		return bad(r, e, "not a rule with access and source");
	return 0;
}

static int read_path(const struct reader *r, const struct doc *e, const char *p,
		     char path[POLICY_PATH_MAX])
{
	return p && path_clean(path, POLICY_PATH_MAX, p) == 0
		   ? 0
		   : bad(r, e, "not a rule with a usable path");
}

static int read_grant(struct resolver *out, const struct reader *r, const struct doc *e)
{
	const char *source, *original = doc_text(e, "original");
	char path[POLICY_PATH_MAX];
	struct policy_grant *g;
	unsigned access;

	if (read_rule(r, e, &access, &source) < 0 || read_path(r, e, doc_text(e, "path"), path) < 0)
		return -1;
	if ((access & NONO_READ) && doc_flag(e, "exec", true))
		access |= NONO_EXEC;
	if (add_grant(
		out, path, access,
		(doc_flag(e, "is_file", false) ? GRANT_FILE : 0) |
		    (doc_flag(e, "workspace", false) ? GRANT_WORKSPACE : 0) |
		    (doc_flag(e, "missing", false) ? GRANT_MISSING : 0) |
		    (doc_flag(e, "glob", false) && strchr(path_base(path), '*') ? GRANT_GLOB : 0),
		source) < 0)
		return -1;
	g = &out->p->grants[out->p->n_grants - 1];
	if (!str_eq(g->path, path) || g->original)
		return bad(r, e, "the same path twice");
	g->own = doc_flag(e, "own", false);
	if (original && !str_eq(original, path))
		g->original = xstrdup(original);
	return 0;
}

static int read_deny(struct resolver *out, const struct reader *r, const struct doc *e)
{
	const char *source;
	char path[POLICY_PATH_MAX];
	unsigned access;

	if (read_rule(r, e, &access, &source) < 0)
		return -1;
	doc_each(p, doc_get(e, "paths"))
	{
		if (read_path(r, p, p->kind == DOC_STRING ? p->string : NULL, path) < 0)
			return -1;
		add_deny(out, path, access, source, doc_text(e, "label"), doc_flag(e, "own", false),
			 doc_flag(e, "quiet", false));
	}
	return 0;
}

static int read_strings(const struct reader *r, const struct doc *map, const char *name,
			struct list *out)
{
	const struct doc *l = doc_get(map, name);

	doc_each(e, l)
	{
		if (e->kind != DOC_STRING)
			return bad(r, e, "not a string");
		list_add(out, e->string);
	}
	return 0;
}

static int read_rules(struct resolver *out, const struct reader *r, const struct doc *root)
{
	const struct doc *fs = doc_get(root, "fs");

	if (!fs || fs->kind != DOC_LIST)
		return bad(r, root, "not a file that says what a sandbox allows");
	doc_each(e, fs)
	{
		if (read_grant(out, r, e) < 0)
			return -1;
	}
	doc_each(e, doc_get(root, "deny"))
	{
		if (read_deny(out, r, e) < 0)
			return -1;
	}
	if (read_strings(r, root, "bypass_protection_paths", &out->bypass) < 0 ||
	    read_strings(r, root, "unix_sockets", &out->sockets) < 0)
		return -1;
	return 0;
}

int policy_from_json(const char *json, size_t n, const char *label, struct policy **out,
		     struct err *err)
{
	_cleanup_(document_freep) struct document *d = doc_read(json, n, DOC_JSON, label, err);
	_cleanup_(policy_freep) struct policy *p = NULL;
	struct resolver r = {.err = err};
	struct reader in = {d, err};
	int rc;

	if (!d)
		return -1;
	r.p = p = xcalloc(1, sizeof(*p));
	p->home = dir_home();
	rc = read_rules(&r, &in, d->root);
	p->workdir = xstrdup(doc_text(d->root, "workdir") ? doc_text(d->root, "workdir") : "/");
	p->profile_name =
	    doc_text(d->root, "profile") ? xstrdup(doc_text(d->root, "profile")) : NULL;
	p->net_blocked = doc_flag(d->root, "net_blocked", true);
	p->elevation = doc_flag(d->root, "capability_elevation", false);
	p->protect_workspace = doc_flag(d->root, "protect_autorun", true);
	p->bypasses = list_steal(&r.bypass);
	p->n_unix_sockets = r.sockets.n;
	p->unix_sockets = list_steal(&r.sockets);
	resolver_free(&r);
	if (rc < 0 || index_build(p, err) < 0)
		return -1;
	*out = STEAL_PTR(p);
	return 0;
}
