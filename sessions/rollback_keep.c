/* Old snapshots make room. */
#include "sessions/rollback_keep.h"

#include "common/document.h"

#define FILE_MAX (256u << 10)

/* ---- settings -------------------------------------------------------------------------------- */

static int take_number(const struct document *f, const struct doc *d, double max, double *out,
		       struct err *err)
{
	double v = d->kind == DOC_INT ? (double)d->integer : d->kind == DOC_FLOAT ? d->real : -1;

	if (!(v >= 0 && v <= max))
		return doc_error(f->label, d, err, "\"%s\" must be a number from 0 to %.0f",
				 d->name, max);
	*out = v;
	return 0;
}

static int take_dest(struct rollback_limits *l, const struct document *f, const struct doc *d,
		     struct err *err)
{
	_cleanup_free_ char *home = dir_home();
	const char *s = d->kind == DOC_STRING ? d->string : "";

	if (s[0] != '/' && !str_starts(s, "~/"))
		return doc_error(f->label, d, err,
				 "\"%s\" must be an absolute path, or one that begins with ~/",
				 d->name);
	free(l->dest);
	l->dest = s[0] == '/' ? xstrdup(s) : xasprintf("%s%s", home, s + 1);
	return 0;
}

static int take_member(struct rollback_limits *l, const struct document *f, const struct doc *d,
		       struct err *err)
{
	static const char *const names[] = {
	    "max_sessions",    "max_storage_gb",	  "max_snapshots", "stale_grace_hours",
	    "before_requests", "before_requests_seconds", "dest",	   NULL};
	static const double max[] = {1e9, 1e6, 1e9, 1e9, 0, 60, 0};
	const char *near;
	double v = 0;
	size_t i = 0;

	while (names[i] && !str_eq(names[i], d->name))
		i++;
	if (!names[i]) {
		near = word_nearest(d->name, names);
		return doc_error(f->label, d, err, "\"%.60s\" is not known%s%s%s", d->name,
				 near ? "; did you mean \"" : "", near ? near : "",
				 near ? "\"?" : "");
	}
	if (i == 4) {
		l->requests = d->kind == DOC_BOOL && d->boolean;
		return d->kind == DOC_BOOL
			   ? 0
			   : doc_error(f->label, d, err, "\"%s\" must be true or false", d->name);
	}
	if (i == 6)
		return take_dest(l, f, d, err);
	if (take_number(f, d, max[i], &v, err) < 0)
		return -1;
	if (i == 0)
		l->sessions = (unsigned)v;
	else if (i == 1)
		l->bytes = (uint64_t)(v * (1 << 30));
	else if (i == 2)
		l->snapshots = (unsigned)v;
	else if (i == 3)
		l->grace_h = (unsigned)v;
	else
		l->wait_s = (unsigned)v;
	return 0;
}

static int take_table(struct rollback_limits *l, const struct document *f, struct err *err)
{
	const struct doc *t = doc_get(f->root, "rollback"), *old = doc_get(f->root, "undo");

	if (t && old)
		return doc_error(f->label, old, err,
				 "\"undo\" is the old name of \"rollback\", "
				 "which is there as well");
	t = t ? t : old;
	if (t && t->kind != DOC_MAP)
		return doc_error(f->label, t, err, "\"%s\" must be a table", t->name);
	doc_each(d, t)
	{
		if (take_member(l, f, d, err) < 0)
			return -1;
	}
	return 0;
}

int rollback_limits_load(struct rollback_limits *out, struct err *err)
{
	_cleanup_free_ char *dir = dir_config(), *path = xasprintf("%s/config.toml", dir),
			    *text = NULL;
	_cleanup_(document_freep) struct document *f = NULL;
	size_t n;

	*out = (struct rollback_limits){.sessions = 10,
					.bytes = 5ull << 30,
					.snapshots = 100,
					.grace_h = 24,
					.requests = true,
					.wait_s = 5};
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	text = file_read(path, FILE_MAX, &n, err);
	f = text ? doc_read(text, n, DOC_TOML, path, err) : NULL;
	return f ? take_table(out, f, err) : -1;
}

void rollback_limits_free(struct rollback_limits *l)
{
	free(l->dest);
	l->dest = NULL;
}

/* ---- sessions -------------------------------------------------------------------------------- */

static int newest_first(const void *a, const void *b)
{
	const struct rollback_dated *x = a, *y = b;
	int r = strcmp(y->started, x->started);

	return r ? r : strcmp(y->id, x->id);
}

struct rollback_dated *rollback_by_date(size_t *n, struct err *err)
{
	struct rollback_dated *v;
	char **ids;

	*n = 0;
	ids = rollback_sessions(err);
	if (!ids)
		return NULL;
	while (ids[*n])
		(*n)++;
	v = xcalloc(*n + 1, sizeof(*v));
	for (size_t i = 0; ids[i]; i++) {
		struct rollback_record r;
		v[i].id = ids[i];
		if (rollback_record_load(ids[i], &r, NULL) == 0)
			str_copy(v[i].started, sizeof(v[i].started), r.started);
		rollback_record_free(&r);
	}
	free(ids);
	qsort(v, *n, sizeof(*v), newest_first);
	return v;
}

