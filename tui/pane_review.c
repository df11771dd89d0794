/* The review pane: the tree of what a session changed; what of it stays, what goes back. */
#include "tui/review.h"
#include "tui/width.h"

#define WIDE 110 /* from this width on the file is beside the tree */

struct review *review_new(struct tui *t, const char *id)
{
	struct review *r = xcalloc(1, sizeof(*r));

	r->tui = t;
	str_copy(r->id, sizeof(r->id), id);
	r->want_load = true;
	return r;
}

void review_free(struct review *r)
{
	if (!r)
		return;
	review_job_leave(r);
	review_file_free(&r->file);
	review_tree_free(&r->tree);
	review_changes_free(&r->data);
	review_marks_free(&r->marks);
	for (size_t i = 0; i < r->n_undo; i++)
		free(r->undo[i].path);
	free(r->act.path);
	free(r->counts);
	free(r->accepted);
	free(r);
}

/* ---- drawing -------------------------------------------------------------------------------- */

static void counts_text(char out[40], long came, long went, bool known)
{
	if (!known || came < 0)
		snprintf(out, 40, "%s", known ? "" : "...");
	else
		snprintf(out, 40, "+%ld -%ld", came, went);
}

static void node_counts(const struct review *r, const struct review_node *n, char out[40])
{
	const struct review_sum *a = &r->tree.sums[n->first], *b = &r->tree.sums[n->end];

	if (n->dir)
		counts_text(out, b->came - a->came, b->went - a->went, true);
	else
		counts_text(out, r->counts[n->change].came, r->counts[n->change].went,
			    r->counts[n->change].known);
}

static enum theme_style sign_style(enum snap_change_type t)
{
	return t == SNAP_CREATED ? S_GOOD : t == SNAP_DELETED ? S_BAD : S_WARN;
}

static void draw_node(struct review *r, const struct rect *area, int y, const struct review_node *n,
		      bool on)
{
	struct canvas *c = &r->tui->canvas;
	const struct change *ch = review_change(r, n);
	const struct review_sum *a = &r->tree.sums[n->first], *b = &r->tree.sums[n->end];
	bool done = b->accepted - a->accepted == n->end - n->first;
	const struct style *st = style(r->tui, on ? S_SELECTED : done ? S_DIM : S_TEXT);
	char name[1024], count[40];
	struct rect line = {area->x, y, area->w, 1};
	int x = area->x, end = area->x + area->w, indent = 2 * n->depth, w;

	if (on)
		canvas_fill(c, &line, st);
	canvas_text(c, x, y, 1, style(r->tui, on ? S_SELECTED : S_GOOD), done ? "✓" : " ");
	if (ch)
		canvas_textf(c, x + 1, y, 1, style(r->tui, on ? S_SELECTED : sign_style(ch->type)),
			     "%c", change_sign(ch->type));
	indent = indent > area->w / 2 ? area->w / 2 : indent;
	x += 3 + indent;
	if (n->dir)
		canvas_text(c, x, y, 1, st, n->folded && !r->filter[0] ? "▸" : "▾");
	x += 2;
	node_counts(r, n, count);
	w = (int)strlen(count);
	if (end - x - w > 8)
		canvas_text(c, end - w - 1, y, w, style(r->tui, on ? S_SELECTED : S_DIM), count);
	else
		w = 0;
	text_printable(name, sizeof(name), n->path + n->name_at, n->path_len - n->name_at);
	if (end - x - w - 2 > 0)
		canvas_textf(c, x, y, end - x - w - 2, st, "%s%s", name, n->dir ? "/" : "");
}

static const char *nothing(const struct review *r)
{
	if (r->error[0])
		return r->error;
	if (!r->loaded)
		return "looking at what has changed ...";
	if (r->data.c.n && r->filter[0])
		return "no changed file has this in its name (Esc: all)";
	return r->data.c.n ? "all that changed is accepted (o shows it)" : "nothing has changed";
}

