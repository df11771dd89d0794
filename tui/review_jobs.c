/* What a review pane has done in worker threads: one thing at a time. */
#include <stdatomic.h>

#include "tui/review.h"

#define COUNT_NS    150000000ull /* of one job: others wait for it */
#define COUNT_BATCH 512
#define AGAIN_NS    3000000000ull /* a live tree is looked at again after this, at the soonest */
#define AGAIN_TIMES 10		  /* ... and this often what looking took */

struct review_job {
	uv_work_t work;
	struct review *r; /* NULL: the pane is gone */
	enum review_task task;
	char id[SESSION_ID_LEN + 1];
	atomic_bool cancel;
	atomic_ullong files;
	int rc;
	struct err err;
	/* in */
	struct changes some; /* copies: what is counted, or the file that is looked at */
	size_t first;	     /* of the counted ones */
	struct review_marks marks;
	unsigned to;
	char *path;
	bool undo;
	struct review_mark hunk;
	/* out */
	struct review_changes data;
	bool *accepted;
	struct review_count *counts;
	struct review_text text;
	struct review_done done;
};

static bool on_progress(void *arg, const struct snap_progress *p)
{
	struct review_job *j = arg;

	atomic_store(&j->files, p->files_seen);
	return !atomic_load(&j->cancel);
}

/* ---- in the worker -------------------------------------------------------------------------- */

static void load(struct review_job *j)
{
	struct err e = {0};

	j->rc = review_load(j->id, on_progress, j, &j->data, &j->err);
	if (j->rc < 0)
		return;
	/* Marks that can't be read are none: everything is to be looked at again. */
	review_marks_load(j->id, &j->marks, &e);
	j->accepted = xcalloc(j->data.c.n + 1, sizeof(*j->accepted));
	for (size_t i = 0; j->marks.n && i < j->data.c.n; i++) {
		struct review_mark m = review_mark_of(&j->data.c.v[i]);

		j->accepted[i] = review_marked(&j->marks, &m);
	}
}

static void in_worker(uv_work_t *w)
{
	struct review_job *j = w->data;
	const char *const paths[] = {j->path, NULL};

	switch (j->task) {
	case TASK_LOAD:
		load(j);
		break;
	case TASK_COUNT:
		j->counts = xcalloc(j->some.n + 1, sizeof(*j->counts));
		review_counts(j->id, j->some.v, j->some.n, COUNT_NS, j->counts);
		break;
	case TASK_TEXT:
		review_text_load(j->id, &j->some.v[0], &j->text);
		break;
	case TASK_MARKS:
		j->rc = review_marks_store(j->id, &j->marks, &j->err);
		break;
	case TASK_RESTORE:
		j->rc = review_restore(j->id, j->to, paths, on_progress, j, &j->done, &j->err);
		break;
	case TASK_HUNK:
		j->rc = review_restore_hunk(j->id, j->path, &j->hunk, on_progress, j, &j->done,
					    &j->err);
		break;
	}
}

/* ---- what came of it ------------------------------------------------------------------------ */

static void got_changes(struct review *r, struct review_job *j)
{
	struct review_changes old = r->data;
	struct review_count *counts = r->counts;

	r->loaded_ns = clock_mono_ns();
	if (j->rc < 0) {
		if (j->err.code != ECANCELED)
			str_copy(r->error, sizeof(r->error), j->err.msg);
		return;
	}
	r->error[0] = '\0';
	r->data = j->data;
	j->data = (struct review_changes){0};
	r->counts = xcalloc(r->data.c.n + 1, sizeof(*r->counts));
	review_keep_counts(r, &old, counts);
	free(r->accepted);
	r->accepted = j->accepted;
	j->accepted = NULL;
	review_marks_free(&r->marks);
	r->marks = j->marks;
	j->marks = (struct review_marks){0};
	r->loaded = true;
	r->count_all = false;
	review_tree_build(r);
	review_changes_free(&old);
	free(counts);
	r->want_text = true;
}

