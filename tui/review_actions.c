/* What a person decides in a review pane: what stays, what goes back, and what was not meant so. */
#include "tui/review.h"

static void agreed(struct tui *t, const char *ctx, const char *value)
{
	struct pane *p = pane_focused(t);

	(void)value;
	if (p && p->kind == PANE_REVIEW && p->review && str_eq(p->review->id, ctx) &&
	    p->review->act.path)
		review_wants_done(p->review);
}

static bool may_change(struct pane *p)
{
	struct review *r = p->review;

	if (p->tui->options->read_only)
		tui_message(p->tui, true, "read-only: nothing is put back from here");
	else if (r->act.wanted)
		tui_message(p->tui, false, "the last one is not done yet");
	else
		return true;
	return false;
}

static void ask_with(struct pane *p, enum review_task task, unsigned to, const char *path,
		     bool undo, const char *format)
{
	struct review *r = p->review;
	char name[400], question[600];

	free(r->act.path);
	r->act.path = xstrdup(path);
	r->act.task = task;
	r->act.to = to;
	r->act.undo = undo;
	text_printable(name, sizeof(name), path + r->data.root_common,
		       strlen(path + r->data.root_common));
	snprintf(question, sizeof(question), "%s %s?", format, name);
	dialog_confirm(p->tui, question, agreed, r->id);
}

void review_ask(struct pane *p, enum review_task task, const char *path,
		const struct review_mark *hunk)
{
	if (!may_change(p))
		return;
	if (hunk)
		p->review->act.hunk = *hunk;
	ask_with(p, task, 0, path, false,
		 hunk ? "Take this hunk back in" : "Put back as it was before the session:");
}

void review_undo_last(struct pane *p)
{
	struct review *r = p->review;
	const struct review_undo *u = r->n_undo ? &r->undo[r->n_undo - 1] : NULL;

	if (!u)
		tui_message(p->tui, false, "nothing was put back from this pane");
	else if (may_change(p))
		ask_with(p, TASK_RESTORE, u->snapshot, u->path, true,
			 "Undo it, as it was before it was put back:");
}

void review_revert_node(struct pane *p)
{
	const struct review_node *n = review_chosen(p->review);
	_cleanup_free_ char *path = n ? xstrndup(n->path, n->path_len) : NULL;

	if (path)
		review_ask(p, TASK_RESTORE, path, NULL);
}

void review_accept(struct review *r, size_t first, size_t end, bool on)
{
	bool room = true;

	if (r->tui->options->read_only) {
		tui_message(r->tui, true, "read-only: nothing is accepted from here");
		return;
	}
	for (size_t i = first; i < end; i++) {
		struct review_mark m = review_mark_of(&r->data.c.v[i]);

		if (r->accepted[i] == on)
			continue;
		room = review_mark_set(&r->marks, &m, on);
		r->accepted[i] = on && room;
	}
	if (!room)
		tui_message(r->tui, true, "too much is accepted in this session");
	r->want_marks = true;
	if (r->file.path)
		review_file_marks(r);
	review_tree_refresh(r);
	r->want_text = true;
	review_next_job(r);
}

void review_accept_node(struct review *r)
{
	const struct review_node *n = review_chosen(r);
	const struct review_sum *s = r->tree.sums;

	if (n)
		review_accept(r, n->first, n->end,
			      s[n->end].accepted - s[n->first].accepted < n->end - n->first);
}
