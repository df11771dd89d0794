/* The file of a review pane: moving in its diff, hunk by hunk; its keys. */
#include "tui/review.h"

/* ---- moving --------------------------------------------------------------------------------- */

void review_file_move(struct review *r, long rows)
{
	struct review_file *f = &r->file;

	if (f->n_rows)
		f->at = list_move(f->at, rows, f->n_rows);
}

static size_t hunk_here(const struct review_file *f)
{
	return f->at < f->n_rows ? f->rows[f->at].hunk : SIZE_MAX;
}

/* The row goes to the upper third, so that what follows it is seen. */
static void go_to(struct pane *p, size_t row)
{
	struct review_file *f = &p->review->file;
	size_t above = p->body.h > 9 ? (size_t)p->body.h / 3 : 0;

	f->at = row;
	if (row < f->top || row >= f->top + 2 * above)
		f->top = row > above ? row - above : 0;
}

/* The next file in the tree that can be looked at. */
static void other_file(struct pane *p, int step)
{
	struct review *r = p->review;
	size_t i = r->at;

	while (step > 0 ? i + 1 < r->tree.n_shown : i > 0) {
		i += (size_t)step;
		if (r->tree.v[r->tree.shown[i]].dir)
			continue;
		r->at = i;
		r->want_text = true;
		review_next_job(r);
		return;
	}
	tui_message(p->tui, false, step > 0 ? "this is the last file" : "this is the first file");
}

static void other_hunk(struct pane *p, int step)
{
	struct review_file *f = &p->review->file;

	for (size_t i = f->at; step > 0 ? ++i < f->n_rows : i-- > 0;)
		if (f->rows[i].kind == ROW_HEAD) {
			go_to(p, i);
			return;
		}
	tui_message(p->tui, false,
		    step > 0 ? "no further hunk: } is the next file"
			     : "no hunk before: { is the file before");
}

static bool row_has(const struct review_file *f, const struct review_row *row, const char *text)
{
	const struct diff_text *const sides[] = {&f->text.diff.a, &f->text.diff.b};
	const size_t lines[] = {row->a, row->b};

	for (int i = 0; i < 2; i++) {
		_cleanup_free_ char *copy = NULL;
		const char *p;
		size_t n;

		if (lines[i] == SIZE_MAX)
			continue;
		p = diff_line(sides[i], lines[i], &n);
		copy = xstrndup(p, n);
		if (strcasestr(copy, text))
			return true;
	}
	return false;
}

static void search(struct pane *p, int step)
{
	struct review *r = p->review;
	struct review_file *f = &r->file;

	if (!r->search[0] || !f->n_rows)
		return;
	for (size_t k = 1, i = f->at; k <= f->n_rows; k++) {
		i = step > 0 ? (i + 1) % f->n_rows : (i + f->n_rows - 1) % f->n_rows;
		if (row_has(f, &f->rows[i], r->search)) {
			go_to(p, i);
			return;
		}
	}
	tui_message(p->tui, false, "not in this file");
}

static void searched(struct tui *t, const char *ctx, const char *value)
{
	struct pane *p = pane_focused(t);

	(void)ctx;
	if (!p || p->kind != PANE_REVIEW || !p->review || !p->review->in_file)
		return;
	str_copy(p->review->search, sizeof(p->review->search), value ? value : "");
	search(p, 1);
	tui_dirty(t);
}

/* ---- what stays, what goes back ------------------------------------------------------------- */

/* What is on the screen is the chosen file: another one may still be read. */
static bool file_here(const struct review *r)
{
	const struct change *c = review_change(r, review_chosen(r));

	return c && r->file.path && str_eq(r->file.path, c->path);
}

static bool no_hunk(struct pane *p)
{
	const struct review *r = p->review;
	bool none = !file_here(r) || hunk_here(&r->file) == SIZE_MAX;

	if (none)
		tui_message(p->tui, false, "there is no hunk here: A and R are about the file");
	return none;
}

static void accept_hunk(struct pane *p)
{
	struct review *r = p->review;
	struct review_file *f = &r->file;
	size_t hunk = hunk_here(f), n = f->text.diff.hunk_count, open = 0;
	struct review_mark m;

	if (p->tui->options->read_only || r->accepted[f->change]) {
		review_accept(r, f->change, f->change + 1, false);
		return;
	}
	m = review_mark_hunk(f->path, &f->text.diff, hunk);
	f->accepted[hunk] = !f->accepted[hunk];
	review_mark_set(&r->marks, &m, f->accepted[hunk]);
	for (size_t i = 0; i < n; i++)
		open += !f->accepted[i];
	if (!open) {
		review_accept(r, f->change, f->change + 1, true);
	} else {
		r->want_marks = true;
		review_next_job(r);
	}
	if (f->accepted[hunk] && hunk + 1 < n)
		go_to(p, review_hunk_row(f, hunk + 1));
}

static void accept_file(struct pane *p)
{
	struct review *r = p->review;
	struct review_file *f = &r->file;

	if (file_here(r))
		review_accept(r, f->change, f->change + 1, !r->accepted[f->change]);
}

static void revert_hunk(struct pane *p)
{
	struct review_file *f = &p->review->file;
	struct review_mark m = review_mark_hunk(f->path, &f->text.diff, hunk_here(f));

	review_ask(p, TASK_HUNK, f->path, &m);
}

/* ---- keys ----------------------------------------------------------------------------------- */

static bool move_key(struct pane *p, const struct input_event *ev)
{
	struct review *r = p->review;
	long step;

	if (list_key(ev, p->body.h - 3, &step)) {
		review_file_move(r, step);
		return true;
	}
	switch (ev->key) {
	case PTY_KEY_LEFT:
	case 'h':
		r->file.skip = r->file.skip > REVIEW_TAB ? r->file.skip - REVIEW_TAB : 0;
		return true;
	case PTY_KEY_RIGHT:
	case 'l':
		r->file.skip += r->file.skip < REVIEW_LINE_BYTES ? REVIEW_TAB : 0;
		return true;
	case ']':
		other_hunk(p, 1);
		return true;
	case '[':
		other_hunk(p, -1);
		return true;
	case '}':
		other_file(p, 1);
		return true;
	case '{':
		other_file(p, -1);
		return true;
	default:
		return false;
	}
}

bool review_file_key(struct pane *p, const struct input_event *ev)
{
	struct review *r = p->review;

	if (move_key(p, ev))
		return true;
	switch (ev->key) {
	case 'a':
		if (!no_hunk(p))
			accept_hunk(p);
		break;
	case 'A':
		accept_file(p);
		break;
	case 'r':
		if (!no_hunk(p))
			revert_hunk(p);
		break;
	case 'R':
		if (file_here(r))
			review_ask(p, TASK_RESTORE, r->file.path, NULL);
		break;
	case 's':
		r->side = !r->side;
		review_rows_make(r);
		break;
	case 'f':
		r->full = !r->full;
		review_rows_make(r);
		break;
	case '/':
		dialog_input(p->tui, "Search in the file", r->search, searched, "");
		break;
	case 'n':
		search(p, 1);
		break;
	case 'N':
		search(p, -1);
		break;
	case PTY_KEY_ESCAPE:
	case PTY_KEY_TAB:
	case 'q':
		r->in_file = false;
		break;
	default:
		return false;
	}
	return true;
}