static void draw_tree(struct review *r, const struct rect *area, bool focused)
{
	const struct review_tree *t = &r->tree;
	size_t rows = area->h > 0 ? (size_t)area->h : 0;

	list_follow(&r->top, r->at, rows, t->n_shown);
	for (size_t i = 0; i < rows && r->top + i < t->n_shown; i++)
		draw_node(r, area, area->y + (int)i, &t->v[t->shown[r->top + i]],
			  focused && r->top + i == r->at);
	if (!t->n_shown) {
		struct rect text = {area->x + 1, area->y, area->w - 2, area->h};
		char printable[600];
		const char *why = nothing(r);

		canvas_wrap(&r->tui->canvas, &text, style(r->tui, S_DIM),
			    text_printable(printable, sizeof(printable), why, strlen(why)));
	}
}

static void draw_bar(struct review *r, const struct rect *b, bool focused)
{
	struct canvas *c = &r->tui->canvas;
	struct rect line = {b->x, b->y + b->h - 1, b->w, 1};
	const struct review_sum *all = r->loaded ? &r->tree.sums[r->data.c.n] : NULL;
	int x = line.x, end = line.x + line.w;
	char text[300];

	canvas_fill(c, &line, style(r->tui, S_BAR));
	review_job_text(r, text, sizeof(text));
	if (text[0])
		x += canvas_text(c, x, line.y, end - x, style(r->tui, S_MARK), text);
	if (all) {
		snprintf(text, sizeof(text), " %zu%s changed · +%ld -%ld · %zu accepted%s%s%s",
			 all->files, r->data.c.more ? " (and more)" : "", all->came, all->went,
			 all->accepted, r->hide_accepted ? ", hidden" : "",
			 r->filter[0] ? " · /" : "", r->filter);
		x += canvas_text(c, x, line.y, end - x, style(r->tui, S_BAR), text);
	}
	if (focused)
		canvas_text(c, x, line.y, end - x, style(r->tui, S_BAR),
			    r->in_file
				? "  ? keys  ] [ hunk  a accept  r revert  s sides  Esc back"
				: "  ? keys  Enter look  a accept  r revert  u undo  q close");
}

void draw_review(struct pane *p, bool focused)
{
	struct review *r = p->review;
	struct rect tree = p->body, file = p->body;

	if (p->body.h < 2 || p->body.w < 8)
		return;
	tree.h = file.h = p->body.h - 1;
	if (p->body.w >= WIDE) {
		tree.w = p->body.w / 3 < 60 ? p->body.w / 3 : 60;
		file.x += tree.w + 1;
		file.w -= tree.w + 1;
		for (int y = tree.y; y < tree.y + tree.h; y++)
			canvas_glyph(&p->tui->canvas, file.x - 1, y, 0x2502,
				     style(p->tui, S_TITLE));
	}
	if (p->body.w >= WIDE || !r->in_file)
		draw_tree(r, &tree, focused && !r->in_file);
	if (p->body.w >= WIDE || r->in_file) {
		canvas_clip(&p->tui->canvas, &file);
		review_draw_file(p, &file, focused && r->in_file);
		canvas_clip(&p->tui->canvas, &p->body);
	}
	draw_bar(r, &p->body, focused);
}

/* ---- keys ----------------------------------------------------------------------------------- */

static void move(struct review *r, long rows)
{
	size_t to = list_move(r->at, rows, r->tree.n_shown);

	if (to == r->at)
		return;
	r->at = to;
	r->want_text = true;
	review_next_job(r);
}

void review_scroll(struct pane *p, int lines)
{
	if (p->review->in_file)
		review_file_move(p->review, -lines);
	else
		move(p->review, -lines);
	tui_dirty(p->tui);
}

static void filtered(struct tui *t, const char *ctx, const char *value)
{
	struct pane *p = pane_focused(t);

	(void)ctx;
	if (!p || p->kind != PANE_REVIEW || !p->review || !p->review->loaded)
		return;
	str_copy(p->review->filter, sizeof(p->review->filter), value ? value : "");
	review_tree_refresh(p->review);
	p->review->want_text = true;
	review_next_job(p->review);
	tui_dirty(t);
}

