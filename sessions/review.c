/* Looking at what a session changed, and taking parts of it back. */
#include "sessions/review.h"

#include "policy/policy.h"
#include "sessions/rollback_store.h"
#include "sessions/snapshotter.h"
#include "snapshots/restore.h"

#define COUNT_BYTES (1u << 20) /* lines of larger files are not counted */

/* What all of it works on: the store, the session, its first snapshot. */
struct work {
	struct snap_store *store;
	struct rollback_record rec;
	struct snap_record first;
};

static void work_end(struct work *w)
{
	snap_record_free(&w->first);
	rollback_record_free(&w->rec);
	snap_close(w->store);
}

static int work_begin(struct work *w, const char *id, struct err *err)
{
	struct err e = {0};

	if (rollback_record_load(id, &w->rec, &e) < 0)
		return err_set(err, "the session has no snapshots (nono run --rollback)");
	if (rollback_store_of(&w->rec, &w->store, err) < 0)
		return -1;
	return snap_record_load(w->store, id, 0, NULL, &w->first, err);
}

static struct snap_options options_of(const struct work *w, snap_progress_fn *progress, void *arg)
{
	struct snap_options o = rollback_options(&w->rec);

	o.progress = progress;
	o.arg = arg;
	return o;
}

/* ---- what changed --------------------------------------------------------------------------- */

static size_t common_of(char *const *roots)
{
	size_t n = roots[0] ? strlen(roots[0]) : 0;

	for (char *const *r = roots; *r; r++)
		for (size_t i = 0; i < n; i++)
			if ((*r)[i] != roots[0][i])
				n = i;
	while (n && roots[0][n - 1] != '/')
		n--;
	return n;
}

int review_load(const char *id, snap_progress_fn *progress, void *arg, struct review_changes *out,
		struct err *err)
{
	_cleanup_(work_end) struct work w = {0};
	struct snap_options o;
	struct snap_record now = {0};
	uint64_t begin = clock_mono_ns();
	int r;

	*out = (struct review_changes){.c.max = REVIEW_CHANGES_MAX};
	if (work_begin(&w, id, err) < 0)
		return -1;
	o = options_of(&w, progress, arg);
	r = snap_scan(w.store, (const char *const *)w.rec.roots, &o, &now, err);
	if (r == 0)
		r = changes_load(w.store, &w.first, &now, &out->c, err);
	snap_record_free(&now);
	out->roots = strv_copy(w.rec.roots);
	out->root_common = common_of(out->roots);
	out->took_ns = clock_mono_ns() - begin;
	return r;
}

void review_changes_free(struct review_changes *r)
{
	changes_free(&r->c);
	strv_free(r->roots);
	r->roots = NULL;
}

/* ---- one file ------------------------------------------------------------------------------- */

static const char *kind_text(const struct snap_entry *e)
{
	return e->kind == SNAP_NONE    ? "nothing"
	       : e->kind == SNAP_DIR   ? "a directory"
	       : e->kind == SNAP_FILE  ? "a file"
	       : e->kind == SNAP_LINK  ? "a link"
	       : e->kind == SNAP_OTHER ? "a socket, device or FIFO"
				       : "something that was left out";
}

static bool has_text(const struct snap_entry *e)
{
	return e->kind == SNAP_FILE || e->kind == SNAP_LINK || e->kind == SNAP_NONE;
}

static bool say_without(const struct change *c, struct review_text *out)
{
	if (c->type == SNAP_PERMISSIONS && c->before.uid == c->after.uid &&
	    c->before.gid == c->after.gid && c->before.mode != c->after.mode)
		snprintf(out->why, sizeof(out->why), "mode %04o -> %04o", c->before.mode & 07777,
			 c->after.mode & 07777);
	else if (c->type == SNAP_PERMISSIONS)
		snprintf(out->why, sizeof(out->why), "mode %04o -> %04o, owner %u:%u -> %u:%u%s",
			 c->before.mode & 07777, c->after.mode & 07777, c->before.uid,
			 c->before.gid, c->after.uid, c->after.gid,
			 c->before.has_xattrs || c->after.has_xattrs ? ", or extended attributes"
								     : "");
	else if (!has_text(&c->before) || !has_text(&c->after) ||
		 (c->before.kind != c->after.kind && c->before.kind && c->after.kind))
		snprintf(out->why, sizeof(out->why), "%s -> %s", kind_text(&c->before),
			 kind_text(&c->after));
	return out->why[0];
}

