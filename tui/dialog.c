/* What all dialogs share, and the small ones: question, text, one line of input. */
#include "tui/dialog.h"

#include "tui/app.h"
#include "tui/width.h"

void dialog_close(struct tui *t)
{
	struct dialog *d = t->dialog;

	t->dialog = NULL;
	if (d) {
		d->ops->free(d);
		free(d);
	}
	requests_changed(t);
	tui_dirty(t);
}

void dialog_open(struct tui *t, struct dialog *d)
{
	if (t->dialog)
		dialog_close(t);
	d->tui = t;
	t->dialog = d;
	tui_dirty(t);
}

struct rect dialog_frame(struct tui *t, struct canvas *c, int w, int h, const char *title,
			 const char *footer)
{
	struct rect r = {.w = w, .h = h};

	if (r.w > c->cols)
		r.w = c->cols;
	if (r.h > c->rows - 1)
		r.h = c->rows - 1;
	r.x = (c->cols - r.w) / 2;
	r.y = (c->rows - 1 - r.h) / 2;
	canvas_clip(c, NULL);
	canvas_fill(c, &r, style(t, S_TEXT));
	canvas_box(c, &r, style(t, S_FRAME));
	canvas_textf(c, r.x + 2, r.y, r.w - 4, style(t, S_FRAME), " %s ", title);
	if (footer)
		canvas_textf(c, r.x + 2, r.y + r.h - 1, r.w - 4, style(t, S_DIM), " %s ", footer);
	r.x += 2;
	r.y += 1;
	r.w -= 4;
	r.h -= 2;
	canvas_clip(c, &r);
	return r;
}

/* ---- question ----------------------------------------------------------- */

struct confirm {
	struct dialog d;
	char *question, *ctx;
	dialog_fn fn;
};

static void confirm_draw(struct dialog *d, struct canvas *c)
{
	struct confirm *q = (struct confirm *)d;
	int w = (int)width_text(q->question) + 6;
	struct rect r;

	if (w > c->cols - 4)
		w = c->cols - 4;
	r = dialog_frame(d->tui, c, w < 34 ? 34 : w, w == c->cols - 4 ? 6 : 5, "nono",
			 "y yes · any other key no");
	r.y++;
	r.h--;
	canvas_wrap(c, &r, style(d->tui, S_TEXT), q->question);
}

static void confirm_key(struct dialog *d, const struct input_event *ev)
{
	struct confirm *q = (struct confirm *)d;
	struct tui *t = d->tui;
	dialog_fn fn = q->fn;
	char *ctx = STEAL_PTR(q->ctx);

	dialog_close(t);
	if (ev->key == 'y' || ev->key == 'Y')
		fn(t, ctx, NULL);
	free(ctx);
}

static void confirm_free(struct dialog *d)
{
	free(((struct confirm *)d)->question);
	free(((struct confirm *)d)->ctx);
}

void dialog_confirm(struct tui *t, const char *question, dialog_fn fn, const char *ctx)
{
	static const struct dialog_ops ops = {confirm_draw, confirm_key, NULL, confirm_free};
	struct confirm *q = xcalloc(1, sizeof(*q));

	q->d.ops = &ops;
	q->question = xstrdup(question);
	q->ctx = ctx ? xstrdup(ctx) : NULL;
	q->fn = fn;
	dialog_open(t, &q->d);
}

/* ---- text --------------------------------------------------------------- */

struct text {
	struct dialog d;
	char *title, *ctx, *action;
	char **lines;
	size_t n, first;
	bool diff;
	dialog_fn fn;
	uint64_t opened_ns; /* it may open by itself, while somebody types */
};

static bool text_armed(const struct text *x)
{
	return clock_mono_ns() - x->opened_ns >= GUARD_NS;
}

static void text_draw(struct dialog *d, struct canvas *c)
{
	struct text *x = (struct text *)d;
	int h = (int)x->n + 2;
	char footer[160], action[120] = "";
	struct rect r;

	if (x->fn && text_armed(x))
		snprintf(action, sizeof(action), "y %s · ", x->action);
	else if (x->fn)
		tui_dirty(d->tui); /* until it is armed */
	snprintf(footer, sizeof(footer), "%s↑↓ scroll · Esc closes", action);
	r = dialog_frame(d->tui, c, c->cols > 110 ? 106 : c->cols - 4,
			 h > c->rows - 4 ? c->rows - 4 : h, x->title, footer);
	if (x->first + (size_t)r.h > x->n)
		x->first = x->n > (size_t)r.h ? x->n - (size_t)r.h : 0;
	for (int y = 0; y < r.h && x->first + (size_t)y < x->n; y++) {
		const char *line = x->lines[x->first + (size_t)y];
		enum theme_style s = !x->diff	      ? S_TEXT
				     : line[0] == '+' ? S_GOOD
				     : line[0] == '-' ? S_BAD
						      : S_TEXT;

		canvas_text(c, r.x, r.y + y, r.w, style(d->tui, s), line);
	}
}