static void fold(struct review *r, bool folded)
{
	const struct review_node *n = review_chosen(r);

	if (!n)
		return;
	if (n->dir && n->folded != folded) {
		review_fold(r, r->tree.shown[r->at], folded);
		return;
	}
	for (size_t i = r->at; folded && i-- > 0;) /* to the directory that it is in */
		if (r->tree.v[r->tree.shown[i]].depth < n->depth) {
			move(r, (long)i - (long)r->at);
			return;
		}
}

static void enter(struct pane *p)
{
	struct review *r = p->review;
	const struct review_node *n = review_chosen(r);

	if (!n)
		return;
	if (n->dir) {
		review_fold(r, r->tree.shown[r->at], !n->folded);
		return;
	}
	r->in_file = true;
	if (!r->file.path || r->file.change != n->change) {
		r->want_text = true;
		review_next_job(r);
	}
}

static bool move_key(struct pane *p, const struct input_event *ev)
{
	struct review *r = p->review;
	long step;

	if (list_key(ev, p->body.h - 2, &step))
		move(r, step);
	else if (ev->key == PTY_KEY_LEFT || ev->key == 'h')
		fold(r, true);
	else if (ev->key == PTY_KEY_RIGHT || ev->key == 'l')
		fold(r, false);
	else
		return false;
	return true;
}

static const char keys_text[] =
    "In the tree\n"
    "↑ ↓ PgUp PgDn Home End   choose a file\n"
    "← →                      fold, unfold a directory\n"
    "Enter                    look at the file\n"
    "a                        accept it, or all in the directory; again: not accepted\n"
    "r                        put it back as it was before the session (asks first)\n"
    "u                        undo what was put back last\n"
    "o                        hide what is accepted, and back\n"
    "/                        only files with this in their names; Esc: all\n"
    "c                        compare again\n"
    "q                        close the pane\n"
    "\n"
    "In a file\n"
    "↑ ↓ PgUp PgDn Home End   move; ← → to the sides\n"
    "] [                      next hunk, the one before\n"
    "} {                      next file, the one before\n"
    "a, A                     accept the hunk, the file\n"
    "r, R                     put the hunk back, the file (asks first)\n"
    "s                        in two columns, and back\n"
    "f                        the whole file, and back\n"
    "/  n N                   search; next, the one before\n"
    "Esc, q                   back to the tree\n";

static bool tree_key(struct pane *p, const struct input_event *ev)
{
	struct review *r = p->review;

	if (move_key(p, ev))
		return true;
	switch (ev->key) {
	case PTY_KEY_ENTER:
	case PTY_KEY_TAB:
		enter(p);
		break;
	case 'a':
		review_accept_node(r);
		break;
	case 'r':
		review_revert_node(p);
		break;
	case 'o':
		r->hide_accepted = !r->hide_accepted;
		if (r->loaded)
			review_tree_refresh(r);
		r->want_text = true;
		break;
	case '/':
		dialog_input(p->tui, "Only files with this in their names", r->filter, filtered,
			     "");
		break;
	case PTY_KEY_ESCAPE:
		filtered(p->tui, "", "");
		break;
	case 'q':
		pane_close(p->tui, p);
		break;
	default:
		return false;
	}
	return true;
}

bool review_key(struct pane *p, const struct input_event *ev)
{
	struct review *r = p->review;

	tui_dirty(p->tui);
	if (ev->mods & ~(unsigned)PTY_SHIFT)
		return true;
	switch (ev->key) {
	case '?':
		dialog_text(p->tui, "Keys of the review pane", keys_text, false, NULL, NULL, NULL);
		return true;
	case 'u':
		review_undo_last(p);
		return true;
	case 'c':
		r->want_load = r->want_text = true;
		review_next_job(r);
		return true;
	default:
		return r->in_file ? review_file_key(p, ev) : tree_key(p, ev);
	}
}