static void make_text(struct snap_store *s, const struct change *c, struct review_text *out)
{
	struct err e = {0};

	if (say_without(c, out))
		return;
	if (change_texts(s, c, true, &out->a, &out->b, &e) < 0) {
		str_copy(out->why, sizeof(out->why), e.msg);
		return;
	}
	if (diff_binary(out->a.data, out->a.len) || diff_binary(out->b.data, out->b.len)) {
		snprintf(out->why, sizeof(out->why), "binary: %llu -> %llu bytes",
			 (unsigned long long)c->before.size, (unsigned long long)c->after.size);
		return;
	}
	diff_make(&out->diff, out->a.data ? out->a.data : "", out->a.len,
		  out->b.data ? out->b.data : "", out->b.len);
	out->has_diff = true;
	if (!out->diff.hunk_count)
		snprintf(out->why, sizeof(out->why), "%s, empty",
			 kind_text(c->after.kind ? &c->after : &c->before));
}

void review_text_load(const char *id, const struct change *c, struct review_text *out)
{
	_cleanup_(work_end) struct work w = {0};
	struct err e = {0};

	*out = (struct review_text){0};
	if (rollback_store_open(id, &w.store, &e) < 0)
		str_copy(out->why, sizeof(out->why), e.msg);
	else
		make_text(w.store, c, out);
}

void review_text_free(struct review_text *t)
{
	if (t->has_diff)
		diff_free(&t->diff);
	buf_free(&t->a);
	buf_free(&t->b);
	*t = (struct review_text){0};
}

static void count_one(struct snap_store *s, const struct change *c, struct review_count *out)
{
	struct review_text t = {0};

	*out = (struct review_count){.came = -1, .went = -1, .known = true};
	if (c->before.size > COUNT_BYTES || c->after.size > COUNT_BYTES)
		return;
	make_text(s, c, &t);
	if (t.has_diff) {
		out->came = (long)t.diff.added;
		out->went = (long)t.diff.removed;
	}
	review_text_free(&t);
}

void review_counts(const char *id, const struct change *v, size_t n, uint64_t budget_ns,
		   struct review_count *out)
{
	_cleanup_(work_end) struct work w = {0};
	uint64_t end = clock_mono_ns() + budget_ns;

	if (rollback_store_open(id, &w.store, NULL) < 0)
		return;
	for (size_t i = 0; i < n && (!i || clock_mono_ns() < end); i++)
		count_one(w.store, &v[i], &out[i]);
}

/* ---- taking back ------------------------------------------------------------------------------
 */

static int keep_present(struct work *w, const char *reason, snap_progress_fn *progress, void *arg,
			struct snap_record *now, struct err *err)
{
	struct snap_take t = {.roots = (const char *const *)w->rec.roots,
			      .options = options_of(w, progress, arg),
			      .session = w->rec.id,
			      .reason = reason};

	if (snap_take(w->store, &t, now, err) < 0)
		return -1;
	snapshot_note(w->rec.id, reason, now->number, now->files, &now->tree);
	return 0;
}

static void on_step(void *arg, const struct snap_change *c, const struct err *failed)
{
	struct review_done *d = arg;
	char path[128];

	if (failed && !d->first[0])
		snprintf(d->first, sizeof(d->first), "%s: %.120s",
			 text_printable(path, sizeof(path), c->path, c->path_len), failed->msg);
}

