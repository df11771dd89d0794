/* The snapshot key: one more snapshot of the focused session, taken in a worker thread. */
#include <stdatomic.h>

#include "sessions/review.h"
#include "tui/app.h"

struct snapshot_job {
	uv_work_t work;
	struct tui *tui;
	char id[SESSION_ID_LEN + 1], name[SESSION_NAME_MAX];
	atomic_bool cancel;
	uint64_t begin_ns;
	unsigned number;
	int rc;
	struct err err;
};

static bool on_progress(void *arg, const struct snap_progress *p)
{
	const struct snapshot_job *j = arg;

	(void)p;
	return !atomic_load(&j->cancel);
}

static void in_worker(uv_work_t *w)
{
	struct snapshot_job *j = w->data;

	j->rc = review_snapshot(j->id, on_progress, j, &j->number, &j->err);
}

static void after(uv_work_t *w, int status)
{
	struct snapshot_job *j = w->data;
	struct tui *t = j->tui;

	t->snapshot = NULL;
	if (status)
		tui_message(t, true, "no snapshot: %s", uv_strerror(status));
	else if (j->rc < 0)
		tui_message(t, true, "%s: no snapshot: %s", j->name, j->err.msg);
	else
		tui_message(t, false, "%s: snapshot %u is kept (%.1f s)", j->name, j->number,
			    (double)(clock_mono_ns() - j->begin_ns) / 1e9);
	free(j);
}

void act_snapshot(struct tui *t, int arg)
{
	const struct pane *p = pane_focused(t);
	struct snapshot_job *j;

	(void)arg;
	if (!p || !p->agent || t->options->read_only || t->snapshot) {
		tui_message(t, false,
			    t->snapshot ? "the last snapshot is not done yet"
			    : t->options->read_only
				? "read-only: no snapshot is taken from here"
				: "a snapshot is of one session: go to its pane");
		return;
	}
	j = xcalloc(1, sizeof(*j));
	j->tui = t;
	j->work.data = j;
	j->begin_ns = clock_mono_ns();
	str_copy(j->id, sizeof(j->id), p->agent->id);
	str_copy(j->name, sizeof(j->name), p->agent->name);
	if (uv_queue_work(&t->loop, &j->work, in_worker, after)) {
		free(j);
		return;
	}
	t->snapshot = j;
	tui_message(t, false, "%s: taking a snapshot ...", j->name);
}

void snapshot_leave(struct tui *t)
{
	if (t->snapshot)
		atomic_store(&t->snapshot->cancel, true);
}