static void got_counts(struct review *r, const struct review_job *j)
{
	for (size_t i = 0; i < j->some.n && j->first + i < r->data.c.n; i++)
		if (j->counts[i].known)
			r->counts[j->first + i] = j->counts[i];
	review_tree_refresh(r);
}

static void got_text(struct review *r, struct review_job *j)
{
	struct review_file *f = &r->file;
	const struct change *c = review_change(r, review_chosen(r));
	struct review_file old = *f;

	if (!c || !str_eq(c->path, j->some.v[0].path)) {
		r->want_text = true; /* another one is looked at by now */
		return;
	}
	*f = (struct review_file){
	    .path = xstrdup(c->path), .change = (size_t)(c - r->data.c.v), .text = j->text};
	j->text = (struct review_text){0};
	if (str_eq(old.path, f->path)) { /* where it was looked at */
		f->at = old.at;
		f->top = old.top;
		f->skip = old.skip;
	}
	review_file_free(&old);
	review_rows_make(r);
	review_file_marks(r);
	if (f->top >= f->n_rows)
		f->top = 0;
}

static void push_undo(struct review *r, const struct review_job *j)
{
	if (r->n_undo == REVIEW_UNDO_MAX) {
		free(r->undo[0].path);
		memmove(r->undo, r->undo + 1, sizeof(r->undo) - sizeof(r->undo[0]));
		r->n_undo--;
	}
	r->undo[r->n_undo++] = (struct review_undo){j->done.undo, xstrdup(j->path)};
}

static void was_done(struct review *r, const struct review_job *j)
{
	struct tui *t = r->tui;
	unsigned long long done = j->done.steps - j->done.failed;

	r->want_load = true;
	if (j->rc < 0) {
		tui_message(t, true, "%s", j->err.msg);
		return;
	}
	if (j->undo)
		free(r->undo[--r->n_undo].path);
	else
		push_undo(r, j);
	if (j->done.failed)
		tui_message(t, true, "%llu put back, %llu not: %s", done,
			    (unsigned long long)j->done.failed, j->done.first);
	else
		tui_message(t, false, "%llu put back; the state before is snapshot %u%s", done,
			    j->done.undo, j->undo ? "" : ", u undoes it");
}

static void job_free(struct review_job *j)
{
	changes_free(&j->some);
	review_marks_free(&j->marks);
	review_changes_free(&j->data);
	review_text_free(&j->text);
	free(j->accepted);
	free(j->counts);
	free(j->path);
	free(j);
}

static void after(uv_work_t *w, int status)
{
	struct review_job *j = w->data;
	struct review *r = j->r;

	if (r) {
		r->job = NULL;
		if (status)
			str_copy(r->error, sizeof(r->error), uv_strerror(status));
		else if (j->task == TASK_LOAD)
			got_changes(r, j);
		else if (j->task == TASK_COUNT)
			got_counts(r, j);
		else if (j->task == TASK_TEXT)
			got_text(r, j);
		else if (j->task != TASK_MARKS)
			was_done(r, j);
		else if (j->rc < 0)
			tui_message(r->tui, true, "what was accepted is not kept: %s", j->err.msg);
		tui_dirty(r->tui);
		review_next_job(r);
	}
	job_free(j);
}

/* ---- starting ------------------------------------------------------------------------------- */

static void add_copy(struct changes *c, const struct change *from)
{
	c->v = xrealloc_array(c->v, c->n + 1, sizeof(*c->v));
	c->v[c->n] = *from;
	c->v[c->n++].path = xstrdup(from->path);
}

static bool fill_text(struct review *r, struct review_job *j)
{
	const struct change *c = review_change(r, review_chosen(r));

	r->want_text = false;
	if (!c) {
		review_file_free(&r->file);
		r->in_file = false;
		return false;
	}
	add_copy(&j->some, c);
	return true;
}

