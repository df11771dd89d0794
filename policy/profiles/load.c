/* A profile by its name or path, and what it extends. */
#include "common/digest.h"
#include "policy/assets.h"
#include "policy/profiles/find.h"
#include "policy/profiles/trust.h"

#define EXTENDS_DEPTH 10
#define LOADS_MAX     64 /* files read for one profile, however they are nested */

struct loader {
	const struct profile_request *rq;
	const char *stack[EXTENDS_DEPTH + 1]; /* what is being loaded: paths, "built-in NAME" */
	unsigned depth;
	unsigned loads;
	struct err *err;
};

static struct profile *load(struct loader *l, const char *what, const struct profile_file *from);

/* "a -> b -> a" */
static void chain(const struct loader *l, const char *id, struct buf *out)
{
	unsigned i = 0;

	while (i < l->depth && strcmp(l->stack[i], id) != 0)
		i++;
	for (i = i == l->depth ? 0 : i; i < l->depth; i++)
		buf_addf(out, "%s -> ", l->stack[i]);
	buf_adds(out, id);
}

static int enter(struct loader *l, const char *id)
{
	_cleanup_(buf_free) struct buf b = {0};
	bool again = false;

	for (unsigned i = 0; i < l->depth; i++)
		again |= strcmp(l->stack[i], id) == 0;
	if (!again && l->depth < EXTENDS_DEPTH) {
		l->stack[l->depth++] = id;
		return 0;
	}
	chain(l, id, &b);
	if (again)
		return err_set(l->err, "a profile extends itself: %s", b.data);
	return err_set(l->err, "profiles extend each other more than %d deep: %s", EXTENDS_DEPTH,
		       b.data);
}

static int merge_base(struct loader *l, struct profile **base, const char *name,
		      const struct profile_file *from)
{
	_cleanup_(profile_freep) struct profile *b = load(l, name, from);

	if (!b)
		return -1;
	if (*base)
		profile_merge(*base, b);
	else
		*base = STEAL_PTR(b);
	return 0;
}

/* The profile with everything it extends below it; it is taken over. */
static struct profile *with_bases(struct loader *l, struct profile *child, const char *id)
{
	_cleanup_(profile_freep) struct profile *p = child;
	_cleanup_(profile_freep) struct profile *base = NULL;
	const char *const *more = l->depth ? NULL : l->rq->extends;

	if (l->rq->alone || (!p->extends.n && !(more && *more)))
		return STEAL_PTR(p);
	if (enter(l, id) < 0)
		return NULL;
	for (size_t i = 0; i < p->extends.n; i++)
		if (merge_base(l, &base, p->extends.v[i].text, p->file) < 0)
			return NULL;
	for (; more && *more; more++)
		if (merge_base(l, &base, *more, NULL) < 0)
			return NULL;
	l->depth--;
	profile_merge(base, p);
	return STEAL_PTR(base);
}

static struct profile *decode(struct loader *l, const struct doc *root, struct profile_file *f)
{
	struct profile *p = profile_decode(root, f, l->rq->host, l->rq->faults, l->err);

	return p ? with_bases(l, p, p->file->label) : NULL;
}

static struct profile *load_file(struct loader *l, const char *path, enum profile_origin origin,
				 const char *name)
{
	struct profile_file *f = xcalloc(1, sizeof(*f));
	enum doc_format format = DOC_JSON;
	_cleanup_free_ char *text = NULL;
	char clean[POLICY_PATH_MAX];
	size_t n;

	f->origin = origin;
	text = trust_read(path, origin == PROFILE_USER, &f->path, &n, l->err);
	if (!text) {
		free(f);
		return NULL;
	}
	f->label = xstrdup(f->path);
	f->name = name ? xstrdup(name) : NULL;
	f->found = xstrdup(path);
	doc_format_of(path, &format);
	if (path_clean(clean, sizeof(clean), path) < 0)
		str_copy(clean, sizeof(clean), f->path);
	f->document = doc_read(text, n, format, f->label, l->err);
	if (!f->document) {
		free(f->path);
		free(f->label);
		free(f->name);
		free(f->found);
		free(f);
		return NULL;
	}
	f->brought = trust_is_brought(clean, l->rq) || trust_is_brought(f->path, l->rq);
	digest_sha256(text, n, f->sha256);
	return decode(l, f->document->root, f);
}

static struct profile *load_builtin(struct loader *l, const char *name)
{
	struct profile_file *f = xcalloc(1, sizeof(*f));
	const struct asset *a = asset_profile(name);

	f->origin = PROFILE_BUILTIN;
	f->name = xstrdup(name);
	f->label = xstrdup(a->label);
	return decode(l, a->root, f);
}

static struct profile *load_path(struct loader *l, const char *what,
				 const struct profile_file *from)
{
	char path[POLICY_PATH_MAX];

	if (find_path(what, from ? from->label : NULL, path, sizeof(path), l->err) < 0)
		return NULL;
	return load_file(l, path, PROFILE_PATH, NULL);
}

/* One name, files of more than one syntax: they must build on each other. */
static int check_alone(struct loader *l, const struct profile *p, const struct list *files,
		       size_t i)
{
	if (i + 1 >= files->n || entries_find(&p->extends, p->file->name))
		return 0;
	return err_set(
	    l->err,
	    "two profiles are called \"%s\": %s and %s. Remove or rename one of them, or "
	    "let the first one extend \"%s\"",
	    p->file->name, files->v[i], files->v[i + 1], p->file->name);
}

/* The user's own "codex" that extends "codex" means the next one: his file in another syntax, then
 * the built-in one. */
static struct profile *load_name(struct loader *l, const char *name,
				 const struct profile_file *from)
{
	_cleanup_(list_free) struct list files = {0};
	bool again = from && from->origin == PROFILE_USER && strcmp(from->name, name) == 0;
	size_t i = 0;

	find_user_files(name, &files);
	while (again && i < files.n && strcmp(files.v[i], from->found) != 0)
		i++;
	i += again && i < files.n;
	if (i < files.n) {
		struct profile *p = load_file(l, files.v[i], PROFILE_USER, name);

		if (p && check_alone(l, p, &files, i) < 0)
			profile_freep(&p);
		return p;
	}
	if (asset_profile(name))
		return load_builtin(l, name);
	find_none(name, from ? from->label : NULL, l->err);
	return NULL;
}

/* from: the file that says "extends", NULL for the command line. */
static struct profile *load(struct loader *l, const char *what, const struct profile_file *from)
{
	if (++l->loads > LOADS_MAX) {
		err_set(l->err, "%s: extends more than %d profiles in all",
			from ? from->label : what, LOADS_MAX);
		return NULL;
	}
	if (find_is_pack(what)) {
		err_set(l->err,
			"\"%.200s\" names a pack: packs can't be installed with this version; use "
			"a profile by its name or path",
			what);
		return NULL;
	}
	if (find_is_path(what))
		return load_path(l, what, from);
	if (!profile_name_ok(what)) {
		err_set(l->err, "\"%.200s\" is not a profile name (letters, digits, '-')", what);
		return NULL;
	}
	return load_name(l, what, from);
}

struct profile *profile_load(const struct profile_request *rq, struct err *err)
{
	struct loader l = {.rq = rq, .err = err};

	if (rq->builtin)
		return load_builtin(&l, rq->what);
	return load(&l, rq->what, NULL);
}