int review_restore(const char *id, unsigned to, const char *const *paths,
		   snap_progress_fn *progress, void *arg, struct review_done *out, struct err *err)
{
	_cleanup_(work_end) struct work w = {0};
	struct snap_record now = {0}, goal = {0};
	struct snap_restored done;
	int r;

	*out = (struct review_done){0};
	if (work_begin(&w, id, err) < 0)
		return -1;
	r = snap_record_load(w.store, id, to, NULL, &goal, err);
	if (r == 0)
		r = keep_present(&w, "before-restore", progress, arg, &now, err);
	if (r == 0) {
		struct snap_restore x = {
		    .to = &goal, .now = &now, .only = paths, .fn = on_step, .arg = out};

		out->undo = now.number;
		r = snap_restore(w.store, &x, &done, err);
		out->steps = done.steps;
		out->failed = done.failed;
		snapshot_note(id, "restore", to, done.steps - done.failed, &goal.tree);
	}
	snap_record_free(&now);
	snap_record_free(&goal);
	return r;
}

static int find_hunk(const char *path, const struct diff *d, const struct review_mark *mark,
		     size_t *at)
{
	for (size_t i = 0; i < d->hunk_count; i++) {
		struct review_mark m = review_mark_hunk(path, d, i);

		if (memcmp(&m, mark, sizeof(m)))
			continue;
		*at = i;
		return 0;
	}
	return -1;
}

static int put_without_hunk(struct work *w, const struct change *c, const struct review_mark *mark,
			    struct err *err)
{
	_cleanup_(buf_free) struct buf a = {0}, b = {0}, text = {0};
	_cleanup_free_ bool *take = NULL;
	struct diff d;
	size_t at;
	int r;

	if (c->before.kind != SNAP_FILE || c->after.kind != SNAP_FILE)
		return err_set(err, "there are no parts to take back: take back the file");
	if (change_texts(w->store, c, false, &a, &b, err) < 0)
		return -1;
	diff_make(&d, a.data ? a.data : "", a.len, b.data ? b.data : "", b.len);
	take = xcalloc(d.hunk_count + 1, sizeof(*take));
	r = find_hunk(c->path, &d, mark, &at);
	if (r < 0) {
		err_set(err, "the file was changed meanwhile: look again");
	} else {
		take[at] = true;
		diff_revert(&d, take, &text);
		r = snap_replace(&w->first, c->path, &c->after.hash, text.len ? text.data : "",
				 text.len, err);
	}
	diff_free(&d);
	return r;
}

int review_restore_hunk(const char *id, const char *path, const struct review_mark *hunk,
			snap_progress_fn *progress, void *arg, struct review_done *out,
			struct err *err)
{
	_cleanup_(work_end) struct work w = {0};
	_cleanup_(changes_free) struct changes c = {.only = (const char *const[]){path, NULL}};
	struct snap_record now = {0};
	int r;

	*out = (struct review_done){.steps = 1};
	if (work_begin(&w, id, err) < 0)
		return -1;
	r = keep_present(&w, "before-restore", progress, arg, &now, err);
	if (r == 0)
		r = changes_load(w.store, &w.first, &now, &c, err);
	if (r == 0 && c.n != 1)
		r = err_set(err, "the file was changed meanwhile: look again");
	if (r == 0)
		r = put_without_hunk(&w, &c.v[0], hunk, err);
	if (r == 0)
		snapshot_note(id, "restore", w.first.number, 1, &w.first.tree);
	out->undo = now.number;
	snap_record_free(&now);
	return r;
}

int review_snapshot(const char *id, snap_progress_fn *progress, void *arg, unsigned *number,
		    struct err *err)
{
	_cleanup_(work_end) struct work w = {0};
	struct snap_record now = {0};
	int r = work_begin(&w, id, err);

	if (r == 0)
		r = keep_present(&w, "manual", progress, arg, &now, err);
	*number = now.number;
	snap_record_free(&now);
	return r;
}