static bool fill_count(struct review *r, struct review_job *j)
{
	for (size_t i = 0; i < r->data.c.n && j->some.n < COUNT_BATCH; i++) {
		if (r->counts[i].known) {
			if (j->some.n)
				break;
			continue;
		}
		if (!j->some.n)
			j->first = i;
		add_copy(&j->some, &r->data.c.v[i]);
	}
	r->count_all = !j->some.n;
	return j->some.n;
}

static void fill_act(struct review *r, struct review_job *j)
{
	j->task = r->act.task;
	j->path = r->act.path;
	j->to = r->act.to;
	j->hunk = r->act.hunk;
	j->undo = r->act.undo;
	r->act.path = NULL;
	r->act.wanted = false;
}

static bool fill_marks(struct review *r, struct review_job *j)
{
	r->want_marks = false;
	j->marks.n = r->marks.n;
	j->marks.v = xcalloc(r->marks.n + 1, sizeof(*j->marks.v));
	if (r->marks.n)
		memcpy(j->marks.v, r->marks.v, r->marks.n * sizeof(*j->marks.v));
	return true;
}

/* False: there is nothing to do. What the person waits for comes first. */
static bool fill(struct review *r, struct review_job *j)
{
	if (r->act.wanted) {
		fill_act(r, j);
		return true;
	}
	j->task = TASK_MARKS;
	if (r->want_marks)
		return fill_marks(r, j);
	j->task = TASK_TEXT;
	if (r->want_text && r->loaded && fill_text(r, j))
		return true;
	j->task = TASK_LOAD;
	if (r->want_load) {
		r->want_load = false;
		return true;
	}
	j->task = TASK_COUNT;
	return r->loaded && !r->count_all && fill_count(r, j);
}

void review_next_job(struct review *r)
{
	struct review_job *j;

	if (r->job) {
		/* A look at a large tree gives way to what somebody asked for. */
		if (r->job->task == TASK_LOAD && r->act.wanted) {
			atomic_store(&r->job->cancel, true);
			r->want_load = true;
		}
		return;
	}
	j = xcalloc(1, sizeof(*j));
	j->r = r;
	j->work.data = j;
	str_copy(j->id, sizeof(j->id), r->id);
	if (!fill(r, j) || uv_queue_work(&r->tui->loop, &j->work, in_worker, after)) {
		job_free(j);
		return;
	}
	r->job = j;
}

void review_wants_done(struct review *r)
{
	r->act.wanted = true;
	review_next_job(r);
}

void review_job_text(const struct review *r, char *out, size_t size)
{
	static const char *const words[] = {
	    [TASK_LOAD] = "looking at the tree", [TASK_COUNT] = "counting lines",
	    [TASK_TEXT] = "comparing",		 [TASK_MARKS] = "",
	    [TASK_RESTORE] = "putting back",	 [TASK_HUNK] = "putting back"};
	unsigned long long files = r->job ? atomic_load(&r->job->files) : 0;

	out[0] = '\0';
	if (!r->job || !words[r->job->task][0])
		return;
	if (files)
		snprintf(out, size, " %s: %llu files ", words[r->job->task], files);
	else
		snprintf(out, size, " %s ", words[r->job->task]);
}

void review_job_leave(struct review *r)
{
	if (!r->job)
		return;
	atomic_store(&r->job->cancel, true);
	r->job->r = NULL;
	r->job = NULL;
}

void review_poll(struct pane *p)
{
	struct review *r = p->review;
	uint64_t now = clock_mono_ns(), pause = AGAIN_TIMES * r->data.took_ns;

	pause = pause > AGAIN_NS ? pause : AGAIN_NS;
	if (r->job) {
		tui_dirty(p->tui); /* its progress */
	} else {
		if (p->agent && !p->agent->ended && now - r->loaded_ns > pause)
			r->want_load = true;
		review_next_job(r);
	}
}
