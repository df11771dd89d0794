/* Taking a snapshot, and looking what one would be. */
#include <fcntl.h>

#include "snapshots/gc.h"
#include "snapshots/record.h"
#include "snapshots/walk.h"

static int path_order(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorted, cleaned copies; ends in NULL. */
static char **clean_roots(const char *const *roots, size_t *count, struct err *err)
{
	char **v, path[4096];
	size_t n = 0;

	while (roots[n])
		n++;
	v = xcalloc(n + 1, sizeof(*v));
	for (size_t i = 0; i < n; i++) {
		if (path_clean(path, sizeof(path), roots[i]) < 0) {
			err_usage(err, "%s: a snapshot needs absolute paths", roots[i]);
			goto fail;
		}
		v[i] = xstrdup(path);
	}
	qsort(v, n, sizeof(*v), path_order);
	for (size_t i = 1; i < n; i++)
		for (size_t j = 0; j < i; j++)
			if (path_under(v[j], v[i])) {
				err_usage(err, "%s lies below %s, which the snapshot holds already",
					  v[i], v[j]);
				goto fail;
			}
	*count = n;
	return v;
fail:
	for (size_t i = 0; i < n; i++)
		free(v[i]);
	free(v);
	return NULL;
}

static void add_number(struct buf *b, uint64_t v)
{
	buf_add(b, &v, sizeof(v));
}

/* The name of the stat cache of these roots and of the options that change what is listed. */
static void cache_key(char out[SNAP_HASH_HEX], char *const *roots, const struct snap_options *o,
		      uint64_t *rules_id)
{
	struct buf b = {0};
	struct snap_hash h;

	for (size_t i = 0; roots[i]; i++)
		buf_add(&b, roots[i], strlen(roots[i]) + 1);
	add_number(&b, o->gitignore);
	for (size_t i = 0; o->excludes && o->excludes[i]; i++)
		buf_add(&b, o->excludes[i], strlen(o->excludes[i]) + 1);
	h = hash_chunk(b.data, b.len);
	memcpy(rules_id, h.b, sizeof(*rules_id));
	snap_hash_hex(out, &h);
	buf_free(&b);
}

static void join_excludes(struct walk *w)
{
	struct buf b = {0};

	for (size_t i = 0; w->o->excludes && w->o->excludes[i]; i++) {
		buf_adds(&b, w->o->excludes[i]);
		buf_addc(&b, '\n');
	}
	if (b.len)
		w->excludes = ignore_parse(b.data, b.len);
	buf_free(&b);
}

static void make_top(struct walk *w, char **roots, size_t count, uint64_t rules_id)
{
	struct node *n = &w->top;

	n->fd = AT_FDCWD;
	n->count = (uint32_t)count;
	n->items = xcalloc(count + 1, sizeof(*n->items));
	n->rules_id = n->now.rules = rules_id;
	n->old = w->cache.top;
	n->same_list = n->old && n->old->count == n->count;
	for (uint32_t i = 0; i < n->count; i++) {
		n->items[i].name = roots[i];
		n->items[i].name_len = (uint32_t)strlen(roots[i]);
		if (n->same_list && !str_eq(roots[i], cache_name(n->old, &cache_items(n->old)[i])))
			n->same_list = false;
	}
}

static void fill_record(struct walk *w, struct snap_record *r)
{
	const struct node *n = &w->top;

	r->files = w->files;
	r->dirs = w->dirs;
	r->bytes = w->bytes;
	r->root_count = n->count;
	r->roots = xcalloc(n->count + 1u, sizeof(*r->roots));
	for (uint32_t i = 0; i < n->count; i++)
		r->roots[i] = (struct snap_root){xstrdup(n->items[i].name), n->items[i].c.kind};
}

static int walk_roots(struct walk *w, char **roots, size_t count, char *const *cached,
		      char key[SNAP_HASH_HEX], struct err *err)
{
	uint64_t rules_id;

	pthread_mutex_init(&w->mutex, NULL);
	pthread_cond_init(&w->work, NULL);
	cache_key(key, cached, w->o, &rules_id);
	cache_open(&w->cache, w->s, key);
	join_excludes(w);
	make_top(w, roots, count, rules_id);
	if (count == 0)
		return err_usage(err, "a snapshot needs a directory or file");
	if (walk_run(w, w->o->threads, err) < 0)
		return -1;
	fill_record(w, w->record);
	return 0;
}

static void save_cache(struct walk *w, const char *key)
{
	struct buf body = {0};
	uint64_t top;

	if (!w->top.stale && w->cache.same_generation)
		return;
	cache_begin(&body);
	top = node_records(w, &w->top, &body);
	if (top)
		cache_write(w->s, key, &body, top);
	buf_free(&body);
}

static bool cancelled(void *arg)
{
	const struct snap_options *o = arg;
	struct snap_progress p = {0};

	return o->progress && !o->progress(o->arg, &p);
}

static int take_locked(struct snap_store *s, const struct snap_take *t, char **roots, size_t count,
		       char *const *cached, struct snap_record *r, struct err *err)
{
	struct walk w = {.s = s, .o = &t->options, .record = r};
	char key[SNAP_HASH_HEX];
	int rc;

	w.writer = writer_new(s);
	rc = walk_roots(&w, roots, count, cached, key, err);
	if (rc == 0)
		rc = writer_finish(w.writer, err);
	if (rc == 0)
		rc = record_save(s, t->session, r, err);
	if (rc == 0)
		save_cache(&w, key);
	walk_free(&w);
	snap_writer_free(w.writer);
	return rc;
}

static void free_roots(char **v)
{
	for (size_t i = 0; v && v[i]; i++)
		free(v[i]);
	free(v);
}

static char *copy_text(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

int snap_take(struct snap_store *s, const struct snap_take *t, struct snap_record *out,
	      struct err *err)
{
	struct snap_record r = {.time_ns = clock_real_ns(),
				.parent = -1,
				.name = copy_text(t->session ? NULL : t->name),
				.tag = copy_text(t->tag),
				.reason = copy_text(t->reason)};
	_cleanup_close_ int lock = -1;
	size_t count, n_cached;
	char **roots = clean_roots(t->roots, &count, err);
	char **cached = roots && t->cached ? clean_roots(t->cached, &n_cached, err) : NULL;
	int rc = roots && (cached || !t->cached) ? 0 : -1;

	if (rc == 0 && (lock = store_lock(s, STORE_SHARED, cancelled,
					  (void *)(uintptr_t)&t->options, err)) < 0)
		rc = -1;
	if (rc == 0)
		rc = store_refresh(s, NULL, err);
	s->busy = true;
	if (rc == 0)
		rc = take_locked(s, t, roots, count, cached ? cached : roots, &r, err);
	s->busy = false;
	free_roots(cached);
	free_roots(roots);
	if (lock >= 0) {
		close(STEAL_FD(lock));
		gc_merge(s);
	}
	if (rc == 0 && out)
		*out = r;
	else
		snap_record_free(&r);
	if (rc < 0 && out)
		memset(out, 0, sizeof(*out));
	return rc;
}

int snap_scan(struct snap_store *s, const char *const *paths, const struct snap_options *o,
	      struct snap_record *out, struct err *err)
{
	struct walk w = {.s = s, .o = o, .record = out};
	char key[SNAP_HASH_HEX];
	size_t count;
	char **roots;
	int rc;

	memset(out, 0, sizeof(*out));
	roots = clean_roots(paths, &count, err);
	if (!roots || store_refresh(s, NULL, err) < 0) {
		free_roots(roots);
		return -1;
	}
	out->parent = -1;
	out->time_ns = clock_real_ns();
	s->busy = true;
	rc = walk_roots(&w, roots, count, roots, key, err);
	s->busy = false;
	walk_free(&w);
	free_roots(roots);
	if (s->overlay_count)
		qsort(s->overlay, s->overlay_count, sizeof(*s->overlay), overlay_order);
	return rc;
}