static void text_key(struct dialog *d, const struct input_event *ev)
{
	struct text *x = (struct text *)d;
	struct tui *t = d->tui;
	dialog_fn fn = x->fn;
	char *ctx;

	switch (ev->key) {
	case PTY_KEY_UP:
	case 'k':
		x->first -= x->first > 0;
		return;
	case PTY_KEY_DOWN:
	case 'j':
		x->first++;
		return;
	case PTY_KEY_PGUP:
		x->first -= x->first > 10 ? 10 : x->first;
		return;
	case PTY_KEY_PGDN:
	case ' ':
		x->first += 10;
		return;
	case 'y':
		if (!fn || !text_armed(x))
			break;
		ctx = STEAL_PTR(x->ctx);
		dialog_close(t);
		fn(t, ctx, NULL);
		free(ctx);
		return;
	case PTY_KEY_ESCAPE:
	case PTY_KEY_ENTER:
	case 'q':
		dialog_close(t);
		return;
	default:
		break;
	}
	x->opened_ns = clock_mono_ns(); /* somebody types, and not for this: armed when that ends */
}

static void text_free(struct dialog *d)
{
	struct text *x = (struct text *)d;

	for (size_t i = 0; i < x->n; i++)
		free(x->lines[i]);
	free(x->lines);
	free(x->title);
	free(x->ctx);
	free(x->action);
}

void dialog_text(struct tui *t, const char *title, const char *text, bool diff, const char *action,
		 dialog_fn fn, const char *ctx)
{
	static const struct dialog_ops ops = {text_draw, text_key, NULL, text_free};
	struct text *x = xcalloc(1, sizeof(*x));
	size_t width = (size_t)(t->canvas.cols > 110 ? 102 : t->canvas.cols - 8);

	x->d.ops = &ops;
	x->title = xstrdup(title);
	x->ctx = ctx ? xstrdup(ctx) : NULL;
	x->action = xstrdup(action ? action : "");
	x->diff = diff;
	x->fn = fn;
	x->opened_ns = clock_mono_ns();
	while (*text && x->n < 5000) {
		size_t len = strcspn(text, "\n"), used = 0;

		do { /* long lines go on in the next one: nothing of a change is hidden */
			char printable[8192];
			size_t part = width_prefix(text + used, width ? width : 1);

			if (!part || part > len - used)
				part = len - used;
			text_printable(printable, sizeof(printable), text + used, part);
			x->lines = xrealloc_array(x->lines, x->n + 1, sizeof(*x->lines));
			x->lines[x->n++] = xstrdup(printable);
			used += part;
		} while (used < len);
		text += len + (text[len] == '\n');
	}
	dialog_open(t, &x->d);
}

/* ---- one line ----------------------------------------------------------- */

struct input {
	struct dialog d;
	char *title, *ctx;
	struct line_edit line;
	dialog_fn fn;
};

static void input_draw(struct dialog *d, struct canvas *c)
{
	struct input *in = (struct input *)d;
	struct rect r = dialog_frame(d->tui, c, 60, 3, in->title, "Enter takes it · Esc leaves");

	line_draw(&in->line, c, r.x, r.y, r.w, style(d->tui, S_TEXT), true);
}

static void input_key(struct dialog *d, const struct input_event *ev)
{
	struct input *in = (struct input *)d;
	struct tui *t = d->tui;

	if (ev->key == PTY_KEY_ESCAPE) {
		dialog_close(t);
	} else if (ev->key == PTY_KEY_ENTER) {
		struct line_edit line = in->line;
		char *ctx = STEAL_PTR(in->ctx);
		dialog_fn fn = in->fn;

		dialog_close(t);
		fn(t, ctx, line.text);
		free(ctx);
	} else {
		line_key(&in->line, ev);
	}
}

static void input_paste(struct dialog *d, const char *text, size_t n)
{
	line_insert(&((struct input *)d)->line, text, n);
}

static void input_free(struct dialog *d)
{
	free(((struct input *)d)->title);
	free(((struct input *)d)->ctx);
}

void dialog_input(struct tui *t, const char *title, const char *initial, dialog_fn fn,
		  const char *ctx)
{
	static const struct dialog_ops ops = {input_draw, input_key, input_paste, input_free};
	struct input *in = xcalloc(1, sizeof(*in));

	in->d.ops = &ops;
	in->title = xstrdup(title);
	in->ctx = ctx ? xstrdup(ctx) : NULL;
	in->fn = fn;
	line_set(&in->line, initial ? initial : "");
	dialog_open(t, &in->d);
}