void rollback_dated_free(struct rollback_dated *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(v[i].id);
	free(v);
}

int rollback_session_remove(struct snap_store *store, const char *id, struct err *err)
{
	struct snap_record *v = NULL;
	size_t n = 0;
	int rc = 0;

	/* One that can't be read is removed with its directory, or says why not. */
	snap_record_list(store, id, &v, &n, NULL, NULL);
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = snap_record_delete(store, id, v[i].number, NULL, err);
	snap_record_list_free(v, n);
	/* Last what says where they are. */
	return rc < 0 || snap_session_remove(store, id, err) < 0 ? -1
								 : rollback_record_remove(id, err);
}

/* ---- what stays ------------------------------------------------------------------------------ */

enum state { RUNS, FRESH, ENDED, STALE }; /* FRESH: its supervisor vanished, not long ago */

static uint64_t last_time(struct snap_store *store, const char *id)
{
	struct snap_record *v = NULL;
	uint64_t t = 0;
	size_t n = 0;

	if (snap_record_list(store, id, &v, &n, NULL, NULL) == 0 && n)
		t = v[n - 1].time_ns;
	snap_record_list_free(v, n);
	return t;
}

static enum state state_of(struct snap_store *store, const char *id,
			   const struct rollback_limits *l)
{
	uint64_t grace = l->grace_h * 3600ull * 1000000000ull;
	struct rollback_record r;
	enum state s = STALE;

	if (rollback_record_load(id, &r, NULL) == 0)
		s = rollback_alive(&r) ? RUNS : r.ended[0] ? ENDED : STALE;
	rollback_record_free(&r);
	if (s == STALE && last_time(store, id) + grace > clock_real_ns())
		s = FRESH;
	return s;
}

struct keeping {
	struct rollback_stores stores;
	const struct rollback_limits *l;
	rollback_removed_fn *fn;
	void *arg;
	bool dry_run;
};

/* A session, and the store it is in. */
struct kept {
	const struct rollback_dated *d;
	struct rollback_opened *in; /* NULL: it is gone, or the session was removed */
};

static int drop(struct keeping *k, struct kept *s, struct err *err)
{
	if (!k->dry_run && rollback_session_remove(s->in->store, s->d->id, err) < 0)
		return err_prefix(err, "%.8s", s->d->id);
	if (k->fn)
		k->fn(k->arg, s->d->id);
	s->in->garbage = true;
	s->in = NULL;
	return 0;
}

/* Wherever they are. What can't be reached now is neither counted nor removed; what can't be
 * removed (its place can't be written now) keeps nothing else. err: about the first of them. */
static int by_number(struct keeping *k, struct kept *v, size_t n, struct err *err)
{
	unsigned kept = 0;
	int rc = 0;

	for (size_t i = 0; i < n; i++) {
		enum state s;

		if (!v[i].in)
			continue;
		s = state_of(v[i].in->store, v[i].d->id, k->l);
		if (s == RUNS || s == FRESH || (s == ENDED && kept++ < k->l->sessions))
			continue;
		if (drop(k, &v[i], rc < 0 ? NULL : err) < 0)
			rc = -1;
	}
	return rc;
}

/* From the oldest on; the newest of a store stays, however large. */
static int by_size(struct keeping *k, const struct rollback_opened *o, struct kept *v, size_t n,
		   struct err *err)
{
	struct snap_gc gc;
	size_t newest = 0;

	while (newest < n && v[newest].in != o)
		newest++;
	for (size_t i = n; i-- > newest + 1 && snap_store_bytes(o->store) > k->l->bytes;) {
		if (v[i].in != o || state_of(o->store, v[i].d->id, k->l) != ENDED)
			continue;
		if (drop(k, &v[i], err) < 0 || snap_gc(o->store, &gc, err) < 0)
			return -1;
	}
	return 0;
}

static int keep(struct keeping *k, struct kept *v, size_t n, struct err *err)
{
	struct snap_gc gc;
	int rc = by_number(k, v, n, err);

	for (size_t i = 0; i < k->stores.n && !k->dry_run; i++) {
		struct rollback_opened *o = k->stores.v[i];
		struct err *first = rc < 0 ? NULL : err;

		if (o->store && ((o->garbage && snap_gc(o->store, &gc, first) < 0) ||
				 by_size(k, o, v, n, first) < 0))
			rc = -1;
	}
	return rc;
}

int rollback_keep(const struct rollback_limits *l, bool dry_run, rollback_removed_fn *fn, void *arg,
		  struct err *err)
{
	struct keeping k = {.l = l, .fn = fn, .arg = arg, .dry_run = dry_run};
	_cleanup_free_ struct kept *v = NULL;
	struct rollback_dated *d;
	size_t n;
	int rc;

	d = rollback_by_date(&n, err);
	if (!d)
		return -1;
	v = xcalloc(n + 1, sizeof(*v));
	for (size_t i = 0; i < n; i++)
		v[i] = (struct kept){&d[i], rollback_stores_get(&k.stores, d[i].id, NULL)};
	rc = keep(&k, v, n, err);
	rollback_stores_free(&k.stores);
	rollback_dated_free(d, n);
	return rc;
}
