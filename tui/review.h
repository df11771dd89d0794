/*
 * review - what a review pane holds: the tree of what a session changed, the file that is looked
 * at, and the one job that runs for it in a worker thread. Nothing here reads a tree or the store
 * in the loop's thread.
 */
#ifndef NONO_TUI_REVIEW_H
#define NONO_TUI_REVIEW_H

#include "sessions/review.h"
#include "tui/app.h"
#include "tui/list.h"

#define REVIEW_UNDO_MAX	  32
#define REVIEW_LINE_BYTES 16384 /* of one line that are looked at */
#define REVIEW_TAB	  8

/* ---- the tree (review_tree.c) -----------------------------------------------------------------
 */

struct review_node {
	const char *path; /* its own is the first path_len bytes; borrowed */
	size_t path_len, name_at;
	int depth;
	bool dir, folded;
	size_t first, end; /* the changes that it is or holds */
	size_t next;	   /* the node behind all that lies below it */
	size_t change;	   /* SIZE_MAX: only on the way */
};
struct review_sum { /* of changes [0, i) */
	long came, went;
	size_t files, accepted, shown;
};
struct review_fold { /* as the person wants it */
	char *path;
	bool folded;
};
struct review_tree {
	struct review_node *v;
	size_t n;
	size_t *shown; /* nodes, in order */
	size_t n_shown;
	struct review_sum *sums; /* one more than changes */
	struct review_fold *folds;
	size_t n_folds;
};

/* ---- one file (review_rows.c) ------------------------------------------------------------------
 */

enum review_row_kind { ROW_HEAD = 0, ROW_SAME, ROW_WENT, ROW_CAME, ROW_PAIR };
struct review_row {
	size_t a, b; /* lines, SIZE_MAX = none */
	size_t pair; /* unified: the line that it became, or was; SIZE_MAX = none */
	size_t hunk; /* SIZE_MAX: between two */
	enum review_row_kind kind;
};
struct review_file {
	char *path; /* NULL: none is here */
	size_t change;
	struct review_text text;
	struct review_row *rows;
	size_t n_rows, cap_rows;
	bool *accepted; /* hunks */
	size_t at, top; /* rows */
	int skip;	/* columns to the left of the picture */
};

/* ---- the whole ---------------------------------------------------------------------------------
 */

enum review_task {
	TASK_LOAD,
	TASK_COUNT,
	TASK_TEXT,
	TASK_MARKS,
	TASK_RESTORE, /* paths, to a snapshot */
	TASK_HUNK,
};
struct review_undo {
	unsigned snapshot;
	char *path;
};
struct review_job;
struct review {
	struct tui *tui;
	char id[SESSION_ID_LEN + 1];
	struct review_changes data;
	struct review_count *counts; /* one a change */
	bool *accepted;		     /* one a change */
	struct review_marks marks;
	bool loaded, want_load, want_text, want_marks;
	bool count_all; /* all of them are known */
	char error[256];
	uint64_t loaded_ns; /* monotonic */
	struct review_tree tree;
	size_t at, top; /* into tree.shown */
	char filter[128], search[128];
	bool hide_accepted, in_file, side, full;
	struct review_file file;
	struct review_job *job; /* what runs, NULL = nothing */
	struct {		/* what the person wants done next */
		bool wanted, asked, undo;
		enum review_task task;
		unsigned to;
		char *path;
		struct review_mark hunk;
	} act;
	struct review_undo undo[REVIEW_UNDO_MAX];
	size_t n_undo;
};

/* Makes nodes of the changes; keeps what is folded and what was chosen. */
void review_tree_build(struct review *r);
void review_tree_free(struct review_tree *t);
/* Which nodes are shown, and the sums: after a count, a mark, a fold, another filter. */
void review_tree_refresh(struct review *r);
void review_fold(struct review *r, size_t node, bool folded);
const struct review_node *review_chosen(const struct review *r); /* NULL: nothing is there */
bool review_choose(struct review *r, const char *path, size_t path_len); /* false: not shown */
static inline struct change *review_change(const struct review *r, const struct review_node *n)
{
	return n && n->change != SIZE_MAX ? &r->data.c.v[n->change] : NULL;
}

/* Counts of before, of what has not changed since. */
void review_keep_counts(struct review *r, const struct review_changes *old,
			const struct review_count *counts);

void review_file_free(struct review_file *f);
void review_rows_make(struct review *r); /* of the text that is here, in the chosen form */
/* The row where that hunk begins. */
size_t review_hunk_row(const struct review_file *f, size_t hunk);
void review_file_marks(struct review *r); /* which hunks are agreed to */

/* Starts what is wanted, if nothing runs. */
void review_next_job(struct review *r);
/* What runs, in words; "" = nothing. */
void review_job_text(const struct review *r, char *out, size_t size);
/* The pane goes: a running job ends as soon as it can, and is then forgotten. */
void review_job_leave(struct review *r);
void review_wants_done(struct review *r); /* r->act is to be done */

/* ---- the file's side of the pane (pane_review_file.c, review_draw.c)
 * -------------------------------------------
 */

void review_draw_file(struct pane *p, const struct rect *area, bool focused);
bool review_file_key(struct pane *p, const struct input_event *ev);
void review_file_move(struct review *r, long rows);

/* ---- what the person decides (review_actions.c) */

void review_ask(struct pane *p, enum review_task task, const char *path,
		const struct review_mark *hunk);
void review_undo_last(struct pane *p);
void review_revert_node(struct pane *p);
void review_accept_node(struct review *r);
void review_accept(struct review *r, size_t first, size_t end, bool on);

#endif
